# SPDX-License-Identifier: Apache-2.0
"""What the fault tests share, on top of what the tests of the program share."""
import gzip
import json
import pathlib
import shutil
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
from support import FLOWTAP, SAMPLE, Case, free_port, main, pcap_header, pcap_records, run, wait_for  # noqa: E402,F401

COMPRESSIONS = ["", "gzip", "zstd"] if shutil.which("zstd") else ["", "gzip"]


def content(path):
    """The bytes of a file, decompressed alone by another program or library than flowtap's."""
    data = pathlib.Path(path).read_bytes()
    if data[:2] == b"\x1f\x8b":
        return gzip.decompress(data)
    if data[:4] == b"\x28\xb5\x2f\xfd":
        return subprocess.run(["zstd", "-dcq"], input=data, capture_output=True, check=True).stdout
    return data


def events(path):
    """The events of a file; every line is whole."""
    data = content(path)
    assert data == b"" or data.endswith(b"\n"), f"{path}: its last line is torn"
    return [json.loads(line) for line in data.splitlines()]


class Heard:
    """A started program, its stderr read all the time; lines of --log-format json."""

    def __init__(self, case, *args, **kw):
        self.case, self.err = case, ""
        self.p = case.started(*args, "--log-format", "json", stderr=subprocess.PIPE, **kw)
        self.thread = threading.Thread(target=self.hear, daemon=True)
        self.thread.start()
        case.addCleanup(self.thread.join, 20)

    def hear(self):
        for line in iter(self.p.stderr.readline, ""):
            self.err += line

    def wait(self, text, times=1):
        if not wait_for(lambda: self.err.count(text) >= times or self.p.poll() is not None):
            self.case.fail(f"it does not say '{text}' but {self.err}")
        if self.p.poll() is not None:
            self.thread.join(20)
        if self.err.count(text) < times:
            self.case.fail(f"it does not say '{text}' but {self.err}")

    def send(self, data):
        self.p.stdin.buffer.write(data)
        self.p.stdin.flush()

    def ended(self, status=0):
        """The account, whose sums hold, once it has ended with that status."""
        self.case.assertEqual(self.p.wait(30), status, self.err)
        self.thread.join(20)
        return account(self.case, self.err)


def account(case, err):
    a = json.loads(err.splitlines()[-1])
    case.assertEqual((a["message"], a["adds_up"]), ("account", True), err)
    case.assertEqual(a["received"], a["captured"] + (a["kernel_dropped"] or 0))
    case.assertEqual(a["captured"], a["queue_dropped"] + a["decoded"] + sum(a["ignored"].values())
                     + sum(a["malformed"].values()))
    for o in a["outputs"]:
        for kind in "sample", "flow", "stats":
            if kind in o:
                case.assertEqual(o[kind]["made"], o[kind]["written"] + o[kind]["dropped"]
                                 + o[kind]["lost"] + o[kind].get("spooled", 0), o)
    return a
