# SPDX-License-Identifier: Apache-2.0
"""Output files that rotate, are compressed, are reopened, and lie on a disk that fills up."""
import calendar
import os
import re
import signal
import subprocess
import time
import unittest

from faults import (COMPRESSIONS, SAMPLE, Case, Heard, account, content, events, main, pcap_header,
                    pcap_records, run, wait_for)

ENDINGS = {"": "", "gzip": ".gz", "zstd": ".zst"}


def stamp(i):
    """The time of packet i of pcap_records(), in milliseconds."""
    return 1719409371 * 1000 + i


class Files(Case):
    def setUp(self):
        super().setUp()
        self.out = self.dir / "out"
        self.out.mkdir()

    def url(self, compress, more):
        return (f"ndjson:{self.out}/x.ndjson{ENDINGS[compress]}?{more}"
                + (f"&compress={compress}" if compress else ""))

    def samples(self):
        """Of all files, each read alone: the packets that they tell of."""
        found = [e for p in self.out.iterdir() for e in events(p)]
        self.assertEqual({e["event_type"] for e in found}, {"network_flow_sample"})
        return sorted(round(e["timestamp"] * 1000) for e in found)

    def check_names(self, begin):
        """x.ndjson and files named for the second, in UTC, in which they were put aside."""
        names = sorted(p.name for p in self.out.iterdir())
        ending = next(p.name for p in self.out.iterdir() if p.name.startswith("x.ndjson"))[1:]
        for name in names:
            m = re.fullmatch(r"x-(\d{8}T\d{6})(-\d+)?" + re.escape(ending), name)
            if name != "x" + ending:
                self.assertTrue(m, name)
                at = calendar.timegm(time.strptime(m[1], "%Y%m%dT%H%M%S"))
                self.assertTrue(int(begin) <= at <= time.time(), name)
        return names


class Rotation(Files):
    def test_by_size(self):
        """Every event once over all files, made = written; no file is much bigger than asked for."""
        n = 30000
        path = self.file("in.pcap", pcap_header() + pcap_records(n))
        for compress in COMPRESSIONS:
            for workers in "1", "2":
                begin = time.time()
                r = self.good("read", "-w", workers, "--log-format", "json", "-o",
                              self.url(compress, "rotate=20KB"), path)
                sample = account(self, r.stderr)["outputs"][0]["sample"]
                self.assertEqual(sample, {"made": n, "written": n, "dropped": 0, "lost": 0})
                self.assertGreaterEqual(len(self.check_names(begin)), 3)
                self.assertEqual(self.samples(), [stamp(i) for i in range(n)])
                for p in self.out.iterdir():  # uncompressed, what is handed over at once is 256 KiB
                    self.assertLessEqual(p.stat().st_size, 20000 if compress else 262144)
                    p.unlink()

    def test_by_time(self):
        """A file for each second in which there were events; silence makes none."""
        begin, dirs, heard = time.time(), [], []
        for compress in COMPRESSIONS:
            self.out = self.dir / f"out-{compress}"
            self.out.mkdir()
            dirs.append(self.out)
            heard.append(Heard(self, "read", "-w1", "-o", self.url(compress, "rotate=1s"), "-",
                               stdin=subprocess.PIPE))
            heard[-1].send(pcap_header())
        for k in range(2):
            for h, d in zip(heard, dirs):
                h.send(pcap_records(500, first=500 * k))
            for d in dirs:
                self.assertTrue(wait_for(lambda: len(list(d.iterdir())) > k + 1), "no rotation")
        time.sleep(1.1)  # silence, beyond another rotation
        for h, d in zip(heard, dirs):
            h.send(pcap_records(500, first=1000))
            h.p.stdin.close()
            sample = h.ended()["outputs"][0]["sample"]
            self.assertEqual(sample, {"made": 1500, "written": 1500, "dropped": 0, "lost": 0})
            self.out = d
            self.assertEqual(self.samples(), [stamp(i) for i in range(1500)])
            # as many as there were bursts, and more for those that lay across a second's edge
            self.assertIn(len(self.check_names(begin)), (3, 4, 5, 6))
            self.assertTrue(all(p.stat().st_size for p in d.glob("x-*")), "one is empty")

    def test_header_of_every_file(self):
        path = self.file("in.pcap", pcap_header() + pcap_records(20000))
        for compress in COMPRESSIONS:
            url = f"csv:{self.out}/x.csv?event=sample&rotate=10KB"
            self.good("read", "-w2", "-o", url + (f"&compress={compress}" if compress else ""), path)
            texts = [content(p).decode().splitlines() for p in self.out.iterdir()]
            self.assertGreaterEqual(len(texts), 3)
            self.assertEqual(len({t[0] for t in texts}), 1)
            self.assertTrue(texts[0][0].startswith("timestamp,"))
            rows = [row for t in texts for row in t[1:]]
            self.assertEqual((len(rows), len(set(rows))), (20000, 20000))
            for p in self.out.iterdir():
                p.unlink()

    def test_with_hangups(self):
        """SIGHUP between and while it rotates: the file is added to, nothing is lost or doubled."""
        for compress in COMPRESSIONS:
            h = Heard(self, "read", "-w1", "-o", self.url(compress, "rotate=20KB"), "-",
                      stdin=subprocess.PIPE)
            h.wait("memory budget")
            h.send(pcap_header())
            for k in range(20):
                h.send(pcap_records(400, first=400 * k))
                h.p.send_signal(signal.SIGHUP)
            h.p.stdin.close()
            h.ended()
            self.assertEqual(self.samples(), [stamp(i) for i in range(8000)])
            for p in self.out.iterdir():
                p.unlink()


