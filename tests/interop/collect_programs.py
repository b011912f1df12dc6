#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`flowtap collect` with real exporters and beside a real collector, over loopback.

softflowd (NetFlow v5, v9, IPFIX), pmacctd's nfprobe (v5, v9, IPFIX) and sfprobe, and nfreplay
export a capture; what flowtap makes of it is compared, flow by flow, with the packets of the
capture, which are read here, and with what nfcapd stores of the same datagrams. Then the same
datagrams live and replayed, with one worker and two; a stream of IPFIX cut at every byte; SIGTERM
under load; exporters that give way.

    collect_programs.py --flowtap PROGRAM --capture FILE [--corpus DIR]

A program that is not installed is left out, and named. Exit 0: all the same; 1: not so.
"""
import argparse
import glob
import ipaddress
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

import collect_live as live
import collect_support as support


class Checks:
    def __init__(self):
        self.n, self.failed, self.skipped = 0, [], []

    def same(self, what, theirs, ours):
        self.n += 1
        if theirs != ours:
            self.failed.append("%s: %s, flowtap has %s" % (what, theirs, ours))

    def account(self, what, run):
        self.n += 1
        self.failed += ["%s: %s" % (what, w) for w in run.wrong]


# ---- the capture itself ----

def packets_of(path):
    """(time in us, frame) of a little-endian classic capture of Ethernet."""
    with open(path, "rb") as f:
        data = f.read()
    at = 24
    while at + 16 <= len(data):
        s, us, n, _ = struct.unpack("<IIII", data[at:at + 16])
        yield s * 1000000 + us, data[at + 16:at + 16 + n]
        at += 16 + n


def parse(frame):
    """(key, IP bytes, bytes after the link header, TCP flags) of a frame; None: it is not IP."""
    kind, at = struct.unpack("!H", frame[12:14])[0], 14
    while kind in (0x8100, 0x88a8):
        kind, at = struct.unpack("!H", frame[at + 2:at + 4])[0], at + 4
    if kind == 0x0800:
        head, length = (frame[at] & 15) * 4, struct.unpack("!H", frame[at + 2:at + 4])[0]
        proto, src, dst = frame[at + 9], frame[at + 12:at + 16], frame[at + 16:at + 20]
        later = struct.unpack("!H", frame[at + 6:at + 8])[0] & 0x1fff
    elif kind == 0x86dd:
        head, length = 40, struct.unpack("!H", frame[at + 4:at + 6])[0] + 40
        proto, src, dst, later = frame[at + 6], frame[at + 8:at + 24], frame[at + 24:at + 40], 0
    else:
        return None
    ports, flags, l4 = (0, 0), 0, frame[at + head:]
    if proto in (6, 17) and not later:
        ports = struct.unpack("!HH", l4[:4])
        flags = l4[13] if proto == 6 else 0
    return (str(ipaddress.ip_address(src)), str(ipaddress.ip_address(dst)), *ports,
            proto), length, len(frame) - at, flags


class Flow:
    """One direction: packets, IP bytes, bytes with padding, flags, first and last in us."""

    def __init__(self, us):
        self.packets = self.bytes = self.padded = self.flags = 0
        self.first = self.last = us

    def both(self, back):
        """First and last of both directions, which is what some exporters keep."""
        return min(self.first, back.first), max(self.last, back.last)


def truth_of(path):
    """{key: Flow}, one for each direction."""
    found = {}
    for us, frame in packets_of(path):
        parsed = parse(frame)
        if parsed is None:
            continue
        key, length, padded, flags = parsed
        f = found.setdefault(key, Flow(us))
        f.packets, f.bytes, f.padded = f.packets + 1, f.bytes + length, f.padded + padded
        f.flags, f.last = f.flags | flags, max(f.last, us)
    return found


def micros(text):
    return None if text is None else support.seconds_to_ns(text) // 1000


def key_of(event):
    k = event["flow_key"]
    return (k["src_ip"], k["dst_ip"], k["src_port"] or 0, k["dst_port"] or 0, k["protocol"])


def flows_of(run):
    """The same of flowtap's records: {key: [packets, bytes, flags, first us, last us]}."""
    found = {}
    for e in run.flows:
        a = e["aggregate_metrics"]
        first, last = micros(a["first_seen"]), micros(a["last_seen"])
        f = found.setdefault(key_of(e), [0, 0, 0, first, last])
        f[0], f[1] = f[0] + a["packet_count"], f[1] + a["byte_count"]
        f[2] |= e["features"].get("tcp_control_bits", 0)
        if first is not None:
            f[3], f[4] = min(f[3], first), max(f[4], last)
    return found


