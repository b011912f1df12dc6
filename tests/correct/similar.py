#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`flowtap query --similar`: the same flows and hosts, in the same order and with the same similarity, as of sorting all
vectors that NDJSON of the same run has."""
import json
import os
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import vector_traffic  # noqa: E402
from packets import *
from run import main, same


def f32(x):
    return struct.unpack("f", struct.pack("f", x))[0]


def f32s(v):
    """NDJSON has as many digits as tell one float32 from the next."""
    return tuple(f32(x) for x in v)


def product(a, b):
    """In the order of src/store/dot.h: eight lanes, each product and each sum a float32."""
    lane = [0.0] * 8
    for i in range(8):
        lane[i] = f32(a[i] * b[i])
        for at in (8, 16, 24):
            lane[i] = f32(lane[i] + f32(a[at + i] * b[at + i]))
    half = [f32(lane[i] + lane[i + 4]) for i in range(4)]
    return min(f32(f32(half[0] + half[2]) + f32(half[1] + half[3])), 1.0)


class World:
    """Two runs of made traffic into one store: flows with interim records and snapshots, windows of two spans."""

    def __init__(self, m):
        self.m = m
        self.folder = tempfile.TemporaryDirectory(prefix="flowtap-similar-")
        self.dir = os.path.join(self.folder.name, "s")
        path = os.path.join(self.folder.name, "in.pcap")
        subprocess.run([sys.executable, "-B", vector_traffic.__file__, path], check=True, timeout=120)
        self.events = []
        for fit in ("builtin", "own"):
            self.read(path, fit)

    def read(self, path, fit):
        """The second run has a fit of its own: vectors that cannot be compared, and fewer of them."""
        out = os.path.join(self.folder.name, fit + ".ndjson")
        args, where = [], []
        if fit == "own":
            yaml = os.path.join(self.folder.name, "net.yaml")
            subprocess.run([self.m.program, "fit", path, "-o", yaml, "--quiet"], check=True, timeout=120)
            args, where = ["--vector-fit", yaml], ["--where", "protocol == 17"]
        r = subprocess.run([self.m.program, "read", "--quiet", "--observer", "t", "-w", "1", "-p", "vector", "-e", "flow,window",
                            "--window", "10,60", "--snapshot", "3", "--active-timeout", "20", *args, *where, "-o", "ndjson:" + out,
                            "-o", "store:%s?slice=1s" % self.dir, path], capture_output=True, text=True, timeout=240)
        same(r.returncode, 0, r.stderr)
        with open(out, encoding="utf-8") as f:
            self.events += [json.loads(line) for line in f]

    def similar(self, *args, rc=0):
        r = subprocess.run([self.m.program, "query", self.dir, "--similar", *args], capture_output=True, text=True, timeout=120)
        same(r.returncode, rc, r.stderr)
        self.said = r.stderr
        return [json.loads(line) for line in r.stdout.splitlines()]


WORLD = None


def world(m):
    global WORLD
    WORLD = WORLD or World(m)
    return WORLD


def flows(w):
    """id, time, vector, vector_id, span, and whether it is of packets, in the order of the records."""
    return [(e["flow_id"], e["timestamp"], f32s(e["features"]["vector"]), e["features"]["vector_id"], 0, True)
            for e in w.events if e["event_type"] == "network_flow_record"]


def hosts(w):
    return [(e["address"], e["timestamp"], f32s(e["vector"]), e["vector_id"], e["span_s"], e["packets_at_most"] > 0)
            for e in w.events if e["event_type"] == "window" and e["entity"] == "host"]


def nearest(rows, of, k, start=0, end=1e12, scores={}):
    own, _, v, transform, span, _ = of
    best = {}
    for ident, at, vector, t, s, _ in rows:
        if ident == own or t != transform or s != span or not start <= at < end:
            continue
        key = (v, vector)
        if key not in scores:
            scores[key] = product(v, vector)
        mine = (-scores[key], -at, ident)
        if ident not in best or mine < best[ident]:
            best[ident] = mine
    return sorted(best.values())[:k]


def alike(got, want, name):
    same([(r[name], r["timestamp"]) for r in got], [(i, -at) for _, at, i in want])
    for r, (score, _, _) in zip(got, want):
        same(f32(r["similarity"]), -score)


def ip_order(want):
    """Hosts that are as near stand by their 16 bytes."""
    import ipaddress

    def number(a):
        a = ipaddress.ip_address(a)
        return int(a) + (0xffff << 32 if a.version == 4 else 0)
    return sorted(want, key=lambda x: (x[0], x[1], number(x[2])))


def test_flows(m):
    w = world(m)
    rows = flows(w)
    ids = list(dict.fromkeys(r[0] for r in rows))
    assert len(rows) > len(ids) > 500, (len(rows), len(ids))
    interim = [i for i in ids if sum(r[0] == i for r in rows) > 3]
    for ident in ids[::len(ids) // 8] + interim[:2]:
        newest = [r for r in rows if r[0] == ident][-1]
        for k in (1, 10):
            alike(w.similar(ident, "--k", str(k)), nearest(rows, newest, k), "flow_id")
        assert newest[3] in w.said, w.said
    same({r[3].split(":")[1] == "builtin" for r in rows}, {True, False})


def test_time(m):
    w = world(m)
    rows = flows(w)
    at = sorted(r[1] for r in rows)
    newest = [r for r in rows if r[0] == rows[5][0]][-1]
    for start, end in ((at[len(at) // 3], at[len(at) // 2]), (at[-1], at[-1] + 1), (at[0] - 10, at[0])):
        alike(w.similar(rows[5][0], "--from", "%.6f" % start, "--to", "%.6f" % end, "--table", "flow"),
              nearest(rows, newest, 10, start, end), "flow_id")


def test_timeout(m):
    w = world(m)
    same(w.similar(flows(w)[0][0], "--timeout", "0.001", rc=1), [])
    assert "it takes longer than the 1 ms that it may" in w.said, w.said


def test_hosts(m):
    w = world(m)
    rows = hosts(w)
    ids = list(dict.fromkeys(r[0] for r in rows))
    assert any(":" in i for i in ids) and len(ids) > 20, ids
    for ident in ids[::6]:
        mine = [r for r in rows if r[0] == ident]
        for span in (10, 60):
            newest = [r for r in mine if r[4] == span and r[5]][-1]
            same(len([r for r in mine if r[4] == span and r[5] and r[1] == newest[1] and r[3] == newest[3]]), 1)
            want = ip_order(nearest(rows, newest, 1000))[:7]
            alike(w.similar(ident, "--k", "7", "--span", str(span)), want, "address")
            assert "its window of %d s" % span in w.said, w.said
        same({r["span_s"] for r in w.similar(ident)}, {60})


def test_what_is_not_there(m):
    w = world(m)
    a = flows(w)[0][0]
    for args, rc, text in ((("0123456789abcdef",), 1, "the store has no record of it"),
                           (("10.99.99.99",), 1, "the store has no window of it"),
                           (("10.20.0.10", "--span", "7"), 1, "no window of 7 s"),
                           (("10.20.0.10", "--table", "flow"), 1, "the store has no record of it"),
                           ((a, "--table", "window"), 2, "told by its address"),
                           ((a, "--table", "alert"), 2, "allowed is flow or window"),
                           ((a, "--k", "0"), 2, "whole number from 1 to 1000"),
                           ((a, "--k", "1001"), 2, "whole number from 1 to 1000"),
                           (("",), 2, "no flow_id and no address"),
                           (("x" * 80,), 2, "no flow_id and no address")):
        same(w.similar(*args, rc=rc), [])
        assert text in w.said, w.said
    with tempfile.TemporaryDirectory(prefix="flowtap-similar-") as folder:
        path = os.path.join(folder, "in.pcap")
        c = Conn(T0, 40000, 80, "10.0.0.1", "10.0.0.2")
        c.open()
        with open(path, "wb") as f:
            f.write(pcap(c.close().frames))
        subprocess.run([m.program, "read", "--quiet", "-e", "flow", "-o", "store:%s/s" % folder, path], check=True, timeout=60)
        r = subprocess.run([m.program, "query", folder + "/s", "--similar", a], capture_output=True, text=True, timeout=60)
        same(r.returncode, 1)
        assert "-p vector of who writes it gives them" in r.stderr, r.stderr
        r = subprocess.run([m.program, "query", folder + "/s", "--similar", "10.0.0.1"], capture_output=True, text=True, timeout=60)
        same(r.returncode, 1)
        assert "there are no windows in the store" in r.stderr, r.stderr


if __name__ == "__main__":
    main(globals())
