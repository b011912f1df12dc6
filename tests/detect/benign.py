# SPDX-License-Identifier: Apache-2.0
"""Days of an office in which nothing bad happens, with much that looks bad: health checks and time servers asked by the
clock, a poller whose targets are gone, backups and their copy in a cloud, a peer-to-peer client, names made of hashes,
block lists asked by a mail server, browsers that try random names, connections that stay open for hours."""
import math
import random

from wire import OFFLOADED, S, Trace

MINUTE, HOUR = 60 * S, 3600 * S
MIDNIGHT = 1_700_006_400 * S  # 2023-11-15 00:00 UTC
RESOLVER, MAIL, FILES, MONITOR, INTRANET, BACKUP = (f"10.1.0.{i}" for i in range(2, 8))
GONE = [f"10.1.0.{i}" for i in (40, 41, 42)]  # printers that are no more, and still polled
WEB, AWAY = "10.1.2.10", "10.1.2.11"  # what the Internet visits
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def workday(hour):
    """How busy people are, of 1."""
    return 0.02 + math.exp(-((hour - 10.5) / 2.2) ** 2) + 0.9 * math.exp(-((hour - 15) / 2.0) ** 2)


class Office:
    """clients and hours say how big it is; all else comes of the seed."""

    def __init__(self, seed, clients=40, hours=24, begin=0.0, visits=6.0):
        self.r = r = random.Random(f"office {seed}")
        self.trace, self.hours, self.begin, self.visits = Trace(r), hours, begin, visits
        self.t0 = MIDNIGHT + int(begin * HOUR)
        self.t1 = self.t0 + int(hours * HOUR)
        self.clients = [f"10.1.1.{10 + i}" for i in range(clients)]
        self.servers = [RESOLVER, MAIL, FILES, INTRANET, BACKUP, WEB]
        self.sites = [(f"{self.word()}.{r.choice(['com', 'net', 'org', 'de', 'io'])}", [self.outside()
                       for _ in range(r.choice([1, 1, 2, 3]))]) for _ in range(300)]
        self.edges = [self.outside() for _ in range(40)]  # of content networks
        self.clocks, self.updates, self.push = ([self.outside() for _ in range(n)] for n in (4, 3, 6))
        self.cloud, self.dead = self.outside(), [self.outside() for _ in range(12)]

    def outside(self):
        r = self.r
        return f"{r.choice([23, 31, 34, 52, 62, 78, 80, 91, 104, 142])}.{r.randrange(256)}.{r.randrange(256)}.{r.randrange(1, 255)}"

    def word(self):
        r = self.r
        return "".join(r.choice(["ba", "re", "to", "mi", "sun", "lo", "net", "ka", "ver", "di", "shop", "news", "al", "en"])
                       for _ in range(r.randrange(2, 5)))

    def label(self, n, letters=LETTERS + "0123456789"):
        return "".join(self.r.choice(letters) for _ in range(n))

    def every(self, period, spread=0.0):
        """Times of a clock: from somewhere in its first period on, each late or early by a part of it."""
        t = self.t0 + self.r.random() * period
        while t < self.t1:
            yield t + (self.r.random() - 0.5) * spread * period
            t += period

    def now_and_then(self, a_day, curve=workday):
        """Times of what people do, so often in a day by the hours of it."""
        scale = a_day / sum(curve(h) for h in range(24))
        for h in range(int(self.begin), int(math.ceil(self.begin + self.hours))):
            mean = scale * curve(h % 24)
            t = MIDNIGHT + h * HOUR
            while mean > 0:
                t += self.r.expovariate(mean) * HOUR
                if t >= MIDNIGHT + (h + 1) * HOUR or t >= self.t1:
                    break
                if t >= self.t0:
                    yield t

    def lookup(self, t, client, name, address=None, qtype="A", rcode=0):
        answers = [bytes(map(int, address.split(".")))] if address else []
        self.trace.dns(t, client, RESOLVER, name, qtype, answers, rcode)

    def size(self, median, spread=1.2, most=4_000_000):
        return int(min(most, median * math.exp(self.r.gauss(0, spread))))

    def page(self, t, client):
        """A visit: the site, what it takes from elsewhere, and now and then a name or a server that is not there."""
        r = self.r
        for i in range(1 + r.randrange(5)):
            if i == 0 or r.random() < 0.5:
                name, addresses = self.sites[min(int(r.paretovariate(0.6)) - 1, len(self.sites) - 1)]
                name, address = ("www." if i == 0 else r.choice(["img.", "api.", "static.", "t."])) + name, r.choice(addresses)
            else:  # a content network's name: a hash, or a shard
                name, address = f"{self.label(r.choice([8, 14, 32]))}.cdn{r.randrange(4)}.edge-content.net", r.choice(self.edges)
            if r.random() < 0.6:
                self.lookup(t, client, name, address)
                if r.random() < 0.5:
                    self.lookup(t + S / 500, client, name, None, "AAAA")
            if r.random() < 0.012:
                self.trace.refused(t + S / 50, client, r.choice(self.dead), 443, r.choice(["rst", "none"]), tries=3)
                continue
            requests = [(int(r.random() * 3 * S) if k else 0, self.size(700, 0.5), self.size(9000))
                        for k in range(1 + r.randrange(3))]
            self.trace.tcp(t + S / 50, client, address, 443, requests, rtt=r.uniform(5e6, 8e7), mss=OFFLOADED // 4,
                           end=r.choice(["fin", "fin", "rst"]))
            t += r.random() * S

    def browsing(self):
        for client in self.clients:
            for t in self.now_and_then(self.visits * self.r.uniform(2, 18)):
                self.page(t, client)

    def clients_by_the_clock(self):
        """Time, updates, telemetry, mail, what comes from far by a connection that stays."""
        r = self.r
        for client in self.clients:
            for clock in r.sample(self.clocks, 2):
                for t in self.every(1024 * S, 0.02):
                    self.trace.ask(t, client, clock, 123, 48, 48, sport=123)
            for t in self.every(HOUR * r.uniform(0.9, 1.1), 0.1):
                self.trace.tcp(t, client, r.choice(self.updates), 443, [(0, self.size(1500, 0.2), self.size(6000))])
            for t in self.every(15 * MINUTE, 0.4):
                self.trace.tcp(t, client, self.push[5], 443, [(0, self.size(2200, 0.4), 600)])
            for t in self.every(5 * MINUTE, 0.02):
                self.trace.tcp(t, client, MAIL, 993, [(0, 500, 900), (S // 10, 300, self.size(1200))], rtt=4e5)
            steps = [(int(1680 * S + r.random() * S), 40, 40) for _ in range(int(self.hours * 3600 / 1680))]
            self.trace.tcp(self.t0 + r.random() * 60 * S, client, r.choice(self.push[:5]), 5228, steps, end="none")
            for t in self.every(20 * MINUTE, 0.9):
                self.trace.udp(t, client, 5353, "224.0.0.251", 5353, size=self.size(90, 0.4, 400))

    def work(self):
        """Files, the intranet, remote shells of hours, calls, and things browsers do."""
        r = self.r
        for client in self.clients:
            for t in self.now_and_then(25):
                self.trace.tcp(t, client, FILES, 445, [(0, self.size(20000), self.size(200000))], rtt=4e5, mss=OFFLOADED)
            for t in self.now_and_then(20):
                self.trace.tcp(t, client, INTRANET, 80, [(0, 600, self.size(12000))], rtt=4e5)
            for t in self.now_and_then(1.5):  # a browser starts: does this network lie about names that are not?
                for _ in range(3):
                    self.lookup(t, client, self.label(r.randrange(7, 16), LETTERS), None, rcode=3)
            for t in self.now_and_then(6):
                self.lookup(t, client, r.choice(["wpad", "isatap", "printer3"]) + ".corp.example", None, rcode=3)
        for client in r.sample(self.clients, max(1, len(self.clients) // 8)):
            for t in self.now_and_then(1.5):
                keys = [(int(r.expovariate(1 / 40) * S), self.size(60, 0.5), self.size(200)) for _ in range(r.randrange(40, 400))]
                self.trace.tcp(t, client, INTRANET, 22, keys, rtt=4e5)
            for t in self.now_and_then(2):
                port, peer = self.trace.port(client), self.outside()
                for i in range(r.randrange(1000, 4000)):
                    self.trace.udp(t + i * S / 20, client, port, peer, 3478, size=self.size(700, 0.4, 1200))
                    self.trace.udp(t + (i + 0.5) * S / 20, peer, 3478, client, port, size=self.size(700, 0.4, 1200))

    def monitoring(self):
        """Who is asked answers, or has been gone for long."""
        for server in self.servers + self.clients[:10]:
            for t in self.every(MINUTE, 0.01):
                self.trace.ping(t, MONITOR, server)
        for server in self.servers:
            for t in self.every(MINUTE, 0.01):
                self.trace.tcp(t, MONITOR, server, 443, [(0, 120, 300)], rtt=4e5)
            for t in self.every(5 * MINUTE):
                for i in range(4):
                    self.trace.ask(t + i * S / 20, MONITOR, server, 161, 82, 140, rtt=3e6)
        for gone in GONE:
            for t in self.every(5 * MINUTE):
                self.trace.ask(t, MONITOR, gone, 161, 82, None)
            for t in self.every(5 * MINUTE):
                self.trace.refused(t, MONITOR, gone, 9100, "none", tries=2)
        outside = self.outside()
        for t in self.every(30 * S, 0.01):
            self.trace.tcp(t, MONITOR, outside, 443, [(0, 180, 400)])

    def servers_work(self):
        """Mail that comes and goes with its block lists, hourly copies to a cloud, backups in the night, visitors."""
        r = self.r
        for t in self.now_and_then(600):
            sender, server = self.outside(), MAIL
            reverse = ".".join(reversed(sender.split(".")))
            for zone in ("zen.blocklist.example", "bl.spam.example"):
                self.lookup(t, MAIL, f"{reverse}.{zone}", None, rcode=3)
            self.lookup(t, MAIL, f"{reverse}.in-addr.arpa", None, "PTR", r.choice([0, 3]))
            self.trace.tcp(t + S / 10, sender, server, 25, [(0, 40, 200), (0, 200, 60), (0, self.size(20000), 60)])
        for t in self.now_and_then(200):
            self.trace.tcp(t, MAIL, self.outside(), 25, [(0, 40, 200), (0, 200, 60), (0, self.size(15000), 60)])
        for t in self.now_and_then(300):  # a virus scanner asks about files: the hash is in the name
            self.lookup(t, MAIL, f"{self.label(32, '0123456789abcdef')}.{self.label(4)}.avqs.scanner-lookup.com", "127.0.0.1")
        for t in self.every(HOUR, 0.05):
            self.trace.tcp(t, BACKUP, self.cloud, 443, [(0, self.size(20_000_000, 0.3, 60_000_000), 20000)], mss=OFFLOADED,
                           rate=12e6)
        for i, client in enumerate(self.clients):
            t = MIDNIGHT + HOUR + i * 3 * MINUTE
            while t < self.t1:
                if t >= self.t0:
                    self.trace.tcp(t, client, BACKUP, 873, [(0, self.size(12_000_000, 0.5, 60_000_000), 5000)], rtt=4e5,
                                   mss=OFFLOADED, rate=60e6)
                t += 24 * HOUR
        visitors = [self.outside() for _ in range(60)]
        for t in self.now_and_then(2500, lambda h: 1 + workday(h)):
            self.trace.tcp(t, r.choice(visitors) if r.random() < 0.7 else self.outside(), WEB, 443,
                           [(0, 700, self.size(15000))], mss=OFFLOADED // 4, rtt=r.uniform(1e7, 2e8))

    def peer_to_peer(self):
        """One client shares files for some hours: many peers, of whom half are gone."""
        r, client = self.r, self.clients[-1]
        begin = self.t0 + r.uniform(0.3, 0.5) * (self.t1 - self.t0)
        end, port = min(self.t1, begin + 3 * HOUR), 51413
        t = begin
        while t < end:
            t += r.expovariate(1 / 4) * S
            peer, where = self.outside(), r.choice([6881, 51413] + [r.randrange(1024, 65535) for _ in range(14)])
            what = r.random()
            if what < 0.5:
                self.trace.ask(t, client, peer, where, 110, self.size(300, 0.3) if r.random() < 0.6 else None, sport=port)
            elif what < 0.75:
                self.trace.refused(t, client, peer, where, r.choice(["none", "none", "rst"]), tries=2)
            else:
                self.trace.tcp(t, client, peer, where, [(0, 68, 68)] + [(int(r.random() * 4 * S), self.size(9000), self.size(40000))
                               for _ in range(r.randrange(1, 8))], mss=OFFLOADED // 4, end=r.choice(["fin", "rst"]))

    def packets(self):
        for part in (self.browsing, self.clients_by_the_clock, self.work, self.monitoring, self.servers_work, self.peer_to_peer):
            part()
        return [p for p in self.trace.packets if p[0] < self.t1]
