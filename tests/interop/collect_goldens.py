#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`flowtap collect` against what other collectors make of the same datagrams, field by field.

Every input of a corpus' netflow, ipfix and sflow sets, and the malformed ones that are flow export,
is read as a capture; the account has to add up, and what comes out is compared with every golden
that names the input: Logstash's codec, Telegraf, pmacct, gopacket, vFlow and Graylog's assertions,
and tshark's dissection. A difference has to stand in the list of the explained ones, with who is
right and why; an explained difference that is not met fails as well.

    collect_goldens.py --flowtap PROGRAM --corpus DIR --known FILE [--only TEXT] [--list FILE]

Exit 0: every difference is explained; 1: not so; 77: no corpus.
"""
import argparse
import os
import sys
import tempfile

import collect_support as support
from collect_compare import COMPARISONS

SETS = ("public/netflow/", "public/ipfix/", "public/sflow/", "public/malformed/")


def is_export(path):
    """A malformed input that is flow export: it has a golden of a flow collector beside it."""
    return any(x in path for x in ("/graylog-netflow/", "/logstash-codec-netflow/"))


def inputs_of(corpus):
    found = []
    for part in ("netflow", "ipfix", "sflow", "malformed"):
        for base, _, names in os.walk(os.path.join(corpus, part)):
            for name in names:
                path = os.path.join(base, name)
                if (name.endswith((".dat", ".bin", ".pcap", ".ipfix"))
                        and (part != "malformed" or is_export(path))):
                    found.append(path)
    return sorted(found)


class Comparison:
    """Differences as they are found, those that are explained set apart."""

    def __init__(self, known, corpus):
        self.known, self.corpus = known, corpus
        self.n_compared, self.n_explained, self.rows = 0, 0, []
        self.by_kind = {}

    def begin(self, golden, kind):
        self.golden, self.kind = os.path.relpath(golden, self.corpus), kind

    def field(self, where, field, theirs, ours):
        """One value of theirs beside ours. where: which record, for people."""
        self.n_compared += 1
        self.by_kind[self.kind] = self.by_kind.get(self.kind, 0) + 1
        if theirs == ours:
            return
        if self.known.explains(self.golden, field, theirs, ours):
            self.n_explained += 1
        else:
            self.rows.append((self.golden, where, field, theirs, ours))


def run_inputs(args, scratch):
    """Every input by itself: opened, no crash, the account adds up."""
    wrong = []
    for path in inputs_of(args.corpus):
        if args.only in path:
            run = support.collect(args.flowtap, support.capture_of([path], scratch))
            wrong += ["%s: %s" % (os.path.relpath(path, args.corpus), w) for w in run.wrong]
    return wrong


def run_case(args, inputs, scratch, cache):
    """The run of a case. Captures of one case hold different exporters: one run each."""
    key = tuple(inputs)
    if key not in cache:
        groups = [[x] for x in inputs] if inputs[0].endswith(".pcap") else [inputs]
        cache[key] = [support.collect(args.flowtap, support.capture_of(g, scratch)) for g in groups]
    return cache[key]


def compare_all(args, comparison, scratch):
    wrong, cache, n_goldens = [], {}, 0
    for kind, ending, function in COMPARISONS:
        for golden, inputs in support.goldens(args.corpus, lambda x: x.startswith(SETS)):
            base = os.path.basename(golden)
            if ending not in base or not any(args.only in x for x in inputs + [golden]):
                continue
            if not all(os.path.exists(x) for x in inputs):
                wrong.append("%s: an input is missing" % golden)
                continue
            if golden.split("/public/")[1].startswith("malformed/") and not is_export(golden):
                continue
            comparison.begin(golden, kind)
            n_goldens += 1
            function(comparison, golden, inputs,
                     lambda chosen: run_case(args, chosen, scratch, cache))
    for runs in cache.values():
        for run in runs:
            wrong += run.wrong
    return wrong, n_goldens


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--flowtap", required=True)
    ap.add_argument("--corpus", required=True)
    ap.add_argument("--known", required=True)
    ap.add_argument("--only", default="", help="goldens and inputs whose paths have this")
    ap.add_argument("--list", help="write the differences that are not explained here")
    args = ap.parse_args()
    args.corpus = os.path.abspath(args.corpus)
    if not os.path.isfile(os.path.join(os.path.dirname(args.corpus), "GOLDENS.tsv")):
        print("skipped: no corpus at %s" % args.corpus)
        return 77
    comparison = Comparison(support.Known(args.known), args.corpus)
    with tempfile.TemporaryDirectory() as scratch:
        wrong = run_inputs(args, scratch)
        more, n_goldens = compare_all(args, comparison, scratch)
    wrong += more
    if not args.only:
        wrong += ["explained, but not met: %s" % x for x in comparison.known.not_met()]
        if comparison.n_compared < 1000:
            wrong.append("only %d values were compared" % comparison.n_compared)
    for line in wrong:
        print("WRONG %s" % line)
    for golden, where, field, theirs, ours in comparison.rows[:200]:
        print("DIFFERENT %s %s %s: theirs %s, ours %s" % (golden, where, field, theirs, ours))
    if args.list:
        with open(args.list, "w", encoding="utf-8") as f:
            for golden, where, field, theirs, ours in comparison.rows:
                f.write("%s\t%s\t%s\t%s\t%s\n" % (golden, field, theirs, ours, where))
    print("%d inputs, %d goldens, %d values compared (%s), %d explained differences" % (
        len(inputs_of(args.corpus)), n_goldens, comparison.n_compared,
        ", ".join("%s %d" % x for x in sorted(comparison.by_kind.items())),
        comparison.n_explained))
    print("%d passed, %d failed" % (n_goldens, len(wrong) + len(comparison.rows)))
    return 1 if wrong or comparison.rows else 0


if __name__ == "__main__":
    sys.exit(main())
