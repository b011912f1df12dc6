#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Item P4: profile zeek: what Zeek would say of made captures, worked out by hand from its scripts and source
(base/protocols/conn, packet_analysis/protocol/tcp)."""
import gzip
import os
import re
import tempfile

from packets import *
from run import main, same

COLUMNS = ("ts uid id.orig_h id.orig_p id.resp_h id.resp_p proto service duration orig_bytes resp_bytes conn_state local_orig "
           "local_resp missed_bytes history orig_pkts orig_ip_bytes resp_pkts resp_ip_bytes tunnel_parents ip_proto").split()
TYPES = ("time string addr port addr port enum string interval count count string bool bool count string count count count "
         "count set[string] count").split()
OUT = "8.8.8.8"


def table(m, packets, *args, **how):
    text = m.raw(pcap(packets, **how), "-e", "flow", "-o", "csv:-?dialect=zeek", *args, text=True).decode()
    return text.splitlines()


def rows(m, packets, *args, **how):
    """Rows in the order of their times."""
    out = [dict(zip(COLUMNS, line.split("\t"))) for line in table(m, packets, *args, **how) if not line.startswith("#")]
    return sorted(out, key=lambda r: float(r["ts"]))


def few(row, *names):
    return tuple(row[n] for n in names)


def told(row):
    return few(row, "id.orig_h", "id.resp_h", "conn_state", "history", "orig_pkts", "resp_pkts")


def sizes(row):
    return few(row, "duration", "orig_bytes", "resp_bytes", "missed_bytes")


def say(m, packets):
    return [told(r) for r in rows(m, packets)]


def test_P4_table(m):
    c = Conn().open().send(0, PSH | ACK, b"x" * 100).send(1, PSH | ACK, b"y" * 3000).send(0, ACK).close()
    lines = table(m, c.frames)
    same(lines[:5], ["#separator \\x09", "#set_separator\t,", "#empty_field\t(empty)", "#unset_field\t-", "#path\tconn"])
    assert re.fullmatch(r"#open\t\d{4}(-\d\d){5}", lines[5]), lines[5]
    same(lines[6].split("\t"), ["#fields"] + COLUMNS)
    same(lines[7].split("\t"), ["#types"] + TYPES)
    same(len(lines), 10)
    assert re.fullmatch(r"#close\t\d{4}(-\d\d){5}", lines[9]), lines[9]
    cells = lines[8].split("\t")
    same(cells[0], "1700000000.001000")
    assert re.fullmatch(r"C[0-9A-Za-z]{11}", cells[1]), cells[1]
    # 3 and 2 ms of handshake, 5 more segments 1 ms apart before the FINs: to the second FIN it is 5 + 3 + 3 ms
    same(cells[2:], [A, "1000", B, "80", "tcp", "-", "0.011000", "100", "3000", "SF", "T", "T", "0", "ShADdFaf",
                     "6", str(6 * 40 + 100), "4", str(4 * 40 + 3000), "-", "6"])


def test_P4_tables_in_files(m):
    frames = Conn().open().frames
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "conn.log")
        for _ in range(2):  # the second run begins anew
            m.raw(pcap(frames), "-e", "flow", "-o", "csv:%s?dialect=zeek" % path)
            with open(path) as f:
                lines = f.read().splitlines()
            same((len(lines), [x.split("\t")[0] for x in lines if x.startswith("#")][-1]), (10, "#close"))
        m.raw(pcap(frames), "-e", "flow", "-o", "csv:%s.gz?dialect=zeek&compress=gzip" % path)
        with gzip.open(path + ".gz", "rt") as f:
            same([x[:6] for x in f][-2:], ["#types", "170000"])


def test_P4_the_last_ack_is_not_in_the_duration(m):
    c = Conn().open().close()
    r, = rows(m, c.frames)
    same(sizes(r), ("0.008000", "0", "0", "0"))
    same(told(r), (A, B, "SF", "ShAFaf", "4", "3"))
    c.send(0, ACK, dt=4 * S)
    r, = rows(m, c.frames)
    same(sizes(r), ("0.008000", "0", "0", "0"))
    same(r["orig_pkts"], "5")


def test_P4_packets_after_one_side_closed_are(m):
    c = Conn().open().send(0, FIN | ACK).send(1, ACK, dt=7 * S)
    r, = rows(m, c.frames)
    same(sizes(r) + told(r), ("7.006000", "0", "0", "0", A, B, "S2", "ShAFa", "3", "2"))


def test_P4_nothing_without_duration(m):
    r, = rows(m, [(T0, eth(ip4(A, B, 17, udp(5, 6, b"abc"))))])
    same(sizes(r), ("-", "-", "-", "0"))
    r, = rows(m, [(T0, eth(ip4(A, B, 17, udp(5, 6, b"abc")))), (T0, eth(ip4(A, B, 17, udp(5, 6, b"abc"))))])
    same(sizes(r) + few(r, "orig_pkts"), ("-", "-", "-", "0", "2"))
    # times are looked at in microseconds
    r, = rows(m, [(T0 + 100, eth(ip4(A, B, 17, udp(5, 6, b"abc")))), (T0 + 900, eth(ip4(A, B, 17, udp(5, 6, b"abc"))))])
    same(sizes(r)[0], "-")
    r, = rows(m, [(T0 + 900, eth(ip4(A, B, 17, udp(5, 6, b"abc")))), (T0 + 1000, eth(ip4(A, B, 17, udp(5, 6, b"abc"))))])
    same(sizes(r), ("0.000001", "6", "0", "0"))


def test_P4_sizes_by_sequence_numbers(m):
    c = Conn().open().send(0, PSH | ACK, b"x" * 100, keep=False).send(0, PSH | ACK, b"x" * 50).send(1, ACK)
    r, = rows(m, c.frames)
    same(sizes(r)[1:] + few(r, "history", "orig_ip_bytes"), ("150", "0", "100", "ShADaG", str(40 * 3 + 50)))
    # sent twice: once in the size, a t in the history
    c = Conn().open().send(1, PSH | ACK, b"y" * 70).send(0, ACK).send(1, PSH | ACK, b"y" * 70, seq=5001, dt=S).send(0, ACK)
    r, = rows(m, c.frames)
    same(sizes(r)[1:] + few(r, "history", "resp_ip_bytes"), ("0", "70", "0", "ShAdt", str(3 * 40 + 140)))
    # of a side that was not captured its acknowledgments tell nothing: each is a new beginning
    c = Conn().open().send(0, PSH | ACK, b"x" * 500).send(0, PSH | ACK, b"x" * 500)
    only = [c.frames[0]] + c.frames[2:]
    c.send(0, ACK, ack=5001 + 4000)
    r, = rows(m, only + c.frames[-1:])
    same(few(r, "orig_bytes", "resp_bytes", "resp_pkts"), ("1000", "0", "0"))


def test_P4_data_before_what_came_again(m):
    """The first that is seen of a side's data lies before its FIN: both letters are of one segment."""
    for gap in (S, MS):  # sent again, or only late
        c = Conn().open().send(1, PSH | ACK, b"y" * 70, keep=False).send(1, FIN | ACK).send(0, ACK, ack=5001)
        c.send(1, PSH | ACK, b"y" * 70, seq=5001, dt=gap).send(0, ACK)
        same([r[3] for r in say(m, c.frames)], ["ShAfdt"])
    c.send(0, PSH | ACK, b"x" * 9).send(0, PSH | ACK, b"x" * 9, seq=1001, dt=S)
    same([r[3] for r in say(m, c.frames)], ["ShAfdtDT"])


