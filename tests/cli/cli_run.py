# SPDX-License-Identifier: Apache-2.0
"""The account on stderr, the two log formats, damaged input and outputs that fail."""
import fcntl
import json
import os
import pathlib
import pty
import re
import struct
import subprocess
import termios

from support import SAMPLE, Case, main, pcap_header, pcap_records, run, start, wait_for


def table(text):
    """Rows of the account: name -> number; (output, event) -> (made, written, dropped, lost)."""
    rows, outputs = {}, {}
    for line in text.splitlines():
        m = re.match(r"  (.+?) +(\d+) (\w+) events = (\d+) written \+ (\d+) dropped"
                     r"(?: \+ (\d+) lost)?$", line)
        if m:
            outputs[m[1], m[3]] = tuple(int(m[k] or 0) for k in (2, 4, 5, 6))
            continue
        m = re.match(r"  +(.+?) {2,}(\d+)(  .*)?$", line)
        if m:
            rows[m[1]] = int(m[2])
    return rows, outputs


class Account(Case):
    def check(self, text):
        rows, outputs = table(text)
        self.assertNotIn("DOES NOT ADD UP", text)
        self.assertEqual(rows["packets received"], rows["captured"] + rows["kernel dropped"])
        self.assertEqual(rows["captured"], rows["queue dropped"] + rows["decoded"]
                         + rows["ignored"] + rows["malformed"])
        self.assertEqual(rows["packets in them"], rows["decoded"])
        self.assertEqual(rows["flows"], sum(n for k, n in rows.items() if k.startswith("ended: ")))
        for made, written, dropped, lost in outputs.values():
            self.assertEqual(made, written + dropped + lost)
        return rows, outputs

    def test_table(self):
        out = self.dir / "flows.csv"
        r = self.good("read", "-e", "all", "-w2", "-o", "null:", "-o", f"csv:{out}", SAMPLE)
        rows, outputs = self.check(r.stderr)
        self.assertEqual((rows["captured"], rows["decoded"], rows["not_ip"], rows["flows"]),
                         (118, 116, 2, 15))
        self.assertEqual(outputs["null:", "sample"], (116, 116, 0, 0))
        self.assertEqual(outputs["null:", "flow"], (15, 15, 0, 0))
        self.assertEqual(len(out.read_text().splitlines()), 16)
        self.assertNotIn("\033", r.stderr)

    def test_table_says_what_stdout_has(self):
        r = self.good("read", "-e", "all", "-w1", SAMPLE)
        rows, outputs = self.check(r.stderr)
        types = [json.loads(line)["event_type"] for line in r.stdout.splitlines()]
        for word, kind in (("sample", "network_flow_sample"), ("flow", "network_flow_record"),
                           ("stats", "pipeline_stats")):
            self.assertEqual(outputs["ndjson:-", word][1], types.count(kind))

    def test_full_table_and_snapshots(self):
        r = self.good("read", "-e", "flow", "-w1", "--max-flows=2", "--snapshot=2", SAMPLE)
        rows, outputs = self.check(r.stderr)
        self.assertGreater(rows["ended: evicted"], 0)
        self.assertEqual(outputs["ndjson:-", "flow"][0], rows["flows"] + rows["interim records"])

    def test_quiet(self):
        r = self.good("read", "--quiet", "-w1", SAMPLE)
        self.assertEqual(r.stderr, "")
        self.assertEqual(r.stdout.count("\n"), 116)

    def test_json(self):
        r = self.good("read", "--log-format=json", "-w2", "-e", "flow,stats", SAMPLE)
        lines = [json.loads(line) for line in r.stderr.splitlines()]
        for line in lines:
            self.assertEqual(list(line)[:3], ["time", "level", "message"])
        a = lines[-1]
        self.assertEqual((a["message"], a["adds_up"], a["input"]), ("account", True, SAMPLE))
        self.assertEqual(a["received"], a["captured"] + (a["kernel_dropped"] or 0))
        self.assertEqual(a["captured"], a["queue_dropped"] + a["decoded"]
                         + sum(a["ignored"].values()) + sum(a["malformed"].values()))
        self.assertEqual(a["flows_created"], a["flows_active"] + sum(a["flows_ended"].values()))
        self.assertEqual(a["outputs"][0]["flow"], {"made": 15, "written": 15, "dropped": 0,
                                                     "lost": 0})
        events = [json.loads(line) for line in r.stdout.splitlines()]
        self.assertEqual(sum(e["event_type"] == "network_flow_record" for e in events), 15)

    def test_stdin(self):
        with open(SAMPLE, "rb") as f:
            r = self.good("read", "-w1", "-", stdin=f)
        self.assertEqual(r.stdout, self.good("read", "-w1", SAMPLE).stdout)


