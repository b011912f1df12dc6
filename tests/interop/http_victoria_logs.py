#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real receiver, VictoriaLogs: what was sent by its own NDJSON, as Elasticsearch's _bulk, Loki's push and OTLP is there,
each event once, also when it is killed and comes back in the middle.

    http_victoria_logs.py --flowtap PROGRAM --capture FILE [--only TEXT]

tests/interop/servers/victoria_logs.sh builds it; without it the test is skipped (77).
"""
import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "http"))
import receiver  # noqa: E402: tests/http/receiver.py
import stores  # noqa: E402: what has its input from a pipe
from receiver import FLOWS  # noqa: E402
from checks import check, free_port, needs_built, wait_for  # noqa: E402: tests/support/checks.py


def program():
    cache = os.environ.get("FT_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "flowtap")
    path = os.environ.get("FT_VICTORIA_LOGS") or os.path.join(cache, "go", "bin", "victoria-logs")
    return path if os.access(path, os.X_OK) else None


class Victoria:
    def __init__(self, work):
        self.port, self.data = free_port(), work / "victoria"
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [program(), f"-storageDataPath={self.data}", f"-httpListenAddr=127.0.0.1:{self.port}",
             "-retentionPeriod=100y", "-memory.allowedBytes=500MB"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self.answers, "VictoriaLogs")

    def get(self, path, **query):
        url = f"http://127.0.0.1:{self.port}{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=60) as r:
                return r.read().decode()
        except urllib.error.HTTPError as e:
            raise OSError(f"{url}: {e.read().decode()}") from e

    def answers(self):
        try:
            return self.get("/health") == "OK"
        except OSError:
            return False

    def events(self, query):
        self.get("/internal/force_flush")
        return [json.loads(line) for line in self.get("/select/logsql/query", query=query).splitlines()]

    def stop(self, sig=signal.SIGTERM):
        self.process.send_signal(sig)
        self.process.wait()


class Tests(receiver.Tests):
    def __init__(self, *args):
        super().__init__(*args)
        self.victoria = Victoria(self.work)

    def send(self, path, *args):
        return self.run("read", self.large, "-e", "flow", "--workers", 1, "-o",
                        f"ndjson+http://127.0.0.1:{self.victoria.port}{path}", *args)

    def ports(self, events, line=None):
        """Source ports, of fields or of a line that is one field."""
        return sorted(int(e["flow_key.src_port"]) if line is None else json.loads(e[line])["flow_key"]["src_port"]
                      for e in events)

    def whole(self, p, ports, what):
        check(p.returncode == 0, what, p.stderr)
        check(ports == list(range(1024, 1024 + FLOWS)), what, len(ports), len(set(ports)))

    def test_lines(self):
        p = self.send("/insert/jsonline?_time_field=timestamp&_msg_field=event_type&_stream_fields=kind"
                      "&extra_fields=kind%3Dlines?compress=zstd")
        events = self.victoria.events('{kind="lines"}')
        self.whole(p, self.ports(events), "jsonline")
        want = {e["flow_id"]: e for e in map(json.loads, self.lines())}
        check(all(e["features.community_id"] == want[e["flow_id"]]["features"]["community_id"] for e in events), "values")
        check(events[0]["_time"].startswith("2023-11-14T22:13:"), events[0]["_time"])

    def test_elastic(self):
        p = self.send("/insert/elasticsearch/_bulk?_time_field=timestamp&_msg_field=event_type&_stream_fields=kind"
                      "&extra_fields=kind%3Delastic?preset=elastic&compress=gzip")
        self.whole(p, self.ports(self.victoria.events('{kind="elastic"}')), "_bulk")

    def test_loki(self):
        p = self.send("/insert/loki/api/v1/push?disable_message_parsing=1?preset=loki&into=edge")
        self.whole(p, self.ports(self.victoria.events('{job="edge"}'), "_msg"), "loki")

    def test_otlp(self):
        """It takes protobuf only: refused, said once, counted."""
        p = self.send("/insert/opentelemetry/v1/logs?preset=otlp")
        events = self.victoria.events('{service.name="flowtap"}') if p.returncode == 0 else None
        if events is not None:
            self.whole(p, self.ports(events, "_msg"), "otlp")
        else:
            check(self.account(p, "preset=otlp") == (FLOWS, 0, 0, FLOWS) and "answers 4" in p.stderr, p.stderr)

    def test_killed(self):
        """It is stopped and comes back in the middle: all is there; what was sent twice is twice at most in one batch."""
        run = stores.Run(self.flowtap, "-e", "sample", "-o", f"ndjson+http://127.0.0.1:{self.victoria.port}"
                         "/insert/jsonline?_time_field=timestamp&_msg_field=event_type&_stream_fields=kind"
                         "&extra_fields=kind%3Dkilled?batch=100KB&queue=64MB")
        data = self.large.read_bytes()
        run.write(data[:len(data) // 3])
        wait_for(lambda: self.victoria.events('{kind="killed"}'), "events")
        self.victoria.stop()
        run.write(data[len(data) // 3:])
        wait_for(lambda: "tried again" in run.text, "the message")
        self.victoria.start()
        check(run.end() == 0, run.text)
        ports = self.ports(self.victoria.events('{kind="killed"}'))
        check(stores.account(run.text, "killed?batch=100KB&queue=64MB", "sample") == (FLOWS, FLOWS, 0, 0), run.text)
        check(set(ports) == set(range(1024, 1024 + FLOWS)), len(set(ports)))
        check(len(ports) - len(set(ports)) <= 200, "twice", len(ports) - len(set(ports)))


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--flowtap", required=True)
    a.add_argument("--capture", required=True, type=pathlib.Path)
    a.add_argument("--only", default="")
    args = a.parse_args()
    needs_built(args.flowtap, "libcurl")
    if program() is None:
        print("skipped: VictoriaLogs is not here (tests/interop/servers/victoria_logs.sh)")
        sys.exit(77)
    t = Tests(args.flowtap, args.capture)
    try:
        t.main(args.only)
    finally:
        t.victoria.stop()


if __name__ == "__main__":
    main()
