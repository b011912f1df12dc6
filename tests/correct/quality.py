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
