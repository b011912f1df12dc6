#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Profile afterimage: Kitsune's features of every frame, beside a reading of frames and a reckoning that know nothing of
the program; of captures that are made, and of the public corpus, where it is (FT_CORPUS)."""
import ipaddress
import json
import math
import os
import pathlib
import random
import struct
import subprocess
import sys

from packets import *
from run import main, same

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
from arrow_reader import Arrow

CORPUS = pathlib.Path(os.environ.get("FT_CORPUS", pathlib.Path(__file__).parents[2] / "../shared/corpus/public"))
EVERY = 40  # of the corpus: each so many-th capture
RATES = 5, 3, 1, .1, .01
ONE = "weight", "mean", "std"
TWO = "weight_0", "mean_0", "std_0", "radius_0_1", "magnitude_0_1", "covariance_0_1", "pcc_0_1"
NAMES = [f"{stem}_{rate}_{what}" for stem, kinds in (("MI_dir", ONE), ("HH", TWO), ("HH_jit", ONE), ("HpHp", TWO))
         for rate in RATES for what in kinds]


# ---- frames, read by hand ----

def records_of(data):
    """(ns, link type, frame, bytes on the wire) of a pcap file."""
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    unit = 1 if data[:4] in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d") else 1000
    kind, at = struct.unpack_from(order + "I", data, 20)[0] & 0xffff, 24
    while at + 16 <= len(data):
        s, part, cap, wire = struct.unpack_from(order + "IIII", data, at)
        yield s * S + part * unit, kind, data[at + 16:at + 16 + cap], wire
        at += 16 + cap


def ip_fields(p, wire):
    """(source, destination, ports or what stands for them) of an IP packet of so many bytes; None: it is none. Of one
    whose lengths are wrong the addresses alone."""
    if p[:1] and p[0] >> 4 == 4 and len(p) >= 20:
        size, proto, offset = (p[0] & 15) * 4, p[9], struct.unpack_from("!H", p, 6)[0] & 0x1fff
        total = struct.unpack_from("!H", p, 2)[0] or wire
        good = 20 <= size <= min(total, len(p)) and total <= wire
        ends, p = (p[12:16], p[16:20]), p[size:total] if good else b""
    elif p[:1] and p[0] >> 4 == 6 and len(p) >= 40:
        size, proto, offset = 40, p[6], 0
        total = struct.unpack_from("!H", p, 4)[0] or wire - 40
        ends, p = (p[8:24], p[24:40]), p[40:40 + total] if total <= wire - 40 else b""
        while proto in (0, 43, 44, 60) and len(p) >= 8:
            if proto == 44:
                offset = struct.unpack_from("!H", p, 2)[0] >> 3
            proto, p = p[0], p[8 if proto == 44 else (p[1] + 1) * 8:]
            if offset:
                break
    else:
        return None
    src, dst = (str(ipaddress.ip_address(e)) for e in ends)
    if proto in (6, 17) and not offset and len(p) >= 4:
        return src, dst, *map(str, struct.unpack_from("!HH", p))
    what = "icmp" if proto == 1 and len(ends[0]) == 4 and not offset and p else ""
    return src, dst, what, what


def fields(kind, frame, wire):
    """(source MAC, destination MAC, source, its port, destination, its port, bytes), each as Kitsune is told"""
    macs = (frame[6:12].hex(":"), frame[:6].hex(":")) if kind == 1 and len(frame) >= 12 else ("", "")
    at, ethertype = 0, None
    if kind == 1:
        at, ethertype = 14, struct.unpack_from("!H", frame, 12)[0] if len(frame) >= 14 else 0
        while ethertype in (0x8100, 0x88a8, 0x9100) and len(frame) >= at + 4:
            ethertype, at = struct.unpack_from("!H", frame, at + 2)[0], at + 4
    body = frame[at:]
    if kind in (101, 228, 229) or ethertype in (0x0800, 0x86dd):
        f = ip_fields(body, wire - at)
        if f:
            return *macs, f[0], f[2], f[1], f[3], wire
    if ethertype in (0x0806, 0x8035) and len(body) >= 8:
        known = len(body) >= 28 and body[2:6] == b"\x08\0\x06\x04"
        src, dst = (str(ipaddress.ip_address(body[i:i + 4])) if known else "" for i in (14, 24))
        return *macs, src, "arp", dst, "arp", wire
    return *macs, macs[0], "", macs[1], "", wire


# ---- the reckoning ----

class Stream:
    def __init__(self, t):
        self.t, self.n, self.s, self.q = t, 1e-20, 0.0, 0.0
        self.mean = self.var = 0.0
        self.residual, self.pairs = 0.0, []

    def go_on(self, t, rate):
        if t > self.t:
            f = math.pow(2, -rate * (t - self.t))
            self.n, self.s, self.q, self.t = self.n * f, self.s * f, self.q * f, t

    def add(self, v, t, rate):
        self.go_on(t, rate)
        self.n, self.s, self.q = self.n + 1, self.s + v, self.q + math.pow(v, 2)
        self.mean = self.s / self.n
        self.var = abs(self.q / self.n - math.pow(self.mean, 2))
        self.residual = v - self.mean
        return [self.n, self.mean, self.var]


class Pair:
    """What two streams have together; a stream may be both."""

    def __init__(self, a, b, t):
        self.ends, self.t, self.products, self.n = (a, b), t, 0.0, 1e-20
        self.last = [0.0, 0.0]

    def told(self, stream, t, rate):
        i = 0 if stream is self.ends[0] else 1
        self.ends[1 - i].go_on(t, rate)
        if t > self.t:
            f = math.pow(2, -rate * (t - self.t))
            self.products, self.n, self.t = self.products * f, self.n * f, t
        self.products += stream.residual * self.last[1 - i]
        self.n += 1
        self.last[i] = stream.residual

    def numbers(self):
        a, b = self.ends
        cov = self.products / self.n
        both = math.sqrt(a.var) * math.sqrt(b.var)
        return [math.sqrt(math.pow(a.var, 2) + math.pow(b.var, 2)), math.sqrt(math.pow(a.mean, 2) + math.pow(b.mean, 2)),
                cov, cov / both if both else 0.0]


class AfterImage:
    def __init__(self):
        self.streams = {}

    def stream(self, kind, rate, name, t):
        return self.streams.setdefault((kind, rate, name), Stream(t))

    def one(self, kind, name, t, v):
        out = []
        for rate in RATES:
            s = self.stream(kind, rate, name, t)
            out += s.add(max(t - s.t, 0.0) if v is None else v, t, rate)
        return out

    def two(self, kind, name, other, t, v):
        out = []
        for rate in RATES:
            s = self.stream(kind, rate, name, t)
            out += s.add(v, t, rate)
            for p in s.pairs:
                p.told(s, t, rate)
            o = self.stream(kind, rate, other, t)
            pair = next((p for p in s.pairs if o in p.ends), None)
            if pair is None:
                pair = Pair(s, o, t)
                s.pairs.append(pair)
                o.pairs.append(pair)
            pair.told(s, t, rate)  # once more, as Kitsune does
            out += pair.numbers()
        return out

    def frame(self, ns, src_mac, dst_mac, src, sport, dst, dport, size):
        t = float("%d.%09d" % divmod(ns, S))
        ends = (src_mac, dst_mac) if sport == "arp" else (src + sport, dst + dport)
        return self.one("MI", src_mac + src, t, size) + self.two("HH", src, dst, t, size) \
            + self.one("jit", src + dst, t, None) + self.two("HpHp", *ends, t, size)


def reckon(data):
    a = AfterImage()
    return [a.frame(ns, *fields(kind, frame, wire)) for ns, kind, frame, wire in records_of(data)]


def alike(got, want, what="", rel=1e-9):
    same(len(got), len(want), what)
    for i, (g, w) in enumerate(zip(got, want)):
        for name, x, y in zip(NAMES, g, w):
            assert abs(x - y) <= rel * abs(y), "%s: frame %d: %s is %r, expected %r" % (what, i, name, x, y)


def rows(m, data, *args):
    events = m.raw(data, "-p", "afterimage", *args)
    assert all(list(e["features"]) == NAMES for e in events)
    return [list(e["features"].values()) for e in events]


# ---- captures that are made ----

def arp(src, dst, op=1, ptype=0x0800):
    packed = [ipaddress.ip_address(a).packed for a in (src, dst)]
    return struct.pack("!HHBBH6s4s6s4s", 1, ptype, 6, 4, op, b"\2\0\0\0\0\1", packed[0], bytes(6), packed[1])


def frame(rnd, hosts, n_macs=3):
    a, b = rnd.choice(hosts), rnd.choice(hosts)
    body = rnd.choice([b"", b"x" * rnd.randrange(1200), b"y" * 100])
    sport, dport = rnd.choice([1, 11, 80, 443, 1080]), rnd.choice([1, 11, 80, 443])
    what = rnd.randrange(12)
    if what == 0:
        out = pad(eth(arp(a, b, rnd.choice([1, 2]), rnd.choice([0x0800, 0x0800, 0x1234])), rnd.choice([0x0806, 0x0806, 0x8035])))
    elif what == 1:
        out = pad(eth(b"\0\1\2\3" * 8, rnd.choice([0x88cc, 0x4242, 30])))
    elif what == 2:
        out = eth(ip4(a, b, rnd.choice([1, 2, 89]), icmp(8, 0, body)))
    elif what == 3:
        out = eth(ip6("2001:db8::" + a[-1], "2001:db8::" + b[-1], *rnd.choice([(58, icmp(128, 0)), (17, udp(sport, dport, body))])))
    elif what == 4:
        out = eth(ip4(a, b, 17, body or b"?", ident=7, frag=rnd.choice([8, 1480]), more=True))
    elif what == 5:
        out = eth(ip(a, b, 17, udp(sport, dport, body)), tags=[(0x8100, 7)])
    elif what == 6:
        out = eth(ip(a, b, 6, tcp(sport, dport, ACK, 1, 1, body)))[:rnd.randrange(10, 60)]  # cut short
    else:
        out = eth(ip(a, b, *rnd.choice([(17, udp(sport, dport, body)), (6, tcp(sport, dport, ACK, 1, 1, body))])))
    mac = rnd.randrange(n_macs)
    return out[:6] + bytes([2, 0, 0, 0, 0, mac]) + out[12:] if len(out) >= 12 else out


HOSTS = ["1.1.1.1", "1.1.1.11", "11.1.1.1", "10.0.0.1", "10.0.0.2"]  # some are others' beginnings


def traffic(seed, n=400, hosts=HOSTS):
    rnd, t, out = random.Random(seed), T0 + seed * 123_456_789, []
    for _ in range(n):
        t += rnd.choice([0, 1, 1000, MS, 37 * MS, S, 90 * S, -5 * MS, -S])
        f = frame(rnd, hosts)
        out.append((t, f, len(f) + rnd.choice([0, 0, 0, 14])))
    return out


def test_every_column(m):
    for seed in range(8):
        data = pcap(traffic(seed))
        alike(rows(m, data), reckon(data), "seed %d" % seed)


def test_times(m):
    """Seconds as float64, nearest: gaps are what those leave."""
    rnd = random.Random(5)
    packets = [(ns, eth(ip(A, B, 17, udp(1, 2)))) for ns in sorted(rnd.randrange(1 << rnd.choice([33, 50, 55, 61])) for _ in range(600))]
    data = pcap([p for p in packets if p[0] // S < 1 << 32])
    alike(rows(m, data), reckon(data))


def test_link_types(m):
    for kind in 101, 228:
        data = pcap([(T0 + i * MS, ip4(A, B, 17, udp(i % 3, 53, b"x" * i))) for i in range(50)], linktype=kind)
        alike(rows(m, data), reckon(data), kind)


def test_alike(m):
    """Frames of one size: variances are what rounding leaves, and what is made of those is the same."""
    for size in 60, 777, 1514:
        rnd, t, packets = random.Random(size), T0, []
        for i in range(500):
            t += rnd.randrange(S // 7)
            packets.append((t, pad(eth(ip(*rnd.choice([(A, B), (B, A), (C, A)]), 17, udp(5, 6))), size)))
        data = pcap(packets)
        alike(rows(m, data), reckon(data), size)


def test_corpus(m):
    n = 0
    for path in sorted((CORPUS / "packets").rglob("*.pcap"))[::EVERY] if CORPUS.exists() else []:
        data = path.read_bytes()
        if len(data) > 300000 or data[:4] not in (b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4") or plain(data) is False:
            continue
        alike(rows(m, data), reckon(data), path.name)
        n += 1
    print("    %d captures of the corpus" % n)


def plain(data):
    """Ethernet or IP, whole, without what the reading above does not know: MPLS, PPPoE, LLC, AH, tunnels of layer 2."""
    for _, kind, frame, wire in records_of(data):
        f = fields(kind, frame, wire)
        if kind not in (1, 101, 228, 229) or wire != len(frame) or wire < 14:
            return False
        if f[2] == f[0] and kind == 1 and (frame[12:14] >= b"\x06\0" and frame[12:14] not in (b"\x88\xcc",) or frame[14:17] == b"\xaa\xaa\x03"):
            return False
        if ":" in f[2] and f[3] == "" or f[2].count(".") == 3 and frame[23:24] == b"\x33":
            return False
    return True


def test_outputs(m):
    """CSV, Arrow and NumPy have the same numbers, of eight bytes each; stdin as files."""
    data = pcap(traffic(3))
    want = reckon(data)
    path = os.path.join(m.folder.name, "in.pcap")
    for form in "csv", "arrow", "npy":
        out = os.path.join(m.folder.name, "out." + form)
        same(m.raw(data, "-p", "afterimage", "-o", f"{form}:{out}"), [])
        if form == "csv":
            lines = [line.split(",") for line in open(out).read().splitlines()]
            same(lines[0], ["timestamp", *NAMES, "observer_id", "observation_domain"])
            alike([list(map(float, line[1:101])) for line in lines[1:]], want, form)
        elif form == "arrow":
            table = Arrow(open(out, "rb").read())
            same([c.name for c in table.columns], ["timestamp", *NAMES, "observer_id", "observation_domain"])
            alike(list(zip(*(table.rows[k] for k in NAMES))), want, form)
        else:
            raw = open(out, "rb").read()
            head = eval(raw[10:128])
            same((head["descr"], head["shape"]), ("<f8", (len(want), 100)))
            flat = struct.unpack("<%dd" % (len(want) * 100), raw[128:])
            alike([flat[i:i + 100] for i in range(0, len(flat), 100)], want, form)
            same(json.load(open(out + ".json"))["columns"], NAMES)
    r = subprocess.run([m.program, "read", "--quiet", "-p", "afterimage", "-"], input=data, capture_output=True)
    alike([list(json.loads(line)["features"].values()) for line in r.stdout.splitlines()], want, "stdin")


def test_hand_off(m):
    """A reader of its own, and flow records beside."""
    data = pcap(traffic(4))
    path = os.path.join(m.folder.name, "out.ndjson")
    flows = m.raw(data, "-p", "afterimage", "-e", "flow", "--overflow", "drop", "-o", "ndjson:-?event=flow", "-o", f"ndjson:{path}?event=afterimage")
    assert flows and all(e["event_type"] == "network_flow_record" for e in flows)
    alike([list(json.loads(line)["features"].values()) for line in open(path)], reckon(data))


def test_sample(m):
    data = pcap(traffic(6))
    alike(rows(m, data, "--sample", "7"), reckon(data)[::7])


def test_filter(m):
    data = pcap(traffic(7))
    wanted = pcap([p for p in traffic(7) if p[1][12:14] == b"\x08\x06"])
    alike(rows(m, data, "-f", "arp"), reckon(wanted))


def test_anonymize(m):
    key = os.path.join(m.folder.name, "key")
    with open(key, "wb") as f:
        f.write(bytes(range(32)))
    os.chmod(key, 0o600)
    data = pcap(traffic(8))
    alike(rows(m, data, "--anonymize", key), reckon(data))


class Forgetful(AfterImage):
    """Of each kind at most so many names, those that were used last."""

    def __init__(self, hosts, flows):
        super().__init__()
        self.most = {"MI": hosts, "HH": hosts, "jit": flows, "HpHp": flows}
        self.used, self.gone = {k: [] for k in self.most}, 0

    def stream(self, kind, rate, name, t):
        used = self.used[kind]
        if name in used:
            used.remove(name)
        elif len(used) == self.most[kind]:
            old = used.pop(0)
            self.gone += 1
            for r in RATES:
                s = self.streams.pop((kind, r, old), None)
                for p in list(s.pairs) if s else []:
                    for end in p.ends:
                        if p in end.pairs:
                            end.pairs.remove(p)
                    self.gone += r == RATES[0]
        used.append(name)
        return super().stream(kind, rate, name, t)


def test_bounds(m):
    """Full tables give up what was used least recently; what goes is counted."""
    hosts = ["10.3.%d.%d" % (i // 200, i % 200 + 1) for i in range(40)]
    rnd, t, packets = random.Random(1), T0, []
    for _ in range(1500):
        t += rnd.randrange(30 * MS)
        i = min(int(rnd.expovariate(.3)), 39)
        packets.append((t, eth(ip(hosts[i], hosts[(i * 7 + 1) % 40], 17, udp(1, 2, b"x" * rnd.randrange(900))))))
    data = pcap(packets)
    a = Forgetful(16, 1 << 20)
    want = [a.frame(ns, *fields(kind, f, wire)) for ns, kind, f, wire in records_of(data)]
    *events, stats = m.raw(data, "-p", "afterimage", "-e", "stats", "--max-hosts", "16")
    alike([list(e["features"].values()) for e in events], want)
    same(stats["afterimage_evicted"], a.gone)
    assert a.gone > 100
    same(m.raw(data, "-p", "afterimage", "-e", "stats")[-1]["afterimage_evicted"], 0)


def test_peers(m):
    """A host that knows very many keeps up with those that it spoke to last."""
    packets = [(T0 + i * MS, eth(ip("10.1.0.1", "10.2.%d.%d" % (i // 200 % 5, i % 200), 17, udp(1, 2, b"x" * (i % 50))))) for i in range(3000)]
    stats = m.raw(pcap(packets), "-p", "afterimage", "-e", "stats")[-1]
    assert stats["afterimage_evicted"] == 2 * (3000 - 256), stats["afterimage_evicted"]


def test_refused(m):
    data = pcap(traffic(1, 3))
    path = os.path.join(m.folder.name, "in.pcap")
    m.raw(data, "-p", "afterimage")
    for args, word in ((["-w", "2", "-p", "afterimage"], "--workers: '2': one worker"),
                       (["-p", "afterimage", "--no-identity"], "--no-identity"),
                       (["-o", "ndjson:-?event=afterimage"], "--profile afterimage makes"),
                       (["-e", "flow", "-o", "ndjson:-?profile=afterimage"], "no columns of flow records"),
                       (["-p", "afterimag"], "did you mean afterimage")):
        r = subprocess.run([m.program, "read", "--quiet", *args, path], capture_output=True, text=True)
        same(r.returncode, 2, args)
        assert word in r.stderr, r.stderr
    r = subprocess.run([m.program, "collect", "-p", "afterimage"], capture_output=True, text=True, timeout=30)
    same(r.returncode, 2)
    assert "afterimage is of packets" in r.stderr, r.stderr


if __name__ == "__main__":
    main(dict(globals()))
