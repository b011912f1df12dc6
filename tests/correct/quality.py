#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Items Q1 to Q3: what sequence numbers tell, and how a connection went."""
from packets import *
from run import main, same

DATA = b"d" * 100
KINDS = ("retransmitted_packets", "retransmitted_bytes", "fast_retransmissions", "out_of_order_packets", "duplicate_acks",
         "zero_windows", "zero_window_probes", "keep_alives", "duplicate_frames", "missed_bytes")


def told(m, conn, *args):
    """The one flow, and what is not 0 of KINDS in it, by side."""
    f = m.flows(conn.frames, *args)
    same(len(f), 1)
    return f[0], {d + "_" + k: f[0][d + "_" + k] for d in ("fwd", "rev") for k in KINDS if f[0][d + "_" + k]}


def test_Q1_nothing_odd(m):
    c = Conn().open()
    for i in range(10):
        c.send(0, ACK | PSH, DATA).send(1, ACK)
    f, odd = told(m, c.close())
    same((odd, f["history"], f["conn_state"]), ({}, "ShADaFf", "SF"))


def test_Q1_retransmission_after_a_timeout(m):
    c = Conn().open().send(0, ACK | PSH, DATA)
    c.send(0, ACK | PSH, DATA, seq=1001, dt=S).send(1, ACK)
    f, odd = told(m, c)
    same(odd, {"fwd_retransmitted_packets": 1, "fwd_retransmitted_bytes": 100})
    same(f["history"], "ShADTa")


def test_Q1_lost_before_the_tap(m):
    c = Conn().open().send(0, ACK, DATA, keep=False).send(0, ACK, DATA).send(1, ACK, ack=1001)
    c.send(0, ACK | PSH, DATA, seq=1001, dt=S)
    same(told(m, c)[1], {"fwd_retransmitted_packets": 1, "fwd_retransmitted_bytes": 100, "rev_duplicate_acks": 1})


def test_Q1_fast_retransmission(m):
    c = Conn().open().send(0, ACK, DATA).send(1, ACK, dt=5 * MS)
    c.send(0, ACK, DATA, keep=False)
    for _ in range(4):
        c.send(0, ACK, DATA).send(1, ACK, ack=1101, options=sack(1201, 1301))
    c.send(0, ACK, DATA, seq=1101).send(1, ACK)
    same(told(m, c)[1], {"fwd_retransmitted_packets": 1, "fwd_retransmitted_bytes": 100, "fwd_fast_retransmissions": 1,
                         "rev_duplicate_acks": 4})


def test_Q1_out_of_order(m):
    c = Conn().open().send(0, ACK, DATA)
    c.seq[0] += 100
    c.send(0, ACK, DATA, dt=1000).send(0, ACK, DATA, seq=1101, dt=1000).send(1, ACK)
    same(told(m, c)[1], {"fwd_out_of_order_packets": 1})


def test_Q1_duplicate_acks(m):
    c = Conn().open().send(0, ACK, DATA)
    for _ in range(3):
        c.send(1, ACK, ack=1001)
    same(told(m, c)[1], {"rev_duplicate_acks": 3})
    c = Conn().open()
    for i in range(3):  # nothing is outstanding: no duplicates, but window updates
        c.send(1, ACK, window=1000 + i)
    same(told(m, c)[1], {})


def test_Q1_keep_alive_is_no_retransmission(m):
    c = Conn().open().send(0, ACK, DATA).send(1, ACK)
    for body in (b"", b"\0"):
        c.send(0, ACK, body, seq=c.seq[0] - 1, dt=10 * S).send(1, ACK)
    same(told(m, c)[1], {"fwd_keep_alives": 2})


def test_Q1_zero_window_and_probe(m):
    c = Conn().open().send(0, ACK, DATA).send(1, ACK, window=0)
    c.send(0, ACK, b"p", seq=c.seq[0], dt=S).send(1, ACK, window=0)
    c.send(1, ACK, window=900).send(0, ACK, DATA).send(1, ACK)
    f, odd = told(m, c)
    same(odd, {"rev_zero_windows": 2, "fwd_zero_window_probes": 1})
    same(f["history"], "ShADaw")


