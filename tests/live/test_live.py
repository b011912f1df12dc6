#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Live capture between two network namespaces that this test makes and removes: bursts, VLANs,
fragments, offloads, silence, a scan, overrun, a reader that stops, interfaces that go down, vanish, come back, get other
names, two interfaces at once, programs in two containers, and any (more of it: test_any.py).

    test_live.py PROGRAM SOURCE_DIR        skips (77) without the right to make namespaces

Nothing waits a fixed time: what the program says on stderr and the events in its file tell how far
it is, up to a deadline.
"""
import ctypes
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

PROGRAM, SOURCE = sys.argv[1], sys.argv[2]
A, B = "ft%da" % os.getpid(), "ft%db" % os.getpid()
VA, VB = "fta0", "ftb0"
VA1, VB1 = "fta1", "ftb1"  # a second link, for the tests that make it
WORK = tempfile.mkdtemp(prefix="flowtap-live-")
DEADLINE = 20
failures = passed = 0
started = []  # programs; none outlives the test
libc = ctypes.CDLL(None, use_errno=True)


def sh(*args, check=True):
    return subprocess.run(args, check=check, capture_output=True)


def check(what, ok, detail=""):
    global failures, passed
    passed, failures = passed + bool(ok), failures + (not ok)
    if not ok:
        print("FAIL %s %s" % (what, detail))


def wait_for(what, seconds=DEADLINE):
    """Waits until what() is true; False when it never was."""
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def carrier(ns, dev):
    return b"LOWER_UP" in sh("ip", "-n", ns, "link", "show", "dev", dev, check=False).stdout


def make_link(a=VA, b=VB, net="10.77.0", index=()):
    sh("ip", "link", "add", a, "netns", A, "type", "veth", "peer", "name", b, *index, "netns", B)
    for ns, dev, addr in ((A, a, net + ".1/24"), (B, b, net + ".2/24")):
        sh("ip", "netns", "exec", ns, "sysctl", "-qw", "net.ipv6.conf.%s.disable_ipv6=1" % dev, check=False)
        sh("ip", "-n", ns, "addr", "add", addr, "dev", dev)
        sh("ip", "-n", ns, "link", "set", dev, "arp", "off")
        sh("ip", "-n", ns, "link", "set", dev, "up")
    check("%s and %s are up" % (a, b), wait_for(lambda: carrier(A, a) and carrier(B, b)))


def inside(ns, make):
    """What make() opens in a namespace."""
    with open("/proc/self/ns/net") as here, open("/var/run/netns/" + ns) as there:
        libc.setns(there.fileno(), 0)
        try:
            return make()
        finally:
            libc.setns(here.fileno(), 0)


class Sender:
    """A packet socket in a namespace."""

    def __init__(self, dev=VA, ns=A):
        self.s = inside(ns, lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
        self.s.bind((dev, 0))

    def send(self, frames):
        end = time.monotonic() + DEADLINE
        for f in frames:
            while True:
                try:
                    self.s.send(f)
                    break
                except OSError:
                    if time.monotonic() > end:
                        raise
                    time.sleep(0.0005)


def frame(flow, reply=False, size=100, vlan=None, proto=17, frag=0, ident=1, data=None):
    src, dst = struct.pack("!I", 0x0A4E0000 + flow), b"\x0a\x4f\0\1"
    sport, dport = 1024, 53
    if reply:
        src, dst, sport, dport = dst, src, dport, sport
    body = data if data is not None else struct.pack("!HHHH", sport, dport, size - 34, 0) + b"x" * (size - 42)
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), ident, frag, 64, proto, 0, src, dst)
    s = sum(struct.unpack("!10H", ip))
    s = (s & 0xFFFF) + (s >> 16)
    ip = ip[:10] + struct.pack("!H", ~(s + (s >> 16)) & 0xFFFF) + ip[12:]
    tag = struct.pack("!HH", 0x8100, vlan) if vlan is not None else b""
    return b"\2\0\0\0\0\1\2\0\0\0\0\2" + tag + b"\x08\0" + ip + body


class Capture:
    """flowtap live in a namespace, from the moment on that its sockets are open."""

    def __init__(self, *args, iface=VB, stdout=None, only="ip or vlan", within=(), ns=B):
        self.out = os.path.join(WORK, "out%d.json" % time.monotonic_ns())
        self.iface = iface
        target = [] if stdout else ["-o", "ndjson:" + self.out]
        ifaces = [x for name in iface.split(",") for x in ("-i", name)]
        # ip replaces itself by the program: the process is flowtap's own
        self.p = subprocess.Popen(["ip", "netns", "exec", ns, *within, PROGRAM, "live", *ifaces, "-e", "all", "-p", "all",
                                   *(("-f", only) if only else ()), *target, *args], stdout=stdout, stderr=subprocess.PIPE)
        started.append(self.p)
        self.err = ""
        self.hearing = threading.Thread(target=self.hear, daemon=True)
        self.hearing.start()
        if not self.says("memory budget"):
            self.p.kill()
            raise RuntimeError("it does not start: " + self.err)

    def hear(self):
        for line in self.p.stderr:
            self.err += line.decode()

    def says(self, text, times=1):
        """Waits until it has said that, so many times."""
        return wait_for(lambda: self.err.count(text) >= times or self.p.poll() is not None) \
            and self.err.count(text) >= times

    def lines(self):
        """The events that are in the file so far."""
        with open(self.out, "rb") as f:
            data = f.read()
        return [json.loads(x) for x in data[:data.rfind(b"\n") + 1].splitlines()]

    def samples(self, n):
        """Waits until n sample events are in the file."""
        def count():
            with open(self.out, "rb") as f:
                return f.read().count(b'"network_flow_sample"')
        return wait_for(lambda: count() >= n)

    def ended(self):
        self.rc = self.p.wait(timeout=30)
        self.hearing.join(DEADLINE)
        return self.rc

    def stop(self):
        self.p.send_signal(signal.SIGINT)
        return self.ended()


def identities(s):
    ok = s["received"] == s["captured"] + (s["kernel_dropped"] or 0)
    ok = ok and s["captured"] == s["queue_dropped"] + s["decoded"] + s["ignored"] + s["malformed"]
    ok = ok and s["decoded"] == s["flows"]["packets_final"]
    return ok and all(o["events_made"] == o["events_written"] + o["events_dropped"]
                      + o["events_lost"] for o in s["outputs"])


def finals(events):
    return [e for e in events if e["event_type"] == "network_flow_record" and e["is_final"]]


def test_burst(sender):
    for workers in ("1", "2"):
        c = Capture("-w", workers)
        sender.send(frame(i % 50, reply=i // 50 % 2 == 1) for i in range(20000))
        check("samples", c.samples(20000))
        check("exit 0", c.stop() == 0, c.err)
        events = c.lines()
        s = events[-1]
        check("all of a burst, %s workers" % workers, s["received"] == 20000 and s["kernel_dropped"] == 0, s)
        check("identities", identities(s), s)
        check("both directions are one flow, on one worker", len(finals(events)) == 50
              and all(e["aggregate_metrics"]["packet_count"] == 400 for e in finals(events)),
              len(finals(events)))
        check("no more samples", sum(e["event_type"] == "network_flow_sample" for e in events) == 20000)


def test_stop_right_after_a_burst(sender):
    """What the kernel has taken before the stop is drained, also from a block it has not handed over."""
    for workers in ("1", "2"):
        c = Capture("-w", workers)
        sender.send(frame(i % 50) for i in range(5000))
        check("exit 0", c.stop() == 0, c.err)
        s = c.lines()[-1]
        check("drained, %s workers" % workers, s["decoded"] == 5000 and identities(s), s)


def test_vlans(sender):
    frames = [frame(1, vlan=v) for v in (5, 6, 5)] + [frame(1)]
    c = Capture("-w", "1")
    sender.send(frames)
    check("four packets", c.samples(4))
    c.stop()
    got = sorted((e["features"]["vlan_id"] or 0, e["aggregate_metrics"]["packet_count"],
                  e["aggregate_metrics"]["byte_count"]) for e in finals(c.lines()))
    check("tags from the ring's metadata, and their bytes", got == [(0, 1, 100), (5, 2, 208), (6, 1, 104)], got)
    c = Capture("-w", "1", only="vlan 5")
    sender.send(frames)
    check("two packets", c.samples(2))
    c.stop()
    check("a filter sees stripped tags", c.lines()[-1]["received"] == 2, c.lines()[-1]["received"])


def pcap_records(data):
    """Time in ns and bytes of each packet; whole to its end."""
    at, out = 24, []
    while at < len(data):
        sec, ns, cap, wire = struct.unpack_from("<IIII", data, at)
        assert cap == wire and at + 16 + cap <= len(data)
        out.append((sec * 10 ** 9 + ns, data[at + 16:at + 16 + cap]))
        at += 16 + cap
    return out


def test_packets(sender):
    """-o pcap: every packet once, as it was sent, tags too; each worker's in the order of their times."""
    frames = [frame(i % 50, vlan=5 + i % 2 if i % 3 else None, ident=i) for i in range(5000)]
    for workers in ("1", "2"):
        path = os.path.join(WORK, "packets%s.pcap" % workers)
        began = time.time_ns()
        c = Capture("-w", workers, "-o", "pcap:" + path)
        sender.send(frames)
        check("samples", c.samples(len(frames)))
        check("exit 0", c.stop() == 0, c.err)
        with open(path, "rb") as f:
            data = f.read()
        check("header", struct.unpack_from("<IHHiIII", data) == (0xA1B23C4D, 2, 4, 0, 0, 262144, 1))
        got = pcap_records(data)
        check("every packet, %s workers" % workers, sorted(p for _, p in got) == sorted(frames), len(got))
        check("times", all(began <= t <= time.time_ns() for t, _ in got))
        falls = sum(a[0] > b[0] for a, b in zip(got, got[1:]))
        check("one worker's are in order", workers != "1" or falls == 0, falls)
        check("said", "5000 packet events = 5000 written + 0 dropped" in c.err, c.err)


