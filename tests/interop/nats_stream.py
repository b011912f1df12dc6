#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""JetStream streams in a real NATS server: what is there is what a file of the same run holds, once, whatever happens to
the connection and the server meanwhile.

    nats_stream.py --flowtap PROGRAM --capture FILE
"""
import signal
import threading

import stores
from stores import FLOWS, LOSE, Relay, check, lose, wait_for

from nats_server import Nats


class Tests(stores.Stores):
    def url(self, server, more="", subject="flows.edge"):
        return f"nats://127.0.0.1:{server.port}/{subject}" + (f"?{more}" if more else "")

    def lines(self, server, stream="flows", subject="flows.edge"):
        return [line for m in server.messages(stream, subject) for line in m.splitlines()]

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

    def test_late(self):
        """Neither server nor stream are there at the start: nothing is lost."""
        server, file = Nats(), self.work / "late.ndjson"
        run = self.piped("-e", "flow,sample", "-o", f"ndjson:{file}", "-o", self.url(server))
        run.write(self.large.read_bytes())
        wait_for(lambda: "tried again" in run.text, "the message")
        with server:
            server.make("flows", "flows.*")
            wait_for(lambda: server.count("flows"), "events")
            check(run.end() == 0, run.text)
            check(self.lines(server) == file.read_bytes().splitlines(), "late")
        check(run.text.count("tried again") == 1 and run.text.count("works again") == 1, run.text)
        self.check_sums(run.text, self.url(server))

    def test_killed(self):
        """The server ends in mid-stream and comes back: nothing is missing, and nothing is there twice."""
        with Nats() as server:
            server.make("flows", "flows.*")
            file, data = self.work / "killed.ndjson", self.large.read_bytes()
            run = self.piped("-e", "sample,flow", "-o", f"ndjson:{file}", "-o", self.url(server, "queue=64MB"))
            run.write(data[:len(data) // 3])
            wait_for(lambda: server.count("flows"), "events")
            feeder = threading.Thread(target=run.write, args=(data[len(data) // 3:],))
            feeder.start()
            server.kill(signal.SIGTERM)  # -9 would cost the server what it has acknowledged and not written
            feeder.join()
            wait_for(lambda: "tried again" in run.text, "the message")
            server.start()
            check(run.end() == 0, run.text)
            got, want = self.lines(server), file.read_bytes().splitlines()
            check(sorted(got) == sorted(want), len(got), len(want))
            self.check_sums(run.text, self.url(server, "queue=64MB"))

    def test_cuts(self):
        """Connections that end in the middle: what is sent again is taken once."""
        with Nats() as server:
            server.make("flows", "flows.*")
            relay, file = Relay(server.port), self.work / "cuts.ndjson"
            relay.cut_after = [100000, 3000000, 3000001, 8000000]
            relay.up()
            r = self.run("read", self.large, "-e", "flow", "--workers", 1, "-o", f"ndjson:{file}", "-o", self.url(relay))
            got, want = self.lines(server), file.read_bytes().splitlines()
            check(r.returncode == 0 and not relay.cut_after, r.stderr)
            check(sorted(got) == sorted(want), "cuts", len(got), len(want))
            check(self.check_sums(r.stderr, self.url(relay))[1] == FLOWS, "written")
            relay.down()

    def test_gone(self):
        """A server that does not come back: what is not there is lost, and counted."""
        with Nats() as server:
            server.make("flows", "flows.*")
            relay = Relay(server.port)
            relay.up()
            threading.Thread(target=lambda: wait_for(lambda: relay.passed > 3000000, "events") and relay.down()).start()
            r = self.run("read", self.large, "-e", "flow", "--workers", 1, "-o", "null:", "-o",
                         self.url(relay, LOSE))
            made, written, dropped, lost = self.check_sums(r.stderr, self.url(relay, LOSE))
            n = server.count("flows")
            check(r.returncode == 1 and lost > 0 and written <= n <= written + 4096, r.returncode, n, r.stderr)
            check(r.stderr.count("tried again") == 1, r.stderr)

    def test_stopped(self):
        """Who waits for a server that is away can be stopped."""
        relay = Relay(0)
        run = self.piped("-e", "flow,sample", "-o", self.url(relay))
        threading.Thread(target=run.feed, args=(self.large.read_bytes(),)).start()
        wait_for(lambda: "tried again" in run.text, "the message")
        run.process.terminate()
        check(run.end() != 0, run.text)
        made, written, dropped, lost = self.check_sums(run.text, self.url(relay), None)
        check(written == dropped == 0, written, dropped)

    def test_refused(self):
        """Users and tokens, right and wrong; a subject that no stream takes, or another one."""
        good, bad = self.work / "good", self.work / "bad"
        good.write_text("open sesame\n")
        bad.write_text("topsecret\n")
        rows = ((Nats(user="edge", password="open sesame"), "user=edge&password=@", ""),
                (Nats(token="open sesame"), "token=@", ""))
        for server, more, _ in rows:
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
