#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Flow export when the other side is not there, comes back, or is full of itself.

A collector over UDP that goes and comes, has several addresses, or another one than before, a TCP
connection that breaks, templates by time, files that rotate, records that a format cannot hold, URLs
that cannot be. What arrives is decoded here, with the templates that this receiver has had, and
counted against flowtap's account.

    fault_flow_export.py [--flowtap PROGRAM] [--capture FILE]
"""
import argparse
import json
import os
import re
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time

DEADLINE = 20


class Reader:
    """Messages of IPFIX as one receiver has them."""

    def __init__(self):
        self.templates, self.records, self.unknown, self.first, self.gaps = {}, 0, 0, None, 0
        self.messages, self.only_templates, self.next = 0, 0, None
        self.reports = []  # domain, messages, records, octets, records not sent
        self.rates = []  # of options data, by how many records came before

    def message(self, data):
        version, length, _, sequence, _ = struct.unpack("!HHIII", data[:16])
        assert version == 10 and length == len(data), (version, length, len(data))
        self.first = sequence if self.first is None else self.first
        self.gaps += self.next is not None and self.next != sequence
        self.messages += 1
        at, records = 16, 0
        while at < length:
            set_id, n = struct.unpack("!HH", data[at:at + 4])
            body = data[at + 4:at + n]
            at += n
            if set_id == 2:
                self.learn(body)
            elif set_id == 3:  # options: the same, but for the number of scopes
                self.learn(body[:4] + body[6:])
            elif set_id == 1280:
                self.reports.append(struct.unpack("!IQQQQ", body[:36]))
                records += 1
                self.records -= 1
            elif set_id == 1281 and set_id in self.templates:
                rate = struct.unpack("!IQHIIIB", body)
                assert rate[:4] == (rate[0], 1, 3, 1) and rate[4] == rate[5], rate
                self.rates.append((self.records + records, rate[4]))
                records += 1
                self.records -= 1
            elif set_id in self.templates:
                size = self.templates[set_id] or len(body)  # 0: one of variable length
                assert len(body) % size == 0, (set_id, len(body))
                records += len(body) // size
            else:
                self.unknown += 1
        self.only_templates += records == 0
        self.records += records
        self.next = sequence + records

    def learn(self, body):
        while len(body) >= 4:
            template, n = struct.unpack("!HH", body[:4])
            body, size, variable = body[4:], 0, False
            for _ in range(n):
                ie, length = struct.unpack("!HH", body[:4])
                body = body[8 if ie & 0x8000 else 4:]
                size = 0 if length == 65535 else size + length
                variable |= length == 65535
            self.templates[template] = 0 if variable else size

    def stream(self, data):
        """Whole messages of a stream; what is left of it."""
        while len(data) >= 16 and len(data) >= struct.unpack("!H", data[2:4])[0]:
            n = struct.unpack("!H", data[2:4])[0]
            self.message(data[:n])
            data = data[n:]
        return data


class Feed:
    """flowtap, which reads packets from a pipe: each phase ends the flows of the one before."""

    def __init__(self, program, *options, within=()):
        self.p = subprocess.Popen(
            [*within, program, "read", "-", "-w", "1", "-e", "flow", "--idle-timeout", "5", *options],
            stdin=subprocess.PIPE, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self.p.stdin.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))
        self.phases = 0

    def phase(self, flows):
        """So many UDP flows of a packet, 100 s later."""
        s = 1700000000 + 100 * self.phases
        for i in range(flows):
            body = struct.pack("!HHHH", 1000 + i, 53, 12, 0) + b"abcd"
            packet = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), i, 0, 64, 17, 0,
                                 bytes([10, 1, self.phases, 1]), bytes([10, 0, 0, 2])) + body
            self.p.stdin.write(struct.pack("<IIII", s, i, len(packet), len(packet)) + packet)
        self.p.stdin.flush()
        self.phases += 1

    def end(self):
        """Its account and what it said."""
        _, err = self.p.communicate(timeout=DEADLINE)
        err = err.decode(errors="replace")
        m = re.search(r"(\d+) flow events = (\d+) written \+ (\d+) dropped(?: \+ (\d+) lost)?", err)
        made, written, dropped, lost = (int(x or 0) for x in m.groups())
        return self.p.returncode, made, written, dropped, lost, err


class Checks:
    def __init__(self):
        self.n, self.failed = 0, []

    def same(self, what, wanted, found):
        self.n += 1
        if wanted != found:
            self.failed.append("%s: %.600s, not %.600s" % (what, found, wanted))


def udp_socket(port=0, host="127.0.0.1"):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
    s.bind((host, port))
    s.settimeout(0.1)
    return s


def hear(s, reader, condition, seconds=DEADLINE):
    end = time.monotonic() + seconds
    while time.monotonic() < end and not condition():
        try:
            reader.message(s.recv(65535))
        except socket.timeout:
            pass
    return condition()


def check_away(c, program):
    s, before, after = udp_socket(), Reader(), Reader()
    port = s.getsockname()[1]
    f = Feed(program, "-o", "ipfix+udp://127.0.0.1:%d" % port)
    f.phase(30)
    f.phase(20)
    c.same("there: the first flows", True, hear(s, before, lambda: before.records == 30))
    s.close()
    for n in (20, 20, 10):  # what ends while nobody is there: 20, 20, 20
        f.phase(n)
        time.sleep(0.6)
    s = udp_socket(port)
    c.same("back: templates come first, by themselves", True,
           hear(s, after, lambda: after.only_templates > 0))
    c.same("back: they are numbered as what comes next", True, after.first >= 30)
    time.sleep(0.5)
    f.phase(4)
    time.sleep(0.3)
    f.phase(1)
    c.same("back: the next flows", True, hear(s, after, lambda: after.records > 0))
    rc, made, written, dropped, lost, err = f.end()
    hear(s, after, lambda: before.records + after.records >= written)
    s.close()
    c.same("away: all records", 30 + 20 + 20 + 20 + 10 + 5, made)
    c.same("away: written is what came", before.records + after.records, written)
    c.same("away: the others are lost", made - written, lost + dropped)
    c.same("away: no record without a template", 0, before.unknown + after.unknown)
    c.same("away: sequence", (0, 0), (before.gaps, after.gaps))
    c.same("away: lost in the sequence, too", made, after.next)
    c.same("away: exit status", 1, rc)
    c.same("away: said once\n" + err, (1, 1),
           (err.count("its events are lost"), err.count("somebody is there after")))


def check_late(c, program):
    """Nobody is there before the first record."""
    s, reader = udp_socket(), Reader()
    port = s.getsockname()[1]
    s.close()
    f = Feed(program, "-o", "ipfix+udp://127.0.0.1:%d?sampling=5" % port)
    f.phase(5)
    f.phase(5)
    time.sleep(1)
    s = udp_socket(port)
    hear(s, reader, lambda: reader.only_templates > 0)
    time.sleep(0.5)
    f.phase(5)
    rc, made, written, _, lost, _ = f.end()
    hear(s, reader, lambda: reader.records >= written)
    s.close()
    c.same("late: some came, some not", (True, True), (written > 0, lost > 0))
    c.same("late: account", (15, 15 - lost, written, 1), (made, written, reader.records, rc))
    c.same("late: no record without a template", 0, reader.unknown)
    c.same("late: options data before the first record", ([(0, 5)], 0), (reader.rates[:1], reader.gaps))


def with_hosts(path):
    """A command before a program that has this file for /etc/hosts."""
    return ("unshare", "-m", "--propagation", "private", "sh", "-c",
            'mount --bind "$0" /etc/hosts && exec "$@"', path)


def own_hosts():
    """Can there be such a file, and are names looked up in it?"""
    r = subprocess.run([*with_hosts("/etc/hosts"), "getent", "hosts", "localhost"],
                       capture_output=True, timeout=60, check=False)
    return r.returncode == 0


def check_addresses(c, program, scratch):
    """A name of two addresses, of which one has a collector; then it is another one's."""
    path = os.path.join(scratch, "hosts")
    for host, other in (("127.0.0.1", "127.0.0.2"), ("127.0.0.2", "127.0.0.1")):
        with open(path, "w", encoding="ascii") as f:
            f.write("127.0.0.1 collector\n127.0.0.2 collector\n")
        s, reader = udp_socket(host=host), Reader()
        port = s.getsockname()[1]
        f = Feed(program, "-o", "ipfix+udp://collector:%d" % port, within=with_hosts(path))
        f.phase(5)
        f.phase(5)
        hear(s, reader, lambda: reader.records == 5, 5)
        silent = udp_socket(port, other)  # who takes all is no collector
        s.close()
        f.phase(5)
        time.sleep(1)
        s, again = udp_socket(port, host), Reader()
        c.same("%s: the same again, who was there" % host, True,
               hear(s, again, lambda: again.only_templates > 0, 4))
        c.same("%s: nothing goes to the other one" % host, [], select.select([silent], [], [], 0)[0])
        time.sleep(0.5)  # it is there for sure
        silent.close()
        s.close()
        with open(path, "r+", encoding="ascii") as hosts:
            hosts.write("127.0.0.3 collector\n#")
        f.phase(5)
        s, moved = udp_socket(port, "127.0.0.3"), Reader()
        f.phase(5)
        hear(s, moved, lambda: moved.only_templates > 0, 5)
        time.sleep(0.5)
        f.phase(5)
        rc, made, written, dropped, lost, _ = f.end()
        hear(s, moved, lambda: reader.records + moved.records >= written, 5)
        s.close()
        c.same("%s, not %s: the first records" % (host, other), 5, reader.records)
        c.same("%s: the name has another address: account" % host,
               (30, reader.records + moved.records, made - written, 1),
               (made, written, dropped + lost, rc))
        c.same("%s: the name has another address: records" % host, True, moved.records > 0)
        c.same("%s: no record without a template" % host, (0, 0), (reader.unknown, moved.unknown))


