# SPDX-License-Identifier: Apache-2.0
"""npy outputs: the header and rows of NumPy's form, the values of NDJSON as float32, the names beside."""
import ast
import json
import math
import struct

from support import SAMPLE, Case, main, pcap_header, pcap_records, run


def load(path):
    """rows, as lists."""
    data = path.read_bytes()
    assert data[:8] == b"\x93NUMPY\1\0"
    n = struct.unpack_from("<H", data, 8)[0]
    assert (10 + n) % 64 == 0 and data[9 + n:10 + n] == b"\n"
    head = ast.literal_eval(data[10:10 + n].decode())
    assert head["descr"] == "<f4" and head["fortran_order"] is False
    rows, columns = head["shape"]
    assert len(data) == 10 + n + 4 * rows * columns
    return [struct.unpack_from(f"<{columns}f", data, 10 + n + 4 * columns * i) for i in range(rows)]


def names(path):
    return json.loads(path.with_name(path.name + ".json").read_text())["columns"]


def values(event):
    out = {}
    for k, v in event.items():
        out.update(v if isinstance(v, dict) else {k: v})
    return out


class Npy(Case):
    def test_values(self):
        """Numbers only, in the order of the columns; null is NaN."""
        out, text = self.dir / "m.npy", self.dir / "m.ndjson"
        for profiles in "base", "all":
            self.good("read", SAMPLE, "-w1", "-e", "flow", "-p", profiles, "-o", f"npy:{out}", "-o",
                      f"ndjson:{text}")
            rows = [values(json.loads(line)) for line in text.read_text().splitlines()]
            got, columns = load(out), names(out)
            self.assertEqual(columns, [k for k in rows[0] if k in columns])
            self.assertTrue({"dst_port", "byte_count", "is_final"} <= set(columns))
            self.assertFalse({"src_ip", "flow_id", "reason", "timestamp", "first_seen"} & set(columns))
            self.assertEqual(len(got), len(rows))
            nulls = 0
            for r, row in zip(got, rows):
                for v, k in zip(r, columns):
                    nulls += row[k] is None
                    want = math.nan if row[k] is None else struct.unpack("f", struct.pack("f", row[k]))[0]
                    self.assertTrue(v == want or (math.isnan(v) and math.isnan(want)), (k, v, want))
            self.assertGreater(nulls, 0)

    def test_few_and_rotated(self):
        for n in 0, 1, 60000:
            capture = self.file("n.pcap", pcap_header() + pcap_records(n))
            out = self.dir / f"{n}.npy"
            self.good("read", capture, "-e", "sample", "-o", f"npy:{out}?rotate=100KB")
            found = sorted(f for f in self.dir.glob(f"{n}*.npy"))
            self.assertEqual(sum(len(load(f)) for f in found), n)
        self.assertGreater(len(found), 2)

    def test_earlier_file(self):
        """Put aside by collect, with the names of its columns."""
        out = self.dir / "x.npy"
        datagrams = self.file("none.pcap", pcap_header() + pcap_records(1))
        for columns in ["dst_port", "byte_count"], ["protocol"]:
            self.good("collect", "-l", f"pcap:{datagrams}", "-o", f"npy:{out}?columns={','.join(columns)}")
            self.assertEqual(names(out), columns)
        aside, = self.dir.glob("x-*.npy")
        self.assertEqual(names(aside), ["dst_port", "byte_count"])

    def test_whole_numbers(self):
        """What float32 rounds is said, by column."""
        out = self.dir / "w.npy"
        r = self.good("read", SAMPLE, "-o", f"npy:{out}?columns=dst_port,packet_count")
        self.assertNotIn("above 2^24", r.stderr)
        slow = self.file("slow.pcap", pcap_header() + pcap_records(1) + pcap_records(1, 20000))
        r = self.good("read", slow, "-o", f"npy:{out}?columns=dst_port,duration_us")
        self.assertIn("whole numbers above 2^24, rounded: duration_us\n", r.stderr)
        self.assertEqual(load(out), [(53, 20000000)])

    def test_wrong(self):
        for url, why in {"npy:-": "npy needs a file", f"npy:{self.dir}/x?columns=src_ip": "none of them is a number",
                         f"npy:{self.dir}/x?append=true": "append=: npy files are not added to"}.items():
            r = run("read", SAMPLE, "-o", url)
            self.assertEqual(r.returncode, 2, url)
            self.assertIn(why, r.stderr)


if __name__ == "__main__":
    main()
