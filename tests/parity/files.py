#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same records from a capture whatever reads it: 1, 2 or 4 workers; a file, compressed, from a pipe.

files.py PROGRAM SOURCE_DIR    also over some of the public corpus, where it is
"""
import gzip
import os
import subprocess
import sys
import tempfile

import traffic
from packets import pcap

PROGRAM, SOURCE = os.path.abspath(sys.argv[1]), sys.argv[2]
CORPUS = os.environ.get("FT_CORPUS") or os.path.join(SOURCE, "..", "shared", "corpus", "public")
EVERY = 40  # of the corpus: each so many-th capture
failed = passed = 0


def run(args, data=None):
    r = subprocess.run([PROGRAM, "read", "--quiet", *args], input=data, capture_output=True, timeout=120)
    return r.returncode, sorted(r.stdout.splitlines())


def check(what, ok):
    global failed, passed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print("FAIL", what)


# rules of detectors by which nearly anything is an alert
EAGER = """
address_scan: {hosts: 2}
port_scan: {ports: 2}
trw_scan: {alpha: 0.4, beta: 0.6, again_s: 0}
syn_flood: {syns_per_second: 1, share: 0}
volume_flood: {packets_per_second: 1}
amplification: {ratio: 1, bytes: 10}
beacon: {score: 0.1, flows: 4, span_s: 0, again_s: 0, prevalent: 1}
long_connection: {low_s: 1, medium_s: 2, high_s: 3, critical_s: 4}
exfiltration: {z: 0, bytes: 1, learn_s: 0, pcr: -1}
new_host: {learn_s: 0, networks: [0.0.0.0/0, "::/0"]}
new_peer: {learn_s: 0, networks: [0.0.0.0/0, "::/0"]}
new_service: {learn_s: 0, networks: [0.0.0.0/0, "::/0"]}
dns_tunnel: {low_names: 2, length: 0, entropy: 0}
dga: {names: 2, surprise: 0}
policy: {deny: [{port: 80}]}
internal: []
limits: {entity_s: 0, per_second: 1000000}
"""


def roads(path, folder, *how):
    """Every way to the records of one capture."""
    rc, want = run(["-w", "1", "-e", "flow", "-p", "all,vector", *how, path])
    with open(path, "rb") as f:
        data = f.read()
    packed = os.path.join(folder, "packed.pcap.gz")
    with gzip.open(packed, "wb", 1) as f:
        f.write(data)
    for w in ("1", "2", "4"):
        check("%s %s -w %s" % (path, how, w), run(["-w", w, "-e", "flow", "-p", "all,vector", *how, path]) == (rc, want))
        check("%s %s -w %s stdin" % (path, how, w), run(["-w", w, "-e", "flow", "-p", "all,vector", *how, "-"], data) == (rc, want))
        check("%s %s -w %s gz" % (path, how, w), run(["-w", w, "-e", "flow", "-p", "all,vector", *how, packed]) == (rc, want))
    windows = run(["-w", "1", "-e", "window", "-p", "vector", *how, path])
    for w in ("2", "4"):
        check("%s windows -w %s" % (path, w), run(["-w", w, "-e", "window", "-p", "vector", *how, path]) == windows)
        check("%s windows -w %s stdin" % (path, w), run(["-w", w, "-e", "window", "-p", "vector", *how, "-"], data) == windows)
    eager = ["-e", "alert", "-p", "app", "--rules", os.path.join(folder, "rules.yaml"), *how]
    alerts = run(["-w", "1", *eager, path])
    for w in ("2", "4"):
        check("%s alerts -w %s" % (path, w), run(["-w", w, *eager, path]) == alerts)
        check("%s alerts -w %s stdin" % (path, w), run(["-w", w, *eager, "-"], data) == alerts)
    samples = run(["-w", "1", *how, path])
    for w in ("2", "4"):
        check("%s samples -w %s" % (path, w), run(["-w", w, *how, path]) == samples)
    return len(want)


def main():
    with tempfile.TemporaryDirectory(prefix="flowtap-parity-") as folder:
        made = os.path.join(folder, "made.pcap")
        with open(os.path.join(folder, "rules.yaml"), "w", encoding="ascii") as f:
            f.write(EAGER)
        with open(made, "wb") as f:
            f.write(pcap(traffic.make()))
        n = roads(made, folder)
        check("the made capture has flows", n == 150 + 60 + 60 + 60 or n > 300)
        roads(made, folder, "--app", "--snapshot", "1,5")
        roads(made, folder, "--keep-tunnels")
        all_ = run(["-e", "flow", made])[1]
        some = roads(made, folder, "--where", "protocol = 17 or packet_count > 3 and src_ip != 10.0.0.0/16")
        check("--where leaves out some", 0 < some < len(all_))
        check("--count leaves out some", 0 < roads(made, folder, "--count", "1000") < len(all_))
        captures = sorted(os.path.join(d, x) for d, _, names in os.walk(CORPUS) for x in names
                          if x.endswith((".pcap", ".cap", ".pcapng")))[::EVERY]
        for path in captures:
            roads(path, folder, "--app")
        print("%d captures of the corpus" % len(captures))
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


sys.exit(main())
