#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""?hive=hour|day: each event lies in the folder of its own time, once; over workers, runs, rotations, clocks that differ."""
import csv
import datetime
import json
import signal
import socket
import struct
import time

import support
from cli_limits import netflow5, udp_capture
from support import SAMPLE, free_port, pcap_header, start, udp_frame, wait_for

HOUR, DAY = 3600, 86400
BEGIN = 1719409371  # 2024-06-26 13:42:51 UTC
UNKNOWN = "date=__HIVE_DEFAULT_PARTITION__/hour=__HIVE_DEFAULT_PARTITION__"


def folder(t, span=HOUR):
    """Where a time belongs."""
    at = datetime.datetime.fromtimestamp(t, datetime.timezone.utc)
    return at.strftime("date=%Y-%m-%d/hour=%H" if span == HOUR else "date=%Y-%m-%d")


def capture(times):
    """One packet of another flow at each time."""
    out = bytearray(pcap_header())
    for i, t in enumerate(times):
        frame = udp_frame(i)
        out += struct.pack("<IIII", int(t), round(t % 1 * 1e6), len(frame), len(frame)) + frame
    return bytes(out)


def export(i, t):
    """A NetFlow v5 datagram of a time."""
    data = bytearray(netflow5(i))
    struct.pack_into("!I", data, 8, int(t))
    return bytes(data)


class Folders(support.Case):
    def files(self):
        return sorted(p for p in self.dir.rglob("*") if p.is_file() and "=" in p.parent.name)

    def events(self, span=HOUR):
        """All events of NDJSON files, each of which has to be where it belongs."""
        out = []
        for p in self.files():
            where = str(p.parent.relative_to(self.dir))
            for line in p.read_text().splitlines():
                e = json.loads(line)
                self.assertEqual(where, folder(e["timestamp"], span))
                out.append(line)
        return sorted(out)

    def all(self, path, *args):
        return sorted(self.good("read", *args, "-o", "ndjson:-", path).stdout.splitlines())