def test_P4_sizes_beyond_32_bits(m):
    c = Conn(isn=(0xfffffff0, 0xffffffff)).open().send(0, PSH | ACK, b"x" * 1000).send(1, PSH | ACK, b"y" * 100).close()
    same(sizes(rows(m, c.frames)[0])[1:], ("1000", "100", "0"))
    c = Conn().open()
    for k in range(1, 12):  # six gigabytes, of which only the last byte of each GiB / 2 was captured
        c.seq[0] = 1001 + (k << 29)
        c.send(0, PSH | ACK, b"x").send(1, ACK)
    same(sizes(rows(m, c.frames)[0])[1], str((11 << 29) + 1))


def test_P4_midstream(m):
    c = Conn(sport=5000, dport=6000).send(1, PSH | ACK, b"y" * 10).send(0, PSH | ACK, b"x" * 20).send(1, ACK)
    r, = rows(m, c.frames)
    same(told(r) + sizes(r)[1:], (B, A, "OTH", "DdA", "2", "1", "10", "20", "0"))


def test_P4_states(m):
    syn = Conn().send(0, SYN)
    same(say(m, syn.frames), [(A, B, "S0", "S", "1", "0")])
    same(say(m, Conn().send(0, SYN).send(1, RST | ACK).frames), [(A, B, "REJ", "Sr", "1", "1")])
    same(say(m, Conn().send(0, SYN).send(0, RST).frames), [(A, B, "RSTOS0", "SR", "2", "0")])
    same(say(m, Conn().send(0, SYN).send(0, FIN).frames), [(A, B, "SH", "SF", "2", "0")])
    same(say(m, Conn().open().frames), [(A, B, "S1", "ShA", "2", "1")])
    same(say(m, Conn().open().send(0, RST).frames), [(A, B, "RSTO", "ShAR", "3", "1")])
    same(say(m, Conn().open().send(1, RST).frames), [(A, B, "RSTR", "ShAr", "2", "2")])
    same(say(m, Conn().open().send(0, FIN | ACK).send(1, ACK).frames), [(A, B, "S2", "ShAFa", "3", "2")])
    same(say(m, Conn().open().send(1, FIN | ACK).send(0, ACK).frames), [(A, B, "S3", "ShAf", "3", "2")])
    same(say(m, [(T0, eth(ip4(A, B, 1, icmp(8, 0))))]), [(A, B, "OTH", "-", "1", "0")])


