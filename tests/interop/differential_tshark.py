#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The sample stream against an independent decoder, keyed on the outermost IP header (--keep-tunnels).

For every capture of a corpus, what `flowtap read` prints (one sample a packet) is compared, packet by
packet, with what the published script would have printed, made here from tshark's dissection: same
packets chosen, same keys, same running counts, same times. Files of link types that flowtap refuses
must be refused by name; damaged files must end with exit status 1 and what comes before the damage.

    differential_tshark.py --flowtap PROGRAM --corpus DIR [--every N] [--jobs N] [--list FILE]

Exit 0: no unexplained difference; 1: some; 77: no corpus or no tshark.
"""
import argparse
import concurrent.futures
import json
import os
import shutil
import subprocess
import sys

MAGICS = {b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d",
          b"\x0a\x0d\x0d\x0a", b"\x34\xcd\xb2\xa1", b"\xa1\xb2\xcd\x34"}
FIELDS = ["frame.number", "frame.time_epoch", "frame.len", "frame.cap_len", "frame.protocols",
          "ip.src", "ip.dst", "ip.proto", "ip.frag_offset", "ipv6.src", "ipv6.dst", "ipv6.nxt",
          "ipv6.hopopts.nxt", "ipv6.dstopts.nxt", "ipv6.routing.nxt", "ipv6.fraghdr.nxt",
          "ah.next_header", "ipv6.fraghdr.offset",
          "tcp.srcport", "tcp.dstport", "udp.srcport", "udp.dstport", "sctp.srcport", "sctp.dstport",
          "dccp.srcport", "dccp.dstport", "_ws.malformed", "vlan.id", "icmp.type", "icmp.code",
          "icmpv6.type", "icmpv6.code", "hip.proto", "ip.id", "ip.flags.mf", "ipv6.fraghdr.ident",
          "ipv6.fraghdr.more"]
TSHARK = ["tshark", "-n", "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE",
          "-o", "tcp.desegment_tcp_streams:FALSE", "-o", "tcp.analyze_sequence_numbers:FALSE",
          "-o", "ip.tso_support:TRUE"]
PORTS = {6: "tcp", 17: "udp", 132: "sctp", 33: "dccp", 136: "udp"}
EXTENSIONS = {0, 43, 44, 51, 60, 140}


def first(text):
    return text.split(",")[0] if text else ""


def int_of(text, default=0):
    text = first(text)
    try:
        return int(text, 0) if text else default
    except ValueError:
        return default


def v6_protocol(f):
    """The upper-layer protocol at the end of the first IPv6 header's extension chain."""
    seen = [int_of(f["ipv6.nxt"], 59)]
    for name in ("ipv6.hopopts.nxt", "ipv6.dstopts.nxt", "ipv6.routing.nxt", "ipv6.fraghdr.nxt",
                 "ah.next_header", "hip.proto"):
        seen += [int(x, 0) for x in f[name].split(",") if x]
    if seen[0] not in EXTENSIONS:
        return seen[0]
    upper = [x for x in seen if x not in EXTENSIONS]
    return upper[0] if upper else seen[-1]


def micros(epoch):
    whole, _, frac = epoch.partition(".")
    return int(whole) * 1000000 + int((frac + "000000")[:6]) if whole else 0


def expected_of(f):
    """(src, dst, sport, dport, proto) of the outermost IP header, or None."""
    protocols = f["frame.protocols"].split(":")
    names = [p for p in protocols if p in ("ip", "ipv6")]
    if not names:
        return None
    if names[0] == "ip":
        src, dst, proto = first(f["ip.src"]), first(f["ip.dst"]), int_of(f["ip.proto"])
        later = int_of(f["ip.frag_offset"]) != 0
    else:
        src, dst, proto = first(f["ipv6.src"]), first(f["ipv6.dst"]), v6_protocol(f)
        later = int_of(f["ipv6.fraghdr.offset"]) != 0
    sport = dport = 0
    if proto in PORTS and not later:
        sport = int_of(f[PORTS[proto] + ".srcport"])
        dport = int_of(f[PORTS[proto] + ".dstport"])
    return (src, dst, sport, dport, proto)


FIRST_LIFE, REST_LIFE = 30000000, 60000000  # microseconds: that the first, the others are waited for


