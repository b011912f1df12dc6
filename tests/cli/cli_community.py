# SPDX-License-Identifier: Apache-2.0
"""Community ID v1 of flow records, against a second computation of it, written from the
specification with hashlib, over the sample and over packets made up here; against published vectors;
and, when the corpus is there (FT_CORPUS), against what Wireshark computed."""
import base64
import collections
import hashlib
import ipaddress
import json
import os
import pathlib
import random
import struct
import unittest

from support import ROOT, SAMPLE, Case, main, pcap_header

ICMP4 = {8: 0, 0: 8, 9: 10, 10: 9, 13: 14, 14: 13, 15: 16, 16: 15, 17: 18, 18: 17}
ICMP6 = {128: 129, 129: 128, 130: 131, 131: 130, 133: 134, 134: 133, 135: 136, 136: 135, 139: 140,
         140: 139, 144: 145, 145: 144}
PORTS = (6, 17, 132)  # TCP, UDP, SCTP

# Of the specification's own test captures.
PUBLISHED = [
    (6, "128.232.110.120", "66.35.250.204", 34855, 80, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
    (17, "192.168.1.52", "8.8.8.8", 54585, 53, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
    (1, "192.168.0.89", "192.168.0.1", 8, 0, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="),
    (58, "fe80::200:86ff:fe05:80da", "fe80::260:97ff:fe07:69ea", 135, 0,
     "1:dGHyGvjMfljg6Bppwm3bg0LO8TY="),
    (132, "192.168.170.8", "192.168.170.56", 7, 80, "1:jQgCxbku+pNGw8WPbEc/TS/uTpQ="),
]


def community_id(proto, src, dst, sport, dport):
    """Addresses packed; ports of ICMP are type and code."""
    one_way = False
    if proto in (1, 58):
        other = (ICMP4 if proto == 1 else ICMP6).get(sport)
        one_way = other is None
        dport = dport if one_way else other
    if not one_way and (src, sport) > (dst, dport):
        src, dst, sport, dport = dst, src, dport, sport
    message = struct.pack("!H", 0) + src + dst + struct.pack("!BB", proto, 0)
    if proto in PORTS + (1, 58):
        message += struct.pack("!HH", sport, dport)
    return "1:" + base64.b64encode(hashlib.sha1(message).digest()).decode()


def packed(text):
    return ipaddress.ip_address(text).packed


def l4(proto, sport, dport):
    """A header that is whole, with nothing in it but these."""
    if proto == 6:
        return struct.pack("!HHIIBBHHH", sport, dport, 1, 0, 0x50, 0x18, 0, 0, 0)
    if proto == 17:
        return struct.pack("!HHHH", sport, dport, 8, 0)
    if proto == 132:
        return struct.pack("!HHII", sport, dport, 0, 0)
    if proto in (1, 58):
        return struct.pack("!BBHI", sport, dport, 0, 0) + bytes(20)
    return bytes(20)


def frame(proto, src, dst, sport, dport):
    body = l4(proto, sport, dport)
    if len(src) == 4:
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, proto, 0) + src + dst
        return bytes(12) + b"\x08\0" + ip + body
    ip = struct.pack("!IHBB", 6 << 28, len(body), proto, 64) + src + dst
    return bytes(12) + b"\x86\xdd" + ip + body


def pcap(frames):
    """All at one time, so that no flow ends in between."""
    return pcap_header() + b"".join(struct.pack("<IIII", 1719409371, i, len(f), len(f)) + f
                                    for i, f in enumerate(frames))


def packets_of(path):
    """The frames of an Ethernet capture in microseconds of this machine's byte order."""
    data = pathlib.Path(path).read_bytes()
    at = 24
    while at + 16 <= len(data):
        n = struct.unpack_from("<I", data, at + 8)[0]
        yield data[at + 16:at + 16 + n]
        at += 16 + n


def tuple_of(data):
    """(proto, src, dst, sport, dport) of a frame, read by a decoder of its own; None: not IP."""
    at = 12
    while data[at:at + 2] in (b"\x81\0", b"\x88\xa8"):
        at += 4
    kind, ip = data[at:at + 2], data[at + 2:]
    later = False
    if kind == b"\x08\0":
        proto, src, dst = ip[9], ip[12:16], ip[16:20]
        later = struct.unpack_from("!H", ip, 6)[0] & 0x1FFF != 0
        body = ip[(ip[0] & 15) * 4:]
    elif kind == b"\x86\xdd":
        proto, src, dst, body = ip[6], ip[8:24], ip[24:40], ip[40:]
        while proto in (0, 43, 44, 60):
            later = later or proto == 44 and struct.unpack_from("!H", body, 2)[0] >> 3 != 0
            proto, body = body[0], body[8 if proto == 44 else body[1] * 8 + 8:]
    else:
        return None
    if later:
        return proto, src, dst, 0, 0
    if proto in (1, 58):
        return proto, src, dst, body[0], body[1]
    return proto, src, dst, *(struct.unpack_from("!HH", body) if proto in PORTS else (0, 0))


class Community(Case):
    def of(self, path, *args):
        """Community ID -> packets, over the final records."""
        r = self.good("read", "-w2", "-e", "flow", "--quiet", *args, path)
        out = collections.Counter()
        for line in r.stdout.splitlines():
            e = json.loads(line)
            if e["is_final"]:
                out[e["features"]["community_id"]] += e["aggregate_metrics"]["packet_count"]
        return out

    def compare(self, tuples):
        want = collections.Counter(community_id(*t) for t in tuples)
        got = self.of(self.file("in.pcap", pcap([frame(*t) for t in tuples])))
        for t in tuples:
            self.assertEqual(got[community_id(*t)], want[community_id(*t)], t)
        self.assertEqual(got, want)

    def test_published(self):
        for proto, src, dst, sport, dport, want in PUBLISHED:
            t = proto, packed(src), packed(dst), sport, dport
            self.assertEqual(community_id(*t), want)
            got = self.of(self.file("in.pcap", pcap([frame(*t)])))
            self.assertEqual(list(got), [want], (proto, src, dst))

    def test_sample(self):
        want = collections.Counter(community_id(*t) for t in map(tuple_of, packets_of(SAMPLE)) if t)
        self.assertEqual(sum(want.values()), 116)
        self.assertEqual(self.of(SAMPLE), want)

    def test_both_directions(self):
        """Every protocol with ports, IPv4 and IPv6, both ways, with every order of the ends."""
        addresses = [("192.0.2.1", "198.51.100.7"), ("10.0.0.1", "9.255.255.255"),
                     ("127.0.0.1", "127.0.0.1"), ("2001:db8::1", "2001:db8::2"),
                     ("2001:db8:0:1::", "2001:db8::ffff:ffff:ffff:ffff"), ("::1", "::1"),
                     ("fe80::1", "ff02::fb")]
        tuples = []
        for proto in PORTS:
            for a, b in addresses:
                for sport, dport in ((1, 2), (2, 1), (443, 443), (65535, 256), (256, 255), (0, 9)):
                    tuples.append((proto, packed(a), packed(b), sport, dport))
                    tuples.append((proto, packed(b), packed(a), dport, sport))
        self.compare(tuples)

    def test_icmp(self):
        """Every type, with two codes, both ways."""
        for proto, a, b in (1, "192.0.2.9", "192.0.2.1"), (58, "2001:db8::9", "2001:db8::1"):
            self.compare([(proto, *ends, kind, code) for kind in range(256) for code in (0, 3)
                          for ends in ((packed(a), packed(b)), (packed(b), packed(a)),
                                       (packed(a), packed(a)))])

    def test_without_ports(self):
        for proto in 2, 50, 88, 89, 103, 112, 253:
            self.compare([(proto, packed("192.0.2.9"), packed("192.0.2.1"), 0, 0),
                          (proto, packed("192.0.2.1"), packed("192.0.2.9"), 0, 0)])

    def test_random(self):
        r = random.Random(7)
        tuples = []
        for _ in range(3000):
            proto, n = r.choice(PORTS + (1, 58)), r.choice((4, 16))
            n = {1: 4, 58: 16}.get(proto, n)
            top = 256 if proto in (1, 58) else 65536
            tuples.append((proto, b"\x20" + r.randbytes(n - 1), b"\x20" + r.randbytes(n - 1),
                           r.randrange(top), r.randrange(top)))
        self.compare(tuples)


def corpus():
    root = pathlib.Path(os.environ.get("FT_CORPUS", ROOT / "../shared/corpus/public"))
    return sorted(root.glob("packets/**/*.tshark.communityid.txt")) if root.is_dir() else []


@unittest.skipUnless(corpus(), "the corpus is not there (FT_CORPUS)")
class Corpus(Case):
    of = Community.of

    def test_wireshark(self):
        """One line per packet; an empty one for a packet without an ID."""
        for baseline in corpus():
            lines = baseline.read_text().splitlines()
            want = collections.Counter(line for line in lines if line)
            self.assertTrue(want)
            self.assertEqual(self.of(str(baseline).split(".tshark.")[0]), want)


if __name__ == "__main__":
    main()
