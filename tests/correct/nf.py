#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Items P6 and P7: profiles nf-v3 and nf-v3-compat: the columns of the NF-*-v3 data sets beside the same worked out
from the frames of a made capture, and beside rows that were published."""
import csv
import io
import math
import random
import struct
from fractions import Fraction

from packets import *
from run import main, near, same

HEADER = ("FLOW_START_MILLISECONDS,FLOW_END_MILLISECONDS,IPV4_SRC_ADDR,L4_SRC_PORT,IPV4_DST_ADDR,L4_DST_PORT,PROTOCOL,"
          "L7_PROTO,IN_BYTES,IN_PKTS,OUT_BYTES,OUT_PKTS,TCP_FLAGS,CLIENT_TCP_FLAGS,SERVER_TCP_FLAGS,"
          "FLOW_DURATION_MILLISECONDS,DURATION_IN,DURATION_OUT,MIN_TTL,MAX_TTL,LONGEST_FLOW_PKT,SHORTEST_FLOW_PKT,"
          "MIN_IP_PKT_LEN,MAX_IP_PKT_LEN,SRC_TO_DST_SECOND_BYTES,DST_TO_SRC_SECOND_BYTES,RETRANSMITTED_IN_BYTES,"
          "RETRANSMITTED_IN_PKTS,RETRANSMITTED_OUT_BYTES,RETRANSMITTED_OUT_PKTS,SRC_TO_DST_AVG_THROUGHPUT,"
          "DST_TO_SRC_AVG_THROUGHPUT,NUM_PKTS_UP_TO_128_BYTES,NUM_PKTS_128_TO_256_BYTES,NUM_PKTS_256_TO_512_BYTES,"
          "NUM_PKTS_512_TO_1024_BYTES,NUM_PKTS_1024_TO_1514_BYTES,TCP_WIN_MAX_IN,TCP_WIN_MAX_OUT,ICMP_TYPE,ICMP_IPV4_TYPE,"
          "DNS_QUERY_ID,DNS_QUERY_TYPE,DNS_TTL_ANSWER,FTP_COMMAND_RET_CODE,SRC_TO_DST_IAT_MIN,SRC_TO_DST_IAT_MAX,"
          "SRC_TO_DST_IAT_AVG,SRC_TO_DST_IAT_STDDEV,DST_TO_SRC_IAT_MIN,DST_TO_SRC_IAT_MAX,DST_TO_SRC_IAT_AVG,"
          "DST_TO_SRC_IAT_STDDEV")
COLUMNS = HEADER.split(",")
SIDES = ("SRC_TO_DST", "IN", "CLIENT"), ("DST_TO_SRC", "OUT", "SERVER")
V2, V3 = "2", "3"


# ---- what the columns are, of packets: dicts with t, side, len, ttl, proto, flags, window, ends, ports, and more

def cut(packets):
    """Flows by key, ended by a gap of 30 s or 120 s after the first packet."""
    open_, done = {}, []
    for p in packets:
        key = p["proto"], frozenset(zip(p["ends"], p["ports"]))
        flow = open_.get(key)
        if flow is not None and (p["t"] - flow[-1]["t"] >= 30 * S or p["t"] - flow[0]["t"] >= 120 * S):
            flow = None
        if flow is None:
            flow = open_[key] = []
            done.append(flow)
        flow.append(p)
    return done


def seconds(packets):
    """Bytes and times of each second of the clock that has packets."""
    out = []
    for p in packets:
        if not out or out[-1][0] != p["t"] // S:
            out.append((p["t"] // S, 0, []))
        out[-1][2].append(p["t"] // MS)
        out[-1] = out[-1][0], out[-1][1] + p["len"], out[-1][2]
    return out


def iat(name, packets):
    gaps = [b["t"] - a["t"] for a, b in zip(packets, packets[1:])]
    out = dict.fromkeys((name + "_IAT_" + x for x in ("MIN", "MAX", "AVG", "STDDEV")))
    if gaps:
        out.update(zip(out, (min(gaps) // MS, max(gaps) // MS, sum(gaps) // len(gaps) // MS)))
    if len(gaps) > 1:
        mean = Fraction(sum(gaps), len(gaps))
        out[name + "_IAT_STDDEV"] = int(math.sqrt(sum((g - mean) ** 2 for g in gaps) / (len(gaps) - 1)) / MS)
    return out


def clean(flow):
    f, r = flow[0], dict.fromkeys(COLUMNS)
    sides = [[p for p in flow if (p["ends"], p["ports"]) == (f["ends"], f["ports"])],
             [p for p in flow if (p["ends"], p["ports"]) != (f["ends"], f["ports"])]]
    is_tcp, lens = f["proto"] == 6, [p["len"] for p in flow]
    span = flow[-1]["t"] - f["t"]
    r.update(FLOW_START_MILLISECONDS=f["t"] // MS, FLOW_END_MILLISECONDS=flow[-1]["t"] // MS, IPV4_SRC_ADDR=f["ends"][0],
             IPV4_DST_ADDR=f["ends"][1], L4_SRC_PORT=f["ports"][0], L4_DST_PORT=f["ports"][1], PROTOCOL=f["proto"],
             FLOW_DURATION_MILLISECONDS=span // MS, MIN_TTL=min(p["ttl"] for p in flow), MAX_TTL=max(p["ttl"] for p in flow),
             LONGEST_FLOW_PKT=max(lens), SHORTEST_FLOW_PKT=min(lens), MIN_IP_PKT_LEN=min(lens), MAX_IP_PKT_LEN=max(lens),
             NUM_PKTS_UP_TO_128_BYTES=sum(n <= 128 for n in lens), NUM_PKTS_128_TO_256_BYTES=sum(128 < n <= 256 for n in lens),
             NUM_PKTS_256_TO_512_BYTES=sum(256 < n <= 512 for n in lens),
             NUM_PKTS_512_TO_1024_BYTES=sum(512 < n <= 1024 for n in lens),
             NUM_PKTS_1024_TO_1514_BYTES=sum(1024 < n <= 1514 for n in lens))
    flags = [0, 0]
    for d, ((to, way, who), packets) in enumerate(zip(SIDES, sides)):
        total = sum(p["len"] for p in packets)
        r.update({way + "_PKTS": len(packets), way + "_BYTES": total})
        r.update(iat(to, packets))
        for p in packets:
            flags[d] |= p["flags"]
        if span >= 1000:
            r[to + "_AVG_THROUGHPUT"] = total * 8 * 1000000 // (span // 1000)
        if packets:
            r["DURATION_" + way] = (packets[-1]["t"] - packets[0]["t"]) // MS
            r[to + "_SECOND_BYTES"] = max(s[1] for s in seconds(packets))
            r["TCP_WIN_MAX_" + way] = max(p["window"] for p in packets) if is_tcp else None
        if is_tcp:
            r.update({"RETRANSMITTED_%s_PKTS" % way: 0, "RETRANSMITTED_%s_BYTES" % way: 0, who + "_TCP_FLAGS": flags[d]})
    if is_tcp:
        r["TCP_FLAGS"] = flags[0] | flags[1]
    if f["proto"] in (1, 58):
        r.update(ICMP_TYPE=f["icmp"][0] * 256 + f["icmp"][1], ICMP_IPV4_TYPE=f["icmp"][0] if f["proto"] == 1 else None)
    return r, sides


def compat(flow, version):
    r, sides = clean(flow)
    ms = r["FLOW_DURATION_MILLISECONDS"]
    for d, (to, way, _) in enumerate(SIDES):
        by_second = seconds(sides[d])
        if version == V2:
            r[to + "_SECOND_BYTES"] = float("".join(str(s[1]) for s in by_second) or 0)
            _, last, times = by_second[-1] if by_second else (0, 0, [0])
            r[to + "_AVG_THROUGHPUT"] = last // max(1, times[-1] - times[0]) * 8 * 1000
        else:
            r[to + "_SECOND_BYTES"] = r[SIDES[1 - d][1] + "_BYTES"] // ms if ms else None
            r[to + "_AVG_THROUGHPUT"] = r[way + "_BYTES"] * 8 * 1000 // (ms + 1)
        if not sides[d]:
            r["MIN_IP_PKT_LEN"] = 0
    if version == V2 and ms:
        r["FLOW_DURATION_MILLISECONDS"] = (4294967296 - (flow[-1]["t"] - flow[0]["t"]) // 1000) // 1000
    nulls = {"SRC_TO_DST_SECOND_BYTES", "DST_TO_SRC_SECOND_BYTES"} if version == V3 else set()
    return {k: 0 if v is None and k not in nulls else v for k, v in r.items()}


# ---- packets

def packet(t, ends, ports, proto, length, ttl=64, flags=0, window=0, seq=0, icmp=None, body=None):
    """With the frame of it, length bytes from the IP header on."""
    head = 40 if ":" in ends[0] else 20
    room = length - head - {6: 20, 17: 8, 1: 4, 58: 4}[proto]
    body = b"\0" * room if body is None else body
    l4 = (tcp(*ports, flags, seq, 0, body, window) if proto == 6 else udp(*ports, body) if proto == 17 else
          struct.pack("!BBH", *icmp, 0) + body)
    whole = ip(*ends, proto, l4, **({} if head == 40 else {"ttl": ttl}))
    same(len(whole), length)
    return {"t": t, "ends": ends, "ports": ports if proto in (6, 17) else (0, 0), "proto": proto, "len": length, "ttl": ttl if head == 20 else 64,
            "flags": flags, "window": window, "icmp": icmp, "frame": eth(whole)}


def made(seed, n=3000):
    """TCP without anything sent twice, UDP, ICMP echo, both versions of IP, gaps up to beyond the timeouts."""
    rng, out, t, seqs = random.Random(seed), [], T0, {}
    for _ in range(n):
        t += rng.choice((0, 999, 999999, rng.randrange(20 * MS), rng.randrange(200 * MS), rng.randrange(2 * S)))
        if rng.random() < 0.004:
            t += rng.randrange(40 * S)
        k = int(rng.expovariate(0.3))
        side, proto = rng.random() < 0.4, (6, 17, 6, 1)[k % 4]
        v6 = k % 5 == 4
        ends, ports = ((A6, B6) if v6 else (A, B)), (3000 + k, 80)
        if side:
            ends, ports = ends[::-1], ports[::-1]
        length = rng.choice((0, 1, 40, rng.randrange(300), rng.randrange(1400), rng.choice((129, 257, 513, 1025, 1500, 1514)) - 60)) + 60
        if proto == 1:  # one flow each of IPv4 and IPv6
            kind = (129 if side else 128) if v6 else (0 if side else 8)
            out.append(packet(t, ends, ports, 58 if v6 else 1, length, icmp=(kind, 0), ttl=rng.randrange(1, 255)))
            continue
        at = k, side
        seqs.setdefault(at, 1000)
        body = length - (40 if v6 else 20) - 20
        out.append(packet(t, ends, ports, proto, length, rng.randrange(1, 256), rng.choice((PSH | ACK, 0x40 | ACK, URG | ACK, ACK)) if proto == 6 else 0,
                          rng.randrange(1, 65536) if proto == 6 else 0, seqs[at]))
        seqs[at] += body
    return out


def rows(m, packets, dialect, *args):
    """The table, and its rows with numbers where there are some."""
    text = m.raw(pcap([(p["t"], p["frame"]) for p in packets]), "-e", "flow", "-o", "csv:-?dialect=" + dialect, *args, text=True).decode()
    same(text.splitlines()[0], HEADER)
    out = []
    for row in csv.DictReader(io.StringIO(text)):
        out.append({k: None if v == "" else v if k.startswith("IPV4") else float(v) if "." in v or "e" in v else int(v) for k, v in row.items()})
    return out


def order(r):
    return r["FLOW_START_MILLISECONDS"], r["PROTOCOL"], r["IPV4_SRC_ADDR"], r["L4_SRC_PORT"], r["FLOW_END_MILLISECONDS"]


def compare(got, want, what):
    same(len(got), len(want), what)
    for g, w in zip(sorted(got, key=order), sorted(want, key=order)):
        for c in COLUMNS:
            if isinstance(w[c], float):  # as text: 15 digits
                near(g[c], w[c], (what, order(w), c), 1e-14)
            else:
                same(g[c], w[c], (what, order(w), c))


def by_tcp(want, got):
    """What is a retransmission the tcp profile decides; that is looked at on its own."""
    for g, w in zip(sorted(got, key=order), sorted(want, key=order)):
        for c in COLUMNS:
            if c.startswith("RETRANS") and w[c] is not None:
                w[c] = g[c]
    return want


def test_P6_columns(m):
    flows = 0
    for seed in range(1, 7):
        packets = made(seed)
        want = cut(packets)
        flows += len(want)
        got = rows(m, packets, "nf-v3")
        compare(got, by_tcp([clean(f)[0] for f in want], got), "clean %d" % seed)
        for version in V2, V3:
            got = rows(m, packets, "nf-v3-compat", "--nf-compat", version)
            compare(got, by_tcp([compat(f, version) for f in want], got), "compat %s %d" % (version, seed))
    assert flows > 300, flows


def test_P6_nobody_knows_ndpi(m):
    p = [packet(T0, (A, B), (5, 6), 17, 60)]
    same([r["L7_PROTO"] for r in rows(m, p, "nf-v3")], [None])
    same([r["L7_PROTO"] for r in rows(m, p, "nf-v3-compat")], [0])


def test_P6_retransmissions(m):
    c = Conn().open().send(0, PSH | ACK, b"x" * 100).send(1, ACK).send(1, PSH | ACK, b"y" * 50).send(0, ACK)
    c.send(0, PSH | ACK, b"x" * 100, seq=1001, dt=S).send(1, ACK)
    r, = rows(m, [{"t": t, "frame": f} for t, f in c.frames], "nf-v3")
    same([r["RETRANSMITTED_" + x] for x in ("IN_BYTES", "IN_PKTS", "OUT_BYTES", "OUT_PKTS")], [100, 1, 0, 0])


def dns(ident, name, answers=(), question=1):
    """answers: (type, ttl)"""
    q = b"".join(bytes([len(x)]) + x.encode() for x in name.split(".")) + b"\0" + struct.pack("!HH", question, 1)
    out = struct.pack("!HHHHHH", ident, 0x8180 if answers else 0x0100, 1, len(answers), 0, 0) + q
    for kind, ttl in answers:
        data = b"\1\2\3\4" if kind == 1 else b"\xc0\x0c"
        out += b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, ttl, len(data)) + data
    return out


def names(m, messages, proto=17, port=53, dialect="nf-v3"):
    """messages: (side, body). The four columns of the flow."""
    packets = []
    for i, (side, body) in enumerate(messages):
        ends, ports = ((A, B), (4000, port)) if side == 0 else ((B, A), (port, 4000))
        packets.append(packet(T0 + i * MS, ends, ports, proto, len(body) + (28 if proto == 17 else 40), body=body, flags=PSH | ACK if proto == 6 else 0, seq=1000 + 100 * i))
    r, = rows(m, packets, dialect)
    return [r[c] for c in ("DNS_QUERY_ID", "DNS_QUERY_TYPE", "DNS_TTL_ANSWER", "FTP_COMMAND_RET_CODE")]


def test_P6_dns(m):
    ask = 0, dns(1143, "a.example", question=28)
    same(names(m, [ask]), [1143, 28, None, None])
    same(names(m, [ask], dialect="nf-v3-compat"), [1143, 28, 0, 0])
    same(names(m, [ask, (1, dns(1143, "a.example", ((5, 7), (1, 35), (1, 9)), 28))]), [1143, 28, 35, None])
    same(names(m, [ask, (1, dns(9, "a.example", ((1, 5),))), (1, dns(1143, "a.example", ((1, 0),)))]), [1143, 28, 0, None])
    same(names(m, [ask, (0, dns(2, "b.example")), (1, dns(1143, "a.example", ((1, 3),))), (1, dns(1143, "a.example", ((1, 4),)))]),
         [1143, 28, 3, None])
    same(names(m, [ask], port=54), [None] * 4)
    same(names(m, [(0, b"\0\1")]), [None] * 4)


def test_P6_ftp(m):
    same(names(m, [(1, b"220 welcome\r\n")], 6, 21), [None, None, None, 220])
    same(names(m, [(1, b"220-welcome\r\n"), (0, b"999 no\r\n"), (1, b"331 password\r\n"), (1, b"530 \r\n"), (1, b"12 x"), (1, b"5301\r\n")], 6, 21),
         [None, None, None, 530])
    same(names(m, [(1, b"220 welcome\r\n")], 6, 22), [None] * 4)
    same(names(m, [(1, b"220 welcome\r\n")], 17, 21), [None] * 4)


def test_P6_many_packets(m):
    packets = [packet(T0 + i * 1000, (A, B), (5, 6), 17, 30 if i % 3 else 200) for i in range(200000)]
    r, = rows(m, packets, "nf-v3")
    w = clean(packets)[0]
    same([r[c] for c in COLUMNS], [w[c] for c in COLUMNS])
    assert r["NUM_PKTS_UP_TO_128_BYTES"] > 65536 * 2


def test_P6_digits_without_end(m):
    """More seconds than a float64 has digits for; and one less."""
    for n, length in ((308, 29), (309, 29), (154, 29), (155, 29), (18, 29), (9, 60), (10, 60), (61, 100), (103, 1000), (600, 29)):
        packets = [packet(T0 + i * S, (A, B), (5, 6), 17, length) for i in range(n)]
        r, = rows(m, packets, "nf-v3-compat", "--active-timeout", "3600")
        digits = float("".join(str(length) for _ in range(n)))
        if math.isfinite(digits):
            near(r["SRC_TO_DST_SECOND_BYTES"], digits, (n, length), 1e-14)
        else:
            same(r["SRC_TO_DST_SECOND_BYTES"], None, (n, length))


# ---- rows that were published

def one_way(t, *lengths, proto=6, side=0, flags=0, ttl=64, window=0, ports=(1000, 80)):
    """t: ns of each"""
    ends = (A, B) if side == 0 else (B, A)
    return [packet(x, ends, ports if side == 0 else ports[::-1], proto, n, ttl, flags, window) for x, n in zip(t, lengths)]


def published(m, packets, version, **want):
    packets = sorted(packets, key=lambda p: p["t"])
    r, = rows(m, packets, "nf-v3-compat", "--nf-compat", version)
    same({k: r[k] for k in want}, want)


def test_P7_rows_of_v2(m):
    """NF-UQ-NIDS-v2, as fkie-cad/COMIDDS quotes it. Lengths and times are those that the row tells; within a
    second of the clock where there is but one number of bytes."""
    # 192.168.1.31 -> 192.168.1.193
    published(m, one_way([T0], 44) + one_way([T0], 40, side=1), V2, IN_BYTES=44, OUT_BYTES=40, FLOW_DURATION_MILLISECONDS=0,
              DURATION_IN=0, DURATION_OUT=0, LONGEST_FLOW_PKT=44, SHORTEST_FLOW_PKT=40, MIN_IP_PKT_LEN=40, MAX_IP_PKT_LEN=44,
              SRC_TO_DST_SECOND_BYTES=44, DST_TO_SRC_SECOND_BYTES=40, SRC_TO_DST_AVG_THROUGHPUT=352000,
              DST_TO_SRC_AVG_THROUGHPUT=320000, NUM_PKTS_UP_TO_128_BYTES=2)
    # 192.168.100.147 -> 192.168.100.7
    udp_ = {"OUT_PKTS": 0, "DURATION_OUT": 0, "LONGEST_FLOW_PKT": 28, "SHORTEST_FLOW_PKT": 28, "MIN_IP_PKT_LEN": 0, "MAX_IP_PKT_LEN": 28,
            "DST_TO_SRC_SECOND_BYTES": 0, "SRC_TO_DST_AVG_THROUGHPUT": 224000, "DST_TO_SRC_AVG_THROUGHPUT": 0}
    t = T0 + 500 * MS
    published(m, one_way([t, t + 1059 * MS, t + 1061 * MS], 28, 28, 28, proto=17), V2, IN_BYTES=84, IN_PKTS=3,
              FLOW_DURATION_MILLISECONDS=4293906, DURATION_IN=1061, SRC_TO_DST_SECOND_BYTES=2856, NUM_PKTS_UP_TO_128_BYTES=3, **udp_)
    # 192.168.100.150 -> 192.168.100.3, 192.168.100.147 -> 192.168.100.5
    for ms, wrapped in ((905, 4294062), (969, 4293998)):
        published(m, one_way([t, t + ms * MS], 28, 28, proto=17), V2, IN_BYTES=56, IN_PKTS=2, FLOW_DURATION_MILLISECONDS=wrapped,
                  DURATION_IN=ms, SRC_TO_DST_SECOND_BYTES=2828, NUM_PKTS_UP_TO_128_BYTES=2, **udp_)
    # 192.168.1.39 -> 192.168.1.1
    ask, answer = dns(1143, "a.b.example.com"), dns(1143, "a.b.example.com", ((1, 35), (1, 50)))
    ask, answer = ask + b"\0" * (40 - len(ask)), answer + b"\0" * (72 - len(answer))
    published(m, [packet(T0, (A, B), (60288, 53), 17, 68, body=ask), packet(T0 + 1, (B, A), (53, 60288), 17, 100, body=answer)], V2,
              IN_BYTES=68, OUT_BYTES=100, LONGEST_FLOW_PKT=100, SHORTEST_FLOW_PKT=68, MIN_IP_PKT_LEN=68, SRC_TO_DST_SECOND_BYTES=68,
              DST_TO_SRC_SECOND_BYTES=100, SRC_TO_DST_AVG_THROUGHPUT=544000, DST_TO_SRC_AVG_THROUGHPUT=800000, DNS_QUERY_ID=1143,
              DNS_QUERY_TYPE=1, DNS_TTL_ANSWER=35)
    # 52.14.136.135 -> 172.31.69.28
    ms = [T0 + x * MS for x in (0, 10, 20, 30, 46)]
    published(m, one_way(ms, 40, 40, 40, 40, 361, flags=27, ttl=127, window=65535) + one_way([x + MS // 2 for x in ms], 40, 40, 52, 40, 975, side=1, flags=27, ttl=127, window=26883), V2,
              IN_BYTES=521, IN_PKTS=5, OUT_BYTES=1147, OUT_PKTS=5, FLOW_DURATION_MILLISECONDS=4294920, DURATION_IN=46, DURATION_OUT=46, TCP_FLAGS=27,
              CLIENT_TCP_FLAGS=27, SERVER_TCP_FLAGS=27, MIN_TTL=127, MAX_TTL=127, SRC_TO_DST_SECOND_BYTES=521, DST_TO_SRC_SECOND_BYTES=1147,
              SRC_TO_DST_AVG_THROUGHPUT=88000, DST_TO_SRC_AVG_THROUGHPUT=192000, NUM_PKTS_UP_TO_128_BYTES=8,
              NUM_PKTS_256_TO_512_BYTES=1, NUM_PKTS_512_TO_1024_BYTES=1, TCP_WIN_MAX_IN=65535, TCP_WIN_MAX_OUT=26883)
    # 192.168.1.31 -> 192.168.1.49, 192.168.1.30 -> 192.168.1.180
    for n, rate in ((44, 352000), (48, 384000)):
        published(m, one_way([T0], n, flags=2, window=1024), V2, IN_BYTES=n, OUT_PKTS=0, TCP_FLAGS=2, CLIENT_TCP_FLAGS=2, SERVER_TCP_FLAGS=0,
                  MIN_IP_PKT_LEN=0, MAX_IP_PKT_LEN=n, SRC_TO_DST_SECOND_BYTES=n, SRC_TO_DST_AVG_THROUGHPUT=rate, TCP_WIN_MAX_IN=1024, TCP_WIN_MAX_OUT=0)
    # 192.168.100.150 -> 192.168.100.3
    published(m, one_way([t, t + 2139 * MS, t + 2141 * MS], 140, 140, 40, window=512) + one_way([t + 2140 * MS], 44, side=1, window=29200), V2,
              IN_BYTES=320, IN_PKTS=3, OUT_BYTES=44, OUT_PKTS=1, FLOW_DURATION_MILLISECONDS=4292826, DURATION_IN=2141, DURATION_OUT=0, LONGEST_FLOW_PKT=140,
              SHORTEST_FLOW_PKT=40, MIN_IP_PKT_LEN=40, MAX_IP_PKT_LEN=140, SRC_TO_DST_SECOND_BYTES=140180, DST_TO_SRC_SECOND_BYTES=44, SRC_TO_DST_AVG_THROUGHPUT=720000,
              DST_TO_SRC_AVG_THROUGHPUT=352000, NUM_PKTS_UP_TO_128_BYTES=2, NUM_PKTS_128_TO_256_BYTES=2, TCP_WIN_MAX_IN=512, TCP_WIN_MAX_OUT=29200)
    # 59.166.0.8 -> 149.171.126.3
    there, back = [52] * 14 + [329, 483 - 0], [52] * 16 + [329, 483]
    there[-1], back[-1] = 1540 - sum(there[:-1]), 1644 - sum(back[:-1])
    published(m, one_way([T0] * 16, *there, flags=27, window=10136) + one_way([T0] * 18, *back, side=1, flags=27, window=10136), V2, IN_BYTES=1540,
              IN_PKTS=16, OUT_BYTES=1644, OUT_PKTS=18, FLOW_DURATION_MILLISECONDS=0, SRC_TO_DST_SECOND_BYTES=1540, DST_TO_SRC_SECOND_BYTES=1644,
              SRC_TO_DST_AVG_THROUGHPUT=12320000, DST_TO_SRC_AVG_THROUGHPUT=13152000)


def test_P7_a_row_of_v3(m):
    """NF-CICIDS2018-v3, 13.58.98.64 -> 172.31.69.25: 369 ms."""
    there = [52] * 22 + [3148 - 52 * 22]
    back = [52] * 21 + [1028, 3869 - 52 * 21 - 1028]
    ms = [T0 + 480 * MS + x * 368 * MS // 22 for x in range(23)]
    published(m, one_way(ms, *there, flags=27) + one_way([x + MS for x in ms], *back, side=1, flags=27), V3, IN_BYTES=3148, IN_PKTS=23,
              OUT_BYTES=3869, OUT_PKTS=23, FLOW_DURATION_MILLISECONDS=369, DURATION_IN=368, DURATION_OUT=368, SRC_TO_DST_SECOND_BYTES=10,
              DST_TO_SRC_SECOND_BYTES=8, SRC_TO_DST_AVG_THROUGHPUT=68064, DST_TO_SRC_AVG_THROUGHPUT=83654, SRC_TO_DST_IAT_AVG=16, DST_TO_SRC_IAT_AVG=16)


# ---- the rest

def test_P6_flows_end_as_nprobe_was_told(m):
    """30 s of silence, or 120 s since the first packet; the sender of the first packet is the client, of a SYN-ACK too."""
    p = one_way([T0, T0 + 30 * S - 1, T0 + 60 * S - 1], 60, 60, 60, proto=17)
    same([r["IN_PKTS"] for r in rows(m, p, "nf-v3")], [2, 1])
    p = one_way([T0 + i * 20 * S for i in range(8)], *[60] * 8, proto=17)
    same([r["IN_PKTS"] for r in rows(m, p, "nf-v3")], [6, 2])
    same([r["IN_PKTS"] for r in rows(m, p, "nf-v3", "--active-timeout", "60")], [3, 3, 2])
    r, = rows(m, one_way([T0], 60, side=1, flags=SYN | ACK), "nf-v3")
    same((r["IPV4_SRC_ADDR"], r["IN_PKTS"], r["OUT_PKTS"]), (B, 1, 0))


def test_P6_anonymous(m):
    p = one_way([T0], 60)
    for dialect in "nf-v3", "nf-v3-compat":
        plain, = rows(m, p, dialect)
        with open(m.folder.name + "/key", "w") as f:
            f.write("00" * 31 + "01" + "\n")
        hidden, = rows(m, p, dialect, "--anonymize", m.folder.name + "/key")
        changed = [c for c in COLUMNS if plain[c] != hidden[c]]
        same(changed, ["IPV4_SRC_ADDR", "IPV4_DST_ADDR"])


def test_P6_both_at_once(m):
    """In one run; the columns of one name are then those of compat."""
    p = one_way([T0, T0 + MS], 60, 60)
    got = m.raw(pcap([(x["t"], x["frame"]) for x in p]), "-e", "flow", "-p", "nf-v3,nf-v3-compat,nf-v3")
    same([f["features"]["FLOW_DURATION_MILLISECONDS"] for f in got], [4294966])
    got = m.raw(pcap([(x["t"], x["frame"]) for x in p]), "-e", "flow", "-p", "nf-v3")
    same([f["features"]["FLOW_DURATION_MILLISECONDS"] for f in got], [1])


main(globals())