def test_P4_attempts_end_after_five_seconds(m):
    c = Conn(t=T0 - MS).send(0, SYN)
    for dt in (1, 2, 4, 8):
        c.send(0, SYN, seq=1000, dt=dt * S)  # 0, 1, 3, 7, 15 s
    same([told(r) + sizes(r)[:2] for r in rows(m, c.frames)],
         [(A, B, "S0", "S", "3", "0", "3.000000", "0"), (A, B, "S0", "S", "1", "0", "-", "-"), (A, B, "S0", "S", "1", "0", "-", "-")])
    c = Conn(t=T0 - MS).send(0, SYN).send(1, SYN | ACK, dt=5 * S - 1).send(0, ACK, dt=200 * S)
    same(len(rows(m, c.frames)), 1)
    c = Conn(t=T0 - MS).send(0, SYN).send(1, SYN | ACK, dt=5 * S)
    same([r[3] for r in say(m, c.frames)], ["S", "^h"])


def test_P4_another_syn_is_another_connection(m):
    c = Conn().send(0, SYN).send(0, SYN, seq=77)
    same([r[2:4] for r in say(m, c.frames)], [("S0", "S"), ("S0", "S")])
    c = Conn().send(0, SYN).send(1, RST | ACK).send(0, SYN, seq=1000).send(1, RST | ACK)  # the same number, after a RST
    same([r[2:4] for r in say(m, c.frames)], [("REJ", "Sr"), ("REJ", "Sr")])
    c = Conn().send(0, SYN).send(0, SYN, seq=1000)
    same([r[4] for r in say(m, c.frames)], ["2"])


def test_P4_end_of_a_connection(m):
    c = Conn().open().send(0, FIN | ACK).send(1, FIN | ACK).send(1, PSH | ACK, b"late", dt=5 * S)  # nobody acknowledged the FINs
    same([r[2:4] for r in say(m, c.frames)], [("SF", "ShAFf"), ("OTH", "^d")])
    c = Conn().open().send(0, FIN | ACK).send(1, PSH | ACK, b"more", dt=299 * S)
    same([r[2:4] for r in say(m, c.frames)], [("S2", "ShAFd")])


def test_P4_what_comes_after_the_end_does_not_put_it_off(m):
    c = Conn().open().send(0, RST | ACK)
    for _ in range(5):
        c.send(1, ACK, dt=2 * S)  # 2, 4, 6, 8 and 10 seconds after the end
    same([r[2:] for r in say(m, c.frames)], [("RSTO", "ShARa", "3", "3"), ("OTH", "^a", "0", "3")])


def gaps(m, sport, dport, *seconds, proto=17):
    """How many rows packets make that come so far apart."""
    t, out, c = T0, [], Conn(sport=sport, dport=dport).open() if proto == 6 else None
    for i, s in enumerate((0,) + seconds):
        t += round(s * S)
        if proto == 6:
            c.send(0, PSH | ACK, b"x", dt=round(s * S))
        else:
            out.append((t, eth(ip4(A, B, proto, udp(sport, dport, b"x") if proto == 17 else icmp(8, 0) if proto == 1 else b"x" * 8))))
    return [r["orig_pkts"] for r in rows(m, c.frames if proto == 6 else out)]


