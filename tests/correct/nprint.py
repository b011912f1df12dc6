#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Item P9: profile nprint: the headers of a flow's first packets as bits, beside a parser of raw captures that knows
nothing of the program; of captures that are made, and of the public corpus, where it is (FT_CORPUS)."""
import ipaddress
import json
import os
import pathlib
import random
import struct
import subprocess
import sys

from packets import *
from run import main, same

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from arrow_reader import Arrow

CORPUS = pathlib.Path(os.environ.get("FT_CORPUS", pathlib.Path(__file__).parents[2] / "../shared/corpus/public"))
EVERY = 25  # of the corpus: each so many-th capture
WIDTHS = 60, 40, 60, 8, 8
NAMES = """ipv4_ver:4 ipv4_hl:4 ipv4_tos:8 ipv4_tl:16 ipv4_id:16 ipv4_rbit:1 ipv4_dfbit:1 ipv4_mfbit:1 ipv4_foff:13 ipv4_ttl:8
ipv4_proto:8 ipv4_cksum:16 ipv4_src:32 ipv4_dst:32 ipv4_opt:320 ipv6_ver:4 ipv6_tc:8 ipv6_fl:20 ipv6_len:16 ipv6_nh:8 ipv6_hl:8
ipv6_src:128 ipv6_dst:128 tcp_sprt:16 tcp_dprt:16 tcp_seq:32 tcp_ackn:32 tcp_doff:4 tcp_res:3 tcp_ns:1 tcp_cwr:1 tcp_ece:1
tcp_urg:1 tcp_ackf:1 tcp_psh:1 tcp_rst:1 tcp_syn:1 tcp_fin:1 tcp_wsize:16 tcp_cksum:16 tcp_urp:16 tcp_opt:320 udp_sport:16
udp_dport:16 udp_len:16 udp_cksum:16 icmp_type:8 icmp_code:8 icmp_cksum:16 icmp_roh:32""".split()


# ---- captures, read by hand ----

class Odd(Exception):
    """A frame of a kind that is not looked into here."""


def records_of(data):
    """(link type, frame, bytes on the wire) of a pcap file."""
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    kind, at = struct.unpack_from(order + "I", data, 20)[0] & 0xffff, 24
    while at + 16 <= len(data):
        cap, wire = struct.unpack_from(order + "II", data, at + 8)
        yield kind, data[at + 16:at + 16 + cap], wire
        at += 16 + cap


def network(kind, frame, wire):
    """(VLAN, the IP packet as far as it was captured, its bytes on the wire) or None"""
    vlan, at, ethertype = None, 0, None
    if kind == 1 and len(frame) >= 14:
        at, ethertype = 14, struct.unpack_from("!H", frame, 12)[0]
        while ethertype in (0x8100, 0x88a8) and len(frame) >= at + 4:
            vlan, ethertype = (struct.unpack_from("!HH", frame, at)[0] & 0xfff) or None, struct.unpack_from("!H", frame, at + 2)[0]
            at += 4
        if ethertype in (0x0806, 0x88cc) or ethertype < 0x600:
            return None
        if ethertype not in (0x0800, 0x86dd):
            raise Odd
    elif kind not in (101, 228, 229):
        raise Odd
    return vlan, frame[at:], wire - at


def parts_of(packet, wire):
    """[IPv4, IPv6, TCP, UDP, ICMP, payload] of a packet that nPrint takes, or None"""
    if len(packet) < 20:
        return None
    out = [b""] * 6
    if packet[0] >> 4 == 4:
        size, total, proto = (packet[0] & 15) * 4, struct.unpack_from("!H", packet, 2)[0] or wire, packet[9]
        if struct.unpack_from("!H", packet, 6)[0] & 0x3fff or size < 20:
            return None
    else:
        size, total, proto = 40, 40 + (struct.unpack_from("!H", packet, 4)[0] or wire - 40), packet[6]
    out[packet[0] >> 4 == 6] = packet[:size]
    packet, total = packet[size:total], min(total, wire) - size
    if proto not in (1, 6, 17):
        return None
    need = 8
    if proto == 6:
        need = (packet[12] >> 4) * 4 if len(packet) > 12 else 20
        if need < 20:
            return None
    elif proto == 17 and len(packet) >= 6:
        length = struct.unpack_from("!H", packet, 4)[0]
        packet = packet[:length] if length else packet
        if length and not 8 <= length <= total:
            return None
    if need > total and proto != 1:
        return None
    out[{6: 2, 17: 3, 1: 4}[proto]] = packet[:need]
    out[5] = packet[need:]
    return out


def key_of(parts, vlan):
    """The flow, whichever way a packet goes; of ICMP the two addresses."""
    head = parts[0] or parts[1]
    ends = [head[12:16], head[16:20]] if parts[0] else [head[8:24], head[24:40]]
    l4 = parts[2] or parts[3]
    if l4:
        ends = [e + p for e, p in zip(ends, (l4[:2], l4[2:4]))]
    return vlan, 6 if parts[2] else 17 if parts[3] else 1, tuple(sorted(ends))


def cut(parts, payload=0, mask=False):
    out = [bytearray(p) for p in parts]
    out[5] = out[5][:payload]
    if mask:
        for part, a, b in (0, 12, 20), (1, 8, 40), (2, 0, 4), (3, 0, 4):
            span = slice(a, b)
            out[part][span] = bytes(len(out[part][span]))
    return tuple(map(bytes, out))


def expected(data, **how):
    """key -> the parts of each packet; Odd: there are frames that this does not read"""
    flows = {}
    for kind, frame, wire in records_of(data):
        found = network(kind, frame, wire)
        parts = found and parts_of(*found[1:])
        if parts:
            flows.setdefault(key_of(parts, found[0]), []).append(cut(parts, **how))
    return flows


# ---- what the program says ----

def unpack(nprint, lengths, packets, payload=0):
    """The parts of each packet of a record."""
    widths, out = [*WIDTHS, payload], []
    size, n = sum(widths), len(lengths) // 6
    assert len(nprint) == n * size
    for i in range(n):
        at, parts = i * size, []
        for width, length in zip(widths, lengths[6 * i:6 * i + 6]):
            parts.append(nprint[at:at + length])
            assert length <= width and not any(nprint[at + length:at + width])
            at += width
        assert i < packets or not any(map(len, parts))
        out.append(tuple(parts))
    return out[:packets]


def key(f):
    packed = [ipaddress.ip_address(f[k]).packed for k in ("src_ip", "dst_ip")]
    if f["protocol"] != 1:
        packed = [a + struct.pack("!H", p) for a, p in zip(packed, (f["src_port"], f["dst_port"]))]
    return f["vlan_id"], f["protocol"], tuple(sorted(packed))


def parts(f, payload=0):
    return unpack(bytes.fromhex(f["nprint"]), bytes.fromhex(f["nprint_lengths"]), f["nprint_packets"], payload)


def bits(packet, payload):
    out = []
    for data, width in zip(packet, [*WIDTHS, payload]):
        out += [int(b) for byte in data for b in format(byte, "08b")] + [-1] * 8 * (width - len(data))
    return out


def header(payload):
    names = ["%s_%d" % (n, i) for n, size in (x.split(":") for x in NAMES) for i in range(int(size))]
    return ["flow", *names, *("payload_bit_%d" % i for i in range(8 * payload))]


def name_of(packet, proto):
    """As nPrint names the flow of a packet."""
    ip, l4 = packet[0] or packet[1], packet[2] or packet[3]
    ends = (ip[12:16], ip[16:20]) if packet[0] else (ip[8:24], ip[24:40])
    ports = struct.unpack("!HH", l4[:4]) if l4 else ("NULL", "NULL")
    return "%s_%s_%s_%s_%s" % (*map(ipaddress.ip_address, ends), *ports, {6: "TCP", 17: "UDP"}.get(proto, "NULL"))


# ---- captures, made ----

def capture(seed, n=900):
    """[(ns, frame)] of all kinds, of flows that go on and on."""
    rng, out = random.Random(seed), []
    for i in range(n):
        k, body = rng.randrange(120), rng.randbytes(rng.choice((0, 0, 1, 3, 30, 63, 64, 65, 900)))
        kind, v6 = k % 10, k % 10 in (1, 4, 6, 8)
        ends, ports = ((A6, B6) if v6 else (A, B)), (3000 + k, 80)
        if rng.random() < 0.5:
            ends, ports = ends[::-1], ports[::-1]
        options = b"".join(rng.choice((mss(1400), wscale(7), sack(1, 9), b"\1\1\1\1")) for _ in range(rng.randrange(4)))[:40]
        segment = tcp(*ports, rng.randrange(256) & ~(SYN | FIN | RST) | ACK, rng.getrandbits(32), rng.getrandbits(32), body, rng.getrandbits(16), options)
        more = {} if v6 else {"options": b"\1" * 4 * rng.choice((0, 0, 0, 1, 10)), "ident": rng.getrandbits(16),
                              "ttl": rng.randrange(1, 256), "tos": rng.randrange(256)}
        if kind in (0, 1, 2):
            packet = ip(*ends, 6, segment, **more)
        elif kind in (3, 4, 5):
            packet = ip(*ends, 17, udp(*ports, body), **more)
        elif kind == 6:  # with an extension header: nPrint does not take it
            packet = ip6(*ends, 0, bytes([17, 0, 1, 4, 0, 0, 0, 0]) + udp(*ports, body))
        elif kind == 7:
            packet = ip(*ends, 1, icmp(8 if ends[0] == A else 0, 0, struct.pack("!HH", k, i) + body), **more)
        elif kind == 8:  # ICMPv6: likewise
            packet = ip(*ends, 58, icmp(128, 0, struct.pack("!HH", k, i) + body))
        else:  # so is SCTP
            packet = ip(*ends, 132, struct.pack("!HHII", *ports, 1, 0) + body, **more)
        out.append((T0 + i * MS, pad(eth(packet, tags=[(0x8100, 5)] if kind == 2 else ()))))
    return out


def flows(m, packets, *args, **how):
    return m.flows(packets, "-p", "nprint", *args, **how)


def first(want, n=10):
    return {k: v[:n] for k, v in want.items()}


def got(found, payload=0):
    out = {key(f): parts(f, payload) for f in found}
    assert len(out) == len(found)
    return out


def test_P9_headers(m):
    for seed, n, how, args in ((1, 10, {}, ()), (2, 10, {"mask": True}, ("--nprint-masked",)), (3, 1, {}, ("--nprint-packets", "1")),
                               (4, 20, {"payload": 64}, ("--nprint-packets=20", "--nprint-payload=64")),
                               (5, 3, {"payload": 3, "mask": True}, ("--nprint-packets=3", "--nprint-payload=3", "--nprint-masked"))):
        packets = capture(seed)
        want = first(expected(pcap(packets), **how), n)
        assert len(want) > 60, len(want)
        for workers in "1", "4":
            same(got(flows(m, packets, "-w", workers, *args), how.get("payload", 0)), want, (seed, workers))
        stats = m.stats(packets, "-o", "null:?event=flow", "-o", "ndjson:-", "-p", "nprint")
        same(stats["profile_skipped"], len(m.flows(packets)) - len(want))
        assert stats["profile_skipped"] > 20


def table(m, data, payload, *args):
    lines = m.raw(data, "-e", "flow", "-o", "csv:-?dialect=nprint", *args, text=True).decode().splitlines()
    same(lines[0].split(","), header(payload))
    return [(name, list(map(int, rest))) for name, *rest in (line.split(",") for line in lines[1:])]


def test_P9_the_table(m):
    """A line for each packet, in the flow's order, under the name that nPrint gives its first one."""
    for seed, n, payload, args in (6, 10, 0, ()), (7, 10, 64, ("--nprint-payload", "64")), (8, 15, 0, ("--nprint-packets", "15")):
        data = pcap(capture(seed))
        want = {}
        for (_, proto, _), rows in expected(data, payload=payload).items():
            want.setdefault(name_of(rows[0], proto), []).extend([bits(r, payload) for r in rows[:n]])
        lines = {}
        for name, row in table(m, data, payload, *args):
            lines.setdefault(name, []).append(row)
        same(lines, want, seed)


