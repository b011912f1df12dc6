#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sampling and sequence numbers as a user sees them: datagrams made here, through the program."""
import json
import signal
import socket
import struct
import subprocess

from support import Case, free_port, main, start


def address(text):
    return bytes(map(int, text.split(".")))


def listening(port):
    """Sockets that are bound to a port of the loopback."""
    with open("/proc/net/udp", encoding="ascii") as f:
        return f.read().count(" 0100007F:%04X " % port)


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

    def test_s25_agent_of_two_addresses(self):
        """One agent by two addresses is told of no loss, and its pool is one."""
        agent = Agent("10.9.9.9", 1000)
        events, _ = self.events([udp_frame(agent.datagram(), ("192.0.2.1", "198.51.100.1")[i % 2])
                                 for i in range(10)])
        health = [e for e in events if e["event_type"] == "exporter_health"]
        self.assertEqual([(e["exporter"]["address"], e["messages"], e["lost"]) for e in health],
                         [("192.0.2.1", 5, 0), ("198.51.100.1", 5, 0)])
        last = [e for e in events if e["event_type"] == "network_flow_sample"][-1]
        self.assertEqual(last["exporter"]["effective_sampling_rate"], 1000)
        self.assertEqual(last["exporter"]["address"], "198.51.100.1")
        self.assertEqual(last["estimated_packets"], 10000)

    def test_s25_workers(self):
        """By eight addresses, with four workers: the kernel brings an agent to one of them."""
        port = free_port(socket.SOCK_DGRAM)
        p = start("collect", "-l", f"sflow://127.0.0.1:{port}", "-w", 4, "-e", "exporter,sample",
                  "--stats", 3600, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            # a stop before the start ends the program at once
            self.assertTrue(any("memory budget" in line for line in p.stderr))
            self.assertEqual(listening(port), 4)
            agents = [Agent("10.9.9.%d" % i, 1000) for i in range(1, 5)]
            sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(8)]
            for i, s in enumerate(sockets):
                s.bind(("127.0.0.%d" % (i + 1), 0))
            for i in range(64):
                for a in agents:
                    sockets[i % 8].sendto(a.datagram(), ("127.0.0.1", port))
            for s in sockets:
                s.close()
        finally:
            p.send_signal(signal.SIGTERM)
            out, _ = p.communicate(timeout=60)
        events = [json.loads(line) for line in out.splitlines()]
        health = [e for e in events if e["event_type"] == "exporter_health"]
        self.assertEqual(sum(e["messages"] for e in health), 256)
        self.assertEqual(sum(e["lost"] + e["reordered"] + e["resets"] for e in health), 0)
        last = {e["exporter"]["agent"]: e["estimated_packets"] for e in events
                if e["event_type"] == "network_flow_sample"}
        self.assertEqual(last, {a.agent: 64000 for a in agents})

    def test_n34_two_processes(self):
        """Two processes behind one address and domain: it says that --session-port is there."""
        def v5(sequence):
            return struct.pack(">HHIIIIBBH", 5, 1, 1000000, 1700000000, 0, sequence, 0, 0,
                               0) + bytes(48)

        frames = [udp_frame(v5(i // 2 + 70000 * (i % 2)), "192.0.2.1", 2055, 50000 + i % 2)
                  for i in range(40)]
        _, said = self.events(frames)
        self.assertEqual(said.count("--session-port"), 1)
        self.assertIn("192.0.2.1, domain 0", said)
        events, said = self.events(frames, "--session-port")
        self.assertNotIn("--session-port", said)
        health = [e for e in events if e["event_type"] == "exporter_health"]
        self.assertEqual([(e["messages"], e["lost"], e["resets"]) for e in health],
                         [(20, 0, 0), (20, 0, 0)])


if __name__ == "__main__":
    main()
