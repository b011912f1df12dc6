#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the detectors over a set that traffic.py made, and writes the section "Measured" of docs/detectors.md.

    measure.py --set development|test --folder DIR [--corpus DIR] [--flowtap PATH] [--verbose] [--publish]
"""
import argparse
import datetime
import json
import os
import subprocess
from collections import Counter
from pathlib import Path

from score import COMMAND, FACTS, RULES, Facts, Quiet, Score, alerts_of
from traffic import corpus_rows, rows

ROOT = Path(__file__).resolve().parents[2]
BEGIN, END = "<!-- tests/detect/measure.py --set {} makes what follows -->\n", "<!-- to here -->\n"


def measure(a):
    score, office, corpus, hostile = Score(), Quiet(), Quiet(), []
    names = [n for n in dict.fromkeys(r[0] for r in rows(a.set)) if os.path.exists(os.path.join(a.folder, n + ".pcap"))]
    size = {"packets": 0, "flows": 0, "hours": 0.0}
    for name in names:
        path = os.path.join(a.folder, name)
        facts, quiet = Facts(a.flowtap, path + ".pcap"), Facts(a.flowtap, path + ".benign.pcap")
        score.add(name, alerts_of(a.flowtap, path + ".pcap"), json.loads(Path(path + ".truth.json").read_text()), facts)
        if name.startswith("office"):
            office.add(name, alerts_of(a.flowtap, path + ".benign.pcap"), quiet)
        size["flows"] += len(facts.flows)
        size["hours"] += (facts.end - facts.begin) / 3.6e12
    for path, *_ in corpus_rows(a.set, "benign"):
        path = os.path.join(a.corpus, path)
        facts = Facts(a.flowtap, path)
        if facts.begin is not None:
            corpus.add(path, alerts_of(a.flowtap, path), facts)
    for path, rule, address, _peer, what in corpus_rows(a.set, "attack"):
        told = alerts_of(a.flowtap, os.path.join(a.corpus, path))
        hostile.append((path, what, rule, any(x["rule"] == rule and x["address"] == address for x in told),
                        Counter(x["rule"] for x in told)))
    return names, size, score, office, corpus, hostile


def share(n, of):
    return f"{n}/{of} ({n / of:.2f})" if of else "-"


def number(x):
    return "-" if x is None else f"{x:.2f}"


def rate(x):
    return "0" if x == 0 else f"{x:.0f}" if x >= 100 else f"{x:.2g}"


def said_wrongly(score, rule):
    about = {(name, a["address"], a.get("peer"), a.get("port")) for name, a in score.wrong if a["rule"] == rule}
    return f"{score.false[rule]}, {len(about)}" if about else "0"


def by_rule(score, office, corpus):
    yield "| rule | found (recall) | false alerts, about so many | precision | office, benign: alerts, an hour, a million flows | corpus, benign: the same |"
    yield "|---|---:|---:|---:|---:|---:|"
    for rule in RULES:
        quiet = ["{}, {}, {}".format(q.alerts[rule], *map(rate, q.rates(rule))) if q.hours else "-" for q in (office, corpus)]
        yield f"| `{rule}`{' (fact)' if rule in FACTS else ''} | {share(score.found[rule], score.episodes[rule])} | {said_wrongly(score, rule)} | " \
              f"{number(score.precision(rule))} | {quiet[0]} | {quiet[1]} |"


def by_kind(score):
    yield "| rule | made by | what | found | other rules that spoke of it |"
    yield "|---|---|---|---:|---|"
    order = {r: i for i, r in enumerate(RULES)}
    for (rule, maker, kind), (n, found, others) in sorted(score.kinds.items(), key=lambda x: (order.get(x[0][0], 99), x[0])):
        yield f"| {rule} | {maker} | {kind} | {'' if rule == 'none' else f'{found}/{n}'} | " + \
              ", ".join(f"{r} {c}/{n}" for r, c in sorted(others.items())) + " |"


def of_corpus(hostile):
    yield "| capture | what it is | rule | found | alerts |"
    yield "|---|---|---|---|---|"
    for path, what, rule, found, told in hostile:
        said = ", ".join(f"{r} {n}" for r, n in sorted(told.items()))
        yield f"| `{path.split('/', 1)[1]}` | {what} | {rule or 'none is for it'} | {('yes' if found else 'no') if rule else ''} | {said or 'none'} |"


def page(a, names, size, score, office, corpus, hostile):
    total = sum(score.episodes.values())
    yield f"Of {datetime.date.today().isoformat()}, version {version(a.flowtap)}, thresholds as published: the {a.set} set, {len(names)} captures, " \
          f"{size['hours']:.1f} hours, {size['flows']:,} flows, {total} attacks.".replace(",", " ").replace("  ", ", ")
    yield ""
    yield f"    {COMMAND}"
    yield ""
    yield from by_rule(score, office, corpus)
    yield ""
    yield f"Benign: office {office.hours:.1f} hours, {office.flows} flows of {office.captures} captures; corpus {corpus.hours:.1f} hours, " \
          f"{corpus.flows} flows of {corpus.captures} captures."
    if a.set == "test":
        yield ""
        yield from by_kind(score)
        yield ""
        yield from of_corpus(hostile)


def version(flowtap):
    return subprocess.run([flowtap, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--set", choices=["development", "test"], required=True)
    p.add_argument("--folder", required=True)
    p.add_argument("--corpus", default=str(ROOT / "../shared/corpus/public"))
    p.add_argument("--flowtap", default=str(ROOT / "build/release/flowtap"))
    p.add_argument("--verbose", action="store_true", help="misses and false alerts, one a line")
    p.add_argument("--publish", action="store_true", help="into docs/detectors.md")
    a = p.parse_args()
    names, size, score, office, corpus, hostile = measure(a)
    text = "\n".join(page(a, names, size, score, office, corpus, hostile)) + "\n"
    print(text)
    if a.verbose:
        for name, e in score.misses:
            print("missed", name, json.dumps(e))
        for what, list_ in (("false", score.wrong), ("quiet", office.what), ("quiet", corpus.what)):
            for name, x in list_:
                print(what, name, json.dumps({k: v for k, v in x.items() if v is not None}))
    if a.publish:
        doc = ROOT / "docs/detectors.md"
        old = doc.read_text()
        head, rest = old.split(BEGIN.format(a.set))
        doc.write_text(head + BEGIN.format(a.set) + "\n" + text + END + rest.split(END, 1)[1])


if __name__ == "__main__":
    main()
