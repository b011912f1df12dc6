# SPDX-License-Identifier: Apache-2.0
"""Clocks that jump: captures whose packet times go forth and back by days, and to the ends of time."""
import json
import struct

from faults import Case, account, main
from support import udp_frame

DAY = 86400
START = 1719409371


def tcp_frame(n, flags, reply=False):
    a, b = bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2))
    sport, dport = 2000, 443
    if reply:
        a, b, sport, dport = b, a, dport, sport
    tcp = struct.pack("!HHIIBBHHH", sport, dport, n, 1, 0x50, flags, 1000, 0, 0)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, n & 0xFFFF, 0, 64, 6, 0, a, b)
    return b"\2\0\0\0\0\2\2\0\0\0\0\1\x08\0" + ip + tcp


def pcap(packets):
    """A capture in nanoseconds of (seconds, nanoseconds, frame)."""
    out = bytearray(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1))
    for s, ns, frame in packets:
        out += struct.pack("<IIII", s, ns, len(frame), len(frame)) + frame
    return bytes(out)


def pcapng(packets):
    """A capture with 64-bit microseconds of (microseconds, frame)."""
    out = bytearray(struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
                    + struct.pack("<IIHHII", 1, 20, 1, 0, 65535, 20))
    for us, frame in packets:
        pad = -len(frame) % 4
        n = 32 + len(frame) + pad
        us &= 0xFFFFFFFFFFFFFFFF
        out += struct.pack("<IIIIIII", 6, n, 0, us >> 32, us & 0xFFFFFFFF, len(frame), len(frame))
        out += frame + b"\0" * pad + struct.pack("<I", n)
    return bytes(out)


class Clock(Case):
    def read(self, data, *args, unique=True):
        """All events; checks what holds whatever the clock does."""
        path = self.file("in.pcap", data)
        runs = []
        for workers in "1", "2":
            r = self.good("read", "-w", workers, "-e", "all", "--log-format", "json", *args, path,
                          timeout=20)
            a = account(self, r.stderr)
            found = [json.loads(line) for line in r.stdout.splitlines()]
            flows = [e for e in found if e["event_type"] == "network_flow_record"]
            finals = [e for e in flows if e["is_final"]]
            self.assertEqual(sum(e["aggregate_metrics"]["packet_count"] for e in finals),
                             a["decoded"])
            if unique:
                self.assertEqual(len({e["flow_id"] for e in finals}), len(finals))
            self.assertEqual(sum(e["event_type"] == "network_flow_sample" for e in found),
                             a["decoded"])
            for e in flows:
                m = e["aggregate_metrics"]
                self.assertLessEqual(m["first_seen"], m["last_seen"], e)
                self.assertGreaterEqual(e["features"]["duration_us"], 0)
                # doubles have 53 bits: near the ends of time a microsecond is below their step
                self.assertAlmostEqual((m["last_seen"] - m["first_seen"]) * 1e6,
                                       e["features"]["duration_us"],
                                       delta=2 + abs(m["last_seen"]) * 1e6 * 2**-51)
            runs.append((a, found, finals))
        return runs

    def udp(self, *seconds):
        """One UDP packet of one flow at each time."""
        return pcap([(s, 0, udp_frame(0)) for s in seconds])

    def test_forth(self):
        """Days pass between two packets: the flow is over, by its own time."""
        for a, found, finals in self.read(self.udp(START, START + 3 * DAY, START + 3 * DAY + 1)):
            self.assertEqual(a["decoded"], 3)
            self.assertEqual([e["reason"] for e in finals], ["idle", "eof"])
            self.assertEqual(finals[0]["timestamp"], START + 30)
            self.assertEqual([e["aggregate_metrics"]["packet_count"] for e in finals], [1, 2])

    def test_back(self):
        """The clock is set back by days: no packet is lost or counted twice, no time is negative,
        and flows go on ending."""
        times = [START + k for k in range(10)] + [START - 3 * DAY + k for k in range(10)]
        times += [START + 20, START + 100]
        for a, found, finals in self.read(self.udp(*times)):
            self.assertEqual(a["decoded"], len(times))
            self.assertLessEqual({e["reason"] for e in finals}, {"idle", "eof"})
            samples = [e["timestamp"] for e in found if e["event_type"] == "network_flow_sample"]
            self.assertEqual(sorted(samples), sorted(times))

    def test_back_for_good(self):
        """After a jump back the flows of the new time end, too, within the table's bound."""
        packets = [(START, 0, udp_frame(999))]
        packets += [(START - 30 * DAY + k // 10, 0, udp_frame(k % 900)) for k in range(9000)]
        for a, found, finals in self.read(pcap(packets), "--max-flows", "64"):
            self.assertEqual(a["decoded"], 9001)
            self.assertEqual(a["flows_active"], 0)

    def test_to_and_fro(self):
        """Every packet jumps, with flows of all kinds under way."""
        packets = []
        for k in range(3000):
            s = START + (k * 7919 % 41 - 20) * DAY + k // 100
            frame = udp_frame(k % 50) if k % 2 else tcp_frame(k, (2, 0x12, 0x10, 0x11, 4)[k // 2 % 5],
                                                              k // 2 % 2 == 1)
            packets.append((s, k * 1000, frame))
        for a, found, finals in self.read(pcap(packets), "--snapshot", "2,8"):
            self.assertEqual(a["decoded"], 3000)

    def test_a_little_back(self):
        """Packets a little out of order, as several queues make them, are one flow."""
        packets = [(START + k // 100, (k % 100 * 10_000_000 + (k * 7919 % 5 - 2) * 3_000_000)
                    % 1_000_000_000, udp_frame(0)) for k in range(1000)]
        for a, found, finals in self.read(pcap(packets)):
            self.assertEqual([e["reason"] for e in finals], ["eof"])
            self.assertEqual(finals[0]["aggregate_metrics"]["packet_count"], 1000)
            m = finals[0]["aggregate_metrics"]
            all_times = [s + ns / 1e9 for s, ns, _ in packets]
            self.assertAlmostEqual(m["first_seen"], min(all_times), places=5)
            self.assertAlmostEqual(m["last_seen"], max(all_times), places=5)

    def test_ends_of_time(self):
        """1970 and 2106, next to each other; nanoseconds that are more than a second."""
        top = 0xFFFFFFFF
        for a, found, finals in self.read(pcap([
                (0, 0, udp_frame(0)), (top, 999999999, udp_frame(0)), (0, 1, udp_frame(0)),
                (top, top, udp_frame(0)), (START, 0, udp_frame(0))])):
            self.assertEqual(a["decoded"], 5)

    def test_64_bits(self):
        """What 64 bits of microseconds can say: beyond what nanoseconds can hold, before 1970.
        What is beyond is cut to the same last moment, and the id of a flow is made from its key
        and first moment: there, ids need not be unique."""
        times = [0, START * 1000000, 2**63 - 1, 2**63, 2**64 - 1, 2**62, -START * 1000000,
                 2**63 // 1000 - 1, 2**63 // 1000 + 1, START * 1000000 + 5]
        data = pcapng([(us, udp_frame(k % 3)) for k, us in enumerate(times)])
        for a, found, finals in self.read(data, unique=False):
            self.assertEqual(a["decoded"] + sum(a["malformed"].values()), len(times))
            for e in found:
                self.assertLess(abs(e["timestamp"]), 2**63 / 1e9 + 1)


if __name__ == "__main__":
    main()
