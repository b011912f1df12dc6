# SPDX-License-Identifier: Apache-2.0
"""Conversations on one time line, as packets cut behind their headers (the length on the wire is kept): TCP, UDP, DNS,
ICMP, by IPv4 or IPv6, and capture files of them. Times are nanoseconds, addresses text."""
import functools
import ipaddress
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "correct"))
from packets import ACK, FIN, PSH, RST, S, SYN, checksum, icmp, tcp, udp  # noqa: E402

US = 1000
ETHER = b"\2\0\0\0\0\2\2\0\0\0\0\1"
SEGMENT, OFFLOADED = 1448, 60000  # data of a packet: on a wire, and where the card cuts it
QTYPES = {"A": 1, "NS": 2, "CNAME": 5, "NULL": 10, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "ANY": 255}


@functools.lru_cache(1 << 16)
def packed(address):
    return ipaddress.ip_address(address).packed


@functools.lru_cache(1 << 16)
def halves(address):
    return sum(struct.unpack("!HH", packed(address)))


def ip_frame(src, dst, proto, body, more=0):
    """An Ethernet frame of a packet that has so many bytes more than are captured."""
    length = len(body) + more
    if ":" in src:
        return ETHER + b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, length, proto, 64) + packed(src) + packed(dst) + body
    s = 0x4500 + 20 + length + 0x4000 + 0x4000 + proto + halves(src) + halves(dst)
    s = (s & 0xffff) + (s >> 16)
    s = ~((s & 0xffff) + (s >> 16)) & 0xffff
    return (ETHER + b"\x08\0" + struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 0, 0x4000, 64, proto, s)
            + packed(src) + packed(dst) + body)


def dns_message(ident, name, qtype="A", answers=None, rcode=0):
    """A query; with answers (a list of rdata, may be empty) a response."""
    labels = b"".join(bytes([len(x)]) + x.encode() for x in name.split(".") if x) + b"\0"
    flags = 0x0100 if answers is None else 0x8180 | rcode
    out = struct.pack("!HHHHHH", ident, flags, 1, len(answers or ()), 0, 0)
    out += labels + struct.pack("!HH", QTYPES[qtype], 1)
    for data in answers or ():
        out += struct.pack("!HHHIH", 0xc00c, QTYPES[qtype], 1, 300, len(data)) + data
    return out


class Trace:
    """Packets in any order, until they are written."""

    def __init__(self, random):
        self.random, self.packets, self.ident, self.ports = random, [], 0, {}

    def port(self, host):
        """The next one that a host would take for a connection."""
        n = self.ports.get(host, self.random.randrange(28000))
        self.ports[host] = n + 1
        return 32768 + n % 28000

    def add(self, t, src, dst, proto, body, more=0):
        frame = ip_frame(src, dst, proto, body, more)
        self.packets.append((int(t), frame, len(frame) + more))

    def udp(self, t, src, sport, dst, dport, data=b"", size=None):
        """One datagram; of a size of data that is not all captured."""
        size = len(data) if size is None else size
        self.add(t, src, dst, 17, struct.pack("!HHHH", sport, dport, 8 + size, 0) + data, size - len(data))

    def ask(self, t, client, server, port, up, down, rtt=20e6, sport=None):
        """A datagram and, unless down is None, its answer."""
        sport = sport or self.port(client)
        self.udp(t, client, sport, server, port, size=up)
        if down is not None:
            self.udp(t + rtt, server, port, client, sport, size=down)

    def dns(self, t, client, server, name, qtype="A", answers=None, rcode=0, rtt=8e6):
        """A lookup; answers None: none comes."""
        self.ident, sport = self.ident + 1, self.port(client)
        self.udp(t, client, sport, server, 53, dns_message(self.ident & 0xffff, name, qtype))
        if answers is not None:
            self.udp(t + rtt, server, 53, client, sport, dns_message(self.ident & 0xffff, name, qtype, answers, rcode))

    def ping(self, t, src, dst, answered=True, rtt=2e6):
        self.ident += 1
        body = struct.pack("!HH", self.ident & 0xffff, 1)
        self.add(t, src, dst, 1, icmp(8, 0, body), 56)
        if answered:
            self.add(t + rtt, dst, src, 1, icmp(0, 0, body), 56)

    def refused(self, t, client, server, port, answer="rst", rtt=5e6, tries=1):
        """A connection that comes to nothing: reset, or nobody answers and the SYN is sent again."""
        sport, gap = self.port(client), 0
        for i in range(tries if answer != "rst" else 1):
            self.add(t + gap, client, server, 6, tcp(sport, port, SYN, 1))
            gap += S << i
        if answer == "rst":
            self.add(t + rtt, server, client, 6, tcp(port, sport, RST | ACK, 0, 2))

    def tcp(self, t, client, server, port, steps, rtt=20e6, end="fin", mss=SEGMENT, rate=0, first=b""):
        """A connection. steps: (ns of silence before, bytes up, bytes down); rate: bytes a second, or as fast as
        round trips are. first: what of the client's first bytes is captured. Returns when it is over."""
        sport, seq = self.port(client), [1, 1]
        ends = ((client, sport, server, port), (server, port, client, sport))

        def put(side, flags, size=0, data=b""):
            src, a, dst, b = ends[side]
            self.add(t, src, dst, 6, tcp(a, b, flags, seq[side], seq[1 - side] if flags & ACK else 0, data), size - len(data))
            seq[side] += size + (flags & (SYN | FIN) != 0)
        put(0, SYN)
        t += rtt
        put(1, SYN | ACK)
        t += 100 * US
        put(0, ACK)
        for silence, up, down in steps:
            t += silence
            for side, size in ((0, up), (1, down)):
                n = 0
                while size > 0:
                    part = min(size, mss)
                    put(side, PSH | ACK, part, first if side == 0 else b"")
                    first, size, n = (b"" if side == 0 else first), size - part, n + 1
                    t += part * S / rate if rate else 50 * US
                    if n % 2 == 0 or size <= 0:
                        put(1 - side, ACK)
                t += rtt / 2 if n else 0
        if end == "fin":
            put(0, FIN | ACK)
            t += rtt
            put(1, FIN | ACK)
            put(0, ACK)
        elif end == "rst":
            put(1, RST | ACK)
        return t


