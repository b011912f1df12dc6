#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the captures that sets.tsv names: of each the benign one alone, and the same with its attacks mixed in and what is
true of them.

    traffic.py SET FOLDER [--corpus DIR] [--jobs N]

    FOLDER/NAME.benign.pcap    FOLDER/NAME.pcap    FOLDER/NAME.truth.json     FOLDER/recorded/: what real programs did,
                                                                             made once

Times of an attack may be drawn out (a column of sets.tsv): what a program did in twenty seconds then fills hours, with its
round trips longer by as much. Without the right to make namespaces the attacks of real programs are left out, and said.
"""
import argparse
import csv
import hashlib
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import attacks
import benign
import programs
from wire import S, moved, read, write

HERE = Path(__file__).resolve().parent
GAP = 60 * S  # between captures laid behind one another
LONGEST = 2 * 3600 * S  # of those


def rows(which=None):
    """Of sets.tsv: (capture, maker, kind, at, stretch, parameters)."""
    with open(HERE / "sets.tsv", newline="") as f:
        for row in csv.reader((x for x in f if not x.startswith("#")), delimiter="\t", quoting=csv.QUOTE_NONE):
            if which in (None, row[0]):
                yield row[1], row[2], row[3], float(row[4] or 0), float(row[5] or 1), json.loads(row[6])


def corpus_rows(which, what):
    with open(HERE / "corpus.tsv", newline="") as f:
        for row in csv.reader((x for x in f if not x.startswith("#")), delimiter="\t", quoting=csv.QUOTE_NONE):
            if row[0] == which and row[1] == what:
                yield row[2:]


def base(how, which, corpus):
    """The packets of what nothing bad is in."""
    if how["kind"] == "office":
        return benign.Office(how["seed"], how["clients"], how["hours"]).packets()
    out, t = [], benign.MIDNIGHT
    for path, *_ in corpus_rows(which, "benign"):
        packets = read(os.path.join(corpus, path))
        times = [p[0] for p in packets]
        if max(times) - min(times) <= LONGEST:
            out += moved(packets, t)
            t += max(times) - min(times) + GAP
    return out


def recorded(kind, how, folder):
    """What a program did: (capture, its episode), made when it is not there; a reason where it cannot be."""
    name = f"{kind}-{hashlib.sha256(json.dumps([kind, how], sort_keys=True).encode()).hexdigest()[:12]}"
    path = os.path.join(folder, "recorded", name)
    if not os.path.exists(path + ".json"):
        cmd = [sys.executable, "-B", str(HERE / "programs.py"), kind, path + ".pcap", json.dumps(how)]
        r = subprocess.run(cmd, capture_output=True, text=True)
        if r.returncode:
            return None, r.stderr.strip().split("\n")[-1]
        with open(path + ".json", "w") as f:
            f.write(r.stdout.split("\n")[0])
    return path, None


def silence(packets):
    """The longest, ns."""
    times = sorted(p[0] for p in packets)
    return max(b - a for a, b in zip(times, times[1:]))


def mixed(name, mine, folder, which, corpus):
    """Writes one capture of a set; how many attacks of it could be had, and what was said of the others."""
    where, missing = os.path.join(folder, name), []
    packets = base(next(how for _, maker, _, _, _, how in mine if maker == "base"), which, corpus)
    begin, end = min(p[0] for p in packets), max(p[0] for p in packets)
    truth = []
    for _, maker, kind, at, stretch, how in sorted(mine, key=lambda row: row[1] != "benign"):
        if maker == "base":
            continue
        if maker != "benign" and not truth:
            write(where + ".benign.pcap", packets)
        t = int(begin + at * (end - begin))
        if maker == "script":
            more, e = attacks.made(kind, t=t, **how)
        else:
            path, why = recorded(kind, how, folder)
            if path is None:
                missing.append(f"{kind}: {why}")
                continue
            more = moved(read(path + ".pcap"), t, stretch)
            with open(path + ".json") as f:
                e = attacks.Episode(**json.load(f))
        packets += more
        if kind == "long_connection":
            e.kind += ", silences of 30 s and more" if silence(more) >= 30 * S else ", no silence of 30 s"
        if maker != "benign":
            e.begin, e.end = min(p[0] for p in more), max(p[0] for p in more)
            truth.append({**e.row(), "stretch": stretch})
    write(where + ".pcap", packets)
    with open(where + ".truth.json", "w") as f:
        json.dump(truth, f, indent=1)
    return len(truth), missing


def main():
    p = argparse.ArgumentParser()
    p.add_argument("which", choices=["development", "test"])
    p.add_argument("folder")
    p.add_argument("--corpus", default=str(HERE.parents[1] / "../shared/corpus/public"))
    p.add_argument("--jobs", type=int, default=3)
    a = p.parse_args()
    os.makedirs(os.path.join(a.folder, "recorded"), exist_ok=True)
    todo = list(rows(a.which))
    began = time.monotonic()
    with ThreadPoolExecutor(a.jobs) as pool:  # they mostly wait
        list(pool.map(lambda row: recorded(row[2], row[5], a.folder), [r for r in todo if r[1] in ("program", "benign")]))
    print(f"recorded in {time.monotonic() - began:.0f} s", flush=True)
    for name in dict.fromkeys(r[0] for r in todo):
        n, missing = mixed(name, [r for r in todo if r[0] == name], a.folder, a.which, a.corpus)
        print(f"{name}: {n} attacks, {len(missing)} left out", *missing, sep="\n  ", flush=True)


if __name__ == "__main__":
    main()