def test_tags_both_ways(sender):
    """What is sent with its tags inside and what is received without them, or with others, is one flow."""
    back = Sender(VB, B)
    ways = {"a VLAN": (b"\x81\0\0\5", b"\x81\0\0\5"), "stacked": (b"\x88\xa8\0\5\x81\0\0\6", b"\x88\xa8\0\5\x81\0\0\6"),
            "eight one way": (b"\x89\x26\0\0\0\1" * 8, b""), "E-tag": (b"\x81\0\0\7", b"\x89\x3f" + bytes(6) + b"\x81\0\0\7")}
    for iface in (VA, "any"):
        c = Capture("-w", "3", iface=iface, only=None, ns=A)
        for i, (there, here) in enumerate(ways.values()):
            for flow in range(16):
                sender.send([f[:12] + there + f[12:] for f in (frame(100 * i + flow),)])
                back.send([f[:12] + here + f[12:] for f in (frame(100 * i + flow, reply=True),)])
        check("all of them on %s" % iface, c.samples(32 * len(ways)), c.err)
        c.stop()
        got = [(e["features"]["fwd_packets"], e["features"]["rev_packets"]) for e in finals(c.lines())
               if e["flow_key"]["protocol"] == 17]
        check("each flow is one record on %s" % iface, got == [(1, 1)] * 16 * len(ways), got)