def compare_flows(c, what, truth, run, v6, padded, slack_us):
    """padded: the exporter counts what is behind the IP packet, too. slack_us: what its unit of
    time takes away; None: its times are its own."""
    ours = flows_of(run)
    wanted = {k: v for k, v in truth.items() if v6 or ":" not in k[0]}
    c.account(what, run)
    c.same(what + ": flows", len(wanted), len(ours))
    for key, f in sorted(wanted.items()):
        have = ours.get(key, [None] * 5)
        c.same("%s: %s packets, bytes, flags" % (what, key),
               [f.packets, f.padded if padded else f.bytes, f.flags], have[:3])
        if slack_us is None:
            continue
        src, dst, sport, dport, proto = key
        both = f.both(truth.get((dst, src, dport, sport, proto), f))
        near = have[3] is not None and any(
            abs(a - have[3]) <= slack_us and abs(b - have[4]) <= slack_us
            for a, b in ((f.first, f.last), both))
        c.same("%s: %s first and last" % (what, key), both, both if near else have[3:])


# ---- exporters ----

def softflowd(capture, version, scratch):
    def cmd(port):
        return ["softflowd", "-r", capture, "-n", "127.0.0.1:%d" % port, "-v", version, "-d", "-6",
                "-a", "-p", os.path.join(scratch, "softflowd.pid"), "-c", "none"]
    return live.record_exporter(cmd)[0]


def pmacctd(capture, plugin, version, scratch):
    def cmd(port):
        conf = os.path.join(scratch, "pmacctd.conf")
        receiver = "nfprobe_receiver" if plugin == "nfprobe" else "sfprobe_receiver"
        with open(conf, "w", encoding="ascii") as f:
            f.write("daemonize: false\npcap_savefile: %s\nplugins: %s[a]\n%s[a]: 127.0.0.1:%d\n"
                    "aggregate[a]: src_host, dst_host, src_port, dst_port, proto, tos\n" % (
                        capture, plugin, receiver, port))
            if plugin == "nfprobe":
                f.write("nfprobe_version[a]: %s\n" % version)
            else:
                f.write("sampling_rate[a]: 1\nsfprobe_agentip[a]: 192.0.2.200\n")
        return ["pmacctd", "-f", conf]
    return live.record_exporter(cmd)[0]


def from_one(payloads, address="127.0.0.1", sport=None):
    sport = sport or live.free_port()
    return [(address, sport, p) for p in payloads]


# Times are in ms; v9's header, from which softflowd's count, is in s; pmacctd's v5 has its times by
# a clock of its own.
SLACK_US = {"softflowd v9": 1000000, "pmacctd v5": None}


def check_exporters(c, args, scratch):
    """Each exporter live; returns {name: payloads}."""
    truth, recorded = truth_of(args.capture), {}
    for program, versions in (("softflowd", ("5", "9", "10")), ("pmacctd", ("5", "9", "10"))):
        if shutil.which(program) is None:
            c.skipped.append(program)
            continue
        for version in versions:
            name = "%s v%s" % (program, version)
            payloads = (softflowd(args.capture, version, scratch) if program == "softflowd"
                        else pmacctd(args.capture, "nfprobe", version, scratch))
            c.same(name + ": sent anything", True, len(payloads) > 0)
            run = live.live(args.flowtap, from_one(payloads))
            recorded[name] = payloads
            compare_flows(c, name, truth, run, version != "5", program == "softflowd",
                          SLACK_US.get(name, 1000))
            c.same(name + ": datagrams", len(payloads), run.stats["received"])
    if shutil.which("pmacctd") is not None:
        recorded["sfprobe"] = check_sfprobe(c, args, scratch)
    return recorded


