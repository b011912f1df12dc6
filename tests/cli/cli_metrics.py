# SPDX-License-Identifier: Apache-2.0
"""--metrics: the account over HTTP, and what clients that are slow or hostile cost."""
import http.client
import os
import random
import re
import signal
import socket
import subprocess
import time
import unittest

from support import FLOWTAP, SAMPLE, Case, free_port, main, pcap_header, pcap_records, run, wait_for

FEATURES = run("--version").stdout if os.access(FLOWTAP, os.X_OK) else ""


class Served(Case):
    def serve(self, *args, stdin=subprocess.PIPE):
        """A program that serves, and its port."""
        p = self.started(*args, "--metrics", ":0", stdin=stdin, stdout=subprocess.DEVNULL,
                         stderr=subprocess.PIPE)
        line = p.stderr.readline()
        while "metrics: " not in line and line:
            line = p.stderr.readline()
        m = re.search(r"http://127\.0\.0\.1:(\d+)/metrics$", line)
        self.assertTrue(m, line)
        self.port = int(m[1])
        return p

    def get(self, path, method="GET", **headers):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        c.request(method, path, headers=headers)
        r = c.getresponse()
        body = r.read().decode()
        c.close()
        return r, body

    def healthy(self):
        try:
            return self.get("/healthz")[1] == "ok\n"
        except (OSError, http.client.HTTPException):
            return False  # it had to make room

    def values(self):
        """{series: value} of the page."""
        r, body = self.get("/metrics")
        self.assertEqual(r.status, 200)
        rows = [line.rsplit(" ", 1) for line in body.splitlines() if line[:1] != "#"]
        self.assertEqual(len(rows), len(dict(rows)), "a series stands there twice")
        return {k: float(v) for k, v in rows}

    def feed(self, p, n, first=0):
        p.stdin.buffer.write((pcap_header() if first == 0 else b"") + pcap_records(n, first))
        p.stdin.flush()

    def end(self, p):
        p.stdin.close()
        return self.ended(p)


