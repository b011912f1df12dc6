# SPDX-License-Identifier: Apache-2.0
"""IPFIX over TLS and DTLS: whose certificate fits is heard, whoever's does not is refused with what is wrong;
half handshakes, garbage and floods of both hold up nobody. The other side is Python's ssl and openssl s_client."""
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time
import unittest

import fault_collect_tcp as tcp
from faults import Case, Heard, main, run, wait_for

TEMPLATE, RECORD, message = tcp.TEMPLATE, tcp.RECORD, tcp.message
OPENSSL = shutil.which("openssl")


def openssl(folder, *args):
    subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True)


def authority(folder, name="ca"):
    openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-keyout", f"{name}.key",
            "-out", f"{name}.pem", "-subj", f"/CN=test {name}")


def certificate(folder, name, names, by="ca", days="30"):
    (folder / "names").write_text(f"subjectAltName={names}\n")
    openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr",
            "-subj", f"/CN={name}")
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{by}.pem", "-CAkey", f"{by}.key",
            "-CAcreateserial", "-days", days, "-extfile", "names", "-out", f"{name}.pem")


def make_certificates(folder):
    authority(folder)
    shutil.copy(folder / "ca.pem", folder / "trust.pem")  # what exporters go by
    certificate(folder, "host", "DNS:host.example,IP:127.0.0.1")
    certificate(folder, "exporter", "DNS:exporter.example,IP:127.0.0.1")


class Collector:
    """One that listens by TLS and DTLS on one port, and by TCP and UDP on another."""

    def __init__(self, case, *args, more="", events="flow"):
        self.case, self.out = case, case.dir / "out"
        files = "&".join(f"{k}={case.dir / v}" for k, v in (("cert", "host.pem"), ("key", "host.key"),
                                                            ("ca", "ca.pem")))
        for _ in range(5):  # another may take the ports first
            p = tcp.Ports()
            self.port, self.plain = p.tcp, p.udp
            self.heard = Heard(case, "collect", "-w", "1", "-e", events,
                               "-l", f"ipfix+tls://127.0.0.1:{self.port}?{files}{more}",
                               "-l", f"ipfix+dtls://127.0.0.1:{self.port}?{files}{more}",
                               "-l", f"ipfix+tcp://127.0.0.1:{self.plain}",
                               "-l", f"udp://127.0.0.1:{self.plain}",
                               "-o", f"ndjson:{self.out}?overflow=block", *args)
            if wait_for(lambda: "memory" in self.heard.err or self.heard.p.poll() is not None):
                if self.heard.p.poll() is None and wait_for(self.answers, 10):
                    return
        case.fail(self.heard.err)

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.plain), 5).close()
            return True
        except OSError:
            return False

    def context(self, who="exporter", version=None):
        c = ssl.create_default_context(cafile=self.case.dir / "trust.pem")
        if who:
            c.load_cert_chain(self.case.dir / f"{who}.pem", self.case.dir / f"{who}.key")
        if version:
            c.minimum_version = c.maximum_version = version
        return c

    def raw(self, port=None):
        s = socket.create_connection(("127.0.0.1", port or self.port), 20)
        self.case.addCleanup(s.close)
        return s

    def join(self, who="exporter", version=None):
        s = self.context(who, version).wrap_socket(self.raw(), server_hostname="host.example")
        self.case.addCleanup(s.close)
        return s

    records, events = tcp.Collector.records, tcp.Collector.events

    def stop(self):
        return tcp.Collector.stop(self)


def export(s, domain, n):
    s.sendall(message(domain, 0, TEMPLATE))
    for i in range(n):
        s.sendall(message(domain, i, RECORD))