def test_P4_timeouts(m):
    same(gaps(m, 5000, 6000, 59.999999), ["2"])
    same(gaps(m, 5000, 6000, 60), ["1", "1"])
    same(gaps(m, 5000, 6000, 60, proto=1), ["1", "1"])
    same(gaps(m, 5000, 6000, 60, proto=132), ["1", "1"])
    same(gaps(m, 5000, 6000, 299.999, proto=6), ["4"])
    same(gaps(m, 5000, 6000, 300, proto=6), ["3", "1"])
    same(gaps(m, 5000, 22, 3599, proto=6), ["4"])
    same(gaps(m, 5000, 22, 3600, proto=6), ["3", "1"])
    same(gaps(m, 5000, 6000, *[50] * 200), ["201"])  # there is no active timeout
    # DNS: looked at 10, 20, ... seconds after the first packet; over when the last is 9 seconds ago or more
    same(gaps(m, 5000, 53, 0.5, 9), ["3"])
    same(gaps(m, 5000, 53, 0.5, 9.6), ["2", "1"])
    same(gaps(m, 5000, 53, 1.5, 9), ["3"])
    same(gaps(m, 5000, 53, 1.5, 17), ["3"])
    same(gaps(m, 5000, 53, 1.5, 18.6), ["2", "1"])
    same(gaps(m, 5000, 5353, 30), ["1", "1"])


def test_P4_servers(m):
    reply = [(T0, eth(ip4(OUT, A, 17, udp(53, 4000, b"abc")))), (T0 + MS, eth(ip4(A, OUT, 17, udp(4000, 53, b"ab"))))]
    r, = rows(m, reply[:1])
    same(told(r) + few(r, "id.orig_p", "id.resp_p", "local_orig", "local_resp"), (A, OUT, "SHR", "^d", "0", "1", "4000", "53", "T", "F"))
    r, = rows(m, reply)
    same(told(r) + sizes(r)[1:], (A, OUT, "SF", "^dD", "1", "1", "2", "3", "0"))
    same(say(m, [(T0, eth(ip4(A, B, 17, udp(53, 137))))]), [(A, B, "S0", "D", "1", "0")])           # both are servers
    same(say(m, [(T0, eth(ip4(A, "255.255.255.255", 17, udp(67, 68))))]), [(A, "255.255.255.255", "S0", "D", "1", "0")])
    one = Conn(sport=5000, dport=80)
    same(say(m, one.send(1, PSH | ACK, b"x").frames), [(A, B, "OTH", "^d", "0", "1")])
    same(say(m, one.send(0, ACK).frames), [(A, B, "OTH", "^dA", "1", "1")])
    same(say(m, Conn(sport=443, dport=80).send(1, ACK).frames), [(A, B, "OTH", "^a", "0", "1")])       # TCP, and 80 is lower
    same(say(m, Conn(sport=25, dport=80).send(1, ACK).frames), [(B, A, "OTH", "A", "1", "0")])
    same(say(m, Conn(sport=80, dport=5000).send(0, SYN).frames), [(A, B, "S0", "S", "1", "0")])        # a SYN is never turned


def test_P4_connections_that_begin_with_the_answer(m):
    def answer(sport, dport):
        return Conn(sport=sport, dport=dport).send(1, SYN | ACK)
    same(say(m, answer(5000, 6000).frames), [(B, A, "OTH", "H", "1", "0")])
    same(say(m, answer(5000, 6000).send(0, RST).frames), [(B, A, "REJ", "Hr", "1", "1")])
    same(say(m, answer(5000, 6000).send(0, ACK).frames), [(A, B, "S1", "^hA", "1", "1")])
    same(say(m, answer(5000, 6000).send(1, RST).frames), [(B, A, "OTH", "HR", "2", "0")])
    same(say(m, answer(5000, 80).send(0, RST).frames), [(A, B, "RSTO", "^hR", "1", "1")])
    c = Conn(sport=5000, dport=6000).open()
    same(say(m, [c.frames[1], (c.frames[1][0] + 1, c.frames[0][1]), c.frames[2]]), [(A, B, "S1", "Hs^A", "2", "1")])


