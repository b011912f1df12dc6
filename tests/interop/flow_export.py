#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`-o ipfix+udp://` and its like, read by other programs over loopback, number by number.

What flowtap says of a capture as NDJSON is what each of them must have read of the same capture
exported: its own collector (IPFIX over UDP, TCP and from a file, NetFlow v9, v5), tshark, nfcapd
with nfdump, nfacctd, goflow2. Then numbers in sequence across restarts, templates for a collector
that starts late.

    flow_export.py --flowtap PROGRAM --capture FILE [--corpus DIR]

A program that is not installed is left out, and named. Exit 0: all the same; 1: not so.
"""
import argparse
import calendar
import glob
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

REASONS = {"idle": 1, "active": 2, "snapshot": 2, "end": 3, "reuse": 3, "shutdown": 4, "eof": 4,
           "evicted": 5}
OPTIONS = ("--active-timeout", "1")  # so that some flows have several records


class Checks:
    def __init__(self):
        self.n, self.failed, self.skipped = 0, [], []

    def same(self, what, wanted, found):
        self.n += 1
        if wanted != found:
            self.failed.append("%s: %.400s, not %.400s" % (what, found, wanted))

    def rows(self, what, wanted, found):
        """Lists of dicts or tuples, whatever their order."""
        self.same(what + ": how many", len(wanted), len(found))
        key = repr
        missing, more = sorted(map(key, wanted)), sorted(map(key, found))
        for m, o in zip(missing, more):
            if m != o:
                self.same(what, m, o)
                return
        self.n += 1

    def account(self, what, run):
        self.n += 1
        self.failed += ["%s: %s" % (what, w) for w in run.wrong]


# ---- what is there ----

def ms(text):
    return support.seconds_to_ns(text) // 10 ** 6


def tuple_of(e):
    k = e["flow_key"]
    return k["protocol"], *sorted([(k["src_ip"], k["src_port"]), (k["dst_ip"], k["dst_port"])])


def truth_of(args, capture):
    """Flow records; with `since`, the time of the first packet that is not of the record before: by the samples of its tuple,
    which flows of it share one after another."""
    out = subprocess.run([args.flowtap, "read", capture, "-w1", "-e", "sample,flow", "-o", "ndjson:-", *OPTIONS],
                         capture_output=True, timeout=300, check=False).stdout
    flows, times, over, said = [], {}, {}, {}
    for e in (json.loads(line, parse_float=str) for line in out.splitlines()):
        if e["event_type"] == "network_flow_sample":
            times.setdefault(tuple_of(e), []).append(e["timestamp"])
        else:
            flows.append(e)
    for e in flows:
        a, key = e["aggregate_metrics"], tuple_of(e)
        n = said.get(e["flow_id"], 0)
        e["since"] = (a["first_seen"] if n == 0 else a["last_seen"] if n == a["packet_count"]
                      else times[key][over.get(key, 0) + n])
        said[e["flow_id"]] = a["packet_count"]
        if e["is_final"]:
            over[key] = over.get(key, 0) + a["packet_count"]
    return flows


def octets_since(flows):
    """Adds what has come of IP bytes since the record before of a flow."""
    seen = {}
    for e in flows:
        f = e["features"]
        before = seen.get(e["flow_id"], (0, 0))
        now = f["fwd_ip_bytes"], f["rev_ip_bytes"]
        f["fwd_ip_delta"], f["rev_ip_delta"] = now[0] - before[0], now[1] - before[1]
        seen[e["flow_id"]] = now
    return flows


def as_ipfix(e):
    """The elements of a record, by their names in snake_case."""
    f, k, a = e["features"], e["flow_key"], e["aggregate_metrics"]
    v = f["ip_version"]
    lasted = (support.seconds_to_ns(a["last_seen"]) - support.seconds_to_ns(e["since"])) // 1000
    r = {"observation_time_milliseconds": ms(e["timestamp"]), "flow_id": int(e["flow_id"], 16),
         "flow_end_reason": REASONS[e["reason"]], "source_ipv%d_address" % v: k["src_ip"],
         "destination_ipv%d_address" % v: k["dst_ip"], "source_transport_port": k["src_port"],
         "destination_transport_port": k["dst_port"], "protocol_identifier": k["protocol"],
         "flow_start_milliseconds": ms(e["since"]), "flow_end_milliseconds": ms(a["last_seen"]),
         "flow_duration_microseconds": lasted, "ip_version": v,
         "dot1q_vlan_id": f["vlan_id"], "icmp_type_ipv%d" % v: f["icmp_type"],
         "icmp_code_ipv%d" % v: f["icmp_code"]}
    if f["icmp_type"] is not None:
        r["icmp_type_code_ipv%d" % v] = f["icmp_type"] << 8 | (f["icmp_code"] or 0)
    if lasted >= 1 << 32:
        r["flow_duration_microseconds"] = None
    for way, before in (("fwd", ""), ("rev", "reverse_")):
        if way == "fwd" or f["rev_packets"] > 0:
            r.update({before + "packet_total_count": f[way + "_packets"],
                      before + "layer2_octet_total_count": f[way + "_bytes"],
                      before + "octet_total_count": f[way + "_ip_bytes"],
                      before + "tcp_control_bits": f[way + "_tcp_flags"],
                      before + "packet_delta_count": f[way + "_packets_delta"],
                      before + "octet_delta_count": f[way + "_ip_delta"],
                      before + "layer2_octet_delta_count": f[way + "_bytes_delta"]})
            if way == "rev":
                r["biflow_direction"] = 1
    return {name: x for name, x in sorted(r.items()) if x is not None}


def as_biflows(flows):
    """(key, packets, IP bytes, those of the other direction, TCP flags, first, last in ms)."""
    found = []
    for e in flows:
        f, k, a = e["features"], e["flow_key"], e["aggregate_metrics"]
        found.append(((k["src_ip"], k["dst_ip"], k["src_port"], k["dst_port"], k["protocol"]),
                      f["fwd_packets_delta"], f["fwd_ip_delta"], f["rev_packets_delta"],
                      f["rev_ip_delta"], f["fwd_tcp_flags"], ms(e["since"]),
                      ms(a["last_seen"])))
    return found


def as_uniflows(flows, v6=True):
    """(key, packets, IP bytes, TCP flags) of each direction that has packets since the record
    before: what NetFlow has."""
    found = []
    for e in flows:
        f, k = e["features"], e["flow_key"]
        if f["ip_version"] == 6 and not v6:
            continue
        ends = [(k["src_ip"], k["src_port"]), (k["dst_ip"], k["dst_port"])]
        for way in ("fwd", "rev"):
            if f[way + "_packets_delta"] > 0:
                (src, sport), (dst, dport) = ends
                found.append(((src, dst, sport, dport, k["protocol"]), f[way + "_packets_delta"],
                              f[way + "_ip_delta"], f[way + "_tcp_flags"]))
            ends.reverse()
    return found


# ---- our own collector ----

def export(args, capture, to, *options):
    r = subprocess.run([args.flowtap, "read", capture, "-e", "flow", "-o", to, *OPTIONS, *options],
                       capture_output=True, timeout=300, check=False)
    return r.returncode, r.stderr.decode(errors="replace")


def settle(port):
    """Waits until a collector has read what its socket holds, and a little for what it does with it."""
    for _ in range(2):
        live.wait_for("an empty queue", lambda: all(x[4].endswith(":00000000") for x in
                                                    live.socket_lines("udp", port)))
        time.sleep(0.4)


def collected(args, scheme, capture, to):
    """A run of the collector to which the capture was exported."""
    with live.Collector(args.flowtap, scheme=scheme) as c:
        rc, err = export(args, capture, to % c.port)
        if rc != 0:
            raise RuntimeError("%s: %s" % (to, err[-400:]))
        time.sleep(0.3)
        return c.run()


def ipfix_of(run):
    return [dict(sorted(e["features"].items())) for e in run.flows]


def uniflows_of(run):
    found = []
    for e in run.flows:
        k, f = e["flow_key"], e["features"]
        found.append(((k["src_ip"], k["dst_ip"], k["src_port"] or 0, k["dst_port"] or 0,
                       k["protocol"]), f["packet_delta_count"], f["octet_delta_count"],
                      f["tcp_control_bits"]))
    return found


def without_icmp_ports(rows):
    return [((*k[:2], 0, 0, k[4]) if k[4] in (1, 58) else k, *rest) for k, *rest in rows]


def check_own(c, args, capture, flows):
    wanted = [as_ipfix(e) for e in flows]
    run = collected(args, "udp", capture, "ipfix+udp://127.0.0.1:%d?biflow=false")
    c.account("own, uniflows", run)
    c.rows("own, uniflows", without_icmp_ports(as_uniflows(flows)),
           without_icmp_ports(uniflows_of(run)))
    for name, scheme, to in (("udp", "udp", "ipfix+udp://127.0.0.1:%d"),
                             ("small mtu", "udp", "ipfix+udp://127.0.0.1:%d?mtu=512"),
                             ("tcp", "ipfix+tcp", "ipfix+tcp://127.0.0.1:%d")):
        run = collected(args, scheme, capture, to)
        c.account("own, " + name, run)
        c.rows("own, " + name, wanted, ipfix_of(run))
    for version, v6 in (("netflow9", True), ("netflow5", False)):
        run = collected(args, "udp", capture, version + "+udp://127.0.0.1:%d")
        c.account("own, " + version, run)
        c.rows("own, " + version, without_icmp_ports(as_uniflows(flows, v6)),
               without_icmp_ports(uniflows_of(run)))


# ---- options data ----

SAMPLED = "sampling=100"


def check_options(c, args, capture, flows):
    """A rate that the source has is everybody's, before the first record; names of elements."""
    for to in ("ipfix+udp://127.0.0.1:%d?", "ipfix+udp://127.0.0.1:%d?biflow=false&",
               "netflow9+udp://127.0.0.1:%d?", "netflow5+udp://127.0.0.1:%d?"):
        run = collected(args, "udp", capture, to + SAMPLED)
        c.account("own, %s%s" % (to, SAMPLED), run)
        c.same("own, %s%s" % (to, SAMPLED), {(100, True)}, {
            (e["exporter"]["sampling_rate"],
             e["estimated_packets"] == 100 * e["aggregate_metrics"]["packet_count"])
            for e in run.flows})
    run = collected(args, "ipfix+tcp", capture, "ipfix+tcp://127.0.0.1:%d?pen=4711&" + SAMPLED)
    c.account("own, pen=", run)
    c.rows("own, pen=: by name", [(e["features"]["fwd_payload_bytes"], e["is_final"], 100) for e in flows],
           [(e["features"].get("fwd_payload_bytes"), e["features"].get("is_final"),
             e["exporter"]["sampling_rate"]) for e in run.flows])
    run = collected(args, "ipfix+tcp", capture, "ipfix+tcp://127.0.0.1:%d?pen=4711&options=false")
    c.same("own, options=false: by number", {True}, {"pen_4711_ie_31" in e["features"] for e in run.flows})
    r = subprocess.run([args.flowtap, "read", capture, "-o", "netflow5+udp://127.0.0.1:1?sampling=16384"],
                       capture_output=True, timeout=60, check=False)
    c.same("v5: a rate of 15 bits", (2, True), (r.returncode, b"14 bits" in r.stderr))


