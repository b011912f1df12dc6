# SPDX-License-Identifier: Apache-2.0
"""Outputs at the end of a connection: tcp, tls, unix. Receivers that come late, reset, stay away; what
is counted as written is what they have."""
import collections
import signal
import socket
import ssl
import threading
import time
import unittest

from faults import Case, Heard, account, main, pcap_header, pcap_records, run, wait_for
from receiver import Receiver, certificates
import certs  # tests/support/certs.py, by faults

N = 30000


class Streams(Case):
    def setUp(self):
        super().setUp()
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # a receiver's TLS writes to who has hung up
        self.capture = self.file("c.pcap", pcap_header() + pcap_records(N))
        r = run("read", "-w1", "-o", f"ndjson:{self.dir}/all", self.capture, "--quiet")
        self.assertEqual(r.returncode, 0, r.stderr)
        self.all = (self.dir / "all").read_bytes()

    def receiver(self, *args, **kw):
        r = Receiver(*args, **kw)
        self.addCleanup(r.end)
        return r

    def url(self, r, kind="tcp", form="ndjson", params=""):
        if kind == "unix":
            return f"{form}+unix:{r.where}{params}"
        return f"{form}+{kind}://127.0.0.1:{r.where}{params}"

    def read(self, url, *more):
        h = Heard(self, "read", "-w1", "-o", url, *more, self.capture)
        return h, h.ended()["outputs"][0]["sample"]

    def test_whole(self):
        """Every kind of connection gets the bytes that a file gets."""
        context = certificates(self.dir)
        for kind in ["tcp", "unix"] + (["tls"] if context else []):
            with self.subTest(kind=kind):
                r = self.receiver(str(self.dir / "s") if kind == "unix" else 0,
                                  tls=context if kind == "tls" else None)
                h, n = self.read(self.url(r, kind, params=f"?ca={self.dir}/ca.pem" if kind == "tls" else ""))
                self.assertEqual(n, {"made": N, "written": N, "dropped": 0, "lost": 0}, h.err)
                r.end()
                self.assertEqual(r.bytes(), self.all)

    def test_workers(self):
        r = self.receiver()
        h = Heard(self, "read", "-w3", "-o", self.url(r), self.capture)
        self.assertEqual(h.ended()["outputs"][0]["sample"]["written"], N)
        r.end()
        self.assertEqual(sorted(r.lines()), sorted(self.all.splitlines()))

    def test_late(self):
        """Nobody is there at first: read waits for somebody."""
        r = self.receiver()
        r.end()
        h = Heard(self, "read", "-w1", "-o", self.url(r), self.capture)
        h.wait("tried again until it works")
        time.sleep(0.5)
        r.begin()
        self.assertEqual(h.ended()["outputs"][0]["sample"]["written"], N)
        self.assertEqual(h.err.count("tried again"), 1)
        self.assertIn("works again after", h.err)
        r.end()
        self.assertEqual(r.bytes(), self.all)

    def test_breaks(self):
        """A receiver that resets the connection, with bytes that nobody read: every line comes, in
        order but for what is sent again at a joint, and only there something comes twice."""
        context = certificates(self.dir)
        for kind in ["tcp", "unix"] + (["tls"] if context else []):
            with self.subTest(kind=kind):
                r = self.receiver(str(self.dir / "s") if kind == "unix" else 0,
                                  breaks=[100000, 1, 777777, 2000000],
                                  tls=context if kind == "tls" else None)
                params = f"?ca={self.dir}/ca.pem" if kind == "tls" else ""
                h, n = self.read(self.url(r, kind, params=params))
                self.assertEqual((n["made"], n["written"], n["lost"]), (N, N, 0), h.err)
                r.end()
                self.assertEqual(len(r.got), 5)
                want = self.all.splitlines()
                place = {line: i for i, line in enumerate(want)}
                self.assertEqual(len(place), N)
                seen, at = collections.Counter(), -1
                for got in r.got:
                    lines = bytes(got).split(b"\n")[:-1]
                    for i, line in enumerate(lines):
                        self.assertIn(line, place)
                        # of what broke, the kernel had acknowledged what nobody has read
                        self.assertTrue(i == 0 or place[line] == at + 1, (at, place[line]))
                        at = place[line]
                        seen[line] += 1
                self.assertLessEqual(max(seen.values()), 5)
                if kind == "unix":  # there, acknowledged is read
                    self.assertEqual(len(seen), N)

    def test_never(self):
        """Nobody ever comes: live and collect lose what their queue cannot keep, and end."""
        r = self.receiver()
        r.end()
        h = Heard(self, "read", "-w1", "--overflow", "drop", "-o",
                  self.url(r, params="?overflow=drop&queue=1MB"), self.capture)
        began = time.monotonic()
        h.wait("tried again")
        a = h.ended(1)
        self.assertLess(time.monotonic() - began, 20)
        n = a["outputs"][0]["sample"]
        self.assertEqual(n["written"], 0)
        self.assertGreater(n["lost"], 0)

    def test_stopped(self):
        """A signal ends a read that waits for somebody."""
        r = self.receiver()
        r.end()
        h = Heard(self, "read", "-w1", "-o", self.url(r), self.capture)
        h.wait("tried again")
        h.p.send_signal(signal.SIGTERM)
        a = h.ended(1)
        self.assertEqual(a["outputs"][0]["sample"]["written"], 0)

    def test_stuck(self):
        """Somebody is there and reads nothing: another output has all, and the end is not held up."""
        s = socket.socket()
        self.addCleanup(s.close)
        s.bind(("127.0.0.1", 0))
        s.listen()
        h = Heard(self, "read", "-w1", "--drain-timeout", "1", "-o",
                  f"ndjson+tcp://127.0.0.1:{s.getsockname()[1]}?overflow=drop", "-o",
                  f"ndjson:{self.dir}/file", self.capture)
        c, _ = s.accept()
        self.addCleanup(c.close)
        self.assertTrue(wait_for(lambda: h.p.poll() is not None, 60), h.err)
        h.thread.join(20)
        a = account(self, h.err)
        self.assertEqual(a["outputs"][1]["sample"]["written"], N)
        # what the kernels have taken and acknowledged is written; the rest is told
        self.assertEqual(h.p.returncode, 1 if a["outputs"][0]["sample"]["lost"] else 0)

    def test_talks(self):
        """A receiver that talks all the time has everything, and an orderly end."""
        s = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(s.close)
        h = Heard(self, "read", "-w1", "-o", f"ndjson+tcp://127.0.0.1:{s.getsockname()[1]}", self.capture)
        c, _ = s.accept()
        self.addCleanup(c.close)
        c.sendall(b"hello\n" * 2000)
        got = bytearray()
        while piece := c.recv(1 << 20):
            got += piece
        self.assertEqual(h.ended()["outputs"][0]["sample"]["written"], N)
        self.assertEqual(bytes(got), self.all)

    def test_header(self):
        """Each connection begins with the header of the form."""
        r = self.receiver(breaks=[50000, 50000])
        self.read(self.url(r, form="csv"))
        r.end()
        self.assertEqual(len(r.got), 3)
        for got in r.got:
            self.assertTrue(bytes(got).startswith(b"timestamp,"), bytes(got)[:80])

    def test_certificates(self):
        """A certificate that does not fit is told once, with its reason, and nothing is sent."""
        context = certificates(self.dir)
        if not context:
            self.skipTest("no openssl")
        r = self.receiver(tls=context)
        (self.dir / "other").mkdir()
        certificates(self.dir / "other")
        for params in "", f"&ca={self.dir}/other/ca.pem":
            with self.subTest(params=params):
                h = Heard(self, "read", "-w1", "-o", self.url(r, "tls", params="?overflow=drop" + params),
                          self.capture)
                a = h.ended(1)
                self.assertEqual(a["outputs"][0]["sample"]["written"], 0)
                self.assertEqual(h.err.count("tried again"), 1)
                self.assertRegex(h.err, "certificate|self-signed")
        h = Heard(self, "read", "-w1", "-o", self.url(r, "tls", params="?verify=false"), self.capture)
        self.assertEqual(h.ended()["outputs"][0]["sample"]["written"], N)
        r.end()
        self.assertEqual(r.bytes(), self.all)

    def test_another_host(self):
        """A certificate of another name is none."""
        context = certificates(self.dir)
        if not context:
            self.skipTest("no openssl")
        s = socket.create_server(("127.0.0.2", 0))
        self.addCleanup(s.close)
        threading.Thread(target=self.greet, args=(s, context), daemon=True).start()
        h = Heard(self, "read", "-w1", "-o", f"ndjson+tls://127.0.0.2:{s.getsockname()[1]}?overflow=drop"
                  f"&ca={self.dir}/ca.pem", self.capture)
        self.assertEqual(h.ended(1)["outputs"][0]["sample"]["written"], 0)
        self.assertIn("IP address mismatch", h.err)

    def test_asked(self):
        """A receiver that asks for a certificate: with one that it takes it has everything; without, or with one of
        somebody else, nothing is written, although its kernel acknowledges what comes before it has said no."""
        if not certs.available():
            self.skipTest("no openssl")
        c = certs.Certs(self.dir / "certs")
        for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
            for tickets in 2, 0:
                for cert, taken in ("", False), ("stranger", False), ("client", True):
                    with self.subTest(version=version, tickets=tickets, cert=cert):
                        self.ask(c, version, tickets, cert, taken)

    def ask(self, c, version, tickets, cert, taken):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = context.maximum_version = version
        context.num_tickets = tickets
        context.load_cert_chain(c["good.both"])
        context.load_verify_locations(c["ca.pem"])
        context.verify_mode = ssl.CERT_REQUIRED
        r = self.receiver(tls=context)
        params = f"?overflow=drop&queue=32MB&ca={c['ca.pem']}" + (f"&cert={c[cert + '.both']}" if cert else "")
        h = Heard(self, "read", "-w1", "-o", self.url(r, "tls", params=params), self.capture)
        n = h.ended(0 if taken else 1)["outputs"][0]["sample"]
        self.assertEqual(n["written"], N if taken else 0, h.err)
        self.assertEqual(h.err.count("tried again"), 0 if taken else 1)
        self.assertIn("" if taken else "see cert= and key=", h.err)
        r.end()
        self.assertEqual(r.bytes(), self.all if taken else b"")

    @staticmethod
    def greet(listener, context):
        while True:
            try:
                context.wrap_socket(listener.accept()[0], server_side=True).close()
            except OSError:
                if listener.fileno() < 0:
                    return

    def test_keys_that_do_not_fit(self):
        """A key of another kind than its certificate, and certificates that end in the middle: said at the start."""
        if not certs.available():
            self.skipTest("there is no openssl")
        c = certs.Certs(self.dir / "certs")
        rsa = self.dir / "rsa"
        c.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{rsa}.key", "-subj", "/CN=x", "-out", f"{rsa}.pem")
        cut = c["ca"].with_suffix(".pem").read_text() + "-----BEGIN CERTIFICATE-----\nMII!\n-----END CERTIFICATE-----\n"
        (self.dir / "cut.pem").write_text(cut)
        (self.dir / "chain.pem").write_text(c["good.pem"].read_text() + cut)
        features = run("--version").stdout
        outputs = [url for feature, url in (
            ("libssl", "ndjson+tls://127.0.0.1:1?overflow=drop"), ("libcurl", "ndjson+https://127.0.0.1:1/?overflow=drop"),
            ("hiredis", "rediss://127.0.0.1:1/s?overflow=drop"), ("libnats", "natss://127.0.0.1:1/s?overflow=drop"),
            ("libpq", "postgres://127.0.0.1:1/b/t?overflow=drop&tls=require")) if feature in features]
        pairs = [f"cert={rsa}.pem&key={c['good.key']}", f"cert={c['good.pem']}&key={rsa}.key",
                 f"cert={self.dir}/chain.pem&key={c['good.key']}"]
        for url, more in [(u, m) for u in outputs for m in pairs] + [(outputs[0], f"ca={self.dir}/cut.pem")]:
            with self.subTest(url=url, more=more):
                r = run("read", "-e", "flow", "-o", f"{url}&{more}", self.capture)
                self.assertEqual(r.returncode, 2, r.stderr)

    def test_usage(self):
        for url, what in [("ndjson+tcp://localhost", "HOST:PORT"), ("ndjson+tcp://:9", "HOST:PORT"),
                          ("ndjson+tls://h:port", "HOST:PORT"), ("ndjson+tcp://h:0", "HOST:PORT"),
                          ("ndjson+tcp://h:65536", "HOST:PORT"),
                          ("ndjson+tcp://h:9?cert=x", "cert"),
                          ("ndjson+tls://h:9?ca=/nowhere", "ca=/nowhere"),
                          ("ndjson+tls://h:9?verfy=true", "did you mean verify"),
                          ("parquet+tcp://h:9", "file"), ("npy+unix:/tmp/x", "file"),
                          (f"ndjson:{self.dir}/f?overflow=spool", "other end of a connection")]:
            with self.subTest(url=url):
                r = run("read", "-o", url, self.capture)
                self.assertEqual(r.returncode, 2, r.stderr)
                self.assertIn(what, r.stderr)
                self.assertEqual(len(r.stderr.splitlines()), 1, r.stderr)


if __name__ == "__main__":
    unittest.TestCase.maxDiff = 2000
    main()
