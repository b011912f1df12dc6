#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A store in bad times: kills at any instant, full disks, damaged slices, newer versions, two writers, readers beside a
writer, slices that are to go."""
import json
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
from support import FLOWTAP, SAMPLE, Case, main, pcap_header  # noqa: E402


def flows(n, start=1_700_000_000, seconds=10):
    """A capture of n flows of a packet each."""
    out = [pcap_header()]
    for i in range(n):
        udp = struct.pack("!HHHH", 1024 + i % 60000, 53, 8 + 20, 0) + b"x" * 20
        ip = struct.pack("!BBHHHBBHII", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, 0x0a000000 + i // 60000, 0xc0000201) + udp
        frame = b"\2" * 12 + b"\x08\x00" + ip
        out.append(struct.pack("<IIII", start + i * seconds // n, i % 1_000_000, len(frame), len(frame)) + frame)
    return b"".join(out)


def query(folder, sql, *args):
    r = subprocess.run([FLOWTAP, "query", str(folder), sql, *args], capture_output=True, text=True, timeout=60)
    return r.returncode, [json.loads(line) for line in r.stdout.splitlines()], r.stderr


class Store(Case):
    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory(prefix="flowtap-store-")
        self.addCleanup(folder.cleanup)
        self.out = pathlib.Path(folder.name)
        self.dir = self.out / "s"
        self.capture = self.out / "in.pcap"

    def read(self, params="", n=2000, rc=0, extra=(), capture=None):
        if capture is None:
            capture = self.capture
            capture.write_bytes(flows(n))
        r = subprocess.run([FLOWTAP, "read", "-w", "1", *extra, "-o", f"store:{self.dir}{params}", str(capture)],
                           capture_output=True, text=True, timeout=120)
        self.assertEqual(r.returncode, rc, r.stderr)
        return r.stderr

    def count(self, table="flow"):
        rc, rows, err = query(self.dir, f"SELECT count(*) n FROM {table}")
        self.assertEqual(rc, 0, err)
        return rows[0]["n"]

    @staticmethod
    def close(p):
        try:
            p.stdin.close()
        except OSError:
            pass  # nobody reads it any more

    def slices(self, table="flow"):
        return sorted(self.dir.glob(table + "-*.fts"))

    def no_rests(self):
        self.assertEqual(list(self.dir.glob("*.part")), [])


class Kills(Store):
    def test_kill_at_any_instant(self):
        """What was told as committed is there after each kill; the store opens, and takes more."""
        rng = random.Random(7)
        self.capture.write_bytes(flows(300_000, seconds=300))
        least = 0
        for turn in range(int(os.environ.get("STORE_KILLS", "12"))):
            p = subprocess.Popen([FLOWTAP, "read", "-w", "1", "--no-sandbox", "--quiet", "-o",
                                  f"store:{self.dir}?slice=1s", str(self.capture)], start_new_session=True,
                                 stderr=subprocess.DEVNULL)
            time.sleep(rng.uniform(0.02, 1.2))
            os.killpg(p.pid, signal.SIGKILL)
            p.wait()
            time.sleep(0.05)
            if not (self.dir / "store.db").exists():
                continue
            if sqlite3.connect(self.dir / "store.db").execute("PRAGMA user_version").fetchone()[0] == 0:
                continue  # killed before there was a store
            now = self.count()
            self.assertGreaterEqual(now, least, f"turn {turn}")
            least = now
        before = self.count()
        self.read(n=1000)
        self.no_rests()
        self.assertGreaterEqual(self.count(), before + 1000)
        rc, rows, err = query(self.dir, "SELECT sum(rows) n FROM slices WHERE \"table\" = 'flow'")
        self.assertEqual(rows[0]["n"], self.count())

    def test_kill_of_the_main_process(self):
        """The keeper has what came to it: it goes to disk."""
        self.capture.write_bytes(flows(100_000))
        p = subprocess.Popen([FLOWTAP, "read", "--quiet", "-w", "1", "-o", f"store:{self.dir}", "-"], stdin=subprocess.PIPE,
                             stderr=subprocess.DEVNULL)
        p.stdin.write(self.capture.read_bytes() + flows(50_000, 1_700_001_000, 100)[24:])  # time goes on: flows end
        p.stdin.flush()
        time.sleep(2.5)
        p.kill()
        p.wait()
        self.addCleanup(self.close, p)
        for _ in range(100):
            if self.slices():
                break
            time.sleep(0.1)
        time.sleep(0.2)
        self.assertGreater(self.count(), 1000)

    def test_files_without_rows(self):
        """What a kill leaves between a file and its row: whole ones are adopted, parts removed, damaged ones set aside."""
        self.read()
        first = self.slices()[0]
        data = first.read_bytes()
        (self.dir / "flow-000000000900.fts").write_bytes(data)
        (self.dir / "flow-000000000901.fts").write_bytes(data[:-7])
        (self.dir / "flow-000000000902.fts.part").write_bytes(data[:100])
        err = self.read(n=10)
        self.assertIn("1 slices without a row adopted, 1 that were not whole removed, 1 damaged ones set aside", err)
        self.assertEqual(self.count(), 2000 + 2000 + 10)
        self.assertTrue((self.dir / "flow-000000000901.fts.bad").exists())
        self.no_rests()
        self.assertIn("flow-000000000902.fts", [p.name for p in self.slices()])

    def test_newer_files_without_rows(self):
        """A slice that another version has left, or one that cannot be read, is no damage: it stays as it is."""
        self.read()
        data = bytearray(self.slices()[0].read_bytes())
        data[8:12] = data[-16:-12] = struct.pack("<I", 9)
        newer, link = self.dir / "flow-000000000900.fts", self.dir / "flow-000000000901.fts"
        newer.write_bytes(data)
        link.symlink_to(self.out / "elsewhere")
        err = self.read(n=10)
        self.assertIn("2 that cannot be read left: flow-00000000090", err)
        self.assertTrue(newer.exists() and link.is_symlink())
        self.assertEqual(self.count(), 2010)


class Damage(Store):
    def test_flipped_bytes(self):
        """Whatever byte is another: the slice is set aside and said, or the answer is right."""
        self.read(n=500)
        self.read(n=300)
        rng = random.Random(3)
        whole = self.out / "whole"
        shutil.copytree(self.dir, whole)
        aside = 0
        for _ in range(40):
            shutil.rmtree(self.dir)
            shutil.copytree(whole, self.dir)
            victim = self.slices()[0]
            data = bytearray(victim.read_bytes())
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            victim.write_bytes(data)
            rc, rows, err = query(self.dir, "SELECT count(*) n, sum(byte_count) b, count(src_ip) i, count(community_id) c, "
                                            "count(conn_state) s, min(first_seen) f, count(observer_id) o FROM flow")
            if rc == 0:
                self.assertEqual(rows[0]["n"], 800)
                self.assertEqual(rows[0]["b"], 800 * 62)
                continue
            if "newer" in err or "version" in err:
                continue  # the byte that says so
            aside += 1
            self.assertEqual((rc, rows[0]["n"], rows[0]["b"]), (1, 300, 300 * 62), err)
            self.assertIn("damaged", err)
            self.assertTrue(victim.with_name(victim.name + ".bad").exists())
            rc, rows, err = query(self.dir, "SELECT count(*) n FROM flow")
            self.assertEqual(rows[0]["n"], 300)
            self.assertIn("set aside as " + victim.name + ".bad", err)
        self.assertGreater(aside, 10)

    def test_late_columns(self):
        """A column beyond those that SQLite tells of beforehand: it is set aside, too."""
        self.read(n=500, extra=["-p", "nfstream"])
        self.read(n=300, extra=["-p", "nfstream"])
        whole = self.out / "whole"
        shutil.copytree(self.dir, whole)
        columns = "src_ip, " + ", ".join(f'sum("{c}") + 0' for c in self.late())
        aside = 0
        end, = struct.unpack("<Q", self.slices()[0].read_bytes()[-32:-24])  # of the columns
        for at in range(end - 2000, end, 67):
            shutil.rmtree(self.dir)
            shutil.copytree(whole, self.dir)
            victim = self.slices()[0]
            data = bytearray(victim.read_bytes())
            data[at] ^= 1
            victim.write_bytes(data)
            rc, rows, err = query(self.dir, f"SELECT {columns} FROM flow")
            if rc == 0:
                continue
            aside += 1
            self.assertIn("damaged", err)
            self.assertTrue(victim.with_name(victim.name + ".bad").exists(), err)
            rc, rows, err = query(self.dir, f"SELECT count(*) n, {columns} FROM flow")
            self.assertEqual(rows[0]["n"], 300, err)
        self.assertGreater(aside, 3)

    def late(self):
        """The flow table's columns from the 64th on."""
        r = subprocess.run([FLOWTAP, "query", str(self.dir), "SELECT * FROM flow LIMIT 1"], capture_output=True, text=True,
                           timeout=60)
        names = list(json.loads(r.stdout))[63:]
        self.assertGreater(len(names), 10)
        return names[:40]

    def similar(self, ident, *args):
        r = subprocess.run([FLOWTAP, "query", str(self.dir), "--similar", ident, *args], capture_output=True, text=True, timeout=60)
        return r.returncode, [json.loads(line) for line in r.stdout.splitlines()], r.stderr

    def test_flipped_bytes_of_vectors(self):
        """The nearest are those of the slices that are whole; a slice that is not is set aside and said."""
        self.read(capture=SAMPLE, extra=("-p", "vector", "-e", "flow"))
        self.read(capture=SAMPLE, extra=("-p", "vector", "-e", "flow", "--observation-domain", "3"))
        rc, rows, err = query(self.dir, "SELECT DISTINCT flow_id FROM flow")
        self.assertEqual(rc, 0, err)
        ident = rows[0]["flow_id"]
        rc, right, err = self.similar(ident)
        self.assertEqual((rc, len(right) > 3), (0, True), err)
        rng = random.Random(5)
        whole = self.out / "whole"
        shutil.copytree(self.dir, whole)
        said = 0
        for _ in range(60):
            shutil.rmtree(self.dir)
            shutil.copytree(whole, self.dir)
            victim = self.slices()[rng.randrange(2)]
            data = bytearray(victim.read_bytes())
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            victim.write_bytes(data)
            rc, rows, err = self.similar(ident)
            self.assertIn(rc, (0, 1), err)
            if "version" in err:
                continue  # the byte that says so
            if "ask again" in err:
                said += 1
                rc, rows, err = self.similar(ident)
            self.assertEqual(rows, right, err)  # the other slice has the same flows
            said += "damaged" in err
            self.assertEqual(rc, 1 if "damaged" in err else 0, err)
        self.assertGreater(said, 5)

    def test_slices_of_version_1(self):
        """Vectors that a version before has written, beside those of this one."""
        self.read(capture=SAMPLE, extra=("-p", "vector", "-e", "flow"))
        rc, rows, err = query(self.dir, "SELECT DISTINCT flow_id FROM flow")
        ident = rows[0]["flow_id"]
        rc, right, err = self.similar(ident)
        self.assertEqual(rc, 0, err)
        rc, vectors, err = query(self.dir, "SELECT flow_id, vector FROM flow ORDER BY flow_id, timestamp")
        shutil.rmtree(self.dir)
        self.dir.mkdir()
        old = pathlib.Path(__file__).parent / "store_version_1.fts"
        self.assertEqual(old.read_bytes()[8:12], struct.pack("<I", 1))
        shutil.copy(old, self.dir / "flow-000000000001.fts")
        self.assertIn("1 slices without a row adopted", self.read(n=10))
        rc, rows, err = query(self.dir, "SELECT flow_id, vector FROM flow WHERE vector_id IS NOT NULL ORDER BY flow_id, timestamp")
        self.assertEqual((rc, rows), (0, vectors), err)
        rc, rows, err = self.similar(ident)
        self.assertEqual((rc, err.count("damaged")), (0, 0), err)
        self.assertEqual([(r["flow_id"], r["similarity"], r["src_ip"]) for r in rows],
                         [(r["flow_id"], r["similarity"], r["src_ip"]) for r in right])

    def test_newer_versions(self):
        self.read()
        db = sqlite3.connect(self.dir / "store.db")
        db.execute("PRAGMA user_version = 77")
        db.commit()
        db.close()
        self.assertIn("a store of version 77, and this flowtap writes 1", self.read(rc=1))
        rc, _, err = query(self.dir, "SELECT 1")
        self.assertEqual(rc, 1)
        self.assertIn("a store of version 77, and this flowtap reads 1", err)

    def test_newer_slice(self):
        self.read()
        victim = self.slices()[0]
        data = bytearray(victim.read_bytes())
        data[8:12] = data[-16:-12] = struct.pack("<I", 9)
        victim.write_bytes(data)
        rc, _, err = query(self.dir, "SELECT count(*) FROM flow")
        self.assertEqual(rc, 1, err)
        self.assertIn("newer version", err)
        self.assertTrue(victim.exists())

    def test_no_store(self):
        rc, _, err = query(self.out / "nothing", "SELECT 1")
        self.assertEqual(rc, 1)
        self.assertIn("there is no store", err)
        self.dir.mkdir()
        (self.dir / "store.db").write_bytes(b"hello, this is no database" * 100)
        rc, _, err = query(self.dir, "SELECT 1")
        self.assertEqual(rc, 1, err)


