#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Redis streams in a real Redis: what is there is what a file of the same run holds; a server that comes late, is killed,
refuses, is full or does not come back.

    redis_stream.py --flowtap PROGRAM --capture FILE
"""
import stores
from stores import LOSE, check, lose, wait_for

from redis_server import Redis


class Tests(stores.Streams):
    server = Redis

    def url(self, server, more="", stream="flows"):
        return f"{'rediss' if getattr(server, 'tls', None) else 'redis'}://127.0.0.1:{server.port}/{stream}" + (f"?{more}" if more else "")

    def lines(self, server, stream="flows", field=b"event"):
        return [e[field] for e in server.entries(stream)]

    def count(self, server):
        return server.ask("XLEN", "flows")

    def whole(self, got, want):
        """Nothing is missing; what was sent again may be there again, further on."""
        return list(dict.fromkeys(got)) == want

    def test_rows(self):
        with Redis() as server:
            for capture in self.capture, self.large:
                file = self.work / "x.ndjson"
                r = self.run("read", capture, "-e", "flow,sample", "--workers", 1, "-o", f"ndjson:{file}", "-o",
                             self.url(server, stream=capture.name))
                check(r.returncode == 0, r.stderr)
                check(self.lines(server, capture.name) == file.read_bytes().splitlines(), capture.name)
            r = self.run("read", self.capture, "-e", "flow", "-o",
                         self.url(server, "maxlen=1000&field=json&db=3", stream="a b/c:d"))
            check(r.returncode == 0, r.stderr)
            server.ask("SWAPDB", 0, 3)
            check(len(self.lines(server, "a b/c:d", b"json")) == 15, "db, field")
            r = self.run("read", self.large, "-e", "flow", "-o", self.url(server, "maxlen=1000", stream="short"))
            check(1000 <= server.ask("XLEN", "short") < 1200, "maxlen", server.ask("XLEN", "short"))

    def test_refused(self):
        """Passwords: the right one; a wrong one, or none, is said once with what to do, and tried with pauses."""
        good, bad = self.work / "good", self.work / "bad"
        good.write_text("open sesame\n")
        bad.write_text("topsecret\n")
        with Redis("open sesame") as server:
            r = self.run("read", self.capture, "-e", "flow", "-o", self.url(server, f"password=@{good}"))
            check(r.returncode == 0 and len(self.lines(server)) == 15, r.stderr)
            r = self.run("read", self.capture, "-e", "flow", "-o", self.url(server, f"user=default&password=@{good}"))
            check(r.returncode == 0 and len(self.lines(server)) == 30, r.stderr)
            for more, text in (f"password=@{bad}", "check user= and password=@FILE"), ("", "set password=@FILE"):
                before = int(server.ask("INFO", "stats").split(b"total_connections_received:")[1].split()[0])
                run = self.piped("-e", "sample", "-o", self.url(server, lose(more)))
                run.write(self.large.read_bytes())
                wait_for(lambda: "tried again" in run.text, "the message")
                check(run.end() == 1, run.text)
                after = int(server.ask("INFO", "stats").split(b"total_connections_received:")[1].split()[0])
                check(run.text.count(text) == 1 and "topsecret" not in run.text, text, run.text)
                check(after - before < 20, "attempts", after - before)
            check(len(self.lines(server)) == 30, "what was refused is there")
        with Redis() as server:
            server.ask("SET", "flows", "x")
            r = self.run("read", self.capture, "-e", "flow", "-o", self.url(server, LOSE))
            check(r.returncode == 1 and "name another stream" in r.stderr, r.stderr)
            check(self.check_sums(r.stderr, self.url(server, LOSE), 15)[3] == 15, "lost")

    def test_full(self):
        """A server without memory: events wait until it has some."""
        with Redis() as server:
            server.ask("CONFIG", "SET", "maxmemory", "3mb")
            file = self.work / "full.ndjson"
            run = self.piped("-e", "sample", "-o", f"ndjson:{file}", "-o", self.url(server, "queue=64MB"))
            run.write(self.large.read_bytes())
            wait_for(lambda: "it is full" in run.text, "the message")
            server.ask("CONFIG", "SET", "maxmemory", "0")
            check(run.end() == 0, run.text)
            check(sorted(self.lines(server)) == sorted(file.read_bytes().splitlines()), "full")

    def test_tls(self):
        self.check_tls(lambda server: None, lambda server: server.ask("XLEN", "flows"))
        self.tls_usage("rediss://host/flows?")

    def test_tls_large(self):
        """As much as a socket does not take at once; connections that end in the middle."""
        if not stores.certificates.available():
            return
        certs = stores.certificates.Certs(self.work / "certs")
        with Redis(password="open sesame", tls=stores.Tls(certs)) as server:
            word = self.work / "word"
            word.write_text("open sesame\n")
            relay, file = stores.Relay(server.port), self.work / "tls.ndjson"
            relay.tls = server.tls
            relay.cut_after = [3000000, 8000000]
            relay.up()
            r = self.run("read", self.large, "-e", "flow", "--workers", 1, "-o", f"ndjson:{file}", "-o",
                         self.url(relay, f"ca={certs['ca.pem']}&password=@{word}"))
            check(r.returncode == 0 and not relay.cut_after, r.stderr)
            check(self.whole(self.lines(server), file.read_bytes().splitlines()), "TLS")
            relay.down()

    def test_usage(self):
        self.usage([("redis:flows", "write redis://HOST[:PORT]/STREAM"),
                    ("redis://host", "write redis://HOST[:PORT]/STREAM"),
                    ("redis://host:x/flows", "write redis://HOST[:PORT]/STREAM"),
                    ("redis://user:topsecret@host/flows", "write redis://HOST[:PORT]/STREAM"),
                    ("csv+redis://host/flows?event=flow", "takes ndjson"),
                    ("redis://host/flows?maxlen=0", "a number from 1"),
                    ("redis://host/flows?maxlem=5", "did you mean maxlen"),
                    ("redis://host/flows?user=x", "user= goes with password="),
                    ("redis://host/flows?password=topsecret", "password=@FILE")])
        r = self.run("read", self.capture, "-o", "redis://host/flows?password=@/nonexistent")
        check(r.returncode == 1 and "/nonexistent: No such file" in r.stderr, r.stderr)


stores.main(Tests, "hiredis", Redis.path())
