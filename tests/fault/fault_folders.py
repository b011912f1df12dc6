# SPDX-License-Identifier: Apache-2.0
"""Folders that vanish: of an output under way, of an input that is still to be read, of the state, and the one
it was started in. What is said names the file and the reason, nothing hangs, every event is accounted for."""
import json
import os
import shutil
import signal
import subprocess

from faults import SAMPLE, Case, Heard, events, main, pcap_header, pcap_records
from support import FLOWTAP


class Folders(Case):
    def setUp(self):
        super().setUp()
        self.out = self.dir / "out"
        self.out.mkdir()

    def gone(self, how):
        if how == "removed":
            shutil.rmtree(self.out)
        else:
            self.out.rename(self.dir / "moved")

    def test_reopened(self):
        """It is gone when the file is to be opened again: said. Removed with the file, what is written
        is lost and counted; renamed, the open file goes on. The other output has everything."""
        for how in "removed", "renamed":
            for more in "", "?compress=zstd", "?rotate=20KB":
                with self.subTest(how=how, more=more):
                    self.out.mkdir(exist_ok=True)
                    whole = self.dir / "whole.ndjson"
                    h = Heard(self, "read", "-w1", "-o", f"ndjson:{self.out}/a.ndjson{more}", "-o",
                              f"ndjson:{whole}", "-", stdin=subprocess.PIPE)
                    h.wait("memory budget")
                    h.send(pcap_header() + pcap_records(1000))
                    self.gone(how)
                    h.p.send_signal(signal.SIGHUP)
                    h.wait("No such file or directory")
                    h.send(pcap_records(3000, first=1000))
                    h.p.stdin.close()
                    a = h.ended(1 if how == "removed" else 0)
                    self.assertIn(f"{self.out}/a.ndjson", h.err)
                    first, second = (o["sample"] for o in a["outputs"])
                    self.assertEqual((first["made"], second["written"]), (4000, 4000))
                    if how == "removed":
                        self.assertLess(first["written"], 4000)
                        self.assertGreater(first["lost"], 0)
                    else:
                        found = [e for p in (self.dir / "moved").iterdir() for e in events(p)]
                        self.assertEqual((len(found), first["written"]), (4000, 4000))
                    self.assertEqual(len(events(whole)), 4000)
                    shutil.rmtree(self.dir / "moved", ignore_errors=True)

    def test_written_on(self):
        """Nobody asks for another file: the open one is written to its end, wherever it is now."""
        h = Heard(self, "read", "-w1", "-o", f"ndjson:{self.out}/a.ndjson", "-", stdin=subprocess.PIPE)
        h.wait("memory budget")
        h.send(pcap_header() + pcap_records(1000))
        self.gone("renamed")
        h.send(pcap_records(3000, first=1000))
        h.p.stdin.close()
        h.ended(0)
        self.assertEqual(len(events(self.dir / "moved" / "a.ndjson")), 4000)

    def test_input(self):
        """Inputs are opened at the start: those that vanish before their turn are read, too."""
        inputs = self.dir / "in"
        inputs.mkdir()
        for k in 1, 2:
            (inputs / f"{k}.pcap").write_bytes(pcap_header() + pcap_records(1000, first=k * 1000))
        for workers in "1", "3":
            h = Heard(self, "read", "-w", workers, "-o", "null:", "-", inputs / "1.pcap",
                      inputs / "2.pcap", stdin=subprocess.PIPE)
            h.wait("memory budget")
            inputs.rename(self.dir / "elsewhere")
            for k in 1, 2:
                os.rename(self.dir / "elsewhere" / f"{k}.pcap", self.dir / f"{k}.pcap")
            h.send(pcap_header() + pcap_records(1000))
            h.p.stdin.close()
            self.assertEqual(h.ended(0)["decoded"], 3000)
            (self.dir / "elsewhere").rename(inputs)
            for k in 1, 2:
                os.rename(self.dir / f"{k}.pcap", inputs / f"{k}.pcap")

    def test_state(self):
        """The state cannot be saved: said with the reason, and the events are there."""
        fifo = self.dir / "in.pcap"
        os.mkfifo(fifo)
        out = self.dir / "out.ndjson"
        h = Heard(self, "collect", "-l", f"pcap:{fifo}", "--state", self.out / "state", "-o",
                  f"ndjson:{out}", "-e", "all")
        with open(fifo, "wb", buffering=0) as f:
            f.write(pcap_header() + pcap_records(10))
            h.wait("memory budget")
            self.gone("removed")
        h.p.wait(20)
        h.wait("the state cannot be saved: No such file or directory")
        self.assertEqual(json.loads(h.err.splitlines()[-1])["message"], "account")

    def test_started_in(self):
        """Names without a folder, when the one it was started in is gone."""
        for args, name in ((["read", SAMPLE, "-o", "ndjson:a"], "a"), (["read", "b.pcap"], "b.pcap"),
                           (["collect", "-l", f"pcap:{SAMPLE}", "--state", "s"], "s.new"),
                           (["read", "-c", "c.yaml", SAMPLE], "c.yaml")):
            script = 'mkdir "$0" && cd "$0" && rmdir "$0" && exec "$@"'
            r = subprocess.run(["sh", "-c", script, self.dir / "cwd", FLOWTAP, *args], text=True,
                               capture_output=True, timeout=20)
            self.assertIn(r.returncode, (1, 2), r.stderr)
            self.assertIn(f"{name}: No such file or directory", r.stderr)


if __name__ == "__main__":
    main()