def with_ports(packets):
    """(packet, key, inner key) in the order in which they count: a later fragment has the ports of its datagram's
    first, and follows it when it comes before."""
    known, held = {}, {}
    for f in packets:
        want, now = expected_of(f), micros(f["frame.time_epoch"])
        if want is None:
            yield f, None, None
            continue
        inner = inner_key(f, want[4])
        four = ":" not in want[0]
        layers = f["frame.protocols"].split(":")
        own = four or "ipv6.fraghdr" in layers[:layers.index("icmpv6") if "icmpv6" in layers else None]
        if not own:  # what an ICMP message quotes is no fragment
            yield f, want, inner
            continue
        offset = int_of(f["ip.frag_offset"] if four else f["ipv6.fraghdr.offset"])
        more = first(f["ip.flags.mf"] if four else f["ipv6.fraghdr.more"]) in ("1", "True")
        if offset == 0 and not more:
            yield f, want, inner
            continue
        tag = (want[0], want[1], want[4], first(f["ip.id"] if four else f["ipv6.fraghdr.ident"]), str(inner_key(f, 0)[0]))
        if tag in known and now - known[tag][0] > REST_LIFE:
            del known[tag]
        if tag in held and now - held[tag][0] > FIRST_LIFE:
            del held[tag]
        if offset == 0:
            known[tag] = (known[tag][0] if tag in known else now, want, inner)
            yield f, want, inner
            for g in held.pop(tag, (0, []))[1]:
                yield g, want, inner
        elif tag in known:
            yield f, known[tag][1], known[tag][2]
        else:
            held.setdefault(tag, (now, []))[1].append(f)


TWO_WAY = {1: {0, 8, 9, 10, 13, 14, 15, 16, 17, 18}, 58: set(range(128, 132)) | {133, 134, 135, 136,
                                                                                139, 140, 144, 145}}


def inner_key(f, proto):
    """What flowtap's flow key holds beyond the printed one: the VLAN, the type and code of ICMP."""
    vlans = [x for x in f["vlan.id"].split(",") if x not in ("", "0")]
    name = {1: "icmp", 58: "icmpv6"}.get(proto)
    if name is None or not f[name + ".type"]:
        return (vlans[-1:], None, None)
    kind = int_of(f[name + ".type"])
    return (vlans[-1:], kind, None if kind in TWO_WAY[proto] else int_of(f[name + ".code"]))


def tshark_packets(path):
    cmd = TSHARK + ["-r", path, "-T", "fields", "-E", "separator=/t", "-E", "occurrence=a",
                    "-E", "aggregator=,"]
    for name in FIELDS:
        cmd += ["-e", name]
    out = subprocess.run(cmd, capture_output=True, timeout=300)
    if out.returncode not in (0, 2):
        return None, out.stderr.decode(errors="replace")
    packets = []
    for line in out.stdout.decode(errors="replace").splitlines():
        cols = line.split("\t")
        packets.append(dict(zip(FIELDS, cols + [""] * (len(FIELDS) - len(cols)))))
    return packets, ""


class Script:
    """The published script's flow cache, with times taken from the packets."""

    def __init__(self):
        self.flows = {}

    def sample(self, key, length, ts):
        flow = self.flows.setdefault(key, [0, 0, ts, ts])
        flow[0] += 1
        flow[1] += length
        flow[2] = min(flow[2], ts)
        flow[3] = ts
        return flow


def sample_micros(value):
    whole, _, frac = value.partition(".")
    return int(whole) * 1000000 + int(frac)


def flowtap_samples(program, path):
    cmd = [program, "read", "-w", "1", "--idle-timeout", "2592000", "--active-timeout", "2592000",
           "--quiet", "--keep-tunnels", "-e", "sample,stats", path]
    out = subprocess.run(cmd, capture_output=True, timeout=300)
    samples, stats = [], None
    for line in out.stdout.splitlines():
        event = json.loads(line, parse_float=str)
        if event["event_type"] == "network_flow_sample":
            samples.append(event)
        else:
            stats = event
    return out.returncode, samples, stats, out.stderr.decode(errors="replace")


