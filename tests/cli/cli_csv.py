# SPDX-License-Identifier: Apache-2.0
"""CSV: which events a file takes, and text that a spreadsheet would take for a formula."""
import csv
import io
import itertools
import re
import signal
import struct
import subprocess

from support import SAMPLE, Case, main, pcap_header, run

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
