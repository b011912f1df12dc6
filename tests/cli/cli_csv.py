# SPDX-License-Identifier: Apache-2.0
"""CSV: which events a file takes, and text that a spreadsheet would take for a formula."""
import csv
import io
import itertools
import json
import re
import signal
import struct
import subprocess

from support import SAMPLE, Case, main, pcap_header, run, udp_frame

WORDS = "sample flow stats template counter discard exporter".split()


class Kinds(Case):
    """A file holds one kind of event: every set of kinds ends, with rows or with what to write."""

    def check(self, *args, words=WORDS):
        for n in range(1, len(words) + 1):
            for kinds in itertools.combinations(words, n):
                if 2 < n < len(words):
                    continue
                r = run(*args, "-e", ",".join(kinds), "-o", "csv:-", timeout=20)
                if n > 1 and not {"flow", "sample"} & set(kinds):
                    self.assertEqual((r.returncode, r.stdout), (2, ""), kinds)
                    self.assertIn("csv holds one kind of event: name it with ?event=", r.stderr)
                    continue
                self.assertEqual(r.returncode, 0, (kinds, r.stderr))
                kind = next((k for k in ("flow", "sample") if k in kinds), kinds[0])
                alone = run(*args, "-e", kind, "-o", "csv:-").stdout
                self.assertEqual(r.stdout.splitlines()[0], alone.splitlines()[0], kinds)
                self.assertEqual(f"one kind of event in a file: {kind} (" in r.stderr, n > 1, kinds)

    def test_read(self):
        self.check("read", SAMPLE, words=WORDS[:3])

    def test_collect(self):
        self.check("collect", "-l", f"pcap:{SAMPLE}")

    def test_live(self):
        """Also where what is made cannot be foreseen: it starts, and ends when it is told to."""
        for kinds in itertools.combinations(WORDS[:3], 2):
            p = self.started("live", "-i", "lo", "-w1", "-e", ",".join(kinds), "-o", "csv:/dev/null",
                             stderr=subprocess.PIPE)
            said = ""
            while "memory budget" not in said:
                line = p.stderr.readline()
                self.assertTrue(line, said)
                if "CAP_NET_RAW" in line:
                    self.skipTest("no right to capture")
                said += line
            p.send_signal(signal.SIGTERM)
            self.ended(p)

    def test_named(self):
        for kind in WORDS:
            r = run("collect", "-l", f"pcap:{SAMPLE}", "-e", "all", "-o", f"csv:-?event={kind}")
            self.assertEqual(r.returncode, 0, r.stderr)
            self.assertTrue(r.stdout.startswith("timestamp,"), kind)
        for kind in WORDS[3:]:
            self.assertEqual(run("read", SAMPLE, "-o", f"csv:-?event={kind}").returncode, 2)


def dns_query(name, n):
    """An Ethernet frame of a DNS query for one label of any bytes."""
    dns = struct.pack("!HHHHHH", n, 0x0100, 1, 0, 0, 0) + bytes([len(name)]) + name + b"\0\0\x01\0\x01"
    udp = struct.pack("!HHHH", 1024 + n, 53, 8 + len(dns), 0) + dns
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), n, 0, 64, 17, 0, bytes((192, 0, 2, 1)),
                     bytes((192, 0, 2, 2)))
    return b"\2\0\0\0\0\2\2\0\0\0\0\1\x08\0" + ip + udp


def udp_pcap(*datagrams):
    """A capture of datagrams to port 2055, a second apart."""
    data = pcap_header()
    for n, payload in enumerate(datagrams):
        udp = struct.pack("!HHHH", 2055, 2055, 8 + len(payload), 0) + payload
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), n, 0, 64, 17, 0, bytes((192, 0, 2, 1)),
                         bytes((192, 0, 2, 2)))
        f = b"\2\0\0\0\0\2\2\0\0\0\0\1\x08\0" + ip + udp
        data += struct.pack("<IIII", 1719409371 + n, 0, len(f), len(f)) + f
    return data


def netflow9(seq, *sets):
    """Each set: id, body."""
    body = b"".join(struct.pack("!HH", i, 4 + len(b)) + b for i, b in sets)
    return struct.pack("!HHIIII", 9, len(sets), 1000, 1719409371, seq, 1) + body


def sflow(*samples):
    """Each sample: type, body."""
    body = b"".join(struct.pack("!II", t, len(b)) + b for t, b in samples)
    return struct.pack("!IIIIIII", 5, 1, 0x0A000001, 0, 1, 1000, len(samples)) + body