def check_interfaces(c, args, scratch):
    """The interface that is captured from has its name at the collector; not with --anonymize."""
    if os.geteuid() != 0:
        c.skipped.append("live (root)")
        return
    key = os.path.join(scratch, "key")
    with open(os.open(key, os.O_WRONLY | os.O_CREAT, 0o600), "wb") as f:
        f.write(bytes(range(32)))
    lo = socket.if_nametoindex("lo")
    for to, options, wanted in (("ipfix", (), (lo, "lo")), ("netflow9", (), (lo, "lo")),
                                ("netflow5", (), (lo, None)), ("ipfix", ("--anonymize", key), (None, None))):
        port = live.free_port()
        with live.Collector(args.flowtap, "-p", "enrich") as sink:
            with live.Process([args.flowtap, "live", "-i", "lo", "-f", "udp and dst port %d" % port,
                               "-e", "flow", *options, "-o", "%s+udp://127.0.0.1:%d" % (to, sink.port)]) as p:
                live.wait_for("a capture", lambda: "memory budget" in p.text(p.err))
                time.sleep(0.5)
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                for _ in range(5):
                    s.sendto(b"x", ("127.0.0.1", port))
                s.close()
                time.sleep(0.5)
                p.end()
            run = sink.run()
        c.same("live, %s %s" % (to, " ".join(options[:1])), [wanted], [
            (e["features"].get("ingress_interface"), e["features"].get("ingress_interface_name"))
            for e in run.flows])


