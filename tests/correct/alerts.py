#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is unusual of hosts, pairs and services: alerts against a second reckoning, in Python, from the flow records and
the packets; the same alerts for any number of workers, from a file and stdin; limits, rules that are wrong, addresses that
are not to be seen, records of exporters."""
import collections
import ipaddress
import json
import math
import os
import random
import socket
import statistics
import struct
import subprocess
import sys

from packets import *
from run import main, near, same

US = 1000
PRIVATE = [ipaddress.ip_network(n) for n in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")]


def is_private(address):
    a = ipaddress.ip_address(address)
    return any(a in n for n in PRIVATE if n.version == a.version)


AGAIN = {"beacon": 86400, "trw_scan": 86400}  # in place of entity_s
SEVERITIES = "low", "medium", "high", "critical"


def goes_out(src, dst):
    return is_private(src) and not is_private(dst) and not ipaddress.ip_address(dst).is_link_local


def ns(seconds):
    return round(seconds * 1e6) * US


# ---- a second reckoning ----

def thousandths(v):
    return math.floor(v * 1000 + 0.5) / 1000


def regular(values, default_mad):
    v = sorted(values)
    n = len(v)
    q1, q2, q3 = statistics.median(v[:n // 2]), statistics.median(v), statistics.median(v[(n + 1) // 2:])
    skew = (q1 + q3 - 2 * q2) / (q3 - q1) if q3 - q1 >= 10 and q2 not in (q1, q3) else 0
    mad = statistics.median(abs(x - q2) for x in v)
    part = max((q2 - mad) / q2, 0) if q2 >= 1 else default_mad
    return q2, mad, thousandths((1 - abs(skew) + part) / 2)


def histogram(bars):
    mean = sum(bars) / len(bars)
    cv = math.sqrt(sum((b - mean) ** 2 for b in bars) / len(bars)) / mean
    even = thousandths(1 - cv) if cv <= 1 else 0
    hours = [b for b in bars if b]
    if len(hours) < 11:
        return even
    width = math.ceil(max(hours) * 0.05)
    modes = [n for _, n in collections.Counter(b // width for b in hours).most_common(2)]
    return max(even, min(thousandths(sum(modes) / (len(hours) - 1)), 1))


def duration(bars, covered):
    if sum(b > 0 for b in bars) < 6:
        return 0
    longest = run = 0
    for b in bars * 2:
        run = run + 1 if b else 0
        longest = max(longest, run)
    return math.ceil(max(min(covered, 1), min(min(longest, len(bars)) / 12, 1)) * 1000) / 1000


class Reckoning:
    """Alerts of flows: each a dict of flow_records'; in the order of (time, flow id)."""

    def __init__(self, deny=(), entity_s=300, learn_s=3600, again=AGAIN):
        self.deny, self.entity_s, self.learn_s, self.again = deny, entity_s, learn_s, again
        self.out, self.last, self.kept = [], {}, collections.Counter()
        self.scans, self.walks, self.contacts, self.known = {}, {}, set(), set()
        self.beacons, self.amplified, self.senders, self.tcp = {}, {}, {}, {}
        self.own, self.talked, self.udp_ports = set(), collections.defaultdict(set), {}
        self.met, self.turned, self.received = [set(), set()], 0, {}
        self.begun = None

    def alert(self, rule, f, entity, score=None, value=None, ids=None, **more):
        key, at = (rule, entity), ns(f["timestamp"])
        again, severity = self.again.get(rule, self.entity_s), SEVERITIES.index(more.get("severity", "low"))
        if key in self.last and 0 <= at - self.last[key][0] < again * S and severity <= self.last[key][1]:
            self.kept[key] += 1
            return
        self.last[key] = at, severity
        self.out.append({"timestamp": f["timestamp"], "rule": rule, "address": entity[0],
                         "score": score, "value": value, "suppressed": self.kept.pop(key, 0),
                         "flow_ids": ";".join((ids or [f["flow_id"]])[-8:]), **more})

    def flow(self, f):
        src, dst, sport, port, proto = f["src_ip"], f["dst_ip"], f["src_port"], f["dst_port"], f["protocol"]
        self.begun = min(self.begun or ns(f["first_seen"]), ns(f["first_seen"]))
        group = ipaddress.ip_address(dst).is_multicast or dst == "255.255.255.255"
        new = False
        if not group and f["is_final"]:
            new = (src, dst) not in self.contacts
            self.contacts.add((src, dst))
        for name, holds in self.deny:
            if holds(f):
                self.alert("policy", f, (src, dst), port=port, thresholds="deny=" + name)
                break
        if f["is_final"]:
            flags = f["fwd_tcp_flags"] | f["rev_tcp_flags"]
            failed = proto == 17 and not f["rev_packets"] and not group or proto == 6 and bool(f["fwd_tcp_flags"] & SYN) and (
                f["rev_packets"] == 0 or bool(flags & RST) and f["fwd_payload_bytes"] + f["rev_payload_bytes"] == 0)
            if failed and not group and proto == 6:
                self.scan("address_scan", f, (src,), (src, port), dst, 25)
                self.scan("port_scan", f, (src, dst), (src, dst), port, 15)
            if new and proto == 6 and f["fwd_tcp_flags"] & SYN:
                self.walk(f, src, failed)
            if proto == 17 and not group:
                self.amplify(f)
            if (proto == 17 or proto == 6 and f["fwd_tcp_flags"] & SYN) and not group and not failed and goes_out(src, dst):
                if not new:
                    self.own.add(src)
                    self.talked[dst].add(src)
                if not new and (proto == 6 or self.udp_ports.get((src, dst)) != (17, sport)):
                    self.udp_ports[src, dst] = proto, sport
                    self.beacon(f, src, dst)
        if not group:
            self.lasting(f)
        if f["is_final"] and not group:
            self.upload(f, src, dst, new, failed)
            if not failed and (f["fwd_packets"] > 1 or proto == 17) and f["rev_packets"]:
                self.first(f, src, dst, port, proto)

    def scan(self, rule, f, entity, key, what, most):
        at = ns(f["first_seen"]) // MS
        end = ns(f["timestamp"])
        s = self.scans.get((rule, key))
        if s is None or end - s["heard"] > 300 * S:
            s = self.scans[rule, key] = {"seen": {}, "newest": at, "flows": 0, "ids": []}
        s["heard"] = end
        s["newest"] = max(s["newest"], at)
        s["seen"][what] = max(at, s["seen"].get(what, at))
        s["seen"] = {k: t for k, t in s["seen"].items() if s["newest"] - t <= 300000}
        s["flows"] += 1
        s["ids"].append(f["flow_id"])
        if len(s["seen"]) >= most:
            self.alert(rule, f, entity, value=len(s["seen"]), ids=s["ids"], flows=s["flows"], failed_flows=s["flows"],
                       **({"port": f["dst_port"]} if rule == "address_scan" else {"peer": f["dst_ip"]}))

    def walk(self, f, src, failed):
        w = self.walks.setdefault(src, {"ratio": 1.0, "n": 0, "failed": 0, "ids": []})
        w["ratio"] *= (1 - 0.2) / (1 - 0.8) if failed else 0.2 / 0.8
        w["n"] += 1
        w["failed"] += failed
        w["ids"].append(f["flow_id"])
        if w["ratio"] >= 0.99 / 0.01:
            self.alert("trw_scan", f, (src,), value=w["ratio"], ids=w["ids"], hosts=w["n"], failed_flows=w["failed"])
        elif w["ratio"] > (1 - 0.99) / (1 - 0.01):
            return
        del self.walks[src]

    def amplify(self, f):
        ports = {17, 19, 53, 69, 111, 123, 137, 161, 389, 427, 520, 1434, 1900, 3283, 3389, 3702, 5093, 5683, 10001, 11211,
                 27015, 30718, 32414, 37810}
        server = 1 if f["dst_port"] in ports else 0 if f["src_port"] in ports else None
        if server is None:
            return
        victim, port = (f["src_ip"], f["dst_port"]) if server else (f["dst_ip"], f["src_port"])
        asked, answered = (f["fwd_bytes"], f["rev_bytes"]) if server else (f["rev_bytes"], f["fwd_bytes"])
        at = ns(f["timestamp"])
        v = self.amplified.get((victim, port))
        if v is None or at - v["since"] > 60 * S:
            v = self.amplified[victim, port] = {"since": at, "asked": 0, "answered": 0, "ids": []}
        v["asked"] += asked
        v["answered"] += answered
        v["ids"].append(f["flow_id"])
        if v["answered"] >= 1e6 and v["answered"] >= 10 * v["asked"]:
            self.alert("amplification", f, (victim,), value=v["answered"], ids=v["ids"], port=port, bytes_out=v["asked"],
                       ratio=v["answered"] / v["asked"] if v["asked"] else None)

    def beacon(self, f, src, dst):
        second = ns(f["first_seen"]) // S
        b = self.beacons.setdefault((src, dst), {"at": [], "looked": 0})
        b["at"].append((second, f["fwd_bytes"], f["flow_id"]))
        n = len(b["at"])
        if n < 10 or (b["looked"] and n - b["looked"] < min(b["looked"], 64)):
            return
        newest = b["at"][-64:]
        times = sorted({t for t, _, _ in newest})
        if len(times) >= 10:
            b["looked"] = n
        if len(times) < 10 or times[-1] - times[0] < 60:
            return
        median, mad, ts = regular([y - x for x, y in zip(times, times[1:])], 1)
        if median < 1:
            return
        size, _, ds = regular([s for _, s, _ in newest], 0)
        parts = [ts, ds, None, None]
        last, first, begun = max(t for t, _, _ in b["at"]), min(t for t, _, _ in b["at"]), self.begun // S
        if last - begun >= 6 * 3600:
            hours = min(last // 3600 - begun // 3600 + 1, 24)
            bars = [sum(t // 3600 == h for t, _, _ in b["at"]) for h in range(last // 3600 - hours + 1, last // 3600 + 1)]
            parts[2] = duration(bars, (last - first) / min(last - begun, hours * 3600))
            parts[3] = histogram(bars)
        score = sum(p for p in parts if p is not None) / sum(p is not None for p in parts)
        share = len(self.talked[dst]) / len(self.own)
        threat = score if len(self.own) < 10 else min(score - 0.15 if share >= 0.5 else score + 0.15 if share <= 0.02 else score, 1)
        if score >= 0.9 and threat >= 0.9:
            b["looked"] = n
            self.alert("beacon", f, (src, dst), score=score, value=min(score, threat), ids=[i for _, _, i in b["at"]], flows=n,
                       severity="critical" if threat >= 1 else "high", interval_median_s=median, interval_mad_s=mad, size_median_bytes=size,
                       **dict(zip(("beacon_timestamp_score", "beacon_size_score", "beacon_duration_score",
                                   "beacon_histogram_score"), parts)))

    def lasting(self, f):
        """A TCP flow without a SYN goes on with the one before of the same addresses and ports."""
        ends = (f["src_ip"], f["src_port"]), (f["dst_ip"], f["dst_port"])
        key, first, last = (min(ends), max(ends), f["protocol"]), ns(f["first_seen"]), ns(f["last_seen"])
        c = self.tcp.get(key)
        piece = f["protocol"] == 6 and not f["fwd_tcp_flags"] & SYN and c and first > c["piece"] and first - c["last"] <= 7800 * S
        if not (c and (first == c["piece"] or piece)):
            c = self.tcp[key] = {"first": first, "who": ends[0][0], "to": ends[1][0], "told": 0}
        c["piece"], c["last"] = first, last
        lasts = (last - c["first"]) / 1e9
        bands = sum(lasts >= s for s in (3600, 4 * 3600, 8 * 3600, 12 * 3600))
        if bands > c["told"]:
            c["told"] = bands
            self.alert("long_connection", f, (c["who"], c["to"]), value=lasts, severity=SEVERITIES[bands - 1])
        if f["is_final"] and (f["protocol"] != 6 or (f["fwd_tcp_flags"] | f["rev_tcp_flags"]) & (FIN | RST) or not f["rev_packets"]):
            c["last"] = c["last"] if bands else first - 7800 * S - 1  # it is over, and forgotten unless it was told

    def upload(self, f, src, dst, new, failed):
        """A first contact is remembered for an hour to two."""
        at, met = ns(f["timestamp"]), None
        if goes_out(src, dst) and (new or f["fwd_bytes"] >= 256):
            ago = at - self.turned
            if ago < 0 or ago > 3600 * S:
                self.met = [set(), set() if ago < 0 or ago > 7200 * S else self.met[0]]
                self.turned = at
            if new and not failed:
                self.met[0].add((src, dst))
            if f["fwd_bytes"] >= 65536 and any((src, dst) in g for g in self.met):
                met = self.received.get((src, dst))
                if met is None or at - met["heard"] > 3600 * S:
                    met = self.received[src, dst] = {"sent": 0, "got": 0, "ids": []}
                met["heard"] = at
        if met:
            met["sent"] += f["fwd_bytes"]
            met["got"] += f["rev_bytes"]
            met["ids"].append(f["flow_id"])
        if f["fwd_bytes"] < 256 or not goes_out(src, dst):
            return
        minute = ns(f["timestamp"]) // (60 * S)
        s = self.senders.setdefault(src, {"minute": minute, "sum": 0, "n": 0, "mean": 0.0, "var": 0.0})
        if minute != s["minute"]:
            off = s["sum"] - s["mean"]
            if s["n"]:
                s["var"] = 0.9 * (s["var"] + 0.1 * off * off)
            s["mean"] = s["mean"] + 0.1 * off if s["n"] else float(s["sum"])
            s.update(n=s["n"] + 1, sum=0, minute=minute)
        s["sum"] += f["fwd_bytes"]
        z = (s["sum"] - s["mean"]) / max(math.sqrt(s["var"]), 0.1 * s["mean"], 1500)
        if met and s["n"] >= 8 and met["sent"] >= 1e6 and z > 4 and met["sent"] - met["got"] >= 0.4 * (met["sent"] + met["got"]) and \
                ns(f["first_seen"]) - self.begun >= 600 * S:
            self.alert("exfiltration", f, (src, dst), value=z, usual=s["mean"], bytes_out=met["sent"], flows=len(met["ids"]),
                       ids=met["ids"])

    def first(self, f, src, dst, port, proto):
        learnt = ns(f["first_seen"]) - self.begun >= self.learn_s * S
        for rule, entity, watched, more in (
                ("new_host", (src,), is_private(src) and f["fwd_packets"] > 1, {}), ("new_host", (dst,), is_private(dst), {}),
                ("new_peer", (src, dst), is_private(src) and is_private(dst), {}),
                ("new_service", (dst, port, proto), is_private(dst) and 0 < port <= 32767, {"port": port})):
            if watched and (rule, entity) not in self.known:
                self.known.add((rule, entity))
                if learnt and (rule != "new_peer" or f["fwd_packets"] > 1):
                    self.alert(rule, f, entity, **more)


def reckon(m, frames, *args, **how):
    """Alerts that flow records make: all rules but those of packets."""
    r = Reckoning(**how)
    flows = m.flows(frames, *args)
    for f in sorted(flows, key=lambda f: (f["timestamp"], f["flow_id"])):
        r.flow(f)
    return r.out


OF_PACKETS = "syn_flood", "volume_flood", "dns_tunnel", "dga"


def compare(got, want):
    got = [e for e in got if e["rule"] not in OF_PACKETS]
    for g, w in zip(got, want):
        for name, value in w.items():
            where = (w["rule"], w["address"], w["timestamp"], name)
            if isinstance(value, float) and name != "timestamp":
                near(g[name], value, where)
            else:
                same(g[name], value, where)
    same([(e["rule"], e["address"]) for e in got], [(e["rule"], e["address"]) for e in want], "alerts")


def alerts(m, data, *args, workers="1", stdin=False, text=False):
    path = os.path.join(m.folder.name, "in.pcap")
    with open(path, "wb") as f:
        f.write(data)
    with open(path, "rb") as f:
        p = subprocess.run([m.program, "read", "--quiet", "-w", workers, "-e", "alert", *args, "-" if stdin else path],
                           stdin=f if stdin else None, capture_output=True, timeout=120)
    same(p.returncode, 0, p.stderr)
    return p.stdout if text else [json.loads(line) for line in p.stdout.splitlines()]


# ---- traffic ----

def exchange(t, sport, port, a, b, up=100, down=300, n=1):
    c = Conn(t, sport, port, a, b).open()
    for _ in range(n):
        for at in range(0, up, 1400):
            c.send(0, ACK, b"x" * min(1400, up - at))
        for at in range(0, down, 1400):
            c.send(1, ACK, b"y" * min(1400, down - at))
    return c.close().frames


def mixture(seed, hours=2.0):
    """Clients and servers, among them one that scans hosts, one that scans ports, one that calls home, one that sends out,
    victims of amplification; a long flow."""
    r = random.Random(seed)
    frames, span = [], int(hours * 3600 * S)
    server = ["10.2.0.%d" % i for i in range(1, 6)] + ["198.51.100.%d" % i for i in range(1, 20)]
    for i in range(700):
        t, a, b = T0 + r.randrange(span), "10.1.0.%d" % r.randrange(1, 12), r.choice(server)
        if r.random() < 0.15:
            c = Conn(t, 1024 + i, r.choice((80, 443)), a, b).send(0, SYN)
            frames += c.frames if r.random() < 0.5 else c.send(1, RST | ACK).frames
        else:
            frames += exchange(t, 1024 + i, r.choice((22, 80, 443)), a, b, r.randrange(40, 3000), r.randrange(9000))
    start = T0 + r.randrange(span // 2)
    for i in range(90):  # both ways to scan
        frames += Conn(start + i * r.randrange(S), 2000 + i, 23, "10.1.1.1", "10.3.%d.%d" % (i % 2, i)).send(0, SYN).frames
        frames += Conn(start + i * S // 3, 3000 + i, 1 + i * 7, "10.1.1.2", "10.2.0.1").send(0, SYN).send(1, RST | ACK).frames
    period = r.randrange(20, 90)
    for i in range(int(span // (period * S))):
        jitter = r.randrange(S * period // 10)
        frames += exchange(T0 + i * period * S + jitter, 10000 + i, 8443, "10.1.1.3", "203.0.113.7", 200, 100)
    for i in range(int(span // (60 * S))):
        frames += exchange(T0 + i * 60 * S + r.randrange(20 * S), 30000 + i, 443, "10.1.1.4", "198.51.100.1",
                           r.randrange(2000, 6000), 2000)
    frames += exchange(T0 + span * 3 // 4, 29999, 443, "10.1.1.4", "203.0.113.9", 1_300_000, 100)
    for i in range(40):
        t = T0 + span // 3 + i * 100 * MS
        frames += [(t + k * MS, eth(ip4("203.0.113.%d" % (20 + i), "10.2.0.3", 17, udp(123, 5000 + i, b"z" * 440))))
                   for k in range(90)]
    frames += [(T0 + i * 20 * S, eth(ip4("10.1.0.1", "10.2.0.5", 17, udp(4500, 4500, b"k")))) for i in range(int(span // (20 * S)))]
    c = Conn(T0 + 7 * S, 5555, 22, "10.1.0.3", "10.2.0.4").open()
    for i in range(int(span // (200 * S))):  # quiet for longer than the idle timeout, and whoever speaks first
        c.t = T0 + (i + 1) * 200 * S
        c.send(i % 2, ACK, b"k").send(1 - i % 2, ACK, b"")
    frames += c.frames
    frames += [(T0 + i * 10 * S, eth(ip4("10.1.0.2", "224.0.0.251", 17, udp(5353, 5353, b"m")))) for i in range(50)]
    frames += exchange(T0 + int(span * 0.9), 7, 8080, "10.1.0.99", "10.2.0.4", 500, 500)  # never seen before
    return sorted(frames, key=lambda f: f[0])


def name_query(name, ident, rcode=None):
    out = struct.pack("!HHHHHH", ident & 0xffff, 0x0100 if rcode is None else 0x8180 | rcode, 1, 0, 0, 0)
    return out + b"".join(bytes([len(p)]) + p.encode() for p in name.split(".")) + b"\0\0\x10\0\1"


def asks(t, name, i, a="10.1.2.1", rcode=0):
    return [(t, eth(ip4(a, "10.2.0.53", 17, udp(5000 + i % 50, 53, name_query(name, i))))),
            (t + MS, eth(ip4("10.2.0.53", a, 17, udp(53, 5000 + i % 50, name_query(name, i, rcode)))))]


# ---- tests ----

def test_every_rule_of_flows(m):
    seen = collections.Counter()
    for seed in range(5):
        frames = mixture(seed)
        want = reckon(m, frames)
        compare(alerts(m, pcap(frames)), want)
        seen.update(e["rule"] for e in want)
    for rule in ("address_scan", "port_scan", "trw_scan", "amplification", "beacon", "long_connection", "exfiltration", "new_host",
                 "new_peer", "new_service"):
        assert seen[rule], (rule, seen)


def test_a_day(m):
    """Hours have scores of their own from the sixth on; a day goes on into the next."""
    for seed, hours in (1, 9), (2, 31):
        r = random.Random(seed)
        frames = []
        for i in range(int(hours * 60)):
            if i // 60 != 7 or seed == 2:
                frames += exchange(T0 + i * 60 * S + r.randrange(3 * S), 1024 + i, 443, "10.1.0.1", "203.0.113.1", 80, 80)
        compare(alerts(m, pcap(frames)), reckon(m, frames))
        rules = os.path.join(m.folder.name, "rules.yaml")
        with open(rules, "w", encoding="ascii") as f:
            f.write("beacon: {again_s: 300}\n")
        got = alerts(m, pcap(frames), "--rules", rules)
        compare(got, reckon(m, frames, again={"beacon": 300}))
        assert any(e["beacon_histogram_score"] is not None for e in got) and got[0]["beacon_duration_score"] is None


def test_the_same_for_any_number_of_workers(m):
    for seed in range(3):
        r = random.Random(seed)
        frames = mixture(10 + seed, 0.5) + flood(T0 + 60 * S, 6, 2500, "10.2.0.2") + names(T0 + 200 * S, seed)
        frames = [f for _, f in sorted((t + r.randrange(S), (t, frame)) for t, frame in frames)]  # not quite in order
        data = pcap(frames)
        want = alerts(m, data, "-p", "app", text=True)
        assert b"syn_flood" in want and b"dns_tunnel" in want and b"dga" in want and b"beacon" in want, want[:2000]
        for workers in "2", "3", "4":
            same(alerts(m, data, "-p", "app", workers=workers, text=True), want, workers)
        same(alerts(m, data, "-p", "app", workers="2", stdin=True, text=True), want, "stdin")
        for more in ["-e", "alert,window,flow"], ["--overflow", "drop", "--queue", "1048576"]:
            got = alerts(m, data, "-p", "app", *more, workers="2", text=True)
            same([line for line in got.splitlines() if b'"alert"' in line[:30]], want.splitlines(), more)


def flood(t, seconds, rate, victim, size=0):
    return [(t + i * S // rate, eth(ip4("%d.%d.%d.%d" % (20 + i % 100, i // 100 % 250, i // 25000, 7), victim, 6,
                                       tcp(1024 + i % 60000, 80, SYN)))) for i in range(int(seconds * rate))]


def names(t, seed):
    r = random.Random(seed)
    word = lambda n, of="abcdefghijklmnopqrstuvwxyz234567": "".join(r.choice(of) for _ in range(n))
    out = []
    for i in range(130):
        out += asks(t + i * 100 * MS, word(30) + "." + word(12) + ".t.tunnel.example", i)
        out += asks(t + i * 100 * MS, "cdn%d.assets.example.co.uk" % i, i, "10.1.2.2")  # many, but short
        out += asks(t + i * 100 * MS, "www.wikipedia.org", i, "10.1.2.3")
        out += asks(t + i * S, ("%s.com" % word(16, "bcdfghjklmnpqrstvwxz")), i, "10.1.2.4", 3)
        out += asks(t + i * S, ("%s.com" % word(16, "bcdfghjklmnpqrstvwxz")), i, "10.1.2.5", 0)  # that are there
        out += asks(t + i * S, "printer%d.example.com" % i, i, "10.1.2.6", 3)
    return out


def test_names(m):
    for seed in range(3):
        got = alerts(m, pcap(sorted(names(T0, seed), key=lambda f: f[0])), "-p", "app")
        got = [e for e in got if e["rule"] in ("dns_tunnel", "dga")]
        same({(e["rule"], e["address"]) for e in got}, {("dns_tunnel", "10.1.2.1"), ("dga", "10.1.2.4")})
        tunnel = [e for e in got if e["rule"] == "dns_tunnel"]
        same(len(tunnel), 1)
        same(tunnel[0]["name"], "tunnel.example")
        near(tunnel[0]["names"], 100, "names", 0.03)
        same(tunnel[0]["name_length"], 45)
        assert 3.5 < tunnel[0]["name_entropy"] < 5
    same([e for e in alerts(m, pcap(names(T0, 1))) if e["rule"] in ("dns_tunnel", "dga")], [])  # without -p app


def test_floods(m):
    """Rates over spans of 5 s; the majority of its class is who is flooded."""
    quiet = mixture(3, 0.1)
    for rate, want in (990, []), (1010, ["10.2.0.2"]):
        start = (T0 // (5 * S) + 4) * 5 * S
        got = alerts(m, pcap(sorted(quiet + flood(start, 5, rate, "10.2.0.2"), key=lambda f: f[0])))
        got = [e for e in got if e["rule"] == "syn_flood"]
        same([e["address"] for e in got], want)
        if got:
            same(got[0]["timestamp"], (start + 5 * S) / S)
            near(got[0]["value"], rate, "rate", 0.02)  # and the packets of others of the class
            same(got[0]["port"], 80)
    v6 = [(T0 + i * 50_000, eth(ip6("2001:db8::9", "2001:db8::1:1", 17, udp(9, 9, b"x")))) for i in range(210_000)]
    got = alerts(m, pcap(v6))
    same([(e["rule"], e["address"]) for e in got if e["rule"] == "volume_flood"], [("volume_flood", "2001:db8::1:1")])


def test_policy(m):
    frames = mixture(4, 0.3)
    rules = os.path.join(m.folder.name, "rules.yaml")
    with open(rules, "w", encoding="ascii") as f:
        f.write("policy:\n  severity: critical\n  deny:\n"
                "    - {from: 10.1.0.1, to: 10.2.0.0/16, name: one}\n    - {port: 20-79, protocol: tcp, name: low}\n"
                "limits: {entity_s: 60}\n")
    net = ipaddress.ip_network("10.2.0.0/16")
    deny = [("one", lambda f: f["src_ip"] == "10.1.0.1" and ipaddress.ip_address(f["dst_ip"]) in net),
            ("low", lambda f: 20 <= f["dst_port"] <= 79 and f["protocol"] == 6)]
    got = alerts(m, pcap(frames), "--rules", rules)
    compare(got, reckon(m, frames, deny=deny, entity_s=60))
    same({e["severity"] for e in got if e["rule"] == "policy"}, {"critical"})


def test_allow_and_networks(m):
    frames = mixture(5, 0.5)
    rules = os.path.join(m.folder.name, "rules.yaml")
    with open(rules, "w", encoding="ascii") as f:
        f.write("beacon: {allow: [203.0.113.0/24]}\naddress_scan: {networks: [10.9.0.0/16]}\nport_scan: {enabled: false}\n"
                "trw_scan: {enabled: no}\n".replace("no}", "false}"))
    got = {e["rule"] for e in alerts(m, pcap(frames), "--rules", rules)}
    assert not got & {"beacon", "address_scan", "port_scan", "trw_scan"}, got
    assert {"beacon", "address_scan", "port_scan", "trw_scan"} <= {e["rule"] for e in alerts(m, pcap(frames))}


def test_no_storm(m):
    """Invented senders: few alerts, bounded, counted."""
    frames = flood(T0, 8, 8000, "10.2.0.2")
    r = m.raw(pcap(frames), "-e", "alert,stats", "--max-hosts", "1000")
    stats = r[-1]
    assert 1 <= len(r) - 1 <= 4, r
    same(stats["alerts"], len(r) - 1)
    assert stats["alerts_no_room"] > 0
    rules = os.path.join(m.folder.name, "rules.yaml")
    with open(rules, "w", encoding="ascii") as f:
        f.write("policy: {deny: [{port: 80}]}\nlimits: {per_second: 5}\n")
    r = m.raw(pcap(frames), "-e", "alert,stats", "--rules", rules)
    policy = [e for e in r[:-1] if e["rule"] == "policy"]
    per = collections.Counter(int(e["timestamp"]) for e in r[:-1])
    assert max(per.values()) <= 5, per
    same(r[-1]["alerts"] + r[-1]["alerts_suppressed"] >= len(frames), True)
    assert policy


def test_clocks_that_jump(m):
    one = lambda t, i: Conn(t, 1000 + i, 22, "10.1.1.1", "10.3.0.%d" % (1 + i % 250)).send(0, SYN).frames
    frames = [f for i in range(30) for f in one(T0 + 10 ** 7 * S + i * S, i)]
    frames += [f for i in range(30) for f in one(T0 + i * S, i)]
    frames += [f for i in range(30) for f in one(T0 + 2 * 10 ** 7 * S + i * S, i)]
    got = [e for e in alerts(m, pcap(frames)) if e["rule"] == "address_scan"]
    assert 2 <= len(got) <= 3, got
    r = random.Random(1)
    wild = [f for i in range(4000) for f in one(r.randrange(2 ** 32) * S, i)]
    data = pcap(wild)
    for workers in "1", "4":
        alerts(m, data, workers=workers)


def test_wrong_rules(m):
    path, capture = (os.path.join(m.folder.name, name) for name in ("wrong.yaml", "in.pcap"))
    alerts(m, pcap([]))
    for text, what in (("address_scan:\n  hosts: many\n", "line 2: hosts: many: allowed: a whole number from 2 to 128"),
                       ("scan:\n", "line 1: scan: no such rule; there are limits, address_scan, "),
                       ("policy: {deny: [{to: 1.2.3}]}", "line 1: to: 1.2.3: allowed: a network or an address, e.g. 10.0.0.0/8"),
                       ("a: [", "line 1: ")):
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
        p = subprocess.run([m.program, "read", "--quiet", "-e", "alert", "--rules", path, capture], capture_output=True, text=True,
                           timeout=60)
        same(p.returncode, 2, p.stderr)
        assert "rules: %s: %s" % (path, what) in p.stderr, p.stderr
    p = subprocess.run([m.program, "read", "--quiet", "-e", "alert", "--rules", "/nosuch", capture], capture_output=True, text=True,
                       timeout=60)
    assert p.returncode == 2 and "rules: /nosuch: No such file or directory" in p.stderr, p.stderr


def test_anonymize(m):
    """Addresses and flow ids are others, names gone; the rest is as it was."""
    key = os.path.join(m.folder.name, "key")
    with open(key, "wb") as f:
        f.write(bytes(range(32)))
    frames = sorted(mixture(6, 0.5) + names(T0 + S, 2), key=lambda f: f[0])
    data = pcap(frames)
    plain = alerts(m, data, "-p", "app")
    hidden = alerts(m, data, "-p", "app", "--anonymize", key)
    same(len(hidden), len(plain))
    mapped = {}
    for a, b in zip(plain, hidden):
        for k in a:
            if k in ("address", "peer"):
                if a[k] is not None:
                    assert mapped.setdefault(a[k], b[k]) == b[k] != a[k], (a, b)
            elif k == "flow_ids":
                assert a[k] is None and b[k] is None or a[k] != b[k] and len(a[k]) == len(b[k]), (a, b)
            elif k == "name":
                same(b[k], None)
            elif k != "observer_id":
                same(b[k], a[k], k)
    p = subprocess.run([m.program, "read", "--quiet", "--no-identity", "-e", "alert", os.path.join(m.folder.name, "in.pcap")],
                       capture_output=True, text=True, timeout=60)
    same(p.returncode, 2, p.stderr)


# ---- records of exporters ----

def netflow5(t, records, sequence):
    out = struct.pack("!HHIIIIBBH", 5, len(records), 10 ** 6, t // S, t % S, sequence, 0, 0, 0)
    for a, b, sport, port, packets, size, first, flags, proto in records:
        up = 10 ** 6 - (t - first) // MS
        out += socket.inet_aton(a) + socket.inet_aton(b) + bytes(4) + struct.pack(
            "!HHIIIIHHBBBBHHBBH", 1, 2, packets, size, up, up, sport, port, 0, flags, proto, 0, 0, 0, 0, 0, 0)
    return eth(ip4("10.5.0.1", "10.5.0.2", 17, udp(9999, 2055, out)))


def collected(m, datagrams, *args):
    path = os.path.join(m.folder.name, "export.pcap")
    with open(path, "wb") as f:
        f.write(pcap(datagrams))
    p = subprocess.run([m.program, "collect", "--quiet", "-l", "pcap:" + path, "-e", "alert", *args], capture_output=True, timeout=60)
    same(p.returncode, 0, p.stderr)
    return [json.loads(line) for line in p.stdout.splitlines()]


def test_collect(m):
    out = []
    for i in range(200):
        t = T0 + i * 20 * S
        records = [("10.1.0.1", "203.0.113.1", 1024 + i, 443, 10, 2000, t - S, SYN | ACK | PSH, 6),
                   ("203.0.113.1", "10.1.0.1", 443, 1024 + i, 10, 9000, t - S, SYN | ACK | PSH, 6),  # the answer
                   ("10.1.0.3", "203.0.113.9", 40000, 8443, 10, 2000, t - S, ACK, 6)]  # one long flow, cut
        if i < 25:
            records += [("10.1.0.2", "10.3.0.%d" % i, 2000 + i, 23, 1, 40, t - 5 * S, SYN, 6),
                        ("10.3.0.%d" % i, "10.1.0.2", 23, 2000 + i, 1, 40, t - 5 * S, RST | ACK, 6)]
        out.append((t, netflow5(t, records, i)))
    got = collected(m, out)
    by = collections.Counter((e["rule"], e["address"], e["peer"]) for e in got)
    assert by["beacon", "10.1.0.1", "203.0.113.1"], by
    same([k for k in by if k[0] == "beacon"], [("beacon", "10.1.0.1", "203.0.113.1")])
    same([k for k in by if k[0] == "long_connection"], [("long_connection", "10.1.0.3", "203.0.113.9")])
    same({k[:2] for k in by if k[0] == "trw_scan"}, {("trw_scan", "10.1.0.2")})
    same([k for k in by if k[0] == "address_scan"], [])  # 25 of them take 480 s
    same(got[0]["flow_ids"], None)
    quick = [(T0 + i * S, netflow5(T0 + i * S, [("10.1.0.2", "10.3.0.%d" % i, 2000 + i, 23, 1, 40, T0 + i * S, SYN, 6)], i))
             for i in range(25)]
    scans = [e for e in collected(m, quick) if e["rule"] == "address_scan"]
    same([(e["address"], e["value"], e["port"]) for e in scans], [("10.1.0.2", 25, 23)])
    same([e for e in collected(m, quick[:24]) if e["rule"] == "address_scan"], [])


def test_collect_by_a_clock_that_steps_back(m):
    """What comes behind the step has the time that it came at, and is told then."""
    times = [T0 + 10 ** 7 * S + i * S for i in range(5)] + [T0 + i * S for i in range(5)]
    rules = os.path.join(m.folder.name, "step.yaml")
    with open(rules, "w") as f:
        f.write("policy: {deny: [{port: 23}]}\nlimits: {entity_s: 0}\n")
    got = collected(m, [(t, netflow5(t, [("10.1.0.2", "10.3.0.9", 2000 + i, 23, 9, 900, t - S, ACK | FIN, 6)], i))
                        for i, t in enumerate(times)], "--rules", rules)
    same([round(e["timestamp"]) for e in got if e["rule"] == "policy"], [t // S for t in times])


if __name__ == "__main__":
    main(globals())
