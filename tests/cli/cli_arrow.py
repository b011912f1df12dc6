# SPDX-License-Identifier: Apache-2.0
"""Arrow outputs, read back by the format's specification: the values of NDJSON, whole files on every day."""
import ipaddress
import json
import resource
import signal
import subprocess
import sys

from support import FLOWTAP, ROOT, SAMPLE, Case, main, pcap_header, pcap_records, run, wait_for

sys.path.insert(0, str(ROOT / "tests/support"))
from arrow_reader import Arrow  # noqa: E402

GROUPS = "flow_key", "aggregate_metrics", "features", "exporter"


def flat(event, collect=False):
    """As a table has it: the objects' keys side by side."""
    out = {}
    for k, v in event.items():
        if collect and k == "features":
            out["other"] = v
        elif isinstance(v, dict) and k in GROUPS:
            out.update(v)
        elif k != "event_type":
            out[k] = v
    return out


def like_json(column, v):
    """A value as JSON has it."""
    if v is None:
        return None
    return v / 1e6 if column.type.startswith("timestamp") else v


class ArrowOutputs(Case):
    def compare(self, arrow, text, collect=False):
        """The table has the columns and values of NDJSON's events."""
        rows = [flat(json.loads(line), collect) for line in text.splitlines()]
        self.assertTrue(rows)
        self.assertEqual([c.name for c in arrow.columns], list(rows[0]))
        objects = {k for r in rows for k, v in r.items() if isinstance(v, (dict, list))}
        for c in arrow.columns:
            got = [like_json(c, v) for v in arrow.rows[c.name]]
            if c.name in objects and c.type == "utf8":
                got = [None if v is None else json.loads(v) for v in got]
            want = [r[c.name] for r in rows]
            if c.type == "double":
                self.assertEqual([v is None for v in got], [v is None for v in want], c.name)
                for a, b in zip(got, want):
                    self.assertTrue(a is None or abs(a - b) <= 1e-14 * max(1, abs(a)), (c.name, a, b))
            else:
                self.assertEqual(got, want, c.name)
            self.assertTrue(c.nullable)

    def both(self, *args, url="", collect=False):
        """One run with both outputs, as a stream and as a file."""
        names = [self.dir / n for n in ("x.arrows", "x.arrow", "x.ndjson")]
        outs = [f"{'ndjson' if n.suffix == '.ndjson' else 'arrow'}:{n}{url}" for n in names]
        self.good(*args, "-w1", *[a for o in outs for a in ("-o", o)])
        for n in names[:2]:
            a = Arrow(n.read_bytes())
            self.assertEqual(a.file, n.suffix == ".arrow")
            self.compare(a, names[2].read_text(), collect)
        return a

    def test_flow_records(self):
        for profiles in "base", "sizes", "tcp,tunnel", "all,app,splt,link", "packets":
            a = self.both("read", SAMPLE, "-e", "flow", "-p", profiles)
            self.assertEqual(a.metadata["flowtap.event"], "network_flow_record")
            self.assertTrue(set(profiles.split(",")) - {"all"} <= set(a.metadata["flowtap.profile"].split(",")))
            self.assertEqual(a.metadata["flowtap.version"], self.good("--version").stdout.split()[1])
            self.assertTrue(a.metadata["flowtap.schema"])
            for b in a.batches:
                self.assertEqual(b, {"flowtap.events_lost": "0", "flowtap.packets_lost": "0"})

    def test_other_events(self):
        self.both("read", SAMPLE, "-e", "all", url="?event=sample")
        self.both("read", SAMPLE, "-e", "all", url="?event=stats")

    def test_chosen_columns(self):
        a = self.both("read", SAMPLE, "-e", "flow", url="?columns=dst_port,flow_id,byte_count")
        self.assertEqual([c.type for c in a.columns], ["uint16", "utf8", "uint64"])
        self.both("read", SAMPLE, "-e", "flow", url="?profile=splt")

    def test_collect(self):
        """The core columns, and all else in one of JSON."""
        capture = self.netflow()
        a = self.both("collect", "-l", f"pcap:{capture}", collect=True)
        self.assertEqual([c.name for c in a.columns[-3:]], ["other", "observer_id", "observation_domain"])
        self.assertEqual(json.loads(a.rows["other"][0])["octet_delta_count"], 300)

    def netflow(self):
        """A capture of one datagram of NetFlow v5 with a record."""
        import struct
        record = struct.pack("!4s4s4sHHIIIIHHBBBBHHBBH", bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2]), bytes(4),
                             1, 2, 3, 300, 1000, 2000, 1024, 443, 0, 0x18, 6, 0, 1, 2, 24, 24, 0)
        data = struct.pack("!HHIIIIBBH", 5, 1, 5000, 1719409371, 0, 1, 0, 0, 0) + record
        udp = struct.pack("!HHHH", 1000, 2055, 8 + len(data), 0) + data
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, bytes([192, 0, 2, 1]),
                         bytes([192, 0, 2, 2]))
        frame = b"\2\0\0\0\0\2\2\0\0\0\0\1\x08\0" + ip + udp
        return self.file("nf5.pcap", pcap_header() + struct.pack("<IIII", 1719409371, 0, len(frame), len(frame)) +
                         frame)

    def test_flows_unless_told(self):
        """Without -e, beside an output that takes samples."""
        out = self.dir / "x.arrows"
        r = self.good("read", SAMPLE, "-o", f"arrow:{out}", "-o", "ndjson:-")
        self.assertIn("network_flow_sample", r.stdout)
        self.assertIn("flow_id", Arrow(out.read_bytes()).rows)
        self.good("read", SAMPLE, "-e", "sample", "-o", f"arrow:{out}")
        self.assertIn("packet_size_bytes", Arrow(out.read_bytes()).rows)

    def test_binary_addresses(self):
        out = self.dir / "x.arrow"
        self.good("read", SAMPLE, "-o", f"arrow:{out}?addresses=binary", "-o", f"arrow:{self.dir}/t.arrow", "-w1")
        a, t = Arrow(out.read_bytes()), Arrow((self.dir / "t.arrow").read_bytes())
        for name in "src_ip", "dst_ip":
            got = [ipaddress.IPv6Address(v) for v in a.rows[name]]
            self.assertEqual([str(v.ipv4_mapped or v) for v in got], t.rows[name])

    def test_few_rows(self):
        """None, one, and as many as fill words of bits."""
        for n in 0, 1, 63, 64, 65:
            capture = self.file("n.pcap", pcap_header() + pcap_records(n))
            out = self.dir / "n.arrow"
            self.good("read", capture, "-o", f"arrow:{out}", "-w1")
            a = Arrow(out.read_bytes())
            self.assertEqual(len(a.rows["flow_id"]), n)
            self.assertEqual(len(a.blocks), min(n, 1))
            r = subprocess.run([FLOWTAP, "read", capture, "-o", "arrow:-"], capture_output=True, check=True)
            self.assertEqual(len(Arrow(r.stdout).rows["flow_id"]), n)

    def many(self, n=30000):
        return self.file("many.pcap", pcap_header() + pcap_records(n))

    def test_rotation(self):
        """Every file is whole, and together they have every row once."""
        out = self.dir / "r.arrow"
        r = self.good("read", self.many(), "-e", "sample", "-o", f"arrow:{out}?rotate=1MB&event=sample",
                      "-o", "ndjson:-")
        rows = []
        files = sorted(self.dir.glob("r*.arrow"))
        self.assertGreater(len(files), 2)
        for f in files:
            self.assertLess(f.stat().st_size, 1200000)
            rows += Arrow(f.read_bytes()).rows["timestamp"]
        want = [round(json.loads(line)["timestamp"] * 1e6) for line in r.stdout.splitlines()]
        self.assertEqual(sorted(rows), sorted(want))

    def test_full_disk(self):
        """What fits is whole, its end included; the rest is lost, and counted."""
        out = self.dir / "f.arrow"

        def limit():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (900000, -1))

        r = run("read", self.many(), "-e", "sample", "-w1", "-o", f"arrow:{out}", preexec_fn=limit)
        a = Arrow(out.read_bytes())
        n = len(a.rows["timestamp"])
        self.assertTrue(0 < n < 30000)
        self.assertIn(f"30000 sample events = {n} written + 0 dropped + {30000 - n} lost", r.stderr)
        self.assertEqual(r.returncode, 1)
        self.assertEqual({b["flowtap.packets_lost"] for b in a.batches}, {"0"})

    def test_packets_lost(self):
        """The last batch of a run says what the queues dropped, as the account does."""
        out, stats = self.dir / "l.arrow", self.dir / "l.ndjson"
        self.good("read", self.many(60000), "--overflow", "drop", "--queue", "64", "-w2", "-e", "sample,stats",
                  "-o", f"arrow:{out}?event=sample&overflow=block", "-o", f"ndjson:{stats}?event=stats")
        last = json.loads(stats.read_text().splitlines()[-1])
        self.assertGreater(last["decoded"], 0)
        told = [int(b["flowtap.packets_lost"]) for b in Arrow(out.read_bytes()).batches]
        self.assertEqual(max(told), last["queue_dropped"])

    def test_reader_leaves(self):
        p = subprocess.Popen([FLOWTAP, "read", self.many(), "-e", "sample", "-o", "arrow:-"], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        p.stdout.read(1000)
        p.stdout.close()
        said = p.stderr.read().decode()
        p.stderr.close()
        self.assertEqual(p.wait(20), 1)
        self.assertIn("the reader went away", said)

    def test_earlier_file(self):
        """Of an earlier run: put aside by collect, emptied by read, never added to."""
        out = self.dir / "x.arrow"
        for _ in range(2):
            self.good("collect", "-l", f"pcap:{self.netflow()}", "-o", f"arrow:{out}")
        aside = set(self.dir.glob("x-*.arrow"))
        self.assertEqual(len(aside), 1)
        for f in aside | {out}:
            self.assertEqual(len(Arrow(f.read_bytes()).rows["flow_id"]), 1)
        self.good("read", SAMPLE, "-o", f"arrow:{out}")
        self.assertEqual(len(Arrow(out.read_bytes()).rows["flow_id"]), 15)

    def test_opened_again(self):
        """SIGHUP after the file was moved away: both are whole."""
        out = self.dir / "h.arrow"
        p = subprocess.Popen([FLOWTAP, "read", "-", "-e", "sample", "-o", f"arrow:{out}"], stdin=subprocess.PIPE,
                             stderr=subprocess.DEVNULL)
        p.stdin.write(pcap_header() + pcap_records(20000))
        p.stdin.flush()
        self.assertTrue(wait_for(lambda: out.exists() and out.stat().st_size > 100000))
        out.rename(self.dir / "old.arrow")
        p.send_signal(signal.SIGHUP)
        self.assertTrue(wait_for(out.exists))
        p.stdin.write(pcap_records(20000, 20000))
        p.stdin.close()
        self.assertEqual(p.wait(20), 0)
        rows = [len(Arrow((self.dir / n).read_bytes()).rows["timestamp"]) for n in ("old.arrow", "h.arrow")]
        self.assertEqual(sum(rows), 40000)
        self.assertTrue(all(rows))

    def test_schema_is_true(self):
        out = self.dir / "s.arrow"
        self.good("read", SAMPLE, "-p", "all,app,splt", "-o", f"arrow:{out}")
        said = json.loads(self.good("schema", "--format", "arrow", "-p", "all,app,splt").stdout)
        columns = Arrow(out.read_bytes()).columns
        self.assertEqual([(c["name"], c["type"], c["nullable"]) for c in said["network_flow_record"]],
                         [(c.name, c.type, c.nullable) for c in columns])

    def test_wrong(self):
        for url, why in {"arrow:x?append=true": "append=: arrow files are not added to",
                         "arrow:x?compress=zstd": "compress=: arrow files are not packed as a whole",
                         "arrow:x?columns=dst_prot": "did you mean dst_port?"}.items():
            r = run("read", SAMPLE, "-o", url)
            self.assertEqual(r.returncode, 2, url)
            self.assertIn(why, r.stderr)


if __name__ == "__main__":
    main()