# ---- relay ----

ABSOLUTE = {"flow_start_sys_up_time", "flow_end_sys_up_time"}  # by the clock of a header


def relayed(args, capture, source, scratch, where="", to="ipfix"):
    """What a relay has decoded itself, and what comes out behind it."""
    out = os.path.join(scratch, "relay.ndjson")
    with live.Collector(args.flowtap) as sink:
        with live.Collector(args.flowtap, "-o", "ndjson:" + out, "-o",
                            "%s+udp://127.0.0.1:%d?domain=77%s" % (to, sink.port, where)) as relay:
            rc, err = export(args, capture, source % relay.port)
            if rc != 0:
                raise RuntimeError("%s: %s" % (source, err[-400:]))
            settle(relay.port)
            relay.end()
        run = sink.run()
    with open(out, encoding="utf-8") as f:
        events = [json.loads(line, parse_float=str) for line in f]
    os.unlink(out)
    return [e for e in events if e["event_type"] == "network_flow_record"], run


def without_origin(e):
    return {k: x for k, x in sorted(e["features"].items()) if k not in ABSOLUTE}


def check_relay(c, args, capture, scratch):
    for source in ("netflow5+udp://127.0.0.1:%d?domain=5", "netflow9+udp://127.0.0.1:%d?domain=5",
                   "ipfix+udp://127.0.0.1:%d?domain=5", "ipfix+udp://127.0.0.1:%d?domain=5&times=ns"):
        before, run = relayed(args, capture, source, scratch)
        wanted = []
        for e in before:
            w, a = without_origin(e), e["aggregate_metrics"]
            if ABSOLUTE & set(e["features"]):
                w["flow_start_milliseconds"] = ms(a["first_seen"])
                w["flow_end_milliseconds"] = ms(a["last_seen"])
            w["exporter_ipv4_address"], w["original_observation_domain_id"] = "127.0.0.1", 5
            wanted.append(dict(sorted(w.items())))
        c.account("relay, " + source, run)
        c.rows("relay, " + source, wanted, [without_origin(e) for e in run.flows])
        c.rows("relay, %s: keys, sums, times" % source,
               [(e["flow_key"], e["aggregate_metrics"]) for e in before],
               [(e["flow_key"], e["aggregate_metrics"]) for e in run.flows])
    before, run = relayed(args, capture, "ipfix+udp://127.0.0.1:%d", scratch, "&where=protocol=17")
    c.rows("relay, where", [e["flow_key"] for e in before if e["flow_key"]["protocol"] == 17],
           [e["flow_key"] for e in run.flows])


