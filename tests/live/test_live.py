#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Live capture between two network namespaces that this test makes and removes: bursts, VLANs,
fragments, offloads, silence, overrun, a reader that stops, interfaces that go down, vanish, come back.

    test_live.py PROGRAM SOURCE_DIR        skips (77) without the right to make namespaces
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
import time

PROGRAM, SOURCE = sys.argv[1], sys.argv[2]
A, B = "ft%da" % os.getpid(), "ft%db" % os.getpid()
VA, VB = "fta0", "ftb0"
WORK = tempfile.mkdtemp(prefix="flowtap-live-")
failures = passed = 0
libc = ctypes.CDLL(None, use_errno=True)


def sh(*args, check=True):
    return subprocess.run(args, check=check, capture_output=True)


def check(what, ok, detail=""):
    global failures, passed
    passed, failures = passed + bool(ok), failures + (not ok)
    if not ok:
        print("FAIL %s %s" % (what, detail))


def make_link():
    sh("ip", "link", "add", VA, "netns", A, "type", "veth", "peer", "name", VB, "netns", B)
    for ns, dev, addr in ((A, VA, "10.77.0.1/24"), (B, VB, "10.77.0.2/24")):
        sh("ip", "netns", "exec", ns, "sysctl", "-qw", "net.ipv6.conf.%s.disable_ipv6=1" % dev, check=False)
        sh("ip", "-n", ns, "addr", "add", addr, "dev", dev)
        sh("ip", "-n", ns, "link", "set", dev, "arp", "off")
        sh("ip", "-n", ns, "link", "set", dev, "up")
    time.sleep(0.2)


class Sender:
    """A packet socket in namespace A."""

    def __init__(self):
        with open("/proc/self/ns/net") as here, open("/var/run/netns/" + A) as there:
            libc.setns(there.fileno(), 0)
            self.s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            self.s.bind((VA, 0))
            libc.setns(here.fileno(), 0)

    def send(self, frames):
        for f in frames:
            while True:
                try:
                    self.s.send(f)
                    break
                except OSError:
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
    """flowtap live in namespace B."""

    def __init__(self, *args, iface=VB, stdout=None, only="ip or vlan"):
        self.out = os.path.join(WORK, "out%d.json" % time.monotonic_ns())
        target = [] if stdout else ["-o", "ndjson:" + self.out]
        self.p = subprocess.Popen(["ip", "netns", "exec", B, PROGRAM, "live", "-i", iface, "-e", "all", "-f",
                                   only, *target, *args], stdout=stdout, stderr=subprocess.PIPE)
        time.sleep(0.5)

    def lines(self):
        with open(self.out, "rb") as f:
            return [json.loads(x) for x in f.read().splitlines()]

    def stop(self):
        self.p.send_signal(signal.SIGINT)
        self.err = self.p.stderr.read().decode()
        self.rc = self.p.wait(timeout=30)
        return self.rc


def identities(s):
    ok = s["received"] == s["captured"] + (s["kernel_dropped"] or 0)
    ok = ok and s["captured"] == s["queue_dropped"] + s["decoded"] + s["ignored"] + s["malformed"]
    ok = ok and s["decoded"] == s["flows"]["packets_final"]
    return ok and all(o["events_made"] == o["events_written"] + o["events_dropped"] for o in s["outputs"])


def finals(events):
    return [e for e in events if e["event_type"] == "network_flow_record" and e["is_final"]]