def test_P4_key(m):
    frames = [(T0 + i * MS, eth(ip4(A, B, 17, udp(1, 2)), tags=((0x8100, v),))) for i, v in enumerate((5, 6, 5))]
    same([r["orig_pkts"] for r in rows(m, frames)], ["3"])
    same(len(rows(m, frames, "--idle-timeout", "300", "--active-timeout", "300")), 2)  # flowtap's own rules
    r, = rows(m, [(T0, eth(ip4(A, B, 1, icmp(8, 0)))), (T0 + MS, eth(ip4(B, A, 1, icmp(0, 0))))])
    same(few(r, "id.orig_p", "id.resp_p", "proto", "ip_proto", "resp_pkts"), ("8", "0", "icmp", "1", "1"))
    r, = rows(m, [(T0, eth(ip4(A, B, 1, icmp(3, 13))))])
    same(few(r, "id.orig_p", "id.resp_p"), ("3", "13"))
    r, = rows(m, [(T0, eth(ip6(A6, B6, 58, icmp(135, 0))))])
    same(few(r, "id.orig_p", "id.resp_p", "proto", "ip_proto"), ("135", "136", "icmp", "58"))
    r, = rows(m, [(T0 + i * MS, eth(ip4(A, B, 132, struct.pack("!HHII", 5, 6, 0, 0) + b"x" * 9))) for i in range(2)])
    same(few(r, "id.orig_p", "id.resp_p", "proto", "orig_bytes", "orig_ip_bytes", "ip_proto"),
         ("0", "0", "unknown_transport", "0", str(2 * 41), "132"))


def test_P4_local_networks(m):
    local = ("0.1.2.3 10.255.0.1 100.64.0.1 100.127.255.255 127.0.0.1 169.254.1.1 172.16.0.1 172.31.255.255 192.0.0.9 192.0.2.1 "
             "192.168.0.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.200 224.0.0.251 239.1.2.3 240.0.0.1 255.255.255.255 "
             ":: ::1 64:ff9b:1::5 100::1 2001:1::1 2001:db8::1 fc00::1 fdff::1 fe80::1 febf::1 fec0::1 2002:a01:203::1 2002:c0a8:101::1")
    other = ("1.1.1.1 11.0.0.1 100.63.255.255 100.128.0.0 172.15.255.255 172.32.0.0 192.0.1.1 192.167.1.1 198.17.255.255 198.20.0.0 "
             "203.0.112.1 224.0.1.1 238.255.255.255 ::2 64:ff9b::5 100:0:0:1::1 2001:200::1 2001:db9::1 fe00::1 2002:808:808::1")
    for want, names in (("T", local), ("F", other)):
        for name in names.split():
            peer = OUT if "." in name else "2a00::1"
            r, = rows(m, [(T0, eth(ip(name, peer, 17, udp(5, 6))))])
            same(few(r, "local_orig", "local_resp"), (want, "F"), name)


def test_P4_service(m):
    c = Conn(dport=8124).open().send(0, PSH | ACK, b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
    c.send(1, PSH | ACK, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    same(rows(m, c.frames)[0]["service"], "http")
    same(rows(m, Conn(dport=80).open().frames)[0]["service"], "-")  # a port alone says nothing
    query = struct.pack("!HHHHHH", 7, 0x0100, 1, 0, 0, 0) + b"\1a\7example\0\0\1\0\1"
    same(rows(m, [(T0, eth(ip4(A, B, 17, udp(4000, 53, query))))])[0]["service"], "dns")


def test_P4_ndjson_and_names(m):
    c = Conn().open().send(0, PSH | ACK, b"x" * 100).send(1, ACK)
    got, = m.flows(c.frames, "-p", "zeek")
    same((got["ts"], got["id.orig_h"], got["id.resp_p"], got["duration"], got["orig_bytes"], got["local_orig"], got["service"],
          got["tunnel_parents"]), (1700000000.001, A, 80, 0.007, 100, True, None, None))
    same(set(COLUMNS) - set(got), set())
    r, = rows(m, c.frames)
    same(got["uid"], r["uid"])
    again, = rows(m, c.frames, "-w", "3")
    same(again, r)
    text = m.raw(pcap(c.frames), "-e", "flow", "-o", "csv:-?columns=uid,id.orig_h,conn_state", text=True).decode()
    same(text, "uid,id.orig_h,conn_state\n%s,%s,S1\n" % (r["uid"], A))


def test_P4_anonymized(m):
    with tempfile.NamedTemporaryFile("wb", suffix=".key") as f:
        f.write(bytes(range(32)))
        f.flush()
        c = Conn(a="1.2.3.4", b="5.6.7.8").open().send(1, PSH | ACK, b"x")
        clear, = m.flows(c.frames, "-p", "zeek")
        got, = m.flows(c.frames, "-p", "zeek", "--anonymize", f.name)
        same((got["id.orig_h"], got["id.resp_h"]), (got["src_ip"], got["dst_ip"]))
        assert got["id.orig_h"] != "1.2.3.4" and got["uid"] != clear["uid"]
        same(got["history"], clear["history"])


main(globals())
