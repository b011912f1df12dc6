#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Items T1 to T8: packet time, timeouts, order."""
import json
import os
import random
import struct
import subprocess

from packets import *
from run import main, same


def flow(t, n=1, step=MS, sport=1, **more):
    return [(t + i * step, eth(ip4(A, B, 17, udp(sport, 2, b"x"), **more))) for i in range(n)]


def pcapng(packets, tsresol, tsoffset=0):
    def block(kind, body):
        body += b"\0" * (-len(body) % 4)
        size = len(body) + 12
        return struct.pack("<II", kind, size) + body + struct.pack("<I", size)

    per = 2 ** (tsresol & 127) if tsresol & 128 else 10 ** tsresol
    options = struct.pack("<HHB3x", 9, 1, tsresol) + struct.pack("<HHq", 14, 8, tsoffset) + struct.pack("<I", 0)
    out = block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1))
    out += block(1, struct.pack("<HHI", 1, 0, 0) + options)
    for t, frame in packets:
        ticks = (t - tsoffset * S) * per // S
        out += block(6, struct.pack("<IIIII", 0, ticks >> 32, ticks & 0xffffffff, len(frame), len(frame)) + frame)
    return out


def test_T1_magics_and_byte_orders(m):
    packets = flow(T0 + 123_456_000, 3, 1_000_001_000)
    want = m.flows(packets)
    for order in "<>":
        for magic in (0xa1b2c3d4, 0xa1b23c4d):
            same(m.flows(packets, magic=magic, order=order), want, (order, hex(magic)))


def test_T1_nanoseconds_are_kept(m):
    f = m.flows(flow(T0, 2, 1))[0]
    same(f["fwd_iat_max_us"], 0.001)


def test_T1_pcapng_resolutions_and_offset(m):
    packets = flow(T0, 3, S)
    want = m.flows(packets)
    for resolution in (0, 3, 6, 9, 128 + 10, 128 + 20):
        for offset in (0, 1_000_000_000):
            got = [flat(e) for e in m.raw(pcapng(packets, resolution, offset), "-e", "flow", "-p", "all")]
            same(got, want, (resolution, offset))


def test_T2_disorder(m):
    packets = flow(T0, 1) + flow(T0 + 3 * S, 1) + flow(T0 + S, 1) + flow(T0 - S, 1) + flow(T0 + 4 * S, 1)
    f = m.flows(packets)
    same(len(f), 1, "an older packet ends nothing")
    same((f[0]["first_seen"], f[0]["last_seen"]), ((T0 - S) / S, (T0 + 4 * S) / S))
    same(f[0]["duration_us"], 5_000_000)
    same((f[0]["fwd_iat_min_us"], f[0]["fwd_iat_max_us"]), (0, 3_000_000))
    same(f[0]["packet_count"], 5)
    s = m.stats(packets)
    same(s["late_packets"], 2)