def compare(packets, samples, stats):
    """Walks both streams together; returns a list of differences."""
    diffs, script, at = [], Script(), 0
    budget = stats["malformed"] + stats["ignored"]
    skipped = 0
    for f, want, inner in with_ports(packets):
        got = samples[at] if at < len(samples) else None
        ts, length = micros(f["frame.time_epoch"]), int_of(f["frame.len"])
        if want is None:
            skipped += 1
            continue
        key = None
        if got is not None:
            k = got["flow_key"]
            key = (k["src_ip"], k["dst_ip"], k["src_port"], k["dst_port"], k["protocol"])
        same = (got is not None and key == want and got["packet_size_bytes"] == length
                and abs(sample_micros(got["timestamp"]) - ts) <= 1)
        if not same:
            skipped += 1
            diffs.append("packet %s: tshark %s len %d, flowtap %s" % (
                f["frame.number"], want, length, key))
            if skipped > budget + 50:
                break
            continue
        at += 1
        flow = script.sample((key, str(inner)), length,
                             sample_micros(got["timestamp"]))
        a = got["aggregate_metrics"]
        mine = (a["packet_count"], a["byte_count"], sample_micros(a["first_seen"]),
                sample_micros(a["last_seen"]))
        if mine != tuple(flow):
            diffs.append("packet %s: counts %s, the script has %s" % (f["frame.number"], mine, flow))
    if at != len(samples):
        diffs.append("%d samples have no packet of tshark's" % (len(samples) - at))
    if stats["decoded"] != len(samples):
        diffs.append("decoded %d, samples %d" % (stats["decoded"], len(samples)))
    if stats["captured"] != stats["decoded"] + budget + stats["queue_dropped"]:
        diffs.append("the account does not add up")
    if stats["captured"] != len(packets):
        diffs.append("captured %d, tshark has %d packets" % (stats["captured"], len(packets)))
    return diffs, budget


def check(program, path):
    """(verdict, [differences]) of one file."""
    try:
        rc, samples, stats, stderr = flowtap_samples(program, path)
    except subprocess.TimeoutExpired:
        return "HANG", []
    except (json.JSONDecodeError, KeyError) as e:
        return "BADLINE", [str(e)]
    if rc not in (0, 1) or "Sanitizer" in stderr:
        return "CRASH", ["exit status %d: %s" % (rc, stderr[-300:])]
    if stats is None:
        return ("refused", []) if rc == 1 and stderr.strip() else ("SILENT", [])
    packets, why = tshark_packets(path)
    if packets is None:
        return "no-tshark", [why[:100]]
    diffs, budget = compare(packets, samples, stats)
    if not diffs:
        return ("damaged" if rc == 1 else "same"), []
    # a packet that flowtap counts as malformed or ignored is explained by its counter
    unexplained = [d for d in diffs if not d.endswith("flowtap None")]
    missing = sum(1 for d in diffs if d.startswith("packet") and ": tshark" in d)
    if missing <= budget and not [d for d in diffs if ": tshark" not in d]:
        return "counted", diffs
    return "DIFFERENT", unexplained or diffs


def captures(corpus, every):
    found = []
    for part in ("packets", "malformed"):
        for base, _, names in os.walk(os.path.join(corpus, part)):
            for name in names:
                path = os.path.join(base, name)
                with open(path, "rb") as f:
                    if f.read(4) in MAGICS:
                        found.append(path)
    return sorted(found)[::every]


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--flowtap", required=True)
    ap.add_argument("--corpus", required=True)
    ap.add_argument("--every", type=int, default=1)
    ap.add_argument("--jobs", type=int, default=2)
    ap.add_argument("--list")
    ap.add_argument("--known", help="file of explained differences: PATH<tab>reason")
    args = ap.parse_args()
    if not os.path.isdir(args.corpus) or shutil.which("tshark") is None:
        print("skipped: no corpus at %s, or no tshark" % args.corpus)
        return 77
    known = set()
    if args.known:
        with open(args.known) as f:
            known = {line.split("\t")[0] for line in f if line.strip() and line[0] != "#"}
    tally, bad, rows = {}, 0, []
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        paths = captures(args.corpus, args.every)
        for path, (verdict, diffs) in zip(paths, pool.map(lambda p: check(args.flowtap, p), paths)):
            name = os.path.relpath(path, args.corpus)
            if verdict.isupper() and name in known:
                verdict = "explained"
            tally[verdict] = tally.get(verdict, 0) + 1
            rows.append("%s\t%s\t%s" % (verdict, name, "; ".join(diffs[:3])))
            if verdict.isupper():
                bad += 1
                print("%s %s\n    %s" % (verdict, name, "\n    ".join(diffs[:4])))
    if args.list:
        with open(args.list, "w") as f:
            f.write("\n".join(rows) + "\n")
    print("%d captures: %s" % (len(paths), ", ".join("%d %s" % (n, v) for v, n in sorted(tally.items()))))
    print("%d passed, %d failed" % (len(paths) - bad, bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
