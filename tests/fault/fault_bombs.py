# SPDX-License-Identifier: Apache-2.0
"""Small files that unpack to terabytes: bounded memory, progress, a stop that ends them at once; and packed
files that are put together oddly."""
import gzip
import json
import os
import re
import select
import shutil
import signal
import struct
import subprocess
import time
import unittest

from faults import Case, account, main, pcap_header, pcap_records, run

MODES = {"one": ["read", "-w1"], "lanes": ["read", "-w3"],
         "hand-off": ["read", "-w2", "--overflow", "drop"], "collect": ["collect"]}
BLOCK = 128 << 10


def raw_block(data):
    return struct.pack("<I", len(data) << 3)[:3] + data


def rle_block(n, byte=0):
    return struct.pack("<I", n << 3 | 1 << 1)[:3] + bytes([byte])


def zstd_frame(*blocks, window=7):
    """A frame without its end, so that blocks can follow; its window is 1 KiB << window."""
    return b"\x28\xb5\x2f\xfd\0" + bytes([window << 3]) + b"".join(blocks)


def pcapng_start():
    section = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
    return section + struct.pack("<IIHHII", 1, 20, 1, 0, 65535, 20)


class Bombs(Case):
    def bombs(self):
        """name -> a file of some 10 MB that unpacks to a hundred gigabytes or more, or to nothing."""
        header = pcap_header()
        zeros = gzip.compress(bytes(64 << 20), 9)  # a thousandth
        nothing = gzip.compress(b"")
        unknown = raw_block(struct.pack("<II", 0x0BAD, BLOCK)) + rle_block(BLOCK - 12) \
            + raw_block(struct.pack("<I", BLOCK))
        packets = gzip.compress(pcap_records(1) * 100000, 9)
        return {
            # records of no bytes, for ever
            "zeros.gz": gzip.compress(header) + zeros * 160,
            "zeros.zst": zstd_frame(raw_block(header), rle_block(BLOCK) * 2500000),
            # blocks that hold no packet: the reader finds nothing to hand out
            "blocks.zst": zstd_frame(raw_block(pcapng_start()), unknown * 450000),
            # packets
            "packets.gz": gzip.compress(header) + packets * 500,
            # nothing at all, in many members and frames
            "nothing.gz": gzip.compress(header) + nothing * 500000,
            "skipped.zst": zstd_frame(raw_block(header + pcap_records(1)), b"\1\0\0")
            + struct.pack("<II", 0x184D2A50, 0) * 1000000,
        }

    def started_on(self, path, mode):
        target = ["-l", f"pcap:{path}"] if mode == "collect" else [path]
        small = [] if mode == "collect" else ["--max-flows", "1000"]
        return self.started(*MODES[mode], *small, "-o", "null:", "--stats", "0.2", *target,
                            stderr=subprocess.PIPE)

    def peak(self, p):
        with open(f"/proc/{p.pid}/status") as f:
            return int(re.search(r"VmHWM:\s+(\d+) kB", f.read())[1]) << 10

    def hear(self, p, pattern):
        said, end = "", time.monotonic() + 60
        while not re.search(pattern, said):
            self.assertTrue(select.select([p.stderr], [], [], max(0, end - time.monotonic()))[0], said)
            data = os.read(p.stderr.fileno(), 4096)
            self.assertTrue(data, said)
            said += data.decode()
        return said

    def test_bombs(self):
        for name, data in self.bombs().items():
            path = self.file(name, data)
            endless = name[:4] not in ("noth", "skip")
            for mode in MODES:
                with self.subTest(name=name, mode=mode):
                    p = self.started_on(path, mode)
                    if endless:
                        self.hear(p, r"[0-9.]+ [kMGT]?B unpacked")
                        time.sleep(0.3)
                        self.assertLess(self.peak(p), 400 << 20)
                        begin = time.monotonic()
                        p.send_signal(signal.SIGINT)
                    err = self.ended(p)
                    if endless:
                        self.assertLess(time.monotonic() - begin, 10)
                    self.assertIn("received", err)
                    self.assertNotIn("DOES NOT ADD UP", err)
            os.unlink(path)

    def test_window(self):
        """A frame may ask for a window of terabytes: refused, and the others are read."""
        good = self.file("good.pcap", pcap_header() + pcap_records(10))
        for window in 18, 21, 31:  # 256 MiB, 2 GiB, 2 TiB
            data = zstd_frame(raw_block(pcap_header() + pcap_records(3)), b"\1\0\0", window=window)
            for mode in "one", "lanes", "hand-off":
                r = run(*MODES[mode], "--log-format", "json", "-e", "sample", self.file("w.zst", data),
                        good)
                self.assertEqual((r.returncode, account(self, r.stderr)["decoded"]), (1, 10), r.stderr)
                self.assertIn("its window is over 128 MiB (zstd --long): unpack it first", r.stderr)
        data = zstd_frame(raw_block(pcap_header() + pcap_records(3)), b"\1\0\0", window=17)
        self.assertEqual(len(self.good("read", self.file("w.zst", data)).stdout.splitlines()), 3)

    def check(self, data, n, status=0, said=""):
        path = self.file("in", data)
        for mode in "one", "lanes", "hand-off":
            r = run(*MODES[mode], "--log-format", "json", "-e", "sample", path)
            self.assertEqual(r.returncode, status, r.stderr)
            self.assertEqual(account(self, r.stderr)["decoded"], n, r.stderr)
            self.assertEqual(len(r.stdout.splitlines()), n)
            self.assertIn(said, r.stderr)

    def test_put_together(self):
        """Members and frames in a row are one stream, cut anywhere; what is between them and does not
        belong there ends it, after what came before."""
        data = pcap_header() + pcap_records(100)
        cut = len(data) // 2 + 3
        a, b = gzip.compress(data[:cut]), gzip.compress(data[cut:])
        before = (cut - 24) // 78
        behind = "bytes behind the end of the stream"
        self.check(a + b, 100)
        self.check(a + gzip.compress(b"") * 3 + b, 100)
        self.check(a + b + bytes(1000), 100)  # padding, as on tapes
        self.check(a + b + b"garbage", 100, 1, behind)
        self.check(a + b"garbage" + b, before, 1, behind)
        self.check(a + bytes(512) + b, before, 1, behind)
        self.check(a + b[:-9], 100, 1, "unexpected end")
        # packed twice: what is inside is no capture
        r = run("read", self.file("twice.gz", gzip.compress(gzip.compress(data))))
        self.assertEqual(r.returncode, 1)
        self.assertIn("not a pcap or pcapng capture", r.stderr)

    @unittest.skipUnless(shutil.which("zstd"), "zstd makes the frames")
    def test_frames_put_together(self):
        def zstd(data):
            return subprocess.run(["zstd", "-q"], input=data, stdout=subprocess.PIPE, check=True).stdout
        data = pcap_header() + pcap_records(100)
        cut = len(data) // 2 + 3
        a, b = zstd(data[:cut]), zstd(data[cut:])
        skip = struct.pack("<II", 0x184D2A5F, 5) + b"extra"
        self.check(skip + a + skip + zstd(b"") + b + skip, 100)
        self.check(a + b"garbage!" + b, (cut - 24) // 78, 1, "zstd data is damaged after")
        self.check(a + gzip.compress(data[cut:]), (cut - 24) // 78, 1, "zstd data is damaged after")
        self.check(a + b[:-3], 100, 1)

    def test_amount(self):
        """In JSON lines too, and summed over the files."""
        data = gzip.compress(pcap_header() + pcap_records(1000)) + gzip.compress(b"")
        path = self.file("in.gz", data)
        p = self.started("read", "-w1", "-o", "null:", "--stats", "0.1", "--log-format", "json", path, path,
                         "-", stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        line = self.hear(p, "unpacked")
        amount = 2 * (24 + 1000 * 78)
        messages = [json.loads(x)["message"] for x in line.splitlines()]
        self.assertIn(f"{amount / 1000:.0f} kB unpacked | ", messages[-1])
        p.stdin.close()
        p.wait(20)


if __name__ == "__main__":
    main()
