# SPDX-License-Identifier: Apache-2.0
"""Files over restarts: what an earlier run wrote stays, a torn tail is cut off, old files go."""
import gzip
import json
import os
import random
import re
import signal
import socket
import subprocess
import time
import unittest

from faults import (COMPRESSIONS, Case, Heard, content, events, free_port, main, pcap_header, pcap_records, run,
                    wait_for)
from keeping import FRAMES, ROTATED, Collecting, flow_id, unpacked, v5
from support import udp_frame

ENDINGS = {"": "", "gzip": ".gz", "zstd": ".zst"}
CSV_FLOW, CSV_SAMPLE = "csv:{}?event=flow", "csv:{}?event=sample"


def packets(lines):
    """The numbers of the packets of pcap_records() that lines tell of."""
    return [round(json.loads(x)["timestamp"] * 1000) - 1719409371000 for x in lines.splitlines()]


class Kept(Case):
    def setUp(self):
        super().setUp()
        self.out = self.dir / "out"
        self.out.mkdir()

    def x(self, compress, ending=".ndjson"):
        return self.out / ("x" + ending + ENDINGS[compress])

    def url(self, compress, more=""):
        return f"ndjson:{self.x(compress)}?event=flow" + (f"&compress={compress}" if compress else "") + more

    def rotated(self, ending=".ndjson"):
        return sorted((p for p in self.out.iterdir() if re.fullmatch(rf"x{ROTATED}{re.escape(ending)}", p.name)),
                      key=lambda p: (p.name.count("-"), p.name))

    def collected(self, first, n, *outputs, more=()):
        """One run that takes n flows and ends; what it said."""
        args = [y for o in outputs for y in ("-o", o)]
        h = Collecting(self, "-e", "flow,stats", "--stats", "0.1", *args, "-o", "ndjson:-?event=stats", *more,
                       stdout=subprocess.PIPE)
        h.flows(n, first)
        for line in iter(h.p.stdout.readline, ""):
            if json.loads(line)["captured"] >= n // 30:
                break
        a = h.stop()
        for o in a["outputs"][:-1]:
            self.assertEqual((o["flow"]["made"], o["flow"]["written"]), (n, n), o)
        return h.err

    def read(self, first, n, url, status=0):
        """One run of read that takes n packets and ends; what it said."""
        path = self.file("in.pcap", pcap_header() + pcap_records(n, first=first))
        r = run("read", "-w1", "-o", url, path)
        self.assertEqual(r.returncode, status, r.stderr)
        return r.stderr

    def clear(self):
        for p in self.out.iterdir():
            p.unlink()

    def each(self, *more, kinds=COMPRESSIONS):
        """Each compression in an empty folder, alone or with each of more."""
        for c in kinds:
            for m in more or (None,):
                self.clear()
                yield c if m is None else (c, m)