class Bad(Case):
    def test_small_run_is_small(self):
        """At most 20 MiB resident for a small capture, whatever the bounds of table and queues."""
        if "sanitizer build" in self.good("read", "-o", "null:", SAMPLE).stderr:
            self.skipTest("its shadow is memory, too")
        p = self.started("read", "--quiet", "-w1", "-", stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        p.stdin.buffer.write(pathlib.Path(SAMPLE).read_bytes())
        p.stdin.flush()
        self.assertIn("network_flow_sample", p.stdout.readline())
        status = pathlib.Path(f"/proc/{p.pid}/status").read_text()  # not ru_maxrss: it begins with ours
        self.assertLessEqual(int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]), 20 * 1024, status)
        p.stdin.close()
        p.stdout.read()
        self.ended(p)

    def test_truncated(self):
        whole = pathlib.Path(SAMPLE).read_bytes()
        path = self.file("cut.pcap", whole[:5000])
        r = run("read", "-w1", path)
        self.assertEqual(r.returncode, 1)
        self.assertEqual(len(re.findall(r"(?m)^flowtap: error: .*cut\.pcap: .*offset \d+", r.stderr)), 1)
        self.assertEqual(r.stdout.count("\n"), table(r.stderr)[0]["decoded"])
        r = run("read", "-w1", "--quiet", path)
        self.assertEqual((r.returncode, r.stderr.count("\n")), (1, 1))

    def test_names_steer_no_terminal(self):
        path = self.file("a\033[2J\nb\xff".encode("latin-1").decode("utf-8", "surrogateescape"),
                         pathlib.Path(SAMPLE).read_bytes()[:5000])
        r = subprocess.run([os.environ.get("FLOWTAP", "build/release/flowtap"), "read", "-w1",
                            "-o", "null:", path], capture_output=True)
        self.assertEqual(r.returncode, 1)
        self.assertNotIn(b"\033", r.stderr)
        self.assertIn(b"a?[2J?b?: ", r.stderr)
        r.stderr.decode()
        r = run("read", "-w1", "-o", "null:", "--log-format=json", path)
        for line in r.stderr.splitlines():
            json.loads(line)

    def test_full_disk(self):
        for quiet in [], ["--quiet"]:
            r = run("read", "-w1", *quiet, "-o", "ndjson:/dev/full", SAMPLE)
            self.assertEqual(r.returncode, 1)
            self.assertIn("flowtap: error: ndjson:/dev/full: lost 116 events", r.stderr)
        r = run("read", "-w1", "-o", "null:", "-o", "ndjson:/dev/full", SAMPLE)
        self.assertEqual(r.returncode, 1)
        outputs = table(r.stderr)[1]
        self.assertEqual(outputs["ndjson:/dev/full", "sample"], (116, 0, 0, 116))
        self.assertEqual(outputs["null:", "sample"], (116, 116, 0, 0))

    def test_reader_goes_away(self):
        """It ends the output, not the program by a signal; the last one gone is a failure."""
        path = self.file("big.pcap", pcap_header() + pcap_records(20000))
        p = self.started("read", "-w1", "--quiet", path, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE)
        self.assertIn("network_flow_sample", p.stdout.readline())
        p.stdout.close()
        self.assertEqual(p.wait(60), 1)
        self.assertEqual(p.stderr.read(), "flowtap: error: the last output is gone\n")

    def test_stderr_gone(self):
        r, w = os.pipe()
        os.close(r)
        p = start("read", "-w1", "-o", "null:", SAMPLE, stderr=w)
        os.close(w)
        self.assertEqual(p.wait(60), 0)


class Terminal(Case):
    def test_progress(self):
        """On a terminal a line is refreshed in place, within its width, and gone at the end."""
        fifo = self.dir / "in"
        os.mkfifo(fifo)
        master, slave = pty.openpty()
        self.addCleanup(os.close, master)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
        p = self.started("read", "-w1", "-o", "null:", fifo, stderr=slave)
        os.close(slave)
        os.set_blocking(master, False)
        screen = bytearray()

        def refreshed():
            try:
                screen.extend(os.read(master, 65536))
            except (BlockingIOError, OSError):
                pass
            return screen.count(b"\r\033[K") >= 3
        with open(fifo, "wb", buffering=0) as f:
            f.write(pcap_header() + pcap_records(500))
            self.assertTrue(wait_for(refreshed))
        self.assertEqual(p.wait(60), 0)
        refreshed()
        parts = bytes(screen).split(b"\r\033[K")
        for line in parts[1:-1]:
            self.assertLess(len(line), 60)
            self.assertNotIn(b"\n", line)
        self.assertRegex(parts[-1].decode(), r"packets received +500 ")
        self.assertIn(b"pps", parts[1])

    def test_plain_lines(self):
        """Elsewhere lines come only when asked for."""
        for every, least in ("0", 0), ("0.2", 2):
            p = self.started("read", "-w1", "-o", "null:", "--stats", every, "-",
                             stdin=subprocess.PIPE, stderr=subprocess.PIPE)
            os.set_blocking(p.stderr.fileno(), False)
            p.stdin.buffer.write(pcap_header() + pcap_records(500))
            p.stdin.flush()
            text = bytearray()

            def lines():
                try:
                    text.extend(os.read(p.stderr.fileno(), 65536))
                except BlockingIOError:
                    pass
                return text.count(b"bit/s |") >= max(least, 1)
            self.assertEqual(wait_for(lines, 20 if least else 1), least > 0)
            p.stdin.close()
            self.assertEqual(p.wait(60), 0)
            self.assertNotIn(b"\r", text)


if __name__ == "__main__":
    main()
