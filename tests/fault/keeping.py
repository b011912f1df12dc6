# SPDX-License-Identifier: Apache-2.0
"""What the tests of files over restarts and kills share: a collector on the loopback with what is sent
to it, the frames of compressed files, and small disks in a mount namespace of our own."""
import ctypes
import os
import re
import socket
import struct
import subprocess
import zlib

from faults import Heard, free_port, wait_for

NOBODY = 65534
CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 0x40000
ROTATED = r"-\d{8}T\d{6}(-\d+)?"  # what is put between stem and ending of a file put aside


# ---- what is sent ----

def v5(first, n=30):
    """A NetFlow v5 datagram of n flows whose source addresses count up from first."""
    head = struct.pack("!HHIIIIBBH", 5, n, 10000, 1719409371, 0, first & 0xFFFFFFFF, 0, 0, 0)
    return head + b"".join(
        struct.pack("!4s4s4sHHIIIIHHBBBBHHBBH", struct.pack("!I", i), b"\x0a\0\0\2", b"\0\0\0\0", 1, 2, 3,
                    300, 5000, 6000, 1024, 53, 0, 0, 17, 0, 0, 0, 0, 0, 0) for i in range(first, first + n))


IPFIX_FIELDS = [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (2, 8), (1, 8)]


def ipfix(sequence, *sets):
    body = b"".join(sets)
    return struct.pack("!HHIII", 10, 16 + len(body), 1719409371, sequence & 0xFFFFFFFF, 1) + body


def ipfix_templates(*ids):
    """A set with a template of IPFIX_FIELDS for each id."""
    body = b"".join(struct.pack("!HH", i, len(IPFIX_FIELDS))
                    + b"".join(struct.pack("!HH", *f) for f in IPFIX_FIELDS) for i in ids)
    return struct.pack("!HH", 2, 4 + len(body)) + body


def ipfix_data(template, first, n):
    """A set of n flows whose source addresses count up from first."""
    body = b"".join(struct.pack("!I4sHHBQQ", i, b"\x0a\0\0\2", 1024, 53, 17, 3, 300)
                    for i in range(first, first + n))
    return struct.pack("!HH", template, 4 + len(body)) + body


class Collecting(Heard):
    """flowtap collect on a port of the loopback that the kernel chose."""

    def __init__(self, case, *args, ready=True, **kw):
        self.port = free_port(socket.SOCK_DGRAM)
        self.s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        case.addCleanup(self.s.close)
        self.s.connect(("127.0.0.1", self.port))
        kw.setdefault("stdin", subprocess.DEVNULL)
        super().__init__(case, "collect", "-w1", "-l", f"netflow://127.0.0.1:{self.port}", *args, **kw)
        if ready:
            self.wait("memory budget")

    def flows(self, n, first):
        """Sends n flows, a multiple of 30."""
        for at in range(first, first + n, 30):
            self.s.send(v5(at))

    def stop(self, status=0):
        self.p.terminate()
        return self.ended(status)


def flow_id(event):
    """The number that v5() and ipfix_data() gave to a flow."""
    a, b, c, d = event["flow_key"]["src_ip"].split(".")
    return int(a) << 24 | int(b) << 16 | int(c) << 8 | int(d)


# ---- frames of compressed files ----

def gzip_frames(data):
    """End offsets of the whole members from the start on."""
    ends, at = [], 0
    while at < len(data):
        d = zlib.decompressobj(31)
        try:
            d.decompress(data[at:])
        except zlib.error:
            break
        if not d.eof:
            break
        at = len(data) - len(d.unused_data)
        ends.append(at)
    return ends


def zstd_frame(data, at):
    """The end of the frame that begins at an offset, or None (RFC 8878 section 3.1.1)."""
    try:
        magic, = struct.unpack_from("<I", data, at)
        if magic >> 4 == 0x184D2A5:  # skippable
            end = at + 8 + struct.unpack_from("<I", data, at + 4)[0]
            return end if end <= len(data) else None
        if magic != 0xFD2FB528:
            return None
        flags = data[at + 4]
        single, size_flag = flags >> 5 & 1, flags >> 6
        at += 5 + (0 if single else 1) + (0, 1, 2, 4)[flags & 3]
        at += (1 if single else 0, 2, 4, 8)[size_flag]
        last = False
        while not last:
            head = int.from_bytes(data[at:at + 3], "little")
            last, kind, size = head & 1, head >> 1 & 3, head >> 3
            at += 3 + (1 if kind == 1 else size)
            if at > len(data):
                return None
        at += 4 if flags & 4 else 0
        return at if at <= len(data) else None
    except (struct.error, IndexError):
        return None


def zstd_frames(data):
    """End offsets of the whole frames from the start on."""
    ends, at = [], 0
    while at < len(data):
        at = zstd_frame(data, at)
        if at is None:
            break
        ends.append(at)
    return ends


def line_ends(data):
    return [m.end() for m in re.finditer(b"\n", data)]


FRAMES = {"": line_ends, "gzip": gzip_frames, "zstd": zstd_frames}


def whole_part(path):
    """What a file holds up to its last whole line or frame: (bytes of the file, what they say)."""
    with open(path, "rb") as f:
        data = f.read()
    kind = {".gz": "gzip", ".zst": "zstd"}.get(os.path.splitext(path)[1], "")
    ends = FRAMES[kind](data)
    data = data[:ends[-1] if ends else 0]
    return data, unpacked(kind, data)


def unpacked(kind, data):
    """By another program than flowtap; every byte has to be good."""
    if kind == "" or not data:
        return data
    tool = ["zstd", "-dcq"] if kind == "zstd" else ["gzip", "-dcq"]
    return subprocess.run(tool, input=data, capture_output=True, check=True).stdout


# ---- disks ----

def private_mounts():
    """A mount namespace of our own, so that what is mounted goes with this process. False: not allowed."""
    libc = ctypes.CDLL(None, use_errno=True)
    return os.geteuid() == 0 and libc.unshare(CLONE_NEWNS) == 0 and libc.mount(
        b"none", b"/", None, MS_REC | MS_PRIVATE, None) == 0


def mount_tmpfs(path, size):
    """None, or why not."""
    r = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "none", path],
                       capture_output=True, text=True)
    return None if r.returncode == 0 else r.stderr.strip()


# ---- processes ----

def children(pid):
    """The processes that a process has started, and those that these have."""
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as f:
                found += [int(x) for x in f.read().split()]
    except (FileNotFoundError, ProcessLookupError):
        pass
    return found + [c for p in found for c in children(p)]


def gone(pid):
    """A process has ended; whether anybody has waited for it is not asked."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            return f.read().rsplit(")", 1)[1].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def status(pid):
    """/proc/PID/status as a mapping."""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def all_gone(pids, seconds=5):
    return wait_for(lambda: all(gone(p) for p in pids), seconds)
