#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A column says the same whatever stands beside it: every profile alone, in every pair, chosen by name, on
several outputs at once, by any number of workers, as NDJSON and CSV.

profiles.py PROGRAM SOURCE_DIR    also over some of the public corpus, where it is
"""
import csv
import io
import itertools
import json
import os
import subprocess
import sys
import tempfile

import traffic
from packets import pcap

PROGRAM, SOURCE = os.path.abspath(sys.argv[1]), sys.argv[2]
CORPUS = os.environ.get("FT_CORPUS") or os.path.join(SOURCE, "..", "shared", "corpus", "public")
ALL = "sizes", "tcp", "tunnel"
EVERY = 160  # of the corpus: each so many-th capture
failed = passed = 0


def check(what, ok):
    global failed, passed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print("FAIL", what)


def run(path, *args, workers="1"):
    r = subprocess.run([PROGRAM, "read", "--quiet", "-w", workers, "-e", "flow", *args, path], capture_output=True,
                       timeout=120)
    return r.returncode, r.stdout.decode()


def records(path, *args, **how):
    return [json.loads(line) for line in run(path, *args, **how)[1].splitlines()]


def flat(event):
    """Its columns without the objects, in order."""
    out = {}
    for key, value in event.items():
        out.update(value if isinstance(value, dict) else {key: value})
    return out


def schema():
    """profile -> its columns, in order."""
    out = {}
    text = subprocess.run([PROGRAM, "schema", "--format", "csv"], capture_output=True, check=True).stdout.decode()
    for row in csv.DictReader(io.StringIO(text)):
        if row["event"] == "network_flow_record":
            out.setdefault(row["profile"], []).append(row["column"])
    return out


def only(event, names):
    return {k: v for k, v in event.items() if k == "event_type" or k in names}


def items(events):
    """With the order of the keys."""
    return [list(e.items()) for e in events]


def one_capture(path, profiles, how=()):
    every = ",".join(profiles)
    want = [flat(e) for e in records(path, "-p", every, *how)]
    lists = [[p] for p in profiles] + [list(p) for p in itertools.combinations(profiles, 2)] + [["all"]]
    for named in lists:
        names = set(profiles["base"])
        for p in named:
            names |= set().union(*(profiles[x] for x in ALL)) if p == "all" else set(profiles[p])
        got = [flat(e) for e in records(path, "-p", ",".join(named), *how)]
        check("%s -p %s" % (path, named), items(got) == items([only(e, names) for e in want]))
    return want


def chosen(path, profiles, want, folder):
    """Each profile's own columns by name, all of them as outputs of one run; and as CSV."""
    names = {p: list(reversed(profiles[p])) for p in profiles}
    outputs, files = [], {}
    for p in profiles:
        files[p] = os.path.join(folder, p + ".json")
        outputs += ["-o", "ndjson:%s?columns=%s" % (files[p], ",".join(names[p]))]
    files["csv"], files["plain"] = os.path.join(folder, "x.csv"), os.path.join(folder, "plain.json")
    outputs += ["-o", "csv:%s?profile=tcp,sizes" % files["csv"], "-o", "ndjson:" + files["plain"]]
    check("%s several outputs" % path, run(path, *outputs)[0] == run(path)[0])
    for p in profiles:
        with open(files[p]) as f:
            got = [json.loads(line) for line in f]
        check("%s ?columns= of %s" % (path, p),
              items(got) == [[("event_type", e["event_type"])] + [(n, e[n]) for n in names[p]] for e in want])
    with open(files["plain"]) as f:
        check("%s the output beside them" % path, f.read() == run(path)[1])
    with open(files["csv"]) as f:
        check("%s csv" % path, f.read() == run(path, "-p", "sizes,tcp", "-o", "csv:-")[1])


def without_nulls(path, want, every):
    got = records(path, "-p", every, "-o", "ndjson:-?null=omit")
    check("%s ?null=omit" % path,
          items([flat(e) for e in got]) == items([{k: v for k, v in e.items() if v is not None} for e in want]))
    check("%s no empty object" % path, not any(v == {} for e in got for v in e.values()))


def main():
    profiles = schema()
    check("profiles", {"base", "sizes", "tcp", "tunnel", "app"} <= set(profiles))
    check("base is small", len(profiles["base"]) <= 40)
    every = ",".join(profiles)
    with tempfile.TemporaryDirectory(prefix="flowtap-profiles-") as folder:
        made = os.path.join(folder, "made.pcap")
        with open(made, "wb") as f:
            f.write(pcap(traffic.make()))
        want = one_capture(made, profiles)
        check("the made capture has flows", len(want) > 300)
        for p in set(profiles) - {"label", "enrich"}:  # with --labels and --geo: cli/labels, cli/enrich
            check("the made capture has %s" % p, any(e[c] not in (None, 0) for e in want for c in profiles[p]))
        one_capture(made, profiles, ("--snapshot", "1,5"))
        chosen(made, profiles, want, folder)
        without_nulls(made, want, every)
        for w in "2", "4":
            for p in [*profiles, "all"]:
                check("-w %s -p %s" % (w, p), sorted(run(made, "-p", p, workers=w)[1].splitlines()) ==
                      sorted(run(made, "-p", p)[1].splitlines()))
        captures = sorted(os.path.join(d, x) for d, _, names in os.walk(CORPUS) for x in names
                          if x.endswith((".pcap", ".cap", ".pcapng")))[::EVERY]
        for path in captures:
            one_capture(path, profiles)
        print("%d captures of the corpus" % len(captures))
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


sys.exit(main())
