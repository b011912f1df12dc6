# SPDX-License-Identifier: Apache-2.0
"""What others put where the output is, while it runs: links, FIFOs, other folders; who may reach into the
opener; standard descriptors that are closed at the start."""
import itertools
import json
import os
import signal
import subprocess
import sys
import time
import unittest

from faults import SAMPLE, Case, Heard, content, events, main, pcap_header, pcap_records, run, wait_for
from keeping import NOBODY, Collecting, all_gone, children, gone, status
from support import FLOWTAP

ROOT = unittest.skipUnless(os.geteuid() == 0, "the opener is root's")
ATTACH = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
pid = int(sys.argv[1])
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
if libc.ptrace(16, pid, None, None) == 0:
    os.waitpid(pid, 0)
    libc.ptrace(17, pid, None, None)
    print("attached")
else:
    print(os.strerror(ctypes.get_errno()))
try:
    print(len(os.listdir("/proc/%d/fd" % pid)))
except PermissionError as e:
    print(e.strerror)
try:
    open("/proc/%d/mem" % pid, "rb")
    print("opened")
except PermissionError as e:
    print(e.strerror)
"""


def nobodys_python():
    """A python that nobody may run, or None."""
    for path in "/usr/bin/python3", "/usr/local/bin/python3", sys.executable:
        if os.path.exists(path) and as_nobody("test", "-x", path).returncode == 0 \
                and as_nobody(path, "-c", "").returncode == 0:
            return path
    return None


def as_nobody(*args, **kw):
    return subprocess.run(args, user=NOBODY, group=NOBODY, extra_groups=[], capture_output=True, text=True,
                          timeout=20, **kw)


class Opened(Case):
    """flowtap read with two outputs: one in a folder of nobody's, one elsewhere."""

    def setUp(self):
        super().setUp()
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        self.out, self.own = self.dir / "out", self.dir / "own"
        self.out.mkdir()
        self.own.mkdir(0o700)
        if os.geteuid() == 0:
            os.chown(self.out, NOBODY, NOBODY)
        self.x, self.whole = self.out / "x.ndjson", self.dir / "whole.ndjson"
        self.victim = self.own / "victim"
        self.victim.write_text("root's file\n")
        self.n = 0

    def fed(self, *more, x=None, url=""):
        h = Heard(self, "read", "-w1", "-o", f"ndjson:{x or self.x}{url}", "-o", f"ndjson:{self.whole}",
                  *more, "-", stdin=subprocess.PIPE)
        h.wait("memory budget")
        h.send(pcap_header())
        self.n = 0
        self.more(h)
        return h

    def more(self, h, n=50):
        """Sends packets; the output elsewhere goes on with them whatever has happened."""
        h.send(pcap_records(n, first=self.n))
        self.n += n
        if not wait_for(lambda: self.whole.exists() and self.whole.read_bytes().count(b"\n") == self.n):
            self.fail(f"the other output stands: {h.err}")

    def hang_up(self, h):
        """SIGHUP, and until it has been seen to."""
        h.p.send_signal(signal.SIGHUP)
        time.sleep(0.2)
        self.more(h)
        self.more(h)

    def unharmed(self):
        self.assertEqual(self.victim.read_text(), "root's file\n")
        self.assertEqual([p.name for p in self.own.iterdir()], ["victim"])

    def end(self, h):
        """Its account, in bounded time; the status is 1 when something was lost."""
        h.p.terminate()
        try:
            h.p.wait(25)
        except subprocess.TimeoutExpired:
            h.p.kill()
            self.fail(f"it does not end: {h.err}")
        h.thread.join(20)
        a = json.loads(h.err.splitlines()[-1])
        self.assertTrue(a["adds_up"])
        self.assertEqual(a["outputs"][1]["sample"]["written"], self.n)
        n = a["outputs"][0]["sample"]
        self.assertEqual(n["made"], n["written"] + n["dropped"] + n["lost"])
        self.assertEqual(h.p.returncode, 1 if n["lost"] else 0, h.err)
        return n


