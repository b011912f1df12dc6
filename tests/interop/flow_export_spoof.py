#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""spoof=true of `flowtap collect`: exporters, the relay and a collector, each in a network namespace
of its own, so that the relay has none of the addresses that it sends from:

    exporters 192.0.2.1.., 2001:db8::1..  ==veth==  relay  ==veth==  collector 10.9.0.2, fd09::2

Whose messages came, of IPv4 and IPv6, with which numbers, templates and records; what flowtap's own
collector and nfcapd say of them; and what is refused.

    flow_export_spoof.py --flowtap PROGRAM

Without root or namespaces only that is looked at. Exit 0: all as it is to be; 1: not so.
"""
import argparse
import contextlib
import ctypes
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

import collect_live as live
import flow_export

CLONE_NEWNET = 0x40000000
COLLECTOR = {4: "10.9.0.2", 6: "fd09::2"}
RELAY = {4: "10.9.0.1", 6: "fd09::1"}
LISTEN = {4: "192.0.2.254", 6: "2001:db8::fe"}
EXPORTERS = {4: ["192.0.2.%d" % i for i in (1, 2, 3)], 6: ["2001:db8::%d" % i for i in (1, 2, 3)]}
VERSION = {"netflow5": 5, "netflow9": 9, "ipfix": 10}


def run(*command):
    subprocess.run(command, check=True, timeout=20)


class Namespace:
    """One that lives as long as a process in it."""

    def __init__(self):
        self.p = subprocess.Popen(["unshare", "-n", "sleep", "600"])
        live.wait_for("a namespace", lambda: os.readlink("/proc/%d/ns/net" % self.p.pid) !=
                      os.readlink("/proc/self/ns/net"))

    @contextlib.contextmanager
    def inside(self):
        """What is opened and started here belongs to it."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open("/proc/self/ns/net", "rb") as ours, open("/proc/%d/ns/net" % self.p.pid, "rb") as its:
            if libc.setns(its.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            try:
                yield
            finally:
                libc.setns(ours.fileno(), CLONE_NEWNET)

    def end(self):
        self.p.kill()
        self.p.wait()


def join(name, addresses, other, of, there):
    """A pair of interfaces, ours with some addresses, the other one's in its namespace."""
    run("ip", "link", "add", name, "type", "veth", "peer", "name", of, "netns", str(other.p.pid))
    for dev, names, within in ((name, addresses, contextlib.nullcontext()), (of, there, other.inside())):
        with within:
            for what in ("all", dev):
                with open("/proc/sys/net/ipv4/conf/%s/rp_filter" % what, "w", encoding="ascii") as f:
                    f.write("0")
            for a in names:
                run("ip", "addr", "add", a, "dev", dev, *(["nodad"] if ":" in a else []))
            run("ip", "link", "set", "lo", "up")
            run("ip", "link", "set", dev, "up")


class Exporters:
    """NetFlow v5 and IPFIX from each of the addresses."""

    def __init__(self, namespace, port):
        self.sent, self.number, self.port, self.sequence = {}, 0, port, {}
        with namespace.inside():
            self.socket = {}
            for family, addresses in EXPORTERS.items():
                for a in addresses:
                    s = socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_DGRAM)
                    s.bind((a, 0))
                    s.connect((LISTEN[family], port))
                    self.socket[a] = s

    def send(self, a, n):
        """n records, each with a port of its own."""
        now, flows = int(time.time()), b""
        for _ in range(n):
            self.number += 1
            flows += struct.pack("!4s4s4sHHIIIIHHBBBBHHBBH", bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2]), bytes(4), 1,
                                 2, 3, 300, 1000, 2000, self.number, 53, 0, 0, 17, 0, 0, 0, 0, 0, 0)
            self.sent.setdefault(a, []).append(self.number)
        self.socket[a].send(struct.pack("!HHIIIIBBH", 5, n, 100000, now, 0, self.sequence.get(a, 0), 0, 0, 0) + flows)
        self.sequence[a] = self.sequence.get(a, 0) + n
        time.sleep(0.002)  # in that order, also where several sockets are read

    def all(self, rounds):
        for i in range(rounds):
            for family in EXPORTERS.values():
                for a in family:
                    self.send(a, 1 + i % 3)

    def close(self):
        for s in self.socket.values():
            s.close()