@unittest.skipUnless(os.geteuid() == 0, "mounting a small disk needs root")
class FullDisk(Files):
    SIZE, ROOM = 8 << 20, 200 << 10

    def setUp(self):
        super().setUp()
        r = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={self.SIZE},mode=755", "none", self.out],
                           capture_output=True, text=True)
        if r.returncode != 0:
            self.skipTest(f"no tmpfs: {r.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", self.out], check=True)
        self.ballast = self.out / "ballast"

    def fill(self, url):
        """Writes until the disk is full and on; then makes room, goes on, ends."""
        self.ballast.write_bytes(b"x" * (self.SIZE - self.ROOM))
        h = Heard(self, "read", "-w1", "-o", url, "-", stdin=subprocess.PIPE)
        h.send(pcap_header())
        n = 0
        while "disk full?" not in h.err and n < 400000:
            h.send(pcap_records(2000, first=n))
            n += 2000
        h.wait("disk full?")
        h.send(pcap_records(2000, first=n))  # lost, too, most likely
        n += 2000
        self.ballast.unlink()
        while "works again;" not in h.err and n < 400000:
            h.send(pcap_records(500, first=n))
            n += 500
            time.sleep(0.01)
        h.wait("works again;")
        h.p.stdin.close()
        return n, h.ended(1), h.err  # what was lost is lost, though it works again

    def check_disk(self, url, samples):
        n, a, err = self.fill(url)
        o = a["outputs"][0]["sample"]
        self.assertEqual(o["made"], n)
        self.assertGreater(o["lost"], 0)
        self.assertEqual(o["dropped"], 0)
        self.assertEqual(err.count("disk full?"), err.count("works again;"))
        said = sum(int(x) for x in re.findall(r"works again; (\d+) events were lost", err))
        self.assertEqual(said, o["lost"])
        got = samples()
        self.assertEqual(len(got), o["written"])
        self.assertEqual(len(set(got)), len(got), "an event is there twice")
        self.assertLessEqual(set(got), {stamp(i) for i in range(n)})
        self.assertEqual(got[-1], stamp(n - 1))
        for p in self.out.iterdir():
            p.unlink()

    def test_one_file(self):
        """Counted, said, recovered; what is there is whole and readable."""
        for compress in COMPRESSIONS:
            self.check_disk(self.url(compress, "queue=256KB"), self.samples)

    def test_rotating(self):
        for compress in COMPRESSIONS:
            self.check_disk(self.url(compress, "queue=256KB&rotate=30KB"), self.samples)

    def test_what_stood_there_stays(self):
        """A header that does not fit behind what stdout's file held before."""
        kept = self.out / "kept"
        kept.write_bytes(b"k" * 4096)
        with open(self.ballast, "wb", buffering=0) as f:
            try:
                while True:
                    f.write(b"x" * 4096)
            except OSError:
                pass
        with open(kept, "ab") as f:
            r = run("read", "-w1", "-o", "csv:-?event=sample", SAMPLE, stdout=f,
                    stderr=subprocess.PIPE)
        self.assertEqual(r.returncode, 1)
        self.assertIn("No space left", r.stderr)
        self.assertEqual(kept.read_bytes(), b"k" * 4096)

    def test_header_comes_late(self):
        """A new file whose header found no room gets it before its first row."""
        def rows():
            found = []
            for p in self.out.iterdir():
                text = content(p).decode().splitlines()
                if text:
                    self.assertTrue(text[0].startswith("timestamp,"), (p.name, text[0]))
                    self.assertFalse([t for t in text[1:] if t.startswith("timestamp,")], p.name)
                    found += [round(float(t.split(",")[0]) * 1000) for t in text[1:]]
            return sorted(found)
        for compress in COMPRESSIONS:
            url = f"csv:{self.out}/x.csv?event=sample&queue=256KB&rotate=30KB"
            self.check_disk(url + (f"&compress={compress}" if compress else ""), rows)


if __name__ == "__main__":
    main()
