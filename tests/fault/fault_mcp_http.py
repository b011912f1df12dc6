# SPDX-License-Identifier: Apache-2.0
"""flowtap serve with clients that misbehave, in its bounds of memory and system calls; and its end."""
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

from faults import FLOWTAP, SAMPLE, Case, main, pcap_header, run, wait_for

META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}
HEADERS = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
MALLOC = "/proc/sys/vm/overcommit_memory"  # what the C library looks at before it gives memory of a thread back
SANITIZER = "sanitizer" in run("read", "-v", "-w1", "-o", "null:", SAMPLE).stderr


def request(method, **params):
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": META}})


def modern(method, name=None):
    return {**HEADERS, "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": method, **({"Mcp-Name": name} if name else {})}


class Served(Case):
    @classmethod
    def setUpClass(cls):
        tmp = tempfile.TemporaryDirectory(prefix="flowtap-mcp-")
        cls.addClassCleanup(tmp.cleanup)
        cls.store = f"{tmp.name}/store"
        r = run("read", "-e", "flow,window,alert", "-o", f"store:{cls.store}", SAMPLE)
        assert r.returncode == 0, r.stderr
        if "libmicrohttpd" not in run("--version").stdout:
            raise unittest.SkipTest("a build without libmicrohttpd")

    def serve(self, *args, before=(), address="127.0.0.1:0"):
        self.p = subprocess.Popen([*map(str, before), FLOWTAP, "serve", "--store", self.store, "--http", address, *args],
                                  stderr=subprocess.PIPE, text=True)
        self.addCleanup(self.p.stderr.close)
        self.addCleanup(self.p.wait)
        self.addCleanup(lambda: self.p.poll() is None and self.p.kill())
        line = ""
        while "agents: " not in line:
            line = self.p.stderr.readline()
            self.assertNotEqual(line, "", "it ended")
        self.port = int(re.search(r":(\d+)/mcp", line).group(1))

    def connection(self):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        self.addCleanup(c.close)
        return c

    def post(self, body, headers=HEADERS, c=None):
        c = c or self.connection()
        c.request("POST", "/mcp", body, headers)
        r = c.getresponse()
        return r.status, r.read()

    def overview(self):
        status, body = self.post(request("tools/call", name="overview"), modern("tools/call", "overview"))
        self.assertEqual(status, 200, body)
        self.assertIn("structuredContent", json.loads(body)["result"])

    def listen(self):
        c = self.connection()
        c.request("POST", "/mcp", request("subscriptions/listen", notifications={"resourceSubscriptions": ["telemetry://alerts"]}),
                  modern("subscriptions/listen"))
        r = c.getresponse()
        self.assertEqual(r.status, 200)
        self.assertIn(b"event: message", r.readline())
        self.assertIn(b"acknowledged", r.readline())
        return c, r

    def end(self, sig=signal.SIGTERM, seconds=20):
        start = time.monotonic()
        self.p.send_signal(sig)
        self.assertEqual(self.p.wait(30), 0)
        self.assertLess(time.monotonic() - start, seconds)