# ---- NetFlow out of collect ----

def of_direction(events, v6=True):
    """(key, packets, bytes, TCP flags, rate, first, last in ms) of each direction."""
    found = []
    for e in events:
        k, f, a = e["flow_key"], e["features"], e["aggregate_metrics"]
        if ":" in k["src_ip"] and not v6:
            continue
        rest = e["exporter"]["sampling_rate"], ms(a["first_seen"]), ms(a["last_seen"])
        found.append(((k["src_ip"], k["dst_ip"], k["src_port"] or 0, k["dst_port"] or 0,
                       k["protocol"]), f["packet_delta_count"], f["octet_delta_count"],
                      f["tcp_control_bits"], *rest))
        if f.get("reverse_packet_delta_count"):
            found.append(((k["dst_ip"], k["src_ip"], k["dst_port"] or 0, k["src_port"] or 0,
                           k["protocol"]), f["reverse_packet_delta_count"],
                          f["reverse_octet_delta_count"], f["reverse_tcp_control_bits"], *rest))
    return found


def check_convert(c, args, capture, scratch):
    for source in ("netflow5+udp://127.0.0.1:%d?sampling=7", "netflow9+udp://127.0.0.1:%d",
                   "ipfix+udp://127.0.0.1:%d?sampling=100", "ipfix+udp://127.0.0.1:%d?biflow=false&times=ns"):
        for to, v6 in (("netflow9", True), ("netflow5", False)):
            before, run = relayed(args, capture, source, scratch, to=to)
            name = "%s to %s" % (source, to)
            c.account(name, run)
            c.rows(name, without_icmp_ports(of_direction(before, v6)),
                   without_icmp_ports(of_direction(run.flows)))
            if to == "netflow9":
                c.same(name + ": who sent it", {("127.0.0.1", 0)}, {
                    (e["features"]["exporter_ipv4_address"],
                     e["features"]["original_observation_domain_id"]) for e in run.flows})


def at_time(sequence, export_s, first_ms, last_ms):
    """An IPFIX message of one record of 10.0.0.1, with its template, of this export time."""
    fields = ((8, 4), (12, 4), (4, 1), (1, 8), (2, 8), (152, 8), (153, 8))
    sets = struct.pack("!HHHH", 2, 8 + 4 * len(fields), 256, len(fields))
    sets += b"".join(struct.pack("!HH", *f) for f in fields)
    sets += struct.pack("!HHIIBQQQQ", 256, 4 + 41, 0x0a000001, 0x0a000002, 17, 100, 1, first_ms, last_ms)
    return struct.pack("!HHIII", 10, 16 + len(sets), export_s, sequence, 9) + sets


def check_clocks(c, args, scratch):
    """Exporters whose clocks are years apart, by turns: no time wraps, whatever the order."""
    now = int(time.time())
    times = [(t, t * 1000 - 5000 - i, t * 1000 - 1000 - i)
             for i, t in enumerate([now, 1000000000, now, 4000000000, 1000000000, now, now + 100, 60])]
    times.append((now, 1000000000000, now * 1000))  # 24 years: NetFlow has no such
    for to in ("netflow9", "netflow5"):
        out = os.path.join(scratch, to)
        with live.Collector(args.flowtap) as sink:
            with live.Collector(args.flowtap, "-o", "%s+udp://127.0.0.1:%d?event=flow" %
                                (to, sink.port), "-o", "ndjson:%s?event=stats" % out) as relay:
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                for i, t in enumerate(times):
                    s.sendto(at_time(i, *t), ("127.0.0.1", relay.port))
                s.close()
                settle(relay.port)
                relay.end()
            run = sink.run()
        with open(out, encoding="utf-8") as f:
            stats = json.loads(f.readlines()[-1])
        c.same("clocks apart, " + to, sorted(t[1:] for t in times[:-1]),
               sorted((ms(e["aggregate_metrics"]["first_seen"]), ms(e["aggregate_metrics"]["last_seen"]))
                      for e in run.flows))
        c.same("clocks apart, %s: counted" % to, [{"time": 1}],
               [o["unfit"] for o in stats["outputs"] if o.get("unfit")])