def test_burst(sender):
    for workers in ("1", "2"):
        c = Capture("-w", workers)
        sender.send(frame(i % 50, reply=i // 50 % 2 == 1) for i in range(20000))
        time.sleep(0.3)
        check("exit 0", c.stop() == 0, c.err)
        events = c.lines()
        s = events[-1]
        check("all of a burst, %s workers" % workers, s["received"] == 20000 and s["kernel_dropped"] == 0, s)
        check("identities", identities(s), s)
        check("both directions are one flow, on one worker", len(finals(events)) == 50
              and all(e["aggregate_metrics"]["packet_count"] == 400 for e in finals(events)),
              len(finals(events)))
        check("samples", sum(e["event_type"] == "network_flow_sample" for e in events) == 20000)


def test_vlans(sender):
    frames = [frame(1, vlan=v) for v in (5, 6, 5)] + [frame(1)]
    c = Capture("-w", "1")
    sender.send(frames)
    time.sleep(0.3)
    c.stop()
    got = sorted((e["features"]["vlan_id"] or 0, e["aggregate_metrics"]["packet_count"],
                  e["aggregate_metrics"]["byte_count"]) for e in finals(c.lines()))
    check("tags from the ring's metadata, and their bytes", got == [(0, 1, 100), (5, 2, 208), (6, 1, 104)], got)
    c = Capture("-w", "1", only="vlan 5")
    sender.send(frames)
    time.sleep(0.3)
    c.stop()
    check("a filter sees stripped tags", c.lines()[-1]["received"] == 2, c.lines()[-1]["received"])


def test_fragments(sender):
    data = struct.pack("!HHHH", 1024, 53, 2008, 0) + b"y" * 2000
    one, two = frame(3, data=data[:1480], frag=0x2000, ident=9), frame(3, data=data[1480:], frag=185, ident=9)
    c = Capture("-w", "1")
    sender.send([one, two])
    time.sleep(0.3)
    c.stop()
    check("one worker sees both fragments", c.lines()[-1]["decoded"] == 2)
    c = Capture("-w", "2")
    sender.send([two, one])
    time.sleep(0.3)
    c.stop()
    keys = {e["flow_key"]["dst_port"] for e in finals(c.lines())}
    check("the fan-out puts them together first", keys == {53}, keys)


def test_silent_link(sender):
    c = Capture("-w", "1", "--idle-timeout", "1")
    sender.send([frame(7)])
    time.sleep(2.2)
    early = finals(c.lines())
    check("a flow ends on a silent link", len(early) == 1 and early[0]["reason"] == "idle", early)
    c.stop()


def test_overrun(sender):
    for workers in ("1", "2"):
        c = Capture("-w", workers, "--queue", "64")
        pid = int(sh("pgrep", "-f", "%s live -i %s" % (PROGRAM, VB)).stdout.split()[0])
        os.kill(pid, signal.SIGSTOP)
        sender.send(frame(i % 9, size=1400) for i in range(8000))
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.5)
        c.stop()
        s = c.lines()[-1]
        check("kernel drops are exact", s["kernel_dropped"] > 0 and s["received"] == 8000 and identities(s),
              (s["received"], s["kernel_dropped"]))


def test_stopped_reader(sender):
    r, w = os.pipe()
    c = Capture("-w", "1", "-o", "ndjson:-?queue=1MB", "-o", "null:", stdout=w)
    os.close(w)
    sender.send(frame(i % 9) for i in range(30000))
    time.sleep(0.3)
    start = time.time()
    c.stop()
    took = time.time() - start
    os.close(r)
    check("a reader that stops costs events, not packets", "30000  = captured" in c.err, c.err)
    check("and does not hold up the end", c.rc == 0 and took < 8, (c.rc, took))
    check("the account adds up", "DOES NOT" not in c.err)


def test_down_up_gone_back(sender):
    c = Capture("-w", "1")
    sender.send([frame(1)])
    time.sleep(0.2)
    sh("ip", "-n", B, "link", "set", VB, "down")
    time.sleep(1.2)
    sh("ip", "-n", B, "link", "set", VB, "up")
    time.sleep(1.2)
    sender.send([frame(1)])
    time.sleep(0.2)
    sh("ip", "-n", B, "link", "del", VB)
    time.sleep(1.2)
    make_link()
    time.sleep(1.5)
    again = Sender()
    again.send([frame(1)])
    time.sleep(0.3)
    check("it lives on", c.stop() == 0, c.err)
    s = c.lines()[-1]
    check("packets before, between and after", s["decoded"] == 3 and identities(s), (s["decoded"], c.err))
    check("counted", s["interface_events"] >= 4, s["interface_events"])
    check("said once each", c.err.count("is down") == 1 and c.err.count("is gone") == 1, c.err)
    sender.s.close()
    sender.s = again.s


def test_any(sender):
    c = Capture("-w", "1", iface="any", only="udp")
    sender.send(frame(i % 5) for i in range(1000))
    time.sleep(0.4)
    c.stop()
    check("any, through libpcap", c.lines()[-1]["decoded"] == 1000, c.lines()[-1])


def test_sigterm_under_load(sender):
    c = Capture("-w", "2")
    stop = subprocess.Popen(["sh", "-c", "sleep 0.2; kill -TERM $(pgrep -f '%s live -i %s')" % (PROGRAM, VB)])
    sender.send(frame(i % 500) for i in range(40000))
    stop.wait()
    c.err = c.p.stderr.read().decode()
    check("SIGTERM in a burst: exit 0", c.p.wait(timeout=20) == 0, c.err)
    s = c.lines()[-1]
    check("and exact", s["is_final"] and identities(s) and s["received"] > 0, s)


def test_super_frames(sender):
    for ns, dev in ((A, VA), (B, VB)):
        sh("ip", "-n", ns, "link", "set", dev, "arp", "on")
    server = subprocess.Popen(["ip", "netns", "exec", B, sys.executable, "-c",
                               "import socket\ns=socket.create_server(('10.77.0.2',5999))\ns.settimeout(10)\nc,_=s.accept()\n"
                               "n=0\nwhile True:\n d=c.recv(1<<20)\n n+=len(d)\n if not d: break\nprint(n)"],
                              stdout=subprocess.PIPE)
    c = Capture("-w", "1", only="tcp")
    sh("ip", "netns", "exec", A, sys.executable, "-c",
       "import socket\ns=socket.create_connection(('10.77.0.2',5999),10)\ns.sendall(b'z'*20000000)\ns.close()",
       check=False)
    received = int(server.stdout.read() or 0)
    time.sleep(0.3)
    c.stop()
    flow = [e for e in finals(c.lines()) if e["flow_key"]["dst_port"] == 5999]
    biggest = max((e["packet_size_bytes"] for e in c.lines() if "packet_size_bytes" in e), default=0)
    check("payload of super-frames is counted whole", len(flow) == 1
          and flow[0]["features"]["fwd_payload_bytes"] >= received == 20000000, (flow, received))
    check("there were super-frames", biggest > 2000, biggest)


def main():
    if os.geteuid() != 0 or sh("ip", "netns", "add", A, check=False).returncode != 0:
        print("skipped: needs root and network namespaces")
        return 77
    try:
        sh("ip", "netns", "add", B)
        make_link()
        for ns in (A, B):
            sh("ip", "-n", ns, "link", "set", "lo", "up")
        sender = Sender()
        for name, test in sorted(globals().items()):
            if name.startswith("test_"):
                before = failures
                try:
                    test(sender)
                except Exception as e:  # a test that breaks is a failed test
                    check(name, False, repr(e))
                print("%s %s" % ("ok  " if failures == before else "FAIL", name), flush=True)
    finally:
        sh("ip", "netns", "del", A, check=False)
        sh("ip", "netns", "del", B, check=False)
        sh("rm", "-rf", WORK)
    print("%d passed, %d failed" % (passed, failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