def test_P9_every_road(m):
    """From a pipe, where packets are copied from one thread to another; Arrow, with its types."""
    data = pcap(capture(9))
    want = first(expected(data, payload=5))
    for args in ("-w", "1"), ("-w", "4"), ("-w", "3", "-q", "512"):
        r = subprocess.run([m.program, "read", "--quiet", "-e", "flow", "-p", "nprint", "--nprint-payload", "5", *args, "-"],
                           input=data, capture_output=True, timeout=120)
        same(got([flat(json.loads(line)) for line in r.stdout.splitlines()], 5), want, args)
    columns = "vlan_id", "protocol", "src_ip", "dst_ip", "src_port", "dst_port", "nprint_packets", "nprint", "nprint_lengths"
    stream = m.raw(data, "-o", "arrow:-?columns=" + ",".join(columns), "--nprint-payload", "5", text=True)
    arrow = Arrow(stream)
    same([c.type for c in arrow.columns[-3:]], ["uint8", "binary1810", "binary60"])
    rows = [dict(zip(columns, row)) for row in zip(*arrow.rows.values())]
    same({key(f): unpack(f["nprint"], f["nprint_lengths"], f["nprint_packets"], 5) for f in rows}, want)


def test_P9_cut_captures(m):
    """Of what was not captured there is nothing, of headers too."""
    frames = [(T0, eth(ip4(A, B, 6, tcp(3000, 80, ACK, 1, 2, b"payload" * 9, options=mss(9)), options=b"\1" * 8))),
              (T0 + MS, eth(ip6(A6, B6, 17, udp(3001, 53, b"payload" * 9)))), (T0 + 2 * MS, eth(ip4(A, B, 1, icmp(8, 0, b"q" * 90))))]
    for snap in range(14 + 48, 14 + 28 + 24 + 20):
        data = pcap(frames, snap=snap)
        same(got(flows(m, frames, "--nprint-payload", "20", snap=snap), 20), expected(data, payload=20), snap)


