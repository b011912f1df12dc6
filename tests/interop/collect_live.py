# SPDX-License-Identifier: Apache-2.0
"""Running `flowtap collect` and exporters over loopback: ports, waiting with deadlines, senders."""
import os
import signal
import socket
import subprocess
import tempfile
import time

import collect_support as support

DEADLINE = 20  # seconds that any wait may take


def free_port(kind=socket.SOCK_DGRAM):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(what, condition, seconds=DEADLINE):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("waited %d s for %s" % (seconds, what))
        time.sleep(0.01)


def socket_lines(table, port):
    with open("/proc/net/" + table, encoding="ascii") as f:
        lines = [x.split() for x in f.readlines()[1:]]
    return [x for x in lines if x[1].endswith(":%04X" % port) and x[3] in ("07", "0A")]


class Process:
    """A program that runs beside the test and is ended by its own handle."""

    def __init__(self, cmd):
        self.out, self.err = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        self.p = subprocess.Popen(cmd, stdout=self.out, stderr=self.err, stdin=subprocess.DEVNULL)

    def listening(self, table, port, n=1):
        """Waits until it listens, n times over."""
        def ready():
            if self.p.poll() is not None:
                raise RuntimeError("it ended: %s" % self.text(self.err)[-300:])
            return len(socket_lines(table, port)) >= n
        wait_for("port %d" % port, ready)
        return self

    @staticmethod
    def text(f):
        f.seek(0)
        return f.read().decode(errors="replace")

    def end(self, sig=signal.SIGTERM):
        """(exit status, stdout, stderr)"""
        if self.p.poll() is None:
            self.p.send_signal(sig)
        try:
            rc = self.p.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            self.p.kill()
            rc = self.p.wait()
        found = rc, self.text(self.out), self.text(self.err)
        self.out.close()
        self.err.close()
        return found

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.p.poll() is None:
            self.p.kill()
            self.p.wait()


class Collector(Process):
    """flowtap, listening on one loopback port."""

    def __init__(self, program, *options, scheme="udp", workers=1):
        self.tcp = scheme.endswith("tcp")
        self.port = free_port(socket.SOCK_STREAM if self.tcp else socket.SOCK_DGRAM)
        root = ["--user", "root"] if os.geteuid() == 0 else []
        super().__init__(support.command(
            program, ["%s://127.0.0.1:%d" % (scheme, self.port)], "-w", str(workers),
            "--stats", "0", *root, *options))
        self.listening("tcp" if self.tcp else "udp", self.port)

    def drained(self):
        """Waits until the kernel holds no datagram for it."""
        wait_for("an empty queue", lambda: all(x[4].endswith(":00000000")
                                               for x in socket_lines("udp", self.port)))
        time.sleep(0.3)

    def run(self):
        if not self.tcp:
            self.drained()
        return support.Run(*self.end())


def send(datagrams, port):
    """Sends (address, source port, payload) from loopback addresses, no faster than is taken."""
    senders = {}
    try:
        for address, sport, payload in datagrams:
            key = address, sport
            if key not in senders:
                s = senders[key] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                s.bind((address, sport))
                s.connect(("127.0.0.1", port))
            senders[key].send(payload)
            time.sleep(0.0003)
    finally:
        for s in senders.values():
            s.close()


def record_exporter(cmd_for, ready=None):
    """Runs an exporter that sends to a port of ours: its datagrams. cmd_for(port) -> command."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        s.settimeout(0.2)
        found = []
        with Process(cmd_for(s.getsockname()[1])) as p:
            end, quiet = time.monotonic() + DEADLINE, 0
            while time.monotonic() < end and quiet < 3:
                try:
                    found.append(s.recv(65535))
                except socket.timeout:
                    quiet += p.p.poll() is not None
            return found, Process.text(p.err)


def replay(program, datagrams, scratch, *options):
    path = os.path.join(scratch, "replay.pcap")
    support.write_pcap(path, [support.udp(payload, i, address, sport)
                              for i, (address, sport, payload) in enumerate(datagrams)])
    return support.collect(program, path, *options)


def live(program, datagrams, workers=1):
    with Collector(program, workers=workers) as c:
        send(datagrams, c.port)
        return c.run()