class Cells(Case):
    """Every row has a cell for every column, with what the NDJSON event says, wherever nulls stand."""

    def flat(self, event, out):
        for key, value in event.items():
            if isinstance(value, dict):
                self.flat(value, out)
            elif not isinstance(value, list):
                out[key] = "" if value is None else str(value).lower() if isinstance(value, bool) else value
        return out

    def check(self, kind, *args):
        """The same events both ways; how many."""
        lines = self.good(*args, "-e", kind, "-o", "ndjson:-").stdout.splitlines()
        events = [self.flat(json.loads(line, parse_int=str, parse_float=str), {}) for line in lines]
        for url in ("csv:-", "csv:-?spreadsheet=safe"):
            table = list(csv.reader(io.StringIO(self.good(*args, "-e", kind, "-o", url).stdout)))
            self.assertEqual(len(table), len(events) + 1, kind)
            for row, event in zip(table[1:], events):
                self.assertEqual(len(row), len(table[0]), (kind, row))
                for name, cell in zip(table[0], row):
                    if kind != "stats" and url == "csv:-" and name in event:
                        self.assertEqual(cell, event[name], (kind, name))
        return events

    def test_read(self):
        tcp = struct.pack("!HHIIBBHHH", 1000, 80, 1, 0, 0x50, 2, 99, 0, 0)
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 1, 0, 64, 6, 0, bytes(4), bytes(4))
        data = pcap_header()
        # named, nameless: nothing after SYN, no such protocol, no payload
        for n, f in enumerate((dns_query(b"name", 1), b"\2" * 12 + b"\x08\0" + ip + tcp, udp_frame(7),
                               b"\2" * 12 + b"\x08\0" + ip[:9] + b"\x59" + ip[10:] + b"\0" * 20)):
            data += struct.pack("<IIII", 1719409371, n, len(f), len(f)) + f
        path = self.file("in.pcap", data)
        for args in ((), ("--app",), ("--app", "--keep-tunnels")):
            for kind in ("sample", "flow", "stats"):
                for source in (path, SAMPLE):
                    events = self.check(kind, "read", "-w1", *args, source)
                    self.assertGreater(len(events), 0)
        names = [e["dns_query"] for e in self.check("flow", "read", "-w1", "--app", path)]
        self.assertEqual(sorted(names), ["", "", "", "name"])

    def test_lists(self):
        """Items with semicolons, a list without items as such: an empty cell is null."""
        for items, at_port in ("0", "[]"), ("2", "0;1"):
            for url in "csv:-", "csv:-?spreadsheet=safe", "csv:-?dialect=nfstream":
                r = self.good("read", "-w1", "-e", "flow", "-p", "nfstream", "--nfstream-splt", items, "-o", url, SAMPLE)
                rows = list(csv.DictReader(io.StringIO(r.stdout)))
                self.assertEqual({row["splt_direction"] for row in rows if row["dst_port"] == "53"}, {at_port}, url)

    def test_copy_lists(self):
        """For PostgreSQL lists are arrays, and lists of lists, which have no one length, JSON."""
        args = "read", "-w1", "-e", "flow", "-p", "netfound", SAMPLE
        events = [json.loads(x) for x in self.good(*args, "-o", "ndjson:-").stdout.splitlines()]
        want = [(e["features"]["burst_tokens"], e["features"]["bytes"]) for e in events]
        header, *lines = self.good(*args, "-o", "copy:-?columns=burst_tokens,bytes").stdout.splitlines()
        rows = [x.split("\t") for x in lines]
        self.assertEqual(header, "burst_tokens\tbytes")
        self.assertEqual([(json.loads(a), json.loads(f"[{b[1:-1]}]")) for a, b in rows], want)
        self.assertIn(2, [len(a) for a, _ in want])

    def test_collect(self):
        path = self.file("x.pcap", of_every_kind())
        for kind in ("sample", "flow", "stats", "template", "counter", "discard", "exporter"):
            events = self.check(kind, "collect", "-w1", "-l", f"pcap:{path}")
            self.assertGreater(len(events), 0, kind)