def test_fragments(sender):
    data = struct.pack("!HHHH", 1024, 53, 2008, 0) + b"y" * 2000
    one, two = frame(3, data=data[:1480], frag=0x2000, ident=9), frame(3, data=data[1480:], frag=185, ident=9)
    c = Capture("-w", "1")
    sender.send([one, two])
    check("two samples", c.samples(2))
    c.stop()
    check("one worker sees both fragments", c.lines()[-1]["decoded"] == 2)
    c = Capture("-w", "2")
    sender.send([two, one])
    check("a sample", c.samples(1))
    c.stop()
    keys = {e["flow_key"]["dst_port"] for e in finals(c.lines())}
    check("the fan-out puts them together first", keys == {53}, keys)


def test_silent_link(sender):
    c = Capture("-w", "1", "--idle-timeout", "1")
    sender.send([frame(7)])
    wait_for(lambda: finals(c.lines()))
    early = finals(c.lines())
    check("a flow ends on a silent link", len(early) == 1 and early[0]["reason"] == "idle", early)
    c.stop()


def test_scan(sender):
    """One host knocks at closed ports of another, some of which say so: one alert, as soon as it is so, and no other."""
    def tcp(sport, dport, flags):
        return struct.pack("!HHIIBBHHH", sport, dport, 1, flags & 16 and 2, 0x50, flags, 1024, 0, 0)

    for workers in "1", "3":
        c = Capture("-w", workers, "--idle-timeout", "1")
        for i in range(40):
            sender.send([frame(1, proto=6, data=tcp(40000 + i, 7000 + i, 2))])
            sender.send([frame(1, proto=6, data=tcp(7000 + i, 40000 + i, 20), reply=True)] if i % 2 else [])
        wait_for(lambda: [e for e in c.lines() if e["event_type"] == "alert"])
        early = [e for e in c.lines() if e["event_type"] == "alert"]
        windows = wait_for(lambda: [e for e in c.lines() if e["event_type"] == "window"])
        c.stop()
        alerts = [e for e in c.lines() if e["event_type"] == "alert"]
        check("a scan is told while it is heard", len(early) == 1, early)
        check("and windows are over without another packet", windows)
        check("once", [(e["rule"], e["address"], e["peer"], e["failed_flows"] >= e["ports"] >= 15) for e in alerts]
              == [("port_scan", "10.78.0.1", "10.79.0.1", True)], alerts)
        check("and kept back from then on", c.lines()[-1]["alerts_suppressed"] > 0, c.lines()[-1])


