# SPDX-License-Identifier: Apache-2.0
"""Too few file descriptors, at every stage of the start: what is said names that and nothing else, it ends by
itself, and with enough of them everything is as ever."""
import gzip
import pathlib
import resource
import signal
import socket
import subprocess

from faults import SAMPLE, Case, free_port, main
from support import FLOWTAP

ENOUGH = 40
REASON = ("Too many open files", "file descriptor")


class Descriptors(Case):
    def limited(self, n, *args):
        def limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (n, n))
        return subprocess.Popen([FLOWTAP, *args], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE, text=True, preexec_fn=limit)

    def check(self, *args, endless=False):
        first = next(n for n in range(3, ENOUGH) if self.ended(n, "--version")[0] == 0)
        failed = 0
        for n in range(first, ENOUGH):
            status, err = self.ended(n, *args, endless=endless)
            if "CAP_NET_RAW" in err:
                self.skipTest("no right to capture")
            self.assertIn(status, (0, 1), (n, err))
            for wrong in ("Success", "Inappropriate", "is gone", "Bad file descriptor"):
                self.assertNotIn(wrong, err, (n, args))
            if status == 1:
                self.assertTrue(any(r in err for r in REASON), (n, err))
                self.assertEqual(sum("error: " in line for line in err.splitlines()), 1, (n, err))
            failed += status
        self.assertGreater(failed, 0)
        self.assertEqual(status, 0, "so many are not enough")

    def ended(self, n, *args, endless=False):
        p = self.limited(n, *args)
        with p.stderr:
            said = ""
            if endless:
                for line in p.stderr:
                    said += line
                    if "memory budget" in line:
                        p.send_signal(signal.SIGTERM)
                        break
            try:
                p.wait(20)
            except subprocess.TimeoutExpired:
                p.kill()
                self.fail(f"hangs with {n} descriptors: {args}")
            return p.returncode, said + p.stderr.read()

    def test_read(self):
        packed = self.file("in.pcap.gz", gzip.compress(pathlib.Path(SAMPLE).read_bytes()))
        self.check("read", "-w1", "-o", f"ndjson:{self.dir}/a?rotate=1h", SAMPLE)
        self.check("read", "-w3", "-o", f"csv:{self.dir}/b?compress=gzip", "-o", f"ndjson:{self.dir}/c",
                   SAMPLE, packed)
        self.check("read", "-f", "udp", "--anonymize", self.file("key", "k" * 32), "-o", "null:", packed)
        self.check("read", "-c", self.file("x.yaml", "events: flow\noutput: 'null:'\n"), SAMPLE)

    def test_collect(self):
        self.check("collect", "-l", f"pcap:{SAMPLE}", "--state", f"{self.dir}/state", "-o", "null:")
        self.check("collect", "-l", f"netflow://127.0.0.1:{free_port(socket.SOCK_DGRAM)}", "-l",
                   f"ipfix+tcp://127.0.0.1:{free_port(socket.SOCK_STREAM)}", "-w2", "--state",
                   f"{self.dir}/state2", "-o", f"ndjson:{self.dir}/d", endless=True)

    def test_live(self):
        for name in "lo", "any":
            self.check("live", "-i", name, "-w2", "-f", "udp port 9", "-o", "null:", endless=True)

    def test_files_beyond_the_limit(self):
        """More files than descriptors: none is silently left out."""
        files = [SAMPLE] * 60
        status, err = self.ended(50, "read", "-o", "null:", *files)
        self.assertEqual(status, 1)
        self.assertIn(f"{SAMPLE}: Too many open files", err)
        self.assertNotIn("left out", err)


if __name__ == "__main__":
    main()
