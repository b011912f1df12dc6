#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Items A1 to A11: what is counted, and in which unit."""
import random
import statistics

from packets import *
from run import main, near, same


def test_A1_conservation(m):
    conn = Conn().open().send(0, ACK | PSH, b"x" * 100).close()
    packets = conn.frames + [
        (T0 + S, eth(b"\0" * 28, 0x0806)),                                  # ARP
        (T0 + S, eth(ip4(A, B, 17, udp(1, 2), total=5))),                   # length below the header
        (T0 + S, eth(ip4(A, B, 17, b"later" * 8, ident=7, frag=1480))),     # first fragment never comes
        (T0 + S, eth(ip4(A, B, 17, udp(5, 6, b"a")))),
        (T0 + S, eth(ip6(A6, B6, 17, udp(5, 6, b"a")))),
    ]
    s = m.stats(packets)
    flows = m.flows(packets)
    same(s["captured"], len(packets))
    same(s["decoded"] + s["ignored"] + s["malformed"], len(packets), "decoded + ignored + malformed")
    same(sum(f["packet_count"] for f in flows if f["is_final"]), s["decoded"])
    same(sum(f["byte_count"] for f in flows if f["is_final"]),
         sum(len(p[1]) for p in packets) - 42 - 42 - 74)
    same(s["ignored_by_reason"]["not_ip"], 1)
    same(s["ignored_by_reason"]["fragment_orphan"], 1)
    same(s["malformed_by_reason"]["ipv4_total_length"], 1)


def test_A1_segments_add_up(m):
    packets = [(T0 + i * S, eth(ip4(A, B, 17, udp(1, 2, b"x" * (i % 7))))) for i in range(200)]
    records = m.flows(packets, "--active-timeout", "20", "--snapshot", "1,3,10", "--idle-timeout", "100")
    final = [r for r in records if r["is_final"]]
    same(len(final), 1)
    for d in ("fwd", "rev"):
        for unit in ("packets", "bytes"):
            same(sum(r["%s_%s_delta" % (d, unit)] for r in records), final[0]["%s_%s" % (d, unit)], d + unit)


def test_A3_byte_definitions(m):
    f = m.flows([(T0, pad(eth(ip4(A, B, 6, tcp(1000, 80, ACK, 1, 1)))))])[0]
    same((f["fwd_bytes"], f["fwd_ip_bytes"], f["fwd_payload_bytes"]), (60, 40, 0))
    same((f["fwd_ip_bytes_min"], f["fwd_ip_bytes_max"]), (40, 40))


def test_A3_udp_payload_ends_with_the_datagram(m):
    """What lies behind the UDP length is not payload, on every road; a length of 0 says nothing."""
    datagram = struct.pack("!HHHH", 1, 2, 8 + 5, 0) + b"hello" + b"behind it"
    inner = eth(ip4(A, B, 17, datagram))
    frames = {
        "IPv4": inner, "IPv6": eth(ip6(A6, B6, 17, datagram)), "options": eth(ip4(A, B, 17, datagram, options=b"\1\1\1\1")),
        "VLAN": eth(ip4(A, B, 17, datagram), tags=[(0x8100, 7)]), "QinQ": eth(ip4(A, B, 17, datagram), tags=[(0x88a8, 7), (0x8100, 8)]),
        "extension": eth(ip6(A6, B6, 60, struct.pack("!BB6x", 17, 0) + datagram)), "padding": pad(inner, 90),
        "VXLAN": eth(ip4(C, B, 17, udp(9, 4789, struct.pack("!II", 0x08000000, 256) + inner))),
    }
    for name, frame in frames.items():
        for cut in (len(frame), len(frame) - 12):
            f = m.flows([(T0, frame[:cut], len(frame))])[0]
            same(f["fwd_payload_bytes"], 5, name)
            same(f["fwd_bytes"], len(frame), name)
    same(m.flows([(T0, inner)])[0]["fwd_ip_bytes"], 20 + 8 + 14)
    header = struct.pack("!HHHH", 1, 2, 0, 0)
    same(m.flows([(T0, eth(ip4(A, B, 17, header + b"x" * 50)))])[0]["fwd_payload_bytes"], 50, "length 0")
    big = 70000
    for length in (0, (8 + big) & 0xffff):
        header = struct.pack("!HHHH", 1, 2, length, 0)
        same(m.flows([(T0, eth(ip4(A, B, 17, header + b"x" * big, total=0)))])[0]["fwd_payload_bytes"], big, "super-frame")
        jumbo = struct.pack("!BBBBI", 17, 0, 0xc2, 4, 8 + 8 + big)
        f = m.flows([(T0, eth(ip6(A6, B6, 0, jumbo + header + b"x" * big, length=0)))])[0]
        same(f["fwd_payload_bytes"], big, "jumbogram")
    for coverage in (0, 8, 20, 300):  # UDP-Lite: what the checksum covers
        lite = struct.pack("!HHHH", 1, 2, coverage, 0) + b"x" * 50
        same(m.flows([(T0, eth(ip4(A, B, 136, lite)))])[0]["fwd_payload_bytes"], 50, "UDP-Lite")
        same(m.flows([(T0, eth(ip6(A6, B6, 136, lite)))])[0]["fwd_payload_bytes"], 50, "UDP-Lite")


