# SPDX-License-Identifier: Apache-2.0
"""Attacks written packet by packet, and what is true of them: each function puts one on a trace and returns its
Episode. They are for what no program here makes, for sizes that can be chosen, and for tests without privileges
(programs.py has those of real programs)."""
import random
from dataclasses import asdict, dataclass

from wire import ACK, OFFLOADED, RST, S, SYN, Trace, tcp

SYLLABLES = "ar be ci do fu ga hi jo ku le ma ne or pi qua re so ti un vo".split()


@dataclass
class Episode:
    """What a rule has to say, of whom, when (ns). rule None: something bad that no rule is for."""
    rule: str
    kind: str
    address: str
    peer: str = None
    port: int = None
    begin: int = 0
    end: int = 0
    maker: str = "script"

    def row(self):
        return {**asdict(self), "begin": int(self.begin), "end": int(self.end)}


def probe(trace, t, src, dst, port, answer, sport=None):
    """A SYN and what comes: open (reset by whoever asked), closed, or nothing."""
    sport = sport or trace.port(src)
    trace.add(t, src, dst, 6, tcp(sport, port, SYN, 1))
    if answer == "closed":
        trace.add(t + 2e6, dst, src, 6, tcp(port, sport, RST | ACK, 0, 2))
    if answer == "open":
        trace.add(t + 2e6, dst, src, 6, tcp(port, sport, SYN | ACK, 1, 2))
        trace.add(t + 2.1e6, src, dst, 6, tcp(sport, port, RST, 2))


def address_scan(trace, r, t, who, net="10.1.1", port=445, hosts=120, gap=0.05, answered=0.2):
    begin = t
    for i in r.sample(range(1, 254), hosts):
        answer = "none" if r.random() > answered else r.choice(["open", "closed"])
        probe(trace, t, who, f"{net}.{i}", port, answer)
        t += r.uniform(0.5, 1.5) * gap * S
    return Episode("address_scan", "one port of many hosts", who, None, port, begin, t)


def port_scan(trace, r, t, who, victim="10.1.0.5", ports=100, gap=0.05, opened=0.03):
    begin = t
    for port in r.sample(range(1, 10000), ports):
        probe(trace, t, who, victim, port, "open" if r.random() < opened else "closed")
        t += r.uniform(0.5, 1.5) * gap * S
    return Episode("port_scan", "many ports of one host", who, victim, None, begin, t)


def trw_scan(trace, r, t, who, net="10.1.0", hosts=12, gap=2.0):
    """Few hosts, each another port: under what counts for an address scan."""
    begin = t
    for i in r.sample(range(60, 254), hosts):
        probe(trace, t, who, f"{net}.{i}", r.choice([22, 23, 80, 139, 445, 1433, 3306, 3389, 5900, 8080]), r.choice(["none", "closed"]))
        t += r.uniform(0.5, 1.5) * gap * S
    return Episode("trw_scan", "few hosts, any ports", who, None, None, begin, t)


def syn_flood(trace, r, t, who, victim="10.1.2.10", port=443, rate=2000, seconds=20, spoofed=True, answered=0.1):
    begin = t
    for _ in range(int(rate * seconds)):
        t += r.expovariate(rate) * S
        src = f"{r.randrange(11, 200)}.{r.randrange(256)}.{r.randrange(256)}.{r.randrange(1, 255)}" if spoofed else who
        sport = r.randrange(1024, 65536)
        trace.add(t, src, victim, 6, tcp(sport, port, SYN, 1))
        if r.random() < answered:
            trace.add(t + 1e6, victim, src, 6, tcp(port, sport, SYN | ACK, 1, 2))
    return Episode("syn_flood", "SYNs of " + ("many" if spoofed else "one"), victim, None, port, begin, t)


def volume_flood(trace, r, t, who, victim="10.1.2.11", port=80, rate=30000, seconds=6, size=100):
    begin, sport = t, r.randrange(1024, 65536)
    for i in range(int(rate * seconds)):
        trace.udp(t + i * S / rate, who, sport, victim, port, size=size)
    return Episode("volume_flood", "UDP", victim, None, None, begin, t + seconds * S)