@unittest.skipUnless("libmicrohttpd" in FEATURES, "built without libmicrohttpd")
class Metrics(Served):
    def test_account(self):
        """What is served is the account; a second scrape shows what has come since."""
        out = self.dir / 'a "b"\\c\n'
        p = self.serve("read", "-w", "2", "-e", "sample,flow", "-o", f"ndjson:{out}", "-o", "null:",
                       "-o", "null:", "-")
        self.feed(p, 1000)
        label = 'index="0",output="ndjson:' + str(out).replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'
        written = f'flowtap_output_events_written_total{{{label},event="sample"}}'
        self.assertTrue(wait_for(lambda: self.values()[written] == 1000))
        v = self.values()
        self.assertEqual(v["flowtap_packets_received_total"], 1000)
        self.assertEqual(v['flowtap_packets_verdict_total{class="decoded",verdict="decoded"}'], 1000)
        self.assertEqual(v["flowtap_flows_created_total"], 1000)
        self.assertEqual(v["flowtap_flows_active"], 1000)
        self.assertEqual(v["flowtap_workers"], 2)
        self.assertEqual(v[f'flowtap_output_failed{{{label}}}'], 0)
        self.assertEqual(v['flowtap_output_events_made_total{index="1",output="null:",event="sample"}'], 1000)
        self.assertEqual(v['flowtap_output_events_made_total{index="2",output="null:",event="sample"}'], 1000)
        self.assertNotIn("flowtap_packets_kernel_dropped_total", v)  # a file does not know
        turns = v['flowtap_worker_turns_total{worker="0"}']
        self.feed(p, 500, first=1000)
        self.assertTrue(wait_for(lambda: self.values()["flowtap_packets_received_total"] == 1500))
        self.assertGreater(self.values()['flowtap_worker_turns_total{worker="0"}'], turns)
        err = self.end(p)
        self.assertRegex(err, r"packets received +1500")

    def test_names(self):
        """Prometheus' conventions, in both forms."""
        p = self.serve("read", "-")
        self.feed(p, 10)
        for accept, om in (None, False), ("text/plain", False), ("*/*", False), ("application/openmetrics-text", True), \
                ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
                 "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", True), \
                ("application/openmetrics-text; version=1.0.0; q=0.1, text/plain; q=0.5", False), \
                ("application/openmetrics-text; version=2.0.0", False), ("application/openmetrics-text;q=0", False):
            r, body = self.get("/metrics", **({"Accept": accept} if accept else {}))
            self.assertEqual(r.headers["Content-Type"],
                             "application/openmetrics-text; version=1.0.0; charset=utf-8" if om else
                             "text/plain; version=0.0.4; charset=utf-8", accept)
            self.assertEqual(body.endswith("# EOF\n"), om)
            types = dict(re.findall(r"^# TYPE (\w+) (\w+)$", body, re.M))
            self.assertGreater(len(types), 40)
            for name, kind in types.items():
                self.assertRegex(name, r"^(flowtap|process)_[a-z_]+$")
                self.assertEqual(name.endswith("_total"), kind == "counter" and not om, name)
            for name in re.findall(r"^(\w+)", "\n".join(x for x in body.splitlines() if x[0] != "#"), re.M):
                family = name.removesuffix("_total") if om else name
                self.assertIn(family, types)
        self.end(p)

    def test_health(self):
        p = self.serve("read", "-o", "null:", "-")
        self.feed(p, 10)
        for path, status, text in ("/healthz", 200, "ok\n"), ("/readyz", 200, "ready\n"), \
                ("/", 404, "there are /metrics, /healthz and /readyz\n"), ("/metrics/x", 404, None):
            r, body = self.get(path)
            self.assertEqual((r.status, body if text else None), (status, text), path)
        for method in "POST", "DELETE", "OPTIONS":
            r, body = self.get("/metrics", method)
            self.assertEqual((r.status, r.headers["Allow"]), (405, "GET, HEAD"))
        r, body = self.get("/metrics", "HEAD")
        self.assertEqual((r.status, body), (200, ""))
        self.assertGreater(int(r.headers["Content-Length"]), 1000)
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        for _ in range(3):  # one connection
            c.request("GET", "/healthz")
            sock = c.sock
            self.assertEqual(c.getresponse().read(), b"ok\n")
            self.assertIs(c.sock, sock)
        c.close()
        self.end(p)

    def test_not_ready(self):
        """An output that takes nothing is named, once that has gone on for 30 s; its lag shows at once."""
        fifo = self.dir / "fifo"
        os.mkfifo(fifo)
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        p = self.serve("read", "-w", "1", "-e", "sample", "--overflow", "drop", "--drain-timeout", "0",
                       "-o", f"ndjson:{fifo}?queue=1MB&overflow=drop", "-o", "null:", "-")
        for n in range(0, 100000, 20000):  # one lot could be dropped while the pipe has room
            self.feed(p, 20000, n)
            time.sleep(0.2)
        lag = f'flowtap_output_lag_seconds{{index="0",output="ndjson:{fifo}?queue=1MB&overflow=drop"}}'
        self.assertTrue(wait_for(lambda: self.values()[lag] > 1))
        v = self.values()
        self.assertGreater(v[lag.replace("lag_seconds", "queue_chunks")], 0)
        self.assertEqual(v['flowtap_output_lag_seconds{index="1",output="null:"}'], 0)
        self.assertEqual(self.get("/readyz")[0].status, 200)
        self.assertTrue(wait_for(lambda: self.get("/readyz")[0].status == 503, 40))
        self.assertRegex(self.get("/readyz")[1], r"^ndjson:.*fifo.* takes nothing for 3\d s\n$")
        p.stdin.close()
        p.wait(30)

    def test_hostile(self):
        """Garbage, a thousand that say nothing and some that say little: others are served, nothing is lost, and
        the program ends as ever."""
        p = self.serve("read", "-w", "1", "-o", "null:", "-")
        self.feed(p, 1000)
        held = []
        for i in range(1000):
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex(("127.0.0.1", self.port))
            held.append(s)
            if i % 100 == 99:
                self.assertTrue(wait_for(self.healthy))
        dice = random.Random(7)
        for i in range(200):
            with socket.create_connection(("127.0.0.1", self.port), 20) as s:
                what = dice.choice((
                    dice.randbytes(dice.randrange(1, 4000)), b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 3000,
                    b"GET " + b"/" * 70000, b"GET /metrics HTTP/9.9\r\n\r\n", b"\r\n" * 500, b"\0" * 1000,
                    b"POST /metrics HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\nx",
                    b"POST /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
                    b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 20))
                try:
                    s.sendall(what)
                    if dice.random() < 0.5:
                        s.shutdown(socket.SHUT_WR)
                except OSError:
                    pass  # it was closed
        self.assertEqual(self.values()["flowtap_packets_received_total"], 1000)
        self.feed(p, 1000, first=1000)
        self.assertTrue(wait_for(lambda: self.values()["flowtap_packets_received_total"] == 2000))
        fds = len(os.listdir(f"/proc/{p.pid}/fd"))
        self.assertLess(fds, 100)
        err = self.end(p)
        self.assertRegex(err, r"packets received +2000")
        for s in held:
            s.close()

    def test_slow_reader_is_closed(self):
        """Who sends a byte now and then is closed, too."""
        p = self.serve("read", "-")
        self.feed(p, 10)
        s = socket.create_connection(("127.0.0.1", self.port), 20)
        s.settimeout(0.5)
        begun = time.monotonic()
        closed = False
        while not closed and time.monotonic() - begun < 30:
            try:
                s.sendall(b"G")
                closed = s.recv(10) == b""
            except socket.timeout:
                pass
            except OSError:
                closed = True
        self.assertTrue(closed)
        self.assertGreater(time.monotonic() - begun, 8)
        s.close()
        self.end(p)

    def test_collect(self):
        port = free_port(socket.SOCK_DGRAM)
        p = self.serve("collect", "-l", f"netflow://127.0.0.1:{port}", "-o", "null:", "-w", "1")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            for _ in range(5):
                s.sendto(b"\0\7garbage", ("127.0.0.1", port))
        self.assertTrue(wait_for(lambda: self.values()["flowtap_packets_received_total"] == 5))
        v = self.values()
        self.assertEqual(v["flowtap_collect_exporters"], 0)
        self.assertEqual(v["flowtap_packets_kernel_dropped_total"], 0)
        self.assertNotIn("flowtap_flows_created_total", v)
        p.send_signal(signal.SIGTERM)
        self.ended(p)

    def test_in_the_way(self):
        """A port that is taken: said, nothing begun."""
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            s.listen()
            port = s.getsockname()[1]
            r = run("read", "-o", f"ndjson:{self.dir}/x", "--metrics", f":{port}", SAMPLE)
        self.assertEqual(r.returncode, 1)
        self.assertIn(f"--metrics :{port}: Address already in use", r.stderr)


class Words(Case):
    def test_address(self):
        for bad in "9090x", "host:1", "1.2.3:1", "::1:9090", "[::1]", ":65536", "127.0.0.1:", "[1.2.3.4]:1", "a" * 100:
            r = run("read", "--metrics", bad, SAMPLE)
            self.assertEqual(r.returncode, 2, bad)
            self.assertIn("allowed is ADDR:PORT with a numeric address, or :PORT for 127.0.0.1", r.stderr)

    @unittest.skipIf("libmicrohttpd" in FEATURES, "built with libmicrohttpd")
    def test_without(self):
        r = run("read", "--metrics", ":0", SAMPLE)
        self.assertEqual(r.returncode, 1)
        self.assertIn("this build lacks libmicrohttpd", r.stderr)


if __name__ == "__main__":
    main()
