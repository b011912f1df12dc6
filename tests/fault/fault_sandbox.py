# SPDX-License-Identifier: Apache-2.0
"""Every source and every sink under the system-call filter: what they ask for and do not get is
nothing but what the C library only probes for; who runs as what, and what the opener does."""
import gzip
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time
import unittest

from faults import FLOWTAP, SAMPLE, Case, free_port, main, pcap_header, pcap_records, run, wait_for

PROBED = {"clone3"}  # answered with ENOSYS on purpose; the C library then takes clone
NS = f"ftsb{os.getpid()}"


def has_filter():
    return "sanitizer" not in run("read", "-v", "-w1", "-o", "null:", SAMPLE).stderr


def status(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def children(pid):
    return [int(x) for x in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@unittest.skipUnless(os.geteuid() == 0, "what root gives up needs root")
class Confined(Case):
    def setUp(self):
        super().setUp()
        if not has_filter():
            self.skipTest("a sanitizer build has no filter")

    def traced(self, *args, before=(), until=None, after=None, **kw):
        """Runs under strace; what was refused as (call, error)."""
        trace = self.dir / "trace"
        p = subprocess.Popen([*before, "strace", "-f", "-qq", "-o", trace, "-e", "signal=none", FLOWTAP,
                              *map(str, args)], stderr=subprocess.PIPE, **kw)
        self.addCleanup(lambda: p.poll() is None and p.kill())
        try:
            if until is not None:
                err = b""
                for line in p.stderr:
                    err += line
                    if until in line:
                        break
                if after is not None:
                    after()
                pid = next(iter(children(p.pid)), None) if not before else p.pid
                os.kill(self.tracee(trace), signal.SIGTERM)
            out, err = p.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            p.kill()
            self.fail("does not end")
        self.assertEqual(p.returncode, 0, err)
        text = trace.read_text(errors="replace")
        self.assertNotIn("SIGSYS", text)
        refused = set(re.findall(r"^\d+ +(?:<\.\.\. )?(\w+)[( ].*= -1 ENOSYS", text, re.M))
        self.assertLessEqual(refused, PROBED)
        self.assertIn("clone3", refused)  # it was on
        return out

    @staticmethod
    def tracee(trace):
        return int(trace.read_text(errors="replace").split(None, 1)[0])

    def setup_trace(self):
        if shutil.which("strace") is None:
            self.skipTest("strace is not here")

    def test_sinks_under_the_filter(self):
        self.setup_trace()
        fifo = self.dir / "fifo"
        os.mkfifo(fifo)
        reader = subprocess.Popen(["cat", fifo], stdout=subprocess.DEVNULL)
        self.addCleanup(reader.wait)
        d = self.dir
        out = self.traced("read", "-w2", "-e", "all", "--app",
                          "-o", "ndjson:-",
                          "-o", f"ndjson:{d}/a.json?rotate=5KB&keep=3&fsync=frame",
                          "-o", f"ndjson:{d}/b.gz?compress=gzip&rotate=4KB&keep=1KB&fsync=1s",
                          "-o", f"ndjson:{d}/c.zst?compress=zstd&append=true",
                          "-o", f"csv:{d}/d.csv?mode=0600&group=nogroup",
                          "-o", f"ndjson:{fifo}", "-o", "ndjson:/dev/null", "-o", "null:",
                          SAMPLE, stdout=subprocess.PIPE)
        self.assertEqual(out.count(b"\n"), 247)
        self.assertEqual((d / "d.csv").stat().st_mode & 0o7777, 0o600)
        self.assertEqual((d / "d.csv").group(), "nogroup")
        self.assertIn(len(list(d.glob("a-*.json"))), (1, 2, 3))

    def test_file_sources_under_the_filter(self):
        self.setup_trace()
        packed = self.file("s.pcap.gz", gzip.compress(pathlib.Path(SAMPLE).read_bytes()))
        for workers in "1", "2":
            self.traced("read", "-w", workers, "-o", "null:", "-o", "ndjson:-", SAMPLE, packed, stdout=subprocess.DEVNULL)
            self.traced("read", "-w", workers, "--overflow", "drop", "-o", "null:", SAMPLE, packed)
            with open(SAMPLE, "rb") as f:
                self.traced("read", "-w", workers, "-f", "udp", "-o", "null:", "-", stdin=f)

    def test_live_sources_under_the_filter(self):
        """An interface that goes and comes back is opened again."""
        self.setup_trace()
        if subprocess.run(["ip", "netns", "add", NS], capture_output=True).returncode != 0:
            self.skipTest("no network namespaces")
        self.addCleanup(subprocess.run, ["ip", "netns", "del", NS])

        def link(*words):
            subprocess.run(["ip", "-n", NS, "link", *words], check=True)

        def make():
            link("add", "fs0", "type", "veth", "peer", "name", "fs1")
            link("set", "fs0", "up")
            link("set", "fs1", "up")

        def replace():
            link("del", "fs0")
            time.sleep(1.2)
            make()
            time.sleep(1.5)
        make()
        before = ["ip", "netns", "exec", NS]
        for args, after in ((["-i", "fs0", "-w2"], replace), (["-i", "any", "-w2"], None)):
            self.traced("live", *args, "-e", "all", "-o", f"ndjson:{self.dir}/l.json", "-o", "null:",
                        before=before, until=b"memory budget", after=after)

    def test_collect_under_the_filter(self):
        """Datagrams, connections, saved state."""
        self.setup_trace()
        ports = []
        for kind in socket.SOCK_DGRAM, socket.SOCK_STREAM:
            with socket.socket(socket.AF_INET, kind) as s:
                s.bind(("127.0.0.1", 0))
                ports.append(s.getsockname()[1])

        def speak():
            message = bytes((0, 10, 0, 16)) + bytes(12)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.sendto(message, ("127.0.0.1", ports[0]))
            with socket.create_connection(("127.0.0.1", ports[1])) as s:
                s.sendall(message)
                time.sleep(0.3)
        self.traced("collect", "-w2", "-l", f"udp://127.0.0.1:{ports[0]}", "-l",
                    f"ipfix+tcp://127.0.0.1:{ports[1]}", "-e", "all", "--state", self.dir / "st", "-o",
                    f"ndjson:{self.dir}/c.json", until=b"memory budget", after=speak)
        self.assertTrue((self.dir / "st").exists())

    def heard(self, *args):
        """A started program that waits for packets on stdin, and its processes: main, keeper, opener."""
        p = self.started("read", "--quiet", *args, "-", stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertTrue(wait_for(lambda: children(p.pid) and children(children(p.pid)[0])))
        self.assertTrue(wait_for(lambda: status(p.pid)["Seccomp"] == "2"))
        keeper = children(p.pid)[0]
        return p, keeper, children(keeper)[0]

    def test_who_may_what(self):
        p, keeper, opener = self.heard("-o", f"ndjson:{self.dir}/x")
        self.assertNotEqual(status(p.pid)["Uid"].split()[0], "0")
        self.assertEqual(int(status(p.pid)["CapEff"], 16), 0)
        for pid in keeper, opener:
            s = status(pid)
            self.assertEqual(s["Uid"].split()[0], "0")
            self.assertEqual((int(s["CapEff"], 16), int(s["CapPrm"], 16)), (2, 2))  # CAP_DAC_OVERRIDE
            self.assertEqual(int(s["CapBnd"], 16), 0)
        for pid in p.pid, keeper, opener:
            self.assertEqual((status(pid)["Seccomp"], status(pid)["NoNewPrivs"]), ("2", "1"))
            self.assertEqual(os.stat(f"/proc/{pid}/mem").st_uid, 0)  # not dumpable: nobody's peers cannot trace
            links = [os.readlink(f"/proc/{pid}/fd/{n}") for n in os.listdir(f"/proc/{pid}/fd")]
            if pid != p.pid:
                self.assertLessEqual({x for x in links if not x.startswith("socket:")}, {"/dev/null", str(self.dir)})

    def test_a_key_in_memory_is_not_dumped(self):
        """Also without root's rights."""
        key = self.file("key", "00" * 32)
        os.chmod(key, 0o644)
        p = self.started("read", "--quiet", "--anonymize", key, "-o", "null:", "-", stdin=subprocess.PIPE,
                         user=65534, group=65534, extra_groups=[], stderr=subprocess.PIPE)
        self.assertTrue(wait_for(lambda: status(p.pid)["Seccomp"] == "2"))
        self.assertEqual(os.stat(f"/proc/{p.pid}/mem").st_uid, 0)

    def test_a_key_that_may_be_loaded_is_not_dumped(self):
        """A configuration without a secret may name one when it is loaded again."""
        config = self.file("flowtap.yaml", f"listen: netflow://127.0.0.1:{free_port(socket.SOCK_DGRAM)}\noutput: ['null:']\n")
        os.chmod(self.dir, 0o755)
        os.chmod(config, 0o644)
        p = self.started("collect", "--quiet", "-c", config, user=65534, group=65534, extra_groups=[],
                         stderr=subprocess.PIPE)
        self.assertTrue(wait_for(lambda: status(p.pid)["Seccomp"] == "2"))
        self.assertEqual(os.stat(f"/proc/{p.pid}/mem").st_uid, 0)

    def test_no_opener_without_files(self):
        p = self.started("read", "--quiet", "-o", "null:", "-", stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertTrue(wait_for(lambda: status(p.pid)["Seccomp"] == "2"))
        self.assertTrue(wait_for(lambda: all(status(c)["State"][0] == "Z" for c in children(p.pid))))

    def test_the_opener_dies_with_its_parent(self):
        for sig in signal.SIGKILL, signal.SIGTERM:
            p, keeper, opener = self.heard("-o", f"ndjson:{self.dir}/x")
            p.send_signal(sig)
            p.wait(20)

            def gone(pid):
                try:
                    return status(pid)["State"][0] == "Z"
                except (FileNotFoundError, ProcessLookupError):
                    return True
            self.assertTrue(wait_for(lambda: gone(keeper) and gone(opener)), sig)

    def test_inherited_ignored_sigchld(self):
        """It survives exec; whoever waits for children then waits for nobody."""
        r = run("read", "-w1", "-o", f"ndjson:{self.dir}/x", SAMPLE,
                preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN), timeout=20)
        self.assertEqual(r.returncode, 0, r.stderr)

    def test_our_own_descriptors_are_no_target(self):
        """A number that was not handed to it may be a socket of its own by now."""
        for n in range(3, 12):
            r = run("read", "-w1", "-o", f"ndjson:/dev/fd/{n}", SAMPLE)
            self.assertEqual(r.returncode, 1, n)
            self.assertIn("no such descriptor is open", r.stderr)

    def test_without_an_opener_it_goes_on(self):
        """The opener is killed: the open file goes on being written; what needs one is said."""
        out = self.dir / "x.json"
        p, keeper, opener = self.heard("-w1", "-o", f"ndjson:{out}")
        os.kill(opener, signal.SIGKILL)
        p.stdin.buffer.write(pcap_header() + pcap_records(1000))
        p.stdin.flush()
        p.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        p.stdin.buffer.write(pcap_records(1000, first=1000))
        p.stdin.close()
        err = self.ended(p)
        self.assertIn("cannot be opened again", err)
        self.assertEqual(len([json.loads(x) for x in out.read_text().splitlines()]), 2000)

    def test_a_folder_replaced_by_its_owner(self):
        """Renamed and made anew: the next file is in the new one. Of another mode: it is not."""
        top = self.dir / "logs"
        for mode, status_after in ((0o750, "taken"), (0o777, "refused")):
            shutil.rmtree(top, ignore_errors=True)
            top.mkdir()
            top.chmod(0o750)
            old = self.dir / f"old-{mode:o}"
            p, keeper, opener = self.heard("-w1", "-o", f"ndjson:{top}/x.json")
            p.stdin.buffer.write(pcap_header() + pcap_records(100))
            p.stdin.flush()
            self.assertTrue(wait_for(lambda: (top / "x.json").stat().st_size > 1000))
            top.rename(old)
            top.mkdir()
            top.chmod(mode)
            p.send_signal(signal.SIGHUP)
            if status_after == "taken":
                self.assertTrue(wait_for(lambda: (top / "x.json").exists()))
            else:
                time.sleep(0.5)
            p.stdin.buffer.write(pcap_records(100, first=100))
            p.stdin.close()
            err = self.ended(p)
            counts = [len(f.read_text().splitlines()) if f.exists() else 0
                      for f in (old / "x.json", top / "x.json")]
            if status_after == "taken":
                self.assertEqual(counts, [100, 100])
            else:
                self.assertIn("another owner or mode", err)
                self.assertEqual(counts, [200, 0])


class Stuck(Case):
    def test_a_stuck_output_costs_another_nothing(self):
        """At a stop: its own patience for each; the healthy file gets all."""
        fifo, out = self.dir / "fifo", self.dir / "b.json"
        os.mkfifo(fifo)
        n = 30000
        capture = self.file("in.pcap", pcap_header() + pcap_records(n))
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)  # opens, and never reads
        self.addCleanup(os.close, reader)
        p = self.started("read", "-w1", "-e", "sample", "--drain-timeout", "1", "--log-format", "json",
                         "-o", f"ndjson:{fifo}?overflow=block&queue=1MB", "-o", f"ndjson:{out}?overflow=block",
                         capture, stderr=subprocess.PIPE)
        time.sleep(1)
        p.send_signal(signal.SIGINT)
        err = self.ended(p, 1)
        outputs = json.loads(err.splitlines()[-1])["outputs"]
        stuck, whole = (o["sample"] for o in outputs)
        self.assertGreater(stuck["lost"], 0)
        self.assertEqual((whole["lost"], whole["dropped"]), (0, 0))
        self.assertEqual(whole["written"], whole["made"])
        self.assertEqual(len(out.read_text().splitlines()), whole["written"])

    def test_two_on_one_file(self):
        """The second would cut off what it takes for a torn end: it is refused."""
        out = self.dir / "x.json"
        p = self.started("read", "--quiet", "-o", f"ndjson:{out}", "-", stdin=subprocess.PIPE,
                         stderr=subprocess.PIPE)
        self.assertTrue(wait_for(out.exists))
        p.stdin.buffer.write(pcap_header() + pcap_records(100))
        p.stdin.flush()
        self.assertTrue(wait_for(lambda: out.stat().st_size > 1000))
        r = run("read", "-o", f"ndjson:{out}", SAMPLE)
        self.assertEqual(r.returncode, 1)
        self.assertIn("another output or program is writing it", r.stderr)
        p.stdin.close()
        self.ended(p)
        self.assertEqual(len(out.read_text().splitlines()), 100)


if __name__ == "__main__":
    main()
