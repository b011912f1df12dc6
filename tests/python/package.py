#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Python package against the program: batches, frames, errors, the account, the transformer."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "python")]
import readers  # noqa: E402: tests/readers.py

readers.needs("pyarrow", "numpy", "pandas")
import numpy  # noqa: E402
import pandas  # noqa: E402
import pyarrow  # noqa: E402

import flowtap  # noqa: E402

SAMPLE = str(ROOT / "examples/sample.pcap")
PROGRAM = os.environ["FLOWTAP"]


def ndjson(*args):
    r = subprocess.run([PROGRAM, "read", "--quiet", "-e", "flow", *args, SAMPLE], capture_output=True, check=True)
    return [json.loads(line) for line in r.stdout.splitlines()]


class Read(unittest.TestCase):
    def test_batches(self):
        """The same records as NDJSON, and the account at the end."""
        flows = flowtap.read(SAMPLE, workers=1)
        self.assertIsNone(flows.account)
        self.assertEqual(flows.schema.metadata[b"flowtap.profile"], b"base")
        batches = list(flows)
        self.assertTrue(all(isinstance(b, pyarrow.RecordBatch) for b in batches))
        got = pyarrow.Table.from_batches(batches).to_pylist()
        want = ndjson("-w1")
        self.assertEqual([(r["src_ip"], r["byte_count"], r["flow_id"]) for r in got],
                         [(e["flow_key"]["src_ip"], e["aggregate_metrics"]["byte_count"], e["flow_id"]) for e in want])
        self.assertEqual(flows.account["decoded"], 116)
        self.assertTrue(flows.account["adds_up"])

    def test_pandas(self):
        """No integer goes through a float, whatever is null."""
        frame = flowtap.read(SAMPLE, profile=["all", "splt"]).to_pandas()
        self.assertEqual(len(frame), 15)
        self.assertEqual(frame["byte_count"].sum(), sum(e["aggregate_metrics"]["byte_count"] for e in ndjson()))
        self.assertEqual(frame["vlan_id"].dtype, pandas.UInt16Dtype())
        self.assertTrue(frame["vlan_id"].isna().any() and frame["vlan_id"].notna().any())
        self.assertEqual(str(frame["timestamp"].dtype.tz), "UTC")
        self.assertIsInstance(frame["splt_ip_bytes"].iloc[0], numpy.ndarray)

    def test_polars(self):
        try:
            import polars  # noqa: F401
        except ImportError:
            self.skipTest("polars is not here")
        frame = flowtap.read(SAMPLE).to_polars()
        self.assertEqual((frame.height, "src_ip" in frame.columns), (15, True))

    def test_columns_and_options(self):
        flows = flowtap.read(SAMPLE, columns=["dst_port", "fwd_bytes"], where="dst_port=443", idle_timeout=5,
                             no_identity=False)
        table = flows.to_arrow()
        self.assertEqual(table.column_names, ["dst_port", "fwd_bytes"])
        self.assertEqual(set(table["dst_port"].to_pylist()), {443})

    def test_nprint(self):
        """Bit for bit what the table has, from a batch, a slice of one, a table; with packets that are not there."""
        for options in {}, {"nprint_packets": 3, "nprint_payload": 64}:
            flags = [f"--{k.replace('_', '-')}={v}" for k, v in options.items()]
            text = subprocess.run([PROGRAM, "read", "--quiet", "-w1", "-e", "flow", *flags, "-o", "csv:-?dialect=nprint",
                                   SAMPLE], capture_output=True, check=True, text=True).stdout
            header, *lines = [line.split(",") for line in text.splitlines()]
            want = numpy.array([line[1:] for line in lines], dtype=numpy.int8)
            table = flowtap.read(SAMPLE, profile="nprint", workers=1, **options).to_arrow()
            got = flowtap.nprint_matrix(table)
            self.assertEqual(got.dtype, numpy.int8)
            self.assertEqual(got.shape, (table.num_rows, options.get("nprint_packets", 10), len(header) - 1))
            counts = table["nprint_packets"].to_pylist()
            self.assertEqual(len(lines), sum(counts))
            for flow, n in zip(got, counts):
                self.assertTrue((flow[:n] == want[:n]).all() and (flow[n:] == -1).all())
                want = want[n:]
            batch = table.to_batches()[0]
            self.assertTrue((flowtap.nprint_matrix(batch.slice(2, 5)) == got[2:7]).all())
            self.assertEqual(flowtap.nprint_matrix(batch.slice(0, 0)).shape, (0, *got.shape[1:]))

    def test_several_files(self):
        flows = flowtap.read(SAMPLE, pathlib.Path(SAMPLE))
        flows.to_arrow()
        self.assertEqual(flows.account["captured"], 236)

    def test_collect(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "v5.pcap")
            path.write_bytes(netflow_capture())
            table = flowtap.collect(f"pcap:{path}").to_arrow()
        self.assertEqual(table.num_rows, 3)
        self.assertEqual(table["src_ip"].to_pylist(), ["10.0.0.0", "10.0.0.1", "10.0.0.2"])
        self.assertIn("octet_delta_count", json.loads(table["other"][0].as_py()))


