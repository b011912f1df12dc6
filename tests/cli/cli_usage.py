# SPDX-License-Identifier: Apache-2.0
"""Commands, options and what is said to a wrong command line."""
import json
import os
import subprocess

from support import ROOT, SAMPLE, Case, main, run


class Commands(Case):
    def test_alone(self):
        r = run()
        self.assertEqual((r.returncode, r.stdout), (2, ""))
        self.assertIn("usage: flowtap COMMAND", r.stderr)

    def test_help(self):
        r = self.good("--help")
        self.assertEqual(r.stderr, "")
        for command in "live", "read", "collect", "interfaces", "schema", "help":
            self.assertRegex(r.stdout, rf"(?m)^  {command} ")
            self.assertEqual(self.good("help", command).stdout, self.good(command, "--help").stdout)
        self.assertNotIn("__dump", r.stdout)
        self.assertEqual(self.good("help").stdout, r.stdout)

    def test_help_lists_every_option_of_the_command(self):
        options = json.loads(self.good("__dump-options", "json").stdout)
        for command in "live", "read", "collect":
            text = self.good("help", command).stdout
            for o in options:
                self.assertEqual(f"--{o['name']}" in text.split(), o[command], o["name"])
            self.assertLessEqual(max(map(len, text.splitlines())), 96)
            self.assertNotRegex(text, r"(?m) $")

    def test_version(self):
        want = (ROOT / "CMakeLists.txt").read_text().split("project(flowtap VERSION ")[1].split()[0]
        r = self.good("--version")
        self.assertEqual(r.stdout.splitlines()[0], f"flowtap {want}")
        self.assertRegex(r.stdout.splitlines()[1], r"^features: ")

    def test_unknown_command(self):
        self.wrong("there is no command 'gather'; there are: live read collect label check interfaces "
                   "schema spool merge query mcp serve fit help", "gather")
        self.wrong("there is no command 'nope'", "help", "nope")

    def test_interfaces(self):
        found = json.loads(self.good("interfaces", "--json").stdout)
        keys = ["index", "name", "addresses", "link_type", "state", "description"]
        names = os.listdir("/sys/class/net")
        for i in found:
            self.assertEqual(list(i), keys)
            self.assertIn(i["state"], ("up", "down"))
            with open(f"/sys/class/net/{i['name']}/ifindex") as f:
                self.assertEqual(i["index"], int(f.read()))
        self.assertTrue({i["name"] for i in found} <= set(names))
        self.assertIn("lo", [i["name"] for i in found])
        text = self.good("interfaces").stdout
        for i in found:
            self.assertRegex(text, rf"(?m)^ *{i['index']}  {i['name']} ")
        self.wrong("interfaces: '--jsno': allowed is --json", "interfaces", "--jsno")
        self.good("interfaces", "--help")

    def test_schema(self):
        self.assertEqual(self.good("schema").stdout, self.good("schema", "--format=markdown").stdout)
        json.loads(self.good("schema", "--format", "json-schema").stdout)
        for form in "csv", "clickhouse", "postgres", "arrow", "avro", "protobuf":
            self.assertGreater(len(self.good("schema", "--format", form).stdout), 500)
            for profile in "all", "nprint", "netfound": # every type of column
                self.assertNotIn("(null)", self.good("schema", "--format", form, "-p", profile).stdout)
        r = run("schema", "--format", "nope")
        self.assertEqual((r.returncode, r.stdout), (2, ""))
        self.assertIn("'nope': allowed is markdown, json-schema, arrow, clickhouse, postgres, avro, protobuf or "
                      "csv", r.stderr)
        self.wrong("schema: '--format': allowed are --format FORMAT, --profile LIST and --no-identity", "schema",
                   "--format")
        self.wrong("schema: --profile: 'tcpp': there is no such profile; did you mean tcp?", "schema",
                   "-p", "tcpp")
        for how in ["-p", "tcp"], ["-ptcp"], ["--profile=tcp"], ["--profile", "base,tcp"]:
            self.assertEqual(self.good("schema", "-p", "tcp,base").stdout,
                             self.good("schema", *how).stdout)

    def test_stdout_full(self):
        for args in ["--version"], ["--help"], ["help", "read"], ["interfaces"], ["schema"]:
            with open("/dev/full", "w") as full:
                r = run(*args, stdout=full, stderr=subprocess.PIPE)
            self.assertEqual((r.returncode, r.stderr),
                             (1, "flowtap: error: stdout: No space left on device\n"), args)