@ROOT
class Planted(Opened):
    def swap(self, make):
        """As nobody: moves the file away and puts something else there."""
        r = as_nobody("sh", "-ec", f"cd {self.out}; mv x.ndjson old; {make}")
        self.assertEqual(r.returncode, 0, r.stderr)

    def test_symlink(self):
        """A link to a file of root's is not followed, at a SIGHUP and at later writes; the file that was
        open goes on; when the link is gone, a new one is begun. Nothing is lost."""
        h = self.fed()
        self.swap("ln -s ../own/victim x.ndjson")
        self.hang_up(h)
        self.unharmed()
        self.assertTrue(self.x.is_symlink())
        self.assertTrue([x for x in h.err.splitlines() if "x.ndjson" in x and '"info"' not in x],
                        f"it is not said: {h.err}")
        os.unlink(self.x)
        for _ in range(40):
            self.more(h)
            if self.x.exists() and self.x.stat().st_size:
                break
            time.sleep(0.1)
        n = self.end(h)
        self.unharmed()
        self.assertEqual(n["lost"], 0)
        found = len(events(self.out / "old")) + len(events(self.x))
        self.assertEqual(found, n["written"])
        self.assertGreater(len(events(self.x)), 0, "it does not go on")

    def test_symlinks_to_nothing_and_to_folders(self):
        """Nothing is made where a link points."""
        for target in "../own/new", "../own", "/dev/null", "x.ndjson", "../own/victim/":
            with self.subTest(target=target):
                for p in self.out.iterdir():
                    p.unlink()
                h = self.fed()
                self.swap(f"ln -s {target} x.ndjson")
                self.hang_up(h)
                n = self.end(h)
                self.unharmed()
                self.assertEqual(len(events(self.out / "old")), n["written"])

    def test_symlink_while_it_rotates(self):
        """The new file of a rotation, at every moment of it: somebody puts a link there, again and
        again."""
        h = self.fed(url="?rotate=1KB")
        python = nobodys_python()
        if python is None:
            self.skipTest("nobody may not run python")
        planter = subprocess.Popen(
            [python, "-c", "import os, sys\nwhile os.getppid() == int(sys.argv[1]):\n"
             " try: os.symlink('../own/victim', 'x.ndjson')\n except FileExistsError: pass\n",
             str(os.getpid())], cwd=self.out, user=NOBODY, group=NOBODY, extra_groups=[])
        self.addCleanup(planter.wait)
        self.addCleanup(planter.kill)
        for _ in range(60):
            self.more(h, 20)
            if self.x.is_symlink():
                os.unlink(self.x)
        planter.kill()
        planter.wait()
        n = self.end(h)
        self.unharmed()
        found = sum(len(events(p)) for p in self.out.iterdir() if not p.is_symlink())
        self.assertEqual(found, n["written"])

    def test_symlink_of_the_state(self):
        """The file beside the state, which is written at the end."""
        os.chown(self.out, NOBODY, NOBODY)
        state = self.out / "st"
        h = Collecting(self, "-e", "flow", "-o", f"ndjson:{self.whole}", "--state", state)
        h.flows(30, 0)
        self.assertTrue(wait_for(lambda: self.whole.read_bytes().count(b"\n") == 30))
        r = as_nobody("sh", "-ec", f"cd {self.out}; rm -f st.new st; ln -s ../own/victim st.new;"
                                   "ln -s ../own/victim st")
        self.assertEqual(r.returncode, 0, r.stderr)
        h.p.terminate()
        h.p.wait(25)
        self.unharmed()

    def test_fifo(self):
        """A FIFO of somebody else's: nobody waits for its reader."""
        h = self.fed()
        self.swap("mkfifo x.ndjson")
        self.hang_up(h)
        self.end(h)

    def test_other_things(self):
        """A folder, a device, a socket."""
        for make in ("mkdir x.ndjson", "ln -s /dev/tty x.ndjson",
                     f"{nobodys_python() or sys.executable} -c 'import socket;"
                     "socket.socket(socket.AF_UNIX).bind(\"x.ndjson\")'"):
            with self.subTest(make=make):
                subprocess.run(["rm", "-rf", *self.out.iterdir()], check=True)
                h = self.fed()
                self.swap(make)
                self.hang_up(h)
                n = self.end(h)
                self.assertEqual(len(events(self.out / "old")), n["written"])
                self.unharmed()

    def test_names_that_point_elsewhere(self):
        """Rotated names are put beside the file, whatever links are there already."""
        now = time.time()
        for k in range(-2, 30):
            name = time.strftime("x-%Y%m%dT%H%M%S.ndjson", time.gmtime(now + k))
            os.symlink("../own/victim", self.out / name)
        h = self.fed(url="?rotate=1KB")
        for _ in range(10):
            self.more(h)
        n = self.end(h)
        self.unharmed()
        found = sum(len(events(p)) for p in self.out.iterdir() if not p.is_symlink())
        self.assertEqual(found, n["written"])