def netflow_capture():
    """A NetFlow v5 datagram of three records in a capture."""
    import struct
    records = b"".join(struct.pack("!4s4s4sHHIIIIHHBBBBHHBBH", bytes((10, 0, 0, i)), bytes((10, 1, 0, i)), bytes(4), 1, 2,
                                   10 + i, 1000 + i, 100, 200, 1234, 80, 0, 0x18, 6, 0, 0, 0, 0, 0, 0)
                       for i in range(3))
    data = struct.pack("!HHIIIIBBH", 5, 3, 1000, 1700000000, 0, 1, 0, 0, 0) + records
    udp = struct.pack("!HHHH", 5000, 2055, 8 + len(data), 0) + data
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, bytes((192, 0, 2, 9)),
                     bytes((192, 0, 2, 1))) + udp
    frame = b"\2\0\0\0\0\2\2\0\0\0\0\1\x08\0" + ip
    return (struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) +
            struct.pack("<IIII", 1700000000, 0, len(frame), len(frame)) + frame)


class Errors(unittest.TestCase):
    def test_wrong_option(self):
        with self.assertRaises(flowtap.FlowtapError) as e:
            flowtap.read(SAMPLE, profile="bse")
        self.assertEqual(e.exception.status, 2)
        self.assertIn("did you mean base?", str(e.exception))

    def test_no_file(self):
        with self.assertRaisesRegex(flowtap.FlowtapError, "/nowhere: No such file") as e:
            flowtap.read("/nowhere").to_arrow()
        self.assertEqual(e.exception.status, 1)

    def test_damage_is_told_at_the_end(self):
        """All batches before the damage hold."""
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "cut.pcap")
            path.write_bytes(pathlib.Path(SAMPLE).read_bytes()[:-10])
            flows, rows = flowtap.read(path), 0
            with self.assertRaisesRegex(flowtap.FlowtapError, "cut.pcap") as e:
                for batch in flows:
                    rows += batch.num_rows
        self.assertEqual((rows, e.exception.status), (15, 1))
        self.assertEqual(flows.account["decoded"], 115)

    def test_no_program(self):
        before = os.environ["FLOWTAP"]
        os.environ["FLOWTAP"] = "/nowhere/flowtap"
        self.addCleanup(os.environ.__setitem__, "FLOWTAP", before)
        with self.assertRaisesRegex(flowtap.ProgramNotFound, "/nowhere/flowtap is no program"):
            flowtap.read(SAMPLE)
        del os.environ["FLOWTAP"]
        os.environ["PATH"], path = "", os.environ["PATH"]
        self.addCleanup(os.environ.__setitem__, "PATH", path)
        if not os.access(ROOT / "build/release/flowtap", os.X_OK):
            with self.assertRaisesRegex(flowtap.ProgramNotFound, "make build"):
                flowtap.program()

    def test_leaving_early(self):
        """The program ends with the block, however much there was to come."""
        with tempfile.TemporaryDirectory() as folder:
            fifo = os.path.join(folder, "in")
            os.mkfifo(fifo)
            data = pathlib.Path(SAMPLE).read_bytes()
            feed = subprocess.Popen([sys.executable, "-c", "import sys,time\nf=open(sys.argv[1],'wb')\n"
                                     "f.write(open(sys.argv[2],'rb').read())\nf.flush()\ntime.sleep(60)", fifo, SAMPLE])
            self.addCleanup(feed.wait)
            self.addCleanup(feed.kill)
            with flowtap.read(fifo, snapshot=1) as flows:
                self.assertGreater(next(iter(flows)).num_rows, 0)
            self.assertGreater(len(data), 0)
            self.assertEqual(flows.account["decoded"], 116)

    def test_left_without_a_word(self):
        """No process is left of a stream that nobody holds any more, read a little or not at all."""
        with tempfile.TemporaryDirectory() as folder:
            fifo = os.path.join(folder, "in")
            os.mkfifo(fifo)
            feed = subprocess.Popen([sys.executable, "-c", "import sys,time\nf=open(sys.argv[1],'wb')\n"
                                     "f.write(open(sys.argv[2],'rb').read())\nf.flush()\ntime.sleep(60)", fifo, SAMPLE])
            self.addCleanup(feed.wait)
            self.addCleanup(feed.kill)
            before = children()
            for batch in flowtap.read(fifo, snapshot=1):
                self.assertGreater(batch.num_rows, 0)
                break
            self.assertEqual(children(), before)
        flowtap.read(SAMPLE)
        self.assertEqual(children(), before)

    def test_read_once(self):
        """An iterator: it goes on where it was left, and what is over is not read as nothing."""
        flows = flowtap.read(SAMPLE, workers=1, snapshot=1)
        first = next(flows).num_rows
        self.assertEqual(first + sum(b.num_rows for b in flows), flowtap.read(SAMPLE, snapshot=1).to_arrow().num_rows)
        self.assertEqual(list(flows), [])
        with self.assertRaisesRegex(ValueError, "read once"):
            flows.to_arrow()

    def test_not_arrow(self):
        """What is no stream is told, and ends."""
        with self.assertRaisesRegex(flowtap.FlowtapError, "the stream is cut"):
            flowtap.read(*[SAMPLE] * 500, output="ndjson:-").to_arrow()

    def test_no_program_at_all(self):
        with tempfile.TemporaryDirectory() as folder:
            text = pathlib.Path(folder, "flowtap")
            text.write_text("no program")
            text.chmod(0o755)
            for named in folder, str(text):
                os.environ["FLOWTAP"] = named
                self.addCleanup(os.environ.__setitem__, "FLOWTAP", PROGRAM)
                with self.assertRaisesRegex(flowtap.ProgramNotFound, named):
                    flowtap.read(SAMPLE)

    def test_names_of_files(self):
        with tempfile.TemporaryDirectory(prefix="flowtap \u00fc") as folder:
            before = os.getcwd()
            self.addCleanup(os.chdir, before)
            os.chdir(folder)
            for name in "-w.pcap", "a b,c.pcap", "\u2603'\".pcap":
                pathlib.Path(name).write_bytes(pathlib.Path(SAMPLE).read_bytes())
                self.assertEqual(flowtap.read(name).to_arrow().num_rows, 15, name)


