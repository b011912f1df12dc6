# SPDX-License-Identifier: Apache-2.0
"""Packets made by hand, capture files of them, and what flowtap says of those."""
import ipaddress
import json
import os
import struct
import subprocess
import tempfile

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
A, B, C = "10.0.0.1", "10.0.0.2", "10.0.0.3"
A6, B6 = "2001:db8::1", "2001:db8::2"
T0 = 1_700_000_000_000_000_000
MS, S = 1_000_000, 1_000_000_000


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total & 0xffff) + (total >> 16)
    return 0xffff - ((total & 0xffff) + (total >> 16))


def ip4(src, dst, proto, body, ident=0, frag=0, more=False, ttl=64, tos=0, total=None, options=b""):
    ihl = 5 + len(options) // 4
    head = struct.pack("!BBHHHBBH4s4s", 0x40 | ihl, tos, ihl * 4 + len(body) if total is None else total,
                       ident, (0x2000 if more else 0) | frag // 8, ttl, proto, 0,
                       ipaddress.ip_address(src).packed, ipaddress.ip_address(dst).packed) + options
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def ip6(src, dst, proto, body, length=None, tos=0):
    return struct.pack("!IHBB16s16s", 6 << 28 | tos << 20, len(body) if length is None else length, proto, 64,
                       ipaddress.ip_address(src).packed, ipaddress.ip_address(dst).packed) + body


def ip(src, dst, proto, body, **more):
    return ip6(src, dst, proto, body) if ":" in src else ip4(src, dst, proto, body, **more)


def udp(sport, dport, body=b""):
    return struct.pack("!HHHH", sport, dport, 8 + len(body), 0) + body


def tcp(sport, dport, flags, seq=0, ack=0, body=b"", window=1000, options=b""):
    options += b"\1" * (-len(options) % 4)
    return struct.pack("!HHIIBBHHH", sport, dport, seq & 0xffffffff, ack & 0xffffffff,
                       (5 + len(options) // 4) << 4, flags, window, 0, 0) + options + body


def icmp(kind, code, body=b"\0\0\0\0"):
    return struct.pack("!BBH", kind, code, 0) + body


def mss(n):
    return struct.pack("!BBH", 2, 4, n)


def wscale(n):
    return b"\1" + struct.pack("!BBB", 3, 3, n)


def sack(start, end):
    return b"\1\1" + struct.pack("!BBII", 5, 10, start, end)


def eth(packet, kind=None, tags=()):
    kind = kind if kind is not None else 0x86dd if packet[0] >> 4 == 6 else 0x0800
    head = b"\2\0\0\0\0\2\2\0\0\0\0\1"
    for tpid, tci in tags:
        head += struct.pack("!HH", tpid, tci)
    return head + struct.pack("!H", kind) + packet


def pad(frame, to=60):
    return frame + b"\0" * (to - len(frame))


class Conn:
    """A TCP connection whose segments get the numbers that they should have."""

    def __init__(self, t=T0, sport=1000, dport=80, a=A, b=B, isn=(1000, 5000)):
        self.t, self.ports, self.ends = t, (sport, dport), (a, b)
        self.seq = list(isn)
        self.frames, self.ident = [], 1

    def send(self, side, flags, body=b"", dt=MS, seq=None, ack=None, window=1000, options=b"", ident=None,
             keep=True):
        """side 0: the client. keep False: it does not reach the capture."""
        self.t += dt
        src, dst = self.ends[side], self.ends[1 - side]
        s = self.seq[side] if seq is None else seq
        a = (self.seq[1 - side] if flags & ACK else 0) if ack is None else ack
        segment = tcp(self.ports[side], self.ports[1 - side], flags, s, a, body, window, options)
        ident = self.ident if ident is None else ident
        self.ident += 1
        if keep:
            self.frames.append((self.t, eth(ip(src, dst, 6, segment, **({} if ":" in src else {"ident": ident})))))
        if seq is None:
            self.seq[side] += len(body) + bool(flags & SYN) + bool(flags & FIN)
        return self

    def open(self, rtt=(2 * MS, 3 * MS), options=b""):
        self.send(0, SYN, options=options)
        self.send(1, SYN | ACK, dt=rtt[1], options=options)
        return self.send(0, ACK, dt=rtt[0])

    def close(self):
        self.send(0, FIN | ACK).send(1, ACK).send(1, FIN | ACK)
        return self.send(0, ACK)


def pcap(packets, linktype=1, magic=0xa1b23c4d, order="<", snap=None):
    """packets: (ns, frame) or (ns, frame, wire length)"""
    unit = 1 if magic == 0xa1b23c4d else 1000
    out = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 1 << 18, linktype)]
    for p in packets:
        t, frame = p[0], p[1]
        wire = p[2] if len(p) > 2 else len(frame)
        frame = frame[:snap] if snap else frame
        out.append(struct.pack(order + "IIII", t // S, t % S // unit, len(frame), wire) + frame)
    return b"".join(out)


class Meter:
    """Runs the program over captures."""

    def __init__(self, program):
        self.program = os.path.abspath(program)
        self.folder = tempfile.TemporaryDirectory(prefix="flowtap-correct-")

    def raw(self, data, *args, rc=0, text=False):
        path = os.path.join(self.folder.name, "in.pcap")
        with open(path, "wb") as f:
            f.write(data)
        r = subprocess.run([self.program, "read", "--quiet", "-w", "1", *args, path], capture_output=True, timeout=120)
        assert r.returncode == rc, (r.returncode, r.stderr)
        return r.stdout if text else [json.loads(line) for line in r.stdout.splitlines()]

    def flows(self, packets, *args, **how):
        """Flow records in order of flow start; features laid over the record."""
        return [flat(e) for e in self.raw(pcap(packets, **how), "-e", "flow", "-p", "all", *args)]

    def stats(self, packets, *args, **how):
        return self.raw(pcap(packets, **how), "-e", "stats", *args)[-1]


def flat(e):
    out = dict(e)
    for group in ("flow_key", "aggregate_metrics", "features"):
        out.update(out.pop(group))
    return out
