#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Other meters over the same captures: flows, packets and bytes side by side.

    meters.py --flowtap PROGRAM [--corpus DIR] [--every N] [CAPTURE...]

Runs what is installed of softflowd, nfpcapd, pmacctd, tshark -z conv and NFStream (the Python package).
Bytes are those of IP, which is what they count; tshark's are frames. Prints a row a capture and, at the
end, how often each agrees with flowtap in packets. docs/correctness.md says who is right and why. Exit 77:
nothing to compare with.
"""
import argparse
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

TIMEOUT = 60
MAGICS = {b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\x0a\x0d\x0d\x0a"}


def run(args, **how):
    return subprocess.run(args, capture_output=True, timeout=TIMEOUT, **how)


def flowtap(path, folder, program):
    r = run([program, "read", "--quiet", "--keep-tunnels", "-w", "1", "-e", "flow", "-p", "all", path])
    flows = packets = octets = 0
    for line in r.stdout.splitlines():
        e = json.loads(line)
        if e["is_final"]:
            f = e["features"]
            flows, packets = flows + 1, packets + e["aggregate_metrics"]["packet_count"]
            octets += f["fwd_ip_bytes"] + f["rev_ip_bytes"]
    return flows, packets, octets


def softflowd(path, folder, program):
    out = run([program, "-D", "-r", path, "-n", "127.0.0.1:9", "-v", "9"]).stdout.decode(errors="replace")
    out += run(["true"]).stdout.decode()
    flows = sum(int(x) for x in re.findall(r"(?:flushed|maxlife|general|udp|icmp|tcp(?:\.rst|\.fin)?|over 2 GiB|maxflows) = +(\d+)", out))
    rows = re.findall(r"\(\d+\): +(\d+) +(\d+) ", out)
    return flows, sum(int(p) for _, p in rows), sum(int(o) for o, _ in rows)


def nfpcapd(path, folder, program):
    where = os.path.join(folder, "nf")
    shutil.rmtree(where, ignore_errors=True)
    os.mkdir(where)
    run([program, "-r", path, "-w", where])
    out = run(["nfdump", "-R", where, "-o", "csv"]).stdout.decode(errors="replace").splitlines()
    if "Summary" not in out:
        return None
    row = dict(zip(out[-2].split(","), out[-1].split(",")))
    return int(row["flows"]), int(row["packets"]), int(row["bytes"])


def pmacctd(path, folder, program):
    conf = os.path.join(folder, "pmacctd.conf")
    with open(conf, "w") as f:
        f.write("daemonize: false\npcap_savefile: %s\nplugins: print\nprint_output: csv\nprint_refresh_time: 86400\n"
                "aggregate: src_host,dst_host,src_port,dst_port,proto\n" % path)
    rows = [r for r in csv.reader(run([program, "-f", conf]).stdout.decode(errors="replace").splitlines()) if len(r) == 7][1:]
    return len(rows), sum(int(r[5]) for r in rows), sum(int(r[6]) for r in rows)


def tshark(path, folder, program):
    out = run([program, "-n", "-q", "-r", path, "-z", "conv,tcp", "-z", "conv,udp", "-z", "conv,sctp"]).stdout.decode(errors="replace")
    rows = [line.split() for line in out.splitlines() if "<->" in line and not line.startswith("=")]
    flows = packets = octets = 0
    for r in rows:
        m = re.search(r"<-> +\S+ +(\d+) (\d+) \S+ +(\d+) (\d+) \S+ +(\d+) (\d+) (bytes|kB|MB|GB)", " ".join(r))
        flows += 1
        if m:
            packets += int(m.group(5))
            octets += int(m.group(6)) * {"bytes": 1, "kB": 1000, "MB": 10 ** 6, "GB": 10 ** 9}[m.group(7)]
    return flows, packets, octets


NFSTREAM = """
import sys
from nfstream import NFStreamer
f = p = b = 0
for x in NFStreamer(source=sys.argv[1], n_dissections=0, accounting_mode=1):
    f, p, b = f + 1, p + x.bidirectional_packets, b + x.bidirectional_bytes
print(f, p, b)
"""


def nfstream(path, folder, program):
    out = run([program, "-c", "if __name__ == '__main__':\n" + "\n".join("    " + x for x in NFSTREAM.splitlines()), path]).stdout
    return tuple(int(x) for x in out.split()) if out.split() else None


def has_nfstream(python):
    return subprocess.run([python, "-c", "import nfstream"], capture_output=True).returncode == 0


def captures(corpus, every):
    found = []
    for base, _, names in os.walk(os.path.join(corpus, "packets")):
        for name in names:
            path = os.path.join(base, name)
            with open(path, "rb") as f:
                if f.read(4) in MAGICS:
                    found.append(path)
    return sorted(found)[::every]


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--flowtap", required=True)
    ap.add_argument("--corpus", default="")
    ap.add_argument("--every", type=int, default=1)
    ap.add_argument("--python", default=sys.executable, help="a Python that has nfstream")
    ap.add_argument("captures", nargs="*")
    args = ap.parse_args()
    meters = {name: (fn, shutil.which(name)) for name, fn in
              (("softflowd", softflowd), ("nfpcapd", nfpcapd), ("pmacctd", pmacctd), ("tshark", tshark))}
    meters = {k: v for k, v in meters.items() if v[1]}
    if has_nfstream(args.python):
        meters["nfstream"] = (nfstream, args.python)
    paths = args.captures + (captures(args.corpus, args.every) if args.corpus else [])
    if not meters or not paths:
        print("no other meter, or no capture: skipped")
        return 77
    print("capture\tflowtap\t" + "\t".join(meters) + "\t(flows/packets/bytes)")
    agree = dict.fromkeys(meters, 0)
    compared = dict.fromkeys(meters, 0)
    with tempfile.TemporaryDirectory(prefix="flowtap-meters-") as folder:
        for path in paths:
            mine, row = flowtap(path, folder, args.flowtap), []
            for name, (fn, program) in meters.items():
                try:
                    theirs = fn(path, folder, program)
                except (subprocess.TimeoutExpired, ValueError, KeyError):
                    theirs = None
                row.append("/".join(map(str, theirs)) if theirs else "-")
                if theirs:
                    compared[name] += 1
                    agree[name] += theirs[1] == mine[1]
            print("\t".join([os.path.basename(path), "/".join(map(str, mine)), *row]))
    print("\npackets as flowtap: " + ", ".join("%s %d of %d" % (k, agree[k], compared[k]) for k in meters))
    return 0


sys.exit(main())