class Source:
    """What came from one address."""

    def __init__(self):
        self.next, self.gaps, self.ports, self.unknown = 0, 0, [], 0
        self.templates, self.told, self.messages, self.sports = {}, 0, 0, set()

    def message(self, data, sport):
        version, count = struct.unpack("!HH", data[:4])
        self.messages += 1
        self.sports.add(sport)
        sequence = struct.unpack("!I", {5: data[16:20], 9: data[12:16], 10: data[8:12]}[version])[0]
        self.gaps += sequence != self.next
        if version == 5:
            self.next = sequence + count
            self.ports += [struct.unpack("!H", data[24 + 48 * i + 32:24 + 48 * i + 34])[0] for i in range(count)]
            return
        before, at = len(self.ports), 16 if version == 10 else 20
        while at + 4 <= len(data):
            set_id, length = struct.unpack("!HH", data[at:at + 4])
            self.set(set_id, data[at + 4:at + length])
            at += length
        self.next = sequence + (1 if version == 9 else len(self.ports) - before)

    def set(self, set_id, body):
        if set_id in (0, 2):
            while len(body) >= 4:
                number, n = struct.unpack("!HH", body[:4])
                fields = [struct.unpack("!HH", body[4 + 4 * i:8 + 4 * i]) for i in range(n)]
                self.templates[number] = fields  # none here has an enterprise's elements
                self.told += 1
                body = body[4 + 4 * n:]
            return
        if set_id not in self.templates:
            self.unknown += 1
            return
        fields = self.templates[set_id]
        size = sum(n for _, n in fields)
        while len(body) >= size:
            at = 0
            for element, n in fields:
                if element == 7:
                    self.ports.append(struct.unpack("!H", body[at:at + n])[0])
                at += n
            body = body[size:]


class Receiver:
    def __init__(self, namespace, family):
        with namespace.inside():
            self.socket = socket.socket(socket.AF_INET if family == 4 else socket.AF_INET6, socket.SOCK_DGRAM)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
            self.socket.bind((COLLECTOR[family], 0))
        self.port, self.of = self.socket.getsockname()[1], {}

    def hear(self, condition, seconds=live.DEADLINE):
        end = time.monotonic() + seconds
        self.socket.settimeout(0.1)
        while time.monotonic() < end and not condition():
            try:
                data, source = self.socket.recvfrom(65535)
            except socket.timeout:
                continue
            self.of.setdefault(source[0], Source()).message(data, source[1])
        return condition()

    def records(self):
        return sum(len(s.ports) for s in self.of.values())


def address(family, port):
    return ("%s:%d" if family == 4 else "[%s]:%d") % (COLLECTOR[family], port)


def relay(program, port, *outputs, config=None):
    words = [x for o in outputs for x in ("-o", o)]
    listen = [x for a in (LISTEN[4], "[%s]" % LISTEN[6]) for x in ("-l", "netflow://%s:%d" % (a, port))]
    p = live.Process([program, "collect", *(listen if config is None else ["-c", config]), "-w", "1", "--stats", "0",
                      *words])
    live.wait_for("the relay", lambda: len(live.socket_lines("udp", port)) == 1 and
                  len(live.socket_lines("udp6", port)) == 1 or p.p.poll() is not None)
    return p


def check_sources(c, program, ns, family, version):
    name, port = "%s over IPv%d" % (version, family), 2055
    there = Receiver(ns["collector"], family)
    with relay(program, port, "%s+udp://%s?spoof=true" % (version, address(family, there.port))) as p:
        e = Exporters(ns["exporters"], port)
        e.all(5)
        wanted = sum(len(x) for x in e.sent.values())
        there.hear(lambda: there.records() == wanted)
        rc, _, err = p.end()
        e.close()
    c.same("%s: exit status, %s" % (name, err[-600:]), 0, rc)
    others = sum((e.sent[a] for a in EXPORTERS[10 - family]), [])
    c.same(name + ": records by source", {**{a: e.sent[a] for a in EXPORTERS[family]}, RELAY[family]: sorted(others)},
           {a: sorted(s.ports) for a, s in there.of.items()})
    c.same(name + ": sequence from 0 of each, templates before records", {(0, 0)},
           {(s.gaps, s.unknown) for s in there.of.values()})
    c.same(name + ": each has been told its templates", {0 if version == "netflow5" else 1},
           {s.told for s in there.of.values()})
    c.same(name + ": one port", 1, len(set().union(*(s.sports for s in there.of.values()))))
    c.same(name + ": of the others that is said once", 1, err.count("are sent from the own one"))
    there.socket.close()


def check_refresh(c, program, ns):
    there, port = Receiver(ns["collector"], 4), 2055
    first, second = EXPORTERS[4][:2]
    with relay(program, port, "ipfix+udp://%s?spoof=true&template_refresh=1" % address(4, there.port)) as p:
        e = Exporters(ns["exporters"], port)
        e.send(first, 3)
        e.send(second, 3)
        there.hear(lambda: there.records() == 6)
        messages = {a: s.messages for a, s in there.of.items()}
        there.hear(lambda: False, 1.5)
        c.same("refresh: nobody speaks for those who are silent", messages, {a: s.messages for a, s in there.of.items()})
        e.send(first, 3)
        there.hear(lambda: there.records() == 9)
        p.end()
        e.close()
    c.same("refresh: templates again with the next record, of that one", {first: 2, second: 1},
           {a: s.told for a, s in there.of.items()})
    c.same("refresh: sequence", {(0, 0)}, {(s.gaps, s.unknown) for s in there.of.values()})
    there.socket.close()


