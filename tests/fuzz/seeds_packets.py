#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the seeds of fuzz_e2e, fuzz_fragment and fuzz_unpack.

    seeds_packets.py CORPUS_DIR
"""
import pathlib
import struct
import sys
import zlib

A, B, C = (bytes([192, 0, 2, n]) for n in (1, 2, 3))
SYN, ACK, PSH, FIN, RST = 2, 16, 8, 1, 4
ETHER = bytes.fromhex("020000000001020000000002")


def checksum(data):
    data += bytes(len(data) % 2)
    s = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while s >> 16:
        s = (s & 0xFFFF) + (s >> 16)
    return ~s & 0xFFFF


def ip4(src, dst, proto, body, ident=1, frag=0):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), ident, frag, 64, proto, 0, src, dst)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def ip6(src, dst, proto, body):
    return struct.pack("!IHBB", 6 << 28, len(body), proto, 64) + bytes(12) + src + bytes(12) + dst + body


def ether(packet, vlan=None):
    tag = struct.pack("!HH", 0x8100, vlan) if vlan is not None else b""
    return ETHER + tag + (b"\x08\x00" if packet[0] >> 4 == 4 else b"\x86\xdd") + packet


def udp(sport, dport, data):
    return struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data


def tcp(sport, dport, seq, ack, flags, data=b"", options=b""):
    return struct.pack("!HHIIBBHHH", sport, dport, seq, ack, (20 + len(options)) // 4 << 4, flags,
                       64240, 0, 0) + options + data


def talk(sport, dport, sent, answer, ip=ip4, end=FIN):
    """A connection with a handshake, one request and one answer; packets without a link layer."""
    x, y = 1000, 5000
    mss = bytes([2, 4, 5, 0xB4, 1, 3, 3, 7])
    to = lambda *t, **k: ip(A, B, 6, tcp(sport, dport, *t, **k))
    fro = lambda *t, **k: ip(B, A, 6, tcp(dport, sport, *t, **k))
    yield to(x, 0, SYN, options=mss)
    yield fro(y, x + 1, SYN | ACK, options=mss)
    yield to(x + 1, y + 1, ACK)
    yield to(x + 1, y + 1, PSH | ACK, data=sent)
    yield fro(y + 1, x + 1 + len(sent), PSH | ACK, data=answer)
    yield to(x + 1, y + 1, PSH | ACK, data=sent)  # again
    yield to(x + 1 + len(sent), y + 1 + len(answer), end | ACK)
    if end == FIN:
        yield fro(y + 1 + len(answer), x + 2 + len(sent), FIN | ACK)
        yield to(x + 2 + len(sent), y + 2 + len(answer), ACK)


def hello(name):
    """A TLS ClientHello."""
    sni = struct.pack("!HHHBH", 0, len(name) + 5, len(name) + 3, 0, len(name)) + name
    alpn = struct.pack("!HHHB", 16, 5, 3, 2) + b"h2"
    versions = struct.pack("!HHBHH", 43, 5, 4, 0x0304, 0x0303)
    extensions = sni + alpn + versions
    body = struct.pack("!H32sBHHHBBH", 0x0303, b"r" * 32, 0, 4, 0x1301, 0xC02F, 1, 0,
                       len(extensions)) + extensions
    hand = b"\1" + struct.pack("!I", len(body))[1:] + body
    return struct.pack("!BHH", 22, 0x0301, len(hand)) + hand


DNS = bytes.fromhex("123401000001000000000000") + b"\3www\7example\3com\0\0\1\0\1"
HTTP = b"GET /a?b HTTP/1.1\r\nHost: example.com\r\nUser-Agent: x\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nServer: y\r\nContent-Length: 0\r\n\r\n"


def fragments():
    body = udp(5000, 53, DNS + bytes(40))
    return [ip4(A, B, 17, body[48:], 7, 48 // 8), ip4(A, B, 17, body[:24], 7, 0x2000),
            ip4(A, B, 17, body[24:48], 7, 0x2000 | 24 // 8), ip4(A, B, 17, body[16:48], 7, 0x2002),
            ip4(A, C, 17, body[24:], 8, 24 // 8)]


def tunnels():
    inner = ip4(A, B, 17, udp(5000, 53, DNS))
    yield ip4(B, C, 4, inner)
    yield ip4(B, C, 47, b"\x20\0\x08\0\0\0\0\x09" + inner)
    yield ip4(B, C, 17, udp(40000, 4789, b"\x08\0\0\0\0\0\x07\0" + ether(inner)))
    yield ip4(B, C, 17, udp(2152, 2152, b"\x30\xff" + struct.pack("!HI", len(inner), 9) + inner))
    yield ip6(B, C, 41, ip6(A, B, 17, udp(5000, 53, DNS)))


def icmp(kind, code, rest):
    body = struct.pack("!BBHHH", kind, code, 0, 7, 1) + rest
    return ip4(A, B, 1, body)


# ---- files ----

def pcap(link, *packets, order="<", magic=0xA1B2C3D4, step=1000):
    out = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, link)
    for i, p in enumerate(packets):
        out += struct.pack(order + "IIII", 1700000000 + i * step // 1000000, i * step % 1000000,
                           len(p), len(p)) + p
    return out


def block(kind, body, order="<"):
    body += bytes(-len(body) % 4)
    return struct.pack(order + "II", kind, len(body) + 12) + body + struct.pack(order + "I", len(body) + 12)


def pcapng(link, *packets, order="<", simple=False):
    out = block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)
    out += block(1, struct.pack(order + "HHI", link, 0, 0) + struct.pack(order + "HHB3xI", 9, 1, 6, 0), order)
    for i, p in enumerate(packets):
        t = 1700000000000000 + i * 1000
        if simple and i % 2:
            out += block(3, struct.pack(order + "I", len(p)) + p, order)
        else:
            out += block(6, struct.pack(order + "IIIII", 0, t >> 32, t & 0xFFFFFFFF, len(p), len(p)) + p,
                         order)
        if i == 1:
            out += block(5, struct.pack(order + "III", 0, 0, 0), order)
    return out


def e2e():
    web = list(talk(40000, 80, HTTP, OK))
    tls = list(talk(40001, 443, hello(b"example.com"), b"\x16\x03\x03\0\2\2\0"))
    six = list(talk(40002, 80, HTTP, OK, ip=ip6))
    dns = [ip4(A, B, 17, udp(5000, 53, DNS)), ip4(B, A, 17, udp(53, 5000, DNS))]
    yield "http", 7, 0xFC, pcap(1, *map(ether, web))
    yield "http_other_order", 7, 0xFC, pcap(1, *map(ether, web), order=">", magic=0xA1B23C4D)
    yield "tls_raw", 7, 0xFC, pcap(101, *tls)
    yield "tls_small_table", 0, 0x10, pcap(101, *tls, *dns, *six)
    yield "ip6", 0x27, 0x08, pcap(101, *six)
    yield "reset", 7, 0xFC, pcap(101, *talk(40003, 22, b"SSH-2.0-x\r\n", b"SSH-2.0-y\r\n", end=RST))
    yield "dns_vlan", 0x47, 0xFC, pcap(1, *(ether(p, 5) for p in dns), *(ether(p, 6) for p in dns))
    yield "fragments", 7, 0xFC, pcap(101, *fragments(), *dns)
    yield "fragments_in_turn", 7, 0x04, pcap(101, *fragments()[::-1])
    yield "tunnels", 7, 0xFC, pcap(101, *tunnels())
    yield "tunnels_kept", 7, 0xFD, pcap(101, *tunnels())
    yield "icmp", 7, 0xFC, pcap(101, icmp(8, 0, b"abc"), icmp(0, 0, b"abc"),
                                icmp(3, 3, ip4(B, A, 17, udp(53, 5000, b""))))
    yield "slow", 0x1F, 0x0C, pcap(101, *web, step=40000000)
    yield "interim", 0x57, 0xFC, pcap(101, *web, step=1500)
    yield "scrambled", 0x47, 0xFE, pcap(101, *web, *dns)
    yield "ahead", 0x9F, 0x08, pcap(101, *web, *dns, step=700)
    yield "evicted", 0x02, 0xFC, pcap(101, *(ip4(A, B, 17, udp(6000 + i % 5, 53, DNS)) for i in range(12)))
    yield "pcapng", 7, 0xFC, pcapng(1, *map(ether, web))
    yield "pcapng_other_order", 7, 0xFC, pcapng(101, *dns, *fragments(), order=">")
    yield "pcapng_simple", 7, 0xFC, pcapng(101, *tls, simple=True)


def fragment():
    """Commands of 8 bytes, see fuzz_fragment.c."""
    go = lambda who, off, more=1, ports=0, step=1, again=0, length=24, kind=0: struct.pack(
        "BBBBBBBB", who, kind | more << 7, off, length, ports, step, again, 0)
    yield "in_turn", go(1, 0) + go(1, 3) + go(1, 6, 0)
    yield "swapped", go(1, 6, 0) + go(1, 3) + go(1, 0) + go(1, 6, 0)
    yield "two", go(1, 3) + go(2, 3) + go(2, 0, ports=1) + go(1, 0)
    yield "other_ports", go(1, 0) + go(1, 0, ports=2) + go(1, 3)
    yield "late", go(1, 3) + go(1, 0, step=6) + go(1, 3, step=6)
    yield "back", go(1, 3) + go(1, 0, step=7) + go(1, 3, step=5)
    yield "too_many_of_one", go(1, 3, again=70) + go(1, 0)
    yield "too_many", b"".join(go(n, 3, again=60) for n in range(20)) + go(1, 0)
    yield "too_many_datagrams", b"".join(go(n, 3, again=255, kind=0x20) for n in range(18)) + go(1, 0)
    yield "kinds", b"".join(go(1, off, kind=k) for k in range(16) for off in (3, 0))
    yield "whole", go(1, 3) + go(1, 0, kind=0x40, again=3) + go(1, 0)
    carrier = lambda who, off, more=1, **how: go(who, off, more, length=32, kind=0x10 | how.pop("kind", 0), **how)
    yield "carrier", carrier(1, 0) + carrier(1, 4) + carrier(1, 8, 0) + carrier(1, 4) + carrier(1, 0, ports=2)
    yield "carrier_swapped", carrier(1, 8, 0) + carrier(1, 4) + carrier(1, 4) + carrier(1, 0, kind=7)
    yield "carriers_many", b"".join(carrier(n, 0, again=200, kind=0x20) for n in range(9)) + carrier(9, 4, 0, step=6)
    yield "carrier_back", carrier(1, 0) + go(2, 0, kind=0x40, step=7) + carrier(1, 4, 0, step=2)


# ---- packed ----

def gzip_member(data, level=9):
    z = zlib.compressobj(level, zlib.DEFLATED, -15)
    body = z.compress(data) + z.flush()
    return b"\x1f\x8b\x08\0\0\0\0\0\0\3" + body + struct.pack("<II", zlib.crc32(data), len(data))


def zstd_frame(*blocks, window=0x50, size=None):
    """Blocks of a frame (RFC 8878 3.1.1.2): bytes as they are, or (byte, count) run-length."""
    if size is None:
        out = struct.pack("<IBB", 0xFD2FB528, 0, window)
    else:
        out = struct.pack("<IBQ", 0xFD2FB528, 0xE0, size)  # single segment, 8 bytes of content size
    for i, b in enumerate(blocks):
        last = i + 1 == len(blocks)
        if isinstance(b, bytes):
            out += struct.pack("<I", last | 0 << 1 | len(b) << 3)[:3] + b
        else:
            out += struct.pack("<I", last | 1 << 1 | b[1] << 3)[:3] + b[0]
    return out


def unpack():
    capture = pcap(101, *talk(40000, 80, HTTP, OK))
    yield "gzip", gzip_member(capture)
    yield "gzip_stored", gzip_member(capture, 0)
    yield "gzip_two", gzip_member(capture[:300]) + gzip_member(capture[300:])
    yield "gzip_padded", gzip_member(capture) + bytes(40)
    yield "gzip_behind", gzip_member(b"abc") + b"abc"
    yield "gzip_cut", gzip_member(capture)[:-9]
    yield "gzip_empty", gzip_member(b"") * 3
    yield "gzip_bomb", gzip_member(bytes(3 << 20))
    yield "gzip_header", b"\x1f\x8b\x08\x1e\0\0\0\0\0\3\3\0abcname\0comment\0\0\0" + gzip_member(b"x")[10:]
    yield "zstd", zstd_frame(capture)
    yield "zstd_two", zstd_frame(capture[:300]) + zstd_frame(capture[300:])
    yield "zstd_skippable", b"\x50\x2a\x4d\x18\4\0\0\0abcd" + zstd_frame(b"abc")
    yield "zstd_bomb", zstd_frame(*[(b"\0", 131072)] * 40)
    yield "zstd_window", zstd_frame(b"abc", window=0x88)  # 128 MiB
    yield "zstd_window_too_large", zstd_frame(b"abc", window=0x90)
    yield "zstd_content", zstd_frame(b"abc", size=3)
    yield "zstd_content_of_terabytes", zstd_frame(b"abc", size=1 << 42)
    yield "zstd_cut", zstd_frame(capture)[:200]


def main():
    out = pathlib.Path(sys.argv[1])
    for kind in "e2e", "fragment", "unpack":
        (out / kind).mkdir(parents=True, exist_ok=True)
    for name, control, control2, data in e2e():
        (out / "e2e" / name).write_bytes(bytes([control, control2]) + data)
    for name, data in fragment():
        (out / "fragment" / name).write_bytes(data)
    for name, data in unpack():
        (out / "unpack" / name).write_bytes(b"\x35" + data)


if __name__ == "__main__":
    main()