def write(path, packets):
    """Packets (ns, frame, bytes on the wire) as a capture in order of time."""
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 1 << 18, 1))
        out = []
        for t, frame, wire in sorted(packets, key=lambda p: p[0]):
            out.append(struct.pack("<IIII", t // S, t % S, len(frame), wire))
            out.append(frame)
        f.write(b"".join(out))


def ethernet(link, frame, wire, path):
    """What follows a link header of raw IP is given one."""
    if link not in (1, 101, 228, 229):
        raise ValueError(f"{path}: link type {link}")
    if link != 1 and frame:
        return ETHER + (b"\x86\xdd" if frame[0] >> 4 == 6 else b"\x08\0") + frame, wire + 14
    return frame, wire


def blocks(data, path):
    """The packets of pcapng: those of its enhanced packet blocks."""
    order, interfaces, at = "<", [], 0
    while at + 12 <= len(data):
        if data[at:at + 4] == b"\x0a\x0d\x0d\x0a":
            order, interfaces = "<" if data[at + 8] == 0x4d else ">", []
        kind, length = struct.unpack_from(order + "II", data, at)
        if kind == 1:
            options, unit = data[at + 16:at + length - 4], 1000
            while len(options) >= 4:
                code, size = struct.unpack_from(order + "HH", options)
                if code == 9:  # if_tsresol, of ten
                    unit = 10 ** (9 - options[4])
                options = options[4 + size + -size % 4:]
            interfaces.append((struct.unpack_from(order + "H", data, at + 8)[0], unit))
        elif kind == 6:
            i, high, low, caplen, wire = struct.unpack_from(order + "IIIII", data, at + 8)
            link, unit = interfaces[i]
            yield (high << 32 | low) * unit, *ethernet(link, data[at + 28:at + 28 + caplen], wire, path)
        at += max(length, 12)


def read(path):
    """The packets of a pcap or pcapng file of Ethernet or raw IP, as write() takes them."""
    data = Path(path).read_bytes()
    magic = data[:4]
    if magic == b"\x0a\x0d\x0d\x0a":
        return list(blocks(data, path))
    order = "<" if magic in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    unit = 1 if struct.unpack(order + "I", magic)[0] == 0xa1b23c4d else 1000
    link = struct.unpack(order + "I", data[20:24])[0] & 0xffff
    record, at, out = struct.Struct(order + "IIII"), 24, []
    while at + 16 <= len(data):
        sec, part, caplen, wire = record.unpack_from(data, at)
        out.append((sec * S + part * unit, *ethernet(link, data[at + 16:at + 16 + caplen], wire, path)))
        at += 16 + caplen
    return out


def moved(packets, at, stretch=1.0, names=None):
    """The same packets from a time on, their times drawn out, and (IPv4) addresses replaced. Checksums of TCP and UDP
    become those of other addresses, which nobody looks at."""
    if not packets:
        return []
    begin = min(p[0] for p in packets)
    names = {packed(a): packed(b) for a, b in (names or {}).items()}
    out = []
    for t, frame, wire in packets:
        if names and frame[12:14] == b"\x08\0" and len(frame) >= 34:
            src, dst = names.get(frame[26:30], frame[26:30]), names.get(frame[30:34], frame[30:34])
            end = 14 + (frame[14] & 15) * 4
            head = frame[14:24] + b"\0\0" + src + dst + frame[34:end]
            frame = frame[:14] + head[:10] + struct.pack("!H", checksum(head)) + head[12:] + frame[end:]
        elif names and frame[12:14] == b"\x08\x06" and len(frame) >= 42:
            frame = (frame[:28] + names.get(frame[28:32], frame[28:32]) + frame[32:38]
                     + names.get(frame[38:42], frame[38:42]) + frame[42:])
        out.append((int(at + (t - begin) * stretch), frame, wire))
    return out
