# SPDX-License-Identifier: Apache-2.0
"""Readers that stop, stops under load, and too little memory."""
import json
import os
import resource
import signal
import subprocess
import threading
import time

from faults import (SAMPLE, Case, Heard, account, events, main, pcap_header, pcap_records, run,
                    wait_for)

MODES = {  # how packets get from the source to the workers
    "direct": ["-w1"],
    "lanes": ["-w3"],
    "handoff": ["-w2", "--overflow", "drop", "--queue", "64"],
    "evicting": ["-w2", "--max-flows", "64"],
}


class Readers(Case):
    N = 20000

    def setUp(self):
        super().setUp()
        self.capture = self.file("in.pcap", pcap_header() + pcap_records(self.N))
        self.r, w = os.pipe()
        self.addCleanup(lambda: self.r is None or os.close(self.r))
        self.w = w

    def started_on_pipe(self, *args):
        h = Heard(self, "read", *args, stdout=self.w)
        os.close(self.w)
        return h

    def read_on(self):
        with os.fdopen(self.r, "rb") as f:
            self.r = None
            return [json.loads(line) for line in f]

    def test_stops_and_goes_on(self):
        """Reading a file waits for its reader: nothing is lost."""
        for_all = ["-w2", "-e", "all", "-o", "ndjson:-?queue=256KB", self.capture]
        h = self.started_on_pipe(*for_all)
        h.wait("memory budget")
        self.assertFalse(wait_for(lambda: h.p.poll() is not None, 0.7), "it did not wait")
        found = self.read_on()
        a = h.ended()
        kinds = [e["event_type"] for e in found]
        self.assertEqual(kinds.count("network_flow_sample"), self.N)
        self.assertEqual(sum(e["aggregate_metrics"]["packet_count"] for e in found
                             if e.get("is_final") and "flow_id" in e), self.N)
        self.assertEqual({k: v["dropped"] + v["lost"] for k, v in a["outputs"][0].items() if isinstance(v, dict)},
                         {"sample": 0, "flow": 0, "stats": 0, "window": 0})  # of alerts there are none

    def test_stops_for_good(self):
        """With drop, another output gets everything, and the end comes all the same."""
        file = self.dir / "whole.ndjson"
        begin = time.monotonic()
        h = self.started_on_pipe("-w2", "-o", "ndjson:-?queue=4MB&overflow=drop", "-o",
                                 f"ndjson:{file}", "--drain-timeout", "1", self.capture)
        a = h.ended(1)  # what was queued when it was given up is lost
        self.assertLess(time.monotonic() - begin, 10)
        # 6 MB of events: a MB goes into the pipe, 3 MB wait, for others there is no room
        stuck, whole = (o["sample"] for o in a["outputs"])
        self.assertEqual(whole, {"made": self.N, "written": self.N, "dropped": 0, "lost": 0})
        self.assertEqual(len(events(file)), self.N)
        self.assertEqual(stuck["made"], self.N)
        self.assertGreater(stuck["dropped"], 0)
        self.assertGreater(stuck["lost"], 0)
        data = bytearray()
        while True:
            more = os.read(self.r, 1 << 20)
            if not more:
                break
            data += more
        # what is counted as written is what came through, but for the torn event at the end
        self.assertEqual(data.count(b"\n"), stuck["written"])

    def test_slow(self):
        """A reader slower than the input, stopped half way: whole events, counted exactly."""
        h = self.started_on_pipe("-w2", "-o", "ndjson:-?queue=256KB&overflow=drop", self.capture)
        data = bytearray()
        while True:
            more = os.read(self.r, 4096)
            if not more:
                break
            data += more
            time.sleep(0.001)
        sample = h.ended()["outputs"][0]["sample"]
        lines = data.splitlines(keepends=True)
        whole = [json.loads(x) for x in lines if x.endswith(b"\n")]
        self.assertEqual(len(whole), sample["written"])
        self.assertEqual(sample["made"], self.N)


