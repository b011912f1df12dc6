#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""examples/agent/: the page of shell over made traffic, and live in a network of its own; the recorded conversation is what
the tools say now.

    transcript.py PROGRAM            compares
    transcript.py PROGRAM --write    records examples/agent/transcript.md
"""
import difflib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLES = os.path.join(HERE, "..", "..", "examples", "agent")
sys.path.insert(0, EXAMPLES)
sys.path.insert(0, HERE)
import ask  # noqa: E402
import questions  # noqa: E402
import world  # noqa: E402

RECORDED = os.path.join(EXAMPLES, "transcript.md")
HEAD = """# A triage, recorded

What `ask.py` asked `flowtap mcp` about an hour of a small network (`tests/agent/world.py`), and what it was told, whole. A
token is 3.3 characters. `tests/agent/transcript.py` makes this file, and compares it with each build; what changes with
the time of asking (`generated_at`, `age_s`, the handle of `changes`) is always the same here.

| | tokens |
|---|---|
| instructions and tools, once | %d |
| %d answers | %d |
| median answer | %d |
| longest answer | %d |

## The report

%s

## What was asked and answered

"""


def timeless(text):
    text = re.sub(r'"generated_at":"[^"]*"', '"generated_at":"2026-07-01T11:00:00Z"', text)
    text = re.sub(r'"age_s":\d+', '"age_s":23', text)
    return re.sub(r'"handle":"[^"]*"', '"handle":"h..."', text)


def wrapped(text, width=120):
    """Lines of JSON, broken behind commas."""
    out, line = [], ""
    for part in re.findall(r'(?:"(?:[^"\\]|\\.)*"|[^,"])*,?', text):
        if len(line) + len(part) > width and line:
            out.append(line)
            line = ""
        line += part
    return "\n".join(out + [line])


def transcript(program, store):
    agent = ask.Agent(store, 0, program)
    manifest = ask.tokens(agent.instructions + json.dumps(agent.tools, separators=(",", ":"), ensure_ascii=False))
    report = [line for line in ask.triage(agent, "all")]
    report[-1] = re.sub(r"since=.*", "since=...", report[-1])
    agent.close()
    agent.calls = [(tool, arguments, timeless(answer)) for tool, arguments, answer in agent.calls]
    sizes = sorted(ask.tokens(c[2]) for c in agent.calls)
    out = HEAD % (manifest, len(sizes), sum(sizes), sizes[len(sizes) // 2], sizes[-1], "\n".join("    " + line for line in report))
    for tool, arguments, text in agent.calls:
        out += "### %s %s\n\n%d tokens\n\n```json\n%s\n```\n\n" % (
            tool, json.dumps(arguments), ask.tokens(text), wrapped(text))
    return out.rstrip("\n") + "\n", manifest, sizes


def run_page(program, *args, cwd, prefix=()):
    r = subprocess.run([*prefix, "sh", os.path.join(EXAMPLES, "triage.sh"), *args], capture_output=True, text=True, timeout=120,
                       cwd=cwd, env=dict(os.environ, FLOWTAP=program))
    assert r.returncode == 0, r.stderr
    return r.stdout


def check_page(program, capture, folder):
    out = run_page(program, capture, os.path.join(folder, "page"), cwd=folder)
    answers = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    assert [a["id"] for a in answers] == [2, 2], out
    assert "rules" in json.loads(answers[1]["result"]["content"][0]["text"])
    for text in ("critical: beacon: %s to %s" % (world.BEACON, world.BEACON_TO), "high: exfiltration", "medium: address_scan"):
        assert text in out, (text, out)


def check_live(program, folder):
    """A scan of one's own in a network without anything else. False: that is not allowed here."""
    inside = ["unshare", "-n"]
    if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("ip"):
        return False
    if subprocess.run([*inside, "true"], capture_output=True).returncode != 0:
        return False
    me = [sys.executable, "-B", os.path.abspath(__file__), program, "--inside", folder]
    r = subprocess.run([*inside, *me], capture_output=True, text=True, timeout=120)
    assert r.returncode == 0, r.stdout + r.stderr
    assert "medium: port_scan: 127.0.0.1 to 127.0.0.1" in r.stdout, r.stdout
    return True


def live(program, folder):
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    if os.fork() == 0:
        import time
        for _ in range(3):
            time.sleep(1)
            for port in range(1, 40):
                with socket.socket() as s:
                    s.connect_ex(("127.0.0.1", port))
        os._exit(0)
    print(run_page(program, "lo", os.path.join(folder, "live"), "6", cwd=folder))
    os.wait()
    return 0


def main():
    program = os.path.abspath(sys.argv[1])
    if "--inside" in sys.argv:
        return live(program, sys.argv[3])
    with tempfile.TemporaryDirectory(prefix="flowtap-agent-") as folder:
        os.chmod(folder, 0o755)
        store = questions.make_store(program, world.World(), folder)
        text, manifest, sizes = transcript(program, store)
        if "--write" in sys.argv:
            with open(RECORDED, "w", encoding="utf-8") as f:
                f.write(text)
            return 0
        with open(RECORDED, encoding="utf-8") as f:
            recorded = f.read()
        assert manifest <= 2500 and sizes[-1] <= 1500, (manifest, sizes)
        check_page(program, os.path.join(folder, "world.pcap"), folder)
        print("live: %s" % ("ok" if check_live(program, folder) else "left out: no network of its own is allowed here"))
        diff = list(difflib.unified_diff(recorded.splitlines(), text.splitlines(), "recorded", "now", lineterm=""))
        print("\n".join(diff[:80] + ["answers are others now: look at them, then record with --write"] * bool(diff)))
        return 1 if diff else 0


if __name__ == "__main__":
    sys.exit(main())
