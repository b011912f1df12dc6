# SPDX-License-Identifier: Apache-2.0
"""What the tests of redis, nats and postgres outputs have in common: runs whose input is a pipe, so that a server can go
and come meanwhile, and the account of an output."""
import argparse
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "interop/servers"), str(TESTS / "support"), str(TESTS)]
import checks  # noqa: E402: tests/support/checks.py
import certs as certificates  # noqa: E402: tests/support/certs.py
from checks import check, wait_for, write_capture  # noqa: E402
from relay import Relay  # noqa: E402
from server import Tls  # noqa: E402

FLOWS = 20000
LOSE = "queue=64MB&overflow=drop"  # read waits for ever for who is away, but with this


def lose(more):
    return f"{more}&{LOSE}" if more else LOSE


def account(stderr, url, kind):
    """(made, written, dropped, lost) of events of an output."""
    m = re.search(re.escape(url) + rf"\s+(\d+) {kind} events = (\d+) written \+ (\d+) dropped(?: \+ (\d+) lost)?", stderr)
    return tuple(int(x or 0) for x in m.groups()) if m else None


class Run:
    """flowtap read - with an input that ends with end(); what it says is read meanwhile."""

    def __init__(self, flowtap, *args):
        self.process = subprocess.Popen([flowtap, "read", "-", "--workers", "1", *map(str, args)], stdin=subprocess.PIPE,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.text = ""
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stderr:
            self.text += line.decode()

    def write(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def feed(self, data):
        """Until it ends."""
        try:
            self.write(data)
        except OSError:
            pass

    def end(self, timeout=120):
        try:
            self.process.stdin.close()
        except OSError:
            pass
        _, status, self.usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        self.reader.join(timeout)
        return self.process.returncode


class Stores:
    """The tests of one kind of output; those of a class are its test_ methods."""
    server = None
    unspecific = "$never"  # what its library says of every certificate that does not fit

    def __init__(self, flowtap, capture, work):
        self.flowtap, self.capture, self.work = flowtap, capture, work
        self.large = work / "large.pcap"
        write_capture(self.large, FLOWS)

    def run(self, *args, timeout=120):
        return checks.run(self.flowtap, *args, timeout=timeout)

    def piped(self, *args):
        return Run(self.flowtap, *args)

    def check_sums(self, stderr, url, flows=FLOWS, kind="flow"):
        a = account(stderr, url, kind)
        check(a is not None and a[0] == a[1] + a[2] + a[3] and flows in (a[0], None), "account", a, stderr[-1500:])
        return a or (0, 0, 0, 0)

    def tls_cases(self):
        """(what the server speaks by, parameters of TLS, what is said; None: it works)"""
        c = certificates.Certs(self.work / "certs")
        ca = f"ca={c['ca.pem']}"
        cert, split = f"&cert={c['client.both']}", f"&cert={c['client.pem']}&key={c['client.key']}"
        for server, rows in (
                (Tls(c), ((ca, None), ("verify=false", None), ("verify=true", "name who signed its certificate by ca="),
                          (f"ca={c['other.pem']}", "name who signed its certificate by ca="))),
                (Tls(c, "elsewhere"), ((ca, "name the host as its certificate does"), ("verify=false", None))),
                (Tls(c, "expired"), ((ca, "is to be renewed, or a clock is wrong"),)),
                (Tls(c, asks=True), ((ca + cert, None), (ca + split, None), (ca, "see cert= and key="),
                                     (f"{ca}&cert={c['stranger.both']}", "see cert= and key=")))):
            yield server, rows

    def check_tls(self, prepare, read):
        """All cases against this class's server: what works brings all, what does not is said once, with what to do, tried
        again with pauses, and counted. prepare(server); read(server): events that are there."""
        if not certificates.available():
            print("     skipped: there is no openssl")
            return
        for tls, rows in self.tls_cases():
            with self.server(tls=tls) as server:
                prepare(server)
                there = 0
                for params, says in rows:
                    url = self.url(server, lose(params))
                    r = self.run("read", self.capture, "-e", "flow", "-o", url)
                    a = self.check_sums(r.stderr, url, 15)
                    check(r.returncode == (says is not None), params, r.returncode, r.stderr)
                    check(a[1:] == ((15, 0, 0) if says is None else (0, 0, 15)), params, a, r.stderr)
                    check(says is None or (len(re.findall(f"{says}|{self.unspecific}", r.stderr)) == 1 and
                                           r.stderr.count("tried again") == 1), params, says, r.stderr)
                    there += a[1]
                    check(read(server) == there, params, "are there", read(server), "of", there)

    def tls_usage(self, url):
        """Parameters of TLS that cannot be used: url with "?" or "&" at its end."""
        self.usage([(url + "key=x", "key= is the key of cert="), (url + "verify=maybe", "true"),
                    (url + "ca=x&verify=false", "with verify=false nothing is checked by ca="),
                    (url + "certt=x", "did you mean cert")])
        for params in "ca=/nonexistent", f"cert={self.capture}":
            r = self.run("read", self.capture, "-o", url + params)
            check(r.returncode in (1, 2) and params.split("=")[1] in r.stderr, params, r.returncode, r.stderr)

    def usage(self, rows):
        for url, text in rows:
            r = self.run("read", self.capture, "-o", url)
            check(r.returncode == 2 and text in r.stderr, url, r.returncode, r.stderr)
            check("topsecret" not in r.stderr, "a secret was shown", r.stderr)


class Streams(Stores):
    """Those whose servers keep the lines of a file in their order: what may happen to all of them. A class says what its
    server is, how what is there is counted and read, and how often a line may be there."""
    server, killed_by = None, signal.SIGKILL

    def make(self, server):
        """What the events go into, where it does not come by itself."""

    def url(self, server, more=""):
        raise NotImplementedError

    def count(self, server):
        raise NotImplementedError

    def lines(self, server):
        raise NotImplementedError

    def whole(self, got, want):
        """Whether this is the file's, when connections ended meanwhile."""
        raise NotImplementedError

    def test_late(self):
        """Neither server nor what it keeps are there at the start: nothing is lost, it is said once."""
        server, file = self.server(), self.work / "late.ndjson"
        run = self.piped("-e", "flow,sample", "-o", f"ndjson:{file}", "-o", self.url(server))
        run.write(self.large.read_bytes())
        wait_for(lambda: "tried again" in run.text, "the message")
        with server:
            self.make(server)
            wait_for(lambda: self.count(server), "events")
            check(run.end() == 0, run.text)
            check(self.lines(server) == file.read_bytes().splitlines(), "late")
        check(run.text.count("tried again") == 1 and run.text.count("works again") == 1, run.text)
        self.check_sums(run.text, self.url(server))

    def test_killed(self):
        """The server ends in mid-stream and comes back."""
        with self.server() as server:
            self.make(server)
            file, data = self.work / "killed.ndjson", self.large.read_bytes()
            run = self.piped("-e", "sample,flow", "-o", f"ndjson:{file}", "-o", self.url(server, "queue=64MB"))
            run.write(data[:len(data) // 3])
            wait_for(lambda: self.count(server), "events")
            feeder = threading.Thread(target=run.write, args=(data[len(data) // 3:-len(data) // 3],))
            feeder.start()
            server.kill(self.killed_by)
            feeder.join()
            run.write(data[-len(data) // 3:])  # by now all that came before may have been written
            wait_for(lambda: "tried again" in run.text, "the message")
            server.start()
            check(run.end() == 0, run.text)
            got, want = self.lines(server), file.read_bytes().splitlines()
            check(self.whole(got, want) and len(got) <= len(want) + 4096, "killed", len(got), len(want))
            self.check_sums(run.text, self.url(server, "queue=64MB"))

    def test_cuts(self):
        """Connections that end in the middle."""
        with self.server() as server:
            self.make(server)
            relay, file = Relay(server.port), self.work / "cuts.ndjson"
            relay.cut_after = [100000, 3000000, 3000001, 8000000]
            relay.up()
            r = self.run("read", self.large, "-e", "flow", "--workers", 1, "-o", f"ndjson:{file}", "-o", self.url(relay))
            got, want = self.lines(server), file.read_bytes().splitlines()
            check(r.returncode == 0 and not relay.cut_after, r.stderr)
            check(self.whole(got, want), "cuts", len(got), len(want))
            check(self.check_sums(r.stderr, self.url(relay))[1] == FLOWS, "written")
            relay.down()

    def test_gone(self):
        """A server that does not come back: what is not there is lost, and counted."""
        with self.server() as server:
            self.make(server)
            relay = Relay(server.port)
            relay.up()
            relay.down_after = 3000000
            r = self.run("read", self.large, "-e", "flow", "--workers", 1, "-o", "null:", "-o", self.url(relay, LOSE))
            written, lost = self.check_sums(r.stderr, self.url(relay, LOSE))[1::2]
            n = self.count(server)
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
        written, dropped = self.check_sums(run.text, self.url(relay), None)[1:3]
        check(written == dropped == 0, written, dropped)


def main(make, feature, program):
    """make(flowtap, capture, work): a Stores; feature: of flowtap --version; program: the server's path or None."""
    a = argparse.ArgumentParser()
    a.add_argument("--flowtap", required=True)
    a.add_argument("--capture", required=True, type=pathlib.Path)
    a.add_argument("--only", default="")
    args = a.parse_args()
    checks.needs_built(args.flowtap, feature)
    if program is None:
        print("skipped: its server is not here (scripts/setup.sh servers)")
        sys.exit(77)
    with tempfile.TemporaryDirectory(prefix="flowtap-stores-") as work:
        checks.run_methods(make(args.flowtap, args.capture, pathlib.Path(work)), args.only)
    checks.ended()
