# SPDX-License-Identifier: Apache-2.0
"""One file among several that cannot be used, or that is damaged: it is said which and why, the others are
read whole, the account adds up, the exit status is 1."""
import gzip
import json
import os
import pathlib
import shutil
import struct
import subprocess

from faults import Case, account, main, pcap_header, pcap_records, run
from support import FLOWTAP

N = 3000  # packets of each good file
MODES = {"one": ["-w1"], "lanes": ["-w3"], "hand-off": ["-w2", "--overflow", "drop", "-q", "65536"],
         "direct, drop": ["-w1", "--overflow", "drop", "-q", "65536"]}


def packed(data, how):
    if how == "gz":
        return gzip.compress(data, 1)
    if how == "zst":
        return subprocess.run(["zstd", "-q"], input=data, stdout=subprocess.PIPE, check=True).stdout
    return data


class Inputs(Case):
    def good_file(self, k, how=""):
        data = pcap_header() + pcap_records(N, first=k * N)
        return self.file(f"good{k}.pcap" + (f".{how}" if how else ""), packed(data, how))

    def bad_files(self):
        """name -> (path, what is said of it, the packets of it that are read)"""
        header = pcap_header()
        torn = header + pcap_records(N, first=9 * N)
        cut = len(header) + 200 * (16 + 62) + 8  # in the middle of a record's header
        broken = bytearray(torn)
        struct.pack_into("<I", broken, len(header) + 100 * (16 + 62) + 8, 0x7FFFFFFF)
        folder = self.dir / "folder"
        folder.mkdir()
        other = bytearray(torn)
        struct.pack_into("<I", other, 20, 187)
        bad = {
            "empty": (self.file("empty", ""), "empty file", 0),
            "text": (self.file("text", "hello, this is no capture\n"), "not a pcap or pcapng", 0),
            "short": (self.file("short", "abc"), "too short for a capture", 0),
            "missing": (str(self.dir / "missing"), "No such file or directory", 0),
            "folder": (str(folder), "Is a directory", 0),
            "bluetooth": (self.file("bluetooth", bytes(other)), "link type 187", 0),
            "version": (self.file("version", header[:4] + b"\x09\0" + torn[6:]), "version", 0),
            "torn": (self.file("torn", torn[:cut]), "truncated", 200),
            "damaged": (self.file("damaged", bytes(broken)), "damaged", 100),
            "empty.gz": (self.file("empty.gz", gzip.compress(b"")), "too short for a capture", 0),
            "text.gz": (self.file("text.gz", gzip.compress(b"hello, no capture")), "not a pcap", 0),
            "torn.gz": (self.file("torn.gz", gzip.compress(torn[:cut])), "truncated", 200),
        }
        if shutil.which("zstd"):
            bad["empty.zst"] = (self.file("empty.zst", packed(b"", "zst")), "too short", 0)
            bad["text.zst"] = (self.file("text.zst", packed(b"hello, none", "zst")), "not a pcap", 0)
            bad["torn.zst"] = (self.file("torn.zst", packed(torn[:cut], "zst")), "truncated", 200)
        return bad

    def check(self, files, path, said, extra, mode, **kw):
        """Reads them; the good ones are 1 and 2."""
        r = run("read", *MODES[mode], "-e", "sample", "--log-format", "json", *files, **kw)
        what = (mode, files, r.stderr)
        self.assertEqual(r.returncode, 1, what)
        a = account(self, r.stderr)
        self.assertEqual(a["decoded"], 2 * N + extra, what)
        messages = [json.loads(line) for line in r.stderr.splitlines()]
        errors = [m["message"] for m in messages if m.get("level") == "error"]
        self.assertEqual(len(errors), 1, what)
        self.assertIn(pathlib.Path(path).name, errors[0])
        self.assertIn(said, errors[0])
        seen = sorted(json.loads(line)["flow_key"]["src_port"] for line in r.stdout.splitlines())
        want = [1000 + i % 1000 for k in (1, 2) for i in range(k * N, k * N + N)]
        want += [1000 + i % 1000 for i in range(9 * N, 9 * N + extra)]
        self.assertEqual(seen, sorted(want), mode)

    def test_each_kind_at_each_place(self):
        good = [self.good_file(1), self.good_file(2)]
        for name, (path, said, extra) in self.bad_files().items():
            for place in range(3):
                files = good[:place] + [path] + good[place:]
                modes = MODES if place == len(name) % 3 else ["one", "lanes"]
                for mode in modes:
                    with self.subTest(name=name, place=place, mode=mode):
                        self.check(files, path, said, extra, mode)

    def test_packed_neighbours(self):
        how = ["gz", "zst"] if shutil.which("zstd") else ["gz", "gz"]
        good = [self.good_file(1, how[0]), self.good_file(2, how[1])]
        for name, (path, said, extra) in self.bad_files().items():
            place = len(name) % 3
            for mode in MODES:
                with self.subTest(name=name, mode=mode):
                    self.check(good[:place] + [path] + good[place:], path, said, extra, mode)

    def test_one_is_left(self):
        """A single good file beside a bad one is read the quick way, in stretches."""
        for name, (path, said, extra) in self.bad_files().items():
            if extra == 0:
                with self.subTest(name=name):
                    r = run("read", "-w3", "-e", "sample", "--log-format", "json", path,
                            self.good_file(1))
                    self.assertEqual((r.returncode, account(self, r.stderr)["decoded"]), (1, N))
                    self.assertEqual(len(r.stdout.splitlines()), N)

    def test_none_is_left(self):
        """Nothing to read: every one is named, nothing is written, no output is made."""
        bad = [v for v in self.bad_files().values() if v[2] == 0]
        out = self.dir / "out"
        r = run("read", "-o", f"ndjson:{out}", *(path for path, *_ in bad))
        self.assertEqual(r.returncode, 1)
        for path, said, _ in bad:
            line = next(line for line in r.stderr.splitlines() if f"{path}: " in line)
            self.assertIn(said, line)
        self.assertIn(f"none of the {len(bad)} inputs can be read", r.stderr)
        self.assertFalse(out.exists())

    def test_collect(self):
        """Captures of datagrams likewise."""
        good = self.good_file(1)
        for name, (path, said, extra) in self.bad_files().items():
            for files in (path, good), (good, path):
                with self.subTest(name=name):
                    r = run("collect", *(x for f in files for x in ("-l", f"pcap:{f}")),
                            "--log-format", "json")
                    self.assertEqual(r.returncode, 1, r.stderr)
                    self.assertIn(said, r.stderr)
                    a = json.loads(r.stderr.splitlines()[-1])
                    self.assertEqual((a["received"], a["adds_up"]), (N + extra, True), r.stderr)

    def test_not_allowed(self):
        """EACCES, as a user who may not read one of them."""
        user = {} if os.geteuid() else {"user": 65534, "group": 65534, "extra_groups": []}
        try:
            subprocess.run([FLOWTAP, "--version"], capture_output=True, check=True, **user)
        except (OSError, subprocess.CalledProcessError):
            self.skipTest("nobody cannot run the program")
        good = [self.good_file(1), self.good_file(2)]
        path = self.good_file(3)
        os.chmod(path, 0)
        for mode in MODES:
            self.check([good[0], path, good[1]], path, "Permission denied", 0, mode, **user)

    def test_error_of_read(self):
        """The system cannot read on: that input ends there, the others are read."""
        with open("/proc/self/mem", "rb") as mem:  # reading it at 0 is EIO
            r = run("read", "-w1", "-e", "sample", "--log-format", "json", "-", self.good_file(1),
                    stdin=mem)
        self.assertEqual((r.returncode, account(self, r.stderr)["decoded"]), (1, N), r.stderr)
        self.assertIn("standard input: cannot be read on at byte 0: Input/output error", r.stderr)

    def test_stdin(self):
        """What stdin holds is known when it is read: it is said then, and the rest is read."""
        for text, said in (("hello, no capture at all", "not a pcap"), ("", "empty input")):
            for mode in MODES:
                data = self.dir / "stdin"
                data.write_text(text)
                for files in (["-", self.good_file(1), self.good_file(2)],
                              [self.good_file(1), "-", self.good_file(2)]):
                    with subprocess.Popen(["cat", data], stdout=subprocess.PIPE) as cat:
                        self.check(files, "standard input", said, 0, mode, stdin=cat.stdout)


if __name__ == "__main__":
    main()
