#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""?rotate=Nrows: lines and packets to the number, batches whole; nothing twice, nothing lost, whatever the format."""
import gzip
import json
import struct

import support
from support import SAMPLE, pcap_header, pcap_records

PACKETS = 10000


def parts(folder, name):
    """The files of an output, the oldest first: rotated names carry a number when they are of one second."""
    stem, dot, rest = name.partition(".")

    def order(p):
        words = p.name[len(stem):].removesuffix(dot + rest).strip("-").split("-")
        return (p.name == name, words[0], int(words[1]) if len(words) > 1 else 0)
    return sorted((p for p in folder.iterdir() if p.name.startswith(stem) and p.name.endswith(dot + rest)), key=order)


class Rotate(support.Case):
    def setUp(self):
        super().setUp()
        self.capture = self.file("many.pcap", pcap_header() + pcap_records(PACKETS))

    def write(self, name, url, *args):
        out = self.dir / "out"
        out.mkdir()
        r = self.good("read", "-w", "1", *args, "-o", url.format(out / name), self.capture)
        self.assertRegex(r.stderr, r"= \d+ written \+ 0 dropped\n")
        return parts(out, name)

    def test_lines(self):
        files = self.write("f.ndjson", "ndjson:{}?rotate=999rows", "-e", "sample")
        lines = [p.read_text().splitlines() for p in files]
        self.assertEqual([len(x) for x in lines], [999] * 10 + [10])
        every = [json.loads(x) for f in lines for x in f]
        self.assertEqual([e["flow_key"]["src_port"] for e in every], [1000 + i % 1000 for i in range(PACKETS)])

    def test_small(self):
        files = self.write("f.csv", "csv:{}?rotate=7rows", "-e", "flow")
        lines = [p.read_text().splitlines() for p in files]
        self.assertEqual([len(x) for x in lines], [8] * 142 + [7])  # each with its header
        self.assertEqual({x[0] for x in lines}, {lines[0][0]})
        self.assertEqual(len({x for f in lines for x in f[1:]}), 1000)

    def test_kinds_in_turn(self):
        """Events of several kinds, one after the other."""
        files = self.write("f.ndjson", "ndjson:{}?rotate=10rows", "-e", "sample,flow", "--snapshot", "1,2,3")
        lines = [p.read_text().splitlines() for p in files]
        self.assertEqual({len(x) for x in lines[:-1]}, {10})
        kinds = [json.loads(x)["event_type"] for f in lines for x in f]
        self.assertEqual(kinds.count("network_flow_sample"), PACKETS)
        self.assertEqual(kinds.count("network_flow_record"), 4000)

    def test_packed(self):
        files = self.write("f.ndjson.gz", "ndjson:{}?compress=gzip&rotate=4000rows", "-e", "sample")
        self.assertEqual([len(gzip.decompress(p.read_bytes()).splitlines()) for p in files], [4000, 4000, 2000])

    def test_packets(self):
        files = self.write("f.pcap", "pcap:{}?rotate=3333rows")
        sizes = []
        for p in files:
            data, at, n = p.read_bytes(), 24, 0
            while at < len(data):
                at += 16 + struct.unpack_from("<I", data, at + 8)[0]
                n += 1
            sizes.append(n)
        self.assertEqual(sizes, [3333, 3333, 3333, 1])

    def test_tables(self):
        """Batches are not divided: as many as fit; one that is larger is a file."""
        for name, url in (("f.arrow", "arrow:{}?rotate=4000rows"), ("f.parquet", "parquet:{}?rotate=4000rows")):
            files = self.write(name, url, "-e", "sample")
            self.assertGreater(len(files), 1, name)
            for p in files:
                data = p.read_bytes()
                self.assertTrue(data.endswith(b"PAR1") or data.endswith(b"ARROW1"), p)
            for p in (self.dir / "out").iterdir():
                p.unlink()
            (self.dir / "out").rmdir()

    def test_live_puts_aside(self):
        """As with the other forms: a file of an earlier run gets its rotated name."""
        out = self.dir / "c.ndjson"
        for _ in range(2):
            self.good("collect", "-l", "pcap:" + self.capture, "-e", "stats", "-o", f"ndjson:{out}?rotate=5rows")
        self.assertEqual(len(parts(self.dir, "c.ndjson")), 2)

    def test_wrong(self):
        for value in ("0rows", "rows", "10row", "1krows", "-1rows"):
            r = support.run("read", "-o", f"ndjson:{self.dir}/x?rotate={value}", SAMPLE)
            self.assertEqual(r.returncode, 2)
            self.assertIn("a number of events such as 1000000rows", r.stderr)


if __name__ == "__main__":
    support.main()
