#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Made traffic that the built-in fit of vectors is of: a small network and what its hosts do in ten minutes, the same
packets whenever it is made.

    vector_traffic.py FILE.pcap                  the packets
    vector_traffic.py --builtin PROGRAM          src/model/vector_builtin.def, of what `PROGRAM fit` says of them
"""
import os
import random
import re
import subprocess
import sys
import tempfile

from packets import *

SECONDS, HOSTS = 600, 40


class Made:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.frames, self.port = [], 32768

    def below(self, n):
        """random() alone is the same in all versions of Python."""
        return int(self.r.random() * n)

    def long_tailed(self, middle, most):
        """Most are near the middle, some are far above."""
        return min(int(middle * 2 ** (4 * (self.r.random() + self.r.random() + self.r.random()) - 6)) + 1, most)

    def next_port(self):
        self.port = 32768 + (self.port - 32768 + 1) % 28000
        return self.port

    def udp(self, t, a, b, sport, dport, sizes, gap):
        """Packets of these sizes, those below 0 are answers."""
        for n in sizes:
            ends = (a, b, sport, dport) if n > 0 else (b, a, dport, sport)
            self.frames.append((t, eth(ip(*ends[:2], 17, udp(*ends[2:], bytes(abs(n)))))))
            t += 1000 + int(gap * 2 * self.r.random())

    def tcp(self, t, a, b, dport, rounds, request, answer, gap, close=True):
        c = Conn(t, self.next_port(), dport, a, b)
        c.open(rtt=(MS, self.long_tailed(8 * MS, 200 * MS)))
        for _ in range(rounds):
            c.send(0, ACK | PSH, bytes(self.long_tailed(request, 1400)), dt=self.long_tailed(gap, 20 * S))
            left = self.long_tailed(answer, 200000)
            while left > 0:
                c.send(1, ACK, bytes(min(left, 1400)), dt=self.long_tailed(MS, 50 * MS))
                left -= 1400
            c.send(0, ACK, dt=MS)
        self.frames += (c.close() if close else c).frames

    def host(self, i):
        a = "10.20.0.%d" % (i + 10)
        if i % 8 == 7:
            a = "2001:db8:20::%x" % (i + 10)
        v6 = ":" in a
        far = lambda: ("2001:db8:ff::%x" if v6 else "203.0.113.%d") % (1 + self.below(200))
        at = lambda: T0 + int(self.r.random() * SECONDS * S)
        resolver = "2001:db8:20::53" if v6 else "10.20.0.53"
        for _ in range(20 + self.below(60)):  # names and what they are for
            t = at()
            self.udp(t, a, resolver, self.next_port(), 53, [25 + self.below(30), -(40 + self.below(300))], 5 * MS)
            if self.r.random() < 0.75:
                self.tcp(t + 20 * MS, a, far(), 443 if self.r.random() < 0.85 else 80, 1 + self.below(6), 500, 6000, 40 * MS,
                         self.r.random() < 0.9)
        for _ in range(self.below(10)):
            self.udp(at(), a, far(), self.next_port(), 443, [1200, -1200] + [(-1200 if self.r.random() < 0.8 else 60)
                                                                          for _ in range(self.below(60))], 8 * MS)
        for _ in range(3):
            self.udp(at(), a, far(), 123, 123, [48, -48], 30 * MS)
        for _ in range(self.below(3)):
            self.tcp(at(), a, "10.20.0.2" if not v6 else far(), 22, 10 + self.below(60), 60, 120, 300 * MS)
        for _ in range(self.below(5)):
            t, b = at(), far()
            for k in range(4):
                for ends, kind in ((a, b), 8), ((b, a), 0):
                    self.frames.append((t + k * S + (kind == 0) * 9 * MS, eth(ip(*ends, 58 if v6 else 1, icmp(
                        (128 if kind else 129) if v6 else kind, 0) + bytes(48)))))
        for _ in range(self.below(6)):  # nobody there
            c = Conn(at(), self.next_port(), 1 + self.below(9000), a, far())
            c.send(0, SYN)
            self.frames += (c.send(1, RST | ACK) if self.r.random() < 0.5 else c.send(0, SYN, dt=S, seq=1)).frames
        if not v6:
            self.udp(at(), a, "10.20.0.255", 137, 137, [50] * (1 + self.below(4)), S)


def make(seed=20, hosts=HOSTS):
    """(ns, frame), in order of time."""
    m = Made(seed)
    for i in range(hosts):
        m.host(i)
    for k in range(120):  # one that looks at others
        m.frames.append((T0 + 200 * S + k * 20 * MS, eth(ip4("10.20.0.99", "10.20.0.%d" % (1 + k), 6, tcp(50000 + k, 445, SYN)))))
    return [f for _, f in sorted(enumerate(m.frames), key=lambda x: (x[1][0], x[0]))]


def builtin(program):
    """The text of src/model/vector_builtin.def."""
    with tempfile.TemporaryDirectory() as folder:
        capture, fit = os.path.join(folder, "made.pcap"), os.path.join(folder, "fit.yaml")
        with open(capture, "wb") as f:
            f.write(pcap(make()))
        subprocess.run([program, "fit", "--quiet", "--window", "10", capture, "-o", fit], check=True)
        with open(fit) as f:
            text = f.read()
    out = ["/* SPDX-License-Identifier: Apache-2.0 */",
           "/* model: median and interquartile range of each component. Made by tests/correct/vector_traffic.py. */"]
    for name in "flow", "host":
        section = text.split(name + ":\n")[1].split("\nhost:")[0]
        pairs = [tuple(map(float, p)) for p in re.findall(r"^  \w+: \[(\S+), (\S+)\]$", section, re.M)]
        pairs += [(0.0, 1.0)] * (32 - len(pairs))  # what is not centred stands behind
        number = lambda v: (lambda s: s if "." in s or "e" in s else s + ".0")("%.9g" % v) + "f"
        rows = ["    X(%s, %s)" % (number(a), number(b)) for a, b in pairs]
        out += ["", "#define %s(X) \\" % name.upper(), ", \\\n".join(rows)]
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    if sys.argv[1] == "--builtin":
        sys.stdout.write(builtin(sys.argv[2]))
    else:
        with open(sys.argv[1], "wb") as f:
            f.write(pcap(make()))