def check_refresh(c, program):
    s, reader = udp_socket(), Reader()
    f = Feed(program, "-o", "ipfix+udp://127.0.0.1:%d?template_refresh=1&sampling=5" % s.getsockname()[1])
    f.phase(5)
    f.phase(5)
    hear(s, reader, lambda: reader.only_templates >= 2, 5)
    c.same("refresh: templates while nothing else comes", True, reader.only_templates >= 2)
    f.end()
    hear(s, reader, lambda: reader.records == 10)
    s.close()
    c.same("refresh: records, gaps", (10, 0), (reader.records, reader.gaps))
    c.same("refresh: options data with the templates", (True, 0, {5}),
           (len(reader.rates) >= 3, reader.rates[0][0], {rate for _, rate in reader.rates}))


def check_report(c, program):
    s, reader = udp_socket(), Reader()
    f = Feed(program, "-o", "ipfix+udp://127.0.0.1:%d?report=1&domain=7" % s.getsockname()[1])
    f.phase(5)
    f.phase(5)
    hear(s, reader, lambda: len(reader.reports) >= 2, 6)
    seen = reader.records
    f.end()
    hear(s, reader, lambda: reader.records == 10, 2)
    s.close()
    c.same("report: records, gaps", (10, 0), (reader.records, reader.gaps))
    c.same("report: domain, records, lost", [(7, seen, 0)] * 2,
           [(r[0], r[2], r[4]) for r in reader.reports[:2]])
    c.same("report: counts what was before", [0, 1], [r[1] - reader.reports[0][1]
                                                       for r in reader.reports[:2]])


