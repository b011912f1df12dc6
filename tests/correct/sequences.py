#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Items P1 to P3: the first packets of a flow one by one, and what its packets say, beside the same worked out
from the frames of a made capture."""
import math
import random
from fractions import Fraction

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


def mean_std(values):
    """Of the sample; None where there is none."""
    n = len(values)
    mean = Fraction(sum(values), n) if n else None
    std = math.sqrt(sum((v - mean) ** 2 for v in values) / (n - 1)) if n > 1 else None
    return mean and float(mean) if n else None, std


def said(packets):
    """Port of the flow -> what its packets say."""
    flows, newest, gaps = {}, {}, {}
    for t, side, flow, proto, frame, body, flags, _ in packets:
        f = flows.setdefault(3000 + flow, ([], []))
        v6 = frame[0] >> 4 == 6
        tos, ttl = ((frame[0] << 4 | frame[1] >> 4) & 255, frame[7]) if v6 else (frame[1], frame[8])
        f[side].append((t, body, flags, ttl, tos, proto))
        if flow in newest:
            gaps.setdefault(3000 + flow, []).append(max(0, t - newest[flow]))
        newest[flow] = max(t, newest.get(flow, t))
    out = {}
    for port, sides in flows.items():
        o = out[port] = {}
        tcp_flow = (sides[0] or sides[1])[0][5] == 6
        for d, rows in zip(("fwd_", "rev_"), sides):
            bodies, none = [r[1] for r in rows], not rows
            mean, std = mean_std(bodies)
            for name, value in (("first_seen", none or min(r[0] for r in rows)), ("last_seen", none or max(r[0] for r in rows)),
                                ("ttl_min", none or min(r[3] for r in rows)), ("ttl_max", none or max(r[3] for r in rows)),
                                ("dscp", none or rows[0][4] >> 2), ("payload_bytes_min", none or min(bodies)),
                                ("payload_bytes_max", none or max(bodies)), ("payload_bytes_mean", none or mean)):
                o[d + name] = None if none else value
            o[d + "payload_bytes_std"] = std
            for i, flag in enumerate(FLAGS):
                o[d + flag + "_packets"] = sum(r[2] >> i & 1 for r in rows) if tcp_flow else None
        g = gaps.get(port, [])
        mean, std = mean_std(g)
        o["iat_min_us"], o["iat_max_us"] = (min(g) / 1000, max(g) / 1000) if g else (None, None)
        o["iat_mean_us"], o["iat_std_us"] = mean if mean is None else mean / 1000, std if std is None else std / 1000
    return out


FLAGS = ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr")


def close(a, b):
    return a == b if a is None or b is None else abs(a - b) <= 1e-9 * max(abs(a), abs(b))


def test_P2_packets(m):
    for seed in 11, 12, 13:
        packets = capture(seed)
        got = m.flows([(p[0], eth(p[4])) for p in packets], "-p", "packets")
        want = said(packets)
        same(len(got), len(want))
        for f in got:
            w = want[f["src_port"] if f["src_port"] >= 3000 else f["dst_port"]]
            for name, value in w.items():
                if name.endswith("_seen") and value is not None:
                    same(f[name], float("%d.%06d" % (value // S, value % S // 1000)), name)
                else:
                    assert close(f[name], value), (seed, name, f[name], value)


def test_P2_long_gaps_and_many_flags(m):
    """Beyond what the narrow counters hold: 40000 packets, gaps of hours."""
    gaps, t, out, bodies = [], T0, [], []
    rng = random.Random(5)
    for i in range(40000):
        gap = rng.randrange(10 * S) if i % 100 else rng.randrange(6000 * S)
        t += gap if i else 0
        gaps += [gap] if i else []
        bodies.append(i % 1400)
        out.append((t, eth(ip(A, B, 6, tcp(1000, 80, PSH | ACK, i, 0, b"x" * (i % 1400))))))
    f, = m.flows(out, "-p", "packets", "--idle-timeout", "86400", "--active-timeout", "2592000")[-1:]
    same((f["fwd_psh_packets"], f["fwd_ack_packets"], f["fwd_syn_packets"], f["rev_ack_packets"]), (40000, 40000, 0, 0))
    mean, std = mean_std(gaps)
    for name, value in (("min", min(gaps)), ("max", max(gaps)), ("mean", mean), ("std", std)):
        assert close(f["iat_%s_us" % name], value / 1000), name
    mean, std = mean_std(bodies)
    assert close(f["fwd_payload_bytes_mean"], mean) and close(f["fwd_payload_bytes_std"], std)
    same((f["fwd_payload_bytes_min"], f["fwd_payload_bytes_max"]), (0, 1399))


def test_P2_first_sequence_numbers(m):
    c = Conn(isn=(4000000000, 77)).open().send(0, ACK, b"x").close()
    f, = m.flows(c.frames, "-p", "packets")
    same([f[k] for k in ("fwd_tcp_isn", "rev_tcp_isn", "fwd_syn_packets", "rev_syn_packets", "fwd_fin_packets", "rev_fin_packets")],
         [4000000000, 77, 1, 1, 1, 1])
    f, = m.flows(c.frames[3:], "-p", "packets")
    same((f["fwd_tcp_isn"], f["rev_tcp_isn"]), (None, None), "no SYN was seen")


def test_P2_ttl_and_dscp(m):
    packets = [(T0 + i * MS, eth(ip4(*ends, 17, udp(*ports), ttl=ttl, tos=tos))) for i, (ends, ports, ttl, tos) in enumerate((
        ((A, B), (1, 2), 60, 46 << 2 | 3), ((A, B), (1, 2), 0, 0), ((A, B), (1, 2), 255, 4), ((B, A), (2, 1), 7, 8 << 2)))]
    f, = m.flows(packets, "-p", "packets")
    same([f[d + k] for d in ("fwd_", "rev_") for k in ("ttl_min", "ttl_max", "dscp")], [0, 255, 46, 7, 7, 8])
    same((f["fwd_syn_packets"], f["rev_tcp_isn"]), (None, None), "not TCP")


def test_P3_frames(m):
    def ether(a, b, packet, tags=()):
        return b + a + eth(packet, tags=tags)[12:]
    one, two, three = bytes.fromhex("020000000001"), bytes.fromhex("0a1b2c3d4eff"), bytes.fromhex("020000000003")

    def labelled(a, b, label, ports):
        p = bytearray(ip6(a, b, 17, udp(*ports)))
        p[1:4] = bytes((label >> 16, label >> 8 & 255, label & 255))
        return bytes(p)
    frames = [ether(one, two, labelled(A6, B6, 0x12345, (1, 2))), ether(two, one, labelled(B6, A6, 0xfedcb, (2, 1)), ((0x8100, 7),)),
              ether(three, two, labelled(A6, B6, 0x1, (1, 2)))]
    columns = ("src_mac", "dst_mac", "fwd_flow_label", "rev_flow_label")
    for got, want in ((frames, ["02:00:00:00:00:01", "0a:1b:2c:3d:4e:ff", 0x12345, None]),
                      (frames[:1] + frames[2:], ["02:00:00:00:00:01", "0a:1b:2c:3d:4e:ff", 0x12345, None]),
                      ([ether(two, one, ip4(A, B, 17, udp(1, 2)), ((0x88a8, 5), (0x8100, 6)))],
                       ["0a:1b:2c:3d:4e:ff", "02:00:00:00:00:01", None, None])):
        f = m.flows([(T0 + i * MS, x) for i, x in enumerate(got)], "-p", "link")[0]
        same([f[c] for c in columns], want)
    f, = m.flows([(T0, frames[0]), (T0 + MS, ether(two, one, labelled(B6, A6, 0xfedcb, (2, 1))))], "-p", "link")
    same([f[c] for c in columns], ["02:00:00:00:00:01", "0a:1b:2c:3d:4e:ff", 0x12345, 0xfedcb])
    # a handshake of which the answer is seen first: the initiator's side is that of the destination
    f, = m.flows([(T0, ether(two, one, ip(B, A, 6, tcp(80, 1000, SYN | ACK, 1, 1))))], "-p", "link")
    same((f["src_ip"], f["src_mac"], f["dst_mac"]), (A, "02:00:00:00:00:01", "0a:1b:2c:3d:4e:ff"))
    f, = m.flows([(T0, ip4(A, B, 17, udp(1, 2)))], "-p", "link", linktype=101)
    same([f[c] for c in columns], [None] * 4, "no Ethernet")
    f, = m.flows([(T0, ether(one, two, ip4(A, B, 4, ip4(A, C, 17, udp(1, 2)))))], "-p", "link")
    same([f[c] for c in columns], [None] * 4, "a tunnel")


main(globals())