def test_A3_nothing_is_read_behind_the_datagram(m):
    """Names: what lies behind the datagram is nobody's. A tunnel ends with it, too."""
    query = struct.pack("!HHHHHH", 1, 0x0100, 1, 0, 0, 0) + b"\4name\0\0\1\0\1"
    for extra in (b"", b"\0" * 30):
        f = m.flows([(T0, eth(ip4(A, B, 17, udp(1000, 53, query) + extra)))], "--app")[0]
        same((f["dns_query"], f["fwd_payload_bytes"]), ("name", len(query)))
    f = m.flows([(T0, eth(ip4(A, B, 17, struct.pack("!HHHH", 1000, 53, 8 + 12, 0) + query)))], "--app")[0]
    same((f["dns_query"], f["fwd_payload_bytes"]), (None, 12))
    vxlan = struct.pack("!HHHHII", 9, 4789, 16, 0, 0x08000000, 256) + eth(ip4(A, B, 17, udp(5, 6, b"x")))
    same(m.flows([(T0, eth(ip4(C, B, 17, vxlan)))])[0]["dst_port"], 4789)


def test_A4_snap_length_changes_nothing(m):
    c = Conn().open(options=mss(1460) + wscale(7))
    for i in range(20):
        c.send(i % 2, ACK | PSH, b"y" * (50 * i))
    c.close()
    udps = [(c.t + i * MS, eth(ip6(A6, B6, 17, udp(9, 10, b"z" * 300)))) for i in range(9)]
    whole = m.flows(c.frames + udps)
    cut = m.flows([(p[0], p[1][:96], len(p[1])) for p in c.frames + udps])
    same([f.pop("truncated") for f in whole], [False, False])
    same([f.pop("truncated") for f in cut], [True, True])
    same(cut, whole)


def test_A5_five_gigabytes_in_one_flow(m):
    frame, n = eth(ip4(A, B, 17, udp(1, 2) + b"\0" * 8, total=65520)), 5 * 1024 ** 3 // 65534 + 1
    f = m.flows([(T0 + i * 1000, frame, 65534) for i in range(n)])
    same(len(f), 1)
    same(f[0]["fwd_bytes"], n * 65534)
    same(f[0]["fwd_ip_bytes"], n * 65520)


def test_A5_frames_above_65535(m):
    gro = (T0, eth(ip4(A, B, 6, tcp(1, 2, ACK, 1, 1), total=0)), 100014)
    jumbo = (T0, eth(ip6(A6, B6, 0, b"\x06\x00\xc2\x04" + struct.pack("!I", 8 + 20 + 90000) + tcp(1, 2, ACK), length=0)),
             14 + 40 + 8 + 20 + 90000)
    f = m.flows([gro, (gro[0] + MS,) + gro[1:], jumbo])
    same((f[0]["fwd_ip_bytes"], f[0]["fwd_payload_bytes"]), (2 * 100000, 2 * (100000 - 40)))
    same((f[0]["fwd_ip_bytes_min"], f[0]["fwd_ip_bytes_max"]), (100000, 100000))
    same((f[1]["fwd_ip_bytes"], f[1]["fwd_payload_bytes"]), (40 + 8 + 20 + 90000, 90000))


def test_A6_first_packet_counts_once(m):
    f = m.flows([(T0 + i * MS, eth(ip4(A, B, 17, udp(1, 2, b"x" * n)))) for i, n in enumerate((32, 52, 72))])[0]
    same((f["fwd_ip_bytes_min"], f["fwd_ip_bytes_mean"], f["fwd_ip_bytes_max"]), (60, 80, 100))
    same((f["fwd_packets"], f["fwd_ip_bytes"], f["fwd_ip_bytes_std"]), (3, 240, 20))


def two_pass(values):
    mean = statistics.fmean(values)
    std = (sum((v - mean) ** 2 for v in values) / (len(values) - 1)) ** 0.5 if len(values) > 1 else None
    return mean, std