def amplification(trace, r, t, who, victim="10.1.2.11", port=53, reflectors=80, rate=400, seconds=30, size=3000, asked=False):
    """Answers that nobody asked for; asked: the forged questions pass here, too."""
    begin, seen = t, [f"{r.randrange(11, 200)}.{r.randrange(256)}.{r.randrange(256)}.{r.randrange(1, 255)}"
                      for _ in range(reflectors)]
    for i in range(int(rate * seconds)):
        at, src, sport = t + i * S / rate, r.choice(seen), r.choice([80, 443, r.randrange(1024, 65536)])
        if asked:
            trace.udp(at, victim, sport, src, port, size=40)
        trace.udp(at + 1e7, src, port, victim, sport, size=r.randrange(size // 2, size))
    return Episode("amplification", "answers " + ("to forged questions" if asked else "that nobody asked for"), victim, None,
                   port, begin, t + seconds * S)


def beacon(trace, r, t, who, peer="45.77.12.9", port=443, period=60, jitter=0.1, hours=8, up=400, down=300, spread=0.0,
           busy=0.02):
    """Calls home; spread: of their sizes; busy: how often there is a task to do, with an answer that is longer."""
    begin, end = t, t + hours * 3600 * S
    while t < end:
        sent = up * (1 + spread * (r.random() - 0.5) * 2)
        trace.tcp(t, who, peer, port, [(0, int(sent), int(down)), (S // 10, 0, 60000 if r.random() < busy else 0)], rtt=4e7)
        t += period * S * (1 + jitter * (r.random() - 0.5) * 2)
    return Episode("beacon", f"{port}, jitter {jitter * 100:.0f} %", who, peer, port, begin, end)


def long_connection(trace, r, t, who, peer="45.77.12.10", port=4444, hours=5, every=20, up=120):
    n = int(hours * 3600 / every)
    trace.tcp(t, who, peer, port, [(int(every * S * r.uniform(0.9, 1.1)), up, up) for _ in range(n)], end="fin")
    return Episode("long_connection", "a shell that stays", who, peer, port, t, t + hours * 3600 * S)


def exfiltration(trace, r, t, who, peer="45.77.12.11", port=443, megabytes=800, minutes=20, parts=1):
    begin, part = t, megabytes * 1e6 / parts
    for i in range(parts):
        trace.tcp(t + i * minutes * 60 * S / parts, who, peer, port, [(0, int(part), 2000)], mss=OFFLOADED,
                  rate=part / (minutes * 60 / parts) / 0.7)
    return Episode("exfiltration", f"{parts} upload{'s' * (parts > 1)} to somebody new", who, peer, port, begin,
                   begin + minutes * 60 * S)


def dns_tunnel(trace, r, t, who, server="10.1.0.2", zone="t.badzone.example", minutes=10, gap=0.2, qtype="TXT", length=150):
    begin, end = t, t + minutes * 60 * S
    while t < end:
        data = "".join(r.choice("0123456789abcdef") for _ in range(int(length * r.uniform(0.6, 1))))
        labels = ".".join(data[i:i + 60] for i in range(0, len(data), 60))
        answer = bytes([120]) + r.randbytes(120) if qtype in ("TXT", "NULL") else r.randbytes(16)
        trace.dns(t, who, server, f"{labels}.{zone}", qtype, [answer])
        t += r.uniform(0.5, 1.5) * gap * S
    return Episode("dns_tunnel", f"{qtype}, hexadecimal", who, server, None, begin, t)


def generated_name(r, family):
    if family == "letters":
        return "".join(r.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(r.randrange(12, 20)))
    if family == "hashes":
        return "".join(r.choice("0123456789abcdef") for _ in range(24))
    if family == "syllables":
        return "".join(r.choice(SYLLABLES) for _ in range(r.randrange(5, 8)))
    return "".join(r.choice(["green", "table", "house", "winter", "paper", "silver", "garden", "letter"]) for _ in range(2))


def dga(trace, r, t, who, server="10.1.0.2", names=150, gap=1.0, family="letters", found=0.01):
    begin = t
    for _ in range(names):
        name = generated_name(r, family) + r.choice([".com", ".net", ".info", ".biz", ".org"])
        known = r.random() < found
        trace.dns(t, who, server, name, "A", [b"\x2d\x4d\x0c\x09"] if known else [], 0 if known else 3)
        t += r.uniform(0.5, 1.5) * gap * S
    return Episode("dga", f"names of {family}", who, None, None, begin, t)


def new_host(trace, r, t, who, peers=("10.1.0.4", "10.1.0.5"), minutes=5):
    for i in range(minutes * 6):
        trace.tcp(t + i * 10 * S, who, r.choice(peers), 80, [(0, 500, 4000)], rtt=4e5)
    return Episode("new_host", "a box that was never there", who, None, None, t, t + minutes * 60 * S)


def new_peer(trace, r, t, who, peer="10.1.1.20", port=445, times=3):
    for i in range(times):
        trace.tcp(t + i * 20 * S, who, peer, port, [(0, 3000, 20000)], rtt=4e5)
    return Episode("new_peer", "one that it never spoke to", who, peer, None, t, t + times * 20 * S)


def new_service(trace, r, t, who, peers=("10.1.1.11", "10.1.1.12"), port=4445, times=6):
    for i in range(times):
        trace.tcp(t + i * 15 * S, r.choice(peers), who, port, [(0, 300, 5000)], rtt=4e5)
    return Episode("new_service", "a port that nobody served", who, None, port, t, t + times * 15 * S)


def policy(trace, r, t, who, peer="10.1.0.4", port=3306, times=2):
    for i in range(times):
        trace.tcp(t + i * 5 * S, who, peer, port, [(0, 300, 900)], rtt=4e5)
    return Episode("policy", "two networks that must not talk", who, peer, port, t, t + times * 5 * S)


def slow_http(trace, r, t, who, victim="10.1.2.10", port=80, connections=300, minutes=4):
    """Requests that never end, a line of the header now and then."""
    for i in range(connections):
        lines = [(int(10 * S * r.uniform(0.8, 1.2)), 20, 0) for _ in range(minutes * 6)]
        trace.tcp(t + i * S / 50, who, victim, port, [(0, 230, 0)] + lines, end="rst")
    return Episode(None, "slow HTTP", who, victim, port, t, t + minutes * 60 * S)


KINDS = {f.__name__: f for f in (address_scan, port_scan, trw_scan, syn_flood, volume_flood, amplification, beacon,
                                 long_connection, exfiltration, dns_tunnel, dga, new_host, new_peer, new_service, policy, slow_http)}


def made(kind, seed, t, who="", **how):
    """The packets of an attack and its episode."""
    r = random.Random(f"{kind} {seed}")
    trace = Trace(r)
    episode = KINDS[kind](trace, r, t, who, **how)
    return trace.packets, episode
