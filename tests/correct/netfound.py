#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Item P10: profile netfound: bursts and tokens beside the same worked out from the frames by the rules of netFound's
three steps, a whole flow at a time: PcapSplitter's flows, the fields of each packet, bursts of a sorted flow."""
import collections
import json
import os
import pathlib
import random
import struct
import subprocess
import sys

from packets import *
from plain import plain_frames
from run import main, same

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from arrow_reader import Arrow

CORPUS = pathlib.Path(os.environ.get("FT_CORPUS", pathlib.Path(__file__).parents[2] / "../shared/corpus/public"))
EVERY = 5  # each so many-th capture
COLUMNS = ["flow_duration", "burst_tokens", "directions", "bytes", "iats", "counts", "protocol", "labels"]
TYPES = ["uint64", "list<list<uint16>>", "list<bool>", "list<uint32>", "list<uint64>", "list<uint32>", "uint16", "utf8"]
ICMP_LEAST = {8: 4, 0: 4, 10: 4, 15: 4, 16: 4, 13: 20, 14: 20, 17: 12, 18: 12, 3: 8, 5: 8, 4: 8, 11: 8, 12: 8, 9: 8}

Packet = collections.namedtuple("Packet", "us proto v6 src dst head l4 total")


def parse(ns, frame):
    """None: 1_filter leaves it out, or it comes to nothing later."""
    p = frame[14:] if frame[12:14] != b"\x81\0" else frame[18:]
    v6 = p[0] >> 4 == 6
    if v6:
        total, proto, l4, src, dst = struct.unpack("!H", p[4:6])[0] + 40, p[6], p[40:struct.unpack("!H", p[4:6])[0] + 40], p[8:12], p[24:28]
        if proto not in (6, 17):
            return None
    else:
        total, proto, head = struct.unpack("!H", p[2:4])[0], p[9], (p[0] & 15) * 4
        if struct.unpack("!H", p[6:8])[0] & 0x3fff:
            return None
        l4, src, dst = p[head:total], p[12:16], p[16:20]
    if proto == 6 and (len(l4) < 20 or len(l4) < (l4[12] >> 4) * 4) or proto == 17 and len(l4) < 8 or proto not in (1, 6, 17):
        return None
    if proto == 1 and len(l4) < ICMP_LEAST.get(l4[0], 1 << 20):
        return None
    return Packet(ns // 1000, proto, v6, int.from_bytes(src, "big"), int.from_bytes(dst, "big"), p, l4, total & 0xffff)


def split(frames):
    """The packets of each flow: one for each connection, for all ICMP of two hosts."""
    flows, newest = [], {}
    for ns, frame in frames:
        p = parse(ns, frame)
        if p is None:
            continue
        whole = (p.head[8:24], p.head[24:40]) if p.v6 else (p.head[12:16], p.head[16:20])
        ports = struct.unpack("!HH", p.l4[:4]) if p.proto != 1 else (0, 0)
        key = (p.proto, frozenset(zip(whole, ports)))
        syn = p.proto == 6 and p.l4[13] & (SYN | ACK) == SYN
        if key not in newest or (syn and not newest[key][1]):
            flows.append([])
            newest[key] = [flows[-1], False]
        newest[key][0].append(p)
        newest[key][1] = syn
    return flows


def numbers(value, tokens):
    return [value >> 16 * i & 0xffff for i in reversed(range(tokens))]


def fields(flow, options, payload):
    """[(us, source, IP total length, tokens)]"""
    out, seq0, ack0, first = [], 0, 0, flow[0].src
    for n, p in enumerate(flow):
        h, l4 = p.head, p.l4
        ip = [40, h[0] & 15, p.total, 0, h[7]] if p.v6 else [(h[0] & 15) * 4, h[1], p.total, h[6] >> 5, h[8]]
        if p.proto == 6:
            seq, ack, offset, flags, window, _, urgent = struct.unpack("!IIBBHHH", l4[4:20])
            if n == 0:
                seq0, ack0 = seq, ack
            elif n == 1 and ack0 == 0:
                ack0 = seq
            forward = p.src == first
            seq -= seq0 if forward else ack0
            ack = (ack - ack0 if ack0 else 0) if forward else ack - seq0
            more = [flags, window] + numbers(seq % 2**32, 2) + numbers(ack % 2**32, 2) + [urgent]
            header = (offset >> 4) * 4
            if options:
                more += numbers(int.from_bytes(l4[20:header].ljust(40, b"\0"), "big"), 20)
        elif p.proto == 17:
            more, header = [struct.unpack("!H", l4[4:6])[0]], 8
        else:
            more, header = [l4[0], l4[1]], 16 if l4[0] in (0, 8) else 0
        body = l4[header:header + 12] if payload else b""
        out.append((p.us, p.src, p.total, ip + more + numbers(int.from_bytes(body.ljust(12, b"\0"), "big"), 6)))
    return out


def internal(address):
    return address >> 24 == 127 or address >> 16 == 169 << 8 | 231


def bursts_of(packets):
    """[[packets]], each without a gap of more than 10 ms."""
    out = []
    for p in packets:
        if not out or p[0] - out[-1][-1][0] > 10000:
            out.append([])
        out[-1].append(p)
    return out


def row(flow, options=False, payload=True):
    packets = sorted(fields(flow, options, payload), key=lambda p: p[0])
    ends = [flow[0].src, flow[0].dst]
    home = packets[0][1] if internal(packets[0][1]) or not any(map(internal, ends)) else next(e for e in ends if internal(e))
    found = []
    for forward in True, False:
        before = None
        for b in bursts_of([p for p in packets if (p[1] == home) == forward]):
            found.append((b[0][0], forward, b[0][0] - before if before is not None else 0, b[:6]))
            before = b[0][0]
    found = sorted(found, key=lambda b: b[0])[:12]  # stable: the forward ones come first
    return [packets[-1][0] - packets[0][0], [sum((p[3] for p in b[3]), []) for b in found], [b[1] for b in found],
            [sum(p[2] for p in b[3]) for b in found], [b[2] for b in found], [len(b[3]) for b in found], flow[0].proto, None]


def expected(frames, **how):
    return sorted(json.dumps(row(flow, **how)) for flow in split(frames))


def got(m, frames, *args, **how):
    lines = m.raw(pcap(frames, **how), "-e", "flow", "-p", "netfound", *args)
    return sorted(json.dumps([e["features"][c] for c in COLUMNS]) for e in lines)


def compare(m, frames, what="", args=(), **how):
    want = expected(frames, **how)
    have = got(m, frames, *args)
    for a, b in zip(have, want):
        assert a == b, "%s\n got  %s\n want %s" % (what, a, b)
    same(len(have), len(want), what)
    return len(want)


def traffic(seed, n=4000, flows=40):
    """Of all kinds, in bursts, many at the same time; with SYNs where they like."""
    rng, out, t = random.Random(seed), [], T0
    hosts = [("127.0.0.1", "127.0.0.1"), ("8.8.8.8", "169.231.4.4"), ("169.231.4.4", "9.9.9.9"), (A, B), (B, A), (A6, "2a00::9"), (A6, B6), (B, "10.9.9.9")]
    for _ in range(n):
        t += rng.choice((0, 0, 1, 999, 1000, 300 * 1000, 2 * MS, 10 * MS, 10 * MS + 1000, 40 * MS, 900 * MS) if rng.random() < 0.5 else (0, 1000))
        k = rng.randrange(flows)
        ends, kind = hosts[k % len(hosts)], k // len(hosts) % 5
        side = rng.random() < 0.5
        ends, ports = (ends[::-1], (80, 4000 + k)) if side else (ends, (4000 + k, 80))
        body = rng.randbytes(rng.choice((0, 0, 1, 5, 11, 12, 13, 500)))
        v6 = ":" in ends[0]
        if kind < 3:
            flags = rng.choice((SYN, SYN | ACK, ACK, ACK | PSH, ACK | FIN, RST, RST | ACK, ACK | 0xc0, 0, SYN | PSH)) if kind else ACK
            l4 = tcp(*ports, flags, rng.randrange(1 << 32), rng.choice((0, 5, 1 << 31, rng.randrange(1 << 32))), body, rng.randrange(1 << 16),
                     rng.choice((b"", mss(1460) + wscale(7), sack(1, 99999), b"\1" * 40)))
            l4, proto = l4[:18] + struct.pack("!H", rng.choice((0, 0, 7))) + l4[20:], 6
        elif kind == 3 or v6:
            l4, proto = udp(*ports, body), 17
        else:
            what = rng.choice((8, 0, 3, 11, 5, 13, 200, 12, 9, 17))
            l4, proto = icmp(what, rng.randrange(4), rng.randbytes(4) + body), 1
        if v6:
            extra = proto == 17 and rng.random() < 0.1  # of TCP a SYN would begin a flow
            packet = ip6(*ends, 60 if extra else proto, (bytes([proto, 0]) + b"\1\4\0\0\0\0" if extra else b"") + l4, tos=rng.choice((0, 0x28, 0xb9)))
        else:
            packet = ip4(*ends, proto, l4, rng.randrange(1 << 16), ttl=rng.randrange(1, 256), tos=rng.choice((0, 0x28, 0xb9)), options=rng.choice((b"", b"\1" * 8)))
            flags = rng.choice((0, 0x40, 0x40, 0x80))
            packet = packet[:6] + bytes([packet[6] | flags]) + packet[7:10] + b"\0\0" + packet[12:]
        out.append((t, pad(eth(packet, tags=((0x8100, 5),) if rng.random() < 0.1 else ()))))
    return out


def test_P10_beside_the_rules(m):
    flows = 0
    for seed in range(12):
        frames = traffic(seed, *((4000, 40) if seed < 8 else (3000, 400)))
        how = {"options": seed % 3 == 1, "payload": seed % 4 != 2}
        args = ["--netfound-tcp-options"] * how["options"] + ["--netfound-no-payload"] * (not how["payload"])
        flows += compare(m, frames, seed, args, **how)
    assert flows > 1500, flows


def test_P10_captures_of_the_corpus(m):
    n = flows = late = 0
    for path in sorted(CORPUS.rglob("*.pcap"))[::EVERY] if CORPUS.is_dir() else ():
        frames = (plain_frames(path) or [])[:5000]
        if any(b[0] < a[0] for a, b in zip(frames, frames[1:])):
            late += 1  # netFound sorts them; here a packet stays where it came
        elif frames:
            n += 1
            flows += compare(m, frames, str(path))
    print("     %d captures of the corpus, %d flows; %d not in order" % (n, flows, late) if n else "     no corpus at %s" % CORPUS)
    assert n == 0 or flows > 500


def test_P10_twelve_bursts_of_six(m):
    """What is beyond is not kept; of two that begin at once, the forward one is the twelfth."""
    def at(t, side, n):
        return (T0 + t * MS, eth(ip4(*((A, B) if side == 0 else (B, A)), 17, udp(*((1, 2) if side == 0 else (2, 1)), b"%02d" % n))))

    frames = [at(20 * i, i % 2, i) for i in range(11)] + [at(300, 1, 70)] * 3 + [at(300, 0, 80)] * 9 + [at(301, 1, 90), at(400, 0, 91), at(400, 1, 92)]
    compare(m, frames)
    f, = m.flows(frames, "-p", "netfound")
    same((f["directions"], f["counts"]), ([True, False] * 5 + [True, True], [1] * 11 + [6]))
    same(f["burst_tokens"][11], [20, 0, 30, 0, 64, 10, int.from_bytes(b"80", "big"), 0, 0, 0, 0, 0] * 6)
    same((f["flow_duration"], f["iats"][:3], f["iats"][11]), (400000, [0, 0, 40000], 100000))
    frames = [at(9 * i, i % 2, i) for i in range(40)]  # a gap of 18 ms each way
    compare(m, frames)
    frames = [at(5 * i, i % 2, i) for i in range(40)]  # of 10 ms: two bursts
    same(compare(m, frames), 1)
    same(m.flows(frames, "-p", "netfound")[0]["counts"], [6, 6])


def test_P10_numbers(m):
    """Sequence numbers count from those of the first packet and, without an acknowledgment, of the second."""
    c = Conn(isn=(0xffffff00, 100)).open().send(0, ACK | PSH, b"GET").send(1, ACK | PSH, b"x" * 400).send(1, ACK, b"y")
    compare(m, c.frames)
    f, = m.flows(c.frames, "-p", "netfound")
    same(f["burst_tokens"][0][7:11], [0, 0, 0, 0])  # of the SYN
    same(f["burst_tokens"][1][7:11], [0, 0, 0, 1])  # of the SYN-ACK: the second one is where its side begins
    for part in c.frames[1:], c.frames[2:], c.frames[4:]:
        compare(m, part)


def test_P10_flows(m):
    """No time and no FIN or RST ends one, only a SYN; other protocols and fragments are none of netFound's."""
    c = Conn().open().close()
    c.send(0, ACK, dt=4000 * S).send(1, RST)
    d = Conn(t=c.t + S, isn=(7, 9)).open().send(0, SYN)
    frames = c.frames + d.frames
    same(compare(m, frames), 3)
    odd = [(T0 + i, eth(ip(A, B, proto, b"\0\1\0\2" + b"x" * 40))) for i, proto in enumerate((132, 50, 136))]
    odd += [(T0 + 10, eth(ip4(A, B, 17, udp(5, 6, b"f" * 600)[:400], 7, 0, True))), (T0 + 11, eth(ip6(A6, B6, 58, icmp(128, 0, b"\0\1\0\2" * 9))))]
    same(got(m, odd + frames), expected(frames))
    stats = m.raw(pcap(odd + frames), "-e", "flow,stats", "-p", "netfound")[-1]
    same(stats["profile_skipped"], 5)


def test_P10_late_packets_stay(m):
    """A packet that is older than one before it goes on with the burst that is open; no time is below 0."""
    def at(t, side):
        return (T0 + t * MS, eth(ip4(*((A, B) if side == 0 else (B, A)), 17, udp(*((1, 2) if side == 0 else (2, 1))))))

    f, = m.flows([at(0, 0), at(30, 0), at(5, 0), at(31, 0), at(2, 1)], "-p", "netfound")
    same((f["flow_duration"], f["directions"], f["counts"], f["iats"]), (31000, [True, False, True], [1, 1, 3], [0, 0, 30000]))


def test_P10_cut_captures(m):
    """A header that was not captured whole is no packet there; of a payload what there is."""
    frames = [(T0, eth(ip4(A, B, 6, tcp(1, 2, ACK, 5, 6, b"payload" * 9, options=mss(9)))))]
    for snap in (14 + 20 + 20, 14 + 20 + 23):
        same(got(m, frames, snap=snap), [], snap)
    for snap in (14 + 20 + 24, 14 + 20 + 24 + 5):
        cut = [(t, f[:snap]) for t, f in frames]
        same(got(m, frames, snap=snap), expected(cut), snap)


def table(m, frames, target="-", args=()):
    path = os.path.join(m.folder.name, "out.arrow")
    m.raw(pcap(frames), "-o", "arrow:%s?dialect=netfound" % path, *args)
    with open(path, "rb") as f:
        data = f.read()
    os.remove(path)
    return data


def test_P10_arrow_as_netfound_reads_it(m):
    """The table and nothing else, a stream whatever the file's name."""
    frames = traffic(3)
    data = table(m, frames)
    t = Arrow(data)
    same([(c.name, c.type) for c in t.columns], list(zip(COLUMNS, TYPES)))
    same(sorted(json.dumps(r) for r in map(list, zip(*(t.rows[c] for c in COLUMNS)))), expected(frames))
    r = subprocess.run([sys.executable, "-B", os.path.join(os.path.dirname(os.path.abspath(__file__)), "netfound_loader.py")], input=data, capture_output=True)
    assert r.returncode in (0, 77), r.stderr.decode()
    if r.returncode == 0:
        same(sorted(json.dumps(x) for x in json.loads(r.stdout)), expected(frames))
    print("     pyarrow: %s" % ("read" if r.returncode == 0 else "not here"))


def test_P10_labels(m):
    rules = os.path.join(m.folder.name, "rules.csv")
    with open(rules, "w") as f:
        f.write("src_port,label,attack\n1,1,scan\n2,1,\n3,0,\n")
    frames = [(T0 + i, eth(ip4(A, B, 17, udp(i, 99)))) for i in range(1, 5)]
    rows = m.flows(frames, "-p", "netfound", "--labels", rules)
    same({f["src_port"]: f["labels"] for f in rows}, {1: "scan", 2: "1", 3: "0", 4: None})


def test_P10_privacy(m):
    frames = traffic(5)[:200]
    key = os.path.join(m.folder.name, "key")
    with open(key, "w") as f:
        f.write("00" * 31 + "01" + "\n")
    hidden = m.flows(frames, "-p", "netfound", "--anonymize", key)
    same({f["burst_tokens"] for f in hidden}, {None})
    same(sorted(json.dumps(f["bytes"]) for f in hidden), sorted(json.dumps(json.loads(r)[3]) for r in expected(frames)))
    same([f for f in m.flows(frames, "-p", "netfound", "--no-identity") if "burst_tokens" in f], [])


def test_P10_snapshots(m):
    c = Conn().open().send(0, ACK | PSH, b"a" * 20).send(1, ACK, dt=30 * MS).send(1, ACK | PSH, b"b" * 99).send(0, ACK, dt=50 * MS)
    flows = m.flows(c.frames, "-p", "netfound", "--snapshot", "1,2,3,4,5,6")
    for n, f in enumerate(flows[:6], 1):
        same([json.dumps([f[c] for c in COLUMNS])], expected(c.frames[:n]), n)


main(globals())
