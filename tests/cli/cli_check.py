# SPDX-License-Identifier: Apache-2.0
"""flowtap check: every mistake of a configuration with its line; nothing is opened or written."""
from support import ROOT, SAMPLE, Case, main, run


class Check(Case):
    def check(self, text, *args, before=(), status=None, **kw):
        """The messages about a file of this text, without "flowtap: " and the file's name."""
        path = self.file("f.yaml", text)
        was = sorted(p.name for p in self.dir.iterdir())
        r = run("check", *before, "-c", path, *args, cwd=self.dir, **kw)
        self.assertEqual(sorted(p.name for p in self.dir.iterdir()), was, "something was written")
        lines = [x.removeprefix("flowtap: ").removeprefix("error: ").replace(path, "F") for x in r.stderr.splitlines()]
        self.assertEqual(r.returncode, (2 if lines else 0) if status is None else status, r.stderr)
        if not lines:
            self.assertRegex(r.stdout, r"^.*f\.yaml: right, for '(live|read|collect)'\n$")
        return lines

    def test_right(self):
        for text in ("", "events: flow\noutput: ndjson:x\n", "interface: eth77\nfilter: tcp port 5\nmetrics: ':0'\n",
                     "output: [ndjson:x.json?rotate=1h&compress=zstd, csv:y.csv, parquet:z.parquet, 'null:']\n"
                     "events: flow\nprofile: [base, cic]\nwhere: dst_port=443\n",
                     f"labels: {self.dir}/labels.csv\nevents: flow\noutput: ndjson:x?profile=label\n"):
            self.file("labels.csv", "start,end,attacker,victim,label,attack\n" if "labels" in text else "")
            if "labels" in text and run("read", "--labels", self.dir / "labels.csv", "-o", "null:", SAMPLE).returncode:
                continue  # of that file's form other tests know
            self.assertEqual(self.check(text), [], text)

    def test_the_example(self):
        text = (ROOT / "packaging/flowtap.yaml").read_text().replace("/var/log/flowtap", str(self.dir))
        self.assertEqual(self.check(text), [])

    def test_kinds(self):
        """The command that a file is for is the one that takes it, unless it is named."""
        for text, kind in (("events: flow\n", "live"), ("interface: lo\n", "live"),
                           ("allow: 10.0.0.0/8\n", "collect"), ("listen: sflow://127.0.0.1:1\n", "collect")):
            path = self.file("f.yaml", text)
            self.assertEqual(self.good("check", "-c", path).stdout, f"{path}: right, for '{kind}'\n")
        self.assertEqual(self.check("allow: 10.0.0.0/8\n", before=("live",)),
                         ["F:1: allow: is not an option of 'live'", "F: 1 thing is wrong"])
        self.assertEqual(self.check("events: flow\n", SAMPLE, before=("read",)), [])
        self.assertEqual(self.check("events: flow\n", self.dir / "no.pcap", before=("read",)),
                         [f"{self.dir}/no.pcap: No such file or directory", "F: 1 thing is wrong, for 'read'"])

    def test_all_that_is_wrong(self):
        """Whatever YAML says in the wrong place, what stands behind is still looked at."""
        self.assertEqual(self.check(
            "events: flow\noutput:\n  - ndjson:y.json?rotat=1h\n  - {a: [b, {c: d}]}\n  - [ndjson:x]\n  - ndjson:z\n"
            "idle-timeout: -3\nidel-timeout: [1, {a: 2}]\nmax-flows:\n  a: [b]\n? [x]\n: 1\n"), [
                "F:3: output ndjson:y.json?rotat=1h: there is no parameter 'rotat'; did you mean rotate?",
                "F:4: a list holds something else than plain values",
                "F:5: a list holds something else than plain values",
                "F:7: idle-timeout: '-3': allowed is a number of seconds from 0.001 to 2592000",
                "F:8: idel-timeout: there is no such option; did you mean idle-timeout?",
                "F:10: max-flows: allowed is one plain value",
                "F:11: expected one mapping of option names to values"])
        self.assertEqual(self.check("events: flow\nevents: flow\nquiet: ~\nconfig: x\nstats: !!int 5\nqueue: &a 100\n"
                                    "workers: *a\n"), [
            "F:2: events: stands here twice", "F:3: quiet: a value is missing (true or false)",
            "F:4: config: belongs on the command line", "F:5: tags are not used here", "F:6: anchors are not used here",
            "F:7: workers: allowed is one plain value", "F: 6 things are wrong"])
        self.assertEqual(self.check("events: flow\nidle-timeout: x\nquiet: 'no\n")[:1],
                         ["F:2: idle-timeout: 'x': allowed is a number of seconds from 0.001 to 2592000"])

    def test_the_whole(self):
        """What only the whole tells: columns, formats, files, folders, expressions."""
        self.assertEqual(self.check(
            "events: flow\noutput:\n  - ndjson:/nowhere/x\n  - npy:-\n  - ndjson:x.json?where=dst_port=1&event=stats\n"
            "  - ndjson+s3://b/k?region=x&credentials=@/nofile\nanonymize: /nokey\nlabels: /nolabels\nfilter: tcp porrt 5\n"), [
                'F:9: filter "tcp porrt 5": can\'t parse filter expression: syntax error',
                "F:7: anonymize: /nokey: No such file or directory", "F:8: labels: /nolabels: No such file or directory",
                "F:3: /nowhere/x: No such file or directory",
                "F:4: output npy:-: npy needs a file",
                "F:5: ndjson:x.json?where=dst_port=1&event=stats: where= is for flow records, and none go there: add -e flow "
                "or event=flow", "F:6: /nofile: No such file or directory", "F: 7 things are wrong, for 'live'"])
        self.assertEqual(self.check("output: csv:x.csv?columns=nonsuch\nevents: flow\n")[0],
                         "F:1: output csv:x.csv?columns=nonsuch: columns=: 'nonsuch': there is no such column "
                         "(flowtap schema lists them)")
        self.assertEqual(self.check("listen: pcap:/nofile\nallow: 1.2.3\nstate: /a/b/c\n"), [
            "F:1: /nofile: No such file or directory",
            "F:2: allow: '1.2.3': allowed are addresses and prefixes like 10.0.0.0/8, 2001:db8::/32, at most 256",
            "F:3: /a/b/c: No such file or directory", "F: 3 things are wrong, for 'collect'"])

    def test_command_line(self):
        self.assertEqual(self.check("events: flow\n", "-o", "ndjson:/nodir/x"),
                         ["--output: /nodir/x: No such file or directory", "F: 1 thing is wrong, for 'live'"])
        self.wrong("check: -c FILE is missing", "check")
        self.wrong("check: -c FILE is missing", "check", "live")
        self.wrong("config: /nofile: No such file or directory", "check", "-c", "/nofile")
        self.assertIn("usage: flowtap check", self.good("check", "--help").stdout)


if __name__ == "__main__":
    main()
