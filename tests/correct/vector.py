#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Feature vectors against a second reckoning, in Python: of flows from the packets, bit for bit; of flows of captures
from the columns of other profiles; of hosts from the columns of their windows. Fits of captures and of records, with
files and without, the same for any number of workers."""
import json
import math
import os
import random
import re
import struct
import subprocess
import sys
from pathlib import Path

import vector_traffic
from packets import *
from run import main, same
from windows import parse, some_traffic

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
import arrow_reader  # noqa: E402

FLOW = ("fwd_packets rev_packets fwd_bytes rev_bytes fwd_payload_bytes rev_payload_bytes duration_us packet_rate byte_rate "
        "fwd_size_mean rev_size_mean fwd_size_std rev_size_std fwd_gap_mean_us rev_gap_mean_us fwd_gap_std_us "
        "rev_gap_std_us packet_1 packet_2 packet_3 packet_4 packets_ratio payload_ratio tcp udp icmp syn fin rst "
        "dst_port_class src_port_class anchor").split()
HOST = ("packets_out packets_in bytes_out bytes_in flows_out flows_in flows_ended flows_failed_out flows_failed_in "
        "peers_out peers_in ports new_peers syn_out syn_in syn_ack_out syn_ack_in rst_out rst_in size_mean size_std "
        "gap_mean_us gap_std_us port_entropy size_entropy answered_ratio reset_ratio packets_ratio bytes_ratio bytes_z "
        "flows_z anchor").split()
LOGS = {"flow": 21, "host": 23}
CENTRED = {"flow": 23, "host": 31}


# ---- a second reckoning ----

def f32(x):
    return struct.unpack("f", struct.pack("f", x))[0]


def log(x):
    """sign(x) * log2(1 + |x|) by the series that docs/vectors.md has."""
    m, e = math.frexp(1.0 + abs(x))
    if m < float.fromhex("0x1.6a09e667f3bcdp-1"):
        m, e = 2 * m, e - 1
    z = (m - 1.0) / (m + 1.0)
    s, p = z * z, 1.0 / 13.0
    for k in (11.0, 9.0, 7.0, 5.0, 3.0):
        p = p * s + 1.0 / k
    p = p * s + 1.0
    out = e + 2.8853900817779268 * (z * p)
    assert abs(out - math.log2(1 + abs(x))) < 1e-11, x
    return math.copysign(out, x)


def ratio(a, b):
    return (float(a) - float(b)) / (float(a) + float(b)) if a + b else 0.0


def builtin():
    """{kind: [(median, interquartile range)]}"""
    text = (ROOT / "src/model/vector_builtin.def").read_text()
    return {kind: [(f32(float(a)), f32(float(b))) for a, b in re.findall(
        r"X\(([-0-9.e+]+)f, ([-0-9.e+]+)f\)", text.split("#define %s(X)" % kind.upper())[1].split("#define")[0])]
        for kind in ("flow", "host")}


def read_fit(path):
    """What the file says: {kind: (pairs, mean, matrix)}."""
    out, kind = {}, None
    for line in Path(path).read_text().splitlines():
        if line in ("flow:", "host:"):
            kind = line[:-1]
            out[kind] = [[], None, []]
        m = re.match(r"  (\w+): (\[.*\])$", line)
        if m and m[1] == "mean":
            out[kind][1] = [f32(v) for v in json.loads(m[2])]
        elif m:
            out[kind][0].append(tuple(f32(v) for v in json.loads(m[2])))
        elif line.startswith("    - "):
            out[kind][2].append([f32(v) for v in json.loads(line[6:])])
    return out


def vector(components, pairs, mean=None, matrix=None):
    """Components (logarithms taken) to 32 float32."""
    x = []
    for i, c in enumerate(components):
        median, iqr = pairs[i] if i < len(pairs) else (0.0, 1.0)
        v = (c - median) * (1.0 / max(iqr, 0.5))
        x.append(f32(max(-8.0, min(8.0, v))))
    if mean:
        out = [0.0] * 31
        for k in range(31):
            d = f32(x[k] - mean[k])
            for i in range(31):
                out[i] = f32(out[i] + f32(matrix[i][k] * d))
        x[:31] = out
    sums = [0.0] * 4
    for i, v in enumerate(x):
        sums[i % 4] += v * v
    by = 1.0 / math.sqrt((sums[0] + sums[1]) + (sums[2] + sums[3]))
    return [f32(v * by) for v in x]


def std(values):
    n = len(values)
    if n < 2:
        return 0.0
    return math.sqrt(float(n * sum(v * v for v in values) - sum(values) ** 2) / (float(n) * float(n - 1)))


def average(values):
    return float(sum(values)) / float(len(values)) if values else 0.0


class Flow:
    def __init__(self, client):
        self.client, self.packets = client, []

    def components(self):
        d = [[p for p in self.packets if p[1] == way] for way in (0, 1)]
        gaps = [[max(b[0] - a, 0) for a, b in zip(running(side), side[1:])] for side in d]
        times = [p[0] for p in self.packets]
        us = (max(times) - min(times)) // 1000
        sizes, wire, payload = ([[p[k] for p in side] for side in d] for k in (2, 3, 4))
        time = (float(us) + 1000) / 1e6
        proto, flags = self.packets[0][5], [0, 0]
        for p in self.packets:
            flags[p[1]] |= p[6]
        port = lambda n: 0.0 if proto not in (6, 17) or n > 49151 else 0.5 if n > 1023 else 1.0
        seen = lambda flag: 0.5 * (flags[0] & flag != 0) + 0.5 * (flags[1] & flag != 0)
        first = [(-1 if p[1] else 1) * min(p[2], 32767) for p in self.packets[:4]]
        out = [float(len(d[0])), float(len(d[1])), *(float(sum(v)) for v in wire), *(float(sum(v)) for v in payload), float(us),
               (float(len(d[0])) + float(len(d[1]))) / time, (float(sum(wire[0])) + float(sum(wire[1]))) / time,
               *map(average, sizes), *map(std, sizes), *(average(g) / 1000 for g in gaps), *(std(g) / 1000 for g in gaps),
               *map(float, first + [0] * (4 - len(first))),
               ratio(len(d[0]), len(d[1])), ratio(sum(payload[0]), sum(payload[1])),
               float(proto == 6), float(proto == 17), float(proto in (1, 58)), seen(SYN), seen(FIN), seen(RST),
               port(self.packets[0][8]), port(self.packets[0][7]), 1.0]
        return [log(v) for v in out[:21]] + out[21:]


def running(side):
    """The newest time so far, of each packet."""
    out, newest = [], None
    for p in side:
        newest = p[0] if newest is None else max(newest, p[0])
        out.append(newest)
    return out


def reckon(frames):
    """{(client, its port, server, its port, protocol): components} of frames whose flows are of one record each."""
    flows = {}
    for t, frame in frames:
        version, src, dst, proto, ports, flags = parse(frame)
        ends = frozenset(((src, ports[0]), (dst, ports[1])))
        f = flows.setdefault((ends, proto), Flow((src, ports[0], dst, ports[1])))
        way = int((src, ports[0]) != f.client[:2])
        size = len(frame) - 14
        head = (20 if version == 4 else 40) + (0 if proto not in (6, 17) else 8 if proto == 17 else (frame[46 + 20 * (
            version == 6)] >> 4) * 4)
        payload = size - head - (8 if proto in (1, 58) else 0)
        f.packets.append((t, way, size, len(frame), payload, proto, flags if proto == 6 else 0, *f.client[1::2]))
    return {f.client + (key[1],): f.components() for key, f in flows.items()}


def key_of(e):
    return (ipaddress.ip_address(e["src_ip"]).packed, e["src_port"], ipaddress.ip_address(e["dst_ip"]).packed, e["dst_port"],
            e["protocol"])


def vectors(m, frames, *args):
    """{key: record}; all of them final, one each."""
    out = {}
    for e in map(flat, m.raw(pcap(frames), "-e", "flow", "-p", "vector", "--idle-timeout", "3600", "--active-timeout", "3600",
                             *args)):
        assert key_of(e) not in out, key_of(e)
        out[key_of(e)] = e
    return out


def good(v):
    """32 finite numbers of length 1."""
    same(len(v), 32)
    assert all(math.isfinite(x) for x in v), v
    assert abs(math.sqrt(math.fsum(x * x for x in v)) - 1) < 1e-6, v


def flat(e):
    out = dict(e)
    for group in ("flow_key", "aggregate_metrics", "features"):
        out.update(out.pop(group, {}))
    return out


def check_flows(m, frames, args, pairs, mean=None, matrix=None, fitted="builtin"):
    want = reckon(frames)
    got = vectors(m, frames, *args)
    same(len(got), len(want))
    for key, components in want.items():
        v = [f32(x) for x in got[key]["vector"]]
        good(v)
        w = vector(components, pairs, mean, matrix)
        assert v == w, (key, [(n, a, b) for n, a, b in zip(FLOW, v, w) if a != b])
        same(got[key]["vector_id"], "flowtap-flow-1:" + fitted)


def simple(seed, n=400):
    """Flows of TCP, UDP and ICMP, each with a tuple of its own; what is answered and what is not, late packets, too."""
    r, frames = random.Random(seed), []
    for i in range(n):
        v6 = i % 5 == 4
        a, b = ("2001:db8::%x" if v6 else "10.1.%d.1") % (i % 250), ("2001:db8:1::%x" if v6 else "10.2.0.%d") % (i % 9 + 1)
        t, sport, dport = T0 + r.randrange(60 * S), 1000 + i * 150 % 60000, (22, 443, 8080, 50000, 53)[i % 5]
        if i % 3 == 0:
            c = Conn(t, sport, dport, a, b).open()
            for _ in range(r.randrange(12)):
                c.send(r.randrange(2), ACK, bytes(r.randrange(1400)), dt=r.randrange(10 ** r.randrange(3, 10)))
            frames += (c.close() if i % 2 else c.send(1, RST)).frames
        elif i % 3 == 1:
            for k in range(r.randrange(1, 7)):
                ends = (a, b, sport, dport) if k == 0 or r.random() < 0.5 else (b, a, dport, sport)
                frames.append((t, eth(ip(*ends[:2], 17, udp(*ends[2:], bytes(r.randrange(1400)))))))
                t += r.randrange(-1000000 if k > 1 else 0, 10 ** r.randrange(7, 10))
        else:
            frames.append((t, eth(ip(a, b, 6, tcp(sport, dport, SYN)))))
    return frames


def test_flows_from_packets(m):
    for seed in range(4):
        frames = simple(seed)
        if seed % 2 == 0:
            frames.sort(key=lambda f: f[0])
        check_flows(m, frames, (), builtin()["flow"])


def test_with_a_file(m):
    """A fit of other packets, with a matrix and without."""
    path = os.path.join(m.folder.name, "fit.yaml")
    for more in (), ("--whiten",):
        fit(m, pcap(sorted(simple(9), key=lambda f: f[0])), path, *more)
        pairs, mean, matrix = read_fit(path)["flow"]
        same(len(pairs), CENTRED["flow"])
        same(bool(mean), bool(more))
        h = 0xcbf29ce484222325
        for byte in Path(path).read_bytes():
            h = (h ^ byte) * 0x100000001b3 & (1 << 64) - 1
        check_flows(m, simple(10), ("--vector-fit", path), pairs, mean, matrix, "%016x" % h)


def fit(m, data, path, *args, rc=0):
    capture = os.path.join(m.folder.name, "fit.pcap")
    with open(capture, "wb") as f:
        f.write(data)
    r = subprocess.run([m.program, "fit", capture, "-o", path, *args], capture_output=True, text=True, timeout=120)
    same(r.returncode, rc, r.stderr)
    return r.stderr


def test_fits(m):
    """Medians and ranges are those of the sorted components; the matrix makes what it was fitted on uncorrelated."""
    path = os.path.join(m.folder.name, "fit.yaml")
    frames = sorted(simple(3), key=lambda f: f[0])
    fit(m, pcap(frames), path, "--whiten")
    rows = list(reckon(frames).values())
    pairs, mean, matrix = read_fit(path)["flow"]
    for i, (median, iqr) in enumerate(pairs):
        c = sorted(f32(r[i]) for r in rows)
        at = lambda q: c[(len(c) - 1) * q // 4]
        same((median, iqr), (at(2), f32(at(3) - at(1))), FLOW[i])
    centred = [[max(-8, min(8, (f32(v) - p[0]) / max(p[1], 0.5))) for v, p in zip(r, pairs + [(0, 1)] * 8)] for r in rows]
    n = len(rows)
    for i in range(31):
        assert abs(sum(r[i] for r in centred) / n - mean[i]) < 1e-6, (FLOW[i], mean[i])
    covariance = [[sum((r[i] - mean[i]) * (r[k] - mean[k]) for r in centred) / n + 0.01 * (i == k) for k in range(31)]
                  for i in range(31)]
    product = lambda a, b: [[math.fsum(a[i][j] * b[j][k] for j in range(31)) for k in range(31)] for i in range(31)]
    one = product(product(matrix, covariance), matrix)  # 0.01 more of each: what never changes is not blown up
    for i in range(31):
        for k in range(31):
            same(matrix[i][k], matrix[k][i])
            assert abs(one[i][k] - (i == k)) < 1e-4, (FLOW[i], FLOW[k], one[i][k])


def test_fits_do_not_depend_on_the_way(m):
    """Workers, and records instead of packets, as NDJSON and Arrow; a sample that is less than all."""
    frames = some_traffic(1, hosts=30, flows=1500)
    capture = os.path.join(m.folder.name, "in.pcap")
    for args in ((), ("--whiten",), ("--rows", "200")):
        texts = set()
        for workers in "1", "2", "4":
            path = os.path.join(m.folder.name, "fit%s.yaml" % workers)
            fit(m, pcap(frames), path, "--workers", workers, "--window", "1,10", *args)
            texts.add(Path(path).read_text())
        same(len(texts), 1, args)
        if "--rows" in args:
            continue
        with open(capture, "wb") as f:
            f.write(pcap(frames))
        for form in "ndjson", "arrow":
            files = []
            for event in "flow", "window":
                files.append(os.path.join(m.folder.name, "raw-%s.%s" % (event, form)))
                r = subprocess.run([m.program, "read", "--quiet", "-p", "vector", "--vector-fit", "raw", "-e", event,
                                    "--window", "1,10", "-o", "%s:%s" % (form, files[-1]), capture], timeout=120)
                same(r.returncode, 0)
            r = subprocess.run([m.program, "fit", "--quiet", *files, "-o", "-", *args], capture_output=True, text=True)
            same(r.returncode, 0, r.stderr)
            alike(r.stdout, *texts)


def test_merge_leaves_them(m):
    """Through merge, of NDJSON and of Arrow, the column is the same one: type and numbers."""
    paths = {form: os.path.join(m.folder.name, "merge-in." + form) for form in ("ndjson", "arrow")}
    out, capture = os.path.join(m.folder.name, "merge-out.arrow"), os.path.join(m.folder.name, "merge.pcap")
    with open(capture, "wb") as f:
        f.write(pcap(some_traffic(2, hosts=9, flows=300)))
    r = subprocess.run([m.program, "read", "--quiet", "-p", "vector", "-e", "flow",
                        *("-o%s:%s" % x for x in paths.items()), capture], timeout=120)
    same(r.returncode, 0)
    want = arrow_reader.Arrow(Path(paths["arrow"]).read_bytes()).rows
    for path in paths.values():
        r = subprocess.run([m.program, "merge", "--quiet", path, "-o", "arrow:" + out], timeout=120)
        same(r.returncode, 0)
        got = arrow_reader.Arrow(Path(out).read_bytes())
        same([c.type for c in got.columns if c.name == "vector"], ["fixed_size_list<float>[32]"])
        same(dict(zip(got.rows["flow_id"], got.rows["vector"])), dict(zip(want["flow_id"], want["vector"])))


def alike(got, want):
    """But for the last digits of sums in another order."""
    a, b = got.splitlines(), want.splitlines()
    same(len(a), len(b))
    for x, y in zip(a, b):
        if x != y:
            p, q = (json.loads(line[line.index("["):]) for line in (x, y))
            assert all(abs(u - v) <= 1e-6 * max(1, abs(v)) for u, v in zip(p, q)), (x, y)


def test_the_built_in_fit(m):
    """It is what it is said to be."""
    same(vector_traffic.builtin(m.program), (ROOT / "src/model/vector_builtin.def").read_text())


def test_captures(m):
    """All there are here, from what the other profiles say; their numbers are text of 15 digits: within one place."""
    for path in [ROOT / "examples/sample.pcap", *sorted((ROOT / "tests").rglob("*.pcap"))[:20]]:
        r = subprocess.run([m.program, "read", "--quiet", "-w", "1", "-e", "flow", "-p", "vector,sizes,splt", "--splt", "4",
                            str(path)], capture_output=True, timeout=120)
        for line in r.stdout.splitlines():
            e = flat(json.loads(line))
            v = [f32(x) for x in e["vector"]]
            good(v)
            w = vector(from_columns(e), builtin()["flow"])
            for name, a, b in zip(FLOW, v, w):
                assert abs(a - b) <= 2 ** -22 * max(abs(a), 2 ** -10), (path, e["flow_id"], name, a, b)


def from_columns(e):
    proto, num = e["protocol"], lambda name: float(e[name] or 0)
    us = num("duration_us")
    time = (us + 1000) / 1e6
    ports = proto in (6, 17, 132, 33, 136)
    port = lambda n: 0.0 if not ports or n > 49151 else 0.5 if n > 1023 else 1.0
    seen = lambda flag: (0.5 * (e["fwd_tcp_flags"] & flag != 0) + 0.5 * (e["rev_tcp_flags"] & flag != 0)) * (proto == 6)
    first = [(-1 if d else 1) * min(max(n, 1), 32767) for d, n in zip(e["splt_direction"], e["splt_ip_bytes"])]
    both = lambda name: (num("fwd_" + name), num("rev_" + name))
    out = [*both("packets"), *both("bytes"), *both("payload_bytes"), us, sum(both("packets")) / time,
           sum(both("bytes")) / time, *both("ip_bytes_mean"), *both("ip_bytes_std"), *both("iat_mean_us"),
           *both("iat_std_us"), *map(float, first + [0] * (4 - len(first))), ratio(*both("packets")),
           ratio(*both("payload_bytes")), float(proto == 6), float(proto == 17), float(proto in (1, 58)), seen(SYN),
           seen(FIN), seen(RST), port(e["dst_port"]), port(e["src_port"]), 1.0]
    return [log(v) for v in out[:21]] + out[21:]


# ---- hosts ----

def host_components(e):
    v = lambda name, none=0.0: none if e[name] is None else float(e[name])
    out = [v(name) for name in HOST[:25]] + [min(v("answered_ratio", 1.0), 1.0), v("reset_ratio"),
                                            ratio(e["packets_out"], e["packets_in"]), ratio(e["bytes_out"], e["bytes_in"]),
                                            max(-8.0, min(8.0, v("bytes_z"))), max(-8.0, min(8.0, v("flows_z"))), 1.0]
    return [log(x) for x in out[:23]] + out[23:]


def test_hosts(m):
    """And none of pairs and services."""
    path = os.path.join(m.folder.name, "fit.yaml")
    data = pcap(some_traffic(5, hosts=30, flows=900))
    fit(m, data, path, "--window", "1,10", "--whiten")
    for args, of in (((), (builtin()["host"], None, None)), (("--vector-fit", path), read_fit(path)["host"])):
        seen = 0
        for e in m.raw(data, "-e", "window", "-p", "vector", "--window", "1,10,60", *args):
            if e["entity"] != "host":
                same((e["vector"], e["vector_id"]), (None, None))
                continue
            seen += 1
            v = [f32(x) for x in e["vector"]]
            good(v)
            assert e["vector_id"].startswith("flowtap-host-1:"), e["vector_id"]
            for name, a, b in zip(HOST, v, vector(host_components(e), *of)):
                assert abs(a - b) <= 2 ** -20, (e["address"], name, a, b)
        assert seen > 100, seen


def test_only_when_asked(m):
    for e in m.raw(pcap(simple(1, 30)), "-e", "flow,window"):
        assert "vector" not in e and "vector" not in e.get("features", {}), e


# ---- what is odd ----

def test_odd_flows(m):
    """Sizes that frames only claim, gaps of hours, clocks that go back, a million packets' worth of numbers: finite."""
    frame = eth(ip4(A, B, 17, udp(1, 2, b"x")))
    cases = [[(T0 + i * 3000 * S, frame, 4_294_967_295) for i in range(4)],
             [(T0 - i * S, frame) for i in range(50)], [(T0, frame)] * 5, [(T0 + i, frame) for i in range(70000)],
             [(T0, eth(ip4(A, B, 6, tcp(1, 2, 255)))), (T0, eth(ip4(B, A, 6, tcp(2, 1, 255))))]]
    for frames in cases:
        for args in (), ("--vector-fit", "raw"):
            for e in map(flat, m.raw(pcap(frames), "-e", "flow", "-p", "vector", "--idle-timeout", "86400", *args)):
                if args:
                    same(len(e["vector"]), 32)
                    assert all(math.isfinite(v) and abs(v) <= 64 for v in e["vector"]), e["vector"]
                else:
                    good([f32(v) for v in e["vector"]])


