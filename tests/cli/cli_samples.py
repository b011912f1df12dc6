#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sampling and sequence numbers as a user sees them: datagrams made here, through the program."""
import json
import struct

from support import Case, main


def address(text):
    return bytes(map(int, text.split(".")))


def udp_frame(payload, source, port=6343, sport=40000):
    udp = struct.pack(">HHHH", sport, port, 8 + len(payload), 0) + payload
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0)
    return (bytes.fromhex("02000000000202000000000108 00".replace(" ", "")) + ip
            + address(source) + address("192.0.2.100") + udp)


def capture(frames):
    """Frames a hundredth of a second apart."""
    out = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)
    for i, frame in enumerate(frames):
        s, us = divmod(1700000000 * 1000000 + i * 10000, 1000000)
        out += struct.pack("<IIII", s, us, len(frame), len(frame)) + frame
    return out


class Agent:
    """An sFlow agent that samples one flow of 500-byte packets; sequences and pools are its own."""

    def __init__(self, agent, rate):
        self.agent, self.rate = agent, rate
        self.sequence, self.samples, self.pool = 0, {}, {}
        header = udp_frame(bytes(464), "10.0.0.1", 80, 1000)[:64]
        self.record = struct.pack(">IIIIII", 1, 16 + len(header), 1, 510, 4, len(header)) + header

    def datagram(self, source=1, rate=None):
        self.rate = rate or self.rate
        self.sequence += 1
        n = self.samples[source] = self.samples.get(source, 0) + 1
        pool = self.pool[source] = self.pool.get(source, 0) + self.rate
        sample = struct.pack(">IIIIIIII", n, source, self.rate, pool, 0, source, 9, 1) + self.record
        return (struct.pack(">II4sIIII", 5, 1, address(self.agent), 0, self.sequence,
                            1000000 + 10 * self.sequence, 1)
                + struct.pack(">II", 1, len(sample)) + sample)


class Samples(Case):
    def events(self, frames, *args):
        path = self.file("in.pcap", capture(frames))
        r = self.good("collect", "-l", f"pcap:{path}", "-e", "all", *args)
        return [json.loads(line) for line in r.stdout.splitlines()], r.stderr

    def test_s24_two_agents(self):
        """Estimates by agent: 2 samples of 10000, 12 of 1000, whatever comes between them."""
        spine, leaf = Agent("10.0.9.1", 10000), Agent("10.0.9.2", 1000)
        order = [spine] + 6 * [leaf] + [spine] + 6 * [leaf]
        events, _ = self.events([udp_frame(a.datagram(), a.agent) for a in order])
        last = {}
        for e in events:
            if e["event_type"] != "network_flow_sample":
                continue
            before = last.get(e["exporter"]["agent"])
            for key in ("estimated_packets", "estimated_bytes"):
                self.assertGreater(e[key], before[key] if before else 0)
            last[e["exporter"]["agent"]] = e
        for a, n in ((spine, 2), (leaf, 12)):
            e = last[a.agent]
            self.assertEqual(e["aggregate_metrics"]["packet_count"], n)
            self.assertEqual(e["estimated_packets"], n * a.rate)
            self.assertEqual(e["estimated_bytes"], 510 * n * a.rate)

    def test_s24_sources_and_rates(self):
        """Of one agent each source for itself, by the rate of each sample."""
        agent = Agent("10.0.9.1", 100)
        rates = [(1, 100), (2, 1000), (1, 10), (2, 1000), (1, 100)]
        events, _ = self.events([udp_frame(agent.datagram(s, r), agent.agent) for s, r in rates])
        got = [(e["exporter"]["source_index"], e["estimated_packets"]) for e in events
               if e["event_type"] == "network_flow_sample"]
        self.assertEqual(got, [(1, 100), (2, 1000), (1, 110), (2, 2000), (1, 210)])


if __name__ == "__main__":
    main()