def test_Q1_numbers_wrap(m):
    c = Conn(isn=(0xffffff00, 0xfffffff0)).open()
    for _ in range(20):
        c.send(0, ACK, DATA).send(1, ACK | PSH, b"y" * 3).send(0, ACK)
    c.send(0, ACK, DATA, seq=c.seq[0] - 100, dt=S)
    f, odd = told(m, c.close())
    same((odd, f["conn_state"]), ({"fwd_retransmitted_packets": 1, "fwd_retransmitted_bytes": 100}, "SF"))


def test_Q1_missed(m):
    c = Conn().open().send(0, ACK, DATA).send(0, ACK, DATA, keep=False).send(0, ACK, DATA).send(1, ACK)
    f, odd = told(m, c)
    same((odd, f["history"]), ({"fwd_missed_bytes": 100}, "ShADaG"))


def test_Q2_round_trips(m):
    f = told(m, Conn().open(rtt=(7 * MS, 40 * MS)))[0]
    same((f["tcp_rtt_client_us"], f["tcp_rtt_server_us"]), (7000, 40000))


def test_Q2_ambiguous_is_null(m):
    c = Conn().send(0, SYN).send(0, SYN, seq=1000, dt=S).send(1, SYN | ACK).send(0, ACK)
    f = told(m, c)[0]
    same((f["tcp_rtt_client_us"], f["tcp_rtt_server_us"]), (1000, None))
    c = Conn().send(0, SYN).send(1, SYN | ACK, dt=5 * MS).send(1, SYN | ACK, seq=5000, dt=S).send(0, ACK)
    f = told(m, c)[0]
    same((f["tcp_rtt_client_us"], f["tcp_rtt_server_us"]), (None, 5000))
    f = told(m, Conn().send(0, ACK | PSH, b"x").send(1, ACK))[0]
    same((f["tcp_rtt_client_us"], f["tcp_rtt_server_us"]), (None, None))


def test_Q3_the_same_frame_twice(m):
    c = Conn().open().send(0, ACK, DATA, ident=500).send(1, ACK, ident=600)
    doubled = [p for frame in c.frames for p in (frame, (frame[0] + 1000, frame[1]))]
    f = m.flows(doubled)[0]
    same((f["fwd_duplicate_frames"], f["rev_duplicate_frames"]), (3, 2))
    same((f["fwd_retransmitted_packets"], f["rev_duplicate_acks"]), (0, 0))
    same(f["packet_count"], 10, "they are packets of the capture all the same")


def twice(frames, after=5000):
    """Each frame, and it again so many ns later, all in the order of time."""
    return sorted((p for t, frame in frames for p in ((t, frame), (t + after, frame))), key=lambda p: p[0])


def exchange(ident=None, **how):
    """A request and its answer. ident: of every segment; None: counting up"""
    c = Conn(**how).send(0, SYN, ident=ident).send(1, SYN | ACK, dt=10 * MS, ident=ident).send(0, ACK, dt=10 * MS, ident=ident)
    c.send(0, ACK | PSH, b"q" * 35, dt=10 * MS, ident=ident).send(1, ACK, dt=10 * MS, ident=ident)
    c.send(1, ACK | PSH, b"a" * 40, dt=10 * MS, ident=ident).send(0, ACK, dt=10 * MS, ident=ident)
    c.send(0, FIN | ACK, dt=10 * MS, ident=ident).send(1, FIN | ACK, dt=10 * MS, ident=ident)
    return c.send(0, ACK, dt=10 * MS, ident=ident)


V6 = {"a": A6, "b": B6}


def test_Q3_a_constant_id_tells_nothing(m):
    for c in [exchange(ident) for ident in (None, 0, 1, 54321)] + [exchange(**V6)]:
        f, odd = told(m, c)
        same((odd, f["conn_state"], f["history"]), ({}, "SF", "ShADadFf"))


