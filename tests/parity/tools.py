#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Profiles that are named for tools say the same of a file, of stdin, with any number of workers and whatever
stands beside them; and of a flow's first packets the same in a snapshot as in a capture that ends there.

tools.py PROGRAM SOURCE_DIR    also over some of the public corpus, where it is
"""
import csv
import io
import json
import os
import subprocess
import sys
import tempfile

import traffic
from packets import Conn, ACK, FIN, MS, PSH, RST, S, pcap

PROGRAM, SOURCE = os.path.abspath(sys.argv[1]), sys.argv[2]
CORPUS = os.environ.get("FT_CORPUS") or os.path.join(SOURCE, "..", "shared", "corpus", "public")
EVERY = 80  # of the corpus: each so many-th capture
failed = passed = 0


def check(what, ok):
    global failed, passed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print("FAIL", what)


def flowtap(*args, data=None):
    return subprocess.run([PROGRAM, *args], input=data, capture_output=True, timeout=120).stdout.decode()


def schema(*args):
    """profile -> its columns of flow records, in order."""
    out = {}
    for row in csv.DictReader(io.StringIO(flowtap("schema", "--format", "csv", *args))):
        if row["event"] == "network_flow_record":
            out.setdefault(row["profile"], []).append(row["column"])
    return out


def tools():
    """The profiles that are there only when asked for."""
    r = subprocess.run([PROGRAM, "schema", "-p", "!"], capture_output=True)
    names = r.stderr.decode().rsplit("(there are: ", 1)[1].split(")")[0].split(", ")
    own = schema()
    return {n: schema("-p", n)[n] for n in names if n not in own and n not in ("all", "afterimage")}  # a row a frame


def read(path, *args, workers="1"):
    return flowtap("read", "--quiet", "-w", workers, "-e", "flow", *args, path)


def records(text, columns):
    """Those columns of the lines, sorted."""
    out = []
    for line in text.splitlines():
        flat = {}
        for key, value in json.loads(line).items():
            flat.update(value if isinstance(value, dict) else {key: value})
        out.append(json.dumps([flat[c] for c in columns]))
    return sorted(out)


def table(text):
    return sorted(line for line in text.splitlines() if not line.startswith("#"))


def one_capture(path, tool, columns):
    want = read(path, "-p", tool)
    rows = table(read(path, "-o", "csv:-?dialect=" + tool))
    for w in "2", "4":
        check("%s -w %s %s" % (path, w, tool), sorted(read(path, "-p", tool, workers=w).splitlines()) == sorted(want.splitlines()))
        check("%s -w %s %s table" % (path, w, tool), table(read(path, "-o", "csv:-?dialect=" + tool, workers=w)) == rows)
    with open(path, "rb") as f:
        text = flowtap("read", "--quiet", "-w", "1", "-e", "flow", "-p", tool, "-", data=f.read())
    # flows that end at once leave their places to others, and which takes one hangs on the batches
    check("%s stdin %s" % (path, tool), sorted(text.splitlines()) == sorted(want.splitlines()))
    check("%s %s beside others" % (path, tool),
          records(read(path, "-p", tool + ",sizes,tcp,tunnel,app,packets"), columns) == records(want, columns))
    listed = read(path, "-p", tool, "-o", "ndjson:-?columns=" + ",".join(columns))
    check("%s %s by name" % (path, tool), records(listed, columns) == records(want, columns))
    return len(rows)


def snapshots(tool, columns, folder):
    """A record when a flow has so many packets, beside that of a capture which has no more."""
    path = os.path.join(folder, "snapshot.pcap")
    for isn, last in (((1000, 5000), FIN), ((0xffffff00, 0xfffffff0), RST)):
        c = Conn(isn=isn).open().send(0, PSH | ACK, b"x" * 300).send(1, ACK).send(1, PSH | ACK, b"y" * 1400, dt=20 * MS)
        c.send(1, PSH | ACK, b"z" * 1400, seq=c.seq[1] - 1400, dt=S).send(0, ACK).send(0, last | ACK).send(1, ACK).send(1, last | ACK)
        with open(path, "wb") as f:
            f.write(pcap(c.frames))
        counts = range(1, 9)
        text = read(path, "-p", tool, "--snapshot", ",".join(map(str, counts)))
        events = [(json.loads(line), line) for line in text.splitlines()]
        first = [line for e, line in events if e["flow_id"] == events[0][0]["flow_id"] and e["reason"] == "snapshot"]
        got = {json.loads(line)["aggregate_metrics"]["packet_count"]: line for line in first}
        check("snapshots of " + tool, len(got) >= len(counts) - 1)  # some tools drop flows of one packet
        for n in counts:
            with open(path, "wb") as f:
                f.write(pcap(c.frames[:n]))
            check("%s after %d packets" % (tool, n), records(got.get(n, ""), columns) == records(read(path, "-p", tool), columns))


def main():
    profiles = tools()
    captures = sorted(os.path.join(d, x) for d, _, names in os.walk(CORPUS) for x in names
                      if x.endswith((".pcap", ".cap", ".pcapng")))[::EVERY]
    with tempfile.TemporaryDirectory(prefix="flowtap-tools-") as folder:
        made = os.path.join(folder, "made.pcap")
        with open(made, "wb") as f:
            f.write(pcap(traffic.make()))
        for tool, columns in profiles.items():
            check("the made capture has flows", one_capture(made, tool, columns) > 300)
            snapshots(tool, columns, folder)
            for path in captures:
                one_capture(path, tool, columns)
    print("%s: %d captures of the corpus; %d passed, %d failed" % (", ".join(profiles), len(captures), passed, failed))
    return 1 if failed or not profiles else 0


sys.exit(main())