def of_every_kind():
    """A capture of datagrams of which collect makes each of its events."""
    full = struct.pack("!14H", 256, 6, 8, 4, 12, 4, 7, 2, 11, 2, 4, 1, 1, 4)
    last = struct.pack("!6H", 257, 2, 371, 4, 1, 4)
    bare = struct.pack("!4H", 258, 1, 210, 2)
    v9 = netflow9(1, (0, full + last + bare), (256, bytes((10, 0, 0, 1, 10, 0, 0, 2, 0, 80, 3, 3, 6, 0, 0, 0, 9))),
                  (257, b"name" + bytes(4)), (258, bytes(2)))
    header = bytes(12) + b"\x08\0" + dns_query(b"x", 1)[14:]
    raw = struct.pack("!IIIIII", 1, 16 + len(header) + -len(header) % 4, 1, 100, 0, len(header)) + header
    raw += b"\0" * (-len(header) % 4)
    counters = struct.pack("!IIIII", 1, 1, 1, 1, 88) + bytes(88)
    flow = struct.pack("!8I", 1, 1, 100, 100, 0, 1, 2, 1) + raw
    discard = struct.pack("!7II", 1, 0, 1, 0, 1, 2, 256, 1) + raw
    return udp_pcap(v9, sflow((1, flow), (2, counters), (5, discard), (1, flow[:28] + bytes(4))), v9)


class Spreadsheet(Case):
    FORMULAS = [b"=cmd|'/C calc'!A0", b"+1+1", b"-2+3", b"@SUM(1)", b"\t=1", b"\r=1", b" =1", b"\x01x",
                "\uff1d1".encode(), "\uff0b1".encode(), "\uff0d1".encode(), "\uff201".encode(),
                b'="a"",b"']
    TEXTS = [b"example", b"a=b", b"0-1", b"'quoted", b'"=1', "\u00e9=".encode(), "\uff21=".encode()]

    def names(self, url):
        names = self.FORMULAS + self.TEXTS
        data = pcap_header()
        for n, name in enumerate(names):
            f = dns_query(name, n)
            data += struct.pack("<IIII", 1719409371, n, len(f), len(f)) + f
        r = self.good("read", "-w1", "--app", "-e", "flow", "-o", url, self.file("in.pcap", data))
        rows = list(csv.DictReader(io.StringIO(r.stdout)))
        self.assertEqual(len(rows), len(names))
        rows.sort(key=lambda row: int(row["src_port"]))
        return rows

    def test_safe(self):
        """A formula gets an apostrophe, every other cell is as it was."""
        plain, safe = self.names("csv:-"), self.names("csv:-?spreadsheet=safe")
        self.assertEqual(list(plain[0]), list(safe[0]))
        marked = 0
        for n, (a, b) in enumerate(zip(plain, safe)):
            for column in a:
                if a[column] != b[column]:
                    self.assertEqual(b[column], "'" + a[column])
                    marked += 1
                if not re.fullmatch(r"-[0-9.]+", a[column]):  # numbers stay numbers
                    self.assertNotRegex(b[column], "^[ \t\r]*[=+@\uff1d\uff0b\uff0d\uff20-]", column)
            mark = "'" if n < len(self.FORMULAS) else ""
            self.assertEqual(b["dns_query"], mark + a["dns_query"])
        self.assertGreaterEqual(marked, len(self.FORMULAS))

    def test_collect(self):
        """Names that an exporter sends, too: an IPFIX record with a user name."""
        fields = struct.pack("!HHHHHH", 8, 4, 2, 8, 371, 16)  # address, packets, userName
        template = struct.pack("!HHHH", 2, 8 + len(fields), 256, 3) + fields
        data = b""
        for k, name in enumerate((b"=1+1", b"-7", b"plain")):
            record = bytes((10, 0, 0, k)) + struct.pack("!Q", 5) + name.ljust(16, b"\0")
            data += record
        body = template + struct.pack("!HH", 256, 4 + len(data)) + data
        message = struct.pack("!HHIII", 10, 16 + len(body), 1719409371, 0, 1) + body
        udp = struct.pack("!HHHH", 4739, 4739, 8 + len(message), 0) + message
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0,
                         bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2)))
        f = b"\2\0\0\0\0\2\2\0\0\0\0\1\x08\0" + ip + udp
        path = self.file("x.pcap", pcap_header() + struct.pack("<IIII", 1719409371, 0, len(f), len(f)) + f)
        r = self.good("collect", "-l", f"pcap:{path}", "-o", "csv:-?spreadsheet=safe")
        self.assertEqual(len(r.stdout.splitlines()), 4)
        for row in csv.reader(io.StringIO(r.stdout)):
            for cell in row:
                if not re.fullmatch(r"-[0-9.]+", cell):
                    self.assertNotRegex(cell, "^[=+@-]")

    def test_wrong(self):
        for url, text in (("csv:-?spreadsheet=yes", "spreadsheet=yes: allowed is safe"),
                          ("ndjson:-?spreadsheet=safe", "spreadsheet= is for csv outputs")):
            r = run("read", SAMPLE, "-o", url)
            self.assertEqual(r.returncode, 2)
            self.assertIn(text, r.stderr)


if __name__ == "__main__":
    main()
