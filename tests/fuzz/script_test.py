#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""scripts/fuzz.sh: a finding is an error that names its input; --long keeps a corpus and minimises it.

    script_test.py SOURCE_DIR

A target of our own stands for libFuzzer's: it says what it was called with.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT, = sys.argv[1:]
TARGET = r"""#!/bin/sh
echo "$@" >>"$0.calls"
dirs=; prefix=; merge=
for a; do
	case $a in
	-artifact_prefix=*) prefix=${a#*=} ;;
	-merge=1) merge=1 ;;
	-*) ;;
	*) dirs="$dirs $a" ;;
	esac
done
set -- $dirs
if [ -n "$merge" ]; then
	cp "$2"/new* "$1"/ 2>/dev/null
	exit 0
fi
if [ -e "$0.finds" ]; then
	echo x >"${prefix}crash-1234"
	echo "artifact_prefix='$prefix'; Test unit written to ${prefix}crash-1234"
	exit 77
fi
echo a >"$1/new$$"; echo b >"$1/other"
echo "stat::number_of_executed_units: 4711"
"""


class Script(unittest.TestCase):
    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="ft-fuzz-"))
        self.addCleanup(shutil.rmtree, self.dir)
        for name in "one", "two":
            path = self.dir / ("fuzz_" + name)
            path.write_text(TARGET)
            path.chmod(0o755)

    def run_script(self, *args, **env):
        env = dict(os.environ, FT_FUZZ_BIN=str(self.dir), FT_FUZZ_CORPUS=str(self.dir / "kept"),
                   HOME=str(self.dir), **env)
        env.pop("FT_CORPUS", None)
        return subprocess.run([ROOT + "/scripts/fuzz.sh", *args], env=env, capture_output=True, text=True,
                              timeout=60)

    def calls(self, name):
        path = self.dir / ("fuzz_%s.calls" % name)
        return path.read_text().splitlines() if path.exists() else []

    def test_finding(self):
        (self.dir / "fuzz_one.finds").touch()
        r = self.run_script("--long", "one", "two")
        self.assertNotEqual(r.returncode, 0)
        found = self.dir / "kept" / "findings" / "one-crash-1234"
        self.assertIn(str(found), r.stderr)
        self.assertTrue(found.exists())
        self.assertEqual(self.calls("two"), [])

    def test_long(self):
        for _ in range(2):
            r = self.run_script("--long", "two", "one", FUZZ_JOBS="2", FUZZ_SECONDS="7")
            self.assertEqual(r.returncode, 0, r.stderr)
        self.assertIn("4711 runs in 7 s", r.stdout)
        runs = [c for c in self.calls("one") if "-merge=1" not in c]
        self.assertEqual(len(runs), 2)
        self.assertIn("-max_total_time=7", runs[0])
        self.assertIn("tests/fuzz/corpus/one", runs[0])
        kept = sorted(p.name[:3] for p in (self.dir / "kept" / "one").iterdir())
        self.assertEqual(kept, ["new", "new"])  # it grew; what adds nothing is gone

    def test_defaults(self):
        self.run_script("--long", "one")
        self.assertIn("-max_total_time=600", self.calls("one")[0])
        self.assertEqual(self.calls("two"), [])

    def test_unknown_target(self):
        r = self.run_script("--long", "one", "three")
        self.assertEqual(r.returncode, 2)
        self.assertIn("three", r.stderr)
        self.assertEqual(self.calls("one"), [])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