def sflow_datagram(n, rate):
    """n flow samples of one packet each, of agent 192.0.2.9: UDP 10.0.0.1:1000+i to 10.0.0.2:53."""
    samples = b""
    for i in range(n):
        udp = struct.pack("!HHHH", 1000 + i, 53, 40, 0) + bytes(32)
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0x20, 60, 1, 0, 64, 17, 0, bytes([10, 0, 0, 1]),
                         bytes([10, 0, 0, 2]))
        frame = bytes.fromhex("020000000002020000000001") + b"\x08\x00" + ip + udp
        frame += bytes(-len(frame) % 4)
        raw = struct.pack("!IIII", 1, 74, 0, 74) + frame  # Ethernet, 74 bytes, nothing stripped
        record = struct.pack("!II", 1, len(raw)) + raw
        body = struct.pack("!IIIIIIII", i + 1, 3, rate, rate * (i + 1), 0, 3, 4, 1) + record
        samples += struct.pack("!II", 1, len(body)) + body
    return struct.pack("!IIIIIII", 5, 1, 0xc0000209, 6, 1, 1000, n) + samples


def check_kinds(c, args, scratch):
    """Records and samples by turns: each is counted as what it was."""
    out, now = os.path.join(scratch, "kinds"), int(time.time())
    with live.Collector(args.flowtap) as sink:
        with live.Collector(args.flowtap, "-e", "flow,sample", "-o", "netflow9+udp://127.0.0.1:%d" % sink.port,
                            "-o", "ndjson:%s?event=stats" % out) as relay:
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            for i in range(10):
                s.sendto(at_time(i, now, now * 1000, now * 1000), ("127.0.0.1", relay.port))
                s.sendto(sflow_datagram(3, 512), ("127.0.0.1", relay.port))
            s.close()
            settle(relay.port)
            relay.end()
        run = sink.run()
    with open(out, encoding="utf-8") as f:
        outputs = json.loads(f.readlines()[-1])["outputs"]
    found = [o["by_event"] for o in outputs if o["output"].startswith("netflow9")]
    c.same("kinds: account", [(10, 10, 30, 30)], [
        (e["flow"]["made"], e["flow"]["written"], e["sample"]["made"], e["sample"]["written"]) for e in found])
    c.same("kinds: records", 40, len(run.flows))


def check_samples(c, args):
    """sFlow samples as records: of one packet, with the rate of the sample."""
    for to in ("ipfix", "netflow9", "netflow5"):
        with live.Collector(args.flowtap) as sink:
            with live.Collector(args.flowtap, "-o", "%s+udp://127.0.0.1:%d?event=sample" %
                                (to, sink.port)) as relay:
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                s.sendto(sflow_datagram(5, 512), ("127.0.0.1", relay.port))
                s.close()
                settle(relay.port)
                relay.end()
            run = sink.run()
        c.account("sFlow to " + to, run)
        v9 = to != "netflow5"
        c.rows("sFlow to " + to, [("10.0.0.1", "10.0.0.2", 1000 + i, 53, 17, 1, 60, 512, 3, 4, 0x20)
                                  + (("192.0.2.9", "02:00:00:00:00:01", 6) if v9 else ())
                                  for i in range(5)],
               [(*(e["flow_key"][x] for x in ("src_ip", "dst_ip", "src_port", "dst_port", "protocol")),
                 f["packet_delta_count"], f["octet_delta_count"], e["exporter"]["sampling_rate"],
                 f["ingress_interface"], f["egress_interface"], f["ip_class_of_service"])
                + ((f["exporter_ipv4_address"], f["source_mac_address"],
                    f["original_observation_domain_id"]) if v9 else ())
                for e in run.flows for f in [e["features"]]])
        now = time.time()
        c.same("sFlow to %s: times" % to, True, all(
            abs(float(e["aggregate_metrics"]["last_seen"]) - now) < 60 for e in run.flows))


# ---- tshark ----


