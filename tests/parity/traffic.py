# SPDX-License-Identifier: Apache-2.0
"""Traffic that is hard to share: fragments in any order, also of tunnels, with other ports each way, both directions."""
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "correct"))
from packets import *  # noqa: E402


def vxlan(src, dst, sport, inner):
    return eth(ip4(src, dst, 17, udp(sport, 4789, struct.pack("!II", 0x08000000, 7 << 8) + eth(inner))))


def fragments(rnd, a, b, ident):
    body = udp(5000 + ident % 50, 53, bytes(3000))
    parts = [eth(ip4(a, b, 17, body[i:i + 1480], ident=ident, frag=i, more=i + 1480 < len(body))) for i in (0, 1480, 2960)]
    rnd.shuffle(parts)
    return parts


def tunnelled(rnd, a, b, ident, inner):
    """The fragments of a carrier; now and then one comes twice, or not at all."""
    body = udp(30000 + rnd.randrange(9999), 4789, struct.pack("!II", 0x08000000, 9 << 8) + eth(inner))
    parts = [eth(ip4(a, b, 17, body[i:i + 600], ident=ident, frag=i, more=i + 600 < len(body))) for i in range(0, len(body), 600)]
    if ident % 7 == 0:
        parts.pop(rnd.randrange(1, len(parts)))
    rnd.shuffle(parts)
    return parts[:1] * (ident % 5 == 0) + parts  # the copy before it is whole: live, nobody knows how long the rest takes


def make(seed=1, connections=150):
    """(ns, frame), in order."""
    rnd, flows = random.Random(seed), []
    for i in range(connections):
        a, b = "10.1.%d.%d" % (i % 3, i % 50 + 1), "10.2.0.%d" % (i % 20 + 1)
        if i % 5 == 4:
            a, b = "2001:db8::%x" % (i + 1), "2001:db8:1::%x" % (i % 9 + 1)
        c = Conn(T0 + rnd.randrange(S), 20000 + i, 443, a, b, (rnd.getrandbits(32), rnd.getrandbits(32)))
        c.open(options=mss(1400) + wscale(7))
        for _ in range(rnd.randrange(12)):
            side = rnd.randrange(2)
            c.send(side, ACK | PSH, bytes(rnd.randrange(1, 1300))).send(1 - side, ACK)
        flows.append((c.close() if i % 3 else c).frames)
    for i in range(60):
        a, b, t = "10.3.0.%d" % (i % 12 + 1), "10.4.0.%d" % (i % 7 + 1), T0 + rnd.randrange(S)
        frames = []
        for k in range(4):
            frames += fragments(rnd, a, b, 100 * i + k)
            frames.append(eth(ip4(b, a, 17, udp(53, 5000 + (100 * i + k) % 50, b"answer"))))
        flows.append([(t + n * MS, f) for n, f in enumerate(frames)])
        inner = [ip4("172.16.0.%d" % (i + 1), "172.16.1.1", 17, udp(i + 1, 80, b"q")), ip4("172.16.1.1", "172.16.0.%d" % (i + 1), 17, udp(80, i + 1, b"a"))]
        outer = ("10.9.0.%d" % (i % 4 + 1), "10.9.1.%d" % (i % 3 + 1))
        flows.append([(t + k * MS, vxlan(*outer[::1 - 2 * (k % 2)], 30000 + rnd.randrange(9999), inner[k % 2])) for k in range(6)])
        ends, frames = ("172.17.0.%d" % (i + 1), "172.17.1.1"), []
        for k in range(4):
            inner = ip4(*ends[::1 - 2 * (k % 2)], 17, udp(*(i + 1, 80)[::1 - 2 * (k % 2)], bytes(1300)))
            frames += tunnelled(rnd, *outer[::1 - 2 * (k % 2)], 100 * i + k, inner)
        flows.append([(t + n * MS, f) for n, f in enumerate(frames)])
        flows.append([(t + k * MS, eth(ip4(*(a, b)[::1 - 2 * (k % 2)], 1, icmp(8 * (1 - k % 2), 0)), tags=((0x8100, i % 4 + 1),)))
                      for k in range(4)])
    order = [(t, k, n, frame) for k, f in enumerate(flows) for n, (t, frame) in enumerate(f)]
    return [(t, frame) for t, _, _, frame in sorted(order)]
