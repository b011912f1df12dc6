#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One attack of each rule in the middle of a small office: the rule finds it, and in the quiet of the office and of the
capture in examples/ no rule that speaks of attacks says anything but what is known to look like one. How well detectors do
at large is measured by measure.py.

    everyday.py PROGRAM SOURCE_DIR
"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import attacks
import benign
from score import FACTS, RULES, Facts, Score, alerts_of
from wire import S, write

PROGRAM, SOURCE = sys.argv[1], sys.argv[2]
HOUR = 3600 * S
OUT = "91.240.118.7"
OFFICE = benign.Office("everyday", clients=12, hours=5, begin=8)
# what looks bad and is not: what is done by the clock (time, health checks, the poll of mail), peers that are gone, a
# scanner's hashes in names
LOOKS_BAD = {"beacon": None, "trw_scan": {OFFICE.clients[-1]}, "dns_tunnel": {benign.MAIL}}
# rule: who, when (hours into the office), parameters
ATTACKS = {
    "address_scan": ("10.1.1.13", 4.0, {}),
    "port_scan": (OUT, 4.1, {"victim": "10.1.2.10"}),
    "trw_scan": ("10.1.1.14", 4.2, {}),
    "syn_flood": (OUT, 4.3, {"seconds": 6, "rate": 3000}),
    "volume_flood": (OUT, 4.4, {"seconds": 4, "rate": 60000}),
    "amplification": ("", 4.5, {"seconds": 10}),
    "beacon": ("10.1.1.15", 0.5, {"hours": 4, "jitter": 0.05}),
    "long_connection": ("10.1.1.16", 1.0, {"hours": 4}),
    "exfiltration": ("10.1.1.17", 4.6, {}),
    "dns_tunnel": ("10.1.1.18", 4.2, {"minutes": 5}),
    "dga": ("10.1.1.11", 4.3, {}),
    "new_host": ("10.1.3.77", 4.6, {}),
    "new_peer": ("10.1.1.12", 4.7, {"peer": "10.1.2.11"}),
    "new_service": ("10.1.1.10", 4.7, {"peers": ("10.1.1.11", "10.1.1.12")}),
    "policy": ("10.1.1.12", 4.8, {}),
}
failures = 0


def check(ok, *what):
    global failures
    if not ok:
        failures += 1
        print("FAIL", *what)


def known(rule, folder):
    """Does the program have it?"""
    path = os.path.join(folder, "one.yaml")
    Path(path).write_text(f"{rule}: {{enabled: true}}\n")
    r = subprocess.run([PROGRAM, "read", "--quiet", "-e", "alert", "--rules", path, "-o", "null:",
                        os.path.join(SOURCE, "examples/sample.pcap")], capture_output=True, text=True)
    return r.returncode == 0


def unexpected(alerts):
    """Those of rules that speak of attacks, but for what is known to look like one."""
    return [a for a in alerts if a["rule"] not in FACTS and not (
        a["rule"] in LOOKS_BAD and (LOOKS_BAD[a["rule"]] is None or a["address"] in LOOKS_BAD[a["rule"]]))]


def shown(alerts):
    return [json.dumps({k: a[k] for k in ("rule", "address", "peer", "port", "value", "threshold")}) for a in alerts[:5]]


def main():
    with tempfile.TemporaryDirectory(prefix="flowtap-detect-") as folder:
        rules = [r for r in RULES if known(r, folder)]
        for r in sorted(set(RULES) - set(rules)):
            print("skipped: this build has no rule", r)
        if not rules:
            sys.exit(77)
        check(not [a for a in alerts_of(PROGRAM, os.path.join(SOURCE, "examples/sample.pcap")) if a["rule"] not in FACTS],
              "alerts on examples/sample.pcap")
        packets = OFFICE.packets()
        quiet, path = os.path.join(folder, "quiet.pcap"), os.path.join(folder, "mixed.pcap")
        write(quiet, packets)
        said = unexpected(alerts_of(PROGRAM, quiet))
        check(not said, len(said), "alerts where nothing happens", *shown(said))
        truth = []
        for rule in rules:
            who, at, how = ATTACKS[rule]
            more, e = attacks.made(rule, 1, OFFICE.t0 + int(at * HOUR), who, **how)
            packets += more
            truth.append(e.row())
        write(path, packets)
        score = Score()
        score.add("everyday", alerts_of(PROGRAM, path), truth, Facts(PROGRAM, path))
        for _, e in score.misses:
            check(False, "missed:", json.dumps(e))
        for rule in rules:
            false = [a for _, a in score.wrong if a["rule"] == rule]
            wrong = unexpected(false) if rule not in FACTS else false
            check(not wrong, len(wrong), "false alerts of", rule, *shown(wrong))
            print(f"{rule}: found {score.found[rule]} of {score.episodes[rule]}, {score.told[rule]} alerts, {len(false)} false")
    print(f"{failures} failures")
    sys.exit(1 if failures else 0)


main()