def check_own(c, program, ns, family, version):
    """flowtap as the collector behind it."""
    port, to, name = 2055, 4739, "own collector, %s, IPv%d" % (version, family)
    with ns["collector"].inside():
        back = live.Process([program, "collect", "-l", "udp://" + address(family, to), "-w", "1", "--stats", "0", "-e",
                             "flow,exporter", "-o", "ndjson:-"])
    with back:
        time.sleep(1)
        with relay(program, port, "%s+udp://%s?spoof=true" % (version, address(family, to))) as p:
            e = Exporters(ns["exporters"], port)
            e.all(4)
            time.sleep(1)
            rc, _, err = p.end()
            e.close()
        time.sleep(0.5)
        rc_back, out, err_back = back.end()
    c.same("%s: exit status, %s%s" % (name, err[-300:], err_back[-300:]), (0, 0), (rc, rc_back))
    events = [json.loads(x) for x in out.splitlines()]
    flows, found = [x for x in events if x["event_type"] == "network_flow_record"], {}
    for x in flows:
        found.setdefault(x["exporter"]["address"], []).append(x["flow_key"]["src_port"])
    others = sum((e.sent[a] for a in EXPORTERS[10 - family]), [])
    c.same(name + ": records", {**{a: e.sent[a] for a in EXPORTERS[family]}, RELAY[family]: sorted(others)},
           {a: sorted(x) for a, x in found.items()})
    health = [x for x in events if x["event_type"] == "exporter_health"]
    c.same(name + ": nothing lost", {0}, {x["lost"] for x in health} if health else None)


def check_nfcapd(c, program, ns, scratch):
    if shutil.which("nfcapd") is None or shutil.which("nfdump") is None:
        c.skipped.append("nfcapd")
        return
    for version in VERSION:
        port, to, directory = 2055, 2056, tempfile.mkdtemp(dir=scratch)
        with ns["collector"].inside():
            back = live.Process(["nfcapd", "-w", directory, "-p", str(to), "-b", COLLECTOR[4], "-t", "600", "-P",
                                 os.path.join(directory, "pid"), "-B", "4000000"])
        with back:
            time.sleep(1)
            with relay(program, port, "%s+udp://%s?spoof=true" % (version, address(4, to))) as p:
                e = Exporters(ns["exporters"], port)
                for i in range(12):
                    e.send(EXPORTERS[4][i % 3], 2)
                time.sleep(1)
                p.end()
                e.close()
            time.sleep(0.5)
            back.end()
        env = {**os.environ, "TZ": "UTC"}
        rows = json.loads(subprocess.run(["nfdump", "-R", directory, "-o", "json"], env=env, timeout=60,
                                         capture_output=True, check=True).stdout or b"[]")
        info = subprocess.run(["nfdump", "-R", directory, "-I"], capture_output=True, timeout=60, check=True).stdout
        found = {}
        for r in rows:
            found.setdefault(r.get("ip4_router"), []).append(r["src_port"])
        c.same("nfcapd, %s: records by router" % version, e.sent, {a: sorted(x) for a, x in found.items()})
        c.same("nfcapd, %s: sequence failures" % version, 0,
               int(re.search(r"Sequence failures: (\d+)", info.decode())[1]))


def check_reload(c, program, scratch):
    """Such an output cannot be added: what it takes is gone."""
    path, port = os.path.join(scratch, "flowtap.yaml"), 2055
    text = "listen: ['netflow://%s:%d', 'netflow://[%s]:%d']\noutput: ['ipfix+udp://10.9.0.2:9', 'ndjson:%s'%%s]\n" % (LISTEN[4], port, LISTEN[6], port, os.path.join(scratch, "first.json"))
    made = os.path.join(scratch, "made.json")
    with open(path, "w", encoding="ascii") as f:
        f.write(text % "")
    with relay(program, port, config=path) as p:
        time.sleep(0.5)
        with open(path, "w", encoding="ascii") as f:
            f.write(text % (", 'ndjson:%s', 'ipfix+udp://10.9.0.2:9?spoof=true'" % made))
        p.p.send_signal(signal.SIGHUP)
        live.wait_for("an answer", lambda: "stays as it was" in os.pread(p.err.fileno(), 65536, 0).decode())
        rc, _, err = p.end()
    c.same("reload: " + err[-600:], (0, 1, False), (rc, err.count("spoof=true needs the capability CAP_NET_RAW"),
                                                   os.path.exists(made)))
    c.same("reload: what to do: " + err[-600:], True, re.search(r"setcap cap_net_raw=eip \S*flowtap\n", err) is not None)