def test_Q3_every_frame_twice(m):
    """Also without ids, and where the next segment comes before the copy."""
    for c in [exchange(ident) for ident in (None, 0, 1)] + [exchange(**V6)]:
        for after in (0, 5000, 2 * MS):
            c2 = Conn()
            c2.frames = twice(c.frames, after)
            f, odd = told(m, c2)
            same(odd, {"fwd_duplicate_frames": 6, "rev_duplicate_frames": 4}, str(after))
            same((f["conn_state"], f["history"], f["packet_count"]), ("SF", "ShADadFf", 20))
            same((f["tcp_rtt_client_us"], f["tcp_rtt_server_us"]), (10000, 10000))
    c = Conn(**V6).open()
    c.send(0, ACK, DATA, dt=MS).send(0, ACK | PSH, DATA, dt=1000)
    c.frames += [(t + 10000, frame) for t, frame in c.frames[-2:]]
    same(told(m, c)[1], {"fwd_duplicate_frames": 2})


def test_Q3_a_kept_id_is_sent_again(m):
    """Gaps that double, from 0.3 s and from 1 s; also soon, but later than a copy could come."""
    for how in ({}, V6):
        for ident in (7, 0, 1234):
            for gaps in ((300 * MS, 600 * MS, 1200 * MS), (S, 3 * S), (4 * MS,)):
                c = Conn(**how).open().send(0, ACK | PSH, DATA, ident=ident)
                for gap in gaps:
                    c.send(0, ACK | PSH, DATA, seq=1001, dt=gap, ident=ident)
                c.send(1, ACK)
                same(told(m, c)[1], {"fwd_retransmitted_packets": len(gaps), "fwd_retransmitted_bytes": 100 * len(gaps)})


def test_Q3_a_syn_sent_again(m):
    c = Conn().send(0, SYN, ident=7).send(0, SYN, seq=1000, dt=S, ident=7).send(0, SYN, seq=1000, dt=3 * S, ident=7)
    f, odd = told(m, c.send(1, SYN | ACK).send(0, ACK))
    same((odd, f["tcp_rtt_server_us"]), ({"fwd_retransmitted_packets": 2}, None))


def test_Q3_later_than_a_round_trip(m):
    """On a short way a sender is as quick as 3 ms."""
    for rtt, what in ((50_000, "retransmitted_packets"), (5 * MS, "duplicate_frames")):
        c = Conn().open(rtt=(rtt, rtt)).send(0, ACK | PSH, DATA, ident=9).send(0, ACK | PSH, DATA, seq=1001, dt=MS, ident=9)
        f, odd = told(m, c.send(1, ACK))
        same(odd.get("fwd_" + what), 1, str(rtt))
        same(len(odd), 1 + (what != "duplicate_frames"))


def batches(frames, n, step=1000):
    """As a mirror hands them on: n frames, then their copies, step ns apart."""
    out, t = [], 0
    for k in range(0, len(frames), n):
        for copy in (False, True):
            for at, frame in frames[k:k + n]:
                t = max(t + step, at)
                out.append((t, frame))
    return out


def burst(c, n, ident, side=0):
    for i in range(n):
        c.send(side, ACK | PSH, bytes([i]) * 100, dt=5000, ident=ident)
    return c


def test_Q3_batches(m):
    """Copies of many frames at a time, of either side, where nothing was copied before or everything."""
    for how, ident in (({}, None), ({}, 0), ({}, 7), (V6, 0)):
        for n in (2, 3, 5, 8, 64):
            for side, d in ((0, "fwd_"), (1, "rev_")):
                c = Conn(**how).open(rtt=(10 * MS, 10 * MS))
                c.t += 10 * MS
                opened, c.frames, out = c.frames, [], []
                for _ in range(2):
                    c.t += 10 * MS
                    out += batches(burst(c, n, ident, side).frames, n)
                    c.frames = []
                    c.t = out[-1][0]
                    out += c.send(1 - side, ACK, dt=10 * MS, ident=ident).frames
                    c.frames = []
                c.frames = opened + out
                f, odd = told(m, c)
                same(odd, {d + "duplicate_frames": 2 * n}, str((how, ident, n)))
                same(f["history"], "ShADa" if side == 0 else "ShAd")