class Stops(Case):
    def stop_under_load(self, sig, mode, wait):
        """A stream without an end; after a while, the signal."""
        out = self.dir / "stop.ndjson"
        h = Heard(self, "read", *MODES[mode], "-e", "all", "-o", f"ndjson:{out}", "-o", "null:",
                  "-", stdin=subprocess.PIPE)
        over = threading.Event()

        def load():
            try:
                h.p.stdin.buffer.write(pcap_header())
                for k in range(1000):
                    if over.is_set():
                        return
                    h.p.stdin.buffer.write(pcap_records(1000, first=1000 * k))
            except BrokenPipeError:
                pass
        thread = threading.Thread(target=load)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        thread.start()
        try:
            h.wait("memory budget")
            self.assertTrue(wait_for(lambda: out.stat().st_size > 100000), "no load")
            time.sleep(wait)
            h.p.send_signal(sig)
            a = h.ended()
        finally:
            over.set()
            thread.join()
        self.assertGreater(a["captured"], 0)
        self.check_file(out, a)

    def check_file(self, out, a):
        """The file is what the account says."""
        found = events(out)
        kinds = [e["event_type"] for e in found]
        file = a["outputs"][0]
        for word, kind in (("sample", "network_flow_sample"), ("flow", "network_flow_record"),
                           ("stats", "pipeline_stats")):
            self.assertEqual(kinds.count(kind), file[word]["written"])
        if file["flow"]["dropped"] + file["flow"]["lost"] == 0:
            self.assertEqual(sum(e["aggregate_metrics"]["packet_count"] for e in found
                                 if "flow_id" in e and e["is_final"]), a["decoded"])
        last = found[-1]
        self.assertEqual((last["event_type"], last["is_final"]), ("pipeline_stats", True))
        self.assertEqual((last["decoded"], last["captured"]), (a["decoded"], a["captured"]))

    def test_under_load(self):
        for k, mode in enumerate(MODES):
            for sig in signal.SIGTERM, signal.SIGINT:
                with self.subTest(mode=mode, signal=sig):
                    self.stop_under_load(sig, mode, 0.013 * k)


class Memory(Case):
    def test_too_little(self):
        """From much too little address space to enough: a clear message and 1, or all is well."""
        if "sanitizer" in run("read", "-v", "-w1", "-o", "null:", SAMPLE).stderr:
            self.skipTest("a sanitizer's shadow is address space, too")
        said = set()
        for workers in "1", "2", "16":
            good = 0
            for mb in [*range(12, 60, 4), *range(60, 2700, 90)]:
                r = run("read", "-w", workers, "-e", "all", "-o", "ndjson:/dev/null", SAMPLE,
                        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS,
                                                              (mb << 20, mb << 20)))
                if r.returncode == 127 and "shared librar" in r.stderr:
                    continue  # the loader had not enough
                self.assertIn(r.returncode, (0, 1), (mb, workers, r.stderr))
                self.assertEqual(r.stdout, "")
                if r.returncode == 0:
                    good += 1
                    self.assertNotIn("error", r.stderr)
                    continue
                self.assertEqual(good, 0, "less was enough")
                errors = [x for x in r.stderr.splitlines() if x.startswith("flowtap: error: ")]
                self.assertEqual(len(errors), 1, r.stderr)
                self.assertRegex(errors[0], "memory|thread could not be started")
                said.add(errors[0])
            self.assertGreater(good, 0)
        self.assertGreaterEqual(len(said), 2, said)

    def test_threads_that_do_not_start(self):
        """Room for the tables, but not for the stacks of all threads: whoever runs waits for nobody who does not."""
        if "sanitizer" in run("read", "-v", "-w1", "-o", "null:", SAMPLE).stderr:
            self.skipTest("a sanitizer's shadow is address space, too")
        said = set()
        for mb in range(60, 240, 8):
            r = run("read", "-w", "16", "-e", "window", "--max-flows", "16384", "--max-hosts", "1024", "-o", "null:",
                    SAMPLE, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (mb << 20, mb << 20)))
            self.assertIn(r.returncode, (0, 1, 127), (mb, r.stderr))
            said.update(x for x in r.stderr.splitlines() if "thread could not be started" in x)
        self.assertEqual(len(said), 1, said)


if __name__ == "__main__":
    main()