class Restarts(Kept):
    def test_collect_appends(self):
        """Without rotation: one file, what was there stays to the byte."""
        for c in self.each():
            with self.subTest(compress=c):
                self.collected(0, 90, self.url(c))
                first = self.x(c).read_bytes()
                err = self.collected(90, 60, self.url(c))
                self.assertEqual(os.listdir(self.out), [self.x(c).name])
                self.assertEqual(self.x(c).read_bytes()[:len(first)], first)
                self.assertEqual([flow_id(e) for e in events(self.x(c))], list(range(150)))
                self.assertNotRegex(err, "torn|cut off", "nothing was torn")

    def test_collect_rotating_puts_aside(self):
        """With rotation each start puts the file aside, several within a second, too."""
        for c in self.each():
            with self.subTest(compress=c):
                for k in range(4):
                    self.collected(30 * k, 30, self.url(c, "&rotate=1h"))
                aside = self.rotated(".ndjson" + ENDINGS[c])
                self.assertEqual(len(aside), 3, os.listdir(self.out))
                self.assertEqual(len(os.listdir(self.out)), 4)
                found = [[flow_id(e) for e in events(p)] for p in [*aside, self.x(c)]]
                self.assertEqual(sorted(found), [list(range(30 * k, 30 * k + 30)) for k in range(4)])
                self.assertEqual(found[-1], list(range(90, 120)))

    def test_empty_file_is_not_put_aside(self):
        self.x("").touch()
        self.collected(0, 30, self.url("", "&rotate=1h"))
        self.assertEqual(os.listdir(self.out), ["x.ndjson"])
        self.assertEqual(len(events(self.x(""))), 30)

    def test_collect_of_a_capture(self):
        """A replayed capture is collect as well."""
        path = self.file("in.pcap", capture_of([v5(0), v5(30)]))
        for _ in range(2):
            self.good("collect", "-w1", "-l", f"pcap:{path}", "-o", self.url(""))
        found = [flow_id(e) for p in self.out.iterdir() for e in events(p)]
        self.assertEqual(sorted(found), sorted(list(range(60)) * 2))

    def test_same_header(self):
        """CSV with the same columns: added to, one header."""
        for c in self.each():
            with self.subTest(compress=c):
                url = CSV_FLOW.format(self.x(c, ".csv")) + (f"&compress={c}" if c else "")
                for k in range(3):
                    self.collected(30 * k, 30, url)
                lines = content(self.x(c, ".csv")).decode().splitlines()
                self.assertEqual((len(lines), lines.count(lines[0])), (91, 1))
                self.assertEqual(len(os.listdir(self.out)), 1)

    def test_other_header(self):
        """CSV with other columns: put aside, whole, and a new file with its own header."""
        for c in self.each():
            with self.subTest(compress=c):
                zip_url = f"&compress={c}" if c else ""
                path = self.x(c, ".csv")
                self.read(0, 200, CSV_SAMPLE.format(path) + zip_url)
                old = path.read_bytes()
                self.collected(0, 30, CSV_FLOW.format(path) + zip_url)
                aside = self.rotated(".csv" + ENDINGS[c])
                self.assertEqual([p.read_bytes() for p in aside], [old], os.listdir(self.out))
                lines = content(path).decode().splitlines()
                self.assertEqual(len(lines), 31)
                self.assertNotEqual(lines[0], content(aside[0]).decode().splitlines()[0])

    def test_other_kind_of_file(self):
        """What was not written in this form is kept, and the new file is readable by itself."""
        for c, old in self.each(b'{"not":"compressed"}\n', b"(?", b"\x1f\x9d", kinds=COMPRESSIONS[1:]):
            with self.subTest(compress=c, old=old):
                self.x(c).write_bytes(old)
                self.collected(0, 30, self.url(c))
                self.assertEqual([p.read_bytes() for p in self.rotated(".ndjson" + ENDINGS[c])], [old],
                                 os.listdir(self.out))
                self.assertEqual(len(events(self.x(c))), 30)

    def test_members_of_another_program(self):
        """gzip's own members say nothing of their size: what they hold is kept all the same."""
        old = [b'{"event_type":"old","n":%d}\n' % i for i in range(1000)]
        frames = [gzip.compress(b"".join(old[:500])), gzip.compress(b"".join(old[500:]))]
        for torn in 0, 20:
            with self.subTest(torn=torn):
                self.clear()
                data = b"".join(frames)
                self.x("gzip").write_bytes(data[:len(data) - torn])
                self.collected(0, 30, self.url("gzip"))
                self.assertTrue([p for p in self.out.iterdir()
                                 if p.read_bytes().startswith(frames[0] if torn else data)])
                self.assertEqual(len([x for x in content(self.x("gzip")).splitlines() if b"old" not in x]), 30)

    def test_read_truncates(self):
        """A converter: the output is that of its last run."""
        for c, more in self.each("", "&rotate=1h"):
            url = self.url(c, more).replace("event=flow", "event=sample")
            self.read(0, 500, url)
            self.read(500, 200, url)
            self.assertEqual(os.listdir(self.out), [self.x(c).name])
            self.assertEqual(packets(content(self.x(c))), list(range(500, 700)))

    def test_read_append(self):
        for c in self.each():
            url = self.url(c, "&append=true").replace("event=flow", "event=sample")
            self.read(0, 500, url)
            first = self.x(c).read_bytes()
            self.read(500, 200, url)
            self.assertEqual(os.listdir(self.out), [self.x(c).name])
            self.assertEqual(self.x(c).read_bytes()[:len(first)], first)
            self.assertEqual(packets(content(self.x(c))), list(range(700)))

    def test_read_append_other_header(self):
        path = self.x("", ".csv")
        self.read(0, 100, CSV_FLOW.format(path))
        old = path.read_bytes()
        self.read(0, 100, CSV_SAMPLE.format(path) + "&append=true")
        self.assertEqual([p.read_bytes() for p in self.rotated(".csv")], [old], os.listdir(self.out))
        self.assertEqual(len(content(path).splitlines()), 101)

    @unittest.skipUnless(os.geteuid() == 0, "capturing needs root")
    def test_live(self):
        """live keeps, too: appended without rotation, put aside with it."""
        for more in "", "&rotate=1h":
            with self.subTest(more=more):
                self.clear()
                old = b'{"event_type":"network_flow_sample","old":true}\n'
                self.x("").write_bytes(old)
                h = Heard(self, "live", "-i", "lo", "-w1", "-e", "sample", "-f", "udp", "-o",
                          f"ndjson:{self.x('')}?event=sample{more}")
                h.wait("memory budget")
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taker, \
                        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                    taker.bind(("127.0.0.1", 0))
                    for _ in range(10):
                        s.sendto(b"x" * 100, taker.getsockname())
                    self.assertTrue(wait_for(lambda: self.x("").stat().st_size > 2000))
                h.p.terminate()
                h.ended()
                kept = self.rotated()[0] if more else self.x("")
                self.assertEqual(kept.read_bytes()[:len(old)], old)
                self.assertGreater(len(events(self.x(""))), 5)