def tshark_records(path):
    """The records of an IPFIX file as tshark has them: dicts of what it prints."""
    out = subprocess.run(["tshark", "-r", path, "-V"], capture_output=True, timeout=300,
                         check=True).stdout.decode(errors="replace")
    found, row = [], None
    for line in out.splitlines():
        if re.match(r"\s+Flow \d+$", line):
            row = {}
            found.append(row)
        elif re.match(r"\S", line) or re.match(r"\s+Set \d+", line):
            row = None
        elif row is not None and ":" in line:
            name, _, value = line.strip().partition(": ")
            row.setdefault(name, value)
    return found


def tshark_row(e):
    """What tshark prints of it."""
    r = as_ipfix(e)
    v = e["features"]["ip_version"]
    found = {"SrcAddr": r["source_ipv%d_address" % v], "DstAddr": r["destination_ipv%d_address" % v],
             "SrcPort": str(r["source_transport_port"]), "DstPort": str(r["destination_transport_port"]),
             "Octets": str(r["octet_delta_count"]), "Packets": str(r["packet_delta_count"]),
             "Permanent Octets": str(r["octet_total_count"]),
             "Permanent Packets": str(r["packet_total_count"])}
    return found


def check_tshark(c, args, capture, flows, scratch):
    if shutil.which("tshark") is None:
        c.skipped.append("tshark")
        return
    path = os.path.join(scratch, "flows.ipfix")
    rc, err = export(args, capture, "ipfix:" + path)
    c.same("file: exit status, " + err[-200:], 0, rc)
    rows = tshark_records(path)
    wanted = [tshark_row(e) for e in flows]
    c.rows("tshark", wanted, [{k: r.get(k, "").split(" ")[0] for k in w}
                              for r, w in zip(rows, wanted)] if len(rows) == len(wanted) else rows)


# ---- nfcapd ----

def flags_of(text):
    """"...AP.SF" as a number."""
    return sum(1 << i for i, c in enumerate(reversed(text)) if c != ".")


def ms_of(text):
    """2024-06-26T13:42:51.020, UTC, in ms."""
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) * 1000 + int(text[20:])


def nfcapd_rows(args, capture, to, scratch):
    """What nfcapd stores, as nfdump says it, and the sequence failures that it has counted."""
    directory, port = tempfile.mkdtemp(dir=scratch), live.free_port()
    with live.Process(["nfcapd", "-w", directory, "-p", str(port), "-b", "127.0.0.1", "-t", "600",
                       "-P", os.path.join(directory, "pid"), "-B", "4000000"]) as p:
        p.listening("udp", port)
        rc, err = export(args, capture, to % port)
        if rc != 0:
            raise RuntimeError("%s: %s" % (to, err[-400:]))
        settle(port)
        p.end()
    env = {**os.environ, "TZ": "UTC"}
    rows = json.loads(subprocess.run(["nfdump", "-R", directory, "-o", "json"], env=env, timeout=60,
                                     capture_output=True, check=True).stdout or b"[]")
    info = subprocess.run(["nfdump", "-R", directory, "-I"], capture_output=True, timeout=60,
                          check=True).stdout.decode()
    return rows, int(re.search(r"Sequence failures: (\d+)", info)[1])


def nfdump_key(r):
    return (r.get("src4_addr") or r["src6_addr"], r.get("dst4_addr") or r["dst6_addr"],
            r.get("src_port", 0), r.get("dst_port", 0), r["proto"])


def check_nfcapd(c, args, capture, flows, scratch):
    if shutil.which("nfcapd") is None or shutil.which("nfdump") is None:
        c.skipped.append("nfcapd")
        return
    rows, lost = nfcapd_rows(args, capture, "ipfix+udp://127.0.0.1:%d", scratch)
    c.same("nfcapd, ipfix: sequence failures", 0, lost)
    c.rows("nfcapd, ipfix", without_icmp_ports(as_biflows(flows)), without_icmp_ports(
        [(nfdump_key(r), r["in_packets"], r["in_bytes"], r.get("out_packets", 0),
          r.get("out_bytes", 0), flags_of(r["tcp_flags"]) if "tcp_flags" in r else 0,
          ms_of(r["first"]), ms_of(r["last"])) for r in rows]))
    types = [(r["icmp_type"], r["icmp_code"]) for r in rows if r["proto"] in (1, 58)]
    c.rows("nfcapd, ipfix: ICMP", [(e["features"]["icmp_type"], e["features"]["icmp_code"] or 0)
                                   for e in flows if e["flow_key"]["protocol"] in (1, 58)], types)
    for to, v6 in (("ipfix+udp://127.0.0.1:%d?biflow=false", True),
                   ("netflow9+udp://127.0.0.1:%d", True), ("netflow5+udp://127.0.0.1:%d", False)):
        rows, lost = nfcapd_rows(args, capture, to, scratch)
        c.same("nfcapd, %s: sequence failures" % to, 0, lost)
        c.rows("nfcapd, " + to, without_icmp_ports(as_uniflows(flows, v6)), without_icmp_ports(
            [(nfdump_key(r), r["in_packets"], r["in_bytes"],
              flags_of(r["tcp_flags"]) if "tcp_flags" in r else 0) for r in rows]))
        c.same("nfcapd, %s: flows all" % to, {"FLOW"}, {r["type"] for r in rows})
        firsts = sorted(ms(e["aggregate_metrics"]["first_seen"]) for e in flows
                        if v6 or e["features"]["ip_version"] == 4)
        c.same("nfcapd, %s: the first" % to, firsts[0], min(ms_of(r["first"]) for r in rows))


    rows, _ = nfcapd_rows(args, capture, "netflow5+udp://127.0.0.1:%d?" + SAMPLED, scratch)
    c.rows("nfcapd, netflow5, sampled", sorted(100 * n for _, n, _, _ in as_uniflows(flows, False)),
           sorted(r["in_packets"] for r in rows))


