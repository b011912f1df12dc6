# SPDX-License-Identifier: Apache-2.0
"""Runs the test_* functions of a file, each with a Meter: FILE PROGRAM [NAME]"""
import sys
import traceback

from packets import Meter


def main(names):
    meter, failed, n = Meter(sys.argv[1]), 0, 0
    wanted = sys.argv[2] if len(sys.argv) > 2 else "test_"
    for name, test in sorted(names.items()):
        if not name.startswith("test_") or wanted not in name:
            continue
        n += 1
        try:
            test(meter)
            print("ok  ", name)
        except Exception:  # one that fails is told with its place
            failed += 1
            print("FAIL", name)
            traceback.print_exc(file=sys.stdout)
    print("%d passed, %d failed" % (n - failed, failed))
    sys.exit(1 if failed or n == 0 else 0)


def same(got, want, what=""):
    assert got == want, "%s is %r, expected %r" % (what, got, want)


def near(got, want, what="", rel=1e-9):
    assert got is not None and abs(got - want) <= rel * max(abs(want), 1e-300), "%s is %r, expected %r" % (what, got, want)
