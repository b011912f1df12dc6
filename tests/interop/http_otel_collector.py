#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real OpenTelemetry collector: what its file exporter has written is what a file of the same run holds, line by line,
also through TLS, when it asks for a certificate, when something before it answers 429 and 503, and when it goes and comes.

    http_otel_collector.py --flowtap PROGRAM --capture FILE [--only TEXT]

tests/interop/servers/otel_collector.sh builds it; without it the test is skipped (77).
"""
import argparse
import collections
import http.server
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "http"))
import receiver  # noqa: E402: tests/http/receiver.py
import stores  # noqa: E402: what has its input from a pipe
from receiver import FLOWS  # noqa: E402
from checks import check, free_port, needs_built, wait_for  # noqa: E402: tests/support/checks.py


def program():
    cache = os.environ.get("FT_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "flowtap")
    path = os.environ.get("FT_OTEL_COLLECTOR") or os.path.join(cache, "go", "bin", "flowtap-otelcol")
    return path if os.access(path, os.X_OK) else None


class Collector:
    """with Collector(folder) as c: ...; start() and stop() may be called again, what it has written stays."""

    def __init__(self, folder, tls=None):
        folder.mkdir()
        self.port, self.out, self.log, self.config = free_port(), folder / "out.json", folder / "log", folder / "config.json"
        protocol = {"endpoint": f"127.0.0.1:{self.port}"}
        if tls is not None:
            protocol["tls"] = {"cert_file": str(tls.cert), "key_file": str(tls.key)}
            if tls.asks:
                protocol["tls"]["client_ca_file"] = str(tls.ca)
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{self.port}"
        self.config.write_text(json.dumps({
            "receivers": {"otlp": {"protocols": {"http": protocol}}},
            "exporters": {"file": {"path": str(self.out), "append": True}},
            "service": {"telemetry": {"metrics": {"level": "none"}},
                        "pipelines": {"logs": {"receivers": ["otlp"], "exporters": ["file"]}}}}))

    def start(self):
        self.process = subprocess.Popen([program(), "--config", self.config], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=open(self.log, "ab"))
        wait_for(self.answers, "the collector", 30)

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
            return True
        except OSError:
            return False

    def stop(self, sig=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(sig)
        self.process.wait()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def records(self):
        """(service, record) of all that it has been given; it has written everything when it has ended."""
        found = []
        for line in self.out.read_text().splitlines() if self.out.exists() else ():
            for resource in json.loads(line)["resourceLogs"]:
                service = {a["key"]: a["value"]["stringValue"] for a in resource["resource"]["attributes"]}
                for scope in resource["scopeLogs"]:
                    check(scope["scope"]["name"] == "flowtap", scope["scope"])
                    found += [(service["service.name"], r) for r in scope["logRecords"]]
        return found


class Before(http.server.BaseHTTPRequestHandler):
    """Answers each batch with 429 and 503 first."""
    seen = collections.Counter()
    to = None

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen[body] += 1
        if self.seen[body] < 3:
            self.send_response(429 if self.seen[body] == 1 else 503)
            self.send_header("Retry-After", "0")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        request = urllib.request.Request(self.to + self.path, body, {"Content-Type": self.headers["Content-Type"]})
        try:
            with urllib.request.urlopen(request, timeout=60) as r:
                status, answer = r.status, r.read()
        except urllib.error.HTTPError as e:
            status, answer = e.code, e.read()
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


class Tests(receiver.Tests):
    def collector(self, name, tls=None):
        return Collector(self.work / name, tls)

    def send(self, url, params="", capture=None, events="flow"):
        return self.run("read", capture or self.large, "-e", events, "--workers", 1, "-o",
                        f"ndjson+{url}?preset=otlp{params}")

    def whole(self, p, records, want, what, service="flowtap"):
        """Every line, once, with its time."""
        check(p.returncode == 0, what, p.stderr)
        check([r["body"]["stringValue"].encode() for _, r in records] == want, what, len(records), "records of", len(want))
        check({s for s, _ in records} == {service}, what, {s for s, _ in records})
        for _, r in records:
            seconds, us = re.search(r'"timestamp":(\d+)\.(\d{6})', r["body"]["stringValue"]).groups()
            check(r["timeUnixNano"] == f"{seconds}{us}000", what, r["timeUnixNano"], seconds, us)
            check(int(r["observedTimeUnixNano"]) > int(r["timeUnixNano"]) > 10**18 and r["severityNumber"] == 9, what, r)

    def test_rows(self):
        """All of a capture's events, and those of many flows, packed or not."""
        for i, (params, capture, events) in enumerate((("", self.capture, "flow,sample"), ("&compress=gzip", None, "flow"),
                                                       ("&compress=zstd&into=edge&batch=100KB", None, "sample"))):
            with self.collector(f"rows{i}") as c:
                p = self.send(c.url, params, capture, events)
            want = self.lines("-e", events, capture=capture)
            self.whole(p, c.records(), want, params or "plain", "edge" if "into" in params else "flowtap")

    def test_busy(self):
        """429 and 503 before each batch: each event arrives, once."""
        with self.collector("busy") as c:
            server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Before)
            Before.to = c.url
            threading.Thread(target=server.serve_forever, daemon=True).start()
            p = self.send(f"http://127.0.0.1:{server.server_port}", "&batch=4MB")
            server.shutdown()
        self.whole(p, c.records(), self.lines(), "busy")
        check(p.stderr.count("tried again") >= 1 and set(Before.seen.values()) == {3}, p.stderr, Before.seen.values())

    def test_tls(self):
        """The certificate has to fit; who is asked for one, has to have it."""
        if not stores.certificates.available():
            print("     skipped: there is no openssl")
            return
        certs = stores.certificates.Certs(self.work / "certs")
        ca, cert, retry = f"&ca={certs['ca.pem']}", f"&cert={certs['client.both']}", "&retry=1s&overflow=drop"
        for name, tls, rows in (
                ("good", stores.Tls(certs), ((ca, None), ("&verify=false", None), ("", "ca="),
                                             (f"&ca={certs['other.pem']}", "ca="))),
                ("elsewhere", stores.Tls(certs, "elsewhere"), ((ca, "name the host as its certificate does|see ca="),)),
                ("expired", stores.Tls(certs, "expired"), ((ca, "is to be renewed, or a clock is wrong|see ca="),)),
                ("asks", stores.Tls(certs, asks=True), ((ca + cert, None), (ca, "see cert= and key=")))):
            there = 0
            with self.collector(name, tls) as c:
                for params, says in rows:
                    p = self.send(c.url, params + (retry if says else ""), self.capture)
                    made, written, _, lost = self.account(p, "preset=otlp")
                    check((written, lost) == ((0, made) if says else (made, 0)) and made == 15, name, params, p.stderr)
                    check(p.returncode == (1 if says else 0), name, params, p.returncode, p.stderr)
                    told = [x for x in p.stderr.splitlines() if "tried again" in x]
                    check(not says or (len(told) == 1 and any(s in told[0] for s in says.split("|"))), name, params, p.stderr)
                    there += written
            check(len(c.records()) == there, name, len(c.records()), there)

    def test_restarted(self):
        """It is stopped and comes back in the middle: all is there; what was sent twice is at most one batch."""
        with self.collector("restarted") as c:
            run = stores.Run(self.flowtap, "-e", "sample", "-o",
                             f"ndjson+{c.url}?preset=otlp&batch=100KB&queue=64MB")
            data = self.large.read_bytes()
            run.write(data[:len(data) // 3])
            wait_for(lambda: c.out.exists() and c.out.stat().st_size, "events")
            c.stop()
            run.write(data[len(data) // 3:])
            wait_for(lambda: "tried again" in run.text, "the message")
            c.start()
            check(run.end() == 0, run.text)
        got = collections.Counter(r["body"]["stringValue"] for _, r in c.records())
        want = {line.decode() for line in self.lines("-e", "sample")}
        check(set(got) == want and len(want) == FLOWS, len(got), len(want))
        check(sum(got.values()) - len(got) <= 200, "twice", sum(got.values()) - len(got))


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--flowtap", required=True)
    a.add_argument("--capture", required=True, type=pathlib.Path)
    a.add_argument("--only", default="")
    args = a.parse_args()
    needs_built(args.flowtap, "libcurl")
    if program() is None:
        print("skipped: the OpenTelemetry collector is not here (tests/interop/servers/otel_collector.sh)")
        sys.exit(77)
    Tests(args.flowtap, args.capture).main(args.only)


if __name__ == "__main__":
    main()
