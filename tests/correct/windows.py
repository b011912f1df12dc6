#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What hosts, pairs and services do in spans of time: every column against a second reckoning, in Python, from the
packets; sums against the account; the same rows for any number of workers; clocks that jump, floods of invented
senders, tables that are full."""
import collections
import ipaddress
import json
import math
import os
import random
import signal
import struct
import subprocess
import sys
import threading
import time

from packets import *
from run import main, near, same

GRACE = 2 * S
NULL_OF_A_PAIR, NULL_OF_A_SERVICE = ("peers_out", "peers_in"), ("peers_out", "ports", "port_entropy", "new_peers",
                                                                "new_peers_false")


# ---- a second reckoning ----

def parse(frame):
    """(version, source, destination, protocol, ports, TCP flags) of a frame made above."""
    if frame[12:14] == b"\x08\x00":
        version, proto, src, dst, body = 4, frame[23], frame[26:30], frame[30:34], frame[34:]
    else:
        version, proto, src, dst, body = 6, frame[20], frame[22:38], frame[38:54], frame[54:]
    ports = struct.unpack("!HH", body[:4]) if proto in (6, 17) else (0, 0)
    return version, src, dst, proto, ports, body[13] if proto == 6 else 0


def entropy(counts):
    total = sum(counts)
    return sum(-c / total * math.log2(c / total) for c in counts if c)


def deviation(values):
    mean = math.fsum(values) / len(values)
    return mean, math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1)) if len(values) > 1 else None


def size_class(n):
    return sum(n > edge for edge in (64, 128, 256, 512, 1024, 2048, 4096))


class Entity:
    def __init__(self):
        self.n = collections.Counter()
        self.peers = set(), set()
        self.ports = collections.Counter()
        self.sizes, self.gaps = [], []
        self.new = 0

    def add(self, other):
        self.n.update(other.n)
        self.ports.update(other.ports)
        self.sizes += other.sizes
        self.gaps += other.gaps
        self.new += other.new
        for mine, more in zip(self.peers, other.peers):
            mine |= more


class Reckoning:
    """Windows of packets (ns, frame) in order of time, none late; of ends: (ns, key of the flow, failed)."""

    def __init__(self, spans):
        self.spans, self.windows, self.flows = spans, {}, {}

    def entities(self, ns, flow):
        """(entity, which way is its out, is it the initiator) of the window of the shortest span."""
        version, a, b, port, proto = flow
        w = self.windows.setdefault(ns // S // self.spans[0], {})
        for key, out in ((("pair", version, a, b, 0, 0), 0), (("service", version, b, b"", port, proto), 1),
                         (("host", version, a, b"", 0, 0), 0), (("host", version, b, b"", 0, 0), 1)):
            yield key[0], w.setdefault(key, Entity()), out

    def packet(self, ns, frame):
        version, src, dst, proto, ports, flags = parse(frame)
        ends = frozenset(((src, ports[0]), (dst, ports[1]))) if proto in (6, 17) else frozenset((src, dst))
        f = self.flows.get((ends, proto))
        begun = f is None
        if begun:
            back = flags & (SYN | ACK) == SYN | ACK
            a, b, port = (dst, src, ports[0]) if back else (src, dst, ports[1])
            f = self.flows[ends, proto] = {"flow": (version, a, b, port, proto), "client": ports[back]}
        flow = f["flow"]
        gap = None if begun else max(ns - f["last"], 0) // 1000
        f["last"] = max(ns, f.get("last", ns))
        back = (src, ports[0]) != (flow[1], f["client"]) if proto in (6, 17) else src != flow[1]
        for kind, e, out in self.entities(ns, flow):
            way = "out" if back == out else "in"
            e.n["packets_" + way] += 1
            e.n["bytes_" + way] += len(frame)
            e.n["flows_" + ("in" if out else "out")] += begun
            e.n["syn_" + way] += flags & (SYN | ACK) == SYN
            e.n["syn_ack_" + way] += flags & (SYN | ACK) == SYN | ACK
            e.n["rst_" + way] += bool(flags & RST)
            e.sizes.append(len(frame))
            if gap is not None:
                e.gaps.append(gap)
            if kind == "pair" or (kind == "host" and not out):
                e.ports[flow[3]] += 1
            if kind == "host" or out:
                e.peers[out].add(flow[2 - out])

    def end(self, ns, flow, failed):
        for _, e, out in self.entities(ns, flow):
            e.n["flows_ended"] += 1
            e.n["flows_failed_" + ("in" if out else "out")] += failed

    def rows(self):
        """As they are written, and what is usual."""
        known, usual, longer, out = set(), {}, [{} for _ in self.spans], []
        rank = {"pair": 0, "service": 1, "host": 2}

        def write(start, s, w):
            for key in sorted(w, key=lambda k: (rank[k[0]], k[1], k[2].ljust(16, b"\0"), k[3].ljust(16, b"\0"), k[4:])):
                e = w[key]
                if s == 0 and key[0] == "pair" and e.sizes and key not in known:
                    known.add(key)
                    e.new += 1
                    w["host", key[1], key[2], b"", 0, 0].new += 1
                out.append(self.row(start, s, key, e, usual))
                if s + 1 < len(self.spans):
                    longer[s + 1].setdefault(start // self.spans[s + 1], {}).setdefault(key, Entity()).add(e)

        def flush(s, before):
            for index in sorted(longer[s]):
                if before is None or (index + 1) * self.spans[s] <= before:
                    write(index * self.spans[s], s, longer[s].pop(index))

        for index in sorted(self.windows):
            for s in range(1, len(self.spans)):
                flush(s, index * self.spans[0])
            write(index * self.spans[0], 0, self.windows[index])
        for s in range(1, len(self.spans)):
            flush(s, None)
        return out

    def row(self, start, s, key, e, usual):
        kind, version, a, b, port, proto = key
        c = e.n
        row = {"timestamp": start, "span_s": self.spans[s], "entity": kind, "address": str(ipaddress.ip_address(a)),
               "peer": str(ipaddress.ip_address(b)) if b else None, "port": port if kind == "service" else None,
               "protocol": proto if kind == "service" else None}
        for name in ("packets", "bytes", "flows", "flows_failed", "syn", "syn_ack", "rst"):
            for way in ("out", "in"):
                row[name + "_" + way] = c[name + "_" + way]
        row["flows_ended"] = c["flows_ended"]
        row["peers_out"], row["peers_in"], row["ports"] = len(e.peers[0]), len(e.peers[1]), len(e.ports)
        row["port_entropy"] = entropy(e.ports.values()) if e.ports else None
        row["size_entropy"] = entropy(collections.Counter(map(size_class, e.sizes)).values()) if e.sizes else None
        row["new_peers"] = e.new
        for name in NULL_OF_A_PAIR if kind == "pair" else NULL_OF_A_SERVICE if kind == "service" else ():
            row[name] = None
        n = c["packets_out"] + c["packets_in"]
        row["answered_ratio"] = c["syn_ack_in"] / c["syn_out"] if c["syn_out"] else None
        row["reset_ratio"] = (c["rst_out"] + c["rst_in"]) / n if n else None
        row["size_mean"], row["size_std"] = deviation(e.sizes) if e.sizes else (None, None)
        row["gap_mean_us"], row["gap_std_us"] = deviation(e.gaps) if e.gaps else (None, None)
        row["packets_at_most"], row["packets_error"] = n, 0
        seen = usual.setdefault((s, key), [0, [0.0, 0.0], [0.0, 0.0]])
        now = c["bytes_out"] + c["bytes_in"], c["flows_out"] + c["flows_in"]
        for i, name in enumerate(("bytes", "flows")):
            mean, var = seen[1][i], seen[2][i]
            row[name + "_usual"] = mean if seen[0] >= 8 else None
            row[name + "_z"] = (now[i] - mean) / math.sqrt(var) if seen[0] >= 8 and var > 0 else None
            if seen[0]:
                seen[2][i] = 0.9 * (var + 0.1 * (now[i] - mean) ** 2)
            seen[1][i] = mean + 0.1 * (now[i] - mean) if seen[0] else now[i]
        seen[0] += 1
        return row


def compare(got, want):
    same(len(got), len(want), "rows")
    for g, w in zip(got, want):
        where = [g[k] for k in ("timestamp", "span_s", "entity", "address", "peer", "port", "protocol")]
        for name, value in w.items():
            if name in ("peers_out", "peers_in", "ports") and value is not None and value > 32:
                near(g[name], value, (where, name), 0.15)
            elif name == "port_entropy" and w["ports"] is not None and w["ports"] > 32:
                assert 0 < g[name] <= 6, (where, g[name])
            elif name.endswith(("_usual", "_z")) and value is not None:  # kept in 4 bytes
                assert abs(g[name] - value) <= 1e-3 * max(1, abs(value)), (where, name, g[name], value)
            elif isinstance(value, float) and name != "timestamp":
                assert g[name] is not None and abs(g[name] - value) < 1e-6 * max(1, abs(value)), (where, name, g[name], value)
            else:
                same(g[name], value, (where, name))
        assert set(g) - set(w) == {"event_type", "observer_id", "observation_domain", "top_app", "records", "domain_id"} | \
            ({"new_peers_false"} - set(w)), set(g) ^ set(w)
        same((g["records"], g["domain_id"]), (None, None), where)
        same(g["new_peers_false"] is None, w["entity"] == "service", "new_peers_false")
        if g["new_peers_false"] is not None:
            assert 0 <= g["new_peers_false"] < 0.01, g["new_peers_false"]


# ---- traffic ----

def some_traffic(seed, hosts=12, flows=300, seconds=95):
    r = random.Random(seed)
    frames = []
    for i in range(flows):
        v6 = r.random() < 0.2
        a, b = (("2001:db8::%x" if v6 else "10.0.0.%d") % r.randrange(1, hosts) for _ in range(2))
        t, sport = T0 + r.randrange(seconds * S), 1024 + i
        kind = r.random()
        if kind < 0.6:
            c = Conn(t, sport, r.choice((22, 80, 443, 1 + i)), a, b)
            how = r.random()
            if how < 0.3:
                c.send(0, SYN)  # nobody answers
                if how < 0.1:
                    c.send(0, SYN, dt=S, seq=1000)
            elif how < 0.5:
                c.send(0, SYN).send(1, RST | ACK)
            else:
                c.open()
                for _ in range(r.randrange(40)):
                    c.send(r.randrange(2), ACK, b"x" * r.randrange(1400), dt=r.randrange(900 * MS))
                if how < 0.8:
                    c.close()
            frames += c.frames
        elif kind < 0.9:
            for k in range(r.randrange(1, 6)):
                there = k == 0 or r.random() < 0.5
                frames.append((t + k * r.randrange(S), eth(ip(*((a, b) if there else (b, a)), 17, udp(
                    *((sport, 53) if there else (53, sport)), b"y" * r.randrange(800))))))
        else:
            frames.append((t, eth(ip4("10.0.0.%d" % r.randrange(1, 250), "10.0.1.%d" % (i % 250), 1, icmp(8, 0)))))
    return sorted(frames, key=lambda f: f[0])


def scan(t, ports, targets):
    """One host looks at many."""
    out = []
    for i in range(ports * targets):
        out.append((t + i * MS, eth(ip4("10.9.0.1", "10.8.%d.%d" % (i // ports // 250, i // ports % 250 + 1), 6,
                                       tcp(2000 + i % 60000, 1 + i % ports, SYN)))))
    return out


def windows(m, data, *args, workers="1"):
    r = m.raw(data, "-e", "window,stats", *args) if workers == "1" else None
    if r is None:
        path = os.path.join(m.folder.name, "in.pcap")
        with open(path, "wb") as f:
            f.write(data)
        p = subprocess.run([m.program, "read", "--quiet", "-w", workers, "-e", "window,stats", *args, path],
                           capture_output=True, timeout=120)
        same(p.returncode, 0, p.stderr)
        r = [json.loads(line) for line in p.stdout.splitlines()]
    return r[:-1], r[-1]


def sums(rows, stats):
    """Each packet is sent by a host of each span, is late, or is counted as lost."""
    out = collections.Counter()
    for e in rows:
        if e["entity"] == "host":
            out[e["span_s"]] += e["packets_out"]
    left = stats["window_late_packets"] + stats["window_untracked_packets"]
    for n in out.values():
        same(n + left, stats["decoded"], "packets sent")


def reckon(m, frames, spans):
    """Ends of flows are those of the flow records, the rest is from the packets."""
    w = Reckoning(spans)
    for ns, frame in frames:
        w.packet(ns, frame)
    for e in m.flows(frames):
        src, dst = (ipaddress.ip_address(e[k]).packed for k in ("src_ip", "dst_ip"))
        flags = e["fwd_tcp_flags"] | e["rev_tcp_flags"]
        failed = e["rev_packets"] == 0 if e["protocol"] == 17 else \
            e["protocol"] == 6 and bool(e["fwd_tcp_flags"] & SYN) and (
                e["rev_packets"] == 0 or bool(flags & RST) and e["fwd_payload_bytes"] + e["rev_payload_bytes"] == 0)
        if e["is_final"]:  # behind the end of a file there is silence
            at = round(e["last_seen"] * 1e6) * 1000 + 30 * S if e["reason"] == "eof" else \
                min(round(e["timestamp"] * 1e6) * 1000, frames[-1][0])
            w.end(at,
                  (e["ip_version"], src, dst, e["dst_port"], e["protocol"]), failed)
    return w.rows()


def test_every_column(m):
    for seed in range(6):
        frames = some_traffic(seed)
        rows, stats = windows(m, pcap(frames), "--window", "1,10,60")
        compare(rows, reckon(m, frames, (1, 10, 60)))
        sums(rows, stats)


def test_estimates(m):
    frames = scan(T0, 40, 100) + some_traffic(7)
    frames.sort(key=lambda f: f[0])
    rows, stats = windows(m, pcap(frames), "--window", "5,30")
    compare(rows, reckon(m, frames, (5, 30)))
    sums(rows, stats)


def test_long_flows_and_big_frames(m):
    """More than a delta holds: packets, gaps of minutes, frames of gigabytes."""
    frames = [(T0 + i * MS, eth(ip4(A, B, 17, udp(1, 2, b"x" * (i % 900))))) for i in range(3000)]
    rows, stats = windows(m, pcap(frames), "--window", "2")
    compare(rows, reckon(m, frames, (2,)))
    slow = [(T0 + i * 400 * S, eth(ip4(A, B, 17, udp(1, 2, b"x")))) for i in range(5)]
    rows, _ = windows(m, pcap(slow), "--window", "3600", "--idle-timeout", "1000")
    same([e["gap_mean_us"] for e in rows], [400e6] * 4)
    same([e["gap_std_us"] for e in rows], [0] * 4)
    frame = eth(ip4(A, B, 17, udp(1, 2, b"x")))
    rows, _ = windows(m, pcap([(T0 + i, frame, 4_000_000_000) for i in range(3)]), "--window", "10")
    rows = [e for e in rows if not e["flows_ended"]]  # 30 s later
    same([e["bytes_out"] + e["bytes_in"] for e in rows], [12_000_000_000] * 4)
    same([e["size_mean"] for e in rows], [4e9] * 4)


def test_the_same_for_any_number_of_workers(m):
    for seed in range(3):
        frames = some_traffic(seed, hosts=40, flows=2000) + scan(T0 + 3 * S, 30, 90)
        frames.sort(key=lambda f: f[0])
        r = random.Random(seed)  # and not quite in order
        frames = [f for _, f in sorted((t + r.randrange(S), (t, frame)) for t, frame in frames)]
        data = pcap(frames)
        want = windows(m, data, "--window", "1,10,60")
        for workers in "2", "4":
            got = windows(m, data, "--window", "1,10,60", workers=workers)
            same(got[0], want[0], workers)
        sums(*want)


def test_few_hosts_in_many_windows(m):
    """A packet each, while a worker may be thousands of them ahead of another: small tables are not full by that."""
    frames = [(T0 + i * S + i % 3 * 400 * MS, eth(ip4("10.0.0.%d" % (i % 7 + 1), "10.0.1.%d" % (i % 3 + 1), 17,
                                                     udp(1000 + i % 7, 53, b"x" * (i % 50))))) for i in range(12000)]
    want = windows(m, pcap(frames), "--window", "1,10", "--max-hosts", "64")
    for workers in "2", "4":
        got = windows(m, pcap(frames), "--window", "1,10", "--max-hosts", "64", workers=workers)
        assert got[0] == want[0], workers
        same((got[1]["window_untracked_packets"], got[1]["window_no_room"]), (0, 0), workers)


def test_late_packets(m):
    ping = [(T0 + i * S, eth(ip4(A, B, 17, udp(1, 2, b"x")))) for i in range(20)]
    for late in 2 * S, 3 * S - 1, 5 * S:
        frames = ping + [(T0 + 19 * S - late, eth(ip4(B, C, 17, udp(1, 2, b"x"))))]
        rows, stats = windows(m, pcap(frames), "--window", "1")
        same(stats["window_late_packets"], int(late > 2 * S), late)
        sums(rows, stats)


def test_clocks_that_jump(m):
    one = lambda t, a=A: (t, eth(ip4(a, B, 17, udp(1, 2, b"x"))))
    frames = [one(T0 + i * S) for i in range(5)] + [one(T0 + 10 ** 9 * S)] + [one(T0 + (5 + i) * S) for i in range(5)]
    rows, stats = windows(m, pcap(frames), "--window", "1,10")
    sums(rows, stats)
    same(stats["window_late_packets"], 0)
    same(len([e for e in rows if e["entity"] == "pair" and e["span_s"] == 1 and e["packets_out"]]), 11)
    back = [one(T0 + i * S) for i in range(5)] + [one(S)] + [one(T0 + (5 + i) * S) for i in range(5)]
    rows, stats = windows(m, pcap(back), "--window", "1")
    sums(rows, stats)
    same(stats["window_late_packets"], 0)
    r = random.Random(1)
    wild = [one(r.randrange(2 ** 32) * S, "10.1.%d.%d" % (i % 250, i % 7)) for i in range(3000)]
    rows, stats = windows(m, pcap(wild), "--window", "1,60")
    sums(rows, stats)


def test_new_peers_are_new_once(m):
    frames = [(T0 + i * 2 * S, eth(ip4(A, "10.2.0.%d" % (1 + i % 30), 17, udp(i + 1, 2, b"x")))) for i in range(90)]
    rows, _ = windows(m, pcap(frames), "--window", "2,60")
    same(sum(e["new_peers"] for e in rows if e["entity"] == "host" and e["span_s"] == 2), 30)
    same(sum(e["new_peers"] for e in rows if e["entity"] == "pair" and e["span_s"] == 60), 30)
    again = frames + [(t + 3 * 3600 * S, f) for t, f in frames]  # forgotten: two turns of an hour
    again += [(T0 + t * S, eth(ip4(B, C, 17, udp(1, 2)))) for t in (5000, 9000)]
    rows, _ = windows(m, pcap(sorted(again)), "--window", "2")
    same(sum(e["new_peers"] for e in rows if e["entity"] == "host" and e["address"] == A), 60)


def test_a_full_table_is_within_its_error(m):
    """count - error <= true <= count, for every row, span and kind; and the biggest are there."""
    for seed in range(4):
        r = random.Random(seed)
        frames, true = [], collections.Counter()
        for i in range(6000):
            a = "10.7.%d.%d" % (0, min(int(r.paretovariate(0.8)), 250)) if r.random() < 0.7 else \
                "11.%d.%d.%d" % (r.randrange(250), r.randrange(250), 1 + r.randrange(250))
            t = T0 + i * 2 * MS
            frames.append((t, eth(ip4(a, B, 17, udp(1 + i % 3, 2, b"x" * 10)))))
            for span in (1, 2, 12):
                for key in (("host", a), ("pair", a)):
                    true[(t // S // span * span, span) + key] += 1
        rows, stats = windows(m, pcap(frames), "--window", "1,2,12", "--max-hosts", "32")
        seen = set()
        for e in rows:
            key = e["timestamp"], e["span_s"], e["entity"], e["address"]
            if e["entity"] == "service" or e["address"] == B:
                continue
            n = true[key]
            assert e["packets_at_most"] - e["packets_error"] <= n <= e["packets_at_most"], (key, n, e)
            same(e["packets_at_most"], e["packets_out"] + e["packets_in"] + e["packets_error"])
            seen.add(key)
        assert any(e["packets_error"] for e in rows)
        for span in (1, 2, 12):  # more than a part in max-hosts of all packets: there
            for start in {k[0] for k in true if k[1] == span}:
                total = sum(n for k, n in true.items() if k[:2] == (start, span) and k[2] == "pair")
                for k, n in true.items():
                    if k[:3] == (start, span, "pair") and n > total / 32:
                        assert k in seen, (k, n, total)
        out = sum(e["packets_out"] for e in rows if e["entity"] == "host" and e["span_s"] == 1)
        same(out + stats["window_untracked_packets"] + stats["window_late_packets"], stats["decoded"])


def test_invented_senders(m):
    """One packet each, of as many as there are packets: what is kept is bounded, all is counted."""
    frames = [(T0 + i * 20_000, eth(ip4("%d.%d.%d.%d" % (11 + i % 80, i // 80 % 250, i // 20000 % 250, 1), B, 6,
                                        tcp(1 + i % 65000, 80, SYN)))) for i in range(60000)]
    rows, stats = windows(m, pcap(frames), "--window", "1,10", "--max-hosts", "1000")
    same(stats["decoded"], 60000)
    for kind in "host", "pair", "service":
        per = collections.Counter((e["timestamp"], e["span_s"]) for e in rows if e["entity"] == kind)
        assert max(per.values()) <= 1000, per
    out = sum(e["packets_out"] for e in rows if e["entity"] == "host" and e["span_s"] == 1)
    same(out + stats["window_untracked_packets"] + stats["window_late_packets"], 60000)
    best = [e for e in rows if e["entity"] == "host" and e["address"] == B and e["span_s"] == 10]
    near(best[0]["peers_in"], 60000, "fan-in", 0.1)


def measured(m, path, *args):
    """Rows and account of a capture, and the most memory that it took, in MiB."""
    out = os.path.join(m.folder.name, "out.ndjson")
    cat = subprocess.Popen(["cat", path], stdout=subprocess.PIPE)  # a file that is mapped would count
    p = subprocess.Popen([m.program, "read", "--quiet", "-w", "1", "--max-flows", "4096", "-e", "window,stats",
                          "-o", "ndjson:" + out, *args, "-"], stdin=cat.stdout)
    cat.stdout.close()
    most = 0
    while p.poll() is None:
        with open("/proc/%d/status" % p.pid) as f:
            most = max([most] + [int(line.split()[1]) for line in f if line.startswith("VmHWM")])
        time.sleep(0.01)
    same((p.returncode, cat.wait()), (0, 0))
    with open(out) as f:
        rows = [json.loads(line) for line in f]
    return rows[:-1], rows[-1], most / 1024


def test_invented_senders_take_no_memory(m):
    """Of 200 thousand or of a million senders that come once: the same memory, and the victim is known."""
    path, most = os.path.join(m.folder.name, "flood.pcap"), []
    head = pcap([])
    frame = bytearray(eth(ip4("1.2.3.4", B, 6, tcp(1000, 80, SYN))))
    for n in 200_000, 1_000_000:
        with open(path, "wb") as f:
            f.write(head)
            for i in range(n):
                frame[26:30] = struct.pack("!I", 0x0b000000 + i * 7919 % (1 << 28))
                t = T0 + i * 10_000
                f.write(struct.pack("<IIII", t // S, t % S, len(frame), len(frame)) + frame)
        rows, stats, mib = measured(m, path, "--window", "1,10", "--max-hosts", "2000")
        most.append(mib)
        out = sum(e["packets_out"] for e in rows if e["entity"] == "host" and e["span_s"] == 1)
        same(out + stats["window_untracked_packets"] + stats["window_late_packets"], n)
        victim = [e for e in rows if e["entity"] == "host" and e["address"] == B and e["span_s"] == 10 and e["packets_in"]]
        assert sum(e["packets_at_most"] for e in victim) >= n >= sum(e["packets_at_most"] - e["packets_error"] for e in victim)
    assert most[1] < most[0] + 16, most


def test_packets_that_are_dropped(m):
    """--overflow drop: what a full queue lost is in no window, the rest is, whoever it went to."""
    path = os.path.join(m.folder.name, "in.pcap")
    frames = sorted(some_traffic(3, hosts=60, flows=3000) + scan(T0 + 3 * S, 30, 90))
    with open(path, "wb") as f:
        f.write(pcap(frames))
    for workers in "1", "2", "4":
        p = subprocess.run([m.program, "read", "--quiet", "-w", workers, "--overflow", "drop", "--queue", "256", "-e",
                            "window,stats", "--window", "1,10", path], capture_output=True, timeout=120)
        same(p.returncode, 0, p.stderr)
        rows = [json.loads(line) for line in p.stdout.splitlines()]
        assert rows[-1]["decoded"] + rows[-1]["queue_dropped"] >= len(frames) - 1, rows[-1]
        sums(rows[:-1], rows[-1])


def test_one_worker_has_all_packets(m):
    """In hand-off the others' windows do not wait for workers without packets: rows come before the end."""
    frames = [(T0 + i * S // 10, eth(ip4(A, B, 17, udp(1, 2, b"x")))) for i in range(3000)]
    r, w = os.pipe()
    p = subprocess.Popen([m.program, "read", "--quiet", "-w", "3", "--overflow", "drop", "-e", "window", "--window", "1", "-"],
                         stdin=r, stdout=subprocess.PIPE)
    os.close(r)
    data = pcap(frames)
    os.write(w, data[:60000])
    watch = threading.Timer(30, p.kill)
    watch.start()
    first = p.stdout.readline()  # while the input goes on
    assert first, "no row before the end of the input"
    watch.cancel()
    os.write(w, data[60000:120000])
    os.close(w)
    rest = p.stdout.read().splitlines()
    p.wait(timeout=30)
    assert len(rest) > 100, len(rest)


def test_a_reload(m):
    """SIGHUP between windows: none is lost, none comes twice."""
    frames = sorted(some_traffic(5, hosts=30, flows=1500))
    want, _ = windows(m, pcap(frames), "--window", "1,10")
    config, out = (os.path.join(m.folder.name, n) for n in ("c.yaml", "reload.ndjson"))
    with open(config, "w") as f:
        f.write("events: window\nwindow: 1,10\nworkers: 1\noutput: ndjson:%s\n" % out)
    r, w = os.pipe()
    p = subprocess.Popen([m.program, "read", "-c", config, "-"], stdin=r, stderr=subprocess.PIPE)
    os.close(r)
    while b"memory budget" not in p.stderr.readline():
        assert p.poll() is None  # signals are its own from there on
    data = pcap(frames)
    for at in range(0, len(data), 40000):
        os.write(w, data[at:at + 40000])
        time.sleep(0.02)
        p.send_signal(signal.SIGHUP)
    os.close(w)
    _, err = p.communicate(timeout=60)
    same(p.returncode, 0, err)
    with open(out) as f:
        got = [json.loads(line) for line in f]
    same(len(got), len(want), err)
    same(got, want)


def test_rows_keep_up(m):
    """Every packet is of hosts of its own, and there is room for those of each window: whatever is over is written as
    fast as packets and ends make more, so nothing is full but where all that is left ends at once."""
    frames = [(T0 + i * 5_000_000, eth(ip4("10.%d.%d.%d" % (i >> 16, i >> 8 & 255, i & 255),
                                           "11.%d.%d.%d" % (i >> 16, i >> 8 & 255, i & 255), 17, udp(1000, 53, b"x"))))
              for i in range(26000)]
    got = [windows(m, pcap(frames), "--window", "1,2,4", "--max-hosts", "3600", workers=w) for w in ("1", "3")]
    for rows, stats in got:
        same(stats["window_untracked_packets"], 0)
        same(sum(e["packets_error"] for e in rows), 0)
    same(*([e for e in rows if e["timestamp"] < frames[-1][0] / S - 8] for rows, _ in got))


def test_addresses_are_mapped(m):
    key = os.path.join(m.folder.name, "key")
    with open(key, "wb") as f:
        f.write(bytes(range(32)))
    frames = some_traffic(1)
    plain, _ = windows(m, pcap(frames), "--window", "10")
    mapped, _ = windows(m, pcap(frames), "--window", "10", "--anonymize", key)
    same(len(plain), len(mapped))
    # both ways by what is not an address: of as many packets and bytes, in each window and kind
    hosts = [collections.Counter(e[k] for e in rows for k in ("address", "peer") if e[k]) for rows in (plain, mapped)]
    same(sorted(hosts[0].values()), sorted(hosts[1].values()))
    assert not set(hosts[0]) & set(hosts[1])
    same(*(sorted((e["timestamp"], e["entity"], e["packets_out"], e["bytes_in"]) for e in rows)
           for rows in (plain, mapped)))


def test_order_does_not_tell(m):
    """Mapped addresses share what prefixes the true ones share: the order of the true ones would tell the rest."""
    key = os.path.join(m.folder.name, "key")
    with open(key, "wb") as f:
        f.write(bytes(range(32)))
    own = ["10.9.%d.%d" % (i // 16, i % 16) for i in range(256)]
    frames = [(T0 + i * 1000, eth(ip4(a, B, 17, udp(1000, 53, b"x")))) for i, a in enumerate(own)]

    def order(*args):
        rows, _ = windows(m, pcap(frames), "--window", "1", *args)
        return [e["address"] for e in rows if e["entity"] == "host" and e["size_mean"]]

    plain, mapped = order(), order("--anonymize", key)
    same(len(mapped), len(plain))
    same(plain, sorted(plain, key=ipaddress.ip_address))
    same(order("--anonymize", key), mapped)
    # which of two neighbours is the lower one: the true order would put them beside each other, 128 times
    beside = sum(int(ipaddress.ip_address(a)) ^ int(ipaddress.ip_address(b)) == 1 for a, b in zip(mapped, mapped[1:]))
    assert beside < 20, beside


def test_forms(m):
    """Tables, files of one kind, and what is refused."""
    frames = some_traffic(2)
    path = os.path.join(m.folder.name, "w.csv")
    rows, _ = windows(m, pcap(frames), "--window", "10")
    m.raw(pcap(frames), "--window", "10", "-o", "csv:" + path + "?event=window", text=True)
    with open(path) as f:
        lines = f.read().splitlines()
    same(len(lines), len(rows) + 1)
    same(lines[0].split(",")[:4], ["timestamp", "span_s", "entity", "address"])
    for args, why in ((["--window", "10,5"], "--window: '10,5': "), (["--window", "2,5"], "--window: '2,5': "),
                      (["--window", "7200"], "--window: '7200': "), (["--max-hosts", "1"], "--max-hosts: '1': ")):
        p = subprocess.run([m.program, "read", "-e", "window", *args, path], capture_output=True, text=True)
        same(p.returncode, 2)
        assert why in p.stderr, p.stderr


def test_top_application(m):
    """By ports where it is one; with -p app by bytes, and what the flows say."""
    def apps(*args):
        rows, _ = windows(m, pcap(sorted(frames)), "--window", "1,10", *args)
        return {(e["span_s"], e["entity"], e["address"], e["peer"], e["port"]): e["top_app"] for e in rows
                if e["packets_out"] and e["timestamp"] == T0 // S}

    frames = [(T0 + i * MS, eth(ip4(A, B, 6, tcp(1000, 22, ACK, 1 + i * 500, body=b"x" * 500)))) for i in range(5)]
    frames += [(T0 + i * MS, eth(ip4(A, C, 17, udp(1001, 53, b"x" * 100)))) for i in range(20)]
    frames += [(T0 + 2 * S, eth(ip4(A, C, 17, udp(1002, 53, b"x" * 1400))))]
    frames += [(T0 + 500 * MS, eth(ip4(C, B, 17, udp(1002, 40000, b"x" * 10))))]
    frames += [(T0 + 600 * MS + i * MS, eth(ip4(C, B, 6, tcp(1003, 40001, flags, seq, body=data)))) for i, (flags, data, seq)
               in enumerate(((SYN, b"", 1), (ACK, b"SSH-2.0-OpenSSH_9.2\r\n", 2)))]
    plain, said = apps(), apps("-p", "app")
    for got in plain, said:
        same(got[1, "pair", A, B, None], "ssh")
        same(got[10, "pair", A, C, None], "dns")
    same(plain[1, "host", A, None, None], None)
    same(said[1, "host", A, None, None], "dns")
    same(said[10, "host", A, None, None], "dns")
    same(plain[1, "pair", C, B, None], None)
    same(said[1, "pair", C, B, None], "ssh")


# ---- records of collect ----

def datagram(t, exporter, payload, port=2055):
    return t, eth(ip4(exporter, "192.0.2.100", 17, udp(40000, port, payload)))


def netflow5(t, exporter, records, rate=0, sequence=0):
    """records: (source, destination, source port, destination port, protocol, flags, packets, bytes)"""
    body = struct.pack("!HHIIIIBBH", 5, len(records), 10 ** 6, t // S, t % S, sequence, 0, 0, rate and 1 << 14 | rate)
    for src, dst, sport, dport, proto, flags, packets, size in records:
        body += ipaddress.ip_address(src).packed + ipaddress.ip_address(dst).packed + bytes(8) + struct.pack(
            "!IIIIHHBBBBHHBBH", packets, size, 10 ** 6 - 500, 10 ** 6 - 100, sport, dport, 0, flags, proto, 0, 0, 0, 0, 0, 0)
    return datagram(t, exporter, body)


def ipfix(t, exporter, records, sequence=0, template=True, elements=(8, 12, 7, 11, 4, 86, 85, 136)):
    size = {8: 4, 12: 4, 7: 2, 11: 2, 4: 1, 86: 8, 85: 8, 2: 8, 1: 8, 136: 1}
    sets = struct.pack("!HHHH", 2, 8 + 4 * len(elements), 256, len(elements)) + b"".join(
        struct.pack("!HH", e, size[e]) for e in elements) if template else b""
    data = b"".join(b"".join(ipaddress.ip_address(v).packed if isinstance(v, str) else v.to_bytes(size[e], "big")
                             for e, v in zip(elements, r)) for r in records)
    sets += struct.pack("!HH", 256, 4 + len(data)) + data
    return datagram(t, exporter, struct.pack("!HHIII", 10, 16 + len(sets), t // S, sequence, 7) + sets, 4739)


def collected(m, frames, *args, workers="1"):
    path = os.path.join(m.folder.name, "in.pcap")
    with open(path, "wb") as f:
        f.write(pcap(frames))
    p = subprocess.run([m.program, "collect", "--quiet", "-w", workers, "-l", "pcap:" + path, "-e", "window,stats", *args],
                       capture_output=True, timeout=120)
    same(p.returncode, 0, p.stderr)
    rows = [json.loads(line) for line in p.stdout.splitlines()]
    return [r for r in rows if r["event_type"] == "window"], rows[-1]


def some_records(seed, n=900):
    """Datagrams of two exporters, one of which samples, in 40 s; and what is in them."""
    r = random.Random(seed)
    frames, told, sequence = [], [], collections.Counter()
    for i in range(n // 3):
        t = T0 + i * 40 * S // (n // 3)
        exporter, rate = r.choice((("198.51.100.1", 0), ("198.51.100.2", 100)))
        records = []
        for _ in range(3):
            a, b = "10.1.0.%d" % r.randrange(1, 40), "10.2.0.%d" % min(int(r.paretovariate(1)), 200)
            proto = r.choice((6, 17, 1))
            ports = (r.randrange(1024, 60000), r.choice((80, 443, 8080))) if proto != 1 else (0, 0)
            packets = r.choice((1, 3, 40, 10 ** 6))
            flags = r.choice((SYN, SYN | ACK | FIN)) if proto == 6 else 0
            if r.random() < 0.4:
                a, b, ports = b, a, ports[::-1]  # an answer
            records.append((a, b, *ports, proto, flags, packets, packets * r.randrange(40, 1500)))
            told.append((t, exporter, rate, *records[-1]))
        frames.append(netflow5(t, exporter, records, rate, sequence[exporter]))
        sequence[exporter] += 3
    return frames, told


def add_record(sums, t, span, record):
    at, exporter, rate, src, dst, sport, dport, proto, flags, packets, size = record
    syn = proto == 6 and flags & (SYN | ACK) == SYN
    start, answer = t // S // span * span, sport < 1024 <= dport or (1024 <= sport < dport and not syn)
    a, b, port = (dst, src, sport) if answer else (src, dst, dport)
    packets, size = packets * (rate or 1), size * (rate or 1)
    failed = proto == 6 and flags == SYN and not answer
    ends = [(("pair", a, b, None), answer), (("service", b, None, port), not answer), (("host", a, None, None), answer),
            (("host", b, None, None), not answer), (("exporter", exporter, None, None), None)]
    for key, back in ends:
        c = sums.setdefault((start, span) + key + ((proto,) if key[0] == "service" else ()), collections.Counter())
        way = "in" if back else "out"
        c["packets_" + way] += packets
        c["bytes_" + way] += size
        c["records"] += 1
        if not answer:
            begun = "out" if key[0] in ("pair", "exporter") or key == ("host", a, None, None) else "in"
            c["flows_ended"] += 1
            c["flows_" + begun] += 1
            c["flows_failed_" + begun] += failed


def test_records_of_collect(m):
    for seed in range(3):
        frames, told = some_records(seed)
        want = {}
        for record in told:
            for span in 1, 10:
                add_record(want, record[0], span, record)
        rows, stats = collected(m, frames, "--window", "1,10")
        same(stats["window_late_packets"] + stats["window_untracked_packets"], 0)
        same(len(rows), len(want))
        for e in rows:
            key = (e["timestamp"], e["span_s"], e["entity"], e["address"], e["peer"], e["port"])
            c = want[key + ((e["protocol"],) if e["entity"] == "service" else ())]
            for name in ("packets_out", "packets_in", "bytes_out", "bytes_in", "flows_out", "flows_in", "flows_ended",
                         "flows_failed_out", "flows_failed_in", "records"):
                same(e[name], c[name], (key, name))
            same(e["domain_id"], 0 if e["entity"] == "exporter" else None)
            for name in ("syn_out", "rst_in", "answered_ratio", "reset_ratio", "size_mean", "size_std", "size_entropy",
                         "gap_mean_us", "gap_std_us"):
                same(e[name], None, name)
        same(collected(m, frames, "--window", "1,10", workers="4")[0], rows)


def test_one_side_of_collect_began_a_flow(m):
    """Both ports are high: the record from the lower one answers, but for a SYN that nobody answered."""
    there, back = ("10.1.0.1", "10.2.0.1", 40000, 8443), ("10.2.0.1", "10.1.0.1", 8443, 40000)
    for proto, flags in (17, 0), (6, SYN | ACK | FIN):
        rows, _ = collected(m, [netflow5(T0, A, [(*w, proto, flags, 5, 500) for w in order])
                                for order in ((there, back),)], "--window", "1")
        got = {(e["entity"], e["address"]): (e["flows_out"], e["flows_in"], e["packets_out"], e["packets_in"])
               for e in rows if e["entity"] != "exporter"}
        same(got, {("pair", "10.1.0.1"): (1, 0, 5, 5), ("service", "10.2.0.1"): (0, 1, 5, 5),
                   ("host", "10.1.0.1"): (1, 0, 5, 5), ("host", "10.2.0.1"): (0, 1, 5, 5)}, proto)
    rows, _ = collected(m, [netflow5(T0, A, [("10.1.0.1", "10.2.0.1", 2000, 30000, 6, SYN, 1, 40)])], "--window", "1")
    same([(e["address"], e["flows_failed_out"]) for e in rows if e["entity"] == "pair"], [("10.1.0.1", 1)])


def test_totals_of_collect_count_once(m):
    """Records of a flow that goes on: its deltas are added up, of totals the last one counts."""
    flow = "10.1.0.1", "10.2.0.1", 1000, 443, 6
    totals = [ipfix(T0 + i * S, A, [flow + (10 * (i + 1), 1000 * (i + 1), 2 if i < 4 else 3)], i) for i in range(5)]
    rows, _ = collected(m, totals, "--window", "10")
    same([(e["packets_out"], e["bytes_out"], e["flows_out"], e["records"], e["domain_id"]) for e in rows
          if e["entity"] == "exporter"], [(50, 5000, 1, 5, 7)])
    deltas = [ipfix(T0 + i * S, A, [flow + (10, 1000, 2 if i < 4 else 3)], i, True, (8, 12, 7, 11, 4, 2, 1, 136))
              for i in range(5)]
    rows, _ = collected(m, deltas, "--window", "10")
    same([(e["packets_out"], e["bytes_out"], e["flows_out"], e["records"]) for e in rows if e["entity"] == "pair"],
         [(50, 5000, 1, 5)])


def test_a_full_table_of_collect(m):
    frames, told = some_records(9, 3000)
    true = {}
    for record in told:
        for span in 2, 20:
            add_record(true, record[0], span, record)
    rows, stats = collected(m, frames, "--window", "2,20", "--max-hosts", "16")
    assert any(e["packets_error"] for e in rows)
    for e in rows:
        if e["entity"] in ("host", "pair"):
            c = true[e["timestamp"], e["span_s"], e["entity"], e["address"], e["peer"], None]
            n = c["packets_out"] + c["packets_in"]
            assert e["packets_at_most"] - e["packets_error"] <= n <= e["packets_at_most"], (e, n)
    sent = sum(c["packets_out"] for k, c in true.items() if k[1:3] == (2, "host"))
    same(sum(e["packets_out"] for e in rows if e["span_s"] == 2 and e["entity"] == "host") +
         stats["window_untracked_packets"], sent)


if __name__ == "__main__":
    main(globals())