def test_Q3_batches_of_everything(m):
    for how, ident in (({}, None), ({}, 0), ({}, 7), (V6, 0)):
        for n in (3, 4, 10, 37):
            c = Conn(**how).open(rtt=(2 * MS, 2 * MS))
            opened = batches(c.frames, 3)
            c.t, c.frames = opened[-1][0] + 5 * MS, []
            for i in range(30):
                burst(c, 1, ident).send(1, ACK | PSH, b"a" * 70, dt=5000, ident=ident)
                c.send(1, ACK | PSH, b"b" * 30, dt=5000, ident=ident).send(0, ACK, dt=5000, ident=ident)
            c.frames = opened + batches(c.frames, n)
            f, odd = told(m, c)
            if ident is not None:  # acknowledgments of what is outstanding, see test_Q3_pure_acks
                odd["fwd_duplicate_frames"] += odd.pop("fwd_duplicate_acks", 0)
            same(odd, {"fwd_duplicate_frames": 62, "rev_duplicate_frames": 61}, str((how, ident, n)))
            same((f["tcp_rtt_client_us"], f["tcp_rtt_server_us"], f["packet_count"]), (2000, 2000, 246))


def test_Q3_two_captures_merged(m):
    """Copies that are late by the same time, as many frames behind as come in it; they begin early or late."""
    for how, ident in (({}, None), ({}, 0), (V6, 0)):
        for late in (20_000, 700_000, 2_900_000):
            for first in (0, 3, 40):
                c = Conn(**how).open(rtt=(5 * MS, 5 * MS))
                c.t += 10 * MS
                burst(c, 200, ident)
                c.frames = sorted(c.frames + [(t + late + 100, f) for t, f in c.frames[first:]], key=lambda p: p[0])
                want = {"fwd_duplicate_frames": 203 - first} if first else {"fwd_duplicate_frames": 202, "rev_duplicate_frames": 1}
                same(told(m, c)[1], want, str((how, ident, late, first)))


def test_Q3_sent_again_between_batches(m):
    """What is sent again is told from the copies, and is copied itself."""
    for how, ident in (({}, None), ({}, 0), ({}, 7), (V6, 0)):
        for n in (3, 10, 20):
            c = Conn(**how).open(rtt=(10 * MS, 10 * MS))
            opened = c.frames
            c.t, c.frames = c.t + 10 * MS, []
            out = batches(burst(c, n, ident).frames, n)
            c.frames, c.t = [], out[-1][0]
            c.send(0, ACK | PSH, bytes([1]) * 100, seq=1101, dt=300 * MS, ident=ident)
            c.send(0, ACK | PSH, bytes([2]) * 100, seq=1201, dt=5000, ident=ident)
            out += batches(burst(c, n, ident).frames, n + 2)
            c.frames, c.t = opened + out, out[-1][0]
            f, odd = told(m, c.send(1, ACK, dt=10 * MS, ident=ident))
            same(odd, {"fwd_retransmitted_packets": 2, "fwd_retransmitted_bytes": 200, "fwd_duplicate_frames": 2 * n + 2}, str((ident, n)))
            same(f["history"], "ShADTa")


def test_Q3_batches_in_disorder(m):
    """A segment that comes late fills a hole; its copy and those around it are copies."""
    for how in ({}, V6):
        for n in (4, 8):
            c = Conn(**how).open(rtt=(10 * MS, 10 * MS))
            c.t += 10 * MS
            opened, c.frames = c.frames, []
            f = burst(c, n, None).frames
            f[1:3] = [(f[1][0], f[2][1]), (f[2][0], f[1][1])]
            c.frames = opened + batches(f, n)
            same(told(m, c)[1], {"fwd_out_of_order_packets": 1, "fwd_duplicate_frames": n})


def test_Q3_sent_again_soon_but_not_copied(m):
    """Recovery on a short way whose round trip was not captured: nothing looks like a mirror."""
    for how, ident in (({}, None), ({}, 0), (V6, 0)):
        c = Conn(**how).send(0, ACK, DATA).send(1, ACK).send(0, ACK)
        burst(c, 12, ident)
        for _ in range(4):
            c.send(1, ACK, ack=1100, options=sack(1300, 2300), dt=50_000, ident=ident)
        for seq in (1100, 1200, 1700):
            c.send(0, ACK | PSH, b"r" * 100, seq=seq, dt=20_000, ident=ident)
            c.send(1, ACK, ack=seq + 100, dt=200_000, ident=ident)
        f, odd = told(m, c)
        same((odd["fwd_retransmitted_packets"], f["fwd_duplicate_frames"]), (3, 0), str((how, ident)))


def with_checksum(frame, value):
    at = 14 + 20 + 16
    return frame[:at] + value.to_bytes(2, "big") + frame[at + 2:]