def check_tcp(c, program):
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(DEADLINE)
    f = Feed(program, "-o", "ipfix+tcp://127.0.0.1:%d?sampling=70000" % server.getsockname()[1])
    f.phase(10)
    f.phase(10)
    one, two, data = Reader(), Reader(), b""
    conn, _ = server.accept()
    conn.settimeout(DEADLINE)
    while one.records < 10:
        data = one.stream(data + conn.recv(65536))
    time.sleep(0.3)
    conn.close()
    time.sleep(0.3)
    f.phase(10)
    conn, _ = server.accept()
    conn.settimeout(DEADLINE)
    data = b""
    while two.records < 5:
        data = two.stream(data + conn.recv(65536))
    conn.settimeout(0.2)
    rc, made, written, _, lost, _ = finish_reading(f, conn, two, data)
    conn.close()
    server.close()
    c.same("tcp: account", (30, 30, 0, 0), (made, written, lost, rc))
    c.same("tcp: the first connection", (10, 0, 0, 0, [(0, 70000)]),
           (one.records, one.unknown, one.first, one.gaps, one.rates))
    # 10 records and one of options data before it; it says that again, with the number before
    c.same("tcp: the second connection", (20, 0, 10, 0, [(0, 70000)]),
           (two.records, two.unknown, two.first, two.gaps, two.rates))


