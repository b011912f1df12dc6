# SPDX-License-Identifier: Apache-2.0
"""flowtap mcp with clients that send garbage, too much, that do not read, that go away; and its end."""
import json
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time

from faults import FLOWTAP, SAMPLE, Case, main, run

META = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}


def request(method, rid=1, **params):
    return json.dumps({"jsonrpc": "2.0", "id": rid, "method": method, "params": {**params, "_meta": META}})


PING = '{"jsonrpc":"2.0","id":"p","method":"ping"}'


class Agents(Case):
    @classmethod
    def setUpClass(cls):
        tmp = tempfile.TemporaryDirectory(prefix="flowtap-mcp-")
        cls.addClassCleanup(tmp.cleanup)
        cls.store = f"{tmp.name}/store"
        r = run("read", "-e", "flow,window", "-o", f"store:{cls.store}", SAMPLE)
        assert r.returncode == 0, r.stderr

    def said(self, lines, status=0, **kw):
        """What is answered to lines, each an object; nothing but answers on stdout."""
        data = lines if isinstance(lines, bytes) else "".join(x + "\n" for x in lines).encode()
        r = subprocess.run([FLOWTAP, "mcp", "--store", self.store], input=data, capture_output=True, timeout=60, **kw)
        self.assertEqual((r.returncode, self.spoken(r.stderr)), (status, b""))
        self.assertTrue(r.stdout == b"" or r.stdout.endswith(b"\n"))
        return [json.loads(x) for x in r.stdout.splitlines()]

    @staticmethod
    def spoken(err):
        return b"".join(x for x in err.splitlines(True) if b"no system-call filter" not in x)

    def begin(self, **kw):
        return self.started("mcp", "--store", self.store, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, **kw)

    def ask(self, p, line):
        p.stdin.write(line + "\n")
        p.stdin.flush()
        return json.loads(p.stdout.readline())


class Input(Agents):
    def test_garbage(self):
        bad = [b"{", b"\xff\xfe", b"[]", b"null", b'"', b"{}" * 3, b'{"jsonrpc":"2.0"}', b'{"a":' * 500, b"\0", os.urandom(4000).replace(b"\n", b"")]
        out = self.said(b"\n".join(bad) + b"\n" + PING.encode() + b"\n")
        self.assertEqual(len(out), len(bad) + 1)
        for o in out[:-1]:
            self.assertIn(o["error"]["code"], (-32700, -32600))
            self.assertIsNone(o["id"])
        self.assertEqual(out[-1], {"jsonrpc": "2.0", "id": "p", "result": {}})

    def test_codes(self):
        out = self.said([request("tools/list"), request("tools/nothing", 2), request("tools/call", 3, name="nothing"),
                         request("tools/call", 4, name="overview", arguments={"window": 7}),
                         request("tools/call", 5, name="overview", arguments={"window": "x" * 65}),
                         request("resources/read", 6, uri="file:///etc/passwd"),
                         request("server/discover", 7).replace("2026-07-28", "1999-01-01")])
        self.assertEqual([o.get("error", {}).get("code", 0) for o in out], [0, -32601, -32602, -32602, 0, -32602, -32022])
        self.assertTrue(out[4]["result"]["isError"])
        self.assertEqual(out[5]["error"]["data"], {"uri": "file:///etc/passwd"})

    def test_long_lines(self):
        """Far beyond the bound, twice, and the next one is answered."""
        long = b'{"jsonrpc":"2.0","id":1,"method":"' + b"x" * 3_000_000 + b'"}'
        out = self.said(b"\n".join([long, PING.encode(), long, PING.encode()]) + b"\n")
        self.assertEqual([o.get("error", {}).get("code") for o in out], [-32700, None, -32700, None])
        self.assertEqual(self.said(long)[0]["error"]["code"], -32700)  # and no end of the line at all

    def test_pieces(self):
        p = self.begin()
        for c in PING:
            p.stdin.write(c)
            p.stdin.flush()
            time.sleep(0.001)
        self.assertEqual(self.ask(p, "")["id"], "p")
        p.stdin.close()
        self.assertEqual(p.wait(20), 0)