def test_count(sender):
    """Exactly so many packets, one worker or several; the others end with the one that took the last."""
    for workers, n in (("1", 1), ("1", 300), ("4", 500)):
        c = Capture("-w", workers, "--count", str(n))
        sender.send(frame(i % 100) for i in range(n + 200))
        check("it ends after %d packets" % n, c.ended() == 0, c.err)
        s = c.lines()[-1]
        check("%d packets, %s workers" % (n, workers), s["captured"] == n and s["decoded"] == n, s)
        check("the account", identities(s), s)
        check("flows end as at a stop", {e["reason"] for e in finals(c.lines())} == {"shutdown"})
    c = Capture("-w", "2", "--count", "10", iface=VB + ",lo")  # the one on lo hears nothing
    sender.send(frame(i) for i in range(50))
    check("two interfaces end together", c.ended() == 0 and c.lines()[-1]["captured"] == 10, c.err)


def test_interface_names(sender):
    """Of one interface its name is known; of several, nobody says which a flow came in by."""
    for iface, name in (VB, VB), (VB + ",lo", None):
        c = Capture("-w", "2", "--count", "10", "-p", "enrich", iface=iface)
        sender.send(frame(i) for i in range(10))
        check("it ends", c.ended() == 0, c.err)
        got = {(e["enrichment"]["ingress_interface_name"], e["enrichment"]["egress_interface_name"])
               for e in finals(c.lines())}
        check("the interface's name", got == {(name, None)}, got)


def test_duration(sender):
    c = Capture("-w", "2", "--duration", "0.5")
    sender.send(frame(i) for i in range(50))
    check("it ends by itself", c.ended() == 0, c.err)
    s = c.lines()[-1]
    check("after so long", 500 <= s["elapsed_ms"] < 500 + 1000 * DEADLINE and identities(s), s)


def test_direction(sender):
    """What went out of this end came in at the other: on the interface, on any, with a filter, by several workers."""
    back = Sender(VB, B)
    for args, iface, only in ((("-w", "1"), VB, "ip"), (("-w", "3"), VB, None), (("-w", "1"), "any", None),
                              (("-w", "2"), "any", "ip")):
        both = {way: Capture(*args, "--direction", way, iface=iface, only=only) for way in ("in", "out")}
        sender.send(frame(i) for i in range(40))
        back.send(frame(i, reply=True) for i in range(30))
        for way, n in (("in", 40), ("out", 30)):
            c = both[way]
            check("%s: %d samples on %s %s" % (way, n, iface, args), c.samples(n), c.err)
            check("exit 0", c.stop() == 0, c.err)
            s = c.lines()[-1]
            got = [e["flow_key"]["dst_port" if way == "in" else "src_port"] for e in c.lines()
                   if e["event_type"] == "network_flow_sample"]
            check("only %s on %s" % (way, iface), got == [53] * n, got)
            check("the rest is not received", s["received"] == n and identities(s), s)
    back.s.close()


def test_direction_by_libpcap(sender):
    shim = os.environ.get("OLD_KERNEL_SHIM")
    if not shim or b"sanitizer build" in sh(PROGRAM, "read", "-v", "-w1", "-o", "null:",
                                            os.path.join(SOURCE, "examples/sample.pcap")).stderr:
        return
    back = Sender(VB, B)
    for way, n in (("in", 40), ("out", 30)):
        c = Capture("-w", "2", "--direction", way, within=("env", "LD_PRELOAD=" + shim))
        check("libpcap captures", "libpcap captures instead" in c.err, c.err)
        sender.send(frame(i) for i in range(40))
        back.send(frame(i, reply=True) for i in range(30))
        check("%s: %d samples" % (way, n), c.samples(n), c.err)
        check("exit 0", c.stop() == 0, c.err)
        check("and no more", c.lines()[-1]["captured"] == n and identities(c.lines()[-1]), c.lines()[-1])
    back.s.close()
    c = Capture("-w", "2", "--count", "25", within=("env", "LD_PRELOAD=" + shim))
    sender.send(frame(i) for i in range(60))
    check("--count of libpcap", c.ended() == 0 and c.lines()[-1]["captured"] == 25, c.err)