def test_P9_odd_headers(m):
    """The longest ones, reserved bits, an echo of more than 512 bytes, no link layer."""
    frames = [(T0, ip4(A, B, 6, tcp(3000, 80, 0xff, 1, 2, b"x", options=b"\1" * 40), options=b"\1" * 40)),
              (T0 + MS, ip4(A, B, 1, icmp(8, 0, bytes(range(256)) * 5))), (T0 + 2 * MS, ip6(A6, B6, 17, udp(3001, 53)))]
    frames.append((T0 + 3 * MS, frames[0][1][:72] + b"\xff" + frames[0][1][73:]))  # data offset 15, and all bits set behind it
    want = expected(pcap(frames, linktype=101), payload=64)
    same(sorted(len(x) for rows in want.values() for r in rows for x in r), sorted([60, 0, 60, 0, 0, 1] * 2 + [20, 0, 0, 0, 8, 64] + [0, 40, 0, 8, 0, 0]))
    same(got(flows(m, frames, "--nprint-payload=64", linktype=101), 64), want)


def test_P9_fragments_are_left_out(m):
    whole = udp(3000, 80, b"f" * 1000)
    packets = [(T0, eth(ip4(A, B, 17, whole[:800], 7, 0, True))), (T0 + MS, eth(ip4(A, B, 17, whole[800:], 7, 800)))]
    same(flows(m, packets), [])
    packets.append((T0 + 2 * MS, eth(ip4(B, A, 17, udp(80, 3000)))))
    same([f["nprint_packets"] for f in flows(m, packets)], [1])


