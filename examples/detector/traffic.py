# SPDX-License-Identifier: Apache-2.0
"""Made-up traffic of a small network with two attackers, and the rules that say which flows are theirs.

Clients 10.1.0.x talk to a web server, a mail server and a resolver; 10.9.0.7 scans ports, 10.9.0.8 guesses passwords
over SSH. Times, sizes and turns are drawn at random from a seed."""
import random
import struct

SERVER, MAIL, RESOLVER, SCANNER, GUESSER = "10.2.0.1", "10.2.0.2", "10.2.0.53", "10.9.0.7", "10.9.0.8"
START = 1_700_000_000
RULES = f"""# src, label, attack
src,direction,label,attack
{SCANNER},forward,1,port scan
{GUESSER},forward,1,password guessing
,,0,none
"""
SYN, ACK, FIN, RST, PSH = 2, 16, 1, 4, 8


def address(text):
    return bytes(map(int, text.split(".")))


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip(src, dst, proto, payload, ident):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident, 0x4000, 64, proto, 0, address(src), address(dst))
    return b"\2\0\0\0\0\2\2\0\0\0\0\1\x08\0" + head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def tcp(src, sport, dst, dport, seq, ack, flags, payload=b"", window=64240):
    segment = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 5 << 4, flags, window, 0, 0) + payload
    pseudo = address(src) + address(dst) + struct.pack("!BBH", 0, 6, len(segment))
    return segment[:16] + struct.pack("!H", checksum(pseudo + segment)) + segment[18:]


class Traffic:
    """Frames as (seconds since START, bytes)."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.frames = []
        self.ident = 0

    def put(self, at, src, dst, proto, payload):
        self.ident = self.ident % 65535 + 1
        self.frames.append((at, ip(src, dst, proto, payload, self.ident)))

    def connection(self, at, client, server, port, turns, end=FIN):
        """turns: (bytes of the client, bytes of the server) ...; each segment up to 1400 bytes."""
        r, sport = self.random, self.random.randrange(32768, 60999)
        seq = [r.randrange(1 << 32), r.randrange(1 << 32)]
        ends = [(client, sport), (server, port)]

        def send(side, flags, size=0):
            nonlocal at
            (a, ap), (b, bp) = ends[side], ends[not side]
            self.put(at, a, b, 6, tcp(a, ap, b, bp, seq[side], seq[not side] if flags & ACK else 0, flags,
                                      r.randbytes(size)))
            seq[side] = (seq[side] + size + (flags & SYN > 0) + (flags & FIN > 0)) % (1 << 32)
            at += r.expovariate(1 / 0.004)

        send(0, SYN)
        send(1, SYN | ACK)
        send(0, ACK)
        for mine, theirs in turns:
            for side, size in (0, mine), (1, theirs):
                while size > 0:
                    send(side, PSH | ACK, min(size, 1400))
                    size -= 1400
            send(0, ACK)
            at += r.expovariate(1 / 0.05)
        if end == FIN:
            send(0, FIN | ACK)
            send(1, FIN | ACK)
            send(0, ACK)
        else:
            send(1, RST | ACK)

    def web(self, at):
        r = self.random
        self.connection(at, f"10.1.0.{r.randrange(2, 200)}", SERVER, r.choice((80, 443)),
                        [(r.randrange(200, 900), int(r.paretovariate(1.2) * 2000) % 200000)
                         for _ in range(r.randrange(1, 5))])

    def mail(self, at):
        r = self.random
        self.connection(at, f"10.1.0.{r.randrange(2, 200)}", MAIL, 25,
                        [(30, 60), (40, 40), (int(r.paretovariate(1.3) * 1500) % 90000, 40), (6, 30)])

    def lookup(self, at):
        r = self.random
        client, port = f"10.1.0.{r.randrange(2, 200)}", r.randrange(32768, 60999)
        for a, ap, b, bp, n, wait in ((client, port, RESOLVER, 53, r.randrange(28, 60), 0),
                                      (RESOLVER, 53, client, port, r.randrange(60, 300), r.expovariate(100))):
            at += wait
            self.put(at, a, b, 17, struct.pack("!HHHH", ap, bp, 8 + n, 0) + r.randbytes(n))

    def scan(self, at):
        r = self.random
        port, sport = r.randrange(1, 10000), r.randrange(32768, 60999)
        seq = r.randrange(1 << 32)
        self.put(at, SCANNER, SERVER, 6, tcp(SCANNER, sport, SERVER, port, seq, 0, SYN, window=1024))
        if r.random() < 0.7:
            self.put(at + r.expovariate(200), SERVER, SCANNER, 6,
                     tcp(SERVER, port, SCANNER, sport, 0, (seq + 1) % (1 << 32), RST | ACK, window=0))

    def guess(self, at):
        r = self.random
        self.connection(at, GUESSER, SERVER, 22, [(22, 41), (r.randrange(1300, 1500), 1080), (48, 452), (16, 0),
                                                  (44, 44), (68, 52), *[(148, 52)] * r.randrange(1, 4)],
                        r.choice((FIN, RST)))


def make(seed, flows, seconds):
    """Frames in the order of their times."""
    t = Traffic(seed)
    kinds = [t.web] * 45 + [t.lookup] * 30 + [t.mail] * 5 + [t.scan] * 14 + [t.guess] * 6
    for _ in range(flows):
        t.random.choice(kinds)(t.random.random() * seconds)
    return sorted(t.frames)


def write(frames, path):
    """As a capture with microseconds."""
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        for at, frame in frames:
            us = round((START + at) * 1e6)
            f.write(struct.pack("<IIII", us // 1000000, us % 1000000, len(frame), len(frame)) + frame)
