#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Items P1 and P2: the first packets of a flow one by one, and what its packets say, beside the same worked out
from the frames of a made capture."""
import random

from packets import *
from run import main, same


def capture(seed, n=1500):
    """[(ns, side, flow, proto, frame, payload length, flags, window)]: TCP, UDP and ICMP in turns, some late."""
    rng, out, t, seqs = random.Random(seed), [], T0, {}
    for _ in range(n):
        t += rng.choice((0, 999, 1000, 1001, rng.randrange(5 * MS), rng.randrange(20 * MS)))
        flow = int(rng.expovariate(0.15))
        side = rng.random() < 0.4 and flow in seqs
        seqs[flow] = seqs.get(flow, 0) + 1
        body = b"x" * rng.choice((0, 1, 100, rng.randrange(1400)))
        ends = (A6, B6) if flow % 5 == 4 else (A, B)
        ports, ends = (3000 + flow, 80), ends[::-1] if side else ends
        ports = ports[::-1] if side else ports
        flags, window, proto = rng.choice((ACK, PSH | ACK, 0x40 | ACK, URG | ACK)), rng.randrange(65536), 17 if flow % 3 == 2 else 6
        flags, window = (flags, window) if proto == 6 else (0, 0)
        l4 = tcp(*ports, flags, seqs[flow], 0, body, window) if proto == 6 else udp(*ports, body)
        late = rng.randrange(3 * MS) if rng.random() < 0.05 else 0
        out.append((t - late, int(side), flow, proto, ip(*ends, proto, l4), len(body), flags, window))
    return out


def sequences(packets, n):
    """Port of the flow -> its lists."""
    flows, newest = {}, {}
    for t, side, flow, _, frame, body, flags, window in packets:
        rows = flows.setdefault(3000 + flow, [])
        gap = max(0, t - newest.get(flow, t)) // 1000
        newest[flow] = max(t, newest.get(flow, t))
        if len(rows) < n:
            rows.append((side, len(frame), body, gap, flags, window))
    return {k: [list(x) for x in zip(*v)] for k, v in flows.items()}


NAMES = ("direction", "ip_bytes", "payload_bytes", "gap_us", "tcp_flags", "tcp_window")


def test_P1_sequences(m):
    for seed, n, args in ((1, 32, ()), (2, 1, ("--splt", "1")), (3, 7, ("--splt", "7")), (4, 255, ("--splt", "255"))):
        packets = capture(seed)
        got = m.flows([(p[0], eth(p[4])) for p in packets], "-p", "splt", *args)
        want = sequences(packets, n)
        same(len(got), len(want))
        for f in got:
            port = f["src_port"] if f["src_port"] >= 3000 else f["dst_port"]
            same([f["splt_" + c] for c in NAMES], want[port], (seed, port))
        same(max(len(f["splt_direction"]) for f in got), min(n, max(len(w[0]) for w in want.values())))


def test_P1_interim_records_tell_what_there_is(m):
    packets = [(T0 + i * S, eth(ip(A, B, 17, udp(1, 2, b"x" * i)))) for i in range(10)]
    got = m.flows(packets, "-p", "splt", "--splt", "5", "--snapshot", "1,3,8")
    same([f["splt_payload_bytes"] for f in got], [[0], [0, 1, 2], [0, 1, 2, 3, 4], [0, 1, 2, 3, 4]])
    same(got[-1]["splt_gap_us"], [0] + [1000000] * 4)


def test_P1_as_csv(m):
    packets = [(T0 + i * MS, eth(ip(A, B, 6, tcp(1, 2, SYN)))) for i in range(3)]
    text = m.raw(pcap(packets), "-e", "flow", "-o", "csv:-?columns=splt_gap_us,splt_tcp_flags,src_port", text=True)
    same(text.decode(), "splt_gap_us,splt_tcp_flags,src_port\n0;1000;1000,2;2;2,1\n")


def test_P1_config_file(m):
    packets = [(T0 + i * MS, eth(ip(A, B, 17, udp(1, 2)))) for i in range(9)]
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
        f.write("splt: 4\n")
        f.flush()
        same([len(r["splt_gap_us"]) for r in m.flows(packets, "-p", "splt", "-c", f.name)], [4])
        same([len(r["splt_gap_us"]) for r in m.flows(packets, "-p", "splt", "-c", f.name, "--splt", "6")], [6])


main(globals())