class Hive(Folders):
    def test_hours(self):
        path = self.file("c.pcap", capture([BEGIN + i * 97 for i in range(2000)]))  # 54 hours
        want = self.all(path, "-e", "flow,sample")
        for w in ("1", "2", "4"):
            self.good("read", "-w", w, "-e", "flow,sample", "-o", f"ndjson:{self.dir}/x.ndjson?hive=hour", path)
            self.assertEqual(self.events(), want)  # a second run takes the files' places
        self.assertGreater(len(self.files()), 50)
        self.assertEqual({p.name for p in self.files()}, {"x.ndjson"})
        self.assertEqual(self.files()[0].parent.stat().st_mode & 0o777, 0o750)
        self.assertEqual(self.files()[0].parent.parent.stat().st_mode & 0o777, 0o750)

    def test_days(self):
        path = self.file("c.pcap", capture([BEGIN + i * 1777 for i in range(500)]))
        want = self.all(path, "-e", "flow")
        self.good("read", "-e", "flow", "-o", f"ndjson:{self.dir}/x.ndjson?hive=day&mode=0644", path)
        self.assertEqual(self.events(DAY), want)
        self.assertEqual(self.files()[0].parent.stat().st_mode & 0o777, 0o755)

    def test_tables(self):
        path = self.file("c.pcap", capture([BEGIN + i * 500 for i in range(100)]))
        for kind in ("csv", "arrow", "parquet"):
            self.good("read", "-w", "2", "-e", "flow", "-o", f"{kind}:{self.dir}/x.{kind}?hive=hour", path)
        by_kind = {k: [p for p in self.files() if p.suffix == "." + k] for k in ("csv", "arrow", "parquet")}
        hours = [{p.parent for p in x} for x in by_kind.values()]
        self.assertEqual(hours, [hours[0]] * 3)
        self.assertEqual(len(hours[0]), 15)
        rows = 0
        for p in by_kind["csv"]:
            with open(p, newline="", encoding="utf-8") as f:
                for row in csv.DictReader(f):
                    self.assertEqual(str(p.parent.relative_to(self.dir)), folder(float(row["timestamp"])))
                    rows += 1
        self.assertEqual(rows, 100)
        for p in by_kind["arrow"]:
            self.assertTrue(p.read_bytes().endswith(b"ARROW1"))
        for p in by_kind["parquet"]:
            self.assertTrue(p.read_bytes().startswith(b"PAR1") and p.read_bytes().endswith(b"PAR1"))

    def test_one_file_an_hour(self):
        """Where time goes forward, no file is opened again: not of many rows an hour, nor of few."""
        for n, step in ((60000, 0.5), (3000, 60)):
            path = self.file("c.pcap", capture([BEGIN + i * step for i in range(n)]))
            self.good("read", "-w", "1", "-e", "sample", "-o", f"arrow:{self.dir}/x.arrow?hive=hour", "-o",
                      f"parquet:{self.dir}/y.parquet?hive=hour", path)
            hours = {p.parent for p in self.files()}
            self.assertEqual(len(self.files()), 2 * len(hours))
            for p in self.files():
                p.unlink()

    def test_clocks_that_differ(self):
        """More times at once than files are open: files are opened again, added to or put aside, and nothing is lost."""
        times = [BEGIN + i + i * 7 % 10 * HOUR for i in range(400)]
        path = self.file("c.pcap", udp_capture([export(i, t) for i, t in enumerate(times)]))
        r = self.good("collect", "-l", "pcap:" + path, "-e", "flow", "-o", f"ndjson:{self.dir}/x.ndjson?hive=hour", "-o",
                      f"parquet:{self.dir}/y.parquet?hive=hour")
        self.assertEqual(r.stderr.count("400 flow events = 400 written"), 2)
        parquet = [p for p in self.files() if p.suffix == ".parquet"]
        for p in parquet:
            self.assertTrue(p.read_bytes().endswith(b"PAR1"))
            p.unlink()
        self.assertGreaterEqual(len(parquet), 10)
        self.assertEqual(len(self.events()), 400)
        self.assertEqual(len(self.files()), 10)

    def test_runs(self):
        """collect adds to what is there, or puts it aside; other files in the folders are left alone."""
        path = self.file("c.pcap", udp_capture([export(i, BEGIN + i * 900) for i in range(20)]))
        for _ in range(2):
            self.good("collect", "-l", "pcap:" + path, "-e", "flow", "-o", f"ndjson:{self.dir}/x.ndjson?hive=hour", "-o",
                      f"parquet:{self.dir}/y.parquet?hive=hour")
        hours = {p.parent for p in self.files()}
        self.assertEqual(len(self.files()), 3 * len(hours))
        for p in self.files():
            if p.suffix == ".parquet":
                self.assertTrue(p.read_bytes().endswith(b"PAR1"))
                p.unlink()
        self.assertEqual(len(self.events()), 40)

    def test_rotation(self):
        path = self.file("c.pcap", capture([BEGIN + i * 10 for i in range(1000)]))
        self.good("read", "-w", "1", "-e", "sample", "-o", f"ndjson:{self.dir}/x.ndjson?hive=hour&rotate=50rows", path)
        self.assertEqual(self.events(), self.all(path, "-e", "sample"))
        self.assertGreaterEqual(len(self.files()), 20)
        self.assertTrue(all(len(p.read_text().splitlines()) <= 50 for p in self.files()))

    def test_keep(self):
        """Of what is over, so many files stay, the newest; what is not ours stays, and so does its folder."""
        path = self.file("c.pcap", capture([BEGIN + i * 97 for i in range(2000)]))  # 54 hours
        for keep, most in (("3", 4 + 3), ("5h", 4 + 6), ("2KB", 4 + 3)):
            other = self.dir / folder(BEGIN) / "other.ndjson"
            other.parent.mkdir(parents=True, exist_ok=True)
            other.write_text("somebody's\n")
            (self.dir / folder(BEGIN + 90 * DAY)).mkdir(parents=True, exist_ok=True)
            self.good("read", "-w", "1", "-e", "sample", "-o", f"ndjson:{self.dir}/x.ndjson?hive=hour&keep={keep}", path)
            self.assertEqual(other.read_text(), "somebody's\n")
            self.assertTrue((self.dir / folder(BEGIN + 90 * DAY)).is_dir())
            other.unlink()
            files = self.files()
            self.assertTrue(1 < len(files) <= most, (keep, files))
            self.assertEqual(str(files[-1].parent.relative_to(self.dir)), folder(BEGIN + 1999 * 97))
            other.parent.rmdir()
            hours = [p for p in self.dir.glob("date=*/hour=*") if list(p.iterdir())]
            self.assertEqual(len(hours), len(files))
            self.assertEqual(len(list(self.dir.glob("date=*/hour=*"))), len(files) + 1)
            for p in files:
                p.unlink()

    def test_keeps_its_own_hands(self):
        """What stands where a folder is to be: a link is not followed, a file is no folder; the events are lost and counted."""
        elsewhere = self.dir / "elsewhere"
        elsewhere.mkdir()
        out = self.dir / "out"
        out.mkdir()
        (out / "date=2024-06-26").symlink_to(elsewhere)
        (out / "date=2024-06-27").write_text("")
        path = self.file("c.pcap", capture([BEGIN, BEGIN + DAY, BEGIN + 2 * DAY]))
        r = support.run("read", "-e", "flow", "-o", f"ndjson:{out}/x.ndjson?hive=day", path)
        self.assertEqual(r.returncode, 1)
        self.assertRegex(r.stderr, r"date=2024-06-26/x.ndjson: cannot be opened")
        self.assertRegex(r.stderr, r"date=2024-06-27/x.ndjson: cannot be opened: Not a directory")
        self.assertRegex(r.stderr, r"3 flow events = 1 written \+ 0 dropped \+ 2 lost")
        self.assertEqual(list(elsewhere.iterdir()), [])

    def test_wrong(self):
        for what, *args in (("hive=week: allowed is hour or day", "-o", f"ndjson:{self.dir}/x?hive=week"),
                            ("hive= needs the name of a file", "-o", "ndjson:-?hive=hour"),
                            ("hive= needs the name of a file", "-o", "ndjson:/dev/null?hive=hour"),
                            ("hive= is not for npy", "-o", f"npy:{self.dir}/x.npy?hive=hour"),
                            ("hive= is not for pcap", "-o", f"pcap:{self.dir}/x.pcap?hive=hour"),
                            ("the folders tell of times: not with --no-identity", "--no-identity", "-e", "flow", "-o",
                             f"ndjson:{self.dir}/x?hive=hour")):
            r = support.run("read", *args, SAMPLE)
            self.assertEqual(r.returncode, 2, r.stderr)
            self.assertIn(what, r.stderr)
        r = support.run("read", "-o", f"ndjson:{self.dir}/none/x?hive=hour", SAMPLE)
        self.assertEqual(r.returncode, 1)
        self.assertIn("none/x: No such file or directory", r.stderr)