def test_Q3_another_frame_at_once(m):
    """Equal but for one thing: no copy."""
    c = Conn().open().send(0, ACK | PSH, DATA, ident=9).send(0, ACK | PSH, DATA, seq=1001, dt=1000, ident=9)
    c.frames[-1] = (c.frames[-1][0], with_checksum(c.frames[-1][1], 0x1234))
    same(told(m, c)[1], {"fwd_retransmitted_packets": 1, "fwd_retransmitted_bytes": 100})
    for odd in ({"window": 999}, {"ident": 8}, {"ack": 5002}, {"flags": ACK}, {"body": DATA[:99]}):
        how = {"flags": ACK | PSH, "body": DATA, "ident": 9, **odd}
        c = Conn().open().send(0, ACK | PSH, DATA, ident=9)
        c.send(0, how.pop("flags"), how.pop("body"), seq=1001, dt=1000, **how)
        same(told(m, c)[0]["fwd_duplicate_frames"], 0, str(odd))
        same(told(m, c)[0]["fwd_retransmitted_packets"], 1, str(odd))


def test_Q3_pure_acks(m):
    """Without ids, or with one that never changes, they are duplicate acknowledgments."""
    for how, ident, what in (({}, 3, "duplicate_acks"), ({}, 0, "duplicate_acks"), (V6, 0, "duplicate_acks")):
        c = Conn(**how)
        c.send(0, SYN, ident=ident).send(1, SYN | ACK, ident=ident).send(0, ACK, ident=ident)
        c.send(0, ACK, DATA, ident=ident).send(1, ACK, ident=ident)
        for _ in range(5):
            c.send(0, ACK, DATA, dt=10_000)
        for _ in range(4):
            c.send(1, ACK, ack=1101, dt=10_000, ident=ident)
        same(told(m, c)[1], {"rev_" + what: 4})
    c = Conn().open().send(0, ACK, DATA).send(1, ACK).send(0, ACK, DATA)
    c.send(1, ACK, ack=1101, ident=77).send(1, ACK, ack=1101, dt=10_000, ident=77)
    same(told(m, c)[1], {"rev_duplicate_acks": 1, "rev_duplicate_frames": 1})


def test_Q2_copies(m):
    """Round trips are those of the first copies, however many there are."""
    for how in ({}, V6):
        c = Conn(**how).send(0, SYN).send(1, SYN | ACK, dt=20 * MS).send(0, ACK, dt=7 * MS)
        (t0, syn), (t1, answer), (t2, ack) = c.frames
        for copies in ([(t0 + 6 * MS, syn)], [(t0 + MS, syn), (t0 + 8 * MS, syn)], [(t1 + 5 * MS, answer)],
                       [(t0, syn), (t1 + MS, answer), (t1 + 2 * MS, answer)], [(t1 + MS, syn), (t2 + MS, ack)]):
            c.frames = sorted([(t0, syn), (t1, answer), (t2, ack)] + copies, key=lambda p: p[0])
            f, odd = told(m, c)
            same((f["tcp_rtt_client_us"], f["tcp_rtt_server_us"]), (7000, 20000), str(copies))
            same(odd.get("fwd_retransmitted_packets", 0) + odd.get("rev_retransmitted_packets", 0), 0)


def jumps(side, isn, steps, ack_first):
    """A side whose segments are captured now and then; the other acknowledges all that was sent."""
    c = Conn(isn=isn).open().send(side, ACK, DATA).send(1 - side, ACK)
    for step in steps:
        c.seq[side] += step
        if ack_first:
            c.send(1 - side, ACK)
        c.send(side, ACK, DATA).send(1 - side, ACK, ack=c.seq[side] - 50)
    return c.send(1 - side, ACK).send(side, FIN | ACK).send(1 - side, FIN | ACK).send(side, ACK)


