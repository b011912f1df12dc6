# SPDX-License-Identifier: Apache-2.0
"""Nothing that comes from outside steers a terminal: names of interfaces and files, words of the command
line and of a configuration, in what is said and in what is listed."""
import json
import os
import subprocess
import sys

from support import FLOWTAP, SAMPLE, Case, main

# clears the screen, an 8-bit CSI (no UTF-8), a CSI in UTF-8, DEL, a line of its own, turns text around
EVIL = [b"a\033[2Jz", b"a\x9b2Jz", b"a\xc2\x9b2Jz", b"a\x7fz", b"a\nz", b"a\rz", "a\u202ez".encode(),
        "a\u2066z".encode(), "a\u2028z".encode(), "a\u061cz".encode(), b"a\xe2\x80z", b"a\xed\xa0\x80z"]
GOOD = "\u00e9\u4e2d\U0001f600"
BAD = [b"\033", b"\x9b", b"\x7f", b"\r", "\u202e".encode(), "\u2066".encode(), "\u2028".encode(),
       "\u061c".encode()]


class Terminal(Case):
    def clean(self, data, what):
        text = data.replace(GOOD.encode(), b"")
        text.decode()  # UTF-8
        for b in BAD:
            self.assertNotIn(b, text.replace("\u00e9".encode(), b""), what)

    def test_words(self):
        for evil in EVIL:
            path = os.fsencode(self.dir) + b"/" + evil
            with open(path + b".yaml", "wb") as f:
                f.write(b"events: \"" + evil.replace(b"\n", b"") + b"\"\n")
            for args in ([evil], ["help", evil], ["read", b"--" + evil], ["read", b"-\x9b"],
                         ["read", "--workers", evil, SAMPLE], ["read", b"--workers=" + evil, SAMPLE],
                         ["read", b"/nowhere/" + evil], ["read", SAMPLE, b"/nowhere/" + evil, "-o", "null:"],
                         ["live", evil], ["live", "-i", evil], ["collect", evil], ["collect", "-l", evil],
                         ["schema", evil], ["schema", "--format", evil], ["interfaces", evil],
                         ["read", "-c", path + b".yaml", SAMPLE], ["read", "-f", evil, SAMPLE],
                         ["read", "-o", evil, SAMPLE], ["read", "-o", b"ndjson:/nowhere/" + evil, SAMPLE],
                         ["read", "-o", b"csv:-?event=" + evil, SAMPLE]):
                r = subprocess.run([FLOWTAP, *args], capture_output=True, timeout=30)
                self.assertIn(r.returncode, (1, 2), args)
                self.assertNotEqual(r.stderr, b"", args)
                self.clean(r.stderr, args)
                self.assertTrue(all(line.startswith((b"flowtap: ", b"  ")) for line in r.stderr.splitlines()),
                                (args, r.stderr))

    def test_what_is_no_mischief_stays(self):
        r = subprocess.run([FLOWTAP, GOOD], capture_output=True)
        self.assertIn(f"there is no command '{GOOD}'".encode(), r.stderr)

    INSIDE = r"""
import os, subprocess, sys
flowtap, names = sys.argv[1], [bytes.fromhex(x) for x in sys.argv[2:]]
for k, name in enumerate(names):
    if subprocess.run(["ip", "link", "add", "name", name, "type", "veth", "peer", "name", f"p{k}"],
                      stderr=subprocess.DEVNULL).returncode != 0:
        sys.exit(77)
sys.stdout.flush()
subprocess.run([flowtap, "interfaces", *([] if os.environ.get("TABLE") else ["--json"])], check=True)
"""

    def test_interfaces(self):
        """Names of interfaces hold any byte but / : and (Latin-1's) spaces; columns stay columns."""
        names = [n for n in EVIL if not set(n) & set(b"\n\r\xa0")] + [GOOD.encode(), b"plain"]
        out = {}
        for table in "1", "":
            r = subprocess.run(["unshare", "--net", sys.executable, "-c", self.INSIDE, FLOWTAP,
                                *(n.hex() for n in names)], capture_output=True, timeout=30,
                               env={**os.environ, "TABLE": table})
            if r.returncode != 0:
                self.skipTest("cannot make interfaces")
            out[table] = r.stdout
        self.clean(out["1"], names)
        rows = out["1"].decode().splitlines()
        self.assertEqual(len(rows), 1 + 1 + 2 * len(names))  # the heads, lo, pairs
        for row in rows[1:]:
            self.assertIn(row[23:28].strip(), ("up", "down"), row)
        found = [i["name"] for i in json.loads(out[""])]
        for name in names:
            self.assertIn(name.decode("utf-8", "replace")[:2], [f[:2] for f in found])
        self.assertIn("a\033[2Jz", found)  # escaped in JSON, and whole
        self.assertNotIn(b"\033", out[""])


if __name__ == "__main__":
    main()
