# SPDX-License-Identifier: Apache-2.0
"""Holds alerts against what is true of a capture.

An alert of an episode's rule about its address (and its peer and port, where both say one), whose evidence meets the
episode's time or the GRACE after it, is a hit; an episode with hits is found, once. An alert of a related rule about one
of the episode's addresses is explained by it, and neither here nor there. Any other alert is false, each for itself.

FACTS say what is so, and nothing of good and bad: these are right where what they say is so, which is looked up in the
capture's flow records."""
import json
import subprocess
from collections import Counter, defaultdict
from pathlib import Path

S = 1_000_000_000
GRACE = 180 * S  # flows end an idle timeout after their last packet, windows later
RULES = ["address_scan", "port_scan", "trw_scan", "syn_flood", "volume_flood", "amplification", "beacon", "long_connection",
         "exfiltration", "dns_tunnel", "dga", "new_host", "new_peer", "new_service", "policy"]
NEW = {"new_host", "new_peer", "new_service"}
FACTS = NEW | {"long_connection", "policy"}
RELATED = {
    "address_scan": {"trw_scan", "port_scan"},
    "port_scan": {"trw_scan", "address_scan"},
    "trw_scan": {"address_scan", "port_scan"},
    "syn_flood": {"volume_flood"},
    "volume_flood": set(),
    "amplification": {"volume_flood"},
    "beacon": {"long_connection"},
    "long_connection": {"beacon"},
    "exfiltration": {"long_connection", "beacon"},
    "dns_tunnel": {"beacon", "exfiltration"},
    "dga": set(),
    "new_host": set(), "new_peer": set(), "new_service": set(), "policy": set(),
    None: set(RULES),  # something bad that no rule is for
}
WIDE = 3600  # what long_connection holds as long: at least, s
COMING = 120 * S  # flows are told when they end: the first to end may not be the first that began


COMMAND = "flowtap read -w 1 -p base,app -e alert --rules tests/detect/rules.yaml CAPTURE"


def alerts_of(flowtap, path):
    """What COMMAND says of a capture."""
    args = COMMAND.split()[1:-1]
    args[args.index("--rules") + 1] = str(Path(__file__).resolve().parent / "rules.yaml")
    r = subprocess.run([flowtap, *args, "--quiet", path], capture_output=True, text=True)
    if r.returncode:
        raise RuntimeError(f"{path}: {r.stderr.strip()}")
    return [json.loads(line) for line in r.stdout.splitlines()]


def span(a):
    return [int((a[k] if a.get(k) is not None else a["timestamp"]) * S) for k in ("first_seen", "last_seen")]


def at_the_time(a, e):
    first, last = span(a)
    return first <= e["end"] + GRACE and last >= e["begin"] - S


def alike(a, e):
    """Is it of whom the episode is, as far as both say?"""
    return a["address"] == e["address"] and all(
        a.get(k) is None or e.get(k) is None or a[k] == e[k] for k in ("peer", "port"))


def explained(a, e):
    who = {a["address"], a.get("peer")} - {None}
    return a["rule"] in RELATED[e["rule"]] and who & {e["address"], e.get("peer")} and at_the_time(a, e)


