#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The nfstream profile beside NFStream itself, row by row and column by column: captures that are made here, and those
of the public corpus. Whole numbers, texts and lists are equal; means and deviations to 1e-9 of the value or 1e-6,
whichever is more, since NFStream updates them packet by packet in floating point.

nfstream_compare.py --flowtap PROGRAM [--corpus DIR] [--known FILE] [--every N]

What is known to differ stands in FILE: capture, reason. NFStream runs by the Python of $FT_NFSTREAM, else by
~/.cache/flowtap/nfstream/bin/python (python3 -m venv ~/.cache/flowtap/nfstream &&
~/.cache/flowtap/nfstream/bin/pip install nfstream==6.5.4); without one the test is skipped."""
import argparse
import csv
import io
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "correct"), os.path.join(HERE, "..", "parity")]
VERSION = "6.5.4"
SPLT = 10
LISTS = "splt_direction", "splt_ps", "splt_piat_ms"
TEXTS = "id", "src_ip", "src_mac", "src_oui", "dst_ip", "dst_mac", "dst_oui"
NOT_OURS = "id",  # NFStream counts its rows, flowtap says flow_id
KEY = ("protocol", "bidirectional_first_seen_ms", "src_ip", "src_port", "dst_ip", "dst_port", "tunnel_id", "vlan_id")
# of what came out of a tunnel flowtap has no frame, NFStream the outer one
OF_FRAMES = "src_mac", "src_oui", "dst_mac", "dst_oui", "vlan_id"
MAGICS = (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d", b"\x0a\x0d\x0d\x0a")


def nfstream_python():
    python = os.environ.get("FT_NFSTREAM") or os.path.expanduser("~/.cache/flowtap/nfstream/bin/python")
    try:
        said = subprocess.run([python, "-c", "import nfstream; print(nfstream.__version__)"], capture_output=True)
    except OSError:
        return None
    return python if said.stdout.decode().strip() == VERSION else None


def theirs(python, paths, splt=SPLT, times=()):
    """capture -> rows, or None for what NFStream does not read."""
    out = {}
    r = subprocess.run([python, os.path.join(HERE, "nfstream_rows.py"), str(splt), *map(str, times)],
                       input="\n".join(paths).encode(), capture_output=True, timeout=1800)
    for line in r.stdout.splitlines():
        said = json.loads(line)
        said["columns"] = said.get("columns") or ()
        rows = [dict(zip(said["columns"], row)) for row in said.get("rows", ())]
        out[said["capture"]] = None if "error" in said else rows
    if len(out) != len(set(paths)):
        raise RuntimeError("NFStream ended early: " + r.stderr.decode()[-500:])
    return out


def value(column, text):
    if column in TEXTS:
        return text
    if column in LISTS:
        return [int(x) for x in text.split(";")] if text else []
    return float(text) if "." in text or "e" in text else int(text)


def ours(program, path, splt=SPLT, args=()):
    """Rows of the CSV in NFStream's form."""
    r = subprocess.run([program, "read", "--quiet", "--nfstream-splt", str(splt), "-e", "flow", "-o",
                        "csv:-?dialect=nfstream", *args, path], capture_output=True, timeout=300)
    return [{k: value(k, v) for k, v in row.items()} for row in csv.DictReader(io.StringIO(r.stdout.decode()))]


def by_key(rows):
    return sorted(rows, key=lambda r: [str(r[k]) for k in KEY] + [r["bidirectional_last_seen_ms"]])


def same(a, b):
    if isinstance(a, float) or isinstance(b, float):
        return abs(a - b) <= max(1e-6, 1e-9 * abs(b))
    return a == b


def differences(mine, other):
    """Texts: one for each row that differs."""
    out = []
    names = [c for c in mine[0] if mine[0][c] != []] if mine else []  # NFStream without lists has no columns of them
    if other and mine and list(other[0]) != names:
        out.append("columns: %s" % (sorted(set(other[0]) ^ set(names)) or "in another order"))
    if len(mine) != len(other):
        keys = [[[r[k] for k in KEY] for r in rows] for rows in (mine, other)]
        out.append("%d rows, NFStream %d; only here %s, only there %s" %
                   (len(mine), len(other), [k for k in keys[0] if k not in keys[1]][:3],
                    [k for k in keys[1] if k not in keys[0]][:3]))
        return out
    for a, b in zip(by_key(mine), by_key(other)):
        free = NOT_OURS + (OF_FRAMES if a["src_mac"] == a["dst_mac"] == "00:00:00:00:00:00" else ())
        wrong = ["%s %s (NFStream %s)" % (c, a[c], b[c]) for c in a
                 if c not in free and c in b and not same(a[c], b[c])]
        if wrong:
            out.append("%s: %s" % ([a[k] for k in KEY], "; ".join(wrong)))
    return out


