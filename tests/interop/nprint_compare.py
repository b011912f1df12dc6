#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The nprint profile's table beside that of nPrint itself: the header line, and each flow's lines, bit for bit, of the
bundled capture and of those of the corpus that both read alike: Ethernet without tags, whole frames, no fragments.

    nprint_compare.py --flowtap PROGRAM --capture FILE [--corpus DIR] [--every N]

nPrint (https://github.com/nprint/nprint, 1.2.1) is the program that $FT_NPRINT names, else `nprint` of the PATH; in no
registry there is one. Without it: 77.
"""
import argparse
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

PACKETS = 15
MAGICS = {b"\xd4\xc3\xb2\xa1": "<", b"\x4d\x3c\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">", b"\xa1\xb2\x3c\x4d": ">"}


def readable(data):
    """The capture without the frames that the two read in different ways, or None."""
    order = MAGICS.get(data[:4])
    if order is None or struct.unpack_from(order + "HH", data, 4) != (2, 4) or struct.unpack_from(order + "I", data, 20)[0] & 0xffff != 1:
        return None
    out, at = [data[:24]], 24
    while at + 16 <= len(data):
        cap, wire = struct.unpack_from(order + "II", data, at + 8)
        frame = data[at + 16:at + 16 + cap]
        if len(frame) == wire and whole(frame[12:14], frame[14:]):
            out.append(data[at:at + 16 + cap])
        at += 16 + cap
    return b"".join(out)


def whole(kind, ip):
    """An IP packet that is no fragment, whose lengths all say the same."""
    if kind == b"\x08\0" and len(ip) >= 20 and ip[0] >> 4 == 4 and not struct.unpack_from("!H", ip, 6)[0] & 0x3fff:
        size, total, proto = (ip[0] & 15) * 4, struct.unpack_from("!H", ip, 2)[0], ip[9]
    elif kind == b"\x86\xdd" and len(ip) >= 40 and ip[0] >> 4 == 6:
        size, total, proto = 40, 40 + struct.unpack_from("!H", ip, 4)[0], ip[6]
    else:
        return False
    l4 = ip[size:total]
    if size < 20 or not size + 8 <= total <= len(ip):
        return False
    if proto == 17:
        return struct.unpack_from("!H", l4, 4)[0] == len(l4)
    return proto != 6 or (len(l4) >= 20 and 20 <= (l4[12] >> 4) * 4 <= len(l4))


def key(name):
    src, dst, sport, dport, proto = name.split("_")
    return tuple(sorted(((src, sport), (dst, dport)))), proto


def lines_of(text):
    header, *lines = text.splitlines()
    flows = {}
    for line in lines:
        name, _, rest = line.partition(",")
        flows.setdefault(key(name), []).append(rest)
    return header, flows


def follows(rows, some):
    """Are they among the rows, in order? A flow may end and begin again."""
    rest = iter(rows)
    return all(any(line == row for row in rest) for line in some)


def compare(flowtap, nprint, data, folder, payload):
    """(lines, what is wrong)"""
    path = os.path.join(folder, "in.pcap")
    with open(path, "wb") as f:
        f.write(data)
    theirs = subprocess.run([nprint, "-P", path, "-4", "-6", "-t", "-u", "-i", "-O", "4", *(["-p", str(payload)] if payload else [])],
                            capture_output=True, timeout=120).stdout.decode()
    ours = subprocess.run([flowtap, "read", "--quiet", "-w", "1", "-e", "flow", "--keep-tunnels", "--idle-timeout", "86400",
                           "--nprint-packets", str(min(PACKETS, 60000 // (24 * (176 + payload)))), "--nprint-payload", str(payload),
                           "-o", "csv:-?dialect=nprint", path], capture_output=True, timeout=120).stdout.decode()
    (a, want), (b, got) = lines_of(theirs), lines_of(ours)
    wrong = [] if a == b else ["header"]
    for k, some in got.items():
        rows = want.get(k, [])
        if k[1] == "NULL":  # ICMP: flows of several types have this name
            good = set(some) <= set(rows)
        else:
            good = follows(rows, some) and some[0] == rows[0]
        wrong += [] if good else [k]
    return sum(map(len, got.values())), wrong + [("not ours", k) for k in want if k not in got]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--flowtap", required=True)
    p.add_argument("--capture", required=True)
    p.add_argument("--corpus")
    p.add_argument("--every", type=int, default=5)
    a = p.parse_args()
    nprint = os.environ.get("FT_NPRINT") or shutil.which("nprint")
    if not nprint:
        print("nPrint is not here: skipped")
        sys.exit(77)
    captures = [pathlib.Path(a.capture)] + (sorted(pathlib.Path(a.corpus, "packets").rglob("*.pcap"))[::a.every] if a.corpus else [])
    n = lines = failures = 0
    with tempfile.TemporaryDirectory(prefix="flowtap-nprint-") as folder:
        for path in captures:
            data = readable(path.read_bytes())
            if data is None or len(data) == 24:
                continue
            for payload in 0, 20:
                made, wrong = compare(a.flowtap, nprint, data, folder, payload)
                lines += made
                # of TCP over IPv6 it takes bytes far behind the payload
                wrong = [k for k in wrong if not payload or not (k[1] == "TCP" and ":" in k[0][0][0])]
                failures += len(wrong) > 0
                if wrong:
                    print("FAIL", path, "payload", payload, wrong[:3])
            n += 1
    print(f"{n} captures, {lines} lines")
    sys.exit(failures > 0 or lines == 0)


if __name__ == "__main__":
    main()
