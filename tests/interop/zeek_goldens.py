#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Profile zeek beside the conn.log files that Zeek's own tests hold, column by column.

zeek_goldens.py --flowtap PROGRAM --corpus DIR --known FILE [--print]

A golden stands beside its captures (GOLDENS.tsv). Rows are paired by addresses, ports and protocol; times and
uids are masked in the goldens and not compared. Zeek has rows for the flows that carry a tunnel, too: those are
looked for with --keep-tunnels. Each difference has to stand in the known table, with its frames, the reason and who
is right, and each line of that table has to happen. --print: the differences as lines of that table. Exit 77: no
corpus.
"""
import argparse
import collections
import os
import re
import subprocess
import sys

SKIP = {"ts", "uid", "tunnel_parents"}
VLANS = "--idle-timeout", "300", "--active-timeout", "2592000"
# Tests of Zeek's that look at a part of their capture, or have VLANs in the key: so have flowtap's own rules.
HOW = {"core.pcap.read-trace-with-filter.conn.log": ("-f", "port 50000"),
       "core.print-bpf-filters.conn.log": ("-f", "vlan"),
       "vlan_fivetuple-": VLANS, "vlan_fivetuple_": VLANS}
# What Zeek saw of these depends on when its test changed a filter.
SKIPPED = {"wikipedia.pcap.zeek.core.pcap.dynamic-filter.conn.log"}
KEY = "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto"


def golden_rows(path):
    """Names of the columns, rows."""
    names, rows = None, []
    with open(path, encoding="utf-8") as f:
        for line in f:
            cells = line.rstrip("\n").split("\t")
            if line.startswith("#fields"):
                names = cells[1:]
            elif not line.startswith("#") and line.strip():
                if names is None:
                    names = cells
                else:
                    rows.append(dict(zip(names, cells)))
    return names, rows


def flowtap_rows(program, capture, *args):
    r = subprocess.run([program, "read", "--quiet", "-w", "1", "-e", "flow", "-o", "csv:-?dialect=zeek", *args, capture],
                       capture_output=True, timeout=120)
    lines = r.stdout.decode().splitlines()
    names = next(x for x in lines if x.startswith("#fields")).split("\t")[1:]
    return [dict(zip(names, x.split("\t"))) for x in lines if not x.startswith("#")]


def ends(row):
    """A flow, whichever of its ends is the originator."""
    a, b = (row[KEY[0]], row[KEY[1]]), (row[KEY[2]], row[KEY[3]])
    return tuple(sorted((a, b))) + (row["proto"],)


def differences(z, f, names):
    out = []
    for n in names:
        if n in SKIP or n not in f:
            continue
        if n == "service" and ("-" in (z[n], f[n]) or z[n] == f[n]):
            continue
        if z[n] != f[n]:
            out.append((n, z[n], f[n]))
    return out


def pair(zeek, mine, names):
    """Pairs of rows, the most alike first; what is left of both."""
    groups = collections.defaultdict(lambda: ([], []))
    for r in zeek:
        groups[ends(r)][0].append(r)
    for r in mine:
        groups[ends(r)][1].append(r)
    pairs, left_z, left_f = [], [], []
    for zs, fs in groups.values():
        while zs and fs:
            z, f = min(((z, f) for z in zs for f in fs), key=lambda p: len(differences(*p, names)))
            pairs.append((z, f))
            zs.remove(z)
            fs.remove(f)
        left_z += zs
        left_f += fs
    return pairs, left_z, left_f


def of_tunnels(pairs, left_z, rows, names):
    """Rows of flows that carry others: where one of --keep-tunnels is equal it is the one, and a pair with
    what could not be opened of it is none."""
    outer = []
    for z in list(left_z):
        f = next((f for f in rows if ends(f) == ends(z) and not differences(z, f, names)), None)
        if f is not None:
            rows.remove(f)
            left_z.remove(z)
            outer.append((z, f))
            pairs = [p for p in pairs if p[0] is not z]
    paired = [id(z) for z, _ in pairs]
    more, left_z, _ = pair([z for z in left_z if id(z) not in paired], rows, names)
    return pairs, left_z, outer + more


def name_of(row):
    return " ".join(row[k] for k in KEY)


def whole(row):
    return " ".join("%s=%s" % (k, row[k]) for k in ("duration", "conn_state", "history", "orig_pkts", "resp_pkts") if k in row)


def compare(program, golden, capture, args):
    names, zeek = golden_rows(golden)
    if not set(KEY) <= set(names):
        return compare_cut(program, capture, args, names, zeek)
    mine = flowtap_rows(program, capture, *args)
    pairs, left_z, left_f = pair(zeek, mine, names)
    outer, left_z = [], left_z + [z for z, f in pairs if differences(z, f, names)]
    if left_z:
        pairs, left_z, outer = of_tunnels(pairs, left_z, flowtap_rows(program, capture, "--keep-tunnels", *args), names)
    out = [(name_of(z), n, a, b) for z, f in pairs + outer for n, a, b in differences(z, f, names)]
    out += [(name_of(r), "row", whole(r), "none") for r in left_z] + [(name_of(r), "row", "none", whole(r)) for r in left_f]
    return len(pairs) + len(outer), out


def compare_cut(program, capture, args, names, zeek):
    """Some tests keep a few columns only: those, without the service, as sets."""
    names = [n for n in names if n not in SKIP and n != "service"]
    mine = flowtap_rows(program, capture, *args)
    names = [n for n in names if n in mine[0]]
    if not names:
        return 0, []
    a = collections.Counter(" ".join(r[n] for n in names) for r in zeek)
    b = collections.Counter(" ".join(r[n] for n in names) for r in mine)
    outer = collections.Counter()
    if a - b:
        outer.update(" ".join(r[n] for n in names) for r in flowtap_rows(program, capture, "--keep-tunnels", *args))
    left = a - b
    return sum((a & b).values()) + sum((left & outer).values()), \
        [("-", "+".join(names), x, "none") for x in (left - outer).elements()] + \
        [("-", "+".join(names), "none", x) for x in (b - a).elements()]


def goldens(corpus):
    """(golden, capture, command) of all conn.log files."""
    root = os.path.dirname(os.path.abspath(corpus))
    with open(os.path.join(root, "GOLDENS.tsv"), encoding="utf-8") as f:
        for line in f:
            cells = line.rstrip("\n").split("\t")
            if re.search(r"\.conn\.log(\.|$)", cells[0]):
                yield os.path.join(root, cells[0]), [os.path.join(root, x) for x in cells[4].split()], cells[2] + cells[3]


def capture_of(golden, captures):
    """A golden of several captures names its own."""
    if len(captures) == 1:
        return captures[0]
    word = golden.rsplit(".", 1)[1]
    return next((c for c in captures if word in c), None)


def read_known(path):
    with open(path, encoding="utf-8") as f:
        rows = [x.rstrip("\n").split("\t") for x in f if x.strip() and not x.startswith("#")]
    return {tuple(r[:5]) for r in rows if len(r) == 7 and r[6].startswith(("flowtap", "Zeek", "both"))}


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--flowtap", required=True)
    ap.add_argument("--corpus", required=True)
    ap.add_argument("--known", required=True)
    ap.add_argument("--print", action="store_true")
    args = ap.parse_args()
    if not os.path.exists(os.path.join(args.corpus, "..", "GOLDENS.tsv")):
        print("no corpus at %s: skipped" % args.corpus)
        return 77
    known, seen, equal, files, failed = read_known(args.known), set(), 0, 0, 0
    for golden, captures, command in goldens(args.corpus):
        capture = capture_of(golden, captures)
        if capture is None:
            continue
        name = os.path.basename(golden)
        if name in SKIPPED:
            continue
        how = next((v for k, v in HOW.items() if k in name), ())
        n, found = compare(args.flowtap, golden, capture, how)
        files, equal = files + 1, equal + n
        for flow, column, theirs, ours in found:
            key = (name, flow, column, theirs, ours)
            if key not in known and key not in seen:
                failed += 1
                print(("" if args.print else "NEW ") + "\t".join(key))
            seen.add(key)
    gone = sorted(known - seen)
    for k in gone if not args.print else []:
        print("GONE " + "\t".join(k))
    print("%d files, %d rows paired, %d differences, of them %d known" % (files, equal, len(seen), len(seen & known)), file=sys.stderr)
    return 1 if failed or gone else 0


sys.exit(main())