def test_P9_tunnels(m):
    """The innermost packet counts, or the outermost."""
    inner = ip4(A, B, 17, udp(3000, 80, b"in"))
    outer = ip4("192.0.2.1", "192.0.2.2", 17, udp(9, 4789, b"\x08\0\0\0\0\0\1\0" + eth(inner)))
    for packet, args in (inner, ()), (outer, ("--keep-tunnels",)):
        f, = flows(m, [(T0, eth(outer))], *args)
        same(parts(f), [cut(parts_of(packet, len(packet)))])


def test_P9_entries_are_used_again(m):
    """A flow says nothing of the one whose place it took."""
    packets = []
    for i in range(300):
        t = T0 + i * 200 * S
        for k in range(i % 7 + 1):
            packets.append((t + k * MS, eth(ip4(A, B, 17, udp(3000 + i, 80, b"y" * (i % 90)), ttl=i % 255 + 1))))
    same(got(flows(m, packets, "--nprint-payload", "64"), 64), first(expected(pcap(packets), payload=64)))


def test_P9_long_flows_are_told_of_once(m):
    packets = [(T0 + i * 10 * S, eth(ip4(A, B, 17, udp(3000, 80), ident=i))) for i in range(60)]
    same(len(m.flows(packets, "--active-timeout", "100")), 6)
    want = first(expected(pcap(packets)))
    same(got(flows(m, packets, "--active-timeout", "100")), want)
    same(len(table(m, pcap(packets), 0, "--active-timeout", "100")), 10)
    stats = m.stats(packets, "--active-timeout", "100", "-o", "null:?event=flow", "-o", "ndjson:-", "-p", "nprint")
    same(stats["profile_skipped"], 5)