def capture_of(payloads):
    """UDP to port 2055 in a capture over Ethernet."""
    out = bytearray(pcap_header())
    for i, p in enumerate(payloads):
        ip = bytearray(udp_frame(0)[14:34])
        ip[2:4] = (28 + len(p)).to_bytes(2, "big")
        frame = udp_frame(0)[:14] + ip + (40000).to_bytes(2, "big") + (2055).to_bytes(2, "big") + (
            8 + len(p)).to_bytes(2, "big") + b"\0\0" + p
        out += (1719409371).to_bytes(4, "little") + i.to_bytes(4, "little") + len(frame).to_bytes(
            4, "little") * 2 + frame
    return bytes(out)


class TornTails(Kept):
    """Opening for append cuts back to the last whole line or frame, and says how many bytes."""

    def setUp(self):
        super().setUp()
        self.random = random.Random(7)

    def made(self, c, n=12000):
        """A file as flowtap makes it, its last whole ends."""
        url = self.url(c).replace("event=flow", "event=sample")
        self.read(0, n, url)
        data = self.x(c).read_bytes()
        ends = FRAMES[c](data)
        self.assertEqual(ends[-1], len(data))
        self.assertGreater(len(ends), 2, "the frames are longer than what is promised")
        return data, ends

    def cuts(self, data, ends):
        """Torn files: (bytes, whole ones of them)."""
        last = ends[-2]
        frame = len(data) - last
        for at in sorted({1, 2, 5, 9, frame // 2, frame - 9, frame - 5, frame - 1} & set(range(1, frame))):
            yield data[:last + at], last
        for _ in range(3):
            at = self.random.randrange(len(data))
            yield data[:at], max([e for e in ends if e <= at], default=0)
        yield data[:last] + b"\0" * 4096, last   # what a power cut may leave: a size without its bytes
        yield data + b"\0" * 10, len(data)
        yield data[:last + frame // 2] + b"\0" * 8192, last

    def check(self, c, torn, whole, append):
        """After append(path, url): the whole part, the new events, nothing else; the cut is said."""
        path = self.x(c)
        path.write_bytes(torn)
        err, first, n = append(path)
        cut = len(torn) - whole
        data = path.read_bytes()
        self.assertEqual(data[:whole], torn[:whole], "the whole part has changed")
        self.assertEqual(FRAMES[c](data)[-1], len(data))
        self.assertEqual(packets(unpacked(c, data[whole:])), list(range(first, first + n)))
        if cut:
            self.assertRegex(err, rf"\b{cut} bytes of a torn", "the cut is not said")
        else:
            self.assertNotRegex(err, "torn")
        self.assertEqual(len(os.listdir(self.out)), 1, os.listdir(self.out))

    def appended(self, c):
        def append(path):
            url = self.url(c, "&append=true").replace("event=flow", "event=sample")
            return self.read(20000, 50, url), 20000, 50
        return append

    def test_lines(self):
        """Also a line that is longer than any buffer, and a file that is nothing but one torn line."""
        data, ends = self.made("", 3000)
        long = b'{"event_type":"' + b"x" * 3_000_000
        for torn, whole in [*self.cuts(data, ends), (data, len(data)), (data + long, len(data)), (long, 0),
                            (b"{", 0)]:
            with self.subTest(torn=len(torn), whole=whole):
                self.check("", torn, whole, self.appended(""))

    def test_gzip_members(self):
        data, ends = self.made("gzip")
        for torn, whole in [*self.cuts(data, ends), (data, len(data)), (data[:7], 0)]:
            with self.subTest(torn=len(torn), whole=whole):
                self.check("gzip", torn, whole, self.appended("gzip"))

    @unittest.skipUnless("zstd" in COMPRESSIONS, "there is no zstd program")
    def test_zstd_frames(self):
        data, ends = self.made("zstd")
        for torn, whole in [*self.cuts(data, ends), (data, len(data)), (data[:3], 0)]:
            with self.subTest(torn=len(torn), whole=whole):
                self.check("zstd", torn, whole, self.appended("zstd"))

    def test_a_row_behind_the_header(self):
        """CSV: a torn row goes; a torn header, too, and it is written anew."""
        path = self.x("", ".csv")
        self.read(0, 20, CSV_SAMPLE.format(path))
        data = path.read_bytes()
        head = data.index(b"\n") + 1
        for at in len(data) - 3, head + 1, head, head - 1, 1:
            path.write_bytes(data[:at])
            self.read(100, 5, CSV_SAMPLE.format(path) + "&append=true")
            lines = path.read_bytes().splitlines(True)
            self.assertEqual((lines[0], lines.count(data[:head])), (data[:head], 1))
            self.assertEqual(lines[1:-5], data[head:data.rfind(b"\n", 0, at) + 1].splitlines(True)
                             if at > head else [])
            self.assertTrue(all(x.endswith(b"\n") for x in lines))
            self.assertEqual(len(os.listdir(self.out)), 1)

    def test_collect(self):
        """The same at the start of collect: added to without rotation; with it, put aside whole."""
        for c, more in self.each("", "&rotate=1h"):
            with self.subTest(compress=c, more=more):
                self.collected(0, 90, self.url(c))
                whole = self.x(c).read_bytes()
                self.x(c).write_bytes(whole + whole[:len(whole) // 2][:100])
                torn = self.x(c).stat().st_size - FRAMES[c](self.x(c).read_bytes())[-1]
                self.assertGreater(torn, 0)
                err = self.collected(90, 30, self.url(c, more))
                self.assertRegex(err, rf"\b{torn} bytes")
                old = self.rotated(".ndjson" + ENDINGS[c])[0] if more else self.x(c)
                self.assertEqual(old.read_bytes()[:len(whole)], whole)
                found = [flow_id(e) for p in self.out.iterdir() for e in events(p)]
                self.assertEqual(sorted(found), list(range(120)))

    def test_after_a_hangup(self):
        """SIGHUP opens what stands there now, and it is torn."""
        for c in self.each():
            with self.subTest(compress=c):
                data, ends = self.made(c)
                whole, torn = ends[-2], data[:-5]

                def append(path):
                    path.unlink()
                    url = self.url(c).replace("event=flow", "event=sample")
                    h = Heard(self, "read", "-w1", "-o", url, "-", stdin=subprocess.PIPE)
                    h.wait("memory budget")
                    path.rename(self.dir / "moved")
                    path.write_bytes(torn)
                    h.p.send_signal(signal.SIGHUP)
                    h.wait("bytes of a torn")
                    h.send(pcap_header() + pcap_records(40, first=30000))
                    h.p.stdin.close()
                    h.ended()
                    return h.err, 30000, 40
                self.check(c, torn, whole, append)


class State(Kept):
    """What stands where --state is to be, and is none, is not written over."""

    def ended_soon(self, *args):
        c = Collecting(self, "-o", "null:", *args)
        c.stop()
        return c.err

    def test_it_is_saved_while_it_runs(self):
        """Also when no report ever wakes the program."""
        if os.environ.get("FT_SLOW") is None:
            self.skipTest("takes more than a minute: FT_SLOW=1")
        st = self.out / "st"
        c = Collecting(self, "-o", "null:", "--stats", "0", "--state", st)
        self.assertTrue(wait_for(st.exists, 100))
        c.stop()

    def test_something_else_is_put_aside(self):
        st = self.out / "st"
        st.write_text("a list of mine\n")
        err = self.ended_soon("--state", st)
        self.assertIn("is no saved state", err)
        aside = [p for p in self.out.iterdir() if p.name.startswith("st-")]
        self.assertEqual([p.read_text() for p in aside], ["a list of mine\n"])
        self.assertNotEqual(st.read_text(), "a list of mine\n")
        err = self.ended_soon("--state", st)  # its own is taken
        self.assertNotIn("is no saved state", err)
        self.assertEqual(len(list(self.out.iterdir())), 2)

    def test_what_cannot_be_read_is_refused(self):
        """It would be written over; and a FIFO is not waited for."""
        fifo = self.out / "fifo"
        os.mkfifo(fifo)
        for path in fifo, self.out:
            r = run("collect", "-l", f"udp://127.0.0.1:{free_port(socket.SOCK_DGRAM)}", "--state", path, "-o", "null:", timeout=20)
            self.assertEqual(r.returncode, 1)
            self.assertIn("cannot be read: it is not a file", r.stderr)


class Frames(Kept):
    def test_counted_when_they_are_there(self):
        """While it runs: within a second or so all events are in whole frames, and never are more
        counted as written than are there."""
        for c in self.each():
            with self.subTest(compress=c):
                h = Collecting(self, "-e", "flow,stats", "--stats", "0.1", "-o", self.url(c), "-o",
                               "ndjson:-?event=stats", stdout=subprocess.PIPE)
                sent = 0
                begin = time.monotonic()
                written = 0
                while written < 300 and time.monotonic() < begin + 20:
                    if sent < 300:
                        h.flows(30, sent)
                        sent += 30
                    s = json.loads(h.p.stdout.readline())
                    written = s["outputs"][0]["by_event"]["flow"]["written"]
                    data = self.x(c).read_bytes()
                    ends = FRAMES[c](data)
                    there = unpacked(c, data[:ends[-1] if ends else 0]).count(b"\n")
                    self.assertGreaterEqual(there, written)
                self.assertEqual(written, 300)
                h.stop()

    def test_one_frame_a_second_at_most(self):
        """Frames are not so short that nothing is compressed: many small events share one."""
        for c in self.each(kinds=COMPRESSIONS[1:]):
            h = Collecting(self, "-e", "flow", "-o", self.url(c))
            begin = time.monotonic()
            for k in range(40):
                h.flows(30, 30 * k)
                time.sleep(0.02)
            h.stop()
            frames = len(FRAMES[c](self.x(c).read_bytes()))
            self.assertEqual(len(events(self.x(c))), 1200)
            self.assertLessEqual(frames, 4 + 2 * (time.monotonic() - begin))

    def test_at_most_a_mebibyte(self):
        """And what was handed over at once with it."""
        for c in self.each(kinds=COMPRESSIONS[1:]):
            self.read(0, 30000, self.url(c).replace("event=flow", "event=sample"))
            data = self.x(c).read_bytes()
            ends = FRAMES[c](data)
            for a, b in zip([0, *ends], ends):
                self.assertLessEqual(len(unpacked(c, data[a:b])), (1 << 20) + (256 << 10))

    def test_fsync(self):
        """Each way is taken; what is none is refused."""
        for c in self.each():
            for how in "no", "1s", "frame":
                url = self.url(c, f"&fsync={how}").replace("event=flow", "event=sample")
                self.read(0, 2000, url)
                self.assertEqual(packets(content(self.x(c))), list(range(2000)))
        r = run("read", "-o", self.url("", "&fsync=often"), "/dev/null")
        self.assertEqual(r.returncode, 2, r.stderr)
        self.assertIn("fsync", r.stderr)


class Keep(Kept):
    OTHERS = ["x-notes.ndjson", "x-20200101T000000.csv", "y-20200101T000000.ndjson", "x.ndjson.bak",
              "x-20200101T000000.ndjson.gz", "x-2020.ndjson"]

    def old(self, *names, days=8):
        for name in names:
            (self.out / name).write_text("{}\n")
            os.utime(self.out / name, (time.time() - days * 86400,) * 2)

    def test_number(self):
        """The newest N stay; current and foreign files are not counted and not touched."""
        for c in self.each():
            aside = rf"x{ROTATED}{re.escape('.ndjson' + ENDINGS[c])}"
            others = [n for n in self.OTHERS if not re.fullmatch(aside, n)]
            self.old(*others, "x-20200101T000000.ndjson" + ENDINGS[c], "x-20200101T000000-3.ndjson" + ENDINGS[c])
            self.read(0, 20000, self.url(c, "&rotate=20KB&keep=3").replace("event=flow", "event=sample"))
            kept = self.rotated(".ndjson" + ENDINGS[c])
            self.assertEqual(len(kept), 3, os.listdir(self.out))
            numbers = sorted(n for p in [*kept, self.x(c)] for n in packets(content(p)))
            self.assertEqual(numbers, list(range(numbers[0], 20000)), "not the newest ones")
            self.assertEqual(set(others) - set(os.listdir(self.out)), set())

    def test_size(self):
        self.read(0, 20000, self.url("", "&rotate=100KB&keep=600KB").replace("event=flow", "event=sample"))
        kept = self.rotated()
        self.assertGreaterEqual(len(kept), 1)
        self.assertLessEqual(sum(p.stat().st_size for p in kept), 600000)
        numbers = sorted(n for p in [*kept, self.x("")] for n in packets(content(p)))
        self.assertEqual(numbers, list(range(numbers[0], 20000)), "not the newest ones")

    def test_age(self):
        self.old("x-20200101T000000.ndjson", "x-20200101T000000-1.ndjson", *self.OTHERS)
        young = "x-" + time.strftime("%Y%m%dT%H%M%S", time.gmtime(time.time() - 3 * 86400)) + ".ndjson"
        self.old(young, days=3)
        self.collected(0, 30, self.url("", "&rotate=1h"))
        self.collected(0, 30, self.url("", "&rotate=1h&keep=7d"))
        names = sorted(os.listdir(self.out))
        self.assertNotIn("x-20200101T000000.ndjson", names)
        self.assertNotIn("x-20200101T000000-1.ndjson", names)
        self.assertLessEqual({young, "x.ndjson", *self.OTHERS}, set(names))
        self.assertEqual(len(self.rotated()), 2)

    def test_what_is_wrong_is_refused(self):
        for value in "-1", "many", "", "7w":
            r = run("read", "-o", self.url("", f"&rotate=1h&keep={value}"), "/dev/null")
            self.assertEqual(r.returncode, 2, (value, r.stderr))
            self.assertIn("keep", r.stderr)


class Modes(Kept):
    def mode(self, p):
        return p.stat().st_mode & 0o7777

    def test_default(self):
        """Files, rotated ones and the state: not for others to read."""
        self.read(0, 20000, self.url("", "&rotate=100KB").replace("event=flow", "event=sample"))
        self.assertGreater(len(self.rotated()), 1)
        self.assertEqual({self.mode(p) for p in self.out.iterdir()}, {0o640})
        self.clear()
        self.collected(0, 30, self.url("", "&rotate=1h"), more=["--state", self.out / "state"])
        self.assertEqual({self.mode(p) & 0o137 for p in self.out.iterdir()}, {0}, "for others, or too much")
        self.assertTrue((self.out / "state").exists())

    def test_as_asked(self):
        for text, mode in ("0600", 0o600), ("0644", 0o644):
            self.clear()
            self.read(0, 20000, self.url("", f"&rotate=100KB&mode={text}").replace("event=flow", "event=sample"))
            self.assertEqual({self.mode(p) for p in self.out.iterdir()}, {mode})

    @unittest.skipUnless(os.geteuid() == 0, "giving files away needs root")
    def test_group(self):
        self.read(0, 20000, self.url("", "&rotate=100KB&group=daemon").replace("event=flow", "event=sample"))
        self.assertGreater(len(self.rotated()), 1)
        self.assertEqual({(p.group(), self.mode(p)) for p in self.out.iterdir()}, {("daemon", 0o640)})

    def test_what_is_wrong_is_refused(self):
        for more in "mode=0999", "mode=rw", "group=no-such-group":
            r = run("read", "-o", self.url("", "&" + more), "/dev/null")
            self.assertEqual(r.returncode, 2, (more, r.stderr))
            self.assertIn(more.split("=")[0], r.stderr)


if __name__ == "__main__":
    main()