# ---- nfacctd ----

def nfacctd_rows(args, capture, to, scratch):
    """Its rows, and what it says of sequence numbers. Twice the same: a restart."""
    directory, port = tempfile.mkdtemp(dir=scratch), live.free_port()
    conf, out = os.path.join(directory, "conf"), os.path.join(directory, "rows")
    with open(conf, "w", encoding="ascii") as f:
        f.write("daemonize: false\nnfacctd_port: %d\nnfacctd_ip: 127.0.0.1\nplugins: print[a]\n"
                "aggregate[a]: src_host, dst_host, src_port, dst_port, proto, tcpflags, "
                "timestamp_start, timestamp_end, timestamp_arrival\nprint_output[a]: json\n"
                "print_output_file[a]: %s\nprint_refresh_time[a]: 1\nnfacctd_time_new: false\n"
                "print_output_file_append[a]: true\nnfacctd_disable_checks: false\n"
                "print_num_protos: true\nnfacctd_pipe_size: 4000000\nnfacctd_renormalize: true\n" % (port, out))
    with live.Process(["nfacctd", "-f", conf]) as p:
        p.listening("udp", port)
        time.sleep(0.5)
        for _ in range(2):
            rc, err = export(args, capture, to % port)
            if rc != 0:
                raise RuntimeError("%s: %s" % (to, err[-400:]))
            settle(port)

        def settled():
            before = os.path.getsize(out) if os.path.exists(out) else 0
            time.sleep(2.2)
            return before > 0 and os.path.getsize(out) == before
        live.wait_for("nfacctd's rows", settled)
        _, said, err = p.end()
    with open(out, encoding="ascii") as f:
        rows = [json.loads(line) for line in f]
    return rows, re.findall(r"expecting flow '(\d+)' but received '(\d+)'", said + err)


def check_nfacctd(c, args, capture, flows, scratch):
    if shutil.which("nfacctd") is None:
        c.skipped.append("nfacctd")
        return
    for to, v6 in (("ipfix+udp://127.0.0.1:%d?biflow=false", True),
                   ("netflow9+udp://127.0.0.1:%d", True), ("netflow5+udp://127.0.0.1:%d", False)):
        rows, jumps = nfacctd_rows(args, capture, to, scratch)
        c.same("nfacctd, %s: back to 0, once" % to, ["0"], [b for _, b in jumps])
        c.rows("nfacctd, " + to, without_icmp_ports(2 * as_uniflows(flows, v6)),
               without_icmp_ports([((r["ip_src"], r["ip_dst"], r["port_src"], r["port_dst"],
                                     int(r["ip_proto"])), r["packets"], r["bytes"],
                                    int(r["tcp_flags"])) for r in rows]))
    for to in ("ipfix+udp://127.0.0.1:%d?biflow=false&", "netflow9+udp://127.0.0.1:%d?"):
        rows, _ = nfacctd_rows(args, capture, to + SAMPLED, scratch)
        c.rows("nfacctd, %s%s" % (to, SAMPLED),
               sorted(100 * n for _, n, _, _ in 2 * as_uniflows(flows)),
               sorted(r["packets"] for r in rows))


# ---- goflow2 ----