class Options(Case):
    def test_wrong(self):
        number = "allowed is a whole number from"
        for message, *args in (
            (f"--workers: '0': {number} 1 to 128", "read", "--workers", "0", "x"),
            (f"--workers: '129': {number} 1 to 128", "read", "-w129", "x"),
            (f"--workers: '-1': {number} 1 to 128", "read", "--workers=-1", "x"),
            (f"--queue: '16k': {number} 64 to 16777216", "read", "-q", "16k", "x"),
            ("--events: 'flow,counter': allowed is sample|flow|stats|window|alert|all, several with commas",
             "read", "-e", "flow,counter", "x"),
            ("--output: a value is missing (URL)", "read", "x", "-o"),
            ("--worker: there is no such option; did you mean workers?",
             "read", "--worker", "2", "x"),
            ("--idle: there is no such option; did you mean idle-timeout?",
             "read", "--idle=2", "x"),
            ("-Z: there is no such option", "read", "-Z", "x"),
            ("--interface: is not an option of 'read'", "read", "-i", "lo", "x"),
            ("--quiet: 'maybe': allowed is true or false", "read", "--quiet=maybe", "x"),
            ("flags cannot be put together with other options", "read", "-vw2", "x"),
            ("--config: may be given once", "read", "-c", "a", "-c", "b", "x"),
            ("live: 'eth0' is not expected; an interface is named with -i", "live", "eth0"),
            ("--output 'flows.json' has no format: write ndjson:flows.json, csv:flows.json or "
             "null:", "read", "-o", "flows.json", "x"),
            ("an input has no name", "read", ""),
        ):
            self.wrong(message, *args)
        r = run("read")
        self.assertEqual(r.returncode, 2)
        self.assertIn("read: name a capture file, or - for stdin", r.stderr)

    def test_forms(self):
        """Every way to write an option means the same."""
        want = self.good("read", "--quiet", "-e", "flow", "-w", "1", SAMPLE).stdout
        self.assertEqual(want.count("\n"), 15)
        for args in (["-eflow", "-w1"], ["--events=flow", "--workers=1"],
                     ["--events", "flow", "--workers", "1"], ["-w", "2", "-e", "flow", "-w", "1"]):
            self.assertEqual(self.good("read", *args, "--quiet", SAMPLE).stdout, want)
            self.assertEqual(self.good("read", SAMPLE, *args, "--quiet=true").stdout, want)

    def test_words_after_two_dashes_are_files(self):
        os.symlink(SAMPLE, self.dir / "--quiet")
        r = self.good("read", "-w1", "-o", "null:", "--", "--quiet", cwd=self.dir)
        self.assertIn("packets received", r.stderr)
        self.assertEqual(run("read", "-w1", "--", "-v", cwd=self.dir).returncode, 1)

    def test_missing_file_is_not_usage(self):
        r = run("read", self.dir / "none.pcap")
        self.assertEqual(r.returncode, 1)
        self.assertIn("none.pcap: No such file or directory", r.stderr)

    def test_unknown_interface(self):
        r = run("live", "-i", "nonesuch0")
        self.assertEqual(r.returncode, 1)
        self.assertIn("nonesuch0", r.stderr)


class Configuration(Case):
    def test_wrong(self):
        path = self.file("f.yaml", "queue: 64\nworkers: 3000\n")
        self.wrong(f"{path}:2: workers: '3000': allowed is a whole number from 1 to 128",
                   "read", "-c", path, SAMPLE)
        path = self.file("f.yaml", "output: [flows]\n")
        self.wrong(f"{path}:1: output 'flows' has no format: write ndjson:flows, csv:flows or "
                   "null:", "read", "-c", path, SAMPLE)
        path = self.file("f.yaml", "idle: 2\n")
        self.wrong(f"{path}:1: idle: there is no such option; did you mean idle-timeout?",
                   "read", "-c", path, SAMPLE)
        self.wrong("config: /nonesuch: No such file or directory", "read", "-c/nonesuch", SAMPLE)

    def test_command_line_wins(self):
        path = self.file("f.yaml", "events: flow\nworkers: 1\nquiet: true\nmax-flows: 4\n")
        self.assertEqual(self.good("read", "-c", path, SAMPLE).stdout,
                         self.good("read", "--quiet", "-eflow", "-w1", "--max-flows=4", SAMPLE).stdout)
        # wherever -c stands
        for args in (["-c", path, "-e", "sample"], ["-e", "sample", "-c", path]):
            out = self.good("read", *args, SAMPLE).stdout
            self.assertEqual(out.count('"network_flow_sample"'), out.count("\n"))
            self.assertEqual(out.count("\n"), 116)

    def test_shipped_example(self):
        """packaging/flowtap.yaml is what it says it is."""
        text = (ROOT / "packaging/flowtap.yaml").read_text()
        where = self.dir / "flows"
        path = self.file("f.yaml", text.replace("/var/log/flowtap/flows", str(where)))
        self.good("read", "-c", path, "--no-sandbox", SAMPLE)
        self.assertTrue(list(self.dir.glob("flows*")))


if __name__ == "__main__":
    main()
