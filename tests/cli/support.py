# SPDX-License-Identifier: Apache-2.0
"""What the tests of the program share: where it is, how it is run, captures made up for it."""
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FLOWTAP = os.environ.get("FLOWTAP", str(ROOT / "build/release/flowtap"))
BUILD = pathlib.Path(FLOWTAP).resolve().parent
sys.path.append(str(ROOT / "tests/support"))
from checks import free_port  # noqa: E402,F401: for those that import this

SAMPLE = str(ROOT / "examples/sample.pcap")
SKIP = 77


def run(*args, **kw):
    """Runs flowtap to its end; text out and err."""
    kw.setdefault("stdin", subprocess.DEVNULL)
    kw.setdefault("timeout", 60)
    return subprocess.run([FLOWTAP, *map(str, args)], capture_output="stdout" not in kw,
                          text=True, **kw)


def start(*args, **kw):
    """Starts flowtap; the caller ends it."""
    return subprocess.Popen([FLOWTAP, *map(str, args)], text=True, **kw)


def wait_for(what, seconds=20):
    """Waits until what() is true; False when it never was."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.02)
    return False


def udp_frame(n):
    """An Ethernet frame with 20 bytes of UDP from port 1000 + n % 1000."""
    udp = struct.pack("!HHHH", 1000 + n % 1000, 53, 28, 0) + b"x" * 20
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), n & 0xFFFF, 0, 64, 17, 0,
                     bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2)))
    return b"\2\0\0\0\0\2\2\0\0\0\0\1\x08\0" + ip + udp


def pcap_header():
    return struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)


def pcap_records(n, first=0):
    out = bytearray()
    for i in range(first, first + n):
        frame = udp_frame(i)
        out += struct.pack("<IIII", 1719409371 + i // 1000, i % 1000 * 1000, len(frame),
                           len(frame)) + frame
    return bytes(out)


class Case(unittest.TestCase):
    def setUp(self):
        tmp = tempfile.TemporaryDirectory(prefix="flowtap-cli-")
        self.addCleanup(tmp.cleanup)
        self.dir = pathlib.Path(tmp.name)
        self.dir.chmod(0o755)

    def file(self, name, text):
        path = self.dir / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    def good(self, *args, **kw):
        r = run(*args, **kw)
        self.assertEqual(r.returncode, 0, r.stderr)
        return r

    def wrong(self, message, *args, **kw):
        """Exit status 2, exactly this message, nothing on stdout."""
        r = run(*args, **kw)
        self.assertEqual((r.returncode, r.stderr, r.stdout), (2, f"flowtap: {message}\n", ""))

    def ended(self, p, status=0):
        """Waits for the end with its input still open; what it said since."""
        try:
            p.wait(30)
        except subprocess.TimeoutExpired:
            p.kill()
            self.fail(f"does not end; it said {p.stderr.read()}")
        err = p.stderr.read()
        self.assertEqual(p.returncode, status, err)
        return err

    def started(self, *args, **kw):
        p = start(*args, **kw)

        def end():
            if p.poll() is None:
                p.kill()
            p.wait()
            for f in filter(None, (p.stdin, p.stdout, p.stderr)):
                try:
                    f.close()
                except BrokenPipeError:
                    pass
        self.addCleanup(end)
        return p


def main():
    if not os.access(FLOWTAP, os.X_OK):
        print(f"skipped: there is no program at {FLOWTAP}")
        sys.exit(SKIP)
    unittest.main(verbosity=2)
