#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""examples/detector: what it serves live is what it would train on, and it tells the attacks."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
import readers  # noqa: E402: tests/readers.py

readers.needs("pyarrow", "numpy", "sklearn")
with tempfile.TemporaryDirectory(prefix="flowtap-detector-") as folder:
    r = subprocess.run([sys.executable, "-B", str(ROOT / "examples/detector/detector.py"), "--folder", folder],
                       env={**os.environ, "PYTHONPATH": str(ROOT / "python")}, capture_output=True, text=True, timeout=110,
                       check=False)
    print(r.stdout, r.stderr)
    served = re.search(r"served (\d+) flows .*: (\d+) flows, equal", r.stdout)
    right = re.search(r"right: ([0-9.]+)", r.stdout)
    assert r.returncode == 0 and served and served[1] == served[2] == "800", "what served is not what is read"
    assert float(right[1]) > 0.95, "attacks are not told"
    picture = pathlib.Path(folder, "confusion.svg").read_text(encoding="utf-8")
    assert picture.startswith("<svg") and "password guessing" in picture