class Facts:
    """What flow records say of who was there first, and what lasted."""

    def __init__(self, flowtap, path):
        self.host, self.pair, self.service, self.tuples = {}, {}, {}, defaultdict(list)
        self.flows, self.begin, self.end = set(), None, None
        p = subprocess.Popen([flowtap, "read", "--quiet", "-w", "1", "-p", "base", "-e", "flow", path], stdout=subprocess.PIPE, text=True)
        for line in p.stdout:
            r = json.loads(line)
            k, m = r["flow_key"], r["aggregate_metrics"]
            a, b, first, last = k["src_ip"], k["dst_ip"], int(m["first_seen"] * S), int(m["last_seen"] * S)
            self.flows.add(r["flow_id"])
            self.begin, self.end = min(self.begin or first, first), max(self.end or last, last)
            f = r["features"]
            if f["rev_packets"] and f["fwd_packets"] > 1:  # an exchange, as docs/detectors.md has it
                self.early(self.host, a, first)
                self.early(self.host, b, first)
                self.early(self.pair, frozenset((a, b)), first)
                if k["protocol"] != 6 or f["rev_tcp_flags"] & 0x12 == 0x12:  # a port that only resets serves nothing
                    self.early(self.service, (b, k["dst_port"], k["protocol"]), first)
            self.tuples[a, b].append((first, last, k["src_port"], k["dst_port"]))
        if p.wait():
            raise RuntimeError(path)

    @staticmethod
    def early(table, key, t):
        table[key] = min(t, table.get(key, t))

    def right(self, a):
        """Is what an alert states so?"""
        first, last = span(a)
        if a["rule"] == "new_host":
            return self.host.get(a["address"], 0) >= first - COMING
        if a["rule"] == "new_service":
            return self.service.get((a["address"], a.get("port") or 0, a["protocol"]), 0) >= first - COMING
        if a["rule"] == "new_peer":
            return self.pair.get(frozenset((a["address"], a["peer"])), 0) >= first - COMING
        if a["rule"] == "long_connection":
            spans = defaultdict(list)
            for t0, t1, sport, dport in self.tuples.get((a["address"], a["peer"]), ()):
                spans[sport, dport] += [t0, t1]
            return any(max(x) - min(x) >= WIDE * S for x in spans.values())
        return any(self.denied(a, dport) for _, _, _, dport in self.tuples.get((a["address"], a["peer"]), ()))

    @staticmethod
    def denied(a, port):
        """rules.yaml, again."""
        return a["address"].startswith("10.1.1.") and a["peer"].startswith("10.1.0.") and port == 3306


class Score:
    """Of a set of captures: by rule, and by kind of episode."""

    def __init__(self):
        self.episodes, self.found, self.false, self.right, self.told = Counter(), Counter(), Counter(), Counter(), Counter()
        self.hits, self.explained = Counter(), Counter()
        self.kinds, self.misses, self.wrong = {}, [], []

    def add(self, name, alerts, truth, facts):
        hit, seen = Counter(), defaultdict(set)
        for a in alerts:
            rule = a["rule"]
            self.told[rule] += 1
            own = [i for i, e in enumerate(truth) if e["rule"] == rule and alike(a, e) and at_the_time(a, e)]
            others = [i for i, e in enumerate(truth) if explained(a, e)]
            for i in own:
                hit[i] += 1
            for i in own + others:
                seen[i].add(rule)
            if rule in FACTS:
                ok = bool(own) or facts.right(a)
                self.right[rule] += ok
            else:
                ok = bool(own or others)
                self.hits[rule] += bool(own)
                self.explained[rule] += not own and bool(others)
            if not ok:
                self.false[rule] += 1
                self.wrong.append((name, a))
        for i, e in enumerate(truth):
            self.episodes[e["rule"]] += 1
            self.found[e["rule"]] += hit[i] > 0
            k = self.kinds.setdefault((e["rule"] or "none", e["maker"].split(" ")[0], e["kind"]), [0, 0, Counter()])
            k[0] += 1
            k[1] += hit[i] > 0
            k[2].update(seen[i] - {e["rule"]} - NEW)
            if not hit[i] and e["rule"]:
                self.misses.append((name, e))

    def recall(self, rule):
        return self.found[rule] / self.episodes[rule] if self.episodes[rule] else None

    def precision(self, rule):
        if rule in FACTS:
            return self.right[rule] / self.told[rule] if self.told[rule] else None
        told = self.found[rule] + self.false[rule]
        return self.found[rule] / told if told else None


class Quiet:
    """What is said of benign captures: hours, flows, alerts by rule."""

    def __init__(self):
        self.hours, self.flows, self.captures, self.alerts, self.what = 0.0, 0, 0, Counter(), []

    def add(self, name, alerts, facts):
        self.hours += (facts.end - facts.begin) / 3600 / S
        self.captures += 1
        self.flows += len(facts.flows)
        for a in alerts:
            self.alerts[a["rule"]] += 1
            self.what.append((name, a))

    def rates(self, rule):
        """An hour, and a million flows."""
        return self.alerts[rule] / self.hours, self.alerts[rule] * 1e6 / self.flows
