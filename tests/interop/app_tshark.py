#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Names on flows (--app) against tshark's dissection.

    app_tshark.py --flowtap PROGRAM --corpus DIR [--every N] [--known FILE]

For every capture: each fingerprint or name that flowtap gives must be one that tshark has in the same
capture; how many of tshark's are found is printed (flowtap keeps the first of a flow, tshark all).
Exit 1: a value that tshark does not have; 77: no corpus or no tshark.
"""
import argparse
import concurrent.futures
import json
import os
import shutil
import subprocess
import sys

COLUMNS = {
    "tls_ja3": ("tls.handshake.ja3",), "tls_ja3s": ("tls.handshake.ja3s",), "ssh_hassh": ("ssh.kex.hassh",),
    "ssh_hassh_server": ("ssh.kex.hasshserver",), "tls_sni": ("tls.handshake.extensions_server_name",),
    "http_host": ("http.host",), "http_user_agent": ("http.user_agent",), "dns_query": ("dns.qry.name", "nbns.name"),
}
FIELDS = sorted({f for fields in COLUMNS.values() for f in fields})
MAGICS = {b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\x0a\x0d\x0d\x0a"}


def of_flowtap(program, path):
    r = subprocess.run([program, "read", "--quiet", "--app", "-w", "1", "-e", "flow", path], capture_output=True, timeout=120)
    found = {c: set() for c in COLUMNS}
    for line in r.stdout.splitlines():
        features = json.loads(line)["features"]
        for c in COLUMNS:
            if features.get(c):
                found[c].add(features[c].lower() if c == "dns_query" else features[c])
    return found


def of_tshark(path):
    cmd = ["tshark", "-n", "-r", path, "-Y", "tls or dtls or ssh or http or dns or mdns or llmnr or nbns or quic", "-T", "fields", "-E", "separator=/t",
           "-E", "aggregator=\x1f"]
    for f in FIELDS:
        cmd += ["-e", f]
    out = subprocess.run(cmd, capture_output=True, timeout=120).stdout.decode(errors="replace")
    found = {f: set() for f in FIELDS}
    for line in out.splitlines():
        for f, value in zip(FIELDS, line.split("\t")):
            # behind a NetBIOS name tshark says in words what it is for
            found[f] |= {x.split(" (")[0] if f == "nbns.name" else x for x in value.split("\x1f") if x}
    return {c: set().union(*({x.lower() if c == "dns_query" else x for x in found.get(f, ())} for f in fields)) for c, fields in COLUMNS.items()}


def check(args):
    program, path = args
    mine, theirs = of_flowtap(program, path), of_tshark(path)
    rows = {}
    for c in COLUMNS:
        have = {x[:128] for x in theirs[c]} if c == "http_user_agent" else theirs[c]
        # tshark does not tell a dot inside a label from one between two
        mapped = {"<Root>" if x == "." else x.replace("\\.", ".").replace("\\\\", "\\") for x in mine[c]} if c == "dns_query" else mine[c]
        have = {"<Root>" if x.lower() == "<root>" else x for x in have}
        rows[c] = (len(mapped & have), sorted(mapped - have), len(have - mapped))
    return path, rows


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--flowtap", required=True)
    ap.add_argument("--corpus", required=True)
    ap.add_argument("--every", type=int, default=1)
    ap.add_argument("--known", help="file of explained ones: PATH<tab>COLUMN<tab>reason")
    args = ap.parse_args()
    known = set()
    if args.known:
        with open(args.known) as f:
            known = {tuple(line.split("\t")[:2]) for line in f if line.strip() and line[0] != "#"}
    if not os.path.isdir(args.corpus) or shutil.which("tshark") is None:
        print("skipped: no corpus at %s, or no tshark" % args.corpus)
        return 77
    paths = []
    for base, _, names in os.walk(os.path.join(args.corpus, "packets")):
        for name in names:
            path = os.path.join(base, name)
            with open(path, "rb") as f:
                if f.read(4) in MAGICS:
                    paths.append(path)
    paths = sorted(paths)[::args.every]
    totals, wrong = {c: [0, 0, 0] for c in COLUMNS}, 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for path, rows in pool.map(check, [(args.flowtap, p) for p in paths]):
            for c, (same, odd, missing) in rows.items():
                totals[c][0] += same
                totals[c][1] += len(odd)
                totals[c][2] += missing
                if odd and (os.path.relpath(path, args.corpus), c) not in known:
                    wrong += 1
                    print("%s %s: %s" % (os.path.relpath(path, args.corpus), c, odd[:3]))
    for c, (same, odd, missing) in totals.items():
        print("%-18s %5d the same, %d that tshark has not, %d of tshark's not found" % (c, same, odd, missing))
    return 1 if wrong else 0


sys.exit(main())
