#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same records, and counts of windows, live as from a file, whatever the speed and the number of workers, times aside.

live.py PROGRAM SOURCE_DIR    skips (77) without the right to make network namespaces
"""
import collections
import ctypes
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

import traffic
from packets import flat, pcap

PROGRAM = os.path.abspath(sys.argv[1])
A, B, VA, VB = "fp%da" % os.getpid(), "fp%db" % os.getpid(), "fpa0", "fpb0"
TIMES = re.compile("timestamp|flow_id|reason|.*first_seen|.*last_seen|duration_us|tcp_rtt_.*|.*iat_.*")
SPEEDS = (3000, 20000, 0)  # packets a second; 0: as fast as it goes
# not flows that ended or failed: what is open at a file's end ends in the silence behind it, what is open when live stops does not
COUNTED = [n + w for n in ("packets_", "bytes_", "flows_", "syn_", "syn_ack_", "rst_") for w in ("out", "in")]
DEADLINE = 30
libc = ctypes.CDLL(None, use_errno=True)


def sh(*args, check=True):
    return subprocess.run(args, check=check, capture_output=True)


def make_link():
    sh("ip", "netns", "add", A)
    sh("ip", "netns", "add", B)
    sh("ip", "link", "add", VA, "netns", A, "type", "veth", "peer", "name", VB, "netns", B)
    for ns, dev in ((A, VA), (B, VB)):
        sh("ip", "netns", "exec", ns, "sysctl", "-qw", "net.ipv6.conf.%s.disable_ipv6=1" % dev, check=False)
        sh("ip", "-n", ns, "link", "set", dev, "mtu", "2000", "up")


def remove_link():
    sh("ip", "netns", "del", A, check=False)
    sh("ip", "netns", "del", B, check=False)


def sender():
    with open("/proc/self/ns/net") as here, open("/var/run/netns/" + A) as there:
        libc.setns(there.fileno(), 0)
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        s.bind((VA, 0))
        libc.setns(here.fileno(), 0)
    return s


def send(s, frames, speed):
    start = time.monotonic()
    for i, frame in enumerate(frames):
        while speed and i > (time.monotonic() - start) * speed:
            time.sleep(0.0002)
        while True:
            try:
                s.send(frame)
                break
            except OSError:  # the queue is full
                time.sleep(0.0005)


def timeless(records):
    return sorted(json.dumps({k: v for k, v in flat(r).items() if not TIMES.fullmatch(k)}, sort_keys=True)
                  for r in records)


def sums(events):
    """What is counted of each entity: the hour may turn while it runs."""
    out = {}
    for e in events:
        if e["event_type"] == "window":
            key = tuple(e[k] for k in ("entity", "address", "peer", "port", "protocol"))
            n = out.setdefault(key, collections.Counter())
            n.update({k: e[k] for k in COUNTED})
    return out


def live(frames, workers, speed, folder):
    out = os.path.join(folder, f"live-{workers}-{speed}.ndjson")  # a file of an earlier run would be added to
    p = subprocess.Popen(["ip", "netns", "exec", B, PROGRAM, "live", "-i", VB, "-w", str(workers), "-e", "flow,stats,window",
                          "--window", "3600", "-p", "all",
                          "-f", "ip or ip6 or vlan", "--idle-timeout", "900", "--active-timeout", "3600", "--stats", "0.05",
                          "-q", "131072", "-o", "ndjson:" + out], stderr=subprocess.PIPE)
    try:
        said = b" "
        while said and b"memory budget" not in said:
            said = p.stderr.readline()
        if not said:
            raise RuntimeError("it does not start")
        os.set_blocking(p.stderr.fileno(), False)
        send(sender(), frames, speed)
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:  # until all were captured
            with open(out, "rb") as f:
                stats = [json.loads(x) for x in f.read().splitlines() if x.startswith(b'{"event_type":"pipeline_stats"') and x.endswith(b"}")]
            if stats and stats[-1]["captured"] >= len(frames):
                break
            time.sleep(0.05)
        p.send_signal(signal.SIGINT)
        p.wait(timeout=DEADLINE)
    finally:
        if p.poll() is None:
            p.kill()
            p.wait()
    with open(out) as f:
        events = [json.loads(x) for x in f]
    return [e for e in events if e["event_type"] == "network_flow_record"], sums(events), events[-1]


def main():
    failed = 0
    packets = traffic.make(connections=100)
    with tempfile.TemporaryDirectory(prefix="flowtap-parity-") as folder:
        os.chmod(folder, 0o777)
        path = os.path.join(folder, "in.pcap")
        with open(path, "wb") as f:
            f.write(pcap(packets))
        r = subprocess.run([PROGRAM, "read", "--quiet", "-e", "flow,window", "--window", "3600", "-p", "all", "--idle-timeout", "900",
                            "--active-timeout", "3600", path], capture_output=True, timeout=60)
        events = [json.loads(x) for x in r.stdout.splitlines()]
        want = timeless(e for e in events if e["event_type"] == "network_flow_record")
        windows = sums(events)
        for workers in (1, 2, 4):
            for speed in SPEEDS:
                records, seen, last = live([frame for _, frame in packets], workers, speed, folder)
                got = timeless(records)
                ok = got == want and seen == windows and last["kernel_dropped"] == 0
                print("%s -w %d at %s packets/s: %d records" % ("ok  " if ok else "FAIL", workers, speed or "all", len(got)))
                if not ok:
                    failed += 1
                    print("  captured %d of %d, dropped %s, records %d of %d" % (last["captured"], len(packets), last["kernel_dropped"],
                                                                              len(got), len(want)))
                    for key in [k for k in windows.keys() | seen.keys() if windows.get(k) != seen.get(k)][:4]:
                        print("   window", key, windows.get(key), seen.get(key))
                    for line in sorted(set(want) ^ set(got))[:4]:
                        print("  ", "only read" if line in want else "only live", line[:600])
    return 1 if failed else 0


if os.geteuid() != 0 or sh("ip", "netns", "add", A, check=False).returncode != 0:
    print("no right to make network namespaces: skipped")
    sys.exit(77)
sh("ip", "netns", "del", A)
try:
    make_link()
    rc = main()
finally:
    remove_link()
sys.exit(rc)