class End(Agents):
    def test_input_ends(self):
        self.assertEqual(self.said([]), [])
        self.assertEqual(self.said(PING.encode())[0]["id"], "p")

    def test_no_input(self):
        """Descriptor 0 is closed, or nothing."""
        self.assertEqual(run("mcp", "--store", self.store).returncode, 0)
        r = subprocess.run(["sh", "-c", f"exec {FLOWTAP} mcp --store {self.store} <&-"], capture_output=True, timeout=20)
        self.assertEqual((r.returncode, r.stdout), (0, b""))

    def test_signals(self):
        for sig in signal.SIGTERM, signal.SIGINT, signal.SIGHUP:
            p = self.begin()
            self.ask(p, PING)
            p.send_signal(sig)
            self.assertEqual(p.wait(20), 0)

    def test_reader_goes(self):
        p = self.begin()
        self.ask(p, PING)
        p.stdout.close()
        p.stdin.write((PING + "\n") * 3)
        p.stdin.flush()
        self.assertEqual(p.wait(20), 0)

    def test_reader_sleeps(self):
        """Who does not read is not read: no memory grows; a signal ends it all the same."""
        p = self.begin()
        self.ask(p, PING)
        before = self.rss(p)
        os.set_blocking(p.stdin.fileno(), False)
        line, sent, quiet = (request("tools/list") + "\n").encode(), 0, 0
        while quiet < 20 and sent < 64 << 20:
            try:
                sent += os.write(p.stdin.fileno(), line * 100)
                quiet = 0
            except BlockingIOError:
                quiet += 1
                time.sleep(0.02)
        self.assertLess(sent, 1 << 20)
        self.assertLess(self.rss(p) - before, 8 << 20)
        p.send_signal(signal.SIGTERM)
        self.assertEqual(p.wait(20), 0)

    @staticmethod
    def rss(p):
        text = pathlib.Path(f"/proc/{p.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text).group(1)) * 1024


class Refused(Agents):
    def test_usage(self):
        self.wrong("mcp: wants --store DIR", "mcp")
        self.wrong("mcp: --store: wants a value", "mcp", "--store")
        self.wrong("mcp: '--http': allowed are --store, --privacy", "mcp", "--http", "x")
        self.wrong("mcp: --privacy '5': allowed is 0 (all), 1 (no names), 2 (mapped addresses), 3 (tokens) or 4 (aggregates)",
                   "mcp", "--store", self.store, "--privacy", "5")
        self.wrong("serve: wants --store DIR and --http ADDR:PORT", "serve", "--store", self.store)
        self.wrong("error: --http: 'nowhere' is no ADDR:PORT", "serve", "--store", self.store, "--http", "nowhere")
        self.wrong("error: --http 0.0.0.0:0: others reach that address: it wants --token-file", "serve", "--store",
                   self.store, "--http", "0.0.0.0:0")
        short = self.file("token", "short\n")
        self.wrong(f"error: --token-file {short}: it wants one word of 16 characters or more (openssl rand -hex 32)",
                   "serve", "--store", self.store, "--http", "0.0.0.0:0", "--token-file", short)
        self.wrong("error: --origin 'x': it wants https://host or https://host:port", "serve", "--store", self.store,
                   "--http", "127.0.0.1:0", "--origin", "x")

    def test_no_store(self):
        for args in (["mcp"], ["serve", "--http", "127.0.0.1:0"]):
            r = run(*args, "--store", self.dir / "none")
            self.assertEqual((r.returncode, r.stdout), (1, ""))
            self.assertIn("none", r.stderr)

    def test_newer_store(self):
        newer = self.dir / "newer"
        shutil.copytree(self.store, newer)
        db = sqlite3.connect(newer / "store.db")
        db.execute("PRAGMA user_version=1000")
        db.commit()
        db.close()
        r = run("mcp", "--store", newer)
        self.assertEqual((r.returncode, r.stdout), (1, ""))
        self.assertIn("newer", r.stderr)


class Confined(Agents):
    def test_filter(self):
        """What is asked of the kernel and refused is what the C library probes for, and nothing else."""
        if shutil.which("strace") is None or "sanitizer" in run("read", "-v", "-w1", "-o", "null:", SAMPLE).stderr:
            self.skipTest("no strace, or a sanitizer build")
        trace = self.dir / "trace"
        lines = [request("tools/list"), request("tools/call", 2, name="overview"), PING]
        r = subprocess.run(["strace", "-f", "-qq", "-o", trace, FLOWTAP, "mcp", "--store", self.store],
                           input="\n".join(lines) + "\n", text=True, capture_output=True, timeout=60)
        self.assertEqual(r.returncode, 0, r.stderr)
        self.assertEqual(len(r.stdout.splitlines()), 3)
        text = trace.read_text(errors="replace")
        behind = text[text.rindex("seccomp("):]
        self.assertEqual(re.findall(r"(\w+)\(.*= -1 (?:ENOSYS|EPERM|EACCES)", behind), [])
        self.assertNotIn("SIGSYS", text)


if __name__ == "__main__":
    main()
