#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Item P5: the nfstream profile beside the same worked out from the frames, by what docs/features/nfstream.md says."""
import csv
import io
import random
from math import sqrt

from packets import *
from run import main, same

FLAGS = ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr")
IDLE, ACTIVE = 120_000, 1_800_000
GAPS = (0, 1, 999, 1000, 1001, 250_000, 5_000_000, 60_000_000, 119_998_999, 119_999_001, 119_999_999, 120_000_000)


def capture(seed, flows=60):
    """[(ns, flow, side, protocol, flags, frame)], in order."""
    rng, out = random.Random(seed), []
    for i in range(flows):
        proto = rng.choice((6, 6, 17, 1, 132))
        ends, at = (("10.0.0.%d" % (i + 1), 1000 + i), ("10.9.0.1", 443)), T0 // 1000 + rng.randrange(10 ** 9)
        long_one = i % 10 == 0
        for _ in range(100 if long_one else rng.choice((1, 2, 3, 12, 70))):
            side, flags, body = rng.randrange(2), rng.getrandbits(8), bytes(rng.choice((0, 1, 900, 1400, 9000)))
            (a, s), (b, d) = ends[side], ends[1 - side]
            l4 = tcp(s, d, flags, 1, 1, body) if proto == 6 else udp(s, d, body) if proto == 17 else \
                icmp(rng.choice((0, 3, 8)), 0, body) if proto == 1 else struct.pack("!HHII", s, d, 1, 0) + body
            out.append((at * 1000, i, side, proto, flags if proto == 6 else 0, eth(ip4(a, b, proto, l4))))
            at += rng.choice((0, 999, 60_000_000, 100_000_000) if long_one else GAPS)
    return sorted(out, key=lambda p: p[0])


def cut_into_flows(packets):
    open_, out = {}, []
    for p in packets:
        now, flow = p[0] // 10 ** 6, open_.get(p[1])
        if flow is not None and now - flow["packets"][-1][0] // 10 ** 6 >= IDLE:
            flow = None
        elif flow is not None and now - flow["packets"][0][0] // 10 ** 6 >= ACTIVE:
            flow["expiration_id"], flow = 1, None
        if flow is None:
            flow = open_[p[1]] = {"packets": [], "expiration_id": 0}
            out.append(flow)
        flow["packets"].append(p)
    return out


def spread(values, name, unit):
    mean = sum(values) / len(values) if values else 0
    dev = sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1)) if len(values) > 1 else 0
    return {"%s_min_%s" % (name, unit): min(values, default=0), "%s_mean_%s" % (name, unit): mean,
            "%s_stddev_%s" % (name, unit): dev, "%s_max_%s" % (name, unit): max(values, default=0)}


def columns(flow, n):
    first = flow["packets"][0][2]
    out = {"expiration_id": flow["expiration_id"], "protocol": flow["packets"][0][3], "ip_version": 4, "vlan_id": 0,
           "tunnel_id": 0}
    for name, side in (("bidirectional", None), ("src2dst", first), ("dst2src", 1 - first)):
        packets = [p for p in flow["packets"] if side in (None, p[2])]
        times, sizes = [p[0] // 10 ** 6 for p in packets], [len(p[5]) for p in packets]
        out.update({name + "_first_seen_ms": times[0] if times else 0, name + "_last_seen_ms": times[-1] if times else 0,
                    name + "_duration_ms": times[-1] - times[0] if times else 0,
                    name + "_packets": len(packets), name + "_bytes": sum(sizes)})
        out.update(spread(sizes, name, "ps"))
        out.update(spread([b - a for a, b in zip(times, times[1:])], name, "piat_ms"))
        out.update({"%s_%s_packets" % (name, f): sum(p[4] >> bit & 1 for p in packets) for bit, f in enumerate(FLAGS)})
    times = [p[0] // 10 ** 6 for p in flow["packets"]]
    pad = [-1] * max(0, n - len(times))
    out["splt_direction"] = [int(p[2] != first) for p in flow["packets"]][:n] + pad
    out["splt_ps"] = [len(p[5]) for p in flow["packets"]][:n] + pad
    out["splt_piat_ms"] = [b - a for a, b in zip(times[:1] + times, times)][:n] + pad
    return out


def near(a, b):
    return a == b or (isinstance(a, (int, float)) and abs(a - b) <= max(1e-9 * abs(b), 1e-9))


def test_P5_columns_and_rules(m):
    for seed, n, args in ((1, 10, ()), (2, 1, ("--nfstream-splt", "1")), (3, 0, ("--nfstream-splt", "0")),
                          (4, 255, ("--nfstream-splt", "255"))):
        packets = capture(seed)
        want = cut_into_flows(packets)
        got = m.flows([(p[0], p[5]) for p in packets], "-p", "nfstream", *args)
        same(len(got), len(want))
        same({f["expiration_id"] for f in want}, {0, 1})
        key = lambda f: (f["src_ip"], f["dst_ip"], f["bidirectional_first_seen_ms"])
        for flow in want:
            i, first = flow["packets"][0][1:3]
            ends = ["10.0.0.%d" % (i + 1), "10.9.0.1"]
            values = columns(flow, n)
            rows = [f for f in got if key(f) == (ends[first], ends[1 - first], values["bidirectional_first_seen_ms"])]
            same(len(rows), 1)
            for c, v in values.items():
                if not near(rows[0][c], v):
                    same((c, rows[0][c]), (c, v))
            ports = [1000 + i, 443] if values["protocol"] in (6, 17) else [0, 0]
            same((rows[0]["src_port"], rows[0]["dst_port"]), (ports[first], ports[1 - first]))
            same((rows[0]["src_mac"], rows[0]["dst_oui"]), ("02:00:00:00:00:01", "02:00:00"))
            same(rows[0]["community_id"] is None, values["protocol"] in (1, 132))


def test_P5_workers_and_table(m):
    data = pcap([(p[0], p[5]) for p in capture(7, 200)])
    lines = [sorted(m.raw(data, "-e", "flow", "-p", "nfstream", "-w", w, text=True).splitlines()) for w in ("1", "2", "4")]
    same(lines[0], lines[1])
    same(lines[0], lines[2])
    table = m.raw(data, "-e", "flow", "-o", "csv:-?dialect=nfstream", text=True).decode()
    rows = list(csv.DictReader(io.StringIO(table)))
    same(len(rows), len(lines[0]))
    same(table.split(",")[:4], ["id", "expiration_id", "src_ip", "src_mac"])
    same(len(rows[0]), 80)


def test_P5_a_snapshot_is_the_record_of_a_shorter_capture(m):
    one = [p for p in capture(9, 40) if p[1] == 10]
    packets = cut_into_flows(one)[0]["packets"]
    for n in (1, 2, 3, len(packets)):
        cut = m.flows([(p[0], p[5]) for p in packets[:n]], "-p", "nfstream")[0]
        snap = [f for f in m.flows([(p[0], p[5]) for p in packets], "-p", "nfstream", "--snapshot", str(n))
                if f["reason"] == "snapshot"][0]
        for c in cut:
            if "_ps" in c or "_ms" in c or "2" in c or c.startswith(("bidirectional", "splt")):
                same((n, c, snap[c]), (n, c, cut[c]))


main(globals())