def test_Q1_missed_far(m):
    """Jumps of more than 1 GiB, through the wrap, of more than 4 GiB together, both ways."""
    giga = 1 << 30
    for side, d in ((0, "fwd"), (1, "rev")):
        for isn in ((1000, 5000), (0xfffffff0, 0xffffff00), (0x7fffffff, 0x80000000)):
            for steps in ((giga + 7,), (2 * giga - 1000,), (giga * 3 // 2, giga * 3 // 2, giga + 1, giga * 7 // 4), (5000, 70)):
                for ack_first in (False, True):
                    f, odd = told(m, jumps(side, isn, steps, ack_first))
                    same(odd, {d + "_missed_bytes": sum(steps)}, str((d, isn, steps, ack_first)))
                    same(f["conn_state"], "SF")


def test_Q1_missed_by_the_last_acknowledgment(m):
    c = Conn().open().send(0, ACK, DATA).send(1, ACK)
    c.seq[0] += 900
    c.send(0, ACK, DATA).send(1, ACK, ack=c.seq[0] - 100)
    same(told(m, c)[1], {"fwd_missed_bytes": 900})


def test_Q1_missed_many(m):
    """Every third segment is left out, and they are acknowledged all at once; some come late."""
    c = Conn().open()
    late = [c.seq[0] + 1000 * i for i in range(0, 60, 9)]
    for i in range(60):
        c.send(0, ACK, b"d" * 1000, dt=1000, keep=i % 3 != 0)
    for seq in late:
        c.send(0, ACK, b"d" * 1000, seq=seq, dt=1000)
    c.send(1, ACK)
    same(told(m, c)[0]["fwd_missed_bytes"], (20 - len(late)) * 1000)


def test_Q1_numbers_that_never_fit_tell_nothing(m):
    """Acknowledgments of other numbers than those that were captured: nothing is missed."""
    c = Conn().send(0, SYN).send(1, SYN | ACK, ack=0x50000000).send(0, ACK)
    for i in range(5):
        c.send(0, ACK, DATA).send(1, ACK, ack=0x50000000 + 100 * i)
    same([k for k in told(m, c)[1] if "missed" in k or "retrans" in k], [])


STATES = {
    "S0": lambda c: c.send(0, SYN),
    "S1": lambda c: c.open().send(0, ACK | PSH, b"x"),
    "SF": lambda c: c.open().close(),
    "REJ": lambda c: c.send(0, SYN).send(1, RST | ACK),
    "S2": lambda c: c.open().send(0, FIN | ACK).send(1, ACK),
    "S3": lambda c: c.open().send(1, FIN | ACK).send(0, ACK),
    "RSTO": lambda c: c.open().send(0, RST),
    "RSTR": lambda c: c.open().send(0, ACK | PSH, b"x").send(1, RST),
    "RSTOS0": lambda c: c.send(0, SYN).send(0, RST),
    "RSTRH": lambda c: c.send(1, SYN | ACK).send(1, RST),
    "SH": lambda c: c.send(0, SYN).send(0, FIN),
    "SHR": lambda c: c.send(1, SYN | ACK).send(1, FIN | ACK),
    "OTH": lambda c: c.send(0, ACK | PSH, b"x").send(1, ACK),
}
HISTORIES = {"S0": "S", "S1": "ShAD", "SF": "ShAFaf", "REJ": "Sr", "RSTO": "ShAR", "RSTR": "ShADr", "RSTOS0": "SR",
             "RSTRH": "^hr", "SH": "SF", "SHR": "^hf", "OTH": "Da", "S2": "ShAFa", "S3": "ShAf"}


def test_states_and_histories(m):
    for state, make in STATES.items():
        f = m.flows(make(Conn()).frames)[0]
        same((f["conn_state"], f["history"]), (state, HISTORIES[state]), state)


def test_states_of_udp(m):
    f = m.flows([(T0, eth(ip4(A, B, 17, udp(1, 2)))), (T0 + 1, eth(ip4(A, B, 17, udp(3, 2)))), (T0 + 2, eth(ip4(B, A, 17, udp(2, 3))))])
    same([r["conn_state"] for r in f], ["S0", "SF"])
    same(m.flows([(T0, eth(ip4(A, B, 1, icmp(8, 0))))])[0]["conn_state"], "OTH")


def test_odd_flags_in_the_history(m):
    c = Conn().send(0, SYN | FIN).send(0, SYN | RST)
    same(m.flows(c.frames)[0]["history"], "Q")
    c = Conn().open().send(0, FIN | RST)
    same(m.flows(c.frames)[0]["history"], "ShAI")


if __name__ == "__main__":
    main(globals())
