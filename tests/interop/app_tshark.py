#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Names on flows (--app) against Wireshark's dissection, over the whole corpus.

    app_tshark.py --flowtap PROGRAM --corpus DIR [--every N] [--known FILE] [--missing]

For every capture: each fingerprint or name that flowtap gives must be one that Wireshark has in the same
capture; how many of Wireshark's are found is printed (flowtap keeps the first of a flow, Wireshark all).
--missing lists captures in which flowtap has none of a column's and Wireshark some.
The dissection is sharkd's, which is tshark without starting it for each file; tshark where there is no
sharkd. Captures with equal bytes are read once.
Exit 1: a value that Wireshark does not have, or an explained one that is no more; 77: no corpus, no tshark.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import re
import select
import shutil
import subprocess
import sys

# column: Wireshark's fields, and whether values may hold commas, which sharkd puts between several
COLUMNS = {
    "tls_ja3": (("tls.handshake.ja3", "dtls.handshake.ja3"), False), "tls_ja3s": (("tls.handshake.ja3s", "dtls.handshake.ja3s"), False),
    "tls_sni": (("tls.handshake.extensions_server_name", "dtls.handshake.extensions_server_name"), False),
    "tls_alpn": (("tls.handshake.extensions_alpn_str", "dtls.handshake.extensions_alpn_str"), False),
    "ssh_hassh": (("ssh.kex.hassh",), False), "ssh_hassh_server": (("ssh.kex.hasshserver",), False),
    "http_host": (("http.host",), True), "http_user_agent": (("http.user_agent",), True), "dns_query": (("dns.qry.name", "nbns.name"), False),
}
OCCURRENCES = (1, 2, 3, -1)  # asked for one by one where values may hold commas
FIELDS = [(f, n) for fields, commas in COLUMNS.values() for f in fields for n in (OCCURRENCES if commas else (0,))]
FILTER = "tls or dtls or ssh or http or dns or mdns or llmnr or nbns or quic"
MAGICS = {b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\x0a\x0d\x0d\x0a"}
PATIENCE = 60


def of_flowtap(program, path):
    r = subprocess.run([program, "read", "--quiet", "--app", "-p", "all", "-w", "1", "-e", "flow", path], capture_output=True, timeout=120)
    found = {c: set() for c in COLUMNS}
    for line in r.stdout.splitlines():
        features = json.loads(line)["features"]
        for c in COLUMNS:
            if features.get(c) is not None:
                # Wireshark does not tell a dot inside a label from one between two
                value = str(features[c])
                found[c].add(normal(c, re.sub(r"\\([.\\])", r"\1", value) if c == "dns_query" else value))
    return found


def normal(column, value):
    if column == "dns_query":
        value = value.lower()
        return "<root>" if value == "." else value
    return value[:128] if column == "http_user_agent" else value


class Sharkd:
    """One sharkd, which is started again when it dies or takes too long."""

    def __init__(self):
        self.child, self.rest, self.number = None, b"", 1

    def ask(self, *requests):
        """Results by request, of those that are answered: a file that is damaged is loaded in silence."""
        first, found = self.number, {}
        for method, params in requests:
            self.child.stdin.write((json.dumps({"jsonrpc": "2.0", "id": self.number, "method": method, "params": params}) + "\n").encode())
            self.number += 1
        self.child.stdin.flush()
        while self.number - 1 not in found:
            answer = json.loads(self.line().decode(errors="replace"), strict=False)
            found[answer.get("id")] = answer.get("result")
        return [found.get(first + i) for i in range(len(requests))]

    def line(self):
        while b"\n" not in self.rest:
            if not select.select([self.child.stdout], [], [], PATIENCE)[0]:
                raise OSError("nothing within %d s" % PATIENCE)
            part = os.read(self.child.stdout.fileno(), 1 << 20)
            if not part:
                raise OSError("it ended")
            self.rest += part
        line, self.rest = self.rest.split(b"\n", 1)
        return line

    def stop(self):
        if self.child is not None:
            self.child.kill()
            self.child.wait()
            self.child.stdin.close()
            self.child.stdout.close()
            self.child = None

    def rows(self, path):
        if self.child is None:
            self.rest = b""
            self.child = subprocess.Popen(["sharkd", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            columns = {"column%d" % i: "%s:%d" % field for i, field in enumerate(FIELDS)}
            loaded, frames = self.ask(("load", {"file": os.path.abspath(path)}), ("frames", columns))
            if not loaded or not frames:
                self.stop()  # after one without frames, or that it could not load whole, it fills no columns
            return [r["c"] for r in frames or ()] if loaded else None
        except (OSError, ValueError):
            self.stop()
            return None


def of_tshark(path):
    cmd = ["tshark", "-n", "-r", path, "-Y", FILTER, "-T", "fields", "-E", "separator=/t", "-E", "aggregator=\x1f"]
    for f, _ in FIELDS:
        cmd += ["-e", f]
    out = subprocess.run(cmd, capture_output=True, timeout=120).stdout.decode(errors="replace")
    return [line.split("\t") for line in out.splitlines()]


def of_wireshark(shark, path):
    rows = shark.rows(path) if shark is not None else None
    rows = of_tshark(path) if rows is None else rows
    of_field = {}
    for row in rows:
        for (f, n), cell in zip(FIELDS, row):
            values = cell.split("\x1f") if "\x1f" in cell or n != 0 else cell.split(",")
            # behind a NetBIOS name Wireshark says in words what it is for
            of_field.setdefault(f, set()).update(x.split(" (")[0] if f == "nbns.name" else x for x in values)
    return {c: {normal(c, x) for f in fields for x in of_field.get(f, ()) if x} for c, (fields, _) in COLUMNS.items()}


def check(program, paths):
    """Of one process' share of the captures: (path, {column: (same, odd, missing)})"""
    shark, out = Sharkd() if shutil.which("sharkd") else None, []
    for path in paths:
        mine, theirs = of_flowtap(program, path), of_wireshark(shark, path)
        out.append((path, {c: (mine[c] & theirs[c], mine[c] - theirs[c], theirs[c] - mine[c]) for c in COLUMNS}))
    if shark is not None:
        shark.stop()
    return out


def captures(corpus):
    """Every capture once, in order."""
    found, seen = [], set()
    for base, _, names in os.walk(corpus):
        for name in names:
            with open(os.path.join(base, name), "rb") as f:
                data = f.read()
            digest = hashlib.sha256(data).digest()
            if data[:4] in MAGICS and digest not in seen:
                seen.add(digest)
                found.append(os.path.join(base, name))
    return sorted(found)


def read_known(path):
    if not path:
        return set()
    with open(path) as f:
        return {tuple(line.split("\t")[:2]) for line in f if line.strip() and line[0] != "#"}


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--flowtap", required=True)
    ap.add_argument("--corpus", required=True)
    ap.add_argument("--every", type=int, default=1)
    ap.add_argument("--jobs", type=int, default=2)
    ap.add_argument("--known", help="file of explained ones: PATH<tab>COLUMN<tab>reason")
    ap.add_argument("--missing", action="store_true")
    args = ap.parse_args()
    known, used = read_known(args.known), set()
    if not os.path.isdir(args.corpus) or shutil.which("tshark") is None:
        print("skipped: no corpus at %s, or no tshark" % args.corpus)
        return 77
    paths = captures(args.corpus)[::args.every]
    totals, wrong = {c: [0, 0, 0] for c in COLUMNS}, 0
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        shares = pool.map(check, [args.flowtap] * args.jobs, [paths[i::args.jobs] for i in range(args.jobs)])
        for path, rows in sorted(x for share in shares for x in share):
            name = os.path.relpath(path, args.corpus)
            for c, sets in rows.items():
                totals[c] = [t + len(s) for t, s in zip(totals[c], sets)]
                if args.missing and sets[2] and not sets[0]:
                    print("missing %s %s: %s" % (name, c, sorted(sets[2])[:3]))
                if sets[1] and (name, c) in known:
                    used.add((name, c))
                elif sets[1]:
                    wrong += 1
                    print("%s %s: %s" % (name, c, sorted(sets[1])[:3]))
    for c, (same, odd, missing) in totals.items():
        print("%-18s %5d the same, %d that Wireshark has not, %d of Wireshark's not found" % (c, same, odd, missing))
    print("%d captures" % len(paths))
    for name, c in sorted(known - used) if args.every == 1 else ():
        wrong += 1
        print("%s %s: explained, but there is no difference" % (name, c))
    return 1 if wrong else 0


sys.exit(main())
