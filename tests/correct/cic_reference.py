# SPDX-License-Identifier: Apache-2.0
"""CICFlowMeter's flows and columns, worked out from frames by other ways than the program's: lists of packets, exact
fractions, sets. `fixed` is the corrected form (4dd5319), else the original with its faults (98a5eba)."""
import datetime
import ipaddress
import math
import struct
from fractions import Fraction

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << i for i in range(8))
TIMEOUT, ACTIVE, SECOND = 120_000_000, 5_000_000, 1_000_000
ECHO = {8: 0, 0: 8, 128: 129, 129: 128}
FORGET = 600_000_000  # the program's own: the tool never does
NEWEST = 26           # likewise: segments that are remembered


class Packet:
    """ns, frame of Ethernet with IPv4 or IPv6, no fragments."""

    def __init__(self, ns, frame, fixed):
        self.t = ns // 1000
        p = frame[14:]
        self.v = p[0] >> 4
        if self.v == 4:
            ihl, total, self.proto = (p[0] & 15) * 4, struct.unpack("!H", p[2:4])[0], p[9]
            self.src, self.dst, body = p[12:16], p[16:20], p[ihl:total]
        else:
            total, self.proto = 40 + struct.unpack("!H", p[4:6])[0], p[6]
            self.src, self.dst, body = p[8:24], p[24:40], p[40:total]
        self.sport = self.dport = self.flags = self.window = self.seq = self.ack = self.header = self.payload = 0
        self.icmp = None
        if self.proto in (6, 17) or (fixed and self.proto == 132):
            self.sport, self.dport = struct.unpack("!HH", body[:4])
            self.header = (body[12] >> 4) * 4 if self.proto == 6 else 8 if self.proto == 17 else 12
            self.payload = len(body) - self.header
        self.key_ports = (self.sport, self.dport)
        if self.proto == 6:
            self.seq, self.ack = struct.unpack("!II", body[4:12])
            self.flags, self.window = body[13], struct.unpack("!H", body[14:16])[0]
        if self.proto in (1, 58):
            self.icmp = (body[0], body[1])
            self.key_ports = (body[0], ECHO.get(body[0], 0)) if fixed else (0, 0)


class Flow:
    def __init__(self, first, ends, port, before=None):
        self.ends, self.port, self.packets, self.way = ends, port, [], []  # (source, destination, port, port)
        self.began, self.last = first.t, first.t
        self.state, self.fins = None, [0, 0]
        self.chain = before.chain if before else first.t
        self.seen = before.seen if before else []
        self.retrans = [0, 0]

    def add(self, p, way):
        self.packets.append(p)
        self.way.append(way)
        self.last = p.t
        if p.proto == 6:
            what = (p.src, p.sport, p.seq, p.ack, p.payload, p.window)
            if what in self.seen[-NEWEST:]:
                self.retrans[way] += 1
            else:
                self.seen.append(what)


def key_of(p, fixed):
    a, b = (p.src, p.key_ports[0]), (p.dst, p.key_ports[1])
    proto = p.proto
    if p.icmp is not None and fixed:  # the program's: an echo and its answer are one flow, other types are not
        kind = p.icmp[0]
        if kind not in ECHO:
            return (p.src, p.dst, p.icmp, proto, "one way")
    return (min(a, b), max(a, b), proto)


def split(packets, fixed):
    """The flows, those of one packet too."""
    live, out = {}, []
    for p in packets:
        k = key_of(p, fixed)
        f = live.get(k)
        ends = (p.src, p.dst, p.sport, p.dport)
        back = (p.dst, p.src, p.dport, p.sport)
        itself = (p.src, p.sport) == (p.dst, p.dport)
        flips = fixed and p.flags & (SYN | ACK) == SYN | ACK and not itself
        if f is not None:
            restarts = fixed and f.state == "ready" and p.flags & SYN
            if p.t - f.began > TIMEOUT or restarts:
                out.append(live.pop(k))
                idle = TIMEOUT if fixed and p.proto != 6 else FORGET
                goes_on = not restarts and p.t - f.last <= idle and (not fixed or p.proto in (6, 17))
                before, f = (f if goes_on else None), None
                if before is not None:
                    n = live[k] = Flow(p, before.ends, before.port, before)
                    n.add(p, 0 if not fixed else side(n, p, fixed))
                    n.fins[n.way[0]] += bool(p.flags & FIN) if fixed else 0
                    continue
        if f is None:
            f = live[k] = Flow(p, back if flips else ends, p.key_ports[flips])
            f.add(p, 1 if flips else 0)
            f.fins[f.way[0]] += bool(p.flags & FIN) if fixed else 0
            continue
        way = side(f, p, fixed)
        if fixed:
            f.add(p, way)
            if p.flags & FIN:
                f.fins[way] += 1
                if f.state is None:
                    f.state = "first"
                elif f.state == "first" and f.fins[0] and f.fins[1]:
                    f.state = "second"
            elif p.flags & RST:
                f.state = "ready"
            elif p.flags & ACK and f.state == "second":
                f.state = "ready"
            continue
        if p.flags & FIN:
            f.fins[way] += 1
            if f.fins[way] > 1:
                f.last = p.t  # not even added; it is heard, though
                continue
        f.add(p, way)
        if (p.flags & FIN and way == 1) or (p.flags & RST and not p.flags & FIN):
            out.append(live.pop(k))
    return out + list(live.values())