def children():
    """The programs that this process has started, the dead ones whom nobody has waited for, too."""
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            words = stat.read_text().rpartition(")")
        except OSError:
            continue
        if words[2].split()[1] == str(os.getpid()):
            found.append((stat.parent.name, words[0]))
    return sorted(found)


class Models(unittest.TestCase):
    def test_transformer(self):
        """What serves has the columns of the training, in its order, and the same numbers."""
        try:
            from flowtap.sklearn import FlowTransformer
        except ImportError:
            self.skipTest("scikit-learn is not here")
        t = FlowTransformer(profile="all")
        train = t.fit_transform(SAMPLE)
        self.assertEqual((train.dtype, train.shape), (numpy.float32, (15, len(t.feature_names_in_))))
        self.assertIn("fwd_ip_bytes_mean", t.feature_names_in_)
        self.assertFalse({"src_port", "timestamp", "vlan_id", "label"} & set(t.feature_names_in_))
        self.assertFalse(numpy.isnan(train).any())
        serve = numpy.vstack([t.transform(b) for b in flowtap.read(SAMPLE, profile="packets,all", workers=1)])
        once = t.transform(flowtap.read(SAMPLE, profile="all", workers=1))
        numpy.testing.assert_array_equal(serve, once)
        numpy.testing.assert_array_equal(numpy.sort(train, axis=0), numpy.sort(serve, axis=0))
        with self.assertRaises(KeyError):
            t.transform(flowtap.read(SAMPLE, profile="base"))

    def test_in_a_pipeline(self):
        """As scikit-learn uses it: copied by its parameters, fitted first, named columns."""
        try:
            from flowtap.sklearn import FlowTransformer
            from sklearn.base import clone
            from sklearn.exceptions import NotFittedError
            from sklearn.pipeline import make_pipeline
            from sklearn.preprocessing import StandardScaler
        except ImportError:
            self.skipTest("scikit-learn is not here")
        t = FlowTransformer(profile="base", columns=["byte_count", "vlan_id"], fill=-1)
        again = clone(t.fit(SAMPLE))
        self.assertEqual(again.get_params(), {"profile": "base", "columns": ["byte_count", "vlan_id"], "fill": -1})
        for use in (lambda: again.transform(SAMPLE)), again.get_feature_names_out:
            self.assertRaises(NotFittedError, use)
        self.assertIn(-1, again.fit_transform(SAMPLE)[:, 1])
        p = make_pipeline(t, StandardScaler()).set_output(transform="pandas")
        self.assertEqual(list(p.fit_transform(SAMPLE).columns), ["byte_count", "vlan_id"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
