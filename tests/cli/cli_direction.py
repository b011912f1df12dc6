#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""--direction on files: pcapng says it in a block's flags, some link types in their header; who does not say it is
left out, under a reason of its own."""
import json
import struct
import unittest

import support
from support import pcap_header, run, udp_frame

ETHERNET, SLL, SLL2, PPP_PPPD, C_HDLC_DIR, PPP_DIR = 1, 113, 276, 166, 205, 204


def ip(n):
    return udp_frame(n)[14:]


def pcap(linktype, frames):
    out = pcap_header()[:20] + struct.pack("<I", linktype)
    for i, f in enumerate(frames):
        out += struct.pack("<IIII", 1719409371 + i, 0, len(f), len(f)) + f
    return out


def option(end, code, data):
    return struct.pack(end + "HH", code, len(data)) + data + bytes(-len(data) % 4)


def block(end, kind, body):
    return struct.pack(end + "II", kind, len(body) + 12) + body + struct.pack(end + "I", len(body) + 12)


def pcapng(packets, end="<", linktype=ETHERNET):
    """packets: (frame, options, type of block)."""
    out = block(end, 0x0A0D0D0A, struct.pack(end + "IHHq", 0x1A2B3C4D, 1, 0, -1))
    out += block(end, 1, struct.pack(end + "HHI", linktype, 0, 0))
    for i, (frame, options, kind) in enumerate(packets):
        ts = (1719409371 + i) * 1000000
        head = struct.pack(end + "I", 0) if kind == 6 else struct.pack(end + "HH", 0, 0)
        body = head + struct.pack(end + "IIII", ts >> 32, ts & 0xFFFFFFFF, len(frame), len(frame))
        out += block(end, kind, body + frame + bytes(-len(frame) % 4) + options)
    return out


def flags(end, value):
    return option(end, 2, struct.pack(end + "I", value))


class Direction(support.Case):
    def ports(self, path, *args):
        """Source ports of the samples, and the account."""
        r = self.good("read", "-e", "sample,stats", *args, path)
        events = [json.loads(x) for x in r.stdout.splitlines()]
        stats = events.pop()
        self.assertEqual(stats["captured"], stats["decoded"] + stats["ignored"] + stats["malformed"])
        return sorted(e["flow_key"]["src_port"] - 1000 for e in events), stats

    def check(self, data, came_in, went_out, of):
        path = self.file("c", data)
        for w in ("1", "2", "4"):
            for way, want in (("in", came_in), ("out", went_out)):
                got, stats = self.ports(path, "-w", w, "--direction", way)
                self.assertEqual(got, want)
                self.assertEqual(stats["ignored_by_reason"]["direction"], of - len(want))
                self.assertEqual(stats["captured"], of)
        self.assertEqual(self.ports(path)[0], list(range(of)))  # without the option, all of them
        kept = self.dir / "kept.pcap"
        self.good("read", "--direction", "in", "-o", f"pcap:{kept}", path)  # and the packets themselves
        self.assertEqual(self.ports(kept)[0], came_in)

    def test_pcapng(self):
        for end in "<>":
            way = [flags(end, 1), flags(end, 2), b"", flags(end, 0), flags(end, 3), flags(end, 0x1FD), flags(end, 0x1FE),
                   option(end, 1, b"a comment") + flags(end, 2) + option(end, 0, b""),
                   option(end, 0, b"") + flags(end, 1),           # behind the end of the options
                   struct.pack(end + "HH", 1, 60000) + bytes(8),  # longer than the block
                   option(end, 2, b"\1"),                         # too short for flags
                   option(end, 1, b"") + flags(end, 1)]
            self.check(pcapng([(udp_frame(i), o, 6) for i, o in enumerate(way)], end), [0, 5, 11], [1, 6, 7], len(way))

    def test_obsolete_packet_block(self):
        self.check(pcapng([(udp_frame(0), flags("<", 1), 2), (udp_frame(1), flags("<", 2), 2), (udp_frame(2), b"", 2)]),
                   [0], [1], 3)

    def test_cooked(self):
        sll = [struct.pack("!HHH8sH", t, 1, 6, b"", 0x800) + ip(i) for i, t in enumerate((0, 1, 2, 3, 4, 5, 6, 4))]
        self.check(pcap(SLL, sll), [0, 1, 2, 3], [4, 7], 8)
        sll2 = [struct.pack("!HHIHBB8s", 0x800, 0, 1, 1, t, 6, b"") + ip(i) for i, t in enumerate((4, 0, 1, 2, 3, 5, 7))]
        self.check(pcap(SLL2, sll2), [1, 2, 3, 4], [0], 7)

    def test_headers_with_a_direction(self):
        ppp = [bytes((d,)) + b"\x03\x00\x21" + ip(i) for i, d in enumerate((0, 1, 0))]
        self.check(pcap(PPP_PPPD, ppp), [0, 2], [1], 3)
        ppp = [bytes((d,)) + b"\xff\x03\x00\x21" + ip(i) for i, d in enumerate((0, 1, 0, 255))]
        self.check(pcap(PPP_DIR, ppp), [0, 2], [1, 3], 4)
        hdlc = [bytes((d,)) + b"\x0f\x00\x08\x00" + ip(i) for i, d in enumerate((0, 1, 0, 255))]
        self.check(pcap(C_HDLC_DIR, hdlc), [0, 2], [1, 3], 4)

    def test_cooked_in_pcapng(self):
        """The block's flags come before the header."""
        frames = [(struct.pack("!HHH8sH", t, 1, 6, b"", 0x800) + ip(i), o, 6)
                  for i, (t, o) in enumerate(((0, b""), (4, b""), (0, flags("<", 2)), (4, flags("<", 0))))]
        self.check(pcapng(frames, linktype=SLL), [0], [1, 2, 3], 4)

    def test_captures_that_do_not_tell(self):
        path = self.file("e.pcap", pcap(ETHERNET, [udp_frame(0)]))
        r = run("read", "--direction", "in", path)
        self.assertEqual(r.returncode, 1)
        self.assertIn("does not tell which way", r.stderr)
        good = self.file("s.pcap", pcap(SLL, [struct.pack("!HHH8sH", 0, 1, 6, b"", 0x800) + ip(3)]))
        r = run("read", "--direction", "in", path, good)  # the others are read
        self.assertEqual((r.returncode, len(r.stdout.splitlines())), (1, 1))

    def test_with_filter_and_count(self):
        way = [flags("<", 1 + i % 2) for i in range(40)]
        path = self.file("c", pcapng([(udp_frame(i), o, 6) for i, o in enumerate(way)]))
        for w in ("1", "3"):
            got, stats = self.ports(path, "-w", w, "--direction", "out", "--count", "5")
            self.assertEqual(got, [1, 3, 5, 7, 9])
            self.assertEqual(stats["captured"], 10)
        if "libpcap" not in run("read", "-f", "udp", path).stderr:
            got, stats = self.ports(path, "--direction", "out", "-f", "udp src port 1003 or udp src port 1004")
            self.assertEqual(got, [3])
            self.assertEqual((stats["ignored_by_reason"]["filtered"], stats["ignored_by_reason"]["direction"]), (38, 1))

    def test_wrong(self):
        r = run("read", "--direction", "inout", "x")
        self.assertEqual(r.returncode, 2)
        self.assertIn("in|out", r.stderr)
        r = run("collect", "--direction", "in")
        self.assertEqual(r.returncode, 2)
        self.assertIn("not an option of 'collect'", r.stderr)


if __name__ == "__main__":
    support.main()
