# SPDX-License-Identifier: Apache-2.0
"""Traffic that shows what NFStream's rules are: gaps around its timeouts and around whole milliseconds, every flag,
protocols without ports, answers first, VLANs, flows longer than its lists."""
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "correct"))
from packets import *  # noqa: E402

US = 1000
GAPS = (0, 1, 2, 499, 500, 999, 1000, 1001, 1999, 2000, 10_000, 250_000, 1_000_000, 5_000_000, 30_000_001, 119_998_999,
        119_999_000, 119_999_001, 119_999_999, 120_000_000, 120_000_001, 121_000_000)


def body_of(rnd, proto, side):
    data = bytes(rnd.choice((0, 1, 6, 100, 700, 1400, 3000, 60000)))
    if proto == 6:
        return lambda s, d: tcp(s, d, rnd.getrandbits(8), rnd.getrandbits(32), rnd.getrandbits(32), data)
    if proto == 17:
        return lambda s, d: udp(s, d, data)
    if proto == 1:
        return lambda s, d: icmp(rnd.choice((0, 3, 8, 11, 13)), 0, bytes(4) + data[:1400])
    if proto == 58:
        return lambda s, d: icmp(rnd.choice((1, 128, 129, 135, 136)), 0, bytes(4) + data[:1400])
    return lambda s, d: struct.pack("!HHII", s, d, 1, 0) + data[:1400]


def flow(rnd, i, at_us):
    """Frames of what may be several flows of one key."""
    proto = rnd.choice((6, 6, 6, 17, 17, 1, 58, 132, 47 + 3))
    v6 = proto == 58 or (proto != 1 and i % 4 == 3)
    ends = [("2001:db8::%x" % (i % 40 + 1), 1000 + i), ("2001:db8:1::%x" % (i % 7 + 1), 443)] if v6 else \
        [("10.1.0.%d" % (i % 40 + 1), 1000 + i), ("10.2.0.%d" % (i % 7 + 1), 443)]
    tags = ((0x8100, i % 3),) if i % 5 == 0 else ()
    gaps = [g for g in GAPS if i % 3 == 0 or g < 120_000_000]
    long_one = i % 11 == 0
    out = []
    for k in range(rnd.choice((1, 2, 3, 9, 10, 11, 40)) if not long_one else 120):
        side = rnd.randrange(2)
        (a, s), (b, d) = ends[side], ends[1 - side]
        out.append((at_us * US, eth(ip(a, b, proto, body_of(rnd, proto, side)(s, d)), tags=tags)))
        at_us += rnd.choice(gaps) if not long_one else rnd.choice((0, 1, 999, 1000, 60_000_000, 100_000_000))
    return out


def late(frames, rnd):
    """Some of them later in the file than their times are."""
    out = list(frames)
    for _ in range(len(out) // 20):
        i = rnd.randrange(len(out) - 30)
        out.insert(i + rnd.randrange(1, 30), out.pop(i))
    return out


def make(seed=1, flows=300):
    rnd = random.Random(seed)
    frames = [f for i in range(flows) for f in flow(rnd, i, T0 // US + rnd.randrange(600_000_000))]
    return sorted(frames, key=lambda f: f[0])