def check_sfprobe(c, args, scratch):
    """pmacctd's sFlow: every packet is a sample; it does not send the last, unfilled datagram."""
    payloads = pmacctd(args.capture, "sfprobe", None, scratch)
    run = live.live(args.flowtap, from_one(payloads))
    c.account("sfprobe", run)
    # version, agent's address type and address, sub-agent, sequence, uptime, number of samples
    told = sum(struct.unpack("!I", p[24:28])[0] for p in payloads)
    s = run.stats["collect"]
    c.same("sfprobe: samples", told, s["samples"] + s["counter_samples"])
    parsed = [p for p in (parse(frame) for _, frame in packets_of(args.capture)) if p is not None]
    c.same("sfprobe: most packets are there", True, len(run.samples) * 10 >= len(parsed) * 9)
    c.same("sfprobe: each packet's flow", [p[0] for p in parsed[:len(run.samples)]],
           [key_of(e) for e in run.samples])
    return payloads


# ---- nfcapd ----

def nfcapd_records(payloads, scratch):
    """What nfcapd stores of the datagrams: sorted (key, packets, bytes), and its directory."""
    directory = tempfile.mkdtemp(dir=scratch)
    port = live.free_port()
    with live.Process(["nfcapd", "-w", directory, "-p", str(port), "-b", "127.0.0.1", "-t", "600",
                       "-P", os.path.join(directory, "pid")]) as p:
        p.listening("udp", port)
        live.send(from_one(payloads), port)
        time.sleep(0.5)
        p.end()
    out = subprocess.run(["nfdump", "-R", directory, "-o", "json"], capture_output=True,
                         timeout=60, check=True).stdout
    rows = json.loads(out or b"[]")
    return sorted(((r.get("src4_addr") or r["src6_addr"], r.get("dst4_addr") or r["dst6_addr"],
                    r.get("src_port", 0), r.get("dst_port", 0), r["proto"]), r["in_packets"],
                   r["in_bytes"]) for r in rows), directory


def our_records(run):
    found = []
    for e in run.flows:
        a = e["aggregate_metrics"]
        found.append((key_of(e), a["packet_count"], a["byte_count"]))
    return sorted(found)


def without_icmp_ports(rows):
    return sorted(((*k[:2], 0, 0, k[4]) if k[4] in (1, 58) else k, p, b) for k, p, b in rows)


def check_nfcapd(c, args, recorded, scratch):
    if shutil.which("nfcapd") is None or shutil.which("nfdump") is None:
        c.skipped.append("nfcapd")
        return
    for name, payloads in recorded.items():
        if name == "sfprobe" or not payloads:
            continue
        theirs, directory = nfcapd_records(payloads, scratch)
        ours = our_records(live.replay(args.flowtap, from_one(payloads), scratch))
        c.same("nfcapd of %s: records" % name, len(theirs), len(ours))
        c.same("nfcapd of %s: each record" % name, without_icmp_ports(theirs),
               without_icmp_ports(ours))
        if name == "softflowd v9" and shutil.which("nfreplay"):
            check_nfreplay(c, args, directory, theirs)


def check_nfreplay(c, args, directory, theirs):
    """nfreplay exports what nfcapd stored."""
    stored = glob.glob(os.path.join(directory, "nfcapd.*"))
    for version in ("5", "9"):
        payloads = live.record_exporter(lambda port, v=version: [
            "nfreplay", "-r", stored[0], "-H", "127.0.0.1", "-p", str(port), "-v", v])[0]
        run = live.live(args.flowtap, from_one(payloads))
        c.account("nfreplay v" + version, run)
        wanted = [r for r in theirs if version == "9" or ":" not in r[0][0]]
        c.same("nfreplay v" + version, without_icmp_ports(wanted),
               without_icmp_ports(our_records(run)))


# ---- live and replayed ----

OWN = {"timestamp", "first_heard", "last_heard", "clock_skew_ms"}  # by the time of arrival


def content(run, drop_port_of=()):
    """The events without what the time of arrival makes of them, sorted."""
    found = []
    for e in run.events:
        kind = e["event_type"]
        if kind == "pipeline_stats":
            continue
        e = {k: v for k, v in e.items() if k not in OWN or kind == "network_flow_record"}
        if kind == "network_flow_sample":
            e["aggregate_metrics"] = {k: v for k, v in e["aggregate_metrics"].items()
                                      if not k.endswith("_seen")}
        found.append(json.dumps(e, sort_keys=True))
    return sorted(found)


