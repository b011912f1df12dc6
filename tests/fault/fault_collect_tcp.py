# SPDX-License-Identifier: Apache-2.0
"""IPFIX over TCP beside those who send without pause, and those who connect and say nothing."""
import json
import signal
import socket
import struct
import threading
import time

from faults import Case, Heard, main, run, wait_for

TEMPLATE = struct.pack("!HHHHHHHH", 2, 16, 256, 2, 8, 4, 12, 4)
RECORD = struct.pack("!HH", 256, 12) + bytes((10, 0, 0, 1, 10, 0, 0, 2))


def message(domain, sequence, sets=b""):
    return struct.pack("!HHIII", 10, 16 + len(sets), int(time.time()), sequence, domain) + sets


class Ports:
    """Ports that nobody has at the moment."""

    def __init__(self):
        held = [socket.socket(socket.AF_INET, kind) for kind in (socket.SOCK_STREAM,
                                                                  socket.SOCK_DGRAM)]
        for s in held:
            s.bind(("127.0.0.1", 0))
        self.tcp, self.udp = (s.getsockname()[1] for s in held)
        for s in held:
            s.close()


class Collector:
    def __init__(self, case, *args, events="flow"):
        self.case = case
        self.out = case.dir / "out"
        for _ in range(5):  # another may take the port first
            self.ports = Ports()
            self.heard = Heard(case, "collect", "-w", "1", "-e", events,
                               "-l", f"ipfix+tcp://0.0.0.0:{self.ports.tcp}",
                               "-l", f"udp://127.0.0.1:{self.ports.udp}",
                               "-o", f"ndjson:{self.out}", *args)
            if wait_for(lambda: "memory" in self.heard.err or self.heard.p.poll() is not None):
                if self.heard.p.poll() is None and wait_for(self.answers, 10):
                    return
        case.fail(self.heard.err)

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.ports.tcp), 5).close()
            return True
        except OSError:
            return False

    def join(self, source="127.0.0.1"):
        s = socket.create_connection(("127.0.0.1", self.ports.tcp), 20, (source, 0))
        self.case.addCleanup(s.close)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def events(self, kind):
        lines = self.out.read_bytes().split(b"\n")[:-1] if self.out.exists() else []
        return [json.loads(line) for line in lines if kind in line]

    def records(self, domain):
        return sum(e["exporter"]["domain_id"] == domain
                   for e in self.events(b'"network_flow_record"'))

    def stop(self):
        self.heard.p.send_signal(signal.SIGTERM)
        return self.heard.ended()


def export(s, domain, n, pause=0.0):
    s.sendall(message(domain, 0, TEMPLATE), socket.MSG_NOSIGNAL)
    for i in range(n):
        s.sendall(message(domain, i, RECORD), socket.MSG_NOSIGNAL)
        time.sleep(pause)


class Busy(Case):
    """Floods that do not end: each other connection has its turn, and the end comes."""

    def flood(self, send):
        def run_flood():
            while not self.over.is_set():
                try:
                    send()
                except OSError:
                    if self.over.wait(0.001):
                        return
        t = threading.Thread(target=run_flood, daemon=True)
        t.start()
        self.floods.append(t)

    def setUp(self):
        super().setUp()
        self.over, self.floods = threading.Event(), []

        def end():
            self.over.set()
            for t in self.floods:
                t.join(30)
        self.addCleanup(end)

    def quiet_one(self, c):
        quiet = c.join()
        export(quiet, 1, 20, 0.02)
        self.assertTrue(wait_for(lambda: c.records(1) == 20), c.records(1))
        a = c.stop()  # while the floods go on
        self.assertEqual(a["records"], 20)

    def test_tcp(self):
        c = Collector(self)
        for i in range(3):
            s = c.join("127.0.0.%d" % (2 + i))
            s.settimeout(1)
            blob = message(7, 0) * 4000
            self.flood(lambda s=s, blob=blob: s.sendall(blob, socket.MSG_NOSIGNAL))
        time.sleep(0.3)
        self.quiet_one(c)

    def test_udp(self):
        c = Collector(self)
        u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(u.close)
        u.connect(("127.0.0.1", c.ports.udp))
        blob = message(9, 0)
        self.flood(lambda: [u.send(blob) for _ in range(200)])
        time.sleep(0.3)
        self.quiet_one(c)