@unittest.skipUnless(OPENSSL, "no openssl")
class Tls(Case):
    def setUp(self):
        super().setUp()
        make_certificates(self.dir)

    def refused(self, c, who, *words):
        """The handshake fails, or what is sent behind it finds nobody."""
        before = c.heard.err.count("refused:")
        with self.assertRaises(OSError):
            s = c.join(who)
            export(s, 66, 1)
            s.recv(1)
            raise ConnectionResetError
        self.assertTrue(wait_for(lambda: c.heard.err.count("refused:") > before), c.heard.err)
        self.assertTrue(any(w in c.heard.err.split("refused:")[-1] for w in words), c.heard.err)

    def test_heard(self):
        c = Collector(self, "--stats", "1", events="flow,stats")
        a, b = c.join(version=ssl.TLSVersion.TLSv1_2), c.join(version=ssl.TLSVersion.TLSv1_3)
        export(a, 1, 500)
        data = message(2, 0, TEMPLATE) + b"".join(message(2, i, RECORD) for i in range(50))
        for i in range(0, len(data), 7):  # records of TLS that no message ends with
            b.sendall(data[i:i + 7])
        big = struct.pack("!HH", 256, 65000) + bytes(64996)
        b.sendall(b"".join(message(3, i * 8124, TEMPLATE + big) for i in range(3)))
        self.assertTrue(wait_for(lambda: (c.records(1), c.records(2)) == (500, 50)), c.heard.err)
        self.assertTrue(wait_for(lambda: c.records(3) == 3 * (64996 // 8)))
        a.close()
        self.assertTrue(wait_for(
            lambda: [e["collect"]["connections"] for e in c.events(b'"pipeline_stats"')][-1:] == [1]))
        account = c.stop()
        self.assertEqual((account["malformed"], account.get("connections_refused", 0)), ({}, 0), account)

    def test_burst_before_the_end(self):
        """All that came before the other side closed is read, however much of it at once."""
        c = Collector(self)
        s = c.join()
        s.sendall(message(4, 0, TEMPLATE) + b"".join(message(4, i, RECORD) for i in range(40000)))
        s.unwrap().close()
        self.assertTrue(wait_for(lambda: c.records(4) == 40000), c.records(4))
        self.assertEqual(c.stop()["malformed"], {})

    def test_certificates(self):
        authority(self.dir, "other")
        certificate(self.dir, "stranger", "IP:127.0.0.1", by="other")
        certificate(self.dir, "old", "IP:127.0.0.1", days="-1")
        certificate(self.dir, "elsewhere", "DNS:elsewhere.example,IP:10.0.0.1")
        c = Collector(self, more="&peers=exporter.example,sender")
        self.refused(c, None, "did not return a certificate")
        time.sleep(1.1)  # one a second is said
        self.refused(c, "stranger", "unable to get local issuer certificate", "unable to verify")
        time.sleep(1.1)
        self.refused(c, "old", "certificate has expired")
        time.sleep(1.1)
        self.refused(c, "elsewhere", "none of the names and addresses of peers=")
        certificate(self.dir, "named", "DNS:exporter.example")
        certificate(self.dir, "numbered", "IP:127.0.0.1")
        for who in "named", "numbered":
            export(c.join(who), 5, 10)
        self.assertTrue(wait_for(lambda: c.records(5) == 20), c.heard.err)
        account = c.stop()
        self.assertEqual((account["connections_refused"], c.records(66)), (4, 0))

    def test_anybody(self):
        """verify=false asks for no certificate; the authority is not to be given."""
        p = tcp.Ports()
        h = Heard(self, "collect", "-w", "1", "-l", f"ipfix+tls://127.0.0.1:{p.tcp}?cert={self.dir}/host.pem"
                  f"&key={self.dir}/host.key&verify=false", "-o", f"ndjson:{self.dir}/out", "-e", "flow")
        h.wait("memory")
        c = ssl.create_default_context(cafile=self.dir / "ca.pem")
        s = c.wrap_socket(socket.create_connection(("127.0.0.1", p.tcp), 20), server_hostname="host.example")
        self.addCleanup(s.close)
        export(s, 1, 5)
        self.assertTrue(wait_for(lambda: (self.dir / "out").read_bytes().count(b"\n") == 5))
        h.p.terminate()
        self.assertEqual(h.ended()["records"], 5)

    def test_wrong_ones(self):
        here = f"cert={self.dir}/host.pem&key={self.dir}/host.key&ca={self.dir}/ca.pem"
        (self.dir / "text").write_text("no certificate")
        for query, status, word in (("", 2, "our certificate"), (f"?cert={self.dir}/host.pem", 2, "give ca="),
                                    (f"?{here}&verify=perhaps", 2, "there is no parameter"),
                                    (f"?{here}&verify=false", 2, "are for verify=true"),
                                    (f"?cert=&{here}", 2, "has no value"),
                                    (f"?{here}&ca={self.dir}/none", 1, "No such file"),
                                    (f"?{here}&ca={self.dir}/text", 2, "ca="),
                                    (f"?{here}&cert={self.dir}/text", 2, "cert="),
                                    (f"?{here}&key={self.dir}/exporter.key", 2, "key")):
            for scheme in "ipfix+tls", "ipfix+dtls":
                r = run("collect", "-l", f"{scheme}://127.0.0.1:{tcp.Ports().tcp}{query}", "-o", "null:")
                self.assertEqual(r.returncode, status, (query, r.stderr))
                self.assertIn(word, r.stderr)
        r = run("collect", "-l", "ipfix+tcp://127.0.0.1:9?cert=x", "-o", "null:")
        self.assertEqual(r.returncode, 2, r.stderr)
        r = run("check", "-c", self.file("f.yaml", f"listen: 'ipfix+tls://127.0.0.1:9?{here}&ca={self.dir}/none'"))
        self.assertIn("No such file", r.stderr)

    def test_half_handshakes(self):
        """Who begins and does not go on is the first to give way; TCP, UDP and whole handshakes go on."""
        c = Collector(self)
        hello = self.hello(c)
        for i in range(600):
            s = c.raw()
            s.sendall(hello if i % 3 else hello[:20])
        export(c.join(), 1, 20)
        s = c.raw(c.plain)
        export(s, 2, 20)
        self.assertTrue(wait_for(lambda: (c.records(1), c.records(2)) == (20, 20)), c.heard.err)
        account = c.stop()
        self.assertGreater(account["connections_displaced"] + account["connections_refused"], 600 - 256)

    def test_garbage(self):
        c = Collector(self)
        for text in (b"GET / HTTP/1.1\r\n\r\n", message(1, 0, TEMPLATE), bytes(range(256)), b"\x16\x03\x01\xff\xff"):
            s = c.raw()
            s.sendall(text)
            s.shutdown(socket.SHUT_WR)
            s.settimeout(20)
            try:
                while s.recv(4096):
                    pass
            except ConnectionResetError:
                pass
        export(c.join(), 1, 5)
        self.assertTrue(wait_for(lambda: c.records(1) == 5), c.heard.err)
        account = c.stop()
        self.assertEqual((account["connections_refused"], account["records"]), (4, 5))

    def test_slow_handshake(self):
        c = Collector(self)
        s = c.raw()
        s.sendall(self.hello(c)[:30])
        s.settimeout(30)
        before = time.monotonic()
        self.assertEqual(s.recv(1), b"")
        self.assertGreater(time.monotonic() - before, 8)
        self.assertTrue(wait_for(lambda: "takes too long" in c.heard.err), c.heard.err)
        c.stop()

    def test_flood(self):
        """Handshakes one behind the other on several connections: UDP and TCP lose nothing."""
        c = Collector(self)
        over = threading.Event()

        def flood():
            context = c.context(None)  # a whole handshake, and refused at the end
            while not over.is_set():
                try:
                    with socket.create_connection(("127.0.0.1", c.port), 5) as s:
                        context.wrap_socket(s, server_hostname="host.example").close()
                except OSError:
                    pass
        threads = [threading.Thread(target=flood, daemon=True) for _ in range(4)]
        for t in threads:
            t.start()
        u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(u.close)
        u.connect(("127.0.0.1", c.plain))
        s = c.raw(c.plain)
        u.send(message(8, 0, TEMPLATE))
        s.sendall(message(9, 0, TEMPLATE))
        for i in range(2000):
            u.send(message(8, i, RECORD))
            s.sendall(message(9, i, RECORD))
            if i % 20 == 0:
                time.sleep(0.01)
        self.assertTrue(wait_for(lambda: (c.records(8), c.records(9)) == (2000, 2000)), c.heard.err)
        over.set()
        for t in threads:
            t.join(30)
        account = c.stop()
        self.assertEqual(account["kernel_dropped"] or 0, 0)
        self.assertGreater(account["connections_refused"], 0)

    def hello(self, c):
        """The first flight of a client."""
        there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
        o = c.context().wrap_bio(there, back, server_hostname="host.example")
        try:
            o.do_handshake()
        except ssl.SSLWantReadError:
            pass
        return back.read()


class Association:
    """openssl s_client: each write is a datagram."""

    def __init__(self, case, c, *more, who="exporter"):
        cert = ["-cert", case.dir / f"{who}.pem", "-key", case.dir / f"{who}.key"] if who else []
        self.p = subprocess.Popen(
            ["openssl", "s_client", "-dtls1_2", "-connect", f"127.0.0.1:{c.port}", "-CAfile", case.dir / "trust.pem",
             "-verify_return_error", "-verify_hostname", "host.example", "-quiet", "-no_ign_eof", *cert, *more],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, bufsize=0)
        case.addCleanup(self.end)

    def send(self, data, pause=0.05):
        self.p.stdin.write(data)
        time.sleep(pause)

    def end(self):
        if self.p.poll() is None:
            self.p.kill()
        self.p.wait()
        for f in self.p.stdin, self.p.stderr:
            try:
                f.close()
            except OSError:
                pass


@unittest.skipUnless(OPENSSL, "no openssl")
class Dtls(Case):
    def setUp(self):
        super().setUp()
        make_certificates(self.dir)

    def connections(self, c):
        return [e["collect"]["connections"] for e in c.events(b'"pipeline_stats"')][-1:]

    def test_dtls_heard(self):
        c = Collector(self, "--stats", "1", "--tcp-idle-timeout", "3", events="flow,stats")
        a, b = Association(self, c), Association(self, c)
        for one, domain in ((a, 1), (b, 2)):
            one.send(message(domain, 0, TEMPLATE), 0.5)
            for i in range(20):
                one.send(message(domain, i, RECORD))
        one.send(message(2, 20, RECORD) * 3)  # several messages in a record are one datagram
        self.assertTrue(wait_for(lambda: (c.records(1), c.records(2)) == (20, 23)), c.heard.err)
        a.p.stdin.close()  # says farewell
        self.assertTrue(wait_for(lambda: self.connections(c) == [1]))
        b.p.kill()  # says nothing
        self.assertTrue(wait_for(lambda: self.connections(c) == [0], 20))
        account = c.stop()
        self.assertEqual((account["records"], account["connections_idle"]), (43, 1), account)

    def test_dtls_certificates(self):
        authority(self.dir, "other")
        certificate(self.dir, "stranger", "IP:127.0.0.1", by="other")
        certificate(self.dir, "elsewhere", "DNS:elsewhere.example,IP:10.0.0.1")
        c = Collector(self, more="&peers=exporter.example")
        for who, word in ((None, "did not return a certificate"), ("stranger", "its certificate: unable to"),
                          ("elsewhere", "peers=")):
            before = c.heard.err.count("refused:")
            a = Association(self, c, who=who)
            self.assertTrue(wait_for(lambda: c.heard.err.count("refused:") > before), c.heard.err)
            self.assertIn(word, c.heard.err.split("refused:")[-1])
            self.assertTrue(wait_for(lambda: a.p.poll() is not None))
            time.sleep(1.1)
        Association(self, c).send(message(1, 0, TEMPLATE + RECORD), 0.5)
        self.assertTrue(wait_for(lambda: c.records(1) == 1), c.heard.err)
        self.assertEqual(c.stop()["connections_refused"], 3)

    def test_dtls_strangers(self):
        """Hellos without a cookie keep no place; what is of no session is counted; neither holds up others."""
        c = Collector(self, "--stats", "1", events="flow,stats")
        hello = self.record_hello(c)
        for i in range(600):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.sendto(hello, ("127.0.0.1", c.port))
                if i == 0:  # the cookie is asked for, in less than was sent
                    s.settimeout(20)
                    answer = s.recv(4096)
                    self.assertEqual((answer[0], answer[13]), (22, 3))
                    self.assertLess(len(answer), len(hello))
        sealed = [message(1, 0, TEMPLATE), b"x", bytes(1000), b"\x17\xfe\xfd" + bytes(40),
                  hello[:14], hello[:60]]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            for data in sealed:
                s.sendto(data, ("127.0.0.1", c.port))
        Association(self, c).send(message(1, 0, TEMPLATE + RECORD), 1)
        self.assertTrue(wait_for(lambda: c.records(1) == 1), c.heard.err)
        self.assertTrue(wait_for(lambda: self.connections(c) == [1]))
        account = c.stop()
        self.assertEqual(account["malformed"], {"export_sealed": 4}, account)
        self.assertEqual(account["records"], 1)

    def test_dtls_again(self):
        """Who begins anew from the same port replaces its association."""
        c = Collector(self, "--stats", "1", events="flow,stats")
        port = tcp.Ports().udp
        for i in range(3):
            a = Association(self, c, "-bind", f"127.0.0.1:{port}")
            a.send(message(1, i, TEMPLATE + RECORD), 0.5)
            self.assertTrue(wait_for(lambda i=i: c.records(1) == i + 1), c.heard.err)
            a.end()
        self.assertTrue(wait_for(lambda: self.connections(c) == [1]))
        self.assertEqual(c.stop()["records"], 3)

    def record_hello(self, c):
        """The first datagram of s_client."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.1", 0))
            s.settimeout(20)
            p = subprocess.Popen(["openssl", "s_client", "-dtls1_2", "-connect",
                                  f"127.0.0.1:{s.getsockname()[1]}"], stdin=subprocess.PIPE,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            hello = s.recv(4096)
            p.kill()
            p.wait()
            p.stdin.close()
            return hello


@unittest.skipUnless(OPENSSL, "no openssl")
class Again(Case):
    """SIGHUP: the files of certificates are read again. Who is there stays; what is wrong changes nothing."""

    def setUp(self):
        super().setUp()
        make_certificates(self.dir)
        authority(self.dir, "later")
        certificate(self.dir, "stranger", "IP:127.0.0.1", by="later")

    def load(self, c, said="was loaded again"):
        before = c.heard.err.count(said)
        c.heard.p.send_signal(signal.SIGHUP)
        self.assertTrue(wait_for(lambda: c.heard.err.count(said) > before), c.heard.err)

    def accepts(self, c, who, domain):
        """Whether a record of theirs is heard, over TLS and over DTLS."""
        before, before_dtls = c.records(domain), c.records(domain + 1)
        try:
            export(c.join(who), domain, 1)
        except OSError:
            pass
        tls = wait_for(lambda: c.records(domain) == before + 1, 3)
        a = Association(self, c, who=who)
        try:
            a.send(message(domain + 1, 0, TEMPLATE), 0.5)
            a.send(message(domain + 1, 0, RECORD))
        except OSError:
            pass
        dtls = wait_for(lambda: c.records(domain + 1) == before_dtls + 1, 3)
        a.end()
        return tls, dtls

    def serial(self, c):
        s = c.join()
        number = s.getpeercert()["serialNumber"]
        s.close()
        return number

    def test_again(self):
        c = Collector(self)
        old, a, d = self.serial(c), c.join(), Association(self, c)
        export(a, 1, 5)
        d.send(message(2, 0, TEMPLATE), 0.5)
        d.send(message(2, 0, RECORD))
        self.assertTrue(wait_for(lambda: (c.records(1), c.records(2)) == (5, 1)), c.heard.err)
        self.assertEqual(self.accepts(c, "stranger", 10), (False, False))

        certificate(self.dir, "host", "DNS:host.example,IP:127.0.0.1")
        (self.dir / "ca.pem").write_text((self.dir / "ca.pem").read_text() + (self.dir / "later.pem").read_text())
        self.assertEqual(self.serial(c), old)
        self.load(c)
        self.assertIn("certificates of what it listens on", c.heard.err)
        self.assertTrue(wait_for(lambda: self.serial(c) != old), c.heard.err)
        self.assertEqual(self.accepts(c, "stranger", 20), (True, True))
        self.assertEqual(self.accepts(c, "exporter", 30), (True, True))
        a.sendall(message(1, 5, RECORD))  # with what they began with
        d.send(message(2, 1, RECORD))
        self.assertTrue(wait_for(lambda: (c.records(1), c.records(2)) == (6, 2)), c.heard.err)

        now = self.serial(c)
        for damage in ("host.pem", "no certificate"), ("host.key", (self.dir / "exporter.key").read_text()):
            kept = (self.dir / damage[0]).read_text()
            certificate(self.dir, "other", "DNS:host.example,IP:127.0.0.1")
            (self.dir / damage[0]).write_text(damage[1])
            self.load(c, "the configuration stays as it was")
            self.assertEqual(self.serial(c), now)
            (self.dir / damage[0]).write_text(kept)
        (self.dir / "ca.pem").unlink()
        self.load(c, "the configuration stays as it was")
        for _ in range(20):  # one load behind the other, while hands are shaken
            (self.dir / "ca.pem").write_text((self.dir / "later.pem").read_text())
            c.heard.p.send_signal(signal.SIGHUP)
            try:
                c.raw().sendall(b"\x16\x03\x01")
            except OSError:
                pass
        self.assertTrue(wait_for(lambda: self.accepts(c, "exporter", 40) == (False, False)), c.heard.err)
        self.assertEqual(self.accepts(c, "stranger", 50), (True, True))
        self.assertEqual(c.stop()["malformed"], {})


@unittest.skipUnless(OPENSSL and shutil.which("gnutls-cli"), "no openssl, or no gnutls-cli")
class Gnutls(Case):
    """Another implementation of both."""

    def setUp(self):
        super().setUp()
        make_certificates(self.dir)

    def client(self, c, *more):
        return subprocess.Popen(
            ["gnutls-cli", f"--x509cafile={self.dir}/ca.pem", f"--x509certfile={self.dir}/exporter.pem",
             f"--x509keyfile={self.dir}/exporter.key", "-p", str(c.port), *more, "127.0.0.1"],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, bufsize=0)

    def test_gnutls(self):
        c = Collector(self, more="&peers=sender")
        for domain, more in ((1, ()), (2, ("--priority=NORMAL:-VERS-TLS1.3",)), (3, ("--udp",))):
            p = self.client(c, *more)
            time.sleep(0.5)
            for part in message(domain, 0, TEMPLATE), message(domain, 0, RECORD), message(domain, 1, RECORD):
                p.stdin.write(part)
                time.sleep(0.1)
            self.assertTrue(wait_for(lambda domain=domain: c.records(domain) == 2), (more, c.heard.err))
            p.stdin.close()
            p.terminate()
            p.wait()
        account = c.stop()
        self.assertEqual((account["records"], account["malformed"]), (6, {}), account)


class Sctp(Case):
    def test_sctp(self):
        """Where the kernel has none, it is said."""
        try:
            socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132).close()
            here = True
        except OSError:
            here = False
        port = tcp.Ports().tcp
        if not here:
            r = run("collect", "-l", f"ipfix+sctp://127.0.0.1:{port}", "-o", "null:")
            self.assertEqual(r.returncode, 1)
            self.assertIn("this kernel has no SCTP", r.stderr)
            return
        out = self.dir / "out"
        h = Heard(self, "collect", "-w", "1", "-l", f"ipfix+sctp://127.0.0.1:{port}", "-e", "flow",
                  "-o", f"ndjson:{out}")
        h.wait("memory")
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132) as s:
            s.connect(("127.0.0.1", port))
            export(s, 1, 20)
            self.assertTrue(wait_for(lambda: out.read_bytes().count(b"\n") == 20))
        h.p.terminate()
        self.assertEqual(h.ended()["records"], 20)


if __name__ == "__main__":
    main()
