#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Items F1 to F10: identity, direction, life and end of flows."""
from packets import *
from run import main, same


def both(ends, proto, make):
    """A packet each way."""
    (a, b), out = ends, []
    for i, (src, dst, body) in enumerate(((a, b, make(0)), (b, a, make(1)))):
        out.append((T0 + i * MS, eth(ip(src, dst, proto, body))))
    return out


def test_F2_both_directions_are_one_flow(m):
    for ends in ((A, B), (B, A), (A6, B6), (B6, A6), (A, A), (A6, A6)):
        for proto, make in ((17, lambda d: udp(*((5, 6), (6, 5))[d])), (132, lambda d: struct.pack("!HHII", *((5, 6), (6, 5))[d], 0, 0)),
                            (6, lambda d: tcp(*((5, 6), (6, 5))[d], ACK))):
            f = m.flows(both(ends, proto, make))
            same(len(f), 1, (ends, proto))
            same((f[0]["fwd_packets"], f[0]["rev_packets"], f[0]["src_port"], f[0]["dst_port"]), (1, 1, 5, 6), ends)


def test_F2_same_ends_both_ways(m):
    f = m.flows(both((A, A), 17, lambda d: udp(7, 7)))
    same((len(f), f[0]["packet_count"]), (1, 2))


def test_F2_icmp(m):
    f = m.flows(both((A, B), 1, lambda d: icmp((8, 0)[d], 0)))
    same([(r["fwd_packets"], r["rev_packets"], r["src_port"], r["dst_port"]) for r in f], [(1, 1, 0, 0)])
    f = m.flows(both((A6, B6), 58, lambda d: icmp((128, 129)[d], 0)))
    same(len(f), 1)
    f = m.flows(both((A, B), 1, lambda d: icmp(3, 1)))  # unreachable: no counterpart
    same(len(f), 2)


def test_F2_protocols_without_ports(m):
    f = m.flows(both((A, B), 89, lambda d: b"ospf" * 4))
    same([(r["protocol"], r["fwd_packets"], r["rev_packets"], r["src_port"]) for r in f], [(89, 1, 1, 0)])


def test_F2_vlans_keep_apart(m):
    frames = [(T0 + i, eth(ip4(A, B, 17, udp(1, 2)), tags=((0x8100, v),))) for i, v in enumerate((5, 6, 5))]
    same(sorted((r["vlan_id"], r["packet_count"]) for r in m.flows(frames)), [(5, 2), (6, 1)])


def test_F3_initiator_is_the_sender_of_the_syn(m):
    c = Conn().open()
    f = m.flows([c.frames[1], c.frames[0], c.frames[2]])[0]  # the SYN-ACK is captured first
    same((f["src_ip"], f["fwd_packets"], f["rev_packets"]), (A, 2, 1))
    f = m.flows(c.frames[1:])[0]                             # there is no SYN
    same((f["src_ip"], f["midstream"], f["history"]), (A, False, "^hA"))


def test_F3_midstream_is_said(m):
    c = Conn().send(1, ACK | PSH, b"x").send(0, ACK)
    f = m.flows(c.frames)[0]
    same((f["src_ip"], f["midstream"], f["conn_state"]), (B, True, "OTH"))
    same(m.flows(Conn().open().frames)[0]["midstream"], False)
    same(m.flows(both((A, B), 17, lambda d: udp(1, 2)))[0]["midstream"], None)


def test_F3_direction_stays(m):
    c = Conn().open()
    for i in range(30):  # after the first segment only the responder talks
        c.send(1, ACK | PSH, b"x" * 10, dt=10 * S)
    r = m.flows(c.frames)
    assert len(r) >= 5
    same({(x["src_ip"], x["src_port"], x["flow_id"]) for x in r}, {(A, 1000, r[0]["flow_id"])})
    same([x["segment"] for x in r], list(range(len(r))))


def test_F4_one_fin_is_no_end(m):
    c = Conn().open().send(0, FIN | ACK).send(1, ACK)
    c.send(1, ACK | PSH, b"still sending", dt=20 * S).send(0, ACK)
    f = m.flows(c.frames)
    same([(x["reason"], x["packet_count"]) for x in f], [("eof", 7)])


def test_F4_both_fins_and_the_last_ack(m):
    late = (T0 + 10 * S, eth(ip4(A, C, 17, udp(1, 2))))
    f = m.flows(Conn().open().close().frames + [late])[0]
    same((f["reason"], f["conn_state"]), ("end", "SF"))
    assert f["timestamp"] < T0 / S + 6, "after the linger, not the idle timeout"
    c = Conn().open().send(0, FIN | ACK).send(1, FIN | ACK)  # the last ACK is missing
    f = m.flows(c.frames + [late])[0]
    assert f["timestamp"] > T0 / S + 6 or f["reason"] == "eof", f["timestamp"]


def test_F4_stragglers_belong_to_the_flow(m):
    c = Conn().open().close()
    c.send(1, FIN | ACK, seq=c.seq[1] - 1).send(0, ACK)  # the FIN again, and its ACK
    f = m.flows(c.frames)
    same([(x["reason"], x["packet_count"]) for x in f], [("end", 9)])