def many_exporters(groups):
    """The datagrams of each group from an address of its own, by turns."""
    queues = [[("127.0.1.%d" % (i + 1), 20000 + i, p) for p in g] for i, g in enumerate(groups)]
    mixed = []
    while any(queues):
        for q in queues:
            if q:
                mixed.append(q.pop(0))
    return mixed


def corpus_groups(corpus):
    """The cases of a corpus: payloads of one case in their order."""
    if not os.path.isfile(os.path.join(os.path.dirname(os.path.abspath(corpus)), "GOLDENS.tsv")):
        return []
    cases = {}
    for _, inputs in support.goldens(corpus, lambda x: ".tshark-" in x and x.startswith(
            ("public/netflow/", "public/ipfix/", "public/sflow/"))):
        if all(x.endswith((".dat", ".bin")) and "ethframe" not in x for x in inputs):
            cases[tuple(inputs)] = True
    groups = []
    for inputs in cases:
        groups.append([])
        for name in inputs:
            with open(name, "rb") as f:
                groups[-1].append(f.read())
    return groups


def check_live(c, args, recorded, scratch):
    groups = [p for p in recorded.values() if p] + corpus_groups(args.corpus)
    datagrams = many_exporters(groups)
    if not datagrams:
        return
    once = live.replay(args.flowtap, datagrams, scratch)
    again = live.replay(args.flowtap, datagrams, scratch)
    c.account("replay", once)
    c.same("replay: twice, byte for byte but elapsed_ms", whole(once), whole(again))
    wanted = content(once)
    for workers in (1, 2):
        run = live.live(args.flowtap, datagrams, workers)
        c.account("live, %d workers" % workers, run)
        c.same("live, %d workers: received" % workers, len(datagrams), run.stats["received"])
        compare_content(c, "live, %d workers" % workers, wanted, content(run))
    return len(datagrams), len(wanted)


def whole(run):
    found = [dict(e) for e in run.events]
    for e in found:
        e.pop("elapsed_ms", None)
    return found


def compare_content(c, what, wanted, have):
    c.same(what + ": events", len(wanted), len(have))
    gone, new = set(wanted) - set(have), set(have) - set(wanted)
    c.same(what + ": events that are not there", [], sorted(gone)[:3])
    c.same(what + ": events that are new", [], sorted(new)[:3])


def check_sigterm(c, args):
    """Ended while datagrams come in: everything that was received is accounted for."""
    payloads = [v5_datagram(i) for i in range(50)]
    with live.Collector(args.flowtap, workers=2) as collector:
        stop = threading.Event()

        def flood():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.bind(("127.0.2.1", 0))
                while not stop.is_set():
                    for p in payloads:
                        try:
                            s.sendto(p, ("127.0.0.1", collector.port))
                        except ConnectionError:
                            return  # it is gone
                    time.sleep(0.002)
        thread = threading.Thread(target=flood)
        thread.start()
        time.sleep(0.7)
        rc, out, err = collector.end()
        stop.set()
        thread.join(live.DEADLINE)
        run = support.Run(rc, out, err)
    c.account("SIGTERM", run)
    c.same("SIGTERM: received anything", True, run.stats is not None and run.stats["received"] > 0)


def v5_datagram(sequence):
    head = struct.pack("!HHIIIIBBH", 5, 1, 60000, 1700000000, 0, sequence, 0, 0, 0)
    return head + struct.pack("!4s4s4sHHIIIIHHBBBBHHBBH", bytes([192, 0, 2, 1]),
                              bytes([192, 0, 2, 2]), bytes(4), 1, 2, 3, 180, 1000, 2000, 1024, 53,
                              0, 0, 17, 0, 0, 0, 0, 0, 0)


# ---- a stream ----