def test_constant_components(m):
    """All flows alike: the median is what they are, and the anchor is left of each."""
    frames = [(T0 + i * S, eth(ip4("10.0.1.%d" % i, B, 17, udp(2000 + i, 53, b"12345")))) for i in range(1, 40)]
    path = os.path.join(m.folder.name, "fit.yaml")
    for more in (), ("--whiten",):
        fit(m, pcap(frames), path, *more)
        got = {tuple(e["vector"]) for e in vectors(m, frames, "--vector-fit", path).values()}
        same(len(got), 1)
        good(list(*got))
        want = vector(list(reckon(frames).values())[0], *read_fit(path)["flow"])
        same(list(map(f32, *got)), want)


def test_nothing_to_fit(m):
    path = os.path.join(m.folder.name, "none.yaml")
    said = fit(m, pcap([]), path, rc=1)
    assert "there is nothing to fit" in said and not os.path.exists(path), said
    records = os.path.join(m.folder.name, "cooked.ndjson")
    with open(records, "w") as f:
        for e in m.raw(pcap(simple(1, 30)), "-e", "flow", "-p", "vector"):
            f.write(json.dumps(e) + "\n")
    r = subprocess.run([m.program, "fit", records, "-o", path], capture_output=True, text=True)
    same(r.returncode, 1)
    assert "0 interim records, 30 of another transform" in r.stderr and "--vector-fit raw" in r.stderr, r.stderr


