# SPDX-License-Identifier: Apache-2.0
"""-o pcap:FILE: the packets themselves, into a capture file."""
import gzip
import json
import os
import pathlib
import random
import resource
import struct
import subprocess

from support import FLOWTAP, SAMPLE, Case, main, pcap_header, pcap_records, run, udp_frame

NS = 0xA1B23C4D


def records(data):
    """(link type, snap), [(ns, wire length, bytes)] of a pcap; whole to its end."""
    magic, major, minor, _, _, snap, link = struct.unpack_from("<IHHiIII", data)
    assert magic in (NS, 0xA1B2C3D4) and (major, minor) == (2, 4), data[:24]
    unit = 1 if magic == NS else 1000
    at, out = 24, []
    while at < len(data):
        sec, frac, cap, wire = struct.unpack_from("<IIII", data, at)
        assert at + 16 + cap <= len(data), "torn"
        out.append((sec * 10**9 + frac * unit, wire, data[at + 16:at + 16 + cap]))
        at += 16 + cap
    return (link, snap), out


def arp(n):
    return b"\xff" * 6 + b"\2\0\0\0\0\1\x08\x06" + struct.pack("!Q", n) * 4


class Packets(Case):
    def capture(self, n=3000, link=1, name="in.pcap", first=0):
        """UDP from 1000 ports, with ARP between, of different sizes; times in order."""
        rng, out = random.Random(n), bytearray(pcap_header()[:20] + struct.pack("<I", link))
        for i in range(first, first + n):
            frame = arp(i) if i % 10 == 9 else udp_frame(i) + rng.randbytes(rng.randrange(0, 1200))
            out += struct.pack("<IIII", 1719409371 + i // 1000, i % 1000 * 1000, len(frame),
                               len(frame) + (i % 3)) + frame
        return self.file(name, bytes(out))

    def test_all_in_order(self):
        """Whatever the number of workers and the way of reading, what is not IP too."""
        src = self.capture()
        want = records(pathlib.Path(src).read_bytes())[1]
        for i, args in enumerate((["-w1"], ["-w2"], ["-w4"], ["-w3", "--app"], ["-w2", "-q64"])):
            out = self.dir / f"{i}.pcap"
            r = self.good("read", *args, "-o", f"pcap:{out}", "-o", "null:", "-e", "flow", src)
            head, got = records(out.read_bytes())
            self.assertEqual(head, (1, 262144))
            self.assertEqual(got, want, args)
            self.assertRegex(r.stderr, rf"{out} +3000 packet events = 3000 written \+ 0 dropped\n")
        with open(src, "rb") as stream:
            r = run("read", "-w2", "-o", f"pcap:{out}", "-", stdin=stream)
        self.assertEqual((r.returncode, records(out.read_bytes())[1]), (0, want))

    def test_flow_records_are_the_same(self):
        src = self.capture()
        lines = [sorted(self.good("read", f"-w{w}", "-e", "flow", *more, src).stdout.splitlines())
                 for w, more in ((1, ()), (3, ()), (3, ("-o", "ndjson:-", "-o", f"pcap:{self.dir}/x")))]
        self.assertEqual(lines[0], lines[1])
        self.assertEqual(lines[0], lines[2])

    def test_what_matches(self):
        src = self.capture()
        want = [r for r in records(pathlib.Path(src).read_bytes())[1] if r[2][12:14] == b"\x08\x06"]
        for w in 1, 2:
            self.good("read", f"-w{w}", "-f", "arp", "-o", f"pcap:{self.dir / 'out'}", src)
            self.assertEqual(records((self.dir / "out").read_bytes())[1], want)
        self.good("read", "-f", "host 9.9.9.9", "-o", f"pcap:{self.dir / 'out'}", src)
        self.assertEqual(records((self.dir / "out").read_bytes()), ((1, 262144), []))

    def test_snap(self):
        src = self.capture()
        want = [(t, n, b[:60]) for t, n, b in records(pathlib.Path(src).read_bytes())[1]]
        self.good("read", "-w2", "-o", f"pcap:{self.dir / 'out'}?snap=60", src)
        self.assertEqual(records((self.dir / "out").read_bytes()), ((1, 60), want))

    def test_large_packets(self):
        """As large as others take them, in queues of any size."""
        out = bytearray(pcap_header())
        for i, n in enumerate((262144, 1, 65536, 262144, 200000, 14)):
            out += struct.pack("<IIII", i, 0, n, n) + bytes([i]) * n
        src = self.file("large.pcap", bytes(out))
        for queue in "1", "1MB", "64MB":
            self.good("read", "-o", f"pcap:{self.dir / 'out'}?queue={queue}", src)
            self.assertEqual(records((self.dir / "out").read_bytes())[1], records(bytes(out))[1])

    def test_rotated_and_packed(self):
        src = self.capture(20000)
        want = records(pathlib.Path(src).read_bytes())[1]
        for more, unpack in (("", bytes), ("&compress=gzip", gzip.decompress)):
            out = self.dir / f"d{len(more)}"
            out.mkdir()
            self.good("read", "-o", f"pcap:{out}/x.pcap?rotate=1MB{more}", src)
            files = sorted(out.iterdir(), key=lambda f: f.stat().st_mtime_ns)
            self.assertGreater(len(files), 1)
            got = []
            for f in files:
                head, part = records(unpack(f.read_bytes()))
                self.assertEqual(head, (1, 262144))
                got.append(part)
            got.sort(key=lambda part: part[0][0] if part else 0)
            self.assertEqual([r for part in got for r in part], want)

    def test_other_link_types(self):
        """The first packet decides; the others are lost, counted and said."""
        a, b = self.capture(100), self.capture(50, link=101, name="raw.pcap", first=100)
        r = run("read", "-o", f"pcap:{self.dir / 'out'}", a, b)
        self.assertEqual(r.returncode, 1, r.stderr)
        self.assertIn("holds packets of link type EN10MB (1); those of RAW (101) are lost", r.stderr)
        self.assertRegex(r.stderr, r"150 packet events = 100 written \+ 0 dropped \+ 50 lost\n")
        self.assertEqual(len(records((self.dir / "out").read_bytes())[1]), 100)
        self.good("read", "-o", f"pcap:{self.dir / 'out'}", b)
        self.assertEqual(records((self.dir / "out").read_bytes())[0], (101, 262144))

    def test_full_disk(self):
        """A record that does not fit is cut off again: the file stays whole, what is lost counts."""
        src = self.capture(20000)
        out = self.dir / "out"
        r = subprocess.run([FLOWTAP, "read", "-o", f"pcap:{out}", src], text=True,
                           capture_output=True, preexec_fn=lambda: resource.setrlimit(
                               resource.RLIMIT_FSIZE, (1234567, 1234567)))
        self.assertEqual(r.returncode, 1, r.stderr)
        got = records(out.read_bytes())[1]
        self.assertGreater(len(got), 1000)
        self.assertRegex(r.stderr, rf"20000 packet events = {len(got)} written \+ 0 dropped "
                                   rf"\+ {20000 - len(got)} lost\n")

    def test_room_comes_later(self):
        """A full disk behind stdout from the first byte on: what comes when it has room is a capture."""
        out = self.dir / "out"
        root = ["--user", "root"] if os.geteuid() == 0 else []  # so that we may change the limit
        with open(out, "wb") as f:
            p = subprocess.Popen([FLOWTAP, "read", "-o", "pcap:-?overflow=block", *root, "-"], stdin=subprocess.PIPE,
                                 stdout=f, stderr=subprocess.PIPE, preexec_fn=lambda: resource.setrlimit(
                                     resource.RLIMIT_FSIZE, (10, resource.RLIM_INFINITY)))
        self.addCleanup(p.stderr.close)
        p.stdin.write(pathlib.Path(self.capture(100)).read_bytes())
        p.stdin.flush()
        self.assertTrue(any(b"disk full?" in line for line in iter(p.stderr.readline, b"")))
        resource.prlimit(p.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        p.stdin.write(pathlib.Path(self.capture(50, first=100)).read_bytes()[24:])
        p.stdin.close()
        err = p.stderr.read().decode()
        self.assertEqual(p.wait(20), 1, err)
        self.assertEqual(len(records(out.read_bytes())[1]), 50)
        self.assertRegex(err, r"150 packet events = 50 written \+ 0 dropped \+ 100 lost\n")

    def test_slow_reader(self):
        """Dropped, and counted, when that is asked for; what comes through is whole."""
        src = pathlib.Path(self.capture(60000)).read_bytes()
        p = subprocess.Popen([FLOWTAP, "read", "-o", "pcap:-?overflow=drop&queue=1MB", "-"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for f in p.stderr, p.stdout:
            self.addCleanup(f.close)
        p.stdin.write(src)  # all of it is read, although nobody takes what comes out
        p.stdin.close()
        data = p.stdout.read()
        err = p.stderr.read().decode()
        self.assertEqual(p.wait(), 0, err)
        got = records(data)[1]
        self.assertLess(len(got), 60000)
        self.assertRegex(err, rf"60000 packet events = {len(got)} written "
                              rf"\+ {60000 - len(got)} dropped\n")

    def test_a_file_of_before(self):
        src = self.capture(100)
        out = self.file("out", b"what was there")
        self.good("read", "-o", f"pcap:{out}", src)
        self.assertEqual(len(records(pathlib.Path(out).read_bytes())[1]), 100)

    def test_datagrams(self):
        """Of collect: what was taken, as UDP packets; read again it gives the same records, and so it does of IPv6."""
        v5 = struct.pack("!HHIIIIBBH", 5, 1, 1000, 1700000000, 0, 7, 0, 0, 0) + bytes((10, 0, 0, 1, 10, 0, 0, 2)) + bytes(40)
        sealed = struct.pack("!HHIII", 10, 16, 1700000000, 1, 2)
        packets = b""
        for i, (payload, version) in enumerate(((v5, 4), (v5, 6), (sealed, 4), (b"\0\0\0\5x", 4), (b"", 4), (v5[:40], 4))):
            udp = struct.pack("!HHHH", 4000 + i, 2055, 8 + len(payload), 0) + payload
            if version == 4:
                ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, b"\x0a\1\1\1", b"\x0a\1\1\2")
            else:
                ip = struct.pack("!IHBB16s16s", 6 << 28, len(udp), 17, 64, bytes(15) + b"\7", bytes(15) + b"\1")
            packets += struct.pack("<IIII", 1700000000 + i, 123456, len(ip + udp), len(ip + udp)) + ip + udp
        head = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 101)
        first, kept = self.file("first.pcap", head + packets), self.dir / "kept.pcap"
        args = "-e", "flow,stats", "--session-port", "-w1"
        self.good("collect", "-l", f"pcap:{first}", *args, "-o", f"ndjson:{self.dir}/a", "-o", f"pcap:{kept}")
        self.good("collect", "-l", f"pcap:{kept}", *args, "-o", f"ndjson:{self.dir}/b")
        a, b = ([json.loads(x) for x in (self.dir / name).read_text().splitlines()] for name in "ab")
        self.assertEqual(a[:-1], b[:-1])
        self.assertEqual(len(a), 3)
        for name in "captured", "decoded", "malformed", "ignored":
            self.assertEqual(a[-1][name], b[-1][name], name)
        data, at = kept.read_bytes(), 24
        while at < len(data):
            n = struct.unpack("<I", data[at + 8:at + 12])[0]
            ip = data[at + 16:at + 16 + n]
            if ip[0] == 0x45:  # its checksum is right
                self.assertEqual(sum(struct.unpack("!10H", ip[:20])) % 0xffff, 0)
            at += 16 + n

    def test_usage(self):
        key = self.file("key", "1" * 64)
        for message, args in (
                ("datagram is for collect, to kafka://", ["collect", "-l", f"pcap:{SAMPLE}", "-o", "datagram:x"]),
                ("datagram is for collect, to kafka://", ["read", SAMPLE, "-o", "kafka://h:9/x?format=datagram"]),
                ("carries bytes of packets: not with --anonymize or --no-identity",
                 ["read", "--anonymize", key, "-o", "pcap:x", SAMPLE]),
                ("event=: pcap holds packets", ["read", "-o", "pcap:x?event=flow", SAMPLE]),
                ("columns=, profile= and where=: pcap holds packets", ["read", "-o", "pcap:x?columns=src_ip", SAMPLE]),
                ("columns=, profile= and where=: pcap holds packets", ["read", "-o", "pcap:x?where=src_port=1", SAMPLE]),
                ("columns=, profile= and where=: pcap holds packets", ["read", "-o", "pcap:x?profile=tcp", SAMPLE]),
                ("append=: a capture file is not added to",
                 ["read", "-o", "pcap:x?append=true", SAMPLE]),
                ("snap=0: allowed is a number of bytes from 1 to 262144",
                 ["read", "-o", "pcap:x?snap=0", SAMPLE]),
                ("snap= is for pcap outputs", ["read", "-o", "ndjson:x?snap=9", SAMPLE])):
            r = run(*args, cwd=self.dir)
            self.assertEqual(r.returncode, 2, args)
            self.assertIn(message, r.stderr)
            self.assertFalse((self.dir / "x").exists())


if __name__ == "__main__":
    main()