@ROOT
class Folders(Opened):
    def replace(self, owner, mode):
        self.out.rename(self.dir / "away")
        self.out.mkdir()
        self.out.chmod(mode)
        os.chown(self.out, owner, owner)

    def test_links_of_the_path_once(self):
        """A folder reached by a link is that folder, also when the link points elsewhere later."""
        link, other = self.dir / "link", self.dir / "other"
        link.symlink_to(self.out)
        other.mkdir()
        h = self.fed(x=link / "x.ndjson")
        link.unlink()
        link.symlink_to(other)
        self.x.rename(self.out / "old")
        self.hang_up(h)
        n = self.end(h)
        self.assertEqual(list(other.iterdir()), [])
        self.assertEqual(n["written"], self.n)
        self.assertEqual(len(events(self.out / "old")) + len(events(self.x)), self.n)

    def test_replaced_with_the_same_owner_and_mode(self):
        """Said, and used again."""
        mode = self.out.stat().st_mode & 0o7777
        h = self.fed()
        self.replace(NOBODY, mode)
        self.hang_up(h)
        for _ in range(40):
            if self.x.exists() and self.x.stat().st_size:
                break
            time.sleep(0.1)
            self.more(h)
        n = self.end(h)
        self.assertTrue([x for x in h.err.splitlines() if "folder" in x and "replaced" in x],
                        f"it is not said: {h.err}")
        found = len(events(self.dir / "away/x.ndjson")) + len(events(self.x))
        self.assertEqual(found, n["written"])
        self.assertGreater(len(events(self.x)), 0, "it is not used again")

    def test_replaced_by_another(self):
        """Another owner or mode: said, and nothing is put there."""
        mode = self.out.stat().st_mode & 0o7777
        for owner, m in ((1, mode), (NOBODY, 0o777), (0, mode)):
            with self.subTest(owner=owner, mode=oct(m)):
                h = self.fed()
                self.replace(owner, m)
                self.hang_up(h)
                self.assertEqual(list(self.out.iterdir()), [])
                n = self.end(h)
                self.assertEqual(list(self.out.iterdir()), [])
                self.assertTrue([x for x in h.err.splitlines() if "folder" in x and "replaced" in x],
                                f"it is not said: {h.err}")
                self.assertEqual(len(events(self.dir / "away/x.ndjson")), n["written"])
                self.assertEqual(n["written"] + n["lost"], self.n)
                subprocess.run(["rm", "-rf", self.out, self.dir / "away", self.whole], check=True)
                self.out.mkdir()
                self.out.chmod(mode)
                os.chown(self.out, NOBODY, NOBODY)

    def test_replaced_by_a_link(self):
        """The folder is now a link to one of root's."""
        h = self.fed()
        self.out.rename(self.dir / "away")
        self.out.symlink_to(self.own)
        self.hang_up(h)
        self.end(h)
        self.unharmed()

    def test_gone(self):
        """A folder that vanishes: lost, counted, and it ends."""
        h = self.fed()
        subprocess.run(["rm", "-rf", self.out], check=True)
        self.hang_up(h)
        n = self.end(h)
        self.assertGreater(n["lost"], 0)

    def test_gone_and_rotating(self):
        """It is the rotation that finds no folder any more."""
        h = self.fed(url="?rotate=1KB")
        # a file may come between its look and its removal of the folder
        self.assertTrue(wait_for(lambda: subprocess.run(["rm", "-rf", self.out], stderr=subprocess.DEVNULL).returncode == 0))
        for _ in range(10):
            self.more(h)
        n = self.end(h)
        self.assertLessEqual(n["written"], 100, "what nobody can find is counted as written")
        self.assertEqual(n["written"] + n["lost"], self.n)