def side(f, p, fixed):
    src = f.ends[0]
    if not fixed:  # by address alone
        return 0 if p.src == src else 1
    return 0 if (p.src, p.key_ports[0]) == (src, f.port) else 1


def std(v):
    if len(v) < 2:
        return 0
    mean = Fraction(sum(v), len(v))
    return math.sqrt(sum((x - mean) ** 2 for x in v) / (len(v) - 1))


def four(v, names):
    if not v:
        return [0] * len(names)
    what = {"max": max(v), "min": min(v), "mean": Fraction(sum(v), len(v)), "std": std(v)}
    return [what[n] for n in names]


def gaps(t):
    return [b - a for a, b in zip(t, t[1:])]


def bulks(packets, way, other, all_one):
    """(payload, packets, us, number) of the bulks of a direction: packets as (t, direction, payload)."""
    start = count = size = last = other_last = 0
    total = [0, 0, 0, 0]
    for t, d, payload in packets:
        if d != way and not all_one:
            if payload > 0:
                other_last = t
            continue
        if other_last > start:
            start = 0
        if payload <= 0:
            continue
        if start == 0 or t - last > SECOND:
            start, count, size = t, 1, payload
        else:
            count, size = count + 1, size + payload
            if count == 4:
                total = [total[0] + size, total[1] + 4, total[2] + t - start, total[3] + 1]
            elif count > 4:
                total = [total[0] + payload, total[1] + 1, total[2] + t - last, total[3]]
        last = t
    return total