class Writers(Store):
    def test_two_writers(self):
        p = subprocess.Popen([FLOWTAP, "read", "--quiet", "-o", f"store:{self.dir}", "-"], stdin=subprocess.PIPE)
        self.addCleanup(p.wait)
        self.addCleanup(p.stdin.close)
        for _ in range(100):
            if (self.dir / "store.db").exists():
                break
            time.sleep(0.05)
        time.sleep(0.3)
        holder = (self.dir / "lock").read_text().strip()
        self.assertIn(f"process {holder} writes this store already", self.read(rc=1))

    def test_reader_beside_a_writer(self):
        """Each answer is of whole slices, and never less than the one before."""
        self.capture.write_bytes(flows(400_000, seconds=400))
        p = subprocess.Popen([FLOWTAP, "read", "--quiet", "-w", "1", "-o", f"store:{self.dir}?slice=1s", str(self.capture)])
        last, answers = 0, 0
        while p.poll() is None:
            if (self.dir / "store.db").exists():
                rc, rows, err = query(self.dir, "SELECT (SELECT count(*) FROM flow) n, (SELECT sum(rows) FROM slices WHERE "
                                                "\"table\" = 'flow') s")
                if rc == 0 and rows[0]["s"] is not None:
                    self.assertEqual(rows[0]["n"], rows[0]["s"])
                    self.assertGreaterEqual(rows[0]["n"], last)
                    last, answers = rows[0]["n"], answers + 1
        self.assertEqual(p.wait(), 0)
        self.assertEqual(self.count(), 400_000)

    def test_retention(self):
        """The oldest go, by bytes and by age, never the newest; files linger for readers."""
        for _ in range(6):
            self.read(n=30_000)
        db = sqlite3.connect(self.dir / "store.db")
        ids = [r[0] for r in db.execute("SELECT id FROM _slice WHERE tbl = 'flow' ORDER BY id")]
        db.close()
        self.read("?max=1MB", n=30_000)
        db = sqlite3.connect(self.dir / "store.db")
        left = [r[0] for r in db.execute("SELECT id FROM _slice WHERE tbl = 'flow' ORDER BY id")]
        size = db.execute("SELECT sum(bytes) FROM _slice").fetchone()[0]
        db.close()
        self.assertGreater(len(ids) + 1, len(left))
        self.assertEqual(left[-1], max(left))
        self.assertTrue(size <= 1_000_000 or len(left) == 1, size)
        self.assertEqual(self.count(), 30_000 * len(left))
        self.assertGreater(len(self.slices()), len(left), "files of dropped slices linger")
        db = sqlite3.connect(self.dir / "store.db")
        db.execute("UPDATE _gone SET at_s = at_s - 1000")
        db.execute("UPDATE _slice SET written_s = written_s - 1000000")
        db.commit()
        db.close()
        self.read("?keep=1d", n=100)
        self.assertEqual(self.count(), 100)
        self.read("?keep=1s", n=0)
        self.assertEqual(self.count(), 100, "the newest stays")

    def test_retention_of_several_tables(self):
        """The newest slice stays with all its tables."""
        self.read("?max=1MB", n=60_000, extra=["-e", "flow,window"])
        self.assertEqual(self.count(), 60_000)
        self.assertGreater(self.count("window"), 0)
        self.assertGreater(self.count("top_minute"), 0)

    def test_a_keeper_that_dies(self):
        """Its events are lost and counted, the capture goes on, the status is 1."""
        p = subprocess.Popen([FLOWTAP, "read", "--no-sandbox", "-w", "1", "-o", f"store:{self.dir}", "-o",
                              f"ndjson:{self.out}/a", "-e", "flow", "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(100):
            if (self.dir / "lock").exists() and (self.dir / "lock").read_text().strip():
                break
            time.sleep(0.05)
        time.sleep(0.3)
        keeper = int((self.dir / "lock").read_text())
        os.kill(keeper, signal.SIGTERM)
        time.sleep(0.2)
        self.assertTrue(os.path.exists(f"/proc/{keeper}"), "it ends with the main process, not before")
        os.kill(keeper, signal.SIGKILL)
        time.sleep(1.5)
        self.assertFalse(os.path.exists(f"/proc/{keeper}"), "nobody waits for a dead one")
        _, err = p.communicate(flows(5000), timeout=60)
        self.assertEqual(p.returncode, 1, err)
        self.assertIn(b"the process that keeps the store has ended", err)
        self.assertEqual(len((self.out / "a").read_text().splitlines()), 5000)

    @unittest.skipUnless(os.geteuid() == 0, "mounting a small disk needs root")
    def test_full_disk(self):
        """What does not fit is lost, said and counted; what was there stays; with room again it goes on."""
        self.dir.mkdir()
        r = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", str(self.dir)], capture_output=True, text=True)
        if r.returncode != 0:
            self.skipTest(f"no tmpfs: {r.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", str(self.dir)], check=True)
        self.read(n=2000)
        p = subprocess.Popen([FLOWTAP, "read", "-w", "1", "-o", f"store:{self.dir}", "-"], stdin=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        for _ in range(100):
            if (self.dir / "store.db-wal").exists():
                break
            time.sleep(0.05)
        time.sleep(0.3)
        filler = self.dir / "filler"
        with open(filler, "wb", buffering=0) as f:
            try:
                while True:
                    f.write(b"x" * 4096)
            except OSError:
                pass
        _, err = p.communicate(flows(50_000), timeout=60)
        err = err.decode()
        self.assertEqual(p.returncode, 1, err)
        self.assertIn("a slice could not be written", err)
        self.assertIn("lost", err)
        self.assertIn("No space left on device", self.read(n=10, rc=1))
        filler.unlink()
        self.assertEqual(self.count(), 2000)
        self.read(n=3000)
        self.assertEqual(self.count(), 5000)
        self.no_rests()

    def test_what_is_lost_is_in_no_minute(self):
        """Records of a slice that could not be written are in no minute and no baseline of the next ones."""
        self.dir.mkdir()
        r = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "none", str(self.dir)], capture_output=True, text=True)
        if r.returncode != 0:
            self.skipTest(f"no tmpfs: {r.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", "-l", str(self.dir)], check=True)
        self.read(n=200, capture=None)
        p = subprocess.Popen([FLOWTAP, "read", "-w", "1", "-o", f"store:{self.dir}?slice=1s", "-"], stdin=subprocess.PIPE,
                             stderr=subprocess.PIPE)
        for _ in range(100):
            if (self.dir / "store.db-wal").exists():
                break
            time.sleep(0.05)
        time.sleep(0.3)
        filler = self.dir / "filler"
        with open(filler, "wb", buffering=0) as f:
            try:
                while True:
                    f.write(b"x" * 4096)
            except OSError:
                pass
        p.stdin.write(flows(150_000, start=1_700_000_100, seconds=900))
        p.stdin.flush()
        said = p.stderr.readline()
        while said and b"could not be written" not in said:
            said = p.stderr.readline()
        time.sleep(1.5)
        filler.unlink()
        _, err = p.communicate(flows(500, start=1_700_001_100, seconds=100)[24:], timeout=60)
        self.assertEqual(p.returncode, 1, err)
        rc, rows, err = query(self.dir, "SELECT count(*) n, sum(byte_count) b FROM flow")
        self.assertEqual(rc, 0, err)
        self.assertTrue(700 <= rows[0]["n"] < 150_000, rows)
        want = rows[0]
        _, rows, _ = query(self.dir, "SELECT sum(flows) n, sum(bytes) b FROM top_minute WHERE kind = 'dst'")
        self.assertEqual(rows[0], want)
        db = sqlite3.connect(self.dir / "store.db")
        hosts = db.execute("SELECT value FROM _meta WHERE key = 'hour_hosts'").fetchone()[0]
        db.close()
        bytes_of = dict(struct.iter_unpack("<16sQ", hosts))
        self.assertEqual(bytes_of[b"\0" * 10 + b"\xff\xff\xc0\0\2\1"], want["b"])


