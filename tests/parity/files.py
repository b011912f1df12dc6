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
    samples = run(["-w", "1", *how, path])
    for w in ("2", "4"):
        check("%s samples -w %s" % (path, w), run(["-w", w, *how, path]) == samples)
    return len(want)


def main():
    with tempfile.TemporaryDirectory(prefix="flowtap-parity-") as folder:
        made = os.path.join(folder, "made.pcap")
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
