# SPDX-License-Identifier: Apache-2.0
"""What is made from the option table, and what is installed."""
import json
import re
import shutil
import subprocess
import sys
import unittest

from support import BUILD, FLOWTAP, ROOT, SAMPLE, Case, main, run


def options(case):
    return json.loads(case.good("__dump-options", "json").stdout)


class Generated(Case):
    def test_forms(self):
        names = [o["name"] for o in options(self)]
        md = self.good("__dump-options", "md").stdout
        self.assertEqual([line.split("`")[1] for line in md.splitlines()[2:]],
                         [f"--{n}" for n in names])
        for line in md.splitlines():
            self.assertEqual(line.replace("\\|", "").count("|"), 6, line)
        man = self.good("__dump-options", "man").stdout
        self.assertEqual(man.count("\n.TP\n") + 1, len(names))
        self.wrong("__dump-options: man, bash, md, json, outputs-man, outputs-md or metrics-md", "__dump-options",
                   "html")

    def test_output_parameters(self):
        """One list: what is checked, and what help, man page and docs/outputs.md say."""
        rows = self.good("__dump-options", "outputs-md").stdout
        self.assertIn(rows, (ROOT / "docs/outputs.md").read_text())
        names = re.findall(r"^\| `(\w+)`", rows, re.M)
        self.assertIn("rotate", names)
        owned = re.findall(r"^\| `(\w+)` \|.*? \| ([a-z0-9, ]+) \|", rows, re.M)
        self.assertEqual(len(owned), len(set(owned)))
        text = self.good("read", "--help").stdout
        page = (BUILD / "flowtap.1").read_text()
        for n in names:
            self.assertRegex(text, rf"(?m)^  {n}=")
            self.assertIn(f".B {n}\\fR=", page)
            of = re.search(rf"^\| `{n}` \|.*? \| ([a-z0-9, ]+) \|", rows, re.M)[1]
            if n != "group":  # any text is a name
                bad = "" if n in ("columns", "profile", "dialect", "where", "ca", "cert", "key", "proxy", "credentials",
                                 "headers", "password", "token", "spool", "user", "field", "stream", "vector") else "!"
                head = (f"{of.split(',')[0]}:{self.dir}/x" if of.split(",")[0] in
                        ("csv", "pcap", "arrow", "avro", "copy", "ipfix", "sflow", "store") else
                        f"ndjson:{self.dir}/x" if of.split(",")[0] in ("every output", "files", "ndjson") else
                        f"ndjson+{of.split(',')[0]}://host/x")
                url = f"{head}?{n}={bad}"
                r = run("read", "-o", url, SAMPLE)
                self.assertEqual(r.returncode, 2, url)
                self.assertIn(f"{url}: {n}={bad}: allowed is ", r.stderr)
        self.wrong("--output ndjson:x?rotat=1h: there is no parameter 'rotat'; did you mean "
                   "rotate?", "read", "-o", "ndjson:x?rotat=1h", SAMPLE)
        self.wrong("--output ndjson:x?dialect=zeek: dialect= is for csv, arrow, parquet outputs", "read",
                   "-o", "ndjson:x?dialect=zeek", SAMPLE)
        self.wrong("--output ndjson:x?spreadsheet=safe: spreadsheet= is for csv outputs", "read",
                   "-o", "ndjson:x?spreadsheet=safe", SAMPLE)

    def test_features(self):
        """The tables of docs/features are the rows of the program."""
        pages = sorted((ROOT / "docs/features").glob("*.md"))
        self.assertTrue(pages)
        pages += [ROOT / "docs/windows.md", ROOT / "docs/detectors.md"]
        for page in pages:
            r = subprocess.run([sys.executable, "-B", ROOT / "scripts/features_md.py", FLOWTAP, page.stem],
                               capture_output=True, text=True, check=True)
            self.assertGreater(len(r.stdout.splitlines()), 2, page)
            self.assertTrue(page.read_text().endswith("-->\n\n" + r.stdout), f"{page}: scripts/features_md.py --write")

    def test_metrics(self):
        """docs/metrics.md is the table of the program; the runbook knows every metric."""
        rows = self.good("__dump-options", "metrics-md").stdout
        self.assertIn(rows, (ROOT / "docs/metrics.md").read_text())
        names = re.findall(r"^\| `(\w+)`", rows, re.M)
        self.assertEqual(len(names), len(set(names)))
        self.assertIn("flowtap_output_lag_seconds", names)
        runbook = (ROOT / "docs/runbook.md").read_text()
        self.assertEqual([n for n in names if f"`{n}`" not in runbook], [])

    @unittest.skipUnless(shutil.which("mandoc"), "mandoc is not installed")
    def test_man_page(self):
        page = BUILD / "flowtap.1"
        r = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", page], capture_output=True,
                           text=True)
        self.assertEqual((r.returncode, r.stdout + r.stderr), (0, ""))
        text = subprocess.run(["mandoc", "-T", "ascii", page], capture_output=True, text=True,
                              check=True).stdout
        text = re.sub(".\b", "", text)
        self.assertNotRegex(text, "[@%][A-Z_]+[@%]")
        for o in options(self):
            self.assertIn(f"--{o['name']}", text)
            for choice in filter(None, o["choices"].split("|")):
                self.assertIn(choice, text)

    @unittest.skipUnless(shutil.which("bash"), "bash is not installed")
    def test_completion(self):
        script = BUILD / "flowtap.bash"

        def complete(*words):
            line = " ".join(f"'{w}'" for w in words)
            r = subprocess.run(
                ["bash", "-uc", f"source '{script}'; COMP_WORDS=({line}); "
                 f"COMP_CWORD={len(words) - 1}; COMPREPLY=(); _flowtap; "
                 "printf '%s\\n' \"${COMPREPLY[@]}\""], capture_output=True, text=True)
            self.assertEqual((r.returncode, r.stderr), (0, ""), words)
            return r.stdout.split()
        self.assertEqual(subprocess.run(["bash", "-n", script]).returncode, 0)
        self.assertEqual(complete("flowtap", "re"), ["read"])
        for command in "live", "read":
            self.assertEqual(sorted(complete("flowtap", command, "--")),
                             sorted([f"--{o['name']}" for o in options(self) if o[command]]
                                    + ["--help"]))
        for o in options(self):
            if o["choices"]:
                self.assertEqual(complete("flowtap", "read", f"--{o['name']}", ""),
                                 o["choices"].split("|"))
        self.assertIn("lo", complete("flowtap", "live", "-i", ""))
        self.assertIn("any", complete("flowtap", "live", "--interface", "a"))


