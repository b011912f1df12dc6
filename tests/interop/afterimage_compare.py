#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The afterimage profile beside Kitsune's own code: netStat.py and AfterImage.py, of captures that are made here, of the
bundled one and of the public corpus, told what a reading of frames that is neither's finds in them; and its
FeatureExtractor.py from the capture on, by tshark, of the bundled one. All 100 numbers of each frame to 1e-9.

    afterimage_compare.py --flowtap PROGRAM --capture FILE [--corpus DIR] [--every N]

Kitsune is a checkout of https://github.com/ymirsky/Kitsune-py at 7c8ea51 in $FT_KITSUNE, else in
~/.cache/flowtap/kitsune (git clone https://github.com/ymirsky/Kitsune-py ~/.cache/flowtap/kitsune); without one: 77.
Of NumPy it takes arrays of zeros and what is no number; these are given to it here."""
import argparse
import math
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import types

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "correct")]
import afterimage
from packets import Meter, pcap

NO_LIMIT = 100000000000  # what FeatureExtractor.py says


def kitsune(folder):
    """Its modules."""
    numpy = types.ModuleType("numpy")
    numpy.nan = float("nan")
    numpy.inf = numpy.Inf = float("inf")
    numpy.isnan = lambda v: math.isnan(v)
    numpy.zeros = lambda n: [0.0] * (n[0] if isinstance(n, tuple) else n)
    numpy.concatenate = lambda parts: [float(v) for part in parts for v in part]
    compiled = types.ModuleType("pyximport")
    compiled.install = lambda: None
    scapy = types.ModuleType("scapy.all")
    scapy.sys = sys
    sys.modules.update({"numpy": numpy, "pyximport": compiled, "scapy": types.ModuleType("scapy"), "scapy.all": scapy})
    sys.path.insert(0, folder)
    sys.dont_write_bytecode = True
    import FeatureExtractor
    import netStat
    return netStat, FeatureExtractor


def by_net_stat(net_stat, data):
    n = net_stat.netStat(float("nan"), NO_LIMIT, NO_LIMIT)
    out = []
    for ns, kind, frame, wire in afterimage.records_of(data):
        src_mac, dst_mac, src, sport, dst, dport, size = afterimage.fields(kind, frame, wire)
        out.append(n.updateGetStats(0, src_mac, dst_mac, src, sport, dst, dport, size, float("%d.%09d" % divmod(ns, 10 ** 9))))
    return n.getNetStatHeaders(), out


def by_extractor(extractor, path):
    """From the capture on; it puts a table of tshark's beside it."""
    out = []
    fe = extractor.FE(path)
    while True:
        row = fe.get_next_vector()
        if len(row) == 0:
            return out
        out.append(row)


def captures_of(a):
    for seed in range(3):
        yield f"made {seed}", pcap(afterimage.traffic(100 + seed, 1500))
    paths = [pathlib.Path(a.capture)] + (sorted(pathlib.Path(a.corpus, "packets").rglob("*.pcap"))[::a.every] if a.corpus else [])
    for path in paths:
        data = path.read_bytes()
        if len(data) < 3000000 and data[:4] in (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4") and afterimage.plain(data):
            yield str(path), data


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--flowtap", required=True)
    p.add_argument("--capture", required=True)
    p.add_argument("--corpus")
    p.add_argument("--every", type=int, default=4)
    a = p.parse_args()
    folder = os.environ.get("FT_KITSUNE") or os.path.expanduser("~/.cache/flowtap/kitsune")
    if not os.path.exists(os.path.join(folder, "netStat.py")):
        print("Kitsune is not here: skipped")
        sys.exit(77)
    net_stat, extractor = kitsune(folder)
    m, failures, frames, n = Meter(a.flowtap), 0, 0, 0
    for name, data in captures_of(a):
        names, want = by_net_stat(net_stat, data)
        assert names == afterimage.NAMES, "names of its columns"
        try:
            afterimage.alike(afterimage.rows(m, data), want, name)
        except AssertionError as e:
            failures += 1
            print("FAIL", e)
        frames, n = frames + len(want), n + 1
    if shutil.which("tshark"):
        with tempfile.TemporaryDirectory(prefix="flowtap-kitsune-") as work:
            path = os.path.join(work, "in.pcap")
            shutil.copy(a.capture, path)
            want = by_extractor(extractor, path)
            afterimage.alike(afterimage.rows(m, pathlib.Path(path).read_bytes()), want, "by tshark")
            frames, n = frames + len(want), n + 1
    print(f"{n} captures, {frames} frames")
    sys.exit(failures > 0 or frames == 0)


if __name__ == "__main__":
    main()