@ROOT
class Reach(Opened):
    """Neither the program nor its opener can be reached into by others of the user it has become."""

    def attach(self, pid):
        r = as_nobody(self.python, "-c", ATTACH, str(pid))
        self.assertEqual(r.stderr, "")
        return r.stdout.split("\n")[:3]

    def test_ptrace(self):
        self.python = nobodys_python()
        if self.python is None:
            self.skipTest("nobody may not run python")
        other = subprocess.Popen(["sleep", "60"], user=NOBODY, group=NOBODY, extra_groups=[])
        self.addCleanup(other.wait)
        self.addCleanup(other.kill)
        self.assertTrue(wait_for(lambda: status(other.pid)["Name"] == "sleep"))
        if self.attach(other.pid)[0] != "attached":
            self.skipTest("nobody may trace nobody here")
        h = self.fed()
        helpers = children(h.p.pid)
        self.assertEqual(len(helpers), 2)  # the opener, and its keeper
        for pid in h.p.pid, *helpers:
            said = self.attach(pid)
            self.assertEqual(said[0], "Operation not permitted", status(pid)["Name"])
            self.assertEqual(said[1:], ["Permission denied"] * 2)
        self.end(h)

    def test_opener_has_little(self):
        """One capability at most, no new ones, the filter that the program has as well."""
        h = self.fed()
        opener, own = status(children(h.p.pid)[0]), status(h.p.pid)
        for which in "CapEff", "CapPrm", "CapInh", "CapAmb":
            self.assertLessEqual(bin(int(opener[which], 16)).count("1"), 1, (which, opener[which]))
        self.assertEqual(opener["NoNewPrivs"].strip(), "1")
        self.assertEqual(opener["Seccomp"], own["Seccomp"])
        self.end(h)

    def test_it_dies_with_the_program(self):
        """Killed, at the start, later, and at its end; it goes, too."""
        for wait in (0.005, 0.02, 0.3):
            h = Heard(self, "read", "-w1", "-o", f"ndjson:{self.x}", "-", stdin=subprocess.PIPE)
            time.sleep(wait)
            helpers = children(h.p.pid)
            h.p.kill()
            h.p.wait(20)
            self.assertTrue(all_gone(helpers), "it lives on")
            self.assertTrue(gone(h.p.pid))
        h = self.fed()
        helpers = children(h.p.pid)
        self.assertEqual(len(helpers), 2)
        self.end(h)
        self.assertTrue(all_gone(helpers))


class Descriptors(Case):
    """Standard descriptors that are closed at the start: nothing else may take their numbers."""

    def closed(self, fds, *args):
        """Runs flowtap with these descriptors closed; the others go to files."""
        files = [self.dir / f"fd{n}" for n in range(3)]
        files[0].write_bytes(b"")

        def close():
            for fd in fds:
                os.close(fd)
        with open(files[0], "rb") as i, open(files[1], "wb") as o, open(files[2], "wb") as e:
            p = subprocess.run([FLOWTAP, *map(str, args)], stdin=i, stdout=o, stderr=e, preexec_fn=close,
                               timeout=60)
        return p.returncode, *(f.read_bytes().decode() for f in files[1:])

    def test_files(self):
        """Every combination: the files hold their own events and nothing else."""
        want = run("read", "-w1", "-e", "sample,flow", "-o", "ndjson:-", SAMPLE).stdout.splitlines()
        want = sorted(x.replace(json.loads(x).get("flow_id", "-"), "") for x in want)
        for n in range(4):
            for fds in itertools.combinations(range(3), n):
                with self.subTest(closed=fds):
                    a, b = self.dir / "a.ndjson", self.dir / "b.ndjson.gz"
                    rc, out, err = self.closed(fds, "read", "-v", "-w1", "-e", "sample,flow", "-o", f"ndjson:{a}",
                                               "-o", f"ndjson:{b}?compress=gzip", SAMPLE)
                    self.assertEqual((rc, out), (0, ""), err)
                    for p in a, b:
                        got = content(p).decode().splitlines()
                        got = sorted(x.replace(json.loads(x).get("flow_id", "-"), "") for x in got)
                        self.assertEqual(got, want, p)
                    if 2 not in fds:
                        self.assertIn("memory budget", err)

    def test_stdout(self):
        """Events for a stdout that is closed go nowhere: not into a file, a socket or stderr."""
        for fds in (1,), (0, 1), (1, 2), (0, 1, 2):
            with self.subTest(closed=fds):
                a = self.dir / "a.ndjson"
                rc, out, err = self.closed(fds, "read", "-w1", "-e", "sample", "-o", "ndjson:-", "-o",
                                           f"ndjson:{a}", SAMPLE)
                self.assertIn(rc, (0, 1))
                self.assertEqual(out, "")
                self.assertNotIn("network_flow", err)
                if rc == 0:
                    self.assertEqual(len(events(a)), 116)

    def test_rotation_without_them(self):
        """The opener works all the same."""
        path = self.file("in.pcap", pcap_header() + pcap_records(20000))
        out = self.dir / "out"
        out.mkdir()
        rc, _, _ = self.closed((0, 1, 2), "read", "-w1", "-o", f"ndjson:{out}/x.ndjson?rotate=20KB", path)
        self.assertEqual(rc, 0)
        self.assertGreater(len(list(out.iterdir())), 3)
        self.assertEqual(sum(len(events(p)) for p in out.iterdir()), 20000)

    def test_other_commands(self):
        """They end, too."""
        for args in ("interfaces",), ("schema",), ("--version",), ("read", "/nowhere"):
            for fds in (1,), (2,), (0, 1, 2):
                rc, out, err = self.closed(fds, *args)
                self.assertIn(rc, (0, 1), (args, fds, out, err))


if __name__ == "__main__":
    main()