def test_T3_time_of_day_does_not_matter(m):
    packets = Conn().open().send(0, ACK | PSH, b"x").close().frames + flow(T0 + 100 * S, 5, 20 * S)
    want = m.flows(packets)
    with subprocess.Popen([m.program, "read", "--quiet", "-w", "1", "-e", "flow", "-p", "all", "-"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as p:
        data = pcap(packets)
        for i in range(0, len(data), 100):  # slowly
            p.stdin.write(data[i:i + 100])
            p.stdin.flush()
        p.stdin.close()
        same([flat(json.loads(line)) for line in p.stdout], want)


def test_T4_idle_by_packet_time_and_at_the_end(m):
    f = m.flows(flow(T0) + flow(T0 + 31 * S, sport=9))
    same([(r["src_port"], r["reason"]) for r in f], [(1, "idle"), (9, "eof")])
    same(f[0]["timestamp"], T0 / S + 30)


def test_T5_idle_boundary(m):
    for gap, flows in ((30 * S - 1, 1), (30 * S, 2), (30 * S + 1, 2)):
        same(len(m.flows(flow(T0, 2, gap))), flows, gap)


def test_T5_sub_second_timeouts(m):
    same(len(m.flows(flow(T0, 2, 249 * MS), "--idle-timeout", "0.25")), 1)
    same(len(m.flows(flow(T0, 2, 250 * MS), "--idle-timeout", "0.25")), 2)


def test_T5_active_boundary(m):
    for last, interim in ((60 * S - 1, 0), (60 * S, 1)):
        r = m.flows(flow(T0, 3, 20 * S) + flow(T0 + last, 1))
        same([x["reason"] for x in r], ["active"] * interim + ["eof"], last)
        if interim:
            same((r[0]["packet_count"], r[0]["timestamp"]), (3, T0 / S + 60))


def test_T6_clock_jumps(m):
    rnd = random.Random(6)
    packets, t = [], T0
    for i in range(2000):
        t += rnd.choice((MS, MS, MS, -3600 * S, 86400 * S)) if i % 100 == 99 else MS
        packets += flow(t, sport=1 + i % 10)
    records, s = m.flows(packets), m.stats(packets)
    same(sum(r["packet_count"] for r in records if r["is_final"]), 2000)
    assert all(0 <= r["duration_us"] < 3 * 86400 * 10 ** 6 for r in records)
    assert s["clock_steps"] > 0


def records(m, inputs, *args):
    """The flow records of captures in a row, for 1, 2 and 4 workers; they have to be the same."""
    paths = []
    for i, data in enumerate(inputs):
        paths.append(os.path.join(m.folder.name, "part%d.pcap" % i))
        with open(paths[-1], "wb") as f:
            f.write(data)
    found = []
    for workers in ("1", "2", "4"):
        r = subprocess.run([m.program, "read", "--quiet", "-e", "flow", "-p", "all", "-w", workers, *args, *paths],
                           capture_output=True, timeout=120)
        same(r.returncode, 0, r.stderr)
        found.append(sorted(r.stdout.splitlines()))
    same(found[1], found[0], "2 workers")
    same(found[2], found[0], "4 workers")
    return [flat(json.loads(line)) for line in found[0]]


def hours(order, ports=range(1, 9)):
    """Captures, each of an hour of its own, in this order: all flows in all of them."""
    out = []
    for h in order:
        packets = [(T0 + h * 3600 * S + i * S + p, eth(ip4(A, B, 17, udp(p, 2)))) for i in range(50) for p in ports]
        out.append(pcap(packets))
    return out


def test_T7_files_in_any_order_are_the_same_flows(m):
    def told(found):
        return sorted((r["src_port"], r["first_seen"], r["last_seen"], r["packet_count"], r["flow_id"])
                      for r in found if r["is_final"])
    want = told(records(m, hours([0, 1, 2])))
    same(len(want), 8 * 3)
    for order in ([2, 1, 0], [1, 0, 2], [2, 0, 1]):
        same(told(records(m, hours(order))), want, order)
    # flows that only the newer file has: what comes after it does not end them at another time
    found = records(m, hours([1], [9, 10]) + hours([0]))
    same({(r["src_port"], r["reason"]) for r in found if r["src_port"] > 8}, {(9, "eof"), (10, "eof")})


def test_T7_backwards_gap_boundary(m):
    for gap, flows_ in ((30 * S - 1, 1), (30 * S, 2), (7200 * S, 2)):
        for six in (False, True):
            packets = [(t, eth(ip(A6, B6, 17, udp(1, 2)) if six else ip(A, B, 17, udp(1, 2)))) for t in (T0, T0 + S, T0 - gap)]
            found = records(m, [pcap(packets)])
            same(sorted(r["packet_count"] for r in found), [3] if flows_ == 1 else [1, 2], gap)
            assert max(r["duration_us"] for r in found) <= 31 * 10 ** 6
            same({r["reason"] for r in found}, {"eof"} if flows_ == 1 else {"idle"})
    # within what the flow spans, a late packet is only late
    same(len(m.flows(flow(T0, 10, 20 * S) + flow(T0 + 70 * S), "--active-timeout", "3600")), 1)


def test_T8_beyond_64_bits_of_nanoseconds(m):
    late = [(2 ** 63 // 1000 * 1000 + k * S, eth(ip4(A, B, 17, udp(1, 2)))) for k in (-5, 0, 5, 10, 2 ** 40)]
    f = [flat(e) for e in m.raw(pcapng(late, 6), "-e", "flow", "-p", "all")]
    same([(r["packet_count"], r["reason"]) for r in f], [(5, "eof")])
    same(round(f[0]["duration_us"] / 1e6), 5, "what is beyond is at the end of time")
    early = [((k - 2 ** 62) * S, eth(ip4(A, B, 17, udp(1, 2)))) for k in range(3)]  # an offset of all the time that there is
    f = [flat(e) for e in m.raw(pcapng(early, 6, -2 ** 62), "-e", "flow", "-p", "all")]
    same([r["packet_count"] for r in f if r["is_final"]], [3])
    # what an offset brings back is not beyond
    f = [flat(e) for e in m.raw(pcapng([(T0, early[0][1]), (T0 + S, early[0][1])], 6, -9 * 10 ** 9), "-e", "flow", "-p", "all")]
    same([(r["first_seen"], r["packet_count"]) for r in f], [(T0 / S, 2)])


if __name__ == "__main__":
    main(globals())