class Hostile(Store):
    """A folder that was made to harm who reads or keeps it."""

    def change(self, sql, *values):
        db = sqlite3.connect(self.dir / "store.db")
        db.execute(sql, values)
        db.commit()
        db.close()

    def test_names_outside(self):
        """A name that is no slice's is none: nothing beyond the folder is renamed or removed."""
        self.read()
        self.read(n=10)
        for name in ("../victim", "../x-000000000001.fts", str(self.out / "victim")):
            victim = self.dir / name
            victim.write_text("not yours")
            self.change("UPDATE _slice SET file = ? WHERE id = (SELECT min(id) FROM _slice WHERE tbl = 'flow')", name)
            rc, rows, err = query(self.dir, "SELECT count(*) n FROM flow")
            self.assertEqual(rc, 1, err)
            self.assertIn("1 damaged slices were left out", err)
            self.assertEqual(victim.read_text(), "not yours")
            self.change("INSERT OR REPLACE INTO _gone VALUES(?, 0)", name)
            self.read(n=0, extra=["--no-sandbox"])
            self.assertEqual(victim.read_text(), "not yours")

    def test_what_is_no_file(self):
        """A pipe in place of a slice is waited for by nobody."""
        self.read()
        self.read(n=10)
        victim = self.slices()[0]
        victim.unlink()
        os.mkfifo(victim)
        rc, rows, err = query(self.dir, "SELECT count(*) n FROM flow")
        self.assertEqual((rc, rows), (1, [{"n": 10}]), err)

    def test_what_cannot_be_read(self):
        """A link in place of a slice is left out and said, and stays where it is."""
        self.read()
        self.read(n=10)
        victim = self.slices()[0]
        victim.rename(self.out / "elsewhere")
        victim.symlink_to(self.out / "elsewhere")
        for order in ("", " ORDER BY timestamp DESC"):
            rc, rows, err = query(self.dir, "SELECT dst_port FROM flow" + order)
            self.assertEqual((rc, len(rows)), (1, 10), err)
            self.assertIn("1 damaged slices were left out; " + victim.name, err)
        self.assertTrue(victim.is_symlink())

    def test_statements_in_the_schema(self):
        """What stands in the database in place of a table has no more time than a query."""
        self.read()
        self.change("ALTER TABLE _account RENAME TO a")
        self.change("CREATE VIEW _account AS WITH RECURSIVE t(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM t) "
                    "SELECT count(*) id, 0 written_s, '{}' facts FROM t")
        rc, _, err = query(self.dir, "SELECT 1", "--timeout", "1")
        self.assertIn(rc, (0, 1), err)

    def test_long_functions(self):
        """One call of a function of SQLite cannot go on for hours."""
        self.read(n=10)
        for sql in ("SELECT instr(hex(zeroblob(7000000)), hex(zeroblob(3000000)) || '1')",
                    "SELECT hex(zeroblob(7000000)) LIKE '%' || hex(zeroblob(20000)) || '1'"):
            rc, _, err = query(self.dir, sql, "--timeout", "1")
            self.assertEqual(rc, 1, err)
            self.assertRegex(err, "1 MiB|longer")


class Folders(Store):
    def test_names_of_folders(self):
        """Whatever a folder is called, and by way of a link."""
        self.read(n=10)
        for name in ("a%20b", "a#b", "a?b=c"):
            self.dir = self.dir.rename(self.out / name)
            self.assertEqual(self.count(), 10)
        rc, rows, err = query("/" + str(self.dir), "SELECT count(*) n FROM flow")
        self.assertEqual((rc, rows), (0, [{"n": 10}]), err)
        os.symlink(self.out, self.out / "link")
        self.dir = self.out / "link" / "t"
        self.read(n=20)
        self.assertEqual(self.count(), 20)


if __name__ == "__main__":
    main()