def finish_reading(f, conn, reader, data):
    f.p.stdin.close()
    f.p.stdin = None
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        try:
            got = conn.recv(65536)
            if not got:
                break
            data = reader.stream(data + got)
        except socket.timeout:
            pass
    return f.end()


def check_files(c, program, capture, scratch):
    path = os.path.join(scratch, "flows.ipfix")
    r = subprocess.run([program, "read", capture, "-o", "ipfix:%s?sampling=10&rotate=5rows" % path],
                       capture_output=True, timeout=60, check=False)
    made = int(re.search(r"(\d+) flow events = ", r.stderr.decode())[1])
    names, total = sorted(os.listdir(scratch)), 0
    starts = []
    for name in names:
        reader = Reader()
        with open(os.path.join(scratch, name), "rb") as f:
            rest = reader.stream(f.read())
        c.same("%s: whole messages, templates, sequence" % name, (b"", 0, 0),
               (rest, reader.unknown, reader.gaps))
        c.same("%s: its rate, before its records" % name, [(0, 10)], reader.rates)
        total += reader.records
        starts.append((reader.first + 1, reader.records))  # behind the options data
    c.same("files: records", (made, 0), (total, r.returncode))
    c.same("files: there are several", True, len(names) > 1)
    starts.sort()
    c.same("files: each begins where another one ended", [1] + [a + n for a, n in starts[:-1]],
           [a for a, _ in starts])


def check_many_templates(c, program, scratch):
    """More templates than a chunk has: those that are there before their first record is written."""
    path, out = os.path.join(scratch, "many.pcap"), os.path.join(scratch, "many.ipfix")
    most = 1000
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101))
        for i in range(most):  # its own elements, and a text
            fields = b"".join(struct.pack("!HHI", 0x8001 + 2 * k + (i >> k & 1), 4, 4711) for k in range(10))
            template = struct.pack("!HH", 256, 11) + fields + struct.pack("!HH", 82, 65535)
            record = bytes(40) + b"\xff" + struct.pack("!H", 4000) + b"x" * 4000
            sets = b"".join(struct.pack("!HH", n, 4 + len(x)) + x for n, x in ((2, template), (256, record)))
            body = struct.pack("!HHIII", 10, 16 + len(sets), 1700000000, i, i) + sets
            body = struct.pack("!HHHH", 4739, 4739, 8 + len(body), 0) + body
            packet = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), i, 0, 64, 17, 0,
                                 bytes([10, 1, 0, 1]), bytes([10, 0, 0, 2])) + body
            f.write(struct.pack("<IIII", 1700000000, i, len(packet), len(packet)) + packet)
    r = subprocess.run([program, "collect", "-l", "pcap:" + path, "-e", "flow", "-o", "ipfix:" + out],
                       capture_output=True, timeout=60, check=False)
    reader = Reader()
    with open(out, "rb") as f:
        reader.stream(f.read())
    c.same("many templates: %s" % r.stderr.decode()[-300:], (0, most, 0, most),
           (r.returncode, reader.records, reader.unknown, len(reader.templates)))


