#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`-o sflow+udp://` read by other programs over loopback, packet by packet.

What stands in a capture is what each of them must have read of it: a decoder of this file, flowtap's
own collector, tshark, sfcapd with nfdump, sfacctd, goflow2. Then one of N, small datagrams, kinds of
links, and `live`, in a network namespace of its own: directions, counters, a tag that the kernel took
off.

    flow_export_sflow.py --flowtap PROGRAM --capture FILE

A program that is not installed is left out, and named. Exit 0: all the same; 1: not so.
"""
import argparse
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

import collect_live as live
import collect_support as support
import flow_export

FCS = 4


def frames_of(path):
    """(time in us, bytes on the wire, bytes) of a capture of this machine's order, and its link type."""
    with open(path, "rb") as f:
        data = f.read()
    assert data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1"), path
    unit = 1 if data[:1] == b"\xd4" else 1000
    at, found = 24, []
    while at < len(data):
        s, us, cap, n = struct.unpack("<IIII", data[at:at + 16])
        found.append((s * 10 ** 6 + us // unit, n, data[at + 16:at + 16 + cap]))
        at += 16 + cap
    return found, struct.unpack("<I", data[20:24])[0]


# ---- a decoder ----

class Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def u32(self):
        self.at += 4
        return struct.unpack("!I", self.data[self.at - 4:self.at])[0]

    def u64(self):
        return self.u32() << 32 | self.u32()

    def take(self, n):
        self.at += n
        assert self.at <= len(self.data), (self.at, len(self.data))
        return self.data[self.at - n:self.at]


COUNTERS = ("index", "type", "speed", "direction", "status", "in_octets", "in_ucast", "in_multicast",
            "in_broadcast", "in_discards", "in_errors", "in_unknown", "out_octets", "out_ucast",
            "out_multicast", "out_broadcast", "out_discards", "out_errors", "promiscuous")
HYPER = {"speed", "in_octets", "out_octets"}


def sample_of(tag, data):
    c = Cursor(data)
    if tag == 2:
        s = {"kind": "counters", "sequence": c.u32(), "source": c.u32(), "records": c.u32()}
        assert (s["records"], c.u32(), c.u32()) == (1, 1, 88)
        s.update((name, c.u64() if name in HYPER else c.u32()) for name in COUNTERS)
    else:
        assert tag == 1, tag
        s = {"kind": "flow"}
        for name in ("sequence", "source", "rate", "pool", "drops", "input", "output", "records"):
            s[name] = c.u32()
        for _ in range(s["records"]):
            tag, r = c.u32(), Cursor(c.take(c.u32()))
            if tag == 1:
                s.update({"protocol": r.u32(), "frame": r.u32(), "stripped": r.u32()})
                n = r.u32()
                s["header"] = r.take(n)
                assert r.data[r.at:] == bytes(-n % 4)
            else:
                assert tag == 1001, tag
                s["switch"] = tuple(r.u32() for _ in range(4))
    assert c.at == len(data), (c.at, len(data))
    return s


def datagram_of(data):
    c = Cursor(data)
    assert c.u32() == 5
    d = {"agent": socket.inet_ntop(*((socket.AF_INET, c.take(4)) if c.u32() == 1 else
                                     (socket.AF_INET6, c.take(16)))),
         "sub": c.u32(), "sequence": c.u32(), "uptime": c.u32(), "len": len(data)}
    d["samples"] = [sample_of(c.u32(), c.take(c.u32())) for _ in range(c.u32())]
    assert c.at == len(data)
    return d


class Receiver:
    def __init__(self, address="127.0.0.1"):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.s = socket.socket(family, socket.SOCK_DGRAM)
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.s.bind((address, 0))
        self.port, self.raw = self.s.getsockname()[1], []

    def hear(self, seconds):
        self.s.settimeout(seconds)
        try:
            while True:
                self.raw.append(self.s.recv(65535))
        except socket.timeout:
            return [datagram_of(x) for x in self.raw]

    def close(self):
        self.s.close()


def export(args, capture, to, *options):
    r = subprocess.run([args.flowtap, "read", capture, "-o", to, *options], capture_output=True,
                       timeout=60, check=False)
    if r.returncode != 0:
        raise RuntimeError("%s: %s" % (to, r.stderr.decode()[-400:]))
    return r.stderr.decode()


def received(args, capture, extra="", *options, address="127.0.0.1"):
    r = Receiver(address)
    host = "[%s]" % address if ":" in address else address
    err = export(args, capture, "sflow+udp://%s:%d%s" % (host, r.port, extra), *options)
    found = r.hear(0.3)
    r.close()
    return found, err, r.raw


def check_numbers(c, what, datagrams, rate, mtu=1400):
    samples = [s for d in datagrams for s in d["samples"]]
    c.same(what + ": datagrams count up", list(range(len(datagrams))),
           [d["sequence"] for d in datagrams])
    c.same(what + ": samples count up", list(range(len(samples))), [s["sequence"] for s in samples])
    c.same(what + ": pool", [1 + rate * i for i in range(len(samples))], [s["pool"] for s in samples])
    c.same(what + ": rate, drops", {(rate, 0)}, {(s["rate"], s["drops"]) for s in samples})
    c.same(what + ": no datagram is longer than the mtu", True,
           all(d["len"] <= mtu for d in datagrams))
    return samples


def tag_of(frame):
    if frame[12:14] in (b"\x81\x00", b"\x88\xa8"):
        tci = struct.unpack("!H", frame[14:16])[0]
        return (tci & 4095, tci >> 13) * 2
    return None


def wanted_of(frames, header=128):
    return [(1, n + FCS, FCS, data[:header], tag_of(data)) for _, n, data in frames]


def found_of(samples):
    return [(s["protocol"], s["frame"], s["stripped"], s["header"], s.get("switch"))
            for s in samples]


def check_decoder(c, args, frames):
    datagrams, _, _ = received(args, args.capture, "", "-w", "1")
    samples = check_numbers(c, "one of one", datagrams, 1)
    c.same("one of one", wanted_of(frames), found_of(samples))
    c.same("of a file no interface is known", {(0, 0, 0)},
           {(s["source"], s["input"], s["output"]) for s in samples})
    c.same("the agent is the socket", {("127.0.0.1", 0)}, {(d["agent"], d["sub"]) for d in datagrams})
    last = (frames[-1][0] // 1000) - frames[0][0] // 1000
    c.same("uptime is the capture's", last, datagrams[-1]["uptime"])
    datagrams, _, _ = received(args, args.capture, "?mtu=512&header=61&agent=2001:db8::7&domain=9",
                               "-s", "10", "-w", "3")
    samples = check_numbers(c, "one of ten", datagrams, 10, 512)
    c.same("one of ten", wanted_of(frames[::10], 61), found_of(samples))
    c.same("agent=, domain=", {("2001:db8::7", 9)}, {(d["agent"], d["sub"]) for d in datagrams})
    if socket.has_ipv6 and os.path.exists("/proc/net/if_inet6"):
        datagrams, _, _ = received(args, args.capture, address="::1")
        c.same("over IPv6", [len(frames), {"::1"}], [sum(len(d["samples"]) for d in datagrams),
                                                     {d["agent"] for d in datagrams}])


IP4 = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 30, 1, 0, 64, 17, 0, bytes([10, 0, 0, 1]),
                  bytes([10, 0, 0, 2])) + struct.pack("!HHHH", 1000, 53, 10, 0) + b"ab"
IP6 = struct.pack("!IHBB16s16s", 6 << 28, 10, 17, 64, bytes(15) + b"\1", bytes(15) + b"\2") + \
    struct.pack("!HHHH", 1000, 53, 10, 0) + b"cd"
LINKS = [  # link type, before the packets, header protocol, is the rest sent whole?
    (101, b"", None, False), (228, b"", 11, False), (0, struct.pack("<I", 2), None, False),
    (113, struct.pack("!HHH8sH", 0, 1, 6, bytes(8), 0x0800), 11, False),
    (276, struct.pack("!HHIHBB8s", 0x0800, 0, 1, 1, 0, 6, bytes(8)), 11, False),
    (9, b"\xff\x03\x00\x21", 7, True), (50, b"\xff\x03\x00\x21", 14, True),
    (105, bytes(24) + b"\xaa\xaa\x03\0\0\0\x08\0", 15, True), (219, b"\0\0\x11\x40", 13, True),
    (127, b"\0\0\x08\0\0\0\0\0", None, None)]


def check_links(c, args, scratch):
    for link, before, protocol, whole in LINKS:
        path = os.path.join(scratch, "link.pcap")
        packets = [before + IP4] + ([before + IP6] if protocol is None and whole is False else [])
        support.write_pcap(path, packets, link)
        datagrams, err, _ = received(args, path)
        found = [(s["protocol"], s["frame"], s["stripped"], s["header"])
                 for d in datagrams for s in d["samples"]]
        rest = [x if whole else x[len(before):] for x in packets]
        wanted = [(protocol or (11 if x[0] >> 4 == 4 else 12), len(x), 0, x) for x in rest]
        c.same("link type %d" % link, wanted if whole is not None else [], found)
        c.same("link type %d: counted" % link, whole is None, "unfit: link" in err)


def check_cut(c, args, frames, scratch):
    """Frames of which a capture holds less than there was."""
    path = os.path.join(scratch, "cut.pcap")
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65, 1))
        for us, n, data in frames:
            f.write(struct.pack("<IIII", us // 10 ** 6, us % 10 ** 6, min(65, len(data)), n) + data[:65])
    datagrams, _, _ = received(args, path)
    c.same("cut frames", wanted_of(frames, 65), found_of(s for d in datagrams for s in d["samples"]))


# ---- other programs ----

def keys_of(args):
    """(key, bytes on the wire) of the packets that are decoded, as flowtap says them."""
    out = subprocess.run([args.flowtap, "read", args.capture, "-e", "sample", "-o", "ndjson:-"],
                         capture_output=True, timeout=60, check=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def check_own(c, args):
    with live.Collector(args.flowtap) as collector:
        export(args, args.capture, "sflow+udp://127.0.0.1:%d?domain=3" % collector.port)
        run = collector.run()
    c.account("own", run)
    wanted = [(e["flow_key"], e["packet_size_bytes"] + FCS) for e in keys_of(args)]
    c.rows("own", wanted, [(e["flow_key"], e["packet_size_bytes"]) for e in run.samples])
    c.same("own: exporter", {("127.0.0.1", 1)}, {(e["exporter"]["address"],
                                                   e["exporter"]["sampling_rate"])
                                                  for e in run.samples})


def check_tshark(c, args, frames, raw, scratch):
    if shutil.which("tshark") is None:
        c.skipped.append("tshark")
        return
    path = os.path.join(scratch, "sflow.pcap")
    support.write_pcap(path, [support.udp(x, i, dport=6343) for i, x in enumerate(raw)])
    out = subprocess.run(["tshark", "-r", path, "-V"], capture_output=True, timeout=120,
                         check=True).stdout.decode(errors="replace")
    found = [(int(a), int(b), int(d)) for a, b, d in re.findall(
        r"Header protocol: Ethernet \(1\)\s+Frame Length: (\d+)(?: bytes)?\s+Payload stripped: (\d+)"
        r"(?: bytes)?\s+Sampled header length: (\d+)", out)]
    c.same("tshark", [(n + FCS, FCS, min(len(d), 128)) for _, n, d in frames], found)
    c.same("tshark: tags", sum(tag_of(d) is not None for _, _, d in frames),
           len(re.findall(r"Incoming 802.1Q VLAN: \d+", out)))
    sequences = [int(x) for x in re.findall(r"Sequence number: (\d+)\s+0000", out)]
    c.same("tshark: samples count up", list(range(len(frames))), sequences)


def check_sfcapd(c, args, frames, scratch):
    if shutil.which("sfcapd") is None or shutil.which("nfdump") is None:
        c.skipped.append("sfcapd")
        return
    directory, port = tempfile.mkdtemp(dir=scratch), live.free_port()
    with live.Process(["sfcapd", "-w", directory, "-p", str(port), "-b", "127.0.0.1", "-t", "600",
                       "-P", os.path.join(directory, "pid"), "-B", "4000000"]) as p:
        p.listening("udp", port)
        export(args, args.capture, "sflow+udp://127.0.0.1:%d" % port)
        flow_export.settle(port)
        p.end()
    rows = json.loads(subprocess.run(["nfdump", "-R", directory, "-o", "json"], timeout=60,
                                     capture_output=True, check=True).stdout or b"[]")
    found = [(flow_export.nfdump_key(r)[:2], r["proto"], r["in_packets"], r["in_bytes"]) for r in rows
             if r.get("src4_addr") != "0.0.0.0"]  # what is not IP
    wanted = [((e["flow_key"]["src_ip"], e["flow_key"]["dst_ip"]), e["flow_key"]["protocol"], 1,
               e["packet_size_bytes"] + FCS) for e in keys_of(args)]
    c.rows("sfcapd", wanted, found)
    c.same("sfcapd: all of them", len(frames), len(rows))


def check_sfacctd(c, args, scratch):
    if shutil.which("sfacctd") is None:
        c.skipped.append("sfacctd")
        return
    port = live.free_port()
    conf, out = os.path.join(scratch, "sfacctd.conf"), os.path.join(scratch, "sfacctd.rows")
    with open(conf, "w", encoding="ascii") as f:
        f.write("daemonize: false\nsfacctd_port: %d\nsfacctd_ip: 127.0.0.1\nplugins: print[a]\n"
                "aggregate[a]: src_host, dst_host, proto\nprint_output[a]: json\n"
                "print_output_file[a]: %s\nprint_refresh_time[a]: 1\n"
                "print_output_file_append[a]: true\nprint_num_protos: true\n"
                "sfacctd_renormalize: true\nsfacctd_pipe_size: 4000000\n" % (port, out))
    with live.Process(["sfacctd", "-f", conf]) as p:
        p.listening("udp", port)
        time.sleep(0.5)
        export(args, args.capture, "sflow+udp://127.0.0.1:%d" % port)
        flow_export.settle(port)

        def settled():
            before = os.path.getsize(out) if os.path.exists(out) else 0
            time.sleep(2.2)
            return before > 0 and os.path.getsize(out) == before
        live.wait_for("sfacctd's rows", settled)
        _, said, err = p.end()
    found, wanted = {}, {}
    with open(out, encoding="ascii") as f:
        for r in map(json.loads, f):
            add(found, (r["ip_src"], r["ip_dst"], int(r["ip_proto"])), r["packets"])
    for e in keys_of(args):
        k = e["flow_key"]
        add(wanted, (k["src_ip"], k["dst_ip"], k["protocol"]), 1)
    found = {k: n for k, n in found.items() if k[0] != ""}
    c.same("sfacctd: packets", wanted, found)
    c.same("sfacctd: nothing is missing", [], re.findall(r"expecting.*", said + err))


def add(sums, key, n):
    sums[key] = sums.get(key, 0) + n


def check_goflow2(c, args):
    program = flow_export.goflow2()
    if program is None:
        c.skipped.append("goflow2 (tests/interop/servers/goflow2.sh)")
        return
    port, addr = live.free_port(), live.free_port(socket.SOCK_STREAM)
    with live.Process([program, "-listen", "sflow://127.0.0.1:%d?workers=1" % port, "-format", "json",
                       "-transport", "file", "-addr", "127.0.0.1:%d" % addr]) as p:
        p.listening("udp", port)
        export(args, args.capture, "sflow+udp://127.0.0.1:%d" % port, "-s", "2")
        flow_export.settle(port)
        _, out, err = p.end()
    rows = flow_export.objects_of(out)
    frames, _ = frames_of(args.capture)
    c.same("goflow2: packets, bytes, rate", [(1, n + FCS, 2) for _, n, _ in frames[::2]],
           [(r["packets"], r["bytes"], r["sampling_rate"]) for r in rows])
    c.same("goflow2: errors", "", "\n".join(
        x for x in err.splitlines() if "error" in x.lower() or "warn" in x.lower())[:300])


# ---- live, in a namespace of its own ----

def run(*command):
    subprocess.run(command, check=True, timeout=20)


def check_live(c, args):
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1")
    for name in ("v0", "v1"):
        run("ip", "link", "set", name, "up", "arp", "off")
        with open("/proc/sys/net/ipv6/conf/%s/disable_ipv6" % name, "w", encoding="ascii") as f:
            f.write("1")
    index = socket.if_nametoindex("v1")
    there = Receiver()
    with live.Process([args.flowtap, "live", "-i", "v1", "-f", "ip or vlan", "-w", "1", "--stats", "0",
                       "-o", "sflow+udp://127.0.0.1:%d?counters=1" % there.port]) as p:
        live.wait_for("the capture", lambda: len(there.hear(0.1)) > 0)  # the first counters
        us, them = (socket.socket(socket.AF_PACKET, socket.SOCK_RAW) for _ in range(2))
        us.bind(("v1", 0))
        them.bind(("v0", 0))
        macs, tag = b"\2\0\0\0\0\1\2\0\0\0\0\2", b"\x81\0\x60\x07"
        plain, tagged = macs + b"\x08\0" + IP4, macs + tag + b"\x08\0" + IP4
        for s in (them, us):
            s.send(plain)
        them.send(tagged)
        time.sleep(2.2)
        rc, _, err = p.end()
        datagrams = there.hear(0.3)
    samples = [s for d in datagrams for s in d["samples"]]
    flows = [s for s in samples if s["kind"] == "flow"]
    counters = [s for s in samples if s["kind"] == "counters"]
    c.same("live: exit status, " + err[-300:], 0, rc)
    c.same("live: in, out, a tag that the kernel took off",
           [(index, index, 0, len(plain) + FCS, plain, None),
            (index, 0, index, len(plain) + FCS, plain, None),
            (index, index, 0, len(tagged) + FCS, tagged, (7, 3, 7, 3))],
           [(s["source"], s["input"], s["output"], s["frame"], s["header"], s.get("switch"))
            for s in flows])
    c.same("live: samples count up", ([0, 1, 2], [1, 2, 3]), ([s["sequence"] for s in flows],
                                                             [s["pool"] for s in flows]))
    c.same("live: counters count up", list(range(len(counters))), [s["sequence"] for s in counters])
    c.same("live: there are several", True, len(counters) >= 3)
    with open("/proc/net/dev", encoding="ascii") as f:
        row = [x.split()[1:] for x in f if x.strip().startswith("v1:")][0]
    last = {k: counters[-1][k] for k in ("index", "type", "status", "in_octets", "in_ucast",
                                         "in_discards", "in_errors", "out_octets", "out_ucast")}
    c.same("live: what the kernel has counted",
           {"index": index, "type": 6, "status": 3, "in_octets": int(row[0]),
            "in_ucast": int(row[1]) - int(row[7]), "in_errors": int(row[2]),
            "in_discards": int(row[3]), "out_octets": int(row[8]), "out_ucast": int(row[9])}, last)
    c.same("live: datagrams count up", list(range(len(datagrams))),
           [d["sequence"] for d in datagrams])
    there.close()


def check_two(c, args):
    """Two interfaces, two workers, one of two packets: each source has its own numbers."""
    index = {name: socket.if_nametoindex(name) for name in ("v0", "v1")}
    there = Receiver()
    with live.Process([args.flowtap, "live", "-i", "v0", "-i", "v1", "-f", "ip", "-w", "2", "--stats", "0", "-s", "2",
                       "-o", "sflow+udp://127.0.0.1:%d?counters=1&agent=10.9.8.7" % there.port]) as p:
        live.wait_for("the capture", lambda: len(there.hear(0.1)) > 0)
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        s.bind(("v0", 0))
        for i in range(40):
            s.send(b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + IP4[:20] + struct.pack("!HHHH", 2000 + i, 53, 10, 0) + b"ab")
        time.sleep(0.5)
        rc, _, err = p.end()
        datagrams = there.hear(0.3)
    there.close()
    flows = [s for d in datagrams for s in d["samples"] if s["kind"] == "flow"]
    c.same("two: exit status, " + err[-300:], 0, rc)
    c.same("two: the agent", {"10.9.8.7"}, {d["agent"] for d in datagrams})
    for name, way in (("v0", "output"), ("v1", "input")):
        of = [s for s in flows if s["source"] == index[name]]
        other = {"input": "output", "output": "input"}[way]
        c.same("two: %s: one of two" % name, True, 20 <= len(of) <= 21)  # of each worker the first
        c.same("two: %s: which way" % name, {(index[name], 0, 2, 0)},
               {(s[way], s[other], s["rate"], s["drops"]) for s in of})
        c.same("two: %s: samples count up" % name, list(range(len(of))), [s["sequence"] for s in of])
        c.same("two: %s: pool" % name, True, 38 <= of[-1]["pool"] <= 40 and
               sorted(s["pool"] for s in of) == [s["pool"] for s in of])
    counted = {s["source"] for d in datagrams for s in d["samples"] if s["kind"] == "counters"}
    c.same("two: counters of both", set(index.values()), counted)


def check_namespace(c, args):
    """The same file in a network namespace of its own, where there is one to be had."""
    cmd = ["unshare", "-n", sys.executable, "-B", os.path.abspath(__file__), "--live", "--flowtap",
           args.flowtap, "--capture", args.capture]
    if os.geteuid() != 0 or subprocess.run(["unshare", "-n", "true"], check=False,
                                           capture_output=True).returncode != 0:
        c.skipped.append("live (root, network namespaces)")
        return
    r = subprocess.run(cmd, capture_output=True, timeout=60, check=False)
    c.same("live: " + (r.stdout + r.stderr).decode(errors="replace")[-1500:], 0, r.returncode)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--flowtap", required=True)
    p.add_argument("--capture", required=True)
    p.add_argument("--live", action="store_true", help="only that, here")
    args = p.parse_args()
    c = flow_export.Checks()
    if args.live:
        check_live(c, args)
        check_two(c, args)
    else:
        frames, link = frames_of(args.capture)
        c.same("frames of Ethernet", (True, 1), (len(frames) > 0, link))
        with tempfile.TemporaryDirectory() as scratch:
            check_decoder(c, args, frames)
            check_links(c, args, scratch)
            check_cut(c, args, frames, scratch)
            check_own(c, args)
            check_tshark(c, args, frames, received(args, args.capture)[2], scratch)
            check_sfcapd(c, args, frames, scratch)
            check_sfacctd(c, args, scratch)
            check_goflow2(c, args)
            check_namespace(c, args)
    for line in c.failed:
        print(line)
    print("%d checks, %d failed%s" % (c.n, len(c.failed), "; without " + ", ".join(c.skipped)
                                      if c.skipped else ""))
    return 1 if c.failed else 0


if __name__ == "__main__":
    sys.exit(main())