def test_P9_snapshots(m):
    c = Conn().open().send(0, PSH | ACK, b"x" * 300).send(1, ACK).send(1, PSH | ACK, b"y" * 1400)
    for n, f in zip((1, 3, 6), flows(m, c.frames, "--snapshot", "1,3,6")):
        want, = expected(pcap(c.frames[:n])).values()
        same(parts(f), want, n)


def segments(rows, found):
    """Is each of the lists found in the rows, one behind the other?"""
    at = 0
    for some in found:
        while at <= len(rows) - len(some) and rows[at:at + len(some)] != some:
            at += 1
        if at > len(rows) - len(some):
            return False
        at += len(some)
    return True


def test_P9_captures_of_the_corpus(m):
    """Flows may end and begin again: each has the first packets of a stretch of those between its ends."""
    n = packets = odd = 0
    for path in sorted(CORPUS.rglob("*.pcap"))[::EVERY] if CORPUS.is_dir() else ():
        data = path.read_bytes()
        if data[:4] not in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\xa1\xb2\x3c\x4d"):
            continue
        try:
            want = expected(data, payload=16)
        except (Odd, struct.error):
            odd += 1
            continue
        records = {}
        for f in m.raw(data, "-e", "flow", "-p", "nprint", "--keep-tunnels", "--nprint-payload", "16"):
            records[f["flow_id"]] = flat(f)  # the last one of a flow
        by_key = {}
        for f in sorted(records.values(), key=lambda f: f["first_seen"]):
            by_key.setdefault(key(f), []).append(parts(f, 16))
        for k, found in by_key.items():
            if k[1] == 1:  # flows of ICMP are those of a type
                assert all(r in want[k] for rows in found for r in rows), (path, k)
            else:
                assert segments(want[k], found), (path, k)
            packets += sum(map(len, found))
        n += 1
    print("     %d captures of the corpus, %d packets, %d captures of other kinds" % (n, packets, odd) if n or odd else "     no corpus at %s" % CORPUS)


def test_P9_privacy(m):
    packets = capture(1)[:50]
    path = os.path.join(m.folder.name, "key")
    with open(path, "w") as f:
        f.write("00" * 31 + "01" + "\n")
    hidden = flows(m, packets, "--anonymize", path)
    same({f["nprint"] for f in hidden}, {None})
    same([f for f in flows(m, packets, "--no-identity") if "nprint" in f], [])
    for args in ("--anonymize", path), ("--no-identity",):
        r = subprocess.run([m.program, "read", "-e", "flow", "-o", "csv:-?dialect=nprint", *args, os.path.join(m.folder.name, "in.pcap")], capture_output=True)
        assert r.returncode == 2 and b"carries headers of packets: not with --anonymize or --no-identity" in r.stderr, r.stderr


def test_P9_wrong(m):
    for args, what in ((("--nprint-packets", "21"), b"allowed is a whole number from 1 to 20"),
                       (("--nprint-payload", "65"), b"allowed is a whole number from 0 to 64"),
                       (("--nprint-packets", "16", "-o", "csv:-?dialect=nprint"), b"lines of at most 15 packets of a flow"),
                       (("--nprint-payload", "64", "--nprint-packets", "12", "-o", "csv:-?dialect=nprint"), b"lines of at most 11 packets")):
        r = subprocess.run([m.program, "read", "-e", "flow", *args, os.path.join(m.folder.name, "in.pcap")], capture_output=True)
        assert r.returncode == 2 and what in r.stderr, (args, r.stderr)


def test_P9_too_much_for_a_line(m):
    """Records that might not fit are refused, of text; in Arrow they do."""
    data = pcap(capture(1)[:9])
    args = ("-e", "flow", "-p", "all,app,splt,packets,nfstream,bytes,nprint", "--nprint-packets=20", "--nprint-payload=64")
    assert len(m.raw(data, *args)) > 0
    most = ("--splt=255", "--nfstream-splt=255")
    for output in "ndjson:-", "csv:-":
        path = os.path.join(m.folder.name, "in.pcap")
        r = subprocess.run([m.program, "read", *args, *most, "-o", output, path], capture_output=True)
        assert r.returncode == 2 and b"bytes of text, and 65536 is most" in r.stderr, r.stderr
    assert len(Arrow(m.raw(data, *args, *most, "-o", "arrow:-", text=True)).rows["nprint"]) > 0


main(globals())