# ---- what is refused, anywhere ----

def check_refused(c, program, scratch):
    made = os.path.join(scratch, "other.json")

    def said(*words, user=None):
        r = subprocess.run([program, *words], capture_output=True, timeout=30, check=False, stdin=subprocess.DEVNULL,
                           **({"user": user, "group": user, "extra_groups": []} if user else {}))
        return r.returncode, r.stderr.decode()
    to = "ipfix+udp://127.0.0.1:9?spoof=true"
    listen = ("collect", "-l", "netflow://127.0.0.1:%d" % live.free_port())
    key = os.path.join(scratch, "key")
    with open(key, "w", encoding="ascii") as f:
        f.write("01" * 32)
    for words, code, what in (
            (("read", "-o", to, "-"), 2, "only collect has exporters"),
            (("read", "-o", "netflow5+udp://127.0.0.1:9?spoof=false", "-"), 2, "only collect has exporters"),
            ((*listen, "-o", "ipfix+tcp://127.0.0.1:9?spoof=true"), 2, "spoof= is for UDP"),
            ((*listen, "-o", "ipfix:%s?spoof=true" % os.path.join(scratch, "f")), 2, "spoof= is for UDP"),
            ((*listen, "-o", to + "&report=5"), 2, "not with spoof=true"),
            ((*listen, "--anonymize", key, "-o", to), 2, "not with --anonymize or --no-identity"),
            ((*listen, "-o", "ipfix+udp://127.0.0.1:9?spoof=maybe"), 2, "true or false"),
            ((*listen, "-o", "ndjson:-?spoof=true"), 2, "spoof")):
        rc, err = said(*words)
        if rc == 1 and "CAP_NET_RAW" in err and os.geteuid() != 0:
            continue  # that is said first
        c.same("refused: %s: %s" % (" ".join(words), err[-200:]), (code, True), (rc, what in err))
    rc, err = said(*listen, "-o", "ndjson:" + made, "-o", to, user=65534 if os.geteuid() == 0 else None)
    c.same("no privilege: " + err[-400:], (1, True, True, False),
           (rc, "CAP_NET_RAW" in err, "setcap cap_net_raw=eip" in err, os.path.exists(made)))


def check_namespaces(c, program, scratch):
    ns = {"exporters": Namespace(), "collector": Namespace()}
    try:
        join("e0", [LISTEN[4] + "/24", LISTEN[6] + "/64"], ns["exporters"], "e1",
             [a + "/24" for a in EXPORTERS[4]] + [a + "/64" for a in EXPORTERS[6]])
        join("c0", [RELAY[4] + "/24", RELAY[6] + "/64"], ns["collector"], "c1",
             [COLLECTOR[4] + "/24", COLLECTOR[6] + "/64"])
        time.sleep(1)  # both ends are up
        for family in COLLECTOR:
            for version in VERSION:
                check_sources(c, program, ns, family, version)
        check_refresh(c, program, ns)
        check_own(c, program, ns, 4, "ipfix")
        check_own(c, program, ns, 6, "netflow9")
        check_nfcapd(c, program, ns, scratch)
        check_reload(c, program, scratch)
    finally:
        for n in ns.values():
            n.end()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--flowtap", required=True)
    p.add_argument("--here", action="store_true", help="only what takes namespaces, in this one")
    args = p.parse_args()
    c = flow_export.Checks()
    program = os.path.abspath(args.flowtap)
    with tempfile.TemporaryDirectory() as scratch:
        os.chmod(scratch, 0o777)
        if args.here:
            check_namespaces(c, program, scratch)
        else:
            check_refused(c, program, scratch)
            if os.geteuid() != 0 or subprocess.run(["unshare", "-n", "true"], capture_output=True,
                                                   check=False).returncode != 0:
                c.skipped.append("all that takes root and network namespaces")
            else:
                r = subprocess.run(["unshare", "-n", sys.executable, "-B", os.path.abspath(__file__), "--here",
                                    "--flowtap", program], capture_output=True, timeout=200, check=False)
                c.same("in a namespace: " + (r.stdout + r.stderr).decode(errors="replace")[-6000:], 0, r.returncode)
    for line in c.failed:
        print(line)
    print("%d checks, %d failed%s" % (c.n, len(c.failed), "; without " + ", ".join(c.skipped) if c.skipped else ""))
    return 1 if c.failed else 0


if __name__ == "__main__":
    sys.exit(main())