def test_direction_of_loopback(sender):
    """Each packet goes out and comes in: either way it is there once."""
    for iface in ("lo", "any"):
        both = [Capture("-w", "1", "--direction", way, iface=iface, only="udp port 5353") for way in ("in", "out")]
        s = inside(B, lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        for i in range(20):
            s.sendto(b"x" * i, ("127.0.0.1", 5353))
        s.close()
        for c in both:
            check("20 on %s" % iface, c.samples(20), c.err)
            check("exit 0", c.stop() == 0, c.err)
            check("and no more", c.lines()[-1]["received"] == 20, c.lines()[-1])


def test_overrun(sender):
    for workers in ("1", "2"):
        c = Capture("-w", workers, "--queue", "64")
        os.kill(c.p.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, c.p.pid, os.WSTOPPED)
        sender.send(frame(i % 9, size=1400) for i in range(8000))
        os.kill(c.p.pid, signal.SIGCONT)
        check("it goes on", c.samples(1))
        c.stop()
        s = c.lines()[-1]
        check("kernel drops are exact", s["kernel_dropped"] > 0 and s["received"] == 8000 and identities(s),
              (s["received"], s["kernel_dropped"]))


def test_stopped_reader(sender):
    r, w = os.pipe()
    c = Capture("-w", "1", "--stats", "0.1", "--drain-timeout", "1", "-o", "ndjson:-?queue=1MB", "-o", "null:",
                stdout=w)
    os.close(w)
    sender.send(frame(i % 9) for i in range(30000))
    check("the packets go on", c.says("30000 packets"), c.err)
    start = time.monotonic()
    c.stop()
    took = time.monotonic() - start
    os.close(r)
    check("a reader that stops costs events, not packets", "30000  = captured" in c.err, c.err)
    check("and does not hold up the end", took < 8, took)
    check("what it did not take is lost: exit 1", c.rc == 1 and " lost" in c.err, (c.rc, c.err))
    check("the account adds up", "DOES NOT" not in c.err)


def test_down_up_gone_back(sender):
    c = Capture("-w", "1")
    sender.send([frame(1)])
    check("a packet before", c.samples(1))
    sh("ip", "-n", B, "link", "set", VB, "down")
    check("down is said", c.says("is down; waiting for it"), c.err)
    sh("ip", "-n", B, "link", "set", VB, "up")
    check("up is said", c.says("is up again"), c.err)
    wait_for(lambda: carrier(A, VA))
    sender.send([frame(1)])
    check("a packet between", c.samples(2))
    sh("ip", "-n", B, "link", "del", VB)
    check("gone is said", c.says("waiting for it", 2), c.err)  # going, it may be seen down first
    make_link()
    check("back is said", c.says("is back"), c.err)
    again = Sender()
    again.send([frame(1)])
    check("a packet after", c.samples(3))
    check("it lives on", c.stop() == 0, c.err)
    s = c.lines()[-1]
    check("packets before, between and after", s["decoded"] == 3 and identities(s), (s["decoded"], c.err))
    check("counted", s["interface_events"] == 4, s["interface_events"])
    check("said once each", c.err.count("waiting for it") == 2, c.err)
    sender.s.close()
    sender.s = again.s


def test_renamed(sender):
    """A new name is no new interface; what vanishes is waited for by the names that it had."""
    for workers in ("1", "2"):
        make_link(VA1, VB1, "10.78.0")
        c = Capture("-w", workers, iface=VB1)
        other = Sender(VA1)
        other.send(frame(i) for i in range(10))
        check("packets before", c.samples(10), c.err)
        sh("ip", "-n", B, "link", "set", VB1, "down")  # older kernels rename nothing that is up
        sh("ip", "-n", B, "link", "set", VB1, "name", "ftnew")
        sh("ip", "-n", B, "link", "set", "ftnew", "up")
        check("the new name is said", c.says(VB1 + ": the interface is called ftnew now"), c.err)
        check("it is up", wait_for(lambda: carrier(A, VA1) and "down; waiting" not in c.err.splitlines()[-1]), c.err)
        other.send(frame(i) for i in range(10))
        check("packets under the new name", c.samples(20), c.err)
        sh("ip", "-n", B, "link", "set", "ftnew", "down")
        check("what is said has the new name", c.says("ftnew: the interface is down"), c.err)
        check("it is not gone", "is gone" not in c.err, c.err)
        other.s.close()
        sh("ip", "-n", B, "link", "del", "ftnew")
        check("gone is said", c.says("waiting for it", 2) or "ftnew: the interface is down" in c.err, c.err)
        make_link(VA1, VB1, "10.78.0")
        check("the name that was asked for is waited for", c.says(VB1 + ": the interface is back"), c.err)
        other = Sender(VA1)
        other.send(frame(100 + i) for i in range(10))
        check("packets of it", c.samples(30), c.err)
        other.s.close()
        sh("ip", "-n", B, "link", "set", VB1, "down")
        sh("ip", "-n", B, "link", "set", VB1, "name", "ftnew")
        check("the new name is said again", c.says(VB1 + ": the interface is called ftnew now", 2), c.err)
        sh("ip", "-n", B, "link", "del", "ftnew")
        make_link(VA1, "ftnew", "10.78.0")
        check("the last name is waited for, too", c.says("ftnew: the interface is back"), c.err)
        other = Sender(VA1)
        other.send(frame(200 + i) for i in range(10))
        check("packets of it", c.samples(40), c.err)
        other.s.close()
        check("exit 0", c.stop() == 0, c.err)
        s = c.lines()[-1]
        check("all of them, once", s["received"] == s["decoded"] == 40 and identities(s), s)
        want = {**{i: 2 for i in range(10)}, **{100 + i: 1 for i in range(10)}, **{200 + i: 1 for i in range(10)}}
        check("in their flows, through the new name", per_flow(c.lines()) == want, per_flow(c.lines()))
        check("said once", c.err.count("is called ftnew now") == 2, c.err)
        sh("ip", "-n", A, "link", "del", VA1)


class SecondLink:
    """Another pair of interfaces between the namespaces, and a sender on it."""

    def __enter__(self):
        make_link(VA1, VB1, "10.78.0")
        self.sender = Sender(VA1)
        return self.sender

    def __exit__(self, *error):
        self.sender.s.close()
        sh("ip", "-n", A, "link", "del", VA1, check=False)


def per_flow(events):
    """Packets of the final records by the lowest byte of the address that frame() counts up."""
    return {int(e["flow_key"]["src_ip"].split(".")[3]): e["aggregate_metrics"]["packet_count"]
            for e in finals(events)}


def test_two_interfaces(sender):
    for workers in ("1", "2"):
        with SecondLink() as other:
            c = Capture("-w", workers, iface=VB + "," + VB1)
            for _ in range(100):  # both at once
                sender.send(frame(i) for i in range(10))
                other.send(frame(100 + i) for i in range(10))
            check("packets of both", c.samples(2000), c.err)
            sh("ip", "-n", B, "link", "set", VB, "down")
            check("the one that is down is said", c.says(VB + ": the interface is down"), c.err)
            other.send(frame(200) for _ in range(500))
            check("the other goes on", c.samples(2500), c.err)
            sh("ip", "-n", B, "link", "set", VB, "up")
            check("up again is said", c.says(VB + ": the interface is up again"), c.err)
            wait_for(lambda: carrier(A, VA))
            sender.send(frame(201) for _ in range(300))
            check("and both go on", c.samples(2800), c.err)
            check("exit 0", c.stop() == 0, c.err)
            events = c.lines()
            s = events[-1]
            check("the counters are of both", s["received"] == s["decoded"] == 2800 and identities(s), s)
            want = {**{i: 100 for i in range(10)}, **{100 + i: 100 for i in range(10)}, 200: 500, 201: 300}
            check("each packet once, in its flow", per_flow(events) == want, per_flow(events))
            check("said and counted once, whatever the workers", c.err.count("is down") == 1
                  and s["interface_events"] == 2, (s["interface_events"], c.err))
            check("nothing is said of the other", VB1 + ": the" not in c.err, c.err)
            check("both are named", "%s, %s:" % (VB, VB1) in c.err, c.err)


def test_two_interfaces_one_busy(sender):
    """One vanishes and comes back while the other never falls silent."""
    with SecondLink() as other:
        c = Capture("-w", "1", "-s", "1000000", iface=VB + "," + VB1)
        halt = threading.Event()
        sent = [0]

        def busy():
            while not halt.is_set():
                sender.send(frame(i) for i in range(100))
                sent[0] += 100
        load = threading.Thread(target=busy)
        load.start()
        try:
            sh("ip", "-n", B, "link", "del", VB1)
            check("gone is said under load", c.says("waiting for it"), c.err)
            make_link(VA1, VB1, "10.78.0")
            check("back is said under load", c.says(VB1 + ": the interface is back"), c.err)
        finally:
            halt.set()
            load.join()
        other.s.close()
        other.s = Sender(VA1).s
        other.send(frame(200) for _ in range(50))
        check("exit 0", c.stop() == 0, c.err)
        s = c.lines()[-1]
        check("all of the busy one, and of the one that came back",
              s["decoded"] + s["kernel_dropped"] == sent[0] + 50 and identities(s), (s["received"], sent))
        check("the one that came back", per_flow(c.lines()).get(200) == 50)


def wakes(pid):
    """Times that the threads of a process have waited and gone on."""
    n = 0
    for tid in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/status" % (pid, tid)) as f:
            n += int([line for line in f if line.startswith("voluntary")][0].split()[1])
    return n


def test_idle(sender):
    """Without packets nobody polls: at most five wake-ups a second, of all threads together."""
    for iface in VB, "any":
        c = Capture("-o", "ndjson:%s/idle-%s.gz?compress=gzip&rotate=1h" % (WORK, iface), iface=iface, only="ip")
        if "sanitizer build" in c.err:
            c.stop()
            return  # its own threads wake, too
        time.sleep(2.5)  # what the start brings with it
        begin, start = wakes(c.p.pid), time.monotonic()
        time.sleep(6)
        rate = (wakes(c.p.pid) - begin) / (time.monotonic() - start)
        check("idle, it sleeps: %s" % iface, rate <= 5, rate)
        sender.send(frame(i) for i in range(10))
        check("and is there when packets come: %s" % iface, c.samples(10), c.err)
        c.stop()


def test_up_amid_traffic(sender):
    """What comes before the workers look whether the interface is up again wakes them: their rings do not run over."""
    c = Capture("-w", "3", "-s", "1000000")
    sh("ip", "-n", B, "link", "set", VB, "down")
    check("down is said", c.says(VB + ": the interface is down"), c.err)
    sh("ip", "-n", B, "link", "set", VB, "up")
    check("it is up", wait_for(lambda: carrier(A, VA) and carrier(B, VB)))
    sent, end = 0, time.monotonic() + 2.5
    while time.monotonic() < end:
        sender.send(frame(sent + i) for i in range(20))
        sent += 20
        time.sleep(0.004)
    check("up again is said", c.says(VB + ": the interface is up again"), c.err)
    check("exit 0", c.stop() == 0, c.err)
    s = c.lines()[-1]
    check("all of them", s["received"] == s["decoded"] == sent and identities(s),
          (sent, s["received"], s["kernel_dropped"]))


def number_of(event):
    """The number that frame() had."""
    return struct.unpack("!I", socket.inet_aton(event["flow_key"]["src_ip"]))[0] - 0x0A4E0000


def test_back_amid_traffic(sender):
    """The workers find out one after the other that an interface is back: from the first one on no packet is lost, none
    is seen twice. Also when it has the number that it had, as one that was in another namespace meanwhile."""
    for workers, index in (("2", ()), ("3", ("index", "91"))):
        make_link(VA1, VB1, "10.78.0", index=index)
        try:
            c = Capture("-w", workers, "-s", "1000000", iface=VB + "," + VB1)
            sh("ip", "-n", B, "link", "del", VB1)
            make_link(VA1, VB1, "10.78.0", index=index)
            other, sent, until = Sender(VA1), 0, None
            end = time.monotonic() + DEADLINE
            while time.monotonic() < min(until or end, end):  # each packet is a flow of its own
                other.send(frame(sent + i) for i in range(20))
                sent += 20
                if until is None and VB1 + ": the interface is back" in c.err:
                    until = time.monotonic() + 1.5  # a worker may think that it is, before all are there
                time.sleep(0.004)
            other.s.close()
            check("back is said once", c.err.count("is back") == 1, c.err)
            check("exit 0", c.stop() == 0, c.err)
            got, s = sorted(number_of(e) for e in finals(c.lines())), c.lines()[-1]
            first = got[0] if got else sent
            check("all packets since the first", got == list(range(first, sent)),
                  (workers, first, sent, [n for n in range(first, sent) if n not in set(got)][:30]))
            check("and counted once", s["received"] == s["decoded"] == sent - first > 500 and identities(s), s)
        finally:
            sh("ip", "-n", A, "link", "del", VA1, check=False)


class Contained(Capture):
    """In a process namespace of its own, as in a container: its process has the number 1 there."""

    def __init__(self, *args, **kw):
        super().__init__(*args, within=("unshare", "--pid", "--fork", "--kill-child"), **kw)
        with open("/proc/%d/task/%d/children" % (self.p.pid, self.p.pid)) as f:
            self.child = int(f.read().split()[0])

    def stop(self):
        os.kill(self.child, signal.SIGINT)
        return self.ended()


def test_containers_share_a_network(sender):
    """Two programs whose processes have the same number: each sees every packet, on each interface."""
    with SecondLink() as other:
        both = [Contained("-w", "2", iface=VB + "," + VB1) for _ in range(2)]
        sender.send(frame(i) for _ in range(20) for i in range(50))
        other.send(frame(100 + i) for _ in range(20) for i in range(50))
        for c in both:
            check("packets of both interfaces", c.samples(2000), c.err)
        sh("ip", "-n", B, "link", "del", VB1)
        for c in both:
            check("gone is said", c.says(VB1 + ": the interface is"), c.err)  # going, it may be seen down
        make_link(VA1, VB1, "10.78.0")
        for c in both:
            check("back is said", c.says(VB1 + ": the interface is back"), c.err)
        again = Sender(VA1)
        again.send(frame(200) for _ in range(500))
        again.s.close()
        for c in both:
            check("packets of the one that came back", c.samples(2500), c.err)
            check("exit 0", c.stop() == 0, c.err)
            events = c.lines()
            want = {**{i: 20 for i in range(50)}, **{100 + i: 20 for i in range(50)}, 200: 500}
            check("each packet once, in its flow", per_flow(events) == want, per_flow(events))
            s = events[-1]
            check("all of them", s["received"] == s["decoded"] == 2500 and identities(s), s)


def test_old_kernel(sender):
    """Linux before 4.12 cannot number the groups that share packets: it is said, and libpcap captures for all workers."""
    sample = os.path.join(SOURCE, "examples/sample.pcap")
    if b"sanitizer build" in sh(PROGRAM, "read", "-v", "-w1", "-o", "null:", sample).stderr:
        return  # a sanitizer's library must come first
    shim = os.environ.get("OLD_KERNEL_SHIM")
    if not shim:
        return
    c = Capture("-w", "2", within=("env", "LD_PRELOAD=" + shim))
    check("the version is said", "needs Linux 4.12" in c.err, c.err)
    sender.send(frame(i % 10) for i in range(200))
    check("packets all the same", c.samples(200), c.err)
    check("exit 0", c.stop() == 0, c.err)
    check("in their flows", per_flow(c.lines()) == {i: 20 for i in range(10)}, c.lines()[-1])


def test_any(sender):
    for workers in ("1", "2"):
        with SecondLink() as other:
            c = Capture("-w", workers, iface="any", only="udp")
            sender.send(frame(i % 5) for i in range(1000))
            other.send(frame(100 + i % 5) for i in range(1000))
            check("any sees both links", c.samples(2000), c.err)
            sh("ip", "-n", B, "link", "set", VB, "down")
            other.send(frame(200) for _ in range(100))
            check("it goes on when one is down", c.samples(2100), c.err)
            sh("ip", "-n", B, "link", "set", VB, "up")
            wait_for(lambda: carrier(A, VA))
            sender.send(frame(201) for _ in range(100))
            check("and when it is up again", c.samples(2200), c.err)
            check("exit 0", c.stop() == 0, c.err)
            s = c.lines()[-1]
            check("any", s["received"] == s["decoded"] == 2200 and identities(s), s)
            want = {**{i: 200 for i in range(5)}, **{100 + i: 200 for i in range(5)}, 200: 100, 201: 100}
            check("each packet once, in its flow", per_flow(c.lines()) == want, per_flow(c.lines()))
            sizes = {e["packet_size_bytes"] for e in c.lines() if "packet_size_bytes" in e}
            check("all sizes alike", len(sizes) == 1, sizes)


def test_sigterm_under_load(sender):
    c = Capture("-w", "2")

    def load():
        for i in range(40000):
            if i == 15000:
                c.p.send_signal(signal.SIGTERM)
            yield frame(i % 500)
    sender.send(load())
    check("SIGTERM in a burst: exit 0", c.ended() == 0, c.err)
    s = c.lines()[-1]
    check("and exact", s["is_final"] and identities(s) and s["received"] >= 15000, s)


def test_super_frames(sender):
    for ns, dev in ((A, VA), (B, VB)):
        sh("ip", "-n", ns, "link", "set", dev, "arp", "on")
    server = subprocess.Popen(["ip", "netns", "exec", B, sys.executable, "-c",
                               "import socket\ns=socket.create_server(('10.77.0.2',5999))\ns.settimeout(10)\n"
                               "print('ready',flush=True)\nc,_=s.accept()\n"
                               "n=0\nwhile True:\n d=c.recv(1<<20)\n n+=len(d)\n if not d: break\nprint(n)"],
                              stdout=subprocess.PIPE)
    check("the server is ready", server.stdout.readline() == b"ready\n")
    c = Capture("-w", "1", only="tcp")
    sh("ip", "netns", "exec", A, sys.executable, "-c",
       "import socket\ns=socket.create_connection(('10.77.0.2',5999),10)\ns.sendall(b'z'*20000000)\ns.close()",
       check=False)
    received = int(server.stdout.read() or 0)
    server.wait(DEADLINE)
    c.stop()
    flow = [e for e in finals(c.lines()) if e["flow_key"]["dst_port"] == 5999]
    biggest = max((e["packet_size_bytes"] for e in c.lines() if "packet_size_bytes" in e), default=0)
    check("payload of super-frames is counted whole", len(flow) == 1
          and flow[0]["features"]["fwd_payload_bytes"] >= received == 20000000, (flow, received))
    check("there were super-frames", biggest > 2000, biggest)


def main(tests):
    if os.geteuid() != 0 or sh("ip", "netns", "add", A, check=False).returncode != 0:
        print("skipped: needs root and network namespaces")
        os.rmdir(WORK)
        return 77
    try:
        sh("ip", "netns", "add", B)
        make_link()
        for ns in (A, B):
            sh("ip", "-n", ns, "link", "set", "lo", "up")
        sender = Sender()
        for name, test in sorted(tests.items()):
            if name.startswith("test_" + (sys.argv[3] if len(sys.argv) > 3 else "")):
                before = failures
                try:
                    test(sender)
                except Exception as e:  # a test that breaks is a failed test
                    check(name, False, repr(e))
                print("%s %s" % ("ok  " if failures == before else "FAIL", name), flush=True)
    finally:
        for p in started:
            p.kill()
        sh("ip", "netns", "del", A, check=False)
        sh("ip", "netns", "del", B, check=False)
        sh("rm", "-rf", WORK)
    print("%d passed, %d failed" % (passed, failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(globals()))