class Idle(Case):
    """Connections that say nothing, or half a message, lock nobody out."""

    def test_silent_connections(self):
        c = Collector(self)
        silent = []
        for i in range(400):
            s = c.join("127.0.%d.1" % (1 + i % 8))
            s.sendall(b"\0\x0a", socket.MSG_NOSIGNAL)
            silent.append(s)
        for source in "127.0.0.1", "127.0.1.1":  # another, and one of those with their share
            before = c.records(1)
            export(c.join(source), 1, 5)
            self.assertTrue(wait_for(lambda: c.records(1) == before + 5), c.heard.err)
        self.assertEqual(c.heard.err.count("are taken"), 1, c.heard.err)
        a = c.stop()
        self.assertGreaterEqual(a["connections_displaced"], 400 - 256)
        self.assertLessEqual(a["connections"], 256)

    def test_timeout(self):
        c = Collector(self, "--tcp-idle-timeout", "1")
        half, busy = c.join(), c.join()
        half.sendall(message(1, 0)[:9])
        half.settimeout(0.05)
        deadline, n, closed = time.monotonic() + 30, 0, False
        busy.sendall(message(2, 0, TEMPLATE))
        while not closed and time.monotonic() < deadline:
            busy.sendall(message(2, n, RECORD))
            n += 1
            try:
                closed = half.recv(1) == b""
            except socket.timeout:
                pass
        self.assertTrue(closed)
        self.assertTrue(wait_for(lambda: c.records(2) == n))
        a = c.stop()
        self.assertEqual((a["connections_idle"], a["records"]), (1, n))
        self.assertEqual(sum(a["malformed"].values()), 1, a)

    def test_not_allowed(self):
        """Who may not speak takes no place."""
        c = Collector(self, "--allow", "127.0.0.1,10.0.0.0/8")
        refused = [c.join("127.0.0.2") for _ in range(3)]
        for s in refused:
            s.settimeout(20)
            self.assertEqual(s.recv(1), b"")
        export(c.join(), 1, 3)
        self.assertTrue(wait_for(lambda: c.records(1) == 3), c.heard.err)
        a = c.stop()
        self.assertEqual((a["connections_refused"], a["records"]), (3, 3))

    def test_range(self):
        r = run("collect", "--tcp-idle-timeout", "-1", "-o", "null:")
        self.assertEqual(r.returncode, 2)
        self.assertIn("tcp-idle-timeout", r.stderr)


class Sessions(Case):
    """What is known of an exporter ends with its connection, after one last word."""

    def test_health_ends(self):
        c = Collector(self, "--stats", "1", events="exporter,stats")
        for i in range(20):
            s = c.join()
            export(s, 1, 1)
            s.close()
        health = lambda: c.events(b'"exporter_health"')  # noqa: E731
        gone = lambda: [e["collect"]["exporters"]  # noqa: E731
                        for e in c.events(b'"pipeline_stats"')][-1:] == [0]
        self.assertTrue(wait_for(lambda: len(health()) >= 20))
        self.assertTrue(wait_for(gone))
        known = len(health())
        reports = len(c.events(b'"pipeline_stats"'))
        self.assertTrue(wait_for(lambda: len(c.events(b'"pipeline_stats"')) >= reports + 2))
        self.assertEqual(len(health()), known)  # nothing more is said
        a = c.stop()
        self.assertEqual((a["exporters"] if "exporters" in a else 0, a["records"]), (0, 20))
        self.assertEqual(len(health()), known)


if __name__ == "__main__":
    main()
