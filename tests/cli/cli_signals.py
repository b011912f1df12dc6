# SPDX-License-Identifier: Apache-2.0
"""SIGINT, SIGTERM and SIGHUP, while reading a pipe and while capturing from the loopback."""
import json
import os
import re
import signal
import socket
import subprocess
import time
import unittest

from support import Case, main, pcap_header, pcap_records, wait_for


def opened(case, p):
    """Reads on to the message that comes when everything is open."""
    said = ""
    for line in iter(p.stderr.readline, ""):
        said += line
        if "memory budget" in line:
            return
    case.fail(f"ended early: {said}")


def captures():
    """True when this process may capture."""
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
        return True
    except (OSError, AttributeError):
        return False


class Reading(Case):
    def reading(self, *args, n=1000, **kw):
        """Reads n packets from a pipe that stays open."""
        p = self.started("read", "-w1", *args, "-", stdin=subprocess.PIPE, stderr=subprocess.PIPE,
                         **kw)
        p.stdin.buffer.write(pcap_header() + pcap_records(n))
        p.stdin.flush()
        return p

    def lines(self, path):
        return path.read_text().count("\n") if path.exists() else 0

    def test_stop(self):
        """Everything that came is in the records; the reason is shutdown; the status is 0."""
        for sig in signal.SIGINT, signal.SIGTERM:
            out = self.dir / f"{sig.name}.ndjson"
            p = self.reading("-e", "all", "-o", f"ndjson:{out}")
            self.assertTrue(wait_for(lambda: self.lines(out) >= 1000))
            p.send_signal(sig)
            err = self.ended(p)
            events = [json.loads(line) for line in out.read_text().splitlines()]
            flows = [e for e in events if e["event_type"] == "network_flow_record"]
            self.assertEqual(sum(e["aggregate_metrics"]["packet_count"] for e in flows
                                 if e["is_final"]), 1000)
            self.assertEqual({e["reason"] for e in flows}, {"shutdown"})
            self.assertEqual(events[-1]["event_type"], "pipeline_stats")
            self.assertRegex(err, r"ended: shutdown +1000\b")

    def test_stop_at_any_moment(self):
        """From the first moment that it says something, a stop ends in order. With so many
        threads there is time between that and the last one's start."""
        for wait in (0,) * 10 + (0.001, 0.005, 0.02):
            p = self.started("read", "-w128", "-o", "null:", "-", stdin=subprocess.PIPE,
                             stderr=subprocess.PIPE)
            opened(self, p)
            time.sleep(wait)
            p.send_signal(signal.SIGTERM)
            self.ended(p)

    def test_second_signal(self):
        """A reader that takes nothing holds the end up; a second signal does not wait for it."""
        r, w = os.pipe()
        self.addCleanup(os.close, r)
        p = self.reading("-o", "ndjson:-?overflow=block&queue=64KB", n=5000, stdout=w)
        os.close(w)
        time.sleep(0.5)
        p.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        self.assertIsNone(p.poll(), "ended although its output takes nothing")
        begin = time.monotonic()
        p.send_signal(signal.SIGINT)
        self.assertEqual(p.wait(20), 130)
        self.assertLess(time.monotonic() - begin, 2)

    def test_hangup_reopens(self):
        out, moved = self.dir / "out.ndjson", self.dir / "moved.ndjson"
        p = self.reading("-o", f"ndjson:{out}")
        self.assertTrue(wait_for(lambda: self.lines(out) == 1000))
        os.rename(out, moved)
        p.send_signal(signal.SIGHUP)
        self.assertTrue(wait_for(out.exists))
        p.stdin.buffer.write(pcap_records(500, first=1000))
        p.stdin.close()
        self.ended(p)
        self.assertEqual((self.lines(moved), self.lines(out)), (1000, 500))

    def test_hangup_of_parquet(self):
        """Each one ends a file; what this run has written is not replaced by what follows."""
        out = self.dir / "out.parquet"
        p = self.reading("-e", "sample", "-o", f"parquet:{out}")
        for n in (1, 2):
            time.sleep(1.5)  # rows wait for a second of them
            p.send_signal(signal.SIGHUP)
            self.assertTrue(wait_for(lambda n=n: out.exists() and len(list(self.dir.glob("out*.parquet"))) == n))
            p.stdin.buffer.write(pcap_records(500, first=1000))
            p.stdin.flush()
        p.stdin.close()
        self.ended(p)
        files = list(self.dir.glob("out*.parquet"))
        self.assertEqual(len(files), 3)
        for f in files:
            self.assertTrue(f.read_bytes().endswith(b"PAR1"))

    def test_hangup_of_stdout(self):
        """What cannot be reopened goes on."""
        p = self.reading(n=10, stdout=subprocess.PIPE)
        self.assertIn("flow_sample", p.stdout.readline())
        p.send_signal(signal.SIGHUP)
        time.sleep(0.2)
        p.stdin.buffer.write(pcap_records(10, first=10))
        p.stdin.close()
        self.assertEqual(p.stdout.read().count("\n"), 19)
        self.assertEqual(p.wait(60), 0)


