#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""JetStream streams in a real NATS server: what is there is what a file of the same run holds, once, whatever happens to
the connection and the server meanwhile.

    nats_stream.py --flowtap PROGRAM --capture FILE
"""
import signal

import stores
from stores import LOSE, check, lose

from nats_server import Nats


class Tests(stores.Streams):
    server = Nats
    killed_by = signal.SIGTERM  # -9 would cost the server what it has acknowledged and not written

    def url(self, server, more="", subject="flows.edge"):
        return f"{'natss' if getattr(server, 'tls', None) else 'nats'}://127.0.0.1:{server.port}/{subject}" + (f"?{more}" if more else "")

    def lines(self, server, stream="flows", subject="flows.edge"):
        return [line for m in server.messages(stream, subject) for line in m.splitlines()]

    def make(self, server):
        server.make("flows", "flows.*")

    def count(self, server):
        return server.count("flows")

    def whole(self, got, want):
        """Nothing is missing, and nothing is there twice."""
        return sorted(got) == sorted(want)

    def test_rows(self):
        with Nats() as server:
            for i, (capture, more) in enumerate([(self.capture, ""), (self.large, "stream=s1"), (self.large, "batch=64KB")]):
                file, subject = self.work / "x.ndjson", f"flows.{i}"
                server.make(f"s{i}", subject)
                r = self.run("read", capture, "-e", "flow,sample", "--workers", 1, "-o", f"ndjson:{file}", "-o",
                             self.url(server, more, subject))
                check(r.returncode == 0, r.stderr)
                check(self.lines(server, f"s{i}", subject) == file.read_bytes().splitlines(), i)
            check(server.count("s2") < server.count("s1") / 20, "batches", server.count("s2"))

    def test_twice(self):
        """Another run within the server's window of duplicates: its messages are none."""
        with Nats() as server:
            server.make("flows", "flows.*")
            file = self.work / "twice.ndjson"
            for _ in range(2):
                r = self.run("read", self.capture, "-e", "flow", "--workers", 1, "-o", f"ndjson:{file}", "-o",
                             self.url(server))
                check(r.returncode == 0, r.stderr)
            check(self.lines(server) == 2 * file.read_bytes().splitlines(), "twice")

    def test_refused(self):
        """Users and tokens, right and wrong; a subject that no stream takes, or another one."""
        good, bad = self.work / "good", self.work / "bad"
        good.write_text("open sesame\n")
        bad.write_text("topsecret\n")
        for server, more in ((Nats(user="edge", password="open sesame"), "user=edge&password=@"),
                             (Nats(token="open sesame"), "token=@")):
            with server:
                server.make("flows", "flows.*")
                r = self.run("read", self.capture, "-e", "flow", "-o", self.url(server, f"{more}{good}"))
                check(r.returncode == 0 and server.count("flows") == 15, r.stderr)
                for wrong in f"{more}{bad}", "":
                    r = self.run("read", self.capture, "-e", "flow", "-o", self.url(server, lose(wrong)))
                    check(r.returncode == 1 and r.stderr.count("check user=, password=@FILE or token=@FILE") == 1, r.stderr)
                    check("topsecret" not in r.stderr, "a secret was shown")
                    check(self.check_sums(r.stderr, self.url(server, lose(wrong)), 15)[3] == 15, "lost")
                check(server.count("flows") == 15, "what was refused is there")
        with Nats() as server:
            server.make("flows", "flows.*")
            for more, subject, text in (("", "nothing", "no stream takes this subject"),
                                        ("stream=other", "flows.edge", "check stream=")):
                r = self.run("read", self.capture, "-e", "flow", "-o", self.url(server, lose(more), subject))
                check(r.returncode == 1 and r.stderr.count(text) == 1, r.stderr)
                check(self.check_sums(r.stderr, self.url(server, lose(more), subject), 15)[3] == 15, "lost")

    def test_too_large(self):
        """A stream that takes small messages only: the large are lost, and said once."""
        with Nats() as server:
            server.make("flows", "flows.*", max_msg_size=600)
            file = self.work / "small.ndjson"
            r = self.run("read", self.capture, "-e", "flow,sample", "--workers", 1, "-o", f"ndjson:{file}", "-o", self.url(server))
            small = [x for x in file.read_bytes().splitlines() if len(x) < 500]
            got = self.lines(server)
            check(r.returncode == 1 and r.stderr.count("larger than what is taken") == 1, r.stderr)
            check(len(small) > 50 and got[:len(small)] == small, len(got), len(small))
            check(self.check_sums(r.stderr, self.url(server), 15)[3] == 15, "lost")

    def test_tls(self):
        self.check_tls(self.make, self.count)
        self.tls_usage("natss://host/flows?")
        with Nats() as server:
            self.make(server)
            url = self.url(server, LOSE).replace("nats:", "natss:")
            r = self.run("read", self.capture, "-e", "flow", "-o", url)
            check(r.returncode == 1 and r.stderr.count("it has no TLS: nats:// is without") == 1, r.stderr)

    def test_usage(self):
        usage = "write nats://HOST[:PORT]/SUBJECT"
        self.usage([("nats:flows", usage), ("nats://host", usage), ("nats://host:x/flows", usage),
                    ("nats://user:topsecret@host/flows", usage), ("nats://host/flows.*", usage),
                    ("nats://host/flows..x", usage), ("nats://host/a b", usage),
                    ("csv+nats://host/flows?event=flow", "takes ndjson"),
                    ("nats://host/flows?batch=1", "a size from 1KB"),
                    ("nats://host/flows?strem=5", "did you mean stream"),
                    ("nats://host/flows?user=x", "user= and password= belong together"),
                    ("nats://host/flows?token=topsecret", "token=@FILE")])
        r = self.run("read", self.capture, "-o", "nats://host/flows?token=@/nonexistent")
        check(r.returncode == 1 and "/nonexistent: No such file" in r.stderr, r.stderr)


stores.main(Tests, "libnats", Nats.path())