@unittest.skipUnless((BUILD / "cmake_install.cmake").exists() and shutil.which("cmake"),
                     "not in a build directory")
class Installed(Case):
    def test_install(self):
        prefix = self.dir / "usr"
        r = subprocess.run(["cmake", "--install", BUILD, "--prefix", prefix], capture_output=True,
                           text=True)
        self.assertEqual(r.returncode, 0, r.stderr)
        have = {str(p.relative_to(prefix)) for p in prefix.rglob("*") if p.is_file()}
        for path in ("bin/flowtap", "include/flowtap/pipeline.h", "share/man/man1/flowtap.1",
                     "share/bash-completion/completions/flowtap",
                     "lib/systemd/system/flowtap.service", "share/doc/flowtap/flowtap.yaml"):
            self.assertIn(path, have)
        self.assertTrue([p for p in have if p.endswith("/libflowtap.a")])
        headers = {p.name for p in (ROOT / "include/flowtap").iterdir()}
        self.assertEqual({p.split("/")[-1] for p in have if p.startswith("include/")}, headers)
        unit = (prefix / "lib/systemd/system/flowtap.service").read_text()
        self.assertNotRegex(unit, "@[A-Z_]+@")
        self.unit(re.sub("(?m)^ExecStart(Pre)?=", "#", unit))
        self.embed(prefix)

    def unit(self, text):
        if shutil.which("systemd-analyze") is None:
            return
        path = self.file("flowtap.service", text.replace("[Service]\n",
                                                         "[Service]\nExecStart=/bin/true\n"))
        r = subprocess.run(["systemd-analyze", "verify", "--man=no", path], capture_output=True,
                           text=True)
        ours = [line for line in r.stderr.splitlines() if "flowtap.service" in line]
        self.assertEqual(ours, [])

    def embed(self, prefix):
        """A program is built against what was installed, found through pkg-config."""
        if shutil.which("pkg-config") is None or shutil.which("cc") is None:
            return
        pc = next(prefix.rglob("flowtap.pc")).parent
        cache = (BUILD / "CMakeCache.txt").read_text()
        sanitize = [line.split("=", 1)[1] for line in cache.splitlines()
                    if line.startswith("FT_SANITIZE:")]
        flags = subprocess.run(
            ["pkg-config", "--static", "--cflags", "--libs", "--define-variable",
             f"prefix={prefix}", "flowtap"], capture_output=True, text=True, check=True,
            env={"PKG_CONFIG_PATH": str(pc), "PATH": "/usr/bin:/bin"}).stdout.split()
        extra = [f"-fsanitize={sanitize[0]}"] if sanitize and sanitize[0] else []
        subprocess.run(["cc", "-std=c11", "-Wall", "-Werror", "-o", self.dir / "embed",
                        ROOT / "examples/embed.c", *flags, *extra], check=True)


if __name__ == "__main__":
    main()