def captures(corpus, every):
    found = []
    for folder, _, names in os.walk(corpus):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "rb") as f:
                if f.read(4) in MAGICS:
                    found.append(path)
    return sorted(found)[::every]


def read_known(path):
    with open(path) as f:
        return dict(line.rstrip("\n").split("\t", 1) for line in f if line.strip() and not line.startswith("#"))


def write(folder, name, data):
    path = os.path.join(folder, name)
    with open(path, "wb") as f:
        f.write(data)
    return path


def made(folder):
    """Captures whose packets come in order, and one whose do not."""
    import random

    import nfstream_traffic
    import traffic
    from packets import pcap

    out = {"made-%d" % seed: write(folder, "made-%d.pcap" % seed, pcap(nfstream_traffic.make(seed)))
           for seed in range(1, 4)}
    out["made-late"] = write(folder, "late.pcap", pcap(nfstream_traffic.late(nfstream_traffic.make(9), random.Random(9))))
    plain = [f for f in traffic.make() if b"\x12\xb5" not in f[1][34:38]]  # without VXLAN
    out["made-plain"] = write(folder, "plain.pcap", pcap(plain))
    return out


def compare(program, path, other, folder, splt=SPLT):
    """What differs; what NFStream does to packets before it makes flows may have to be done first."""
    import nfstream_normal

    found = differences(ours(program, path, splt), other)
    copy = nfstream_normal.normal(path) if found else None
    if copy is not None:
        found = differences(ours(program, write(folder, "copy.pcap", copy), splt), other)
    return found, copy is not None


def check(program, python, paths, known, folder, splt=SPLT):
    """Names to paths; True when nothing differs but what is known."""
    good, counts = True, dict.fromkeys(("rows", "columns", "equal", "prepared", "known", "unread"), 0)
    said = theirs(python, list(paths.values()), splt)
    for name, path in paths.items():
        other = said[path]
        if other is None:
            counts["unread"] += 1
            continue
        found, copied = compare(program, path, other, folder, splt)
        if bool(found) != (name in known):
            good = False
            print("FAIL %s %s" % (name, "\n     ".join(found[:3]) if found else "is as NFStream, but is among the known"))
        counts["rows"] += len(other) if not found else 0
        counts["columns"] = max([counts["columns"], *(len(r) - len(NOT_OURS) for r in other)])
        counts["equal"] += not found
        counts["prepared"] += copied and not found
        counts["known"] += name in known
    print("%d captures as NFStream, %d rows of %d columns (%d captures after its own changes to packets); "
          "%d known to differ, %d it does not read" %
          (counts["equal"], counts["rows"], counts["columns"], counts["prepared"], counts["known"], counts["unread"]))
    return good and counts["rows"] > 0


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--flowtap", required=True)
    ap.add_argument("--corpus", default="")
    ap.add_argument("--known", default=os.path.join(HERE, "nfstream_known.tsv"))
    ap.add_argument("--every", type=int, default=1)
    args = ap.parse_args()
    python = nfstream_python()
    if python is None:
        print("no Python with nfstream %s ($FT_NFSTREAM): skipped" % VERSION)
        return 77
    known, good = read_known(args.known), True
    with tempfile.TemporaryDirectory(prefix="flowtap-nfstream-") as folder:
        mine = made(folder)
        for splt in (SPLT, 1, 255, 0):
            good &= check(args.flowtap, python, mine, {}, folder, splt)
        corpus = {os.path.relpath(p, args.corpus): p for p in captures(os.path.join(args.corpus, "packets"), args.every)}
        if corpus:
            good &= check(args.flowtap, python, corpus, known, folder)
        else:
            print("no corpus")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