@unittest.skipUnless(captures(), "may not capture")
class Live(Case):
    def live(self, *args, **kw):
        p = self.started("live", "-i", "lo", "-w1", *args, stderr=subprocess.PIPE, **kw)
        opened(self, p)
        return p

    def send(self, n):
        """n datagrams to a port of our own; returns its number."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taker, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            taker.bind(("127.0.0.1", 0))
            for _ in range(n):
                s.sendto(b"x" * 100, taker.getsockname())
            return taker.getsockname()[1]

    def test_live(self):
        """Datagrams on the loopback come out while it runs; SIGINT ends it with 0."""
        out = self.dir / "out.ndjson"
        p = self.live("-e", "all", "-o", f"ndjson:{out}", "-f", "udp")
        port = self.send(50)

        def seen():
            text = out.read_text() if out.exists() else ""
            events = [json.loads(line) for line in text[:text.rfind("\n") + 1].splitlines()]
            return [e for e in events if e["event_type"] == "network_flow_sample"
                    and e["flow_key"]["dst_port"] == port]
        self.assertTrue(wait_for(lambda: len(seen()) == 50))
        self.assertEqual([e["aggregate_metrics"]["packet_count"] for e in seen()],
                         list(range(1, 51)))
        p.send_signal(signal.SIGINT)
        err = self.ended(p)
        self.assertNotIn("DOES NOT ADD UP", err)
        self.assertRegex(err, r"flowtap: lo: .*\n  packets received +\d+ ")
        last = json.loads(out.read_text().splitlines()[-1])
        self.assertEqual(last["event_type"], "pipeline_stats")

    def test_stop_at_any_moment(self):
        """Also while the threads are being started."""
        for wait in range(5):
            p = self.live("-o", "null:")
            time.sleep(wait / 2000)
            p.send_signal(signal.SIGINT)
            self.assertIn("packets received", self.ended(p))

    def test_lines(self):
        """Every --stats seconds a line; in JSON when asked for."""
        p = self.live("-o", "null:", "--stats", "0.3", "--log-format", "json")
        line = json.loads(p.stderr.readline())
        self.assertRegex(line["message"], r"pps .*bit/s \| \d+ packets, dropped \d+ kernel")
        p.send_signal(signal.SIGTERM)
        rest = self.ended(p)
        self.assertTrue(json.loads(rest.splitlines()[-1])["adds_up"])

    def test_without_privilege(self):
        """One clear line with the remedy, status 1; never a bare EPERM."""
        if os.geteuid() != 0:
            self.skipTest("not root")
        p = self.started("live", "-i", "lo", "-o", "null:", stderr=subprocess.PIPE, user=65534,
                         group=65534, extra_groups=[], env={"PATH": "/usr/bin"})
        err = self.ended(p, 1)
        errors = re.findall("(?m)^flowtap: error: (.*)", err)
        self.assertEqual(len(errors), 1, err)
        self.assertRegex(errors[0], r"CAP_NET_RAW.*sudo setcap cap_net_raw")


if __name__ == "__main__":
    main()