def goflow2():
    cache = os.environ.get("FT_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "flowtap")
    path = os.environ.get("FT_GOFLOW2") or os.path.join(cache, "go", "bin", "goflow2")
    return path if os.access(path, os.X_OK) else None


def objects_of(text):
    """JSON objects: several workers may write on one line."""
    decoder, at, found = json.JSONDecoder(), 0, []
    text = text.strip()
    while at < len(text):
        row, at = decoder.raw_decode(text, at)
        found.append(row)
        while at < len(text) and text[at].isspace():
            at += 1
    return found


def check_goflow2(c, args, capture, flows):
    program = goflow2()
    if program is None:
        c.skipped.append("goflow2 (tests/interop/servers/goflow2.sh)")
        return
    for to, v6 in (("ipfix+udp://127.0.0.1:%d?biflow=false&" + SAMPLED, True),
                   ("netflow9+udp://127.0.0.1:%d?" + SAMPLED, True),
                   ("netflow5+udp://127.0.0.1:%d?" + SAMPLED, False)):
        port, addr = live.free_port(), live.free_port(socket.SOCK_STREAM)
        with live.Process([program, "-listen", "netflow://127.0.0.1:%d?workers=1" % port, "-format", "json",
                           "-transport", "file", "-addr", "127.0.0.1:%d" % addr]) as p:
            p.listening("udp", port)
            rc, err = export(args, capture, to % port)
            c.same("goflow2, %s: exit status, %s" % (to, err[-200:]), 0, rc)
            settle(port)
            _, out, err = p.end()
        rows = objects_of(out)
        protos = {"TCP": 6, "UDP": 17, "ICMP": 1, "IPv6-ICMP": 58}
        c.rows("goflow2, " + to, without_icmp_ports(as_uniflows(flows, v6)), without_icmp_ports(
            [((r["src_addr"], r["dst_addr"], r["src_port"], r["dst_port"],
               protos.get(r["proto"], r["proto"])), r["packets"], r["bytes"], r["tcp_flags"])
             for r in rows]))
        c.same("goflow2, %s: rate" % to, {100}, {r["sampling_rate"] for r in rows})
        c.same("goflow2, %s: errors" % to, "", "\n".join(
            x for x in err.splitlines() if "error" in x.lower() or "warn" in x.lower())[:300])
        firsts = [support.seconds_to_ns(e["aggregate_metrics"]["first_seen"]) // 10 ** 6
                  for e in flows if v6 or e["features"]["ip_version"] == 4]
        c.same("goflow2, %s: the first" % to, min(firsts),
               min(r["time_flow_start_ns"] for r in rows) // 10 ** 6)


# ---- the corpus ----

def check_corpus(c, args, scratch):
    """A few captures of many kinds, to our own collector and to nfcapd."""
    found = sorted(glob.glob(os.path.join(args.corpus or "", "packets", "**", "*.pcap"),
                             recursive=True))
    found = [p for p in found if 20000 < os.path.getsize(p) < 300000][::args.every]
    if not found:
        c.skipped.append("the corpus")
    for capture in found:
        flows = octets_since(truth_of(args, capture))
        name = os.path.relpath(capture, args.corpus)
        run = collected(args, "udp", capture, "ipfix+udp://127.0.0.1:%d")
        c.account(name, run)
        c.rows(name, [as_ipfix(e) for e in flows], ipfix_of(run))
        if shutil.which("nfcapd") is None:
            continue
        rows, lost = nfcapd_rows(args, capture, "netflow9+udp://127.0.0.1:%d", scratch)
        c.same(name + ", nfcapd: sequence failures", 0, lost)
        c.rows(name + ", nfcapd", without_icmp_ports(as_uniflows(flows)), without_icmp_ports(
            [(nfdump_key(r), r["in_packets"], r["in_bytes"],
              flags_of(r["tcp_flags"]) if "tcp_flags" in r else 0) for r in rows]))


# ---- all ----

def main():
    p = argparse.ArgumentParser()
    p.add_argument("--flowtap", required=True)
    p.add_argument("--capture", required=True)
    p.add_argument("--corpus")
    p.add_argument("--every", type=int, default=60, help="capture of the corpus")
    args = p.parse_args()
    c = Checks()
    with tempfile.TemporaryDirectory() as scratch:
        flows = octets_since(truth_of(args, args.capture))
        c.same("there are flows", True, len(flows) > 0)
        check_own(c, args, args.capture, flows)
        check_options(c, args, args.capture, flows)
        check_interfaces(c, args, scratch)
        check_relay(c, args, args.capture, scratch)
        check_convert(c, args, args.capture, scratch)
        check_clocks(c, args, scratch)
        check_samples(c, args)
        check_kinds(c, args, scratch)
        check_tshark(c, args, args.capture, flows, scratch)
        check_nfcapd(c, args, args.capture, flows, scratch)
        check_nfacctd(c, args, args.capture, flows, scratch)
        check_goflow2(c, args, args.capture, flows)
        check_corpus(c, args, scratch)
    for line in c.failed:
        print(line)
    print("%d checks, %d failed%s" % (c.n, len(c.failed), "; without " + ", ".join(c.skipped)
                                      if c.skipped else ""))
    return 1 if c.failed else 0


if __name__ == "__main__":
    sys.exit(main())