class Live(Folders):
    """On sockets, with the sandbox: folders are made by the opener."""

    def setUp(self):
        super().setUp()
        self.port = free_port(socket.SOCK_DGRAM)
        self.to = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(self.to.close)

    def collect(self, *outputs):
        out = [x for o in outputs for x in ("-o", o)]
        with open(self.dir / "log", "w", encoding="utf-8") as log:
            p = start("collect", "-v", "-l", f"udp://127.0.0.1:{self.port}", "-e", "flow", *out, stderr=log)
        self.addCleanup(lambda: p.poll() is None and p.kill())
        self.assertTrue(wait_for(lambda: "listening on" in self.log()), self.log())
        return p

    def log(self):
        return (self.dir / "log").read_text()

    def send(self, times):
        for i, t in enumerate(times):
            self.to.sendto(export(i, t), ("127.0.0.1", self.port))
            time.sleep(0.005)

    def end(self, p):
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(20), 0, self.log())

    def test_times_that_are_none(self):
        now = int(time.time())
        p = self.collect(f"ndjson:{self.dir}/x.ndjson?hive=hour")
        self.send([now, now - 3 * HOUR, now + 4 * HOUR, BEGIN, 7, now + 90 * DAY])
        unknown = self.dir / UNKNOWN / "x.ndjson"
        self.assertTrue(wait_for(lambda: unknown.is_file() and len(unknown.read_text().splitlines()) == 3))
        self.end(p)
        self.assertIn("times that are more than a day from the clock", self.log())
        unknown.unlink()
        self.assertEqual(len(self.events()), 3)
        self.assertEqual(len(self.files()), 3)

    def test_whole_files_only(self):
        """SIGHUP ends a file, and the next one of the hour does not take its place."""
        now = int(time.time()) // HOUR * HOUR
        here = self.dir / folder(now)
        p = self.collect(f"parquet:{self.dir}/x.parquet?hive=hour")
        self.send([now])
        self.assertTrue(wait_for((here / "x.parquet.part").exists))  # with the first rows, which wait for a second of them
        self.assertFalse((here / "x.parquet").exists())
        p.send_signal(signal.SIGHUP)
        self.assertTrue(wait_for((here / "x.parquet").exists), self.log())
        self.send([now])
        self.assertTrue(wait_for((here / "x.parquet.part").exists))
        self.end(p)
        found = sorted(here.iterdir())
        self.assertEqual(len(found), 2, found)
        for f in found:
            self.assertTrue(f.read_bytes().endswith(b"PAR1"))
        self.assertRegex(self.log(), r"2 flow events = 2 written")


if __name__ == "__main__":
    support.main()