def test_A7_distributions_against_two_passes(m):
    rnd = random.Random(7)
    for scale in (1000, MS, S, 20 * S):
        t, packets, sides = T0, [], {0: [], 1: []}
        for _ in range(400):
            t += rnd.randrange(1, scale)
            d, n = rnd.randrange(2), rnd.choice((0, 1, 700, 1400, rnd.randrange(1400)))
            src, dst, sp, dp = (A, B, 1, 2) if d == 0 or not packets else (B, A, 2, 1)
            d = 0 if src == A else 1
            packets.append((t, eth(ip4(src, dst, 17, udp(sp, dp, b"x" * n)))))
            sides[d].append((t, 28 + n))
        f = m.flows(packets, "--idle-timeout", "1000", "--active-timeout", "1000000")
        same(len(f), 1)
        for d, name in ((0, "fwd"), (1, "rev")):
            sizes = [x[1] for x in sides[d]]
            gaps = [(b[0] - a[0]) / 1000 for a, b in zip(sides[d], sides[d][1:])]
            for what, values in (("ip_bytes_%s", sizes), ("iat_%s_us", gaps)):
                mean, std = two_pass(values)
                near(f[0]["%s_%s" % (name, what % "min")], min(values), what)
                near(f[0]["%s_%s" % (name, what % "max")], max(values), what)
                near(f[0]["%s_%s" % (name, what % "mean")], mean, what)
                near(f[0]["%s_%s" % (name, what % "std")], std, what)


def test_A7_one_packet_is_null_not_zero(m):
    f = m.flows([(T0, eth(ip4(A, B, 17, udp(1, 2, b"x"))))])[0]
    for k in ("fwd_ip_bytes_std", "fwd_iat_min_us", "fwd_iat_mean_us", "fwd_iat_std_us", "rev_ip_bytes_min",
              "rev_ip_bytes_mean", "rev_iat_max_us"):
        assert f[k] is None, (k, f[k])
    same((f["fwd_ip_bytes_min"], f["fwd_ip_bytes_mean"]), (29, 29))


def test_A7_two_packets_have_one_gap(m):
    f = m.flows([(T0 + i * 1500, eth(ip4(A, B, 17, udp(1, 2)))) for i in range(2)])[0]
    same((f["fwd_iat_min_us"], f["fwd_iat_max_us"], f["fwd_iat_mean_us"], f["fwd_iat_std_us"]), (1.5, 1.5, 1.5, None))


def test_A8_units(m):
    f = m.flows([(T0 + i * 1_234_567, eth(ip4(A, B, 17, udp(1, 2)))) for i in range(3)])[0]
    same(f["duration_us"], 2469)
    near(f["fwd_iat_mean_us"], 1234.567)


def test_A9_flags_of_all_packets_by_direction(m):
    c = Conn().open().send(0, ACK).send(0, ACK | PSH, b"a").send(1, ACK | URG, b"b").close()
    f = m.flows(c.frames)[0]
    same(f["fwd_tcp_flags"], SYN | ACK | PSH | FIN)
    same(f["rev_tcp_flags"], SYN | ACK | URG | FIN)


def test_A10_windows_and_mss(m):
    c = Conn()
    c.send(0, SYN, window=64240, options=mss(8960) + wscale(7))
    c.send(1, SYN | ACK, window=65535, options=mss(1460) + wscale(2))
    c.send(0, ACK, window=500).send(1, ACK | PSH, b"x", window=40000).send(0, ACK, window=70)
    f = m.flows(c.frames)[0]
    same((f["fwd_window_init"], f["rev_window_init"]), (64240, 65535))
    same((f["fwd_window_scale"], f["rev_window_scale"]), (7, 2))
    same((f["fwd_window_max"], f["rev_window_max"]), (64240, 160000), "scaled, the SYN's not")
    same((f["fwd_mss"], f["rev_mss"]), (8960, 1460))


def test_A10_scale_needs_both(m):
    c = Conn().send(0, SYN, window=10, options=wscale(7)).send(1, SYN | ACK, window=10).send(0, ACK, window=400)
    f = m.flows(c.frames)[0]
    same((f["fwd_window_scale"], f["fwd_window_max"]), (None, 400))


def test_A11_wire_lengths_near_4_GiB(m):
    for wire in (2 ** 31, 2 ** 32 - 48, 2 ** 32 - 2, 2 ** 32 - 1):
        for packet in (ip4(A, B, 17, udp(1, 2, b"x" * 20)), ip6(A6, B6, 17, udp(1, 2, b"x" * 20))):
            frames = [(T0 + k, eth(packet), wire) for k in range(7)]
            frames += [(T0 + k, eth(ip(B, A, 17, udp(2, 1)) if packet[0] >> 4 == 4 else ip(B6, A6, 17, udp(2, 1))), wire)
                       for k in range(7)]
            f = m.flows(frames)[0]
            same((f["byte_count"], f["fwd_bytes"], f["fwd_ip_bytes"], f["fwd_payload_bytes"], f["rev_ip_bytes"]),
                 (14 * wire, 7 * wire, 7 * len(packet), 140, 7 * (len(packet) - 20)), wire)
    # so many that 32 bits of 2^16 bytes do not count them either
    frames = [(T0 + k, eth(ip4(A, B, 17, udp(1, 2, b"x" * 20))), 2 ** 32 - 1) for k in range(70000)]
    f = m.flows(frames)[0]
    same((f["fwd_bytes"], f["fwd_ip_bytes"]), (70000 * (2 ** 32 - 1), 70000 * 48))


if __name__ == "__main__":
    main(globals())