def ipfix_stream():
    """Templates with fixed and variable fields, options, records: several messages."""
    def message(sequence, *sets):
        body = b"".join(struct.pack("!HH", i, 4 + len(b)) + b for i, b in sets)
        return struct.pack("!HHIII", 10, 16 + len(body), 1700000000 + sequence, sequence, 7) + body

    def record(i, name):
        return struct.pack("!4s4sHHBQQ", bytes([192, 0, 2, i]), bytes([198, 51, 100, i]), 1000 + i,
                           443, 6, i, 60 * i) + bytes([len(name)]) + name
    fields = [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (2, 8), (1, 8), (82, 65535)]
    template = struct.pack("!HH", 300, len(fields)) + b"".join(
        struct.pack("!HH", *f) for f in fields)
    options = struct.pack("!HHHHHHHHH", 301, 3, 1, 149, 4, 305, 4, 306, 4)
    return [message(0, (2, template), (3, options)),
            message(0, (301, struct.pack("!III", 7, 1, 9)),
                    (300, record(1, b"eth0") + record(2, b""))),
            message(3, (300, record(3, b"x" * 40))), message(4, (300, record(4, b"lo")))]


def records(run):
    return [json.dumps([e["flow_key"], e["aggregate_metrics"], e["features"],
                        e["exporter"]["sequence"]], sort_keys=True) for e in run.flows]


def check_stream(c, args, scratch):
    """IPFIX over TCP, cut in two at every byte, and byte by byte: the same records each time."""
    messages = ipfix_stream()
    data = b"".join(messages)
    wanted = records(live.replay(args.flowtap, from_one(messages), scratch))
    c.same("stream: records of the messages", 4, len(wanted))
    cuts = [(data[:i], data[i:]) for i in range(1, len(data))]
    cuts.append(tuple(data[i:i + 1] for i in range(len(data))))
    with live.Collector(args.flowtap, scheme="ipfix+tcp") as collector:
        for parts in cuts:
            with socket.create_connection(("127.0.0.1", collector.port), live.DEADLINE) as s:
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for part in parts:
                    s.sendall(part)
                    time.sleep(0.001)
        time.sleep(0.5)
        run = collector.run()
    c.account("stream", run)
    have = {}
    for r in records(run):
        have[r] = have.get(r, 0) + 1
    c.same("stream: each record once for each of the %d streams" % len(cuts),
           {r: len(cuts) for r in wanted}, have)
    return len(cuts)


def check_evicted(c, args, scratch):
    """Totals stay when an exporter has to give way: loss by sequence numbers, data in waiting."""
    gap = [("127.0.3.1", 9, v5_datagram(0)), ("127.0.3.1", 9, v5_datagram(11))]
    orphan = struct.pack("!HHIIII", 9, 1, 1, 1700000000, 0, 5) + struct.pack("!HHI", 999, 8, 0)
    others = [("127.0.3.%d" % i, 9, v5_datagram(0)) for i in range(3, 9)]
    run = live.replay(args.flowtap, gap + [("127.0.3.2", 9, orphan)] + others, scratch,
                      "--max-exporters", "2")
    c.account("evicted", run)
    s = run.stats["collect"]
    c.same("evicted: exporters", 6, s["exporters_evicted"])
    c.same("evicted: lost", 10, s["lost"])
    c.same("evicted: no_template", 1, s["no_template"])
    c.same("replay: the account's time is the newest datagram's", "1700000000.%06d" % (
        1000 * (len(gap) + len(others))), run.stats["timestamp"])


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--flowtap", required=True)
    ap.add_argument("--capture", required=True, help="what the exporters read: classic, Ethernet")
    ap.add_argument("--corpus", default="")
    args = ap.parse_args()
    args.capture = os.path.abspath(args.capture)
    c = Checks()
    with tempfile.TemporaryDirectory() as scratch:
        recorded = check_exporters(c, args, scratch)
        check_nfcapd(c, args, recorded, scratch)
        n = check_live(c, args, recorded, scratch)
        check_sigterm(c, args)
        streams = check_stream(c, args, scratch)
        check_evicted(c, args, scratch)
    for line in c.failed:
        print("DIFFERENT %s" % line[:1500])
    if c.skipped:
        print("not installed: %s" % ", ".join(c.skipped))
    print("%s datagrams and events live and replayed, %d streams" % (n, streams))
    print("%d passed, %d failed" % (c.n - len(c.failed), len(c.failed)))
    return 1 if c.failed else 0


if __name__ == "__main__":
    sys.exit(main())
