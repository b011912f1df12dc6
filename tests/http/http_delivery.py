#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Outputs by HTTP: what arrives is what a file of the same run holds, each event arrived or lost once, whatever the
receiver does.

    http_delivery.py --flowtap PROGRAM --capture FILE [--only TEXT]
"""
import argparse
import base64
import json
import pathlib
import random
import signal
import socket
import subprocess
import sys
import time

import receiver
from receiver import FLOWS, Receiver, make_tls

from checks import check, free_port, needs_built, wait_for  # tests/support/checks.py

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import readers  # noqa: E402: tests/readers.py

OK = 200, b"{}", {}


class Delivery(receiver.Tests):
    def url(self, r, form="ndjson", path="/in", more="linger=1s", scheme="http"):
        return f"{form}+{scheme}://127.0.0.1:{r.port if isinstance(r, Receiver) else r}{path}?{more}"

    def send(self, url, *args, capture=None, **more):
        return self.run("read", capture or self.large, "-e", "flow", "--workers", 1, "-o", url, *args, **more)

    def ports(self, requests):
        return [json.loads(line)["flow_key"]["src_port"] for r in requests for line in r.body.splitlines()]

    def test_lines(self):
        """The lines of a file, in batches of whole lines, numbered, with their type and number."""
        want = {c: self.lines(capture=c) for c in (self.capture, self.large)}
        for more in "batch=200KB", "batch=1KB", "linger=1s", "batch=100KB&compress=gzip", "compress=zstd:3":
            r, capture = Receiver(), self.capture if more == "batch=1KB" else self.large
            p = self.send(self.url(r, more=more), capture=capture)
            r.close()
            check(p.returncode == 0, p.stderr)
            check(b"".join(q.body for q in r.taken).splitlines() == want[capture], "other lines", more)
            check([q.id[1] for q in r.taken] == list(range(len(r.taken))), [q.id for q in r.taken][:9])
            check(len({q.id[0] for q in r.taken}) == 1 and len(r.taken[0].id[0]) == 16, r.taken[0].id)
            for q in r.taken:
                check(q.method == "POST" and q.path == "/in", q.path)
                check(q.headers["Content-Type"] == "application/x-ndjson", q.headers)
                check(q.body.endswith(b"\n") and q.events == q.body.count(b"\n"), q.events)
                check("200KB" not in more or len(q.body) <= 200000, len(q.body))
                check("1KB" not in more.split("=") or len(q.body) < 2000, len(q.body))
            check(self.account(p, "+http")[1] == len(want[capture]), p.stderr)

    def test_csv(self):
        """Each batch is a table with its header."""
        r = Receiver()
        p = self.send(self.url(r, "csv", more="batch=300KB"))
        r.close()
        check(p.returncode == 0 and len(r.taken) > 5, p.stderr)
        heads = {q.body.split(b"\n")[0] for q in r.taken}
        check(len(heads) == 1 and b"src_port" in heads.pop(), "headers")
        check(sum(q.body.count(b"\n") - 1 for q in r.taken) == FLOWS, "rows")
        check({q.headers["Content-Type"] for q in r.taken} == {"text/csv"}, "type")

    def test_tables(self):
        """Arrow and Parquet: each batch is whole."""
        try:
            import pyarrow as pa
            import pyarrow.parquet as pq
        except ImportError:
            print("pyarrow is not here: skipped")
            return
        for form, kind in ("arrow", "application/vnd.apache.arrow.stream"), ("parquet", "application/vnd.apache.parquet"):
            r = Receiver()
            p = self.send(self.url(r, form, more="batch=1MB"))
            r.close()
            check(p.returncode == 0 and len(r.taken) > 2, form, len(r.taken), p.stderr)
            ports = []
            for q in r.taken:
                check(q.headers["Content-Type"] == kind, q.headers["Content-Type"])
                data = pa.BufferReader(q.body)
                table = pq.read_table(data) if form == "parquet" else pa.ipc.open_stream(data).read_all()
                table.validate(full=True)
                check(q.body.endswith(b"PAR1" if form == "parquet" else b"\xff\xff\xff\xff\0\0\0\0"), "its end")
                check(table.num_rows == q.events, table.num_rows, q.events)
                ports += table["src_port"].to_pylist()
            check(sorted(ports) == list(range(1024, 1024 + FLOWS)), form, len(ports))

    def test_packets(self):
        """pcap: each batch is a capture."""
        r = Receiver()
        p = self.run("read", self.large, "-o", self.url(r, "pcap", more="batch=300KB"))
        r.close()
        check(p.returncode == 0 and len(r.taken) > 3, p.stderr)
        check({q.body[:4] for q in r.taken} == {b"\x4d\x3c\xb2\xa1"}, {q.body[:4] for q in r.taken})
        check(sum((len(q.body) - 24) // (16 + 106) for q in r.taken) == FLOWS, [len(q.body) for q in r.taken])

    def test_bad_receiver(self):
        """429, 500, cuts before and after a batch was taken, no connection: each event arrives once."""
        chance = random.Random(7)

        def answer(q):
            n = chance.random()
            if n < 0.08:
                return 429, b"slow down", {"Retry-After": "0"}
            if n < 0.16:
                return chance.choice((500, 502, 503)), b"oops", {}
            if n < 0.24:
                return ("cut",)
            if n < 0.32:
                return ("reset",)
            if n < 0.40:
                return "cut", "taken"
            return OK

        r = Receiver(answer)
        p = self.send(self.url(r, more="batch=500KB"), timeout=300)
        r.close()
        check(p.returncode == 0, p.stderr)
        ports = self.ports(r.taken)
        check(sorted(ports) == list(range(1024, 1024 + FLOWS)), len(ports), len(set(ports)))
        check(r.again > 0 and len(r.requests) > len(r.taken) + 5, r.again, len(r.requests))
        check(self.account(p, "+http") == (FLOWS, FLOWS, 0, 0), p.stderr)
        check(p.stderr.count("tried again") == p.stderr.count("works again"), p.stderr)

    def test_retry_after(self):
        """A receiver is not asked again before the time that it names."""
        times = []

        def answer(q):
            times.append(time.monotonic())
            return (429, b"", {"Retry-After": "2"}) if len(times) == 1 else OK

        r = Receiver(answer)
        p = self.send(self.url(r), capture=self.capture)
        r.close()
        check(p.returncode == 0 and len(times) == 2 and times[1] - times[0] >= 2, times, p.stderr)

    def test_refused(self):
        """What is refused is lost, exactly that, and said with what to do."""
        def answer(q):
            return (400, b"bad", {}) if q.id[1] % 3 == 1 else OK

        r = Receiver(answer)
        p = self.send(self.url(r, more="batch=500KB"))
        r.close()
        lost = sum(q.events for q in r.requests if q.id[1] % 3 == 1)
        check(p.returncode == 1 and lost > 0, p.stderr)
        check(self.account(p, "+http") == (FLOWS, FLOWS - lost, 0, lost), lost, p.stderr)
        check(len(self.ports(r.taken)) == FLOWS - lost, "taken")

    def test_wrong_token(self):
        for status, text in (401, "check token="), (404, "check the path"), (413, "set batch="), (302, "somewhere else"):
            r = Receiver(lambda q, status=status: (status, b"no", {"Location": "http://127.0.0.1:1/"}))
            begin = time.monotonic()
            p = self.send(self.url(r))
            r.close()
            check(p.returncode == 1 and p.stderr.count(text) == 1, status, p.stderr)
            check(self.account(p, "+http") == (FLOWS, 0, 0, FLOWS), p.stderr)
            check(time.monotonic() - begin < 20 and (status == 413 or len(r.requests) < 5), len(r.requests))

    def test_late(self):
        """The receiver comes after the start."""
        port = free_port()
        p = self.start("read", self.large, "-e", "flow", "--workers", 1, "-o", self.url(port))
        said = self.says(p, "tried again")
        r = Receiver(port=port)
        p = self.rest(p, said)
        r.close()
        check(p.returncode == 0 and self.account(p, "+http") == (FLOWS, FLOWS, 0, 0), p.stderr)
        check(p.stderr.count("tried again") == 1 and p.stderr.count("works again") == 1, p.stderr)
        check(len(self.ports(r.taken)) == FLOWS, "taken")

    def test_dead(self):
        """Nobody is there: the others go on, the run ends, all is counted."""
        begin = time.monotonic()
        p = self.send(self.url(free_port(), more="retry=2s"), "-o", f"ndjson:{self.work}/beside.ndjson")
        check(p.returncode == 1, p.stderr)
        check(self.account(p, "+http") == (FLOWS, 0, 0, FLOWS), p.stderr)
        check(self.account(p, "beside") == (FLOWS, FLOWS, 0, 0), p.stderr)
        p = self.send(self.url(free_port(), more="overflow=drop&queue=512KB"), "--drain-timeout", 1,
                      "-o", f"ndjson:{self.work}/beside.ndjson")
        made, written, dropped, lost = self.account(p, "+http")
        check(made == FLOWS and written == 0 and dropped > 0 and lost > 0, made, written, dropped, lost)
        check(self.account(p, "beside") == (FLOWS, FLOWS, 0, 0), p.stderr)
        check(time.monotonic() - begin < 30, time.monotonic() - begin)

    def test_spool(self):
        """A receiver that is away, a wrong token, answers that do not come: what is in the spool arrives with the next
        run, by the same number when it is sent again."""
        port, folder = free_port(), self.work / "spool"
        more = f"overflow=spool&spool={folder}"
        p = self.send(self.url(port, more=more), "--drain-timeout", 1)
        check(f"{FLOWS} spooled" in p.stderr, p.stderr)
        chance = random.Random(3)
        r = Receiver(lambda q: chance.choice((("cut", "taken"), (503, b"", {}), (401, b"", {}), *[OK] * 20)), port=port)
        p = self.send(self.url(port, more=more), timeout=300)
        r.close()
        ports = self.ports(r.taken)
        check(p.returncode == 0 and sorted(ports) == sorted(2 * list(range(1024, 1024 + FLOWS))), len(ports), p.stderr)
        check(r.again > 0 and len({q.id[0] for q in r.taken}) == 1, r.again, {q.id[0] for q in r.taken})

    def test_silent(self):
        """A receiver that takes connections and says nothing: a request ends after timeout=."""
        with socket.create_server(("127.0.0.1", 0)) as s:
            p = self.send(self.url(s.getsockname()[1], more="timeout=1s&retry=2s"), capture=self.capture)
        made, _, _, lost = self.account(p, "+http")
        check(p.returncode == 1 and made == lost > 0, p.stderr)

    def test_stop(self):
        """A signal amid an outage: it ends after --drain-timeout."""
        p = self.start("collect", "-l", f"netflow://127.0.0.1:{free_port(socket.SOCK_DGRAM)}", "--stats", 1, "-e", "stats",
                       "--drain-timeout", 1, "-o", self.url(free_port()))
        said = self.says(p, "tried again")
        begin = time.monotonic()
        p.send_signal(signal.SIGTERM)
        p = self.rest(p, said)
        check(time.monotonic() - begin < 15 and p.returncode == 1, p.returncode, p.stderr)

    def test_linger(self):
        """A batch that is not full is sent when it is old."""
        r = Receiver()
        p = subprocess.Popen([self.flowtap, "collect", "-l", f"netflow://127.0.0.1:{free_port(socket.SOCK_DGRAM)}", "--stats", "1",
                              "-e", "stats", "-o", self.url(r, more="linger=1s")], stderr=subprocess.DEVNULL)
        wait_for(lambda: len(r.taken) >= 3, "three batches")
        p.send_signal(signal.SIGTERM)
        p.wait(timeout=60)
        r.close()
        check(p.returncode == 0, p.returncode)

    def test_secrets(self):
        """Tokens, passwords and headers of files; as text only in a configuration file, and never shown."""
        token, password, headers = (self.work / n for n in ("token", "password", "headers"))
        token.write_text("to-ken\n")
        password.write_text("me:se:cret\n")
        headers.write_text("X-Scope-OrgID: seven\r\n\nX-Other: 1\n")
        for more, name, value in ((f"token=@{token}", "Authorization", "Bearer to-ken"),
                                  (f"password=@{password}", "Authorization",
                                   "Basic " + base64.b64encode(b"me:se:cret").decode()),
                                  (f"headers=@{headers}", "X-Scope-OrgID", "seven")):
            r = Receiver()
            p = self.send(self.url(r, more=more), capture=self.capture)
            r.close()
            check(p.returncode == 0 and r.requests[0].headers[name] == value, more, p.stderr)
            check("to-ken" not in p.stderr and "se:cret" not in p.stderr, p.stderr)
        for key in "token", "password", "headers":
            p = self.send(self.url(1, more=f"{key}=tell:nobody"), capture=self.capture)
            check(p.returncode == 2 and f"{key}=@FILE" in p.stderr and "nobody" not in p.stderr, p.stderr)
        r = Receiver()
        config = self.work / "c.yaml"
        config.write_text(f"output: ['{self.url(r, more='token=tell-nobody')}']\nevents: flow,stats\n")
        p = self.run("read", "-c", config, self.capture)
        r.close()
        check(p.returncode == 0 and "tell-nobody" not in p.stderr, p.stderr)
        check(r.requests[0].headers["Authorization"] == "Bearer tell-nobody", r.requests[0].headers)
        check(b"tell-nobody" not in r.requests[-1].body and b"token=***" in r.requests[-1].body, "shown in an event")

    def test_usage(self):
        secret = self.work / "secret"
        secret.write_text("anything\n")
        for form, path, more, text in (("ndjson", "/x", "bach=1MB", "did you mean batch?"), ("ndjson", "/x", "keep=1", "files"),
                                       ("ndjson", "/x", "batch=1", "1KB"), ("ndjson", "/x", "into=x", "preset="),
                                       ("ndjson", "/x", "preset=elast", "elastic"), ("csv", "/x", "preset=loki", "takes ndjson"),
                                       ("ndjson", "/x", "preset=clickhouse", "into=NAME"), ("npy", "/x", "batch=1MB", "file"),
                                       ("ndjson", "/x", "token=@/nonexistent", "/nonexistent"),
                                       ("ndjson", "/x", f"token=@{secret}&password=@{secret}", "write USER:PASSWORD"),
                                       ("ndjson", "/x y", "batch=1MB", "HOST"), ("ndjson", "/x", "key=/etc/hosts", "cert="),
                                       ("ndjson", "/x", "cert=/etc/hosts", "PEM")):
            p = self.send(self.url(1, form, path, more), capture=self.capture)
            want = 1 if "nonexistent" in more else 2
            check(p.returncode == want and text in p.stderr, more, p.returncode, p.stderr)
        for target in "http:x", "http://", "http://u:p@h/", "http:///x", "https://:80/":
            p = self.send(f"ndjson+{target}?batch=1MB", capture=self.capture)
            check(p.returncode == 2 and "HOST[:PORT]/PATH" in p.stderr and "u:p" not in p.stderr, target, p.stderr)

    def test_tls(self):
        """A certificate is checked against ca=, or not at all; ours is shown where it is asked for."""
        import ssl
        made = make_tls(self.work)
        if made is None:
            print("openssl is not here: skipped")
            return
        cert, key, context = made
        for more, good in ((f"ca={cert}", True), ("verify=false", True), ("retry=1s", False)):
            r = Receiver(tls=context)
            p = self.send(self.url(r, more=more, scheme="https"), capture=self.capture)
            r.close()
            check(p.returncode == (0 if good else 1) and bool(r.taken) == good, more, p.stderr)
            check(good or p.stderr.count("name who signed its certificate by ca=") == 1, p.stderr)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cert)
        for more, good in ((f"cert={cert}&key={key}", True), ("retry=1s", False)):
            r = Receiver(tls=context)
            p = self.send(self.url(r, more=f"ca={cert}&{more}", scheme="https"), capture=self.capture)
            r.close()
            check(p.returncode == (0 if good else 1) and bool(r.taken) == good, more, p.stderr)

    def test_name(self):
        """The name of a host is looked up in the sandbox."""
        name = socket.gethostname()
        try:
            if socket.gethostbyname(name) != "127.0.0.1" or name == "localhost":
                raise OSError
        except OSError:
            print("this machine's name is not that of 127.0.0.1: skipped")
            return
        r = Receiver()
        p = self.send(self.url(r).replace("127.0.0.1", name), capture=self.capture)
        r.close()
        check(p.returncode == 0 and r.taken, p.stderr)
        p = self.send("ndjson+http://nobody.invalid/x?retry=1s", capture=self.capture)
        check(p.returncode == 1 and p.stderr.count("nobody.invalid") > 0 and "resolve" in p.stderr, p.stderr)


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--flowtap", required=True)
    a.add_argument("--capture", required=True, type=pathlib.Path)
    a.add_argument("--only", default="")
    args = a.parse_args()
    needs_built(args.flowtap, "libcurl")
    readers.use()
    Delivery(args.flowtap, args.capture).main(args.only)


if __name__ == "__main__":
    main()
