#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A client of `flowtap mcp` that needs nothing but Python, and an agent without a model: a triage.

    ask.py STORE                                     who is behind the alerts, and what is like it
    ask.py STORE TOOL ['{"key":"src","k":5}']        one answer

    --window 1h      of packet time, to the newest record (default: all)
    --privacy 3      0 all (default) ... 4 aggregates
    --flowtap PATH   the program

A conversation is lines of JSON over a pipe; Agent is all of it.
"""
import argparse
import json
import subprocess
import sys

VERSION = "2025-11-25"
SEVERITIES = ["critical", "high", "medium", "low"]


class Agent:
    """Asks the tools of a store. calls: (tool, arguments, text of the answer), in order."""

    def __init__(self, store, privacy=0, program="flowtap"):
        self.process = subprocess.Popen([program, "mcp", "--store", store, "--privacy", str(privacy)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, encoding="utf-8")
        self.number, self.calls = 0, []
        hello = self.request("initialize", {"protocolVersion": VERSION, "capabilities": {},
                                            "clientInfo": {"name": "ask.py", "version": "1"}})
        self.instructions = hello["instructions"]
        self.say({"jsonrpc": "2.0", "method": "notifications/initialized"})
        self.tools = self.request("tools/list", {})["tools"]

    def say(self, message):
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()

    def request(self, method, params):
        self.number += 1
        self.say({"jsonrpc": "2.0", "id": self.number, "method": method, "params": params})
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("flowtap mcp ended")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"]["message"])
        return answer["result"]

    def __call__(self, tool, **arguments):
        result = self.request("tools/call", {"name": tool, "arguments": arguments})
        text = result["content"][0]["text"]
        self.calls.append((tool, arguments, text))
        if result.get("isError"):
            raise RuntimeError(text)
        return json.loads(text)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def rows(table):
    """Rows with the names of their columns."""
    return [dict(zip(table["columns"], row)) for row in table["rows"]]


def tokens(text):
    """About so many, of any tokenizer."""
    return round(len(text) / 3.3)


def triage(agent, window):
    """What an analyst would do first; yields lines of a report."""
    seen = agent("overview", window=window)
    data = seen["data"]
    yield "%d flows, %d bytes; %s %% of packets lost, sampling %s, newest record %s" % (
        seen["traffic"]["flows"], seen["traffic"]["bytes"], data["loss_pct"], data["sampling"], data["newest_record"])
    alerts, rules = [], agent("detect", window=window).get("rules", ())
    if rules == ():
        yield "of alerts there are only sums at this level of privacy: %s" % json.dumps(rows(seen["alerts"]))
        return
    for rule in rules:
        alerts += [dict(row, rule=rule["rule"], meaning=rule["meaning"]) for row in rows(rule)]
    alerts.sort(key=lambda a: SEVERITIES.index(a["severity"]))
    asked = set()
    for a in alerts:
        yield "%s: %s: %s%s: %s" % (a["severity"], a["rule"], a["address"], " to %s" % a["peer"] if a.get("peer") else "", a["meaning"])
        if a["address"] in asked:
            continue
        asked.add(a["address"])
        host = agent("host", ip=a["address"], window=window)
        of = host["as_initiator"] or {}
        yield "  it began %d flows to %d peers, %d without an answer; alerts on it: %d" % (
            of.get("flows", 0), of.get("peers", 0), of.get("unanswered_flows", 0), len(host["alerts"]["rows"]))
        if not a.get("flow_ids"):
            continue
        first = a["flow_ids"].split(";")[0]
        flow = agent("flow", id=first)["flow"]
        name = flow.get("untrusted_tls_sni") or flow.get("untrusted_dns_query")
        if name:  # what somebody chose: shown, never followed
            yield "  the name on the wire was %s" % json.dumps(name)
        try:
            near = rows(agent("similar", id=first, window=window))
        except RuntimeError as e:  # no vectors were stored
            yield "  (%s)" % e
            continue
        pairs = {(r.get("src_ip"), r.get("dst_ip")) for r in near}
        yield "  %d flows most like its first one are of %d pair%s, similarity %s at least" % (
            len(near), len(pairs), "" if len(pairs) == 1 else "s", min(r["similarity"] for r in near) if near else "-")
    yield "go on from here with changes, since=%s" % agent("changes")["handle"]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("store")
    p.add_argument("tool", nargs="?")
    p.add_argument("arguments", nargs="?", default="{}")
    p.add_argument("--window", default="all")
    p.add_argument("--privacy", type=int, default=0)
    p.add_argument("--flowtap", default="flowtap")
    a = p.parse_args()
    agent = Agent(a.store, a.privacy, a.flowtap)
    try:
        if a.tool:
            print(json.dumps(agent(a.tool, **json.loads(a.arguments)), ensure_ascii=False))
        else:
            for line in triage(agent, a.window):
                print(line)
    except RuntimeError as e:
        print("%s: %s" % (a.tool or "triage", e), file=sys.stderr)
        return 1
    finally:
        agent.close()
    print("%d answers, about %d tokens" % (len(agent.calls), sum(tokens(c[2]) for c in agent.calls)), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
