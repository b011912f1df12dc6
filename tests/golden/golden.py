#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Outputs that must not change by accident: golden.py PROGRAM SOURCE_DIR"""
import hashlib
import os
import shlex
import subprocess
import sys


def main():
    program, source = sys.argv[1], os.path.abspath(sys.argv[2])
    folder, failed, n = os.path.join(source, "tests", "golden"), 0, 0
    with open(os.path.join(folder, "CASES")) as f:
        for line in f:
            if line.startswith("#") or not line.strip():
                continue
            name, args, want = [x.strip() for x in line.split("|")]
            out = subprocess.run([program, "read", "-w", "1", "--quiet", "--observer", "probe", *shlex.split(args)], cwd=source,
                                 capture_output=True, timeout=60).stdout
            if want.startswith("sha256:"):
                same = "sha256:" + hashlib.sha256(out).hexdigest() == want
            else:
                with open(os.path.join(folder, want), "rb") as g:
                    same = g.read() == out
            n, failed = n + 1, failed + (not same)
            print("%s %s" % ("ok  " if same else "FAIL", name))
    print("%d passed, %d failed" % (n - failed, failed))
    return 1 if failed or n == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
