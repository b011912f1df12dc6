#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Item I1: capture files behind one another in one file, stream or archive, and headers of old versions."""
import gzip
import itertools
import json
import os
import re
import shutil
import struct
import subprocess

from packets import *
from run import main, same

def part(kind, packets):
    """packets as a capture of a kind: its byte order, resolution, record header, order of lengths, link type."""
    order = ">" if "big" in kind else "<"
    nano, modified, ng = "nano" in kind, "modified" in kind, "ng" in kind
    raw = "raw" in kind or "unknown" in kind
    link = 147 if "unknown" in kind else 101 if raw else 1
    major, minor = (543, 0) if "543" in kind else (2, 2) if "2.2" in kind else (2, 9) if "2.9" in kind else (2, 4)
    if ng:
        def block(t, body):
            body += b"\0" * (-len(body) % 4)
            return struct.pack(order + "II", t, len(body) + 12) + body + struct.pack(order + "I", len(body) + 12)
        out = block(0x0a0d0d0a, struct.pack(order + "IHHq", 0x1a2b3c4d, 1, 0, -1))
        out += block(1, struct.pack(order + "HHI", link, 0, 0))
        for t, f in packets:
            f = f[14:] if raw else f
            out += block(6, struct.pack(order + "IIIII", 0, t // 1000 >> 32, t // 1000 & 0xffffffff, len(f), len(f)) + f)
        return out
    magic = 0xa1b23c4d if nano else 0xa1b2cd34 if modified else 0xa1b2c3d4
    out = [struct.pack(order + "IHHiIII", magic, major, minor, 3600 if "zone" in kind else 0, 0, 1 << 18, link)]
    for t, f in packets:
        f = f[14:] if raw else f
        a, b = (len(f) + 1, len(f)) if minor == 2 or major == 543 else (len(f), len(f) + 1)
        out.append(struct.pack(order + "IIII", t // S, t % S // (1 if nano else 1000), a, b)
                   + (b"\0" * 8 if modified else b"") + f)
    return b"".join(out)


def traffic(flow, n, t=T0):
    """n packets with different data, so that nothing of one looks like another's header by chance of repetition."""
    return [(t + i * MS, eth(ip4(A, B, 17, udp(1000 + flow, 53, struct.pack("!I", i) * 9)))) for i in range(n)]


def roads(m, data, name):
    """(road, arguments, standard input) for every way to read the same bytes."""
    def put(suffix, content):
        path = os.path.join(m.folder.name, name + suffix)
        with open(path, "wb") as f:
            f.write(content)
        return path
    plain = put(".cap", data)
    yield "mapped", ["-w", "1", plain], None
    yield "lanes", ["-w", "3", plain], None
    yield "hand-off", ["-w", "2", "--overflow", "block", plain], None
    yield "standard input", ["-w", "1", "-"], data
    yield "standard input, lanes", ["-w", "2", "-"], data
    yield "gzip", ["-w", "1", put(".gz", gzip.compress(data, 1))], None
    if shutil.which("zstd"):
        packed = subprocess.run(["zstd", "-q", "-1", "-c"], input=data, capture_output=True).stdout
        yield "zstd", ["-w", "2", put(".zst", packed)], None


def read(m, args, data=None, rc=0):
    r = subprocess.run([m.program, "read", "-e", "flow,stats", "-p", "all", *args], input=data, capture_output=True, timeout=120)
    assert r.returncode == rc, (args, r.returncode, r.stderr)
    events = [json.loads(line) for line in r.stdout.splitlines()]
    flows = sorted((e["flow_key"]["src_port"], e["aggregate_metrics"]["first_seen"], e["aggregate_metrics"]["packet_count"],
                    e["features"]["fwd_ip_bytes"]) for e in events
                   if e["event_type"] == "network_flow_record" and e["is_final"])
    return flows, [e for e in events if e["event_type"] == "pipeline_stats"][-1], r.stderr.decode()


KINDS = ["plain", "nano", "big", "big nano", "modified", "2.2", "543", "raw", "zone", "big modified raw", "ng", "big ng"]


def check_joined(m, data, want, what):
    said_at = set()
    for road, args, stdin in roads(m, data, "joined"):
        flows, stats, said = read(m, args, stdin)
        same(flows, want, (what, road))
        same((stats["received"], stats["decoded"], stats["malformed"]), (sum(w[2] for w in want),) * 2 + (0,), (what, road))
        same(said.count("another capture begins at offset"), 1, (what, road, said))  # once a file: the first
        said_at.add(re.search(r"begins at offset (\d+)", said)[1])
    same(len(said_at), 1, (what, said_at))


def expect(m, parts):
    """What the captures give when they are read as files of their own."""
    paths = []
    for i, data in enumerate(parts):
        paths.append(os.path.join(m.folder.name, "part%d" % i))
        with open(paths[-1], "wb") as f:
            f.write(data)
    return read(m, ["-w", "1", *paths])[0]


def test_I1_captures_behind_one_another(m):
    """Every kind behind every other, few packets: as the files alone."""
    for first, second in itertools.product(KINDS, KINDS):
        parts = [part(first, traffic(1, 20)), part(second, traffic(2, 20, T0 + S))]
        want = expect(m, parts)
        same([w[2] for w in want], [20, 20])
        data = b"".join(parts)
        joined = not ("ng" in first and "ng" in second)  # sections are one file by its own rules
        flows, stats, said = read(m, ["-w", "1", "-"], data)
        same(flows, want, (first, second))
        same((stats["received"], stats["malformed"]), (40, 0), (first, second))
        same(said.count("another capture begins at offset %d" % len(parts[0])), int(joined), said)


def test_I1_on_all_roads(m):
    """Long ones, so that a parallel read meets the second in the middle of its stretches; three of them, and empty ones."""
    for kinds in (["plain"] * 3, ["plain", "big nano", "plain"], ["plain", "raw", "ng"], ["nano", "nano", "modified"],
                  ["ng", "plain", "big"]):
        parts = [part(k, traffic(i, 4000, T0 + 5 * i * S)) for i, k in enumerate(kinds)]
        empty = [part(k, []) for k in kinds]
        want = expect(m, parts)
        same([w[2] for w in want], [4000] * 3)
        check_joined(m, b"".join(parts), want, kinds)
        check_joined(m, b"".join(empty[:1] + parts[:2] + empty + parts[2:] + empty[:1]), want, (kinds, "and empty"))


def test_I1_many_of_a_kind(m):
    """As a rotation into one pipe makes them."""
    parts = [part("plain", traffic(i % 7, 50, T0 + i * S)) for i in range(100)]
    want = expect(m, [part("plain", [p for i in range(100) for p in traffic(i % 7, 50, T0 + i * S)])])
    check_joined(m, b"".join(parts), want, "a hundred")


def test_I1_members_of_an_archive(m):
    """Each file packed by itself, the archives behind one another."""
    parts = [part("plain", traffic(1, 300)), part("big", traffic(2, 300, T0 + S))]
    path = os.path.join(m.folder.name, "two.gz")
    with open(path, "wb") as f:
        f.write(b"".join(gzip.compress(p) for p in parts))
    same(read(m, ["-w", "1", path])[0], expect(m, parts))


def test_I1_what_is_left_is_said(m):
    """A link type that nobody decodes: its packets are counted as ignored, the rest is read. A version that nobody
    knows: nothing behind it is. Both by name, with the offset, and exit status 1."""
    first, last = part("plain", traffic(1, 3000)), part("big", traffic(3, 3000, T0 + 9 * S))
    data = first + part("unknown", traffic(2, 50, T0 + 5 * S)) + last
    for road, args, stdin in roads(m, data, "unknown"):
        flows, stats, said = read(m, args, stdin, rc=1)
        same([f[2] for f in flows], [3000, 3000], road)
        same((stats["received"], stats["ignored"], stats["malformed"]), (6050, 50, 0), road)
        assert "another capture begins at offset %d, and its packets are ignored: link type 147" % len(first) in said, said
    data = first + part("2.9", traffic(2, 50)) + last
    for road, args, stdin in roads(m, data, "version"):
        flows, stats, said = read(m, args, stdin, rc=1)
        same([f[2] for f in flows], [3000], road)
        same((stats["received"], stats["malformed"]), (3000, 0), road)
        assert "another capture begins at offset %d, and is left out with all behind it: pcap version 2.9" % len(first) \
            in said, said


def test_I1_cut_headers(m):
    """A second header that is cut is damage, and no packet; so is what comes behind a cut record."""
    first, second = part("plain", traffic(1, 3000)), part("nano", traffic(2, 30))
    for n in range(1, 24):
        flows, stats, said = read(m, ["-w", "1", "-"], first + second[:n], rc=1)
        same((stats["received"], stats["malformed"]), (3000, 0), n)
        assert "at offset %d is truncated" % len(first) in said, said
    for road, args, stdin in roads(m, first + second[:20], "cut"):
        same(read(m, args, stdin, rc=1)[1]["received"], 3000, road)


def test_I1_what_looks_like_one(m):
    """Packets of the second that the magic would be as a time, and captures inside of packets."""
    t = 0xa1b2c3d4 * S + 262146000  # the version where the fraction is
    packets = [(t, eth(ip4(A, B, 17, udp(1, 2, part("plain", traffic(1, 5)))))) for _ in range(30)]
    for kind in ("plain", "big"):
        flows, stats, said = read(m, ["-w", "1", "-"], part(kind, packets))
        same((stats["received"], [f[2] for f in flows]), (30, [30]), kind)
        assert "another capture" not in said, said


def test_I1_a_filter_for_each_link_type(m):
    parts = [part("plain", traffic(1, 2000)), part("raw", traffic(2, 2000, T0 + 9 * S))]
    for road, args, stdin in roads(m, b"".join(parts), "filter"):
        same([f[2] for f in read(m, ["-f", "udp port 1002 or udp port 1001", *args], stdin)[0]], [2000, 2000], road)
        same([f[0] for f in read(m, ["-f", "udp port 1002", *args], stdin)[0]], [1002], road)


if __name__ == "__main__":
    main(globals())
