# SPDX-License-Identifier: Apache-2.0
"""What systemd is told: ready, state, the watchdog, the end. Through the sandbox: the socket is open before."""
import os
import signal
import socket
import subprocess
import time

from support import Case, main, pcap_header, pcap_records, wait_for


class Notify(Case):
    def listen(self, abstract=False):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.sock.close)
        path = f"\0flowtap-test-{os.getpid()}-{id(self)}" if abstract else str(self.dir / "notify")
        self.sock.bind(path)
        self.sock.settimeout(20)
        self.heard = []
        return path.replace("\0", "@")

    def hear(self, word, seconds=20):
        """Waits for a message with this line; all that came until then are in self.heard."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.sock.settimeout(max(0.01, end - time.monotonic()))
            try:
                self.heard.append(self.sock.recv(4096).decode().splitlines())
            except socket.timeout:
                return False
            if word in self.heard[-1]:
                return True
        return False

    def begin(self, path, *args, **env):
        return self.started(*args, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                            env={**os.environ, "NOTIFY_SOCKET": path, **env})

    def test_life(self):
        for abstract in False, True:
            p = self.begin(self.listen(abstract), "read", "-w", "2", "-o", "null:", "-", WATCHDOG_USEC="8000000")
            self.assertTrue(self.hear("READY=1"))
            self.assertEqual(len(self.heard), 1)
            p.stdin.buffer.write(pcap_header() + pcap_records(100))
            p.stdin.flush()
            self.assertTrue(self.hear("WATCHDOG=1", 8))
            self.assertIn("STATUS=100 packets, 0 dropped by the kernel, 0 at queues; 0 events dropped or lost",
                          self.heard[-1])
            p.stdin.close()
            self.assertTrue(self.hear("STOPPING=1"))
            self.ended(p)

    def test_stop(self):
        p = self.begin(self.listen(), "read", "-o", "null:", "-")
        self.assertTrue(self.hear("READY=1"))
        p.stdin.buffer.write(pcap_header())
        p.stdin.flush()
        p.send_signal(signal.SIGTERM)
        self.assertTrue(self.hear("STOPPING=1"))
        self.assertFalse([m for m in self.heard if "WATCHDOG=1" in m])
        self.ended(p)

    def test_a_worker_that_hangs(self):
        """One that waits for an output is not fed for; it is again when the output goes on."""
        fifo = self.dir / "fifo"
        os.mkfifo(fifo)
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        p = self.begin(self.listen(), "read", "-w", "1", "-e", "sample", "-o", f"ndjson:{fifo}?overflow=block&queue=1MB",
                       "-", WATCHDOG_USEC="2000000", WATCHDOG_PID="")
        self.assertTrue(self.hear("READY=1"))
        n = 20000
        data = pcap_header() + pcap_records(n)
        os.set_blocking(p.stdin.fileno(), False)
        at = 0
        still = "a worker stands still"

        def stuck():
            nonlocal at
            try:
                at += os.write(p.stdin.fileno(), data[at:at + 65536])
            except BlockingIOError:
                pass
            self.hear("", 0.1)
            return [m for m in self.heard if still in "\n".join(m)]
        self.assertTrue(wait_for(stuck))
        time.sleep(1)
        while self.hear("", 0.05):
            pass
        self.heard.clear()
        self.assertFalse(self.hear("WATCHDOG=1", 3))
        self.assertTrue([m for m in self.heard if still in "\n".join(m)])

        def goes_on():
            nonlocal at
            try:
                os.read(reader, 1 << 20)
                at += os.write(p.stdin.fileno(), data[at:at + 65536])
            except BlockingIOError:
                pass
            self.hear("", 0.01)
            return [m for m in self.heard if "WATCHDOG=1" in m]
        self.assertTrue(wait_for(goes_on))
        os.close(reader)
        p.stdin.close()
        p.wait(30)

    def test_nobody(self):
        """A socket that is not there, or no socket: nothing is told, and all goes on."""
        for path in ("/nowhere/at/all", "", "vsock:1:2", "@" + "x" * 200, "@nobody-listens"):
            p = self.begin(path, "read", "-o", "null:", "-", WATCHDOG_USEC="x")
            p.stdin.buffer.write(pcap_header())
            p.stdin.close()
            self.ended(p)


if __name__ == "__main__":
    main()