class Clients(Served):
    def test_garbage(self):
        self.serve()
        for body in b"", b"{", os.urandom(3000), b"[" * 10000, b"\0" * 100, b'{"jsonrpc":"2.0"}', b"[]", b"null":
            status, _ = self.post(body)
            self.assertEqual(status, 400)
        for raw in b"\r\n\r\n", os.urandom(2000) + b"\r\n\r\n", b"POST /mcp HTTP/1.1\r\n\r\n", b"GET " + b"x" * 100000 + b" HTTP/1.1\r\n\r\n", \
                b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n", \
                b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n":
            with socket.create_connection(("127.0.0.1", self.port), 20) as s:
                try:
                    s.sendall(raw)
                    s.shutdown(socket.SHUT_WR)
                    s.recv(1000)
                except OSError:
                    pass
        self.overview()
        self.end()

    def test_crowd(self):
        """Hundreds that send half a request, streams, and many that ask: who asks is answered."""
        self.serve()
        streams = [self.listen() for _ in range(10)]
        half = []
        for _ in range(300):
            s = socket.create_connection(("127.0.0.1", self.port), 20)
            s.sendall(b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
            half.append(s)
            self.addCleanup(s.close)
        errors = []

        def ask():
            try:
                for _ in range(5):
                    self.overview()
            except Exception as e:
                errors.append(repr(e))
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
        self.assertEqual(errors, [])
        self.end()
        for c, r in streams:  # they are told of the end
            rest = r.read()
            self.assertIn(b'"result":{"resultType":"complete"', rest)

    @unittest.skipIf(SANITIZER, "a sanitizer keeps what was freed")
    def test_memory(self):
        """Large bodies of many do not stay."""
        self.serve()
        self.overview()
        body = b"[" + b"0," * 8000 + b"0]" + b" " * 200000
        for _ in range(3):
            self.post(body)
        before = self.rss()
        for _ in range(100):
            self.assertEqual(self.post(body)[0], 400)
        self.assertLess(self.rss() - before, 16 << 20)
        self.end()

    def rss(self):
        text = pathlib.Path(f"/proc/{self.p.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text).group(1)) * 1024

    def test_gone_streams(self):
        """Who closes a stream has a place for another one within the time of a comment."""
        self.serve()
        for _ in range(24):
            self.listen()[0].close()

        def again():
            try:
                self.listen()[0].close()
                return True
            except AssertionError:
                return False
        self.assertTrue(wait_for(again, 40))
        self.end()


class Stop(Served):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        tmp = tempfile.TemporaryDirectory(prefix="flowtap-mcp-")
        cls.addClassCleanup(tmp.cleanup)
        cls.store = f"{tmp.name}/store"
        r = run("read", "-e", "flow", "-o", f"store:{cls.store}", many_flows(pathlib.Path(tmp.name) / "flows.pcap"))
        assert r.returncode == 0, r.stderr

    def test_questions_run(self):
        """Questions that run, and those that wait for their turn, hold nobody up."""
        self.serve()
        body, headers = request("tools/call", name="top", arguments={"by": "flows", "key": "pair", "window": "all"}), modern("tools/call", "top")
        asking = [self.connection() for _ in range(40)]
        for c in asking:
            c.request("POST", "/mcp", body, headers)
        self.assertEqual(asking[0].getresponse().status, 200)  # they are at it
        self.end(seconds=8)  # who waits for a turn does so for 10


class Replaced(Served):
    def test_another_store(self):
        """What was opened is gone: nobody is told of an empty network. A store made anew in its folder is read."""
        self.store = self.dir / "store"
        shutil.copytree(type(self).store, self.store)
        self.serve()
        self.assertEqual(self.flows(), 15)
        for f in self.store.iterdir():
            shutil.rmtree(f) if f.is_dir() else f.unlink()
        self.assertIn("there is no store", self.flows())
        self.fill()
        self.assertEqual(self.flows(), 15)
        self.store.rename(self.dir / "old")
        self.fill()  # in another folder, of which the process may not know
        self.assertIn(self.flows(), (15, "the store is not in the folder that was opened: start this flowtap anew"))
        self.end()

    def fill(self):
        r = run("read", "-e", "flow,window,alert", "-o", f"store:{self.store}", SAMPLE)
        self.assertEqual(r.returncode, 0, r.stderr)

    def flows(self):
        """How many there are, or why not."""
        _, body = self.post(request("tools/call", name="overview", arguments={"window": "all"}), modern("tools/call", "overview"))
        r = json.loads(body)["result"]
        return r["content"][0]["text"] if r.get("isError") else r["structuredContent"]["traffic"]["flows"]


def many_flows(path):
    """A capture of 200 000 flows, whose pairs take long to be counted."""
    record = struct.Struct("<IIII")
    packet = struct.Struct("!14sBBHHHBBHIIHHHH")
    ether = b"\2" * 12 + b"\x08\x00"
    with open(path, "wb") as f:
        f.write(pcap_header())
        for i in range(200_000):
            f.write(record.pack(1_719_409_000 + i // 2000, i % 2000, 42, 42))
            f.write(packet.pack(ether, 0x45, 0, 28, 0, 0, 64, 17, 0, 0x0A000000 + i, 0x0A800000 + i * 7919 % 900_007, 1024, 53, 8, 0))
    return path


class Gate(Served):
    def test_token_and_level(self):
        """Beyond loopback: a token, and no addresses unless told."""
        token = self.file("token", "fault-0123456789abcdef\n")
        self.serve("--token-file", token, address="0.0.0.0:0")
        body, headers = request("tools/call", name="overview"), modern("tools/call", "overview")
        self.assertEqual(self.post(body, headers)[0], 401)
        status, text = self.post(body, {**headers, "Authorization": "Bearer fault-0123456789abcdef", "Host": "any.example"})
        self.assertEqual(status, 200)
        self.assertNotIn(b"192.0.2.1", text)
        self.end()

    def test_loopback_level(self):
        self.serve()
        _, text = self.post(request("tools/call", name="overview"), modern("tools/call", "overview"))
        self.assertIn(b"192.0.2.1", text)
        self.end()

    def test_address_taken(self):
        self.serve()
        r = run("serve", "--store", self.store, "--http", f"127.0.0.1:{self.port}")
        self.assertEqual(r.returncode, 1)
        self.assertIn("cannot be bound", r.stderr)
        self.end()


@unittest.skipIf(SANITIZER, "a sanitizer build has no filter")
class Confined(Served):
    def test_filter(self):
        """What is refused by the kernel is what the C library probes for, and nothing else."""
        if shutil.which("strace") is None:
            self.skipTest("no strace")
        trace = self.dir / "trace"
        self.serve(before=["strace", "-f", "-qq", "-e", "signal=none", "-o", trace])
        self.overview()
        self.post(request("resources/read", uri="telemetry://health"), modern("resources/read", "telemetry://health"))
        c, _ = self.listen()
        self.post("{")
        time.sleep(1.5)
        c.close()
        os.kill(int(trace.read_text(errors="replace").split(None, 1)[0]), signal.SIGTERM)
        self.assertEqual(self.p.wait(60), 0)
        text = trace.read_text(errors="replace")
        behind = text[text.rindex(" seccomp("):].replace(f'openat(AT_FDCWD, "{MALLOC}"', "malloc(")
        refused = set(re.findall(r"^\d+ +(?:<\.\.\. )?(\w+)[( ].*= -1 (?:ENOSYS|EPERM|EACCES)", behind, re.M))
        self.assertLessEqual(refused, {"malloc", "clone3"})  # older C libraries have no clone3

    def test_status(self):
        self.serve()
        status = pathlib.Path(f"/proc/{self.p.pid}/status").read_text()
        self.assertRegex(status, r"NoNewPrivs:\s+1")
        self.assertRegex(status, r"Seccomp:\s+2")
        self.end(signal.SIGINT)


if __name__ == "__main__":
    main()
