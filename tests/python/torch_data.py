#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The PyTorch data set beside NDJSON: shapes, types, padding, and every record once with any number of workers.

Torch is large: it is looked for in the Python of $FT_TORCH, else of ~/.cache/flowtap/torch (python3 -m venv
~/.cache/flowtap/torch && ~/.cache/flowtap/torch/bin/pip install torch numpy pyarrow), else of the other readers."""
import functools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import warnings

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "python")]
import readers  # noqa: E402: tests/readers.py

readers.use_other("torch")
readers.needs("torch", "numpy", "pyarrow")
import torch  # noqa: E402
from torch.utils.data import DataLoader  # noqa: E402

import flowtap  # noqa: E402
from flowtap.torch import SpltDataset  # noqa: E402

SAMPLE = str(ROOT / "examples/sample.pcap")
PROGRAM = os.environ["FLOWTAP"]
LISTS = ("splt_direction", "splt_ip_bytes", "splt_payload_bytes", "splt_gap_us", "splt_tcp_flags", "splt_tcp_window")
N = 4
# at module level, so that spawned workers find it
STREAM = functools.partial(flowtap.read, SAMPLE, profile="splt", workers=1)


def records(*args):
    r = subprocess.run([PROGRAM, "read", "--quiet", "-w1", "-e", "flow", "-p", "splt", *args, SAMPLE], capture_output=True,
                       check=True)
    return [json.loads(line) for line in r.stdout.splitlines()]


def expected(record, n=N):
    """packets and length of a record, from NDJSON."""
    rows = list(zip(*(record["features"][name] for name in LISTS)))[:n]
    return [list(map(float, row)) for row in rows] + [[0.0] * len(LISTS)] * (n - len(rows)), len(rows)


def told(packets, length, port):
    return json.dumps([packets.tolist(), int(length), int(port)])


class DataSet(unittest.TestCase):
    def setUp(self):
        warnings.filterwarnings("ignore", "This DataLoader will create")  # more workers than CPUs

    def wanted(self, times=1):
        return sorted([json.dumps([*expected(r), r["flow_key"]["dst_port"]]) for r in records()] * times)

    def rows(self, loader):
        """What all batches hold, item by item."""
        out = []
        for b in loader:
            self.assertEqual((b["packets"].dtype, b["length"].dtype), (torch.float32, torch.int64))
            self.assertEqual(tuple(b["packets"].shape), (len(b["length"]), N, len(LISTS)))
            out += map(told, b["packets"], b["length"], b["dst_port"])
        return sorted(out)

    def test_items(self):
        items, want = list(SpltDataset(STREAM, n=N, columns=("dst_port", "vlan_id"))), records()
        self.assertEqual(len(items), len(want))
        for item, r in zip(items, want):
            self.assertEqual(list(item), ["packets", "length", "dst_port", "vlan_id"])
            self.assertEqual((item["packets"].dtype, tuple(item["packets"].shape)), (torch.float32, (N, len(LISTS))))
            self.assertEqual((item["length"].dtype, tuple(item["length"].shape)), (torch.int64, ()))
            self.assertEqual((item["packets"].tolist(), int(item["length"])), expected(r))
            self.assertEqual((item["dst_port"], item["vlan_id"]), (r["flow_key"]["dst_port"], r["features"]["vlan_id"]))
        self.assertTrue({2, N} <= {int(item["length"]) for item in items})

    def test_longer_than_any_flow(self):
        """Padding to the end; each iteration begins anew."""
        data = SpltDataset(STREAM, n=100)
        for _ in range(2):
            for item, r in zip(data, records(), strict=True):
                self.assertEqual((item["packets"].tolist(), int(item["length"])), expected(r, 100))

    def test_workers(self):
        """Every record once, whoever reads."""
        for workers in 0, 1, 2, 3:
            data = SpltDataset(STREAM, n=N, columns=["dst_port"])
            self.assertEqual(self.rows(DataLoader(data, batch_size=4, num_workers=workers)), self.wanted(), workers)

    def test_streams_are_divided(self):
        for streams, workers in (1, 2), (2, 2), (3, 2), (2, 3):
            data = SpltDataset([STREAM] * streams, n=N, columns=["dst_port"])
            self.assertEqual(self.rows(DataLoader(data, batch_size=5, num_workers=workers)), self.wanted(streams))

    def test_spawned(self):
        data = SpltDataset([STREAM, STREAM], n=N, columns=["dst_port"])
        loader = DataLoader(data, batch_size=4, num_workers=2, multiprocessing_context="spawn")
        self.assertEqual(self.rows(loader), self.wanted(2))

    def test_null(self):
        """A column that may be null goes through the default collate_fn with a number for it."""
        loader = DataLoader(SpltDataset(STREAM, columns=["vlan_id"], null=-1), batch_size=100)
        (batch,) = loader
        want = [-1 if r["features"]["vlan_id"] is None else r["features"]["vlan_id"] for r in records()]
        self.assertIn(-1, want)
        self.assertEqual(sorted(batch["vlan_id"].tolist()), sorted(want))

    def test_errors(self):
        """The program's message comes through the workers."""
        for workers in 0, 2:
            with self.assertRaisesRegex(flowtap.FlowtapError, "/nowhere: No such file"):
                list(DataLoader(SpltDataset(functools.partial(flowtap.read, "/nowhere", profile="splt")), num_workers=workers))

    def test_leaving_early(self):
        """Whoever leaves the data set ends the program, however much there is to come."""
        with tempfile.TemporaryDirectory() as folder:
            fifo = os.path.join(folder, "in")
            os.mkfifo(fifo)
            feed = subprocess.Popen([sys.executable, "-c", "import sys,time\nf=open(sys.argv[1],'wb')\n"
                                     "f.write(open(sys.argv[2],'rb').read())\nf.flush()\ntime.sleep(60)", fifo, SAMPLE])
            self.addCleanup(feed.wait)
            self.addCleanup(feed.kill)
            data = iter(SpltDataset(functools.partial(flowtap.read, fifo, profile="splt", snapshot=1)))
            next(data)
            self.assertTrue(self.runs(fifo))
            data.close()
            self.assertFalse(self.runs(fifo))

    def runs(self, path):
        """Is there a program that reads this path?"""
        r = subprocess.run(["ps", "-o", "args=", "--ppid", str(os.getpid())], capture_output=True, text=True, check=True)
        return any(path in line and " read " in line for line in r.stdout.splitlines())


if __name__ == "__main__":
    unittest.main(verbosity=2)
