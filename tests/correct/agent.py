# SPDX-License-Identifier: Apache-2.0
"""An agent's side of `flowtap mcp`: asks tools, and looks at what every answer has to be."""
import json
import subprocess

try:
    import jsonschema
except ImportError:  # then answers are not held against their schemas
    jsonschema = None

MOST = 64 << 10


def tokens(text):
    return len(text) / 3.3


class Agent:
    def __init__(self, program, folder, privacy=0):
        self.p = subprocess.Popen([program, "mcp", "--store", folder, "--privacy", str(privacy)], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8")
        self.n, self.texts = 0, []
        self.hello = self.ask("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                                             "clientInfo": {"name": "test", "version": "1"}})["result"]
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        self.tools = {t["name"]: t for t in self.ask("tools/list", {})["result"]["tools"]}
        self.texts = []  # of answers, from now on

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.p.stdin.close()
        self.p.wait(timeout=30)
        self.p.stdout.close()
        self.p.stderr.close()

    def send(self, message):
        self.p.stdin.write(json.dumps(message) + "\n")
        self.p.stdin.flush()

    def ask(self, method, params):
        self.n += 1
        self.send({"jsonrpc": "2.0", "id": self.n, "method": method, "params": params})
        line = self.p.stdout.readline()
        assert line, self.p.stderr.read()
        self.texts.append(line)
        answer = json.loads(line)
        assert answer["id"] == self.n, answer
        return answer

    def tool(self, name, **args):
        """The answer of a tool as an object; of an error its text."""
        answer = self.ask("tools/call", {"name": name, "arguments": args})
        assert "result" in answer, answer
        result = answer["result"]
        text = result["content"][0]["text"]
        assert len(text.encode()) <= MOST, (name, args, len(text))
        if result.get("isError"):
            return text
        out = json.loads(text)
        assert out == result["structuredContent"], name
        if "limit" not in args and "k" not in args:
            assert tokens(text) <= 1500, (name, args, tokens(text), text)
        if jsonschema is not None:
            jsonschema.validate(out, self.tools[name]["outputSchema"])
        for key in ("generated_at", "age_s", "loss_pct", "sampling", "partial"):
            assert key in out["data"], (name, key)
        look_at(out)
        return out

    def rows(self, name, **args):
        """The rows of an answer as objects."""
        out = self.tool(name, **args)
        assert isinstance(out, dict), out
        return table(out), out

    def pages(self, name, **args):
        """All rows of all pages."""
        rows, cursor, n = [], None, 0
        while True:
            more, out = self.rows(name, **dict(args, **({"cursor": cursor} if cursor else {})))
            rows += more
            n += 1
            assert n < 2000
            if not out["truncated"]:
                assert "next_cursor" not in out
                return rows, n
            assert more, "a page without rows"
            cursor = out["next_cursor"]

    def read(self, uri):
        answer = self.ask("resources/read", {"uri": uri})
        return answer["result"]["contents"][0]["text"] if "result" in answer else answer["error"]["message"]


def table(t):
    for row in t["rows"]:
        assert len(row) == len(t["columns"]), t
    return [dict(zip(t["columns"], row)) for row in t["rows"]]


def texts(value, key=""):
    """(name of the field, text) of all texts in an answer; rows by their columns."""
    if isinstance(value, dict):
        if set(value) >= {"columns", "rows"}:
            for row in table(value):
                yield from texts(row)
            value = {k: v for k, v in value.items() if k not in ("columns", "rows")}
        for k, v in value.items():
            yield from texts(v, k)
    elif isinstance(value, list):
        for v in value:
            yield from texts(v, key)
    elif isinstance(value, str):
        yield key, value


def hidden(c):
    o = ord(c)
    return (o < 0x20 or 0x7f <= o < 0xa0 or 0x200b <= o <= 0x200f or 0x2028 <= o <= 0x202e or 0x2060 <= o <= 0x206f
            or o == 0xfeff or o >= 0xe0000)


def look_at(out):
    for key, text in texts(out):
        assert not any(hidden(c) for c in text), (key, text)
        if key.startswith("untrusted_"):
            assert len(text) <= 64, (key, text)