def columns(f, fixed):
    """The columns of a flow by name; those that are null or that no number is are None, 'Infinity', 'NaN'."""
    P, way, r = f.packets, f.way, {}
    cut = (lambda x: x) if fixed else math.trunc  # a cast of Java
    addr = [str(ipaddress.ip_address(x)) for x in f.ends[:2]]
    known = (1, 2, 6, 17, 58, 132) if fixed else (6, 17)
    proto = P[0].proto if P[0].proto in known else 0
    r["Flow ID"] = "-".join(map(str, (*addr, *f.ends[2:], proto)))
    r["Src IP"], r["Src Port"], r["Dst IP"], r["Dst Port"] = addr[0], f.ends[2], addr[1], f.ends[3]
    r["Protocol"] = proto
    when = datetime.datetime.fromtimestamp(P[0].t // 10**6, datetime.timezone.utc)
    rest = P[0].t % 10**6
    fraction = "" if rest == 0 else ".%03d" % (rest // 1000) if rest % 1000 == 0 else ".%06d" % rest
    r["Timestamp"] = when.strftime("%Y-%m-%d %H:%M:%S") + fraction if fixed else when.strftime("%d/%m/%Y %I:%M:%S %p")
    dur = r["Flow Duration"] = P[-1].t - P[0].t
    sides = [[p for p, w in zip(P, way) if w == d] for d in (0, 1)]
    sizes = [[p.payload for p in s] for s in sides]
    n, sums = [len(s) for s in sides], [sum(s) for s in sizes]
    names = ("Fwd", "Bwd")
    r["Total Fwd Packet"], r["Total Bwd packets"] = n
    for d in (0, 1):
        r["Total Length of %s Packet" % names[d]] = sums[d]
        for k, v in zip(("Max", "Min", "Mean", "Std"), four(sizes[d], ("max", "min", "mean", "std"))):
            r["%s Packet Length %s" % (names[d], k)] = v
    rate = lambda x: Fraction(x * 10**6, dur)
    if dur == 0:
        r["Flow Bytes/s"] = None if fixed else "Infinity" if sum(sums) else "NaN"
        r["Flow Packets/s"] = None if fixed else "Infinity"
    elif dur < 0 and fixed:
        r["Flow Bytes/s"] = r["Flow Packets/s"] = None
    else:
        r["Flow Bytes/s"], r["Flow Packets/s"] = rate(sum(sums)), rate(len(P))
    order = ("mean", "std", "max", "min")
    for name, g in (("Flow", gaps([p.t for p in P])), ("Fwd", gaps([p.t for p in sides[0]])),
                    ("Bwd", gaps([p.t for p in sides[1]]))):
        if name != "Flow":
            r[name + " IAT Total"] = sum(g)
        for k, v in zip(order, four(g, order)):
            r["%s IAT %s" % (name, k.title())] = v
    for k, bit in (("PSH", PSH), ("URG", URG)) + ((("RST", RST),) if fixed else ()):
        for d in (0, 1):
            looked = sides[d] if fixed else sides[d][:1] if d == 0 else []
            r["%s %s Flags" % (names[d], k)] = sum(bool(p.flags & bit) for p in looked)
    for d in (0, 1):
        r[names[d] + " Header Length"] = sum(p.header for p in sides[d])
    for d in (0, 1):
        r[names[d] + " Packets/s"] = rate(n[d]) if dur > 0 else 0
    every = [p.payload for p in P] + ([] if fixed else [P[0].payload])
    for k, v in zip(("Min", "Max", "Mean", "Std"), four(every, ("min", "max", "mean", "std"))):
        r["Packet Length " + k] = v
    mean = Fraction(sum(every), len(every))
    r["Packet Length Variance"] = sum((x - mean) ** 2 for x in every) / (len(every) - 1) if len(every) > 1 else 0
    for k, bit in (("FIN", FIN), ("SYN", SYN), ("RST", RST), ("PSH", PSH), ("ACK", ACK), ("URG", URG), ("CWR", CWR),
                   ("ECE", ECE)):
        r[k + " Flag Count"] = sum(bool(p.flags & bit) for p in P)
    r["Down/Up Ratio"] = cut(Fraction(n[1], n[0])) if n[0] else 0
    r["Average Packet Size"] = Fraction(sum(every), len(P))
    for d in (0, 1):
        r[names[d] + " Segment Size Avg"] = Fraction(sums[d], n[d]) if n[d] else 0
    line = [(p.t, w, p.payload) for p, w in zip(P, way)]
    for d in (0, 1):
        b = bulks(line, d, 1 - d, not fixed) if fixed or d == 1 else [0, 0, 0, 0]
        r[names[d] + " Bytes/Bulk Avg"] = cut(Fraction(b[0], b[3])) if b[3] else 0
        r[names[d] + " Packet/Bulk Avg"] = cut(Fraction(b[1], b[3])) if b[3] else 0
        r[names[d] + " Bulk Rate Avg"] = cut(Fraction(b[0] * 10**6, b[2])) if b[2] else 0
    breaks = sum(g > SECOND for g in gaps([p.t for p in P]))
    for d in (0, 1):
        r["Subflow %s Packets" % names[d]] = cut(Fraction(n[d], breaks)) if breaks else 0
        r["Subflow %s Bytes" % names[d]] = cut(Fraction(sums[d], breaks)) if breaks else 0
    r["FWD Init Win Bytes"] = P[0].window if way[0] == 0 else 0
    back = [p.window for p in sides[1]]
    r["Bwd Init Win Bytes"] = next((w for w in back if w), 0) if fixed else back[-1] if back else 0
    r["Fwd Act Data Pkts"] = sum(p.payload > 0 for p in (sides[0] if fixed else sides[0][1:]))
    if fixed:
        r["Bwd Act Data Pkts"] = sum(p.payload > 0 for p in sides[1])
    r["Fwd Seg Size Min"] = min((p.header for p in sides[0]), default=0)
    if fixed:
        r["Bwd Seg Size Min"] = min((p.header for p in sides[1]), default=0)
    active, idle, since = [], [], P[0].t
    for a, b in zip(P, P[1:]):
        if b.t - a.t > ACTIVE:
            active += [a.t - since] if a.t > since else []
            idle.append(b.t - a.t)
            since = b.t
    for name, v in (("Active", active), ("Idle", idle)):
        for k, x in zip(order, four(v, order)):
            r["%s %s" % (name, k.title())] = x
    if fixed:
        r["ICMP Type"], r["ICMP Code"] = P[0].icmp if P[0].icmp else (None, None)
        r["Fwd TCP Retrans. Count"], r["Bwd TCP Retrans. Count"] = f.retrans
        r["Total TCP Retrans. Count"] = sum(f.retrans)
        r["Total Connection Flow Time"] = P[-1].t - f.chain if P[0].proto in (6, 17) else 0
    r["Label"] = "NeedManualLabel"
    return r


def records(frames, fixed, singles=False):
    """([columns of a flow], how many are dropped) of frames (ns, Ethernet frame); singles: flows of one packet are not."""
    flows = split([Packet(ns, frame, fixed) for ns, frame in frames], fixed)
    keep = [f for f in flows if (singles or len(f.packets) > 1) and (fixed or f.packets[0].v == 4)]
    return [columns(f, fixed) for f in keep], len(flows) - len(keep)