def test_F4_reset_ends(m):
    c = Conn().open().send(1, RST | ACK).send(0, ACK, dt=S)
    f = m.flows(c.frames + [(T0 + 20 * S, eth(ip4(A, C, 17, udp(1, 2))))])
    same([(x["reason"], x["packet_count"]) for x in f], [("end", 5), ("eof", 1)])


def test_F5_reuse(m):
    first = Conn().open().close()
    second = Conn(t=first.t + 500 * MS, isn=(900000, 800000)).open()
    f = m.flows(first.frames + second.frames)
    same([(x["reason"], x["packet_count"]) for x in f], [("end", 7), ("eof", 3)])
    assert f[0]["flow_id"] != f[1]["flow_id"]
    first = Conn().open().send(0, ACK | PSH, b"x")  # never closed
    second = Conn(t=first.t + S, isn=(900000, 800000)).open()
    f = m.flows(first.frames + second.frames)
    same([(x["reason"], x["packet_count"]) for x in f], [("reuse", 4), ("eof", 3)])


def test_F5_syn_again_is_no_new_flow(m):
    c = Conn().send(0, SYN)
    for _ in range(3):
        c.send(0, SYN, seq=1000, dt=S)
    c.send(1, SYN | ACK).send(0, ACK).send(0, SYN, seq=1000)
    f = m.flows(c.frames)
    same([(x["packet_count"], x["fwd_retransmitted_packets"]) for x in f], [(7, 4)])


def test_F5_simultaneous_open(m):
    c = Conn().send(0, SYN).send(1, SYN).send(0, SYN | ACK, seq=1000).send(1, SYN | ACK, seq=5000)
    f = m.flows(c.frames)
    same([(x["packet_count"], x["src_ip"], x["tcp_rtt_server_us"]) for x in f], [(4, A, None)])


def test_F6_reasons(m):
    udp9 = [(T0 + i * 15 * S, eth(ip4(A, C, 17, udp(9, 9)))) for i in range(8)]
    idle = [(T0 + MS, eth(ip4(A, B, 17, udp(1, 2))))]
    r = m.flows(sorted(udp9 + idle + Conn().open().close().frames), "--snapshot", "2")
    by = {}
    for x in r:
        by.setdefault((x["protocol"], x["src_port"]), []).append((x["reason"], x["is_final"]))
    same(by[(17, 9)], [("snapshot", False), ("active", False), ("eof", True)])
    same(by[(17, 1)], [("idle", True)])
    same(by[(6, 1000)], [("snapshot", False), ("end", True)])
    many = [(T0 + i, eth(ip4(A, B, 17, udp(1 + i, 2)))) for i in range(50)]
    same(sum(x["reason"] == "evicted" for x in m.flows(many, "--max-flows", "10")), 40)


def test_F7_single_packets_are_flows(m):
    scan = [(T0 + i * MS, eth(ip4(A, B, 6, tcp(4000, port, SYN, 7)))) for i, port in enumerate(range(1, 201))]
    f = m.flows(scan)
    same(len(f), 200)
    same({x["conn_state"] for x in f}, {"S0"})


def test_F8_segments_are_contiguous(m):
    packets = [(T0 + i * 7 * S, eth(ip4(A, B, 17, udp(1, 2, b"x" * i)))) for i in range(60)]
    r = m.flows(packets)
    same(sum(x["fwd_packets_delta"] for x in r), 60)
    for before, after in zip(r, r[1:]):
        same(after["fwd_packets"] - before["fwd_packets"], after["fwd_packets_delta"])
        same(after["segment"], before["segment"] + 1)
        same(after["first_seen"], before["first_seen"])
    same([x["is_final"] for x in r], [False] * (len(r) - 1) + [True])


def test_F8_start_of_flow(m):
    c = Conn().open().close()
    r = m.flows(c.frames, "--snapshot", "1,4")
    same([(x["reason"], x["segment"], x["packet_count"]) for x in r], [("snapshot", 0, 1), ("snapshot", 1, 4), ("end", 2, 7)])
    same({x["flow_id"] for x in r}, {r[0]["flow_id"]})


def test_F9_full_table(m):
    c = Conn().open().send(0, ACK | PSH, b"x")
    flood = [(c.t + i * 1000, eth(ip4("10.%d.%d.%d" % (1 + i // 65536, i // 256 % 256, i % 256), B, 6, tcp(5, 80, SYN, i))))
             for i in range(5000)]
    c.t = flood[-1][0]
    before = len(c.frames)
    c.send(1, ACK | PSH, b"y").close()
    packets = c.frames[:before] + flood + c.frames[before:]
    r = m.flows(packets, "--max-flows", "500")
    mine = [x for x in r if x["src_ip"] == A]
    same([(x["packet_count"], x["conn_state"]) for x in mine], [(9, "SF")], "the established flow survived")
    same(sum(x["packet_count"] for x in r), len(packets))
    assert sum(x["reason"] == "evicted" for x in r) >= 4400


def test_F10_end_of_input_flushes_each_flow_once(m):
    packets = [(T0 + i, eth(ip4(A, B, 17, udp(1 + i % 300, 2)))) for i in range(900)]
    r = m.flows(packets)
    same((len(r), len({x["flow_id"] for x in r}), {x["reason"] for x in r}), (300, 300, {"eof"}))


if __name__ == "__main__":
    main(globals())
