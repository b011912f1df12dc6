# SPDX-License-Identifier: Apache-2.0
"""A receiver that is away for an hour of traffic, by volume: RECORDS flow records (18 million: an hour of 5000 a second)
go into a spool at full speed, then the receiver comes back and each of them is there, once after duplicates are gone.

SPOOL_DIR: where the spool lies (about 0.2 kB a record); default: a temporary folder."""
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from faults import Case, Heard, main, pcap_header, pcap_records, wait_for

RECORDS = int(os.environ.get("RECORDS", "18000000"))
FIRST_MS = 1719409371000  # of pcap_records(): packets a millisecond apart, each a flow of its own
BLOCK = 50000


class Counting(threading.Thread):
    """Takes connections and ticks off by its first_seen each record that comes."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.seen, self.records, self.bytes, self.column = bytearray(RECORDS), 0, 0, None
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", port))
        self.listener.listen()
        self.start()

    def run(self):
        while True:
            try:
                c, _ = self.listener.accept()
            except OSError:
                return
            rest = b""
            with c:
                while piece := c.recv(1 << 20):
                    self.bytes += len(piece)
                    *lines, rest = (rest + piece).split(b"\n")
                    for line in lines:
                        self.take(line.split(b","))

    def take(self, fields):
        if not fields[0][:1].isdigit() and b"first_seen" in fields:
            self.column = fields.index(b"first_seen")
            return
        self.seen[round(float(fields[self.column]) * 1000) - FIRST_MS] = 1
        self.records += 1


def mb(n):
    return f"{n / 1e6:.0f} MB"


class Hour(Case):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="flowtap-hour-", dir=os.environ.get("SPOOL_DIR")))
        self.addCleanup(shutil.rmtree, self.folder)

    def test_hour(self):
        free = socket.socket()
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        url = (f"csv+tcp://127.0.0.1:{port}?overflow=spool&spool={self.folder / 'spool'}"
               f"&spool_max={RECORDS * 500 + 64000000}")
        h = Heard(self, "read", "-w1", "-e", "flow", "--idle-timeout", "0.5", "-o", url, "-", stdin=subprocess.PIPE)
        begin = time.monotonic()
        h.send(pcap_header())
        for first in range(0, RECORDS, BLOCK):
            h.send(pcap_records(min(BLOCK, RECORDS - first), first))
        away = time.monotonic() - begin
        disk = sum(p.stat().st_blocks * 512 for p in (self.folder / "spool").iterdir())
        r = Counting(port)
        self.assertTrue(wait_for(lambda: r.records > 0, 30), "it is not tried again")
        begin = time.monotonic()
        h.p.stdin.close()
        _, status, usage = os.wait4(h.p.pid, 0)
        h.p.returncode = os.waitstatus_to_exitcode(status)
        n = h.ended()["outputs"][0]["flow"]
        back = time.monotonic() - begin
        r.listener.shutdown(socket.SHUT_RDWR)
        r.join(20)
        r.listener.close()
        self.assertEqual(n, {"made": RECORDS, "written": RECORDS, "dropped": 0, "lost": 0}, h.err[-2000:])
        self.assertEqual(sum(r.seen), RECORDS, "records are missing")
        print(f"{RECORDS} records, {mb(r.bytes)}: {mb(disk)} on disk after {away:.0f} s without a receiver, "
              f"delivered in {back:.0f} s, {r.records - RECORDS} twice; at most {usage.ru_maxrss // 1024} MB of memory",
              file=sys.stderr)


if __name__ == "__main__":
    unittest.TestCase.maxDiff = 500
    main()