def check_unfit(c, program, capture, scratch):
    s = udp_socket()
    out = os.path.join(scratch, "stats.ndjson")
    r = subprocess.run([program, "read", capture, "-o", "netflow5+udp://127.0.0.1:%d" %
                        s.getsockname()[1], "-o", "ndjson:" + out, "-e", "flow,stats"],
                       capture_output=True, timeout=60, check=False)
    s.close()
    with open(out, encoding="utf-8") as f:
        events = [json.loads(line) for line in f]
    v6 = sum(e["features"]["ip_version"] == 6 for e in events
             if e["event_type"] == "network_flow_record")
    outputs = events[-1]["outputs"]
    c.same("v5: IPv6", {"ipv6": v6}, outputs[0]["unfit"])
    c.same("v5: made", outputs[1]["by_event"]["flow"]["made"] - v6,
           outputs[0]["by_event"]["flow"]["made"])
    c.same("v5: exit status", (0, True), (r.returncode, "unfit: ipv6" in r.stderr.decode()))


def check_usage(c, program, capture):
    for url, said in (("netflow9+tcp://127.0.0.1:1", "netflow9 goes over udp"),
                      ("netflow5:x", "netflow5 goes over udp"),
                      ("ipfix+http://127.0.0.1/x", "over udp, tcp, tls or unix, or into a file"),
                      ("ndjson+udp://127.0.0.1:1", "udp is for ipfix, netflow9, netflow5 and sflow"),
                      ("ipfix:x?compress=gzip", "compress= is not for ipfix"),
                      ("ipfix+tcp://127.0.0.1:1?overflow=spool", "stand alone"),
                      ("ipfix+udp://127.0.0.1", "HOST:PORT"),
                      ("ipfix+udp://127.0.0.1:1?mtu=100", "512 to 65507"),
                      ("ipfix:x?mtu=1400", "mtu= is for UDP"),
                      ("ipfix+tcp://127.0.0.1:1?template_refresh=5", "is for UDP"),
                      ("netflow5+udp://127.0.0.1:1?domain=65536", "domain=0 to 65535"),
                      ("ndjson:x?domain=1", "domain= is for ipfix, netflow9, netflow5, sflow"),
                      ("ipfix:x?event=sample", "has no such event"),
                      ("ipfix:x?sampling=0", "sampling="), ("ndjson:x?sampling=5", "sampling= is for"),
                      ("netflow5+udp://127.0.0.1:1?options=false", "options= is for"),
                      ("ipfix:x?columns=community_id", "information element")):
        r = subprocess.run([program, "read", capture, "-o", url], capture_output=True, timeout=60,
                           check=False)
        c.same(url, (2, True), (r.returncode, said in r.stderr.decode()))
        c.same(url + ": " + r.stderr.decode()[-300:], False, os.path.exists("x"))
    for url in ("ipfix:x?columns=src_ip", "ipfix:x?biflow=false", "ipfix:x?pen=1"):  # of collect
        r = subprocess.run([program, "collect", "-l", "pcap:" + capture, "-o", url],
                           capture_output=True, timeout=60, check=False)
        c.same("collect, " + url, (2, True), (r.returncode, b"as they came" in r.stderr))


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    p = argparse.ArgumentParser()
    p.add_argument("--flowtap", default=os.environ.get("FLOWTAP"))
    p.add_argument("--capture", default=os.path.join(here, "../../examples/sample.pcap"))
    args = p.parse_args()
    c = Checks()
    check_away(c, args.flowtap)
    check_late(c, args.flowtap)
    if own_hosts():
        with tempfile.TemporaryDirectory() as scratch:
            check_addresses(c, args.flowtap, scratch)
    check_refresh(c, args.flowtap)
    check_report(c, args.flowtap)
    check_tcp(c, args.flowtap)
    with tempfile.TemporaryDirectory() as scratch:
        check_files(c, args.flowtap, args.capture, scratch)
    with tempfile.TemporaryDirectory() as scratch:
        check_many_templates(c, args.flowtap, scratch)
    with tempfile.TemporaryDirectory() as scratch:
        check_unfit(c, args.flowtap, args.capture, scratch)
        check_usage(c, args.flowtap, args.capture)
    for line in c.failed:
        print(line)
    print("%d checks, %d failed" % (c.n, len(c.failed)))
    return 1 if c.failed else 0


if __name__ == "__main__":
    sys.exit(main())