def test_wrong_files(m):
    """Line, key, value, what is allowed; exit status 2, and check says the same."""
    path, capture = (os.path.join(m.folder.name, name) for name in ("fit.yaml", "in.pcap"))
    fit(m, pcap(simple(1, 60)), path, "--whiten")
    text = Path(path).read_text()
    with open(capture, "wb") as f:
        f.write(pcap(simple(1, 3)))
    cases = [("fwd_packets: [", "fwd_packets: (", "fwd_packets: '(", "[MEDIAN, INTERQUARTILE RANGE]"),
             ("fwd_bytes:", "fwd_octets:", "fwd_octets: '", "a component that is centred"),
             ("flowtap-flow-1", "flowtap-flow-9", "transform: 'flowtap-flow-9'", "flowtap-flow-1"),
             ("format: flowtap-fit-1", "format: 7", "format: '7'", "flowtap-fit-1"),
             ("rows: ", "rows: -", "rows: '-", "a whole number"), ("  mean: [", "  mean: [0, ", "mean: '", "31 numbers"),
             ("flow:\n", "", "transform", "KEY: VALUE"), ("    - [", "    - [nan, ", "matrix: '", "31 numbers"),
             ("  fwd_packets", "  rev_packets: [0, 1]\n  fwd_packets", "rev_packets: '", "each component once")]
    for old, new, key, allowed in cases:
        with open(path, "w") as f:
            f.write(text.replace(old, new, 1))
        r = subprocess.run([m.program, "read", "--quiet", "-p", "vector", "--vector-fit", path, "-o", "null:", capture],
                           capture_output=True, text=True)
        same(r.returncode, 2, (old, r.stderr))
        assert re.search(r"vector-fit: .*fit.yaml: line \d+: ", r.stderr) and key in r.stderr and allowed in r.stderr, r.stderr
        config = os.path.join(m.folder.name, "flowtap.yaml")
        with open(config, "w") as f:
            f.write("profile: vector\nvector-fit: %s\noutput: [\"null:\"]\n" % path)
        c = subprocess.run([m.program, "check", "read", "-c", config], capture_output=True, text=True)
        assert c.returncode == 2 and key in c.stderr, c.stderr
    for cut in ("  fwd_packets:", "  matrix:\n", "format:"):
        with open(path, "w") as f:
            f.write("".join(line for line in text.splitlines(True) if not line.startswith(cut.rstrip("\n"))))
        r = subprocess.run([m.program, "read", "--vector-fit", path, "-o", "null:", capture], capture_output=True, text=True)
        same(r.returncode, 2, (cut, r.stderr))
    r = subprocess.run([m.program, "read", "--vector-fit", "/nowhere/fit", "-o", "null:", capture], capture_output=True, text=True)
    assert r.returncode != 0 and "vector-fit: /nowhere/fit: No such file" in r.stderr, r.stderr


if __name__ == "__main__":
    main(globals())
