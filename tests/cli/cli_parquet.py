# SPDX-License-Identifier: Apache-2.0
"""Parquet outputs: whole files on every day. What is in their pages is read by others (interop/arrow)."""
import os
import resource
import signal
import subprocess
import sys

from support import ROOT, SAMPLE, Case, main, pcap_header, pcap_records, run, wait_for

sys.path.insert(0, str(ROOT / "tests/support"))
from arrow_reader import Arrow  # noqa: E402
from parquet_footer import Parquet  # noqa: E402


class Files(Case):
    def test_few_rows(self):
        for n in 0, 1, 64:
            out = self.dir / "n.parquet"
            self.good("read", self.file("n.pcap", pcap_header() + pcap_records(n)), "-o", f"parquet:{out}")
            p = Parquet(out.read_bytes())
            self.assertEqual((p.rows, len(p.groups)), (n, min(n, 1)))
            self.assertEqual(p.metadata["flowtap.event"], "network_flow_record")

    def test_needs_a_file(self):
        """Its footer is made of what is in it, and so is that of an Arrow file: it is not for what cannot be read."""
        fifo = self.dir / "fifo.arrow"
        os.mkfifo(fifo)
        for reader in False, True:
            for url in "parquet:-", "parquet:/dev/stdout", "parquet:/dev/fd/1", f"parquet:{fifo}", f"arrow:{fifo}":
                fd = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK) if reader else None
                r = run("read", SAMPLE, "-o", url)
                if reader:
                    os.close(fd)
                self.assertEqual(r.returncode, 2, url)
                self.assertIn(f"{url.split(':')[0]} needs a file", r.stderr)
        for kind in "parquet", "arrow":
            self.good("read", SAMPLE, "-o", f"{kind}:/dev/null")

    def test_links_are_not_followed(self):
        """As by other outputs, and said before the first row."""
        for target in "/nowhere", SAMPLE:
            link = self.dir / "x.parquet"
            link.symlink_to(target)
            for args in ["read", SAMPLE], ["collect", "-l", f"pcap:{SAMPLE}"]:
                r = run(*args, "-o", f"parquet:{link}")
                self.assertEqual(r.returncode, 1)
                self.assertIn("x.parquet: it is a symbolic link, which is not followed", r.stderr)
                self.assertEqual(list(self.dir.iterdir()), [link])
            link.unlink()

    def test_full_disk(self):
        """Wherever it is full: a file of this name is whole, and what is not in one is lost, and counted."""
        kinds = {"parquet": lambda data: Parquet(data).rows, "arrow": lambda data: len(Arrow(data).rows["flow_id"])}
        for kind, rows in kinds.items():
            out = self.dir / f"x.{kind}"
            self.good("read", SAMPLE, "-w1", "-o", f"{kind}:{out}")
            size = out.stat().st_size
            for limit in *range(size * 3 // 4, size, 97), *range(size - 20, size):
                out.unlink(missing_ok=True)
                r = run("read", SAMPLE, "-w1", "-o", f"{kind}:{out}", preexec_fn=lambda: (
                    signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
                    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))))
                self.assertEqual(r.returncode, 1, limit)
                self.assertEqual(rows(out.read_bytes()), 0)
                if kind == "parquet":
                    self.assertEqual(Parquet(out.read_bytes()).metadata["flowtap.events_lost"], "15")
                self.assertIn("15 flow events = 0 written + 0 dropped + 15 lost", r.stderr)

    def test_opened_again(self):
        """SIGHUP ends a file; the next one does not take its place, whether it was moved away or not."""
        out = self.dir / "x.parquet"
        p = self.started("read", "-", "-e", "sample", "-o", f"parquet:{out}", stdin=subprocess.PIPE,
                         stderr=subprocess.PIPE)
        p.stdin.buffer.write(pcap_header())
        for n in 0, 1, 2:
            p.stdin.buffer.write(pcap_records(20000, 20000 * n))
            p.stdin.flush()
            part = self.dir / "x.parquet.part"
            self.assertTrue(wait_for(part.exists))
            before = set(self.dir.iterdir())
            wait_for(lambda: False, 1.3)  # rows are handed on within a second
            p.send_signal(signal.SIGHUP)
            self.assertTrue(wait_for(lambda: set(self.dir.iterdir()) - before))
        p.stdin.close()
        self.assertEqual(p.wait(20), 0, p.stderr.read())
        files = [f.read_bytes() for f in self.dir.iterdir()]
        self.assertEqual(sum(Parquet(data).rows for data in files), 60000)
        self.assertGreaterEqual(len(files), 3)

    def test_no_room_is_kept(self):
        """What was held for the footer and not needed is given back."""
        for kind in "parquet", "arrow":
            out = self.dir / f"x.{kind}"
            self.good("read", SAMPLE, "-p", "all", "-o", f"{kind}:{out}")
            self.assertLess(out.stat().st_blocks * 512, out.stat().st_size + 8192)


if __name__ == "__main__":
    main()
