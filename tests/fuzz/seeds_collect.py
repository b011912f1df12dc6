#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the seeds of fuzz_netflow, fuzz_collect_state, fuzz_datagram, fuzz_listen, fuzz_stream,
fuzz_map and fuzz_url.

    seeds_collect.py CORPUS_DIR                 the seeds that are kept here
    seeds_collect.py CORPUS_DIR --public DIR    also datagrams of public captures, as inputs of
                                                fuzz_netflow; not to be kept here
"""
import pathlib
import struct
import sys

V9, IPFIX = 9, 10


def fields(*list_):
    return b"".join(struct.pack("!HHI" if len(f) == 3 else "!HH", *f) for f in list_)


def template(tid, *list_):
    return struct.pack("!HH", tid, len(list_)) + fields(*list_)


def options(version, tid, scope, rest):
    if version == V9:
        return struct.pack("!HHH", tid, 4 * len(scope), 4 * len(rest)) + fields(*scope, *rest)
    return struct.pack("!HHH", tid, len(scope) + len(rest), len(scope)) + fields(*scope, *rest)


def a_set(sid, *parts):
    body = b"".join(parts)
    return struct.pack("!HH", sid, 4 + len(body)) + body


def message(version, *sets, seq=0, domain=1, time=1700000000):
    body = b"".join(sets)
    if version == V9:
        return struct.pack("!HHIIII", 9, len(sets), 3600000, time, seq, domain) + body
    return struct.pack("!HHIII", 10, 16 + len(body), time, seq, domain) + body


def old(version, n):
    head = struct.pack("!HHIII", version, n, 3600000, 1700000000, 5)
    if version != 1:
        head += struct.pack("!IBBH", 77, 1, 2, 0x4064)
    size = 48 if version == 5 else 52
    return head + b"".join(bytes((i * 7 + k) & 255 for k in range(size)) for i in range(n))


def frame(*datagrams, limits=0, control=0x50):
    """Inputs are (control, datagram) or a datagram."""
    out = bytes([limits])
    for d in datagrams:
        c, d = d if isinstance(d, tuple) else (control, d)
        out += struct.pack("!BH", c, len(d)) + d
    return out


FLOW = [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (6, 1), (2, 4), (1, 4), (10, 4), (14, 4),
        (22, 4), (21, 4)]
FLOW_DATA = bytes([192, 0, 2, 1, 198, 51, 100, 2, 0x30, 0x39, 0, 53, 17, 0]) + struct.pack(
    "!IIIIII", 3, 300, 7, 8, 3500000, 3590000)
V6 = [(27, 16), (28, 16), (7, 2), (11, 2), (4, 1), (152, 8), (153, 8), (2, 8), (1, 8), (136, 1)]
V6_DATA = bytes(range(32)) + struct.pack("!HHBQQQQB", 443, 50000, 6, 1699999990000, 1700000000000,
                                         10, 1000, 2)
TIMES = [(160, 8), (22, 4), (21, 4), (154, 8), (157, 8), (158, 4), (150, 4), (322, 4)]
TIMES_DATA = struct.pack("!QIIQQIII", 1699990000000, 1, 2, 0xe8fe6f0012345678, 0x0000000112345678,
                         1500000, 1700000000, 1700000000)
FRAME = bytes(12) + b"\x08\x00" + bytes([0x45, 0, 0, 40, 0, 1, 0, 0, 64, 6, 0, 0, 192, 0, 2, 9,
                                         192, 0, 2, 10, 0, 80, 1, 187]) + bytes(16)


def netflow():
    yield "v1", frame(old(1, 3))
    yield "v5", frame(old(5, 4), old(5, 30), old(5, 31)[:100])
    yield "v7", frame(old(7, 3))
    for v in V9, IPFIX:
        ts, os = (0, 1) if v == V9 else (2, 3)
        n = "v9" if v == V9 else "ipfix"
        t = message(v, a_set(ts, template(256, *FLOW)))
        d = message(v, a_set(256, FLOW_DATA, FLOW_DATA, b"\0"), seq=1)
        yield f"{n}_flow", frame(t, d, (0xd0, d))
        yield f"{n}_before", frame(d, d, t)
        yield f"{n}_v6", frame(message(v, a_set(ts, template(257, *V6)), a_set(257, V6_DATA)))
        yield f"{n}_times", frame(message(v, a_set(ts, template(256, *TIMES)),
                                          a_set(256, TIMES_DATA)))
        yield f"{n}_change", frame(t, message(v, a_set(ts, template(256, *V6))),
                                   (0x70, message(v, a_set(256, V6_DATA))))
        scope = [(1, 4)] if v == V9 else [(149, 4)]
        yield f"{n}_sampler", frame(
            message(v, a_set(os, options(v, 300, scope, [(48, 1), (50, 4)]))),
            message(v, a_set(300, struct.pack("!IBI", 1, 3, 1000))),
            message(v, a_set(ts, template(256, *FLOW, (48, 1))), a_set(256, FLOW_DATA + b"\3")))
        names = [(82, 32), (234, 4), (236, 16), (95, 4), (96, 24)]
        yield f"{n}_names", frame(
            message(v, a_set(os, options(v, 301, [(10, 4)], names))),
            message(v, a_set(301, struct.pack("!I32sI16sI24s", 7, b"Gi0/0\x01\"\\" + b"\x1b" * 24,
                                              5, b"\x02" * 16, 9, b"\x1f" * 24))),
            message(v, a_set(ts, template(256, *FLOW, (234, 4), (235, 4), (95, 4))),
                    a_set(256, FLOW_DATA + struct.pack("!III", 5, 5, 9))))
        yield f"{n}_zero_length", frame(message(v, a_set(ts, template(256, (1, 0), (2, 4))),
                                                a_set(256, bytes(12))))
        yield f"{n}_one_byte", frame(message(v, a_set(ts, template(256, (4, 1))),
                                             a_set(256, bytes(200))))
        yield f"{n}_duplicates", frame(message(
            v, a_set(ts, template(256, (8, 4), (8, 4), (210, 3), (1, 3), (1, 5), (56, 6), (80, 5),
                                  (276, 1), (320, 8), (311, 4), (33000, 4), (999, 7))),
            a_set(256, bytes(range(62)), bytes(62))))
        yield f"{n}_frame", frame(message(v, a_set(ts, template(256, (2, 1), (104, 60))),
                                          a_set(256, (b"\1" + FRAME + bytes(6))[:61] + bytes(3))))
    yield "ipfix_stale_state", frame(
        message(IPFIX, a_set(2, template(256, *FLOW)), a_set(256, FLOW_DATA), seq=100000),
        (0x80, message(IPFIX, a_set(256, FLOW_DATA))))
    var = template(256, (82, 65535), (2, 4), (0x8000 | 100, 65535, 9), (313, 65535))
    yield "ipfix_variable", frame(message(
        IPFIX, a_set(2, var), a_set(256, b"\6Gi0\"\n\xff" + bytes(4) + b"\xff\0\3abc" + b"\x1a" +
                                    FRAME[14:40] + b"\0" + bytes(4) + b"\0\0")))
    yield "ipfix_section", frame(message(IPFIX, a_set(2, template(256, (315, 65535))),
                                         a_set(256, bytes([len(FRAME)]) + FRAME)))
    yield "ipfix_reverse", frame(message(
        IPFIX, a_set(2, template(256, (1, 8), (2, 4), (0x8001, 8, 29305), (0x8002, 4, 29305))),
        a_set(256, bytes(range(24)))))
    wd = (0x54, message(IPFIX, a_set(2, struct.pack("!HH", 256, 0))))
    wd_all = (0x5c, message(IPFIX, a_set(2, struct.pack("!HH", 2, 0)),
                            a_set(3, struct.pack("!HH", 3, 0))))
    t = message(IPFIX, a_set(2, template(256, *FLOW)))
    yield "ipfix_withdraw", frame((0x54, t), wd, (0x54, t), wd_all, wd[1])
    yield "ipfix_two_messages", frame(t + message(IPFIX, a_set(256, FLOW_DATA)) + b"\0\1")
    basic = b"\3" + struct.pack("!HH", 82, 65535) + b"\3abc\1\x1b"
    nested = b"\4" + struct.pack("!HH", 291, 65535) + bytes([len(basic)]) + basic
    stl = b"\4" + struct.pack("!H", 257) + bytes(12)
    stml = b"\xff" + struct.pack("!HH", 257, 10) + bytes(6) + struct.pack("!HH", 999, 7) + b"abc"
    lists = template(256, (291, 65535), (292, 65535), (293, 65535))
    yield "ipfix_lists", frame(message(
        IPFIX, a_set(2, template(257, (8, 4), (4, 2)), lists),
        a_set(256, *(bytes([len(x)]) + x for x in (basic, stl, stml)),
              *(bytes([len(x)]) + x for x in (nested, b"", stml[:6])))))
    described = struct.pack("!IHB", 9, 0x8000 | 100, 13) + b"\5xlate"
    yield "ipfix_types", frame(message(
        IPFIX, a_set(3, options(IPFIX, 310, [(346, 4), (303, 2)], [(339, 1), (341, 65535)])),
        a_set(310, described), a_set(2, var), a_set(256, b"\0" * 12)))
    yield "many_peers", frame((0x10, old(5, 1)), (0x21, old(5, 1)), (0x22, t), (0xe3, t), wd_all,
                              limits=9)
    sflow = struct.pack("!II4sIIII", 5, 1, b"\xc0\0\2\1", 0, 1, 1000, 1)
    header = struct.pack("!IIII", 1, 1514, 4, len(FRAME)) + FRAME + bytes(-len(FRAME) % 4)
    flow = struct.pack("!IIIIIIII", 1, 3, 400, 4000, 0, 1, 2, 1) + struct.pack(
        "!II", 1, len(header)) + header
    yield "sflow", frame(sflow + struct.pack("!II", 1, len(flow)) + flow)


def state():
    yield "one", (b"exporter ipfix 10.0.0.1 0 256 1000\nsequence 4711\nsampler 3 0 100\n"
                  b"sampler-at 4 2 10\ninterface 7 0 64\npart 1 3 2\ntemplate-rate 256 0 8\n"
                  b"template 256 0 0 0:8:4 0:12:4 9:2:65535\ntemplate 300 1 1 0:149:4 0:34:4\n")
    yield "v6", b"exporter netflow_v9 2001:db8::1 2055 1 0\ntemplate 256 1 1 0:1:4:s 0:34:4\n"
    yield "bad", b"template 256 0 0 0:8:4\nexporter sflow_v5 1.2.3.4 0 0 0\nexporter ipfix x 0 0 0\n"
    yield "old", (b"exporter netflow_v5 192.0.2.1 0 258 100\nup 3600000 1700000000000\n"
                  b"sampler 18446744073709551615 0 1\n")
    yield "many", b"".join(b"exporter ipfix 10.0.0.%d 0 %d 5\ntemplate 256 0 0 0:8:4\n" % (i, i)
                           for i in range(8))
    yield "raw", b"flowtap-collect-state 1\nend cbf29ce484222325\n"


def ip4(payload, ident, offset, more, proto=17):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident,
                       (0x2000 if more else 0) | offset // 8, 64, proto, 0, b"\xc0\0\2\1",
                       b"\xc0\0\2\2")
    return head + payload


def ip6(payload, ident, offset, more):
    frag = struct.pack("!BBHI", 17, 0, offset | more, ident)
    return struct.pack("!IHBB16s16s", 6 << 28, 8 + len(payload), 44, 64, bytes(16),
                       bytes(range(16))) + frag + payload


def packets(*list_):
    return b"".join(struct.pack("!BBH", link, step, len(p)) + p for link, step, p in list_)


def datagram():
    udp = struct.pack("!HHHH", 5000, 2055, 8 + 32, 0) + bytes(32)
    yield "whole", packets((1, 1, ip4(udp, 1, 0, 0)))
    yield "two", packets((1, 1, ip4(udp[:24], 2, 0, 1)), (1, 1, ip4(udp[24:], 2, 24, 0)))
    yield "swapped", packets((1, 0, ip4(udp[24:], 2, 24, 0)), (1, 0, ip4(udp[:24], 2, 0, 1)))
    yield "overlap", packets((1, 1, ip4(udp[:24], 3, 0, 1)), (1, 1, ip4(udp[16:], 3, 16, 0)))
    yield "late", packets((1, 1, ip4(udp[:24], 4, 0, 1)), (1, 2, ip4(udp[24:], 4, 24, 0)))
    yield "clocks", packets((1, 5, ip4(udp[:24], 4, 0, 1)), (1, 6, ip4(udp[24:], 4, 24, 0)),
                            (1, 6, ip4(udp[24:], 4, 24, 0)))
    yield "ip6", packets((1, 1, ip6(udp[:24], 5, 0, 1)), (1, 1, ip6(udp[24:], 5, 24, 0)))
    yield "far", packets((1, 1, ip4(udp[:24], 6, 65528, 0)))
    yield "cut", packets((0xf1, 1, ip4(udp, 7, 0, 0)[:40]))
    yield "many", packets(*((1, 1, ip4(udp[:8], i, 0, 1)) for i in range(70)))


def listen():
    for i, url in enumerate((
            "netflow://0.0.0.0:2055", "ipfix://[::]:4739", "sflow://127.0.0.1", "udp://[::1]:9",
            "ipfix+tcp://:4739", "netflow://", "udp://1.2.3.4", "udp://[fe80::1%eth0]:1",
            "udp://1.2.3.4:70000", "udp://::1:2055", "netflow://[", "x://", "pcap:/tmp/x")):
        yield f"{i:02}", url.encode()


def stream():
    def segments(cap, *list_):
        return bytes([cap]) + b"".join(bytes([c, len(d)]) + d for c, d in list_)
    t = message(IPFIX, a_set(2, template(256, *FLOW)))
    d = message(IPFIX, a_set(256, FLOW_DATA), seq=1)
    both, go, end, reset, short, many = t + d, 4, 8, 16, 32, 128
    yield "whole", segments(63, (go, t), (go, d), (go | end, d))
    yield "cut", segments(63, (go, both[:2]), (go, both[2:19]), (go, both[19:90]), (go, both[90:]))
    yield "bytes", segments(63, *((go, bytes([b])) for b in t))
    yield "short_reads", segments(3, (short, both), (go, both))
    yield "two", segments(63, (0, t[:30]), (go | 1, t[:50]), (go, t[30:]), (go | 1, t[50:]))
    yield "no_message", segments(63, (go, b"GET "), (go, b"/ HTTP/1.1\r\n\r\n"))
    yield "no_message_behind", segments(63, (go, d + b"GE"), (go | 2, b"\0\x0a\0\x0fabc"))
    empty = message(IPFIX, a_set(256, b""))
    yield "behind_no_message", segments(3, (go, b""), (go, 5 * empty + b"GET / HTTP/1.1\r\n"), (go, d))
    yield "v9", segments(63, (go, message(V9, a_set(0, template(256, *FLOW)))))
    yield "torn", segments(63, (go, both[:-5]), (go | end, b""), (go | 1, d[:3]), (go | 1 | reset, b""))
    yield "many", segments(1, (many, d), (go | many, t), *((go, b"") for _ in range(9)))
    large = struct.pack("!HHIII", 10, 16 + 240 * 256, 1700000000, 0, 1)
    yield "large", segments(63, (go, large), (0xc0 | go, bytes(240)), (go, b""))
    yield "largest", segments(63, (0, struct.pack("!HH", 10, 65535)), (0xc0 | go, d), (go, d))


def map_records():
    """Records of fuzz_map.c: 48 bytes, then values [type 1][length 1][element 2][bytes]."""
    def record(has, version, *values, proto=6, times=b"\0" * 16, protocol=4, flags=0):
        head = struct.pack("!BBBBHHHHIIQQ", has, version, proto, protocol, 443, 50000, 0x1b, flags,
                           1000, 7, 3000, 20) + times
        return head.ljust(56, b"\1") + b"".join(
            struct.pack("!BBH", kind, len(d), ie) + d for kind, ie, d in values)
    ns = lambda first, last: struct.pack("!QQ", first, last)
    now = 1700000000 * 10**9
    yield "plain", record(0x7f, 4, times=ns(now, now + 10**9))
    yield "six", record(0x5f, 6, proto=17, times=ns(now, now - 1), protocol=3)
    yield "nothing", record(0, 0, proto=255)
    yield "values", record(0x7f, 4, (0, 10, b"\0\0\0\7"), (0, 14, b"\0\0\0\x09"), (0, 61, b"\1"),
                           (0, 82, b"Gi0/0\"\\\x01\xff"), (0, 16, b"\0\0\xfd\xe8"), times=ns(now, now))
    yield "times", record(0x7f, 4, times=ns(1 << 63, (1 << 63) - 1))
    yield "wrong", record(0x7f, 4, (4, 10, b"\0" * 9), (8, 14, b""), (0, 61, b""), (0, 95, b"x" * 250))
    yield "sample", record(0x7f, 4, (0, 10, b"\0\0\0\7"), flags=1, times=ns(now, now))
    yield "sample_six", record(0x7f, 6, (0, 10, b"\0\0\0\7"), flags=7, protocol=5)
    yield "long", record(0x7f, 4, *((0, 82, b"\1" * 255) for _ in range(12)), times=ns(now, now))


def url():
    for i, text in enumerate((
            "ndjson:-", "csv:/tmp/a.csv", "null:", "ndjson:a?rotate=1h&compress=zstd:19",
            "ndjson:a?rotate=100MB&compress=gzip&append=true&queue=512KB", "ndjson:-?schema=ecs",
            "csv:x?event=flow&overflow=block", "ndjson+file:a%20b%3Fc=d", "ndjson:a?b", "ndjson:a?b?queue=1",
            "ndjson:%00%2", "csv", "csv:", "xml:-", "ndjson+tcp://h:1", "ndjson:a?queue=99999999999999999999",
            "ndjson:a?queue=1&queue=2&queue=3&queue=4&queue=5&queue=6&queue=7&queue=8&queue=9&queue=10"
            "&queue=11&queue=12&queue=13&queue=14&queue=15&queue=16&queue=17", "ndjson:a?=1", "ndjson:a?queue=",
            "ndjson:a?x=%3d%26&append=no")):
        yield f"{i:02}", text.encode()


def public(root):
    """UDP payloads of the public captures: *.dat as they are, classic pcap with Ethernet or raw IP."""
    for path in sorted(p for k in ("netflow", "ipfix", "sflow") for p in (root / k).rglob("*")):
        data = path.read_bytes() if path.is_file() else b""
        found = []
        if path.suffix in (".dat", ".bin"):
            found = [data]
        elif data[:4] in (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4"):
            order = "<" if data[0] == 0xd4 else ">"
            link = struct.unpack_from(order + "I", data, 20)[0]
            at = 24
            while at + 16 <= len(data) and len(found) < 12:
                caplen = struct.unpack_from(order + "I", data, at + 8)[0]
                packet = data[at + 16:at + 16 + caplen][14 if link == 1 else 0:]
                at += 16 + caplen
                if len(packet) > 28 and packet[0] >> 4 == 4 and packet[9] == 17:
                    found.append(packet[(packet[0] & 15) * 4 + 8:])
        if found:
            yield "public_" + path.name[:60], frame(*(d[:65535] for d in found))


def main():
    out = pathlib.Path(sys.argv[1])
    kinds = {"netflow": netflow, "collect_state": state, "datagram": datagram, "listen": listen,
             "stream": stream, "map": map_records, "url": url}
    for target, seeds in kinds.items():
        (out / target).mkdir(parents=True, exist_ok=True)
        for name, data in seeds():
            (out / target / name).write_bytes(data)
    if sys.argv[2:3] == ["--public"]:
        for name, data in public(pathlib.Path(sys.argv[3])):
            (out / "netflow" / name).write_bytes(data)


if __name__ == "__main__":
    main()
