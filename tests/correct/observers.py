#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""observers.py PROGRAM [--full]: one capture split over 1, 10 and 100 probes, and merged again.

Unsampled, each Community ID has the packets and bytes that a single probe counts for it, whether its packets are shared
out (by flow, by packet) or all probes see copies of them (later, and by clocks that are off). Sampled 1 in N, what is
estimated lies within three sigma of the truth: of n packets each is seen with probability p = 1/N, so c / p is their
estimate, of variance n (1 - p) / p; of copies that are sampled by k probes each on its own, all that they saw together
over the sum of their p, of variance n sum(p (1 - p)) / sum(p)^2. The seeds are fixed: a run is like another."""
import collections
import json
import math
import os
import random
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import arrow_reader  # noqa: E402

PROGRAM = os.path.abspath(sys.argv[1])
FULL = "--full" in sys.argv
FLOWS = 4000 if FULL else 600
START = 1_700_000_000_000_000  # us


def frame(src, dst, sport, dport, size):
    udp = struct.pack("!4H", sport, dport, 8 + size, 0) + bytes(size)
    ip = struct.pack("!2B3H2BH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, src, dst)
    return bytes(12) + b"\x08\0" + ip + udp


def packets():
    """(us, frame, flow) in order: flows of two directions that begin within a minute, some of them twice, with more
    than an idle timeout between."""
    r = random.Random(14)
    made = []
    for i in range(FLOWS):
        ends = [(struct.pack("!BBH", 10, 0, i), 1024 + i % 40000), (struct.pack("!BBH", 192, 168, i % 97), 53 + i % 7)]
        for again in range(1 + (i % 10 == 0)):
            at = START + r.randrange(60_000_000) + again * 200_000_000
            for _ in range(1 + int(r.paretovariate(0.9)) % 200):
                (src, sport), (dst, dport) = ends if r.random() < 0.6 else ends[::-1]
                made.append((at, frame(src, dst, sport, dport, r.randrange(1200)), i))
                at += r.randrange(1, 2_000_000)
    return sorted(made, key=lambda p: p[0])


PACKETS = packets()


def capture(path, some, offset=0):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for at, data, _ in some:
            s, us = divmod(at + offset, 1_000_000)
            f.write(struct.pack("<IIII", s, us, len(data), len(data)) + data)


class Merged(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="flowtap-observers-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def probe(self, name, some, offset=0):
        """What a probe of that name says of some packets by its clock; beside it the same as Arrow, stream and file."""
        pcap, out = (os.path.join(self.folder, f"{name}.{x}") for x in ("pcap", "ndjson"))
        capture(pcap, some, offset)
        subprocess.run([PROGRAM, "read", "--quiet", "-w1", "-e", "flow", "--observer", name, "-o", f"ndjson:{out}",
                        "-o", f"arrow:{out}.arrows", "-o", f"arrow:{out}.arrow", pcap], check=True)
        os.unlink(pcap)
        return out

    def read(self, path):
        with open(path, encoding="utf-8") as f:
            return list(map(json.loads, f))

    def merge(self, inputs, *args):
        """Of NDJSON; of Arrow, and of inputs of each kind, it is the same, byte for byte."""
        r = subprocess.run([PROGRAM, "merge", "--window", "300", *args, *inputs], capture_output=True, text=True, check=True)
        self.assertIn(" 0 malformed", r.stderr)
        for ends in ("", ".arrows", ".arrow"), (".arrows",):
            mixed = [x + ends[i % len(ends)] for i, x in enumerate(inputs)]
            if all(map(os.path.exists, mixed)):
                again = subprocess.run([PROGRAM, "merge", "--window", "300", *args, *mixed], capture_output=True, text=True,
                                       check=True)
                self.assertEqual((again.stdout, again.stderr), (r.stdout, r.stderr))
        self.merge_to_arrow(inputs, args, r.stdout)
        return [json.loads(x) for x in r.stdout.splitlines()]

    def merge_to_arrow(self, inputs, args, lines):
        """Row by row what NDJSON has, as another reader reads it, and when it is an input itself."""
        for name in "out.arrows", "out.arrow":
            path = os.path.join(self.folder, name)
            subprocess.run([PROGRAM, "merge", "--quiet", "--window", "300", *args, *inputs, "-o", f"arrow:{path}"], check=True)
            with open(path, "rb") as f:
                t = arrow_reader.Arrow(f.read())
            self.assertEqual(t.file, name == "out.arrow")
            rows = [dict(zip(t.rows, x)) for x in zip(*t.rows.values())]
            self.assertEqual(len(rows), lines.count("\n"))
            for row, line in zip(rows, lines.splitlines()):
                want = json.loads(line)
                for k in "flow_key", "aggregate_metrics", "features":
                    want.update(want.pop(k, {}))
                for k in "timestamp", "first_seen", "last_seen":
                    want[k] = round(want[k] * 1e6)
                self.assertEqual(want.pop("event_type"), "network_flow_record")
                self.assertEqual({k: v for k, v in row.items() if v is not None}, {k: v for k, v in want.items() if v is not None})
            again = subprocess.run([PROGRAM, "merge", "--quiet", "--copies", "/none", path], capture_output=True, text=True,
                                   check=True).stdout
            own = "observers", "merged", "estimated_packets", "estimated_bytes", "estimated_packets_sigma"
            for now, line in zip(map(json.loads, again.splitlines()), map(json.loads, lines.splitlines()), strict=True):
                for k in own[2:]:  # text of a double has 15 digits for sure
                    estimate = line.pop(k, 0)
                    self.assertAlmostEqual(now.pop(k) or 0, estimate, delta=1e-14 * (1 + estimate))
                self.assertEqual({k: v for k, v in now.items() if v is not None or k not in own}, line)

    def counts(self, records):
        total = collections.Counter()
        for r in records:
            # whose forward is the other way counts the other way
            lower = (r["flow_key"]["src_ip"], r["flow_key"]["src_port"]) < (r["flow_key"]["dst_ip"], r["flow_key"]["dst_port"])
            for k in "fwd_packets", "rev_packets", "fwd_bytes", "rev_bytes":
                side, what = k.split("_", 1)
                total[r["features"]["community_id"], what, (side == "fwd") == lower] += r["features"][k]
            total[r["features"]["community_id"], "all"] += r["aggregate_metrics"]["packet_count"]
            self.assertEqual(r["aggregate_metrics"]["packet_count"],
                             r["features"]["fwd_packets"] + r["features"]["rev_packets"])
        return {k: v for k, v in total.items() if v}

    def single(self):
        return self.counts([r for r in self.read(self.probe("single", PACKETS)) if r["is_final"]])

    def share(self, n, by):
        parts = collections.defaultdict(list)
        for i, p in enumerate(PACKETS):
            parts[by(i, p) % n].append(p)
        return [self.probe(f"p{k}", parts[k]) for k in sorted(parts)]

    def test_parts(self):
        """By flow, and by packet: what all saw together is what one sees alone."""
        truth = self.single()
        self.assertEqual(sum(v for k, v in truth.items() if k[1] == "all"), len(PACKETS))
        r = random.Random(1)
        for n in 1, 10, 100:
            for by in (lambda i, p: p[2] * 2654435761 >> 7), (lambda i, p: r.randrange(1 << 30)):
                merged = self.merge(self.share(n, by), "--parts", "all=p*")
                self.assertEqual(self.counts(merged), truth)
                self.assertEqual({r["observer_id"] for r in merged}, {"all"})

    def test_copies(self):
        """Each sees all, later than the others and by a clock that is off."""
        truth = self.single()
        for n in 1, 10, 100:
            r = random.Random(n)
            some = PACKETS if n <= 10 or FULL else PACKETS[:3000]
            want = truth if some is PACKETS else self.counts(
                [x for x in self.read(self.probe("few", some)) if x["is_final"]])
            inputs = [self.probe(f"c{k}", [(at + r.randrange(300), data, i) for at, data, i in some],
                                 r.randrange(-400_000, 400_000)) for k in range(n)]
            merged = self.merge(inputs, "--copies", "c*", "--tolerance", "1")
            self.assertEqual(self.counts(merged), want)
            self.assertEqual({len(x["observers"]) for x in merged}, {n})

    def test_copies_that_lose(self):
        """Of each flow and direction the probe counts that lost least of it."""
        lost = {k: [p for i, p in enumerate(PACKETS) if p[2] % 2 != k or i % 3] for k in (0, 1)}
        merged = self.merge([self.probe(f"c{k}", lost[k]) for k in lost], "--copies", "c0,c1")
        self.assertEqual(self.counts(merged), self.single())

    def within(self, merged, truth):
        """The total, and the share of flows beyond three sigma of their own."""
        got = sum(r["estimated_packets"] for r in merged)
        sigma = math.sqrt(sum(r["estimated_packets_sigma"] ** 2 for r in merged))
        self.assertGreater(sigma, 0)
        self.assertLess(abs(got - truth), 3 * sigma, f"{got} of {truth}, sigma {sigma:.0f}")
        return got, sigma

    def test_sampled(self):
        n = len(PACKETS)
        r = random.Random(5)
        for probes, rate in (1, 10), (10, 10), (10, 3), (100, 4):
            parts = collections.defaultdict(list)
            for p in PACKETS:
                k = r.randrange(probes)
                if r.random() < 1 / rate:
                    parts[k].append(p)
            inputs = [self.probe(f"p{k}", parts[k]) for k in parts]
            self.within(self.merge(inputs, "--parts", "p*", "--sampled", f"p*={rate}"), n)
        for rates in (10,), (5,) * 4, (3, 10, 30):
            seen = [[p for p in PACKETS if r.random() < 1 / rate] for rate in rates]
            inputs = [self.probe(f"c{k}", some) for k, some in enumerate(seen)]
            args = [x for k, rate in enumerate(rates) for x in ("--sampled", f"c{k}={rate}")]
            got, sigma = self.within(self.merge(inputs, "--copies", "c*", *args), n)
            p = [1 / rate for rate in rates]
            self.assertAlmostEqual(got, sum(map(len, seen)) / sum(p), delta=n / 1e9)
            self.assertAlmostEqual(sigma, math.sqrt(n * sum(x * (1 - x) for x in p)) / sum(p), delta=sigma / 10)

    def test_apart(self):
        """Observers of no group, and other groups, are not joined."""
        inputs = [self.probe(name, PACKETS) for name in ("a", "b", "c")]
        merged = self.merge(inputs, "--copies", "ab=a,b")
        by = collections.Counter(r["observer_id"] for r in merged)
        self.assertEqual(set(by), {"ab", "c"})
        self.assertEqual(self.counts([r for r in merged if r["observer_id"] == "ab"]), self.single())
        self.assertEqual([r for r in merged if r["observer_id"] == "c"], self.read(inputs[2]))

    def test_again(self):
        """What was merged is merged again: parts of copies."""
        inputs = self.share(4, lambda i, p: p[2])
        both = []
        for side in "ab":
            both.append(os.path.join(self.folder, side))
            subprocess.run([PROGRAM, "merge", "--quiet", "--window", "300", "--parts", f"{side}=p*", "-o", f"ndjson:{both[-1]}",
                            *inputs], check=True)
        merged = self.merge(both, "--copies", "all=a,b")
        self.assertEqual(self.counts(merged), self.single())
        self.assertEqual({tuple(sorted(r["observers"])) for r in merged}, {("a", "b")})
        for args in (), ("--sampled", "*=2"):
            arrow = os.path.join(self.folder, "a.arrow")
            subprocess.run([PROGRAM, "merge", "--quiet", "--window", "300", "--parts", "a=p*", *args, "-o", f"arrow:{arrow}",
                            *inputs], check=True)
            out = subprocess.run([PROGRAM, "merge", "--quiet", "--window", "300", *args, "--copies", "all=a,b", arrow, both[1]],
                                 capture_output=True, text=True, check=True).stdout
            self.assertEqual(self.counts(list(map(json.loads, out.splitlines()))), self.single())
            for line in out.splitlines():
                for key in "observers", "merged", "estimated_packets":
                    self.assertEqual(line.count(f'"{key}":'), 0 if key[0] == "e" and not args else 1, line)

    def test_bounds(self):
        """Fewer flows than there are: the oldest go early, which is counted, and parts add up all the same."""
        inputs = self.share(10, lambda i, p: i)
        r = subprocess.run([PROGRAM, "merge", "--parts", "p*", "--max-flows", "50", *inputs], capture_output=True, text=True,
                           check=True)
        self.assertNotIn("early 0;", r.stderr)
        self.assertEqual(self.counts(list(map(json.loads, r.stdout.splitlines()))), self.single())

    def test_late(self):
        """Behind the window: parts count still, of copies nobody can know, and they are left out."""
        path = self.probe("a", PACKETS)
        with open(path, encoding="utf-8") as f:
            lines = f.readlines()
        late = [lines[0].replace('"observer_id":"a"', '"observer_id":"b"')]
        with open(path, "w", encoding="utf-8") as f:
            f.writelines(lines + late)
        total = sum(json.loads(x)["aggregate_metrics"]["packet_count"] for x in lines if json.loads(x)["is_final"])
        more = json.loads(late[0])["aggregate_metrics"]["packet_count"]
        for how, want, left in ("--parts", total + more, 0), ("--copies", total, 1):
            # what is known of a flow that was written is forgotten when another one takes its place: there are many
            r = subprocess.run([PROGRAM, "merge", how, "*", "--window", "300", "--max-flows", str(1 << 22), path],
                               capture_output=True, text=True, check=True)
            self.assertIn(f"+ {left} left out as late", r.stderr)
            self.assertIn("late records 1;", r.stderr)
            self.assertEqual(sum(json.loads(x)["aggregate_metrics"]["packet_count"] for x in r.stdout.splitlines()), want)

    def test_any_order(self):
        """Keys in another order, spaces, columns in no objects: the same."""
        inputs = [self.probe(k, PACKETS) for k in ("a", "b")]
        want = self.merge(inputs, "--copies", "*")
        for path in inputs:
            os.unlink(path + ".arrow")
            os.unlink(path + ".arrows")
            rows = self.read(path)
            with open(path, "w", encoding="utf-8") as f:
                for i, row in enumerate(rows):
                    f.write(json.dumps(dict(reversed(row.items())) if i % 3 else row) + "\n")
        self.assertEqual(self.merge(inputs, "--copies", "*"), want)

    def test_wrong(self):
        for args, message in (
                (["--copies", ""], "no observer is named"), (["--parts", "a b=x"], "a name is 1 to 64"),
                (["--sampled", "a"], "OBSERVER=N"), (["--window", "x"], "--window 'x'"), (["--max-flows", "0"], "--max-flows '0'"),
                (["--what"], "'--what'"), (["--copies"], "wants a value")):
            r = subprocess.run([PROGRAM, "merge", *args], capture_output=True, text=True, input="", check=False)
            self.assertEqual(r.returncode, 2, (args, r.stderr))
            self.assertIn(message, r.stderr)
        r = subprocess.run([PROGRAM, "merge", "/nowhere"], capture_output=True, text=True, check=False)
        self.assertEqual((r.returncode, r.stderr), (1, "flowtap: error: /nowhere: No such file or directory\n"))
        r = subprocess.run([PROGRAM, "merge", "-"], capture_output=True, input=b"\xff\xff\xff\xff" + bytes(60), check=False)
        self.assertEqual(r.returncode, 1)
        self.assertIn(b"stdin: byte 0: it ends before its schema", r.stderr)

    def test_arrow_damaged(self):
        """Cut anywhere, or with bytes changed: said with the place, or read; never anything else. The other input goes on."""
        good = self.probe("a", PACKETS[:400])
        with open(good, encoding="utf-8") as f:
            lines = len(f.readlines())
        with open(good + ".arrows", "rb") as f:
            data = f.read()
        bad = os.path.join(self.folder, "bad")
        r = random.Random(3)
        for k in range(120):
            damaged = bytearray(data)
            if k % 2:
                del damaged[r.randrange(len(data) - 8):]
            else:
                for _ in range(1 + k % 5):
                    damaged[r.randrange(min(len(data), 1 << 13))] = r.choice((0, 1, 0x7f, 0x80, 0xff))
            with open(bad, "wb") as f:
                f.write(damaged)
            p = subprocess.run([PROGRAM, "merge", "--copies", "none", good, bad], capture_output=True, text=True, check=False)
            self.assertIn(p.returncode, (0, 1), p.stderr)
            if p.returncode or k % 2:
                self.assertEqual(p.returncode, 1)
                self.assertRegex(p.stderr, r"error: .*/bad: byte \d+: |Warning: |error: .*/bad: ")
            self.assertGreaterEqual(len(p.stdout.splitlines()), lines)
            for line in p.stdout.splitlines():
                json.loads(line)

    def peak(self, *args):
        """Most memory of a merge, KiB, and its exit status."""
        p = subprocess.Popen([PROGRAM, "merge", *args, "-o", "/dev/null"], stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
        return usage.ru_maxrss, p.returncode

    def test_arrow_memory(self):
        """However many batches come, and whatever a message says of its length."""
        with open(self.probe("a", PACKETS[:4000]) + ".arrows", "rb") as f:
            data = f.read()
        schema = 8 + struct.unpack_from("<I", data, 4)[0]
        path, peaks = os.path.join(self.folder, "many"), []
        for times in 1, 60:
            with open(path, "wb") as f:
                f.write(data[:schema])
                for _ in range(times):  # piece by piece: a child begins with the peak of its parent
                    f.write(data[schema:-8])
                f.write(data[-8:])
            peaks.append(self.peak("--parts", "*", "--max-flows", "1000", path))
        self.assertEqual([rc for _, rc in peaks], [0, 0])
        self.assertLess(peaks[1][0], peaks[0][0] + 16384)
        batch = bytearray(data)
        at = data.index(struct.pack("<Q", len(data) - 8 - schema - 8 - struct.unpack_from("<I", data, schema + 4)[0]), schema)
        batch[at:at + 8] = struct.pack("<Q", 200 << 20)
        with open(path, "wb") as f:
            f.write(batch)
        kib, rc = self.peak("--parts", "*", "--max-flows", "1000", path)
        self.assertEqual(rc, 1)
        self.assertLess(kib, peaks[0][0] + 16384)

    def test_arrow_of_long_lines(self):
        """What merge writes it reads again, however long the lines are."""
        lines, arrow = os.path.join(self.folder, "long"), os.path.join(self.folder, "long.arrow")
        with open(lines, "w") as f:
            for i in range(300):
                f.write('{"event_type":"network_flow_record","timestamp":%d.000000,"note":"%s"}\n' % (1700000000 + i, "x" * 900000))
        subprocess.run([PROGRAM, "merge", "--quiet", lines, "-o", "arrow:" + arrow], check=True)
        out = subprocess.run([PROGRAM, "merge", "--quiet", arrow], capture_output=True, check=True).stdout
        self.assertEqual(out.count(b"\n"), 300)
        self.assertGreater(len(out), 300 * 900000)

    def test_arrow_twice(self):
        """What stands behind the end of a stream is not left out in silence."""
        path = self.probe("a", PACKETS[:200]) + ".arrows"
        with open(path, "rb") as f:
            data = f.read()
        p = subprocess.run([PROGRAM, "merge", "--copies", "*"], capture_output=True, input=data + data, check=False)
        self.assertEqual(p.returncode, 1)
        self.assertIn(b"stdin: it goes on behind the end of its stream", p.stderr)

    def test_malformed(self):
        """Left out and counted; what is whole goes through as it is."""
        good = '{"event_type":"pipeline_stats","timestamp":1.5}\n'
        text = good + "{\n" + '{"a":"\\"}\n' + "[]\n" + "\n" + '{"a":{"b":[1,{"c":"}"}]}}\n' + "x" * (3 << 20) + "\n" + good[:-1]
        r = subprocess.run([PROGRAM, "merge", "--copies", "*"], capture_output=True, text=True, input=text, check=True)
        self.assertEqual(r.stdout, good + '{"a":{"b":[1,{"c":"}"}]}}\n' + good)
        self.assertIn("4 malformed", r.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
