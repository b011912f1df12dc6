# SPDX-License-Identifier: Apache-2.0
"""Which columns flow records have: -p, ?profile=, ?columns=, ?null=; what is wrong about them is said."""
import json
import re
import struct

from support import SAMPLE, Case, main, run

READ = ("read", "-w1", "--quiet", "-e", "flow")


def datagram():
    """One NetFlow v5 record in a capture of its own."""
    record = struct.pack("!4s4s4sHHIIIIHHBBBBHHBBH", bytes((192, 0, 2, 1)), bytes((198, 51, 100, 2)), b"\0" * 4, 1, 2,
                         10, 1000, 100, 200, 1234, 80, 0, 0x1b, 6, 0, 0, 0, 24, 24, 0)
    data = struct.pack("!HHIIIIBBH", 5, 1, 5000, 1719409371, 0, 0, 0, 0, 0) + record
    udp = struct.pack("!HHHH", 40000, 2055, 8 + len(data), 0) + data
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, bytes((192, 0, 2, 9)),
                     bytes((192, 0, 2, 10)))
    frame = b"\2\0\0\0\0\2\2\0\0\0\0\1\x08\0" + ip + udp
    return (struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1) +
            struct.pack("<IIII", 1719409371, 0, len(frame), len(frame)) + frame)


class Columns(Case):
    def lines(self, *args):
        return [json.loads(line) for line in self.good(*args).stdout.splitlines()]

    def test_profiles(self):
        """base is the default and always there; lists and repeated options add up, in any order."""
        same = [("-p", "base"), ("-p", "base,base"), ()]
        self.assertEqual(len({self.good(*READ, *p, SAMPLE).stdout for p in same}), 1)
        same = [("-p", "tcp,sizes"), ("-p", "sizes", "-p", "tcp"), ("-psizes,base,tcp",),
                ("-o", "ndjson:-?profile=tcp,sizes"), ("-p", "tunnel", "-o", "ndjson:-?profile=sizes,tcp")]
        self.assertEqual(len({self.good(*READ, *p, SAMPLE).stdout for p in same}), 1)
        self.assertEqual(self.good(*READ, "--app", SAMPLE).stdout, self.good(*READ, "-p", "app", SAMPLE).stdout)
        self.assertEqual(self.good(*READ, "-p", "all", SAMPLE).stdout,
                         self.good(*READ, "-p", "tunnel,tcp,sizes", SAMPLE).stdout)

    def test_configuration(self):
        """The same names in a file; the command line wins."""
        want = self.good(*READ, "-p", "tcp,sizes", SAMPLE).stdout
        for text in "profile: tcp,sizes\n", "profile: [sizes, tcp]\n", \
                    "output: ['ndjson:-?profile=sizes,tcp']\n":
            self.assertEqual(self.good(*READ, "-c", self.file("f.yaml", text), SAMPLE).stdout, want, text)
        self.assertEqual(self.good(*READ, "-c", self.file("f.yaml", "profile: app\n"), "-p", "tcp,sizes", SAMPLE).stdout,
                         want)
        path = self.file("f.yaml", "events: flow\nprofile: sises\n")
        self.wrong(f"{path}:2: profile: 'sises': there is no such profile; did you mean sizes?", "read", "-c", path,
                   SAMPLE)

    def test_flat(self):
        r = self.lines(*READ, "-o", "ndjson:-?columns=dst_ip,fwd_bytes,history,src_ip", SAMPLE)
        self.assertEqual(len(r), 15)
        for e in r:
            self.assertEqual(list(e), ["event_type", "dst_ip", "fwd_bytes", "history", "src_ip"])
        self.assertTrue(any(e["history"] for e in r))
        text = self.good(*READ, "-o", "csv:-?columns=dst_ip,fwd_bytes", SAMPLE).stdout.splitlines()
        self.assertEqual((len(text), text[0]), (16, "dst_ip,fwd_bytes"))
        self.assertEqual(text[1:], [f"{e['dst_ip']},{e['fwd_bytes']}" for e in r])

    def test_other_events_stay(self):
        """Of an output with chosen columns, only the flow records are flat."""
        out = self.lines("read", "-w1", "--quiet", "-e", "all", "-o", "ndjson:-?columns=src_ip", SAMPLE)
        plain = self.lines("read", "-w1", "--quiet", "-e", "sample", SAMPLE)
        self.assertEqual([e for e in out if e["event_type"] == "network_flow_sample"], plain)
        self.assertEqual({len(e) for e in out if e["event_type"] == "network_flow_record"}, {2})

    def test_omit(self):
        for e in self.lines("read", "-w1", "--quiet", "-e", "all", "-p", "all,app", "-o", "ndjson:-?null=omit", SAMPLE):
            if e["event_type"] != "pipeline_stats":
                self.assertNotIn("null", json.dumps(e))

    def test_collect(self):
        """Of exported records: the columns beside the features."""
        path = self.file("v5.pcap", datagram())
        args = ("collect", "--quiet", "-w1", "-l", f"pcap:{path}")
        self.assertEqual(self.lines(*args, "-o", "ndjson:-?columns=dst_ip,address,reason,byte_count"),
                         [{"event_type": "network_flow_record", "dst_ip": "198.51.100.2", "address": "192.0.2.9",
                           "reason": None, "byte_count": 1000}])
        self.assertEqual(self.good(*args, "-o", "csv:-?columns=dst_ip,features,byte_count").stdout,
                         "dst_ip,byte_count\n198.51.100.2,1000\n")
        plain = self.lines(*args)[0]
        self.assertIsNone(plain["reason"])
        del plain["reason"]
        for key in [k for k, v in plain.items() if v is None]:
            del plain[key]
        plain["exporter"] = {k: v for k, v in plain["exporter"].items() if v is not None}
        self.assertEqual(self.lines(*args, "-o", "ndjson:-?null=omit"), [plain])
        for what, message in (("columns=fwd_bytes", "columns=: 'fwd_bytes': there is no such column "
                               "(flowtap schema lists them)"),
                              ("profile=tcp", "profile= is for flow records of packets; exporters decide what "
                               "theirs hold")):
            self.wrong(f"error: output ndjson:-?{what}: {message}", *args, "-o", f"ndjson:-?{what}")
        self.wrong("error: csv:-?columns=features: columns=: objects have no place in CSV", *args, "-o",
                   "csv:-?columns=features")
        self.wrong("error: ndjson:-?schema=ecs&null=omit: schema= says what is written; columns=, profile= and null= "
                   "are for flowtap's own", *args, "-o", "ndjson:-?schema=ecs&null=omit")

    def test_wrong(self):
        text = self.good("read", "--help").stdout.split("\nProfiles of -p")[1].split("\n\n")[1]
        names = [*re.findall(r"(?m)^  (\S+)", text), "all"]
        self.assertEqual(names[:5], ["base", "sizes", "tcp", "tunnel", "app"])
        names = f"(there are: {', '.join(names)})"
        for message, *args in (
                ("--profile: 'tpc': there is no such profile; did you mean tcp?", "-p", "base,tpc"),
                (f"--profile: 'netflow': there is no such profile {names}", "-p", "netflow"),
                (f"--profile: '': there is no such profile {names}", "-p", ""),
                ("error: output ndjson:-?columns=scr_ip: columns=: 'scr_ip': there is no such column; did you mean "
                 "src_ip?", "-o", "ndjson:-?columns=scr_ip"),
                ("error: output csv:-?profile=tunel: profile=: 'tunel': there is no such profile; did you mean tunnel?",
                 "-o", "csv:-?profile=tunel"),
                ("error: output ndjson:-?columns=src_ip,src_ip: columns=: 'src_ip': is named twice",
                 "-o", "ndjson:-?columns=src_ip,src_ip"),
                ("error: output ndjson:-?columns=src_ip&profile=tcp: columns=, profile= or dialect=, one of them",
                 "-o", "ndjson:-?columns=src_ip&profile=tcp"),
                ("error: output csv:-?dialect=zeeek: dialect=: 'zeeek': there is no such tool; did you mean zeek?",
                 "-o", "csv:-?dialect=zeeek"),
                ("error: output csv:-?dialect=splt: dialect=: 'splt' is no profile that is named for a tool",
                 "-o", "csv:-?dialect=splt"),
                ("--output csv:-?null=omit: null= is for ndjson outputs", "-o", "csv:-?null=omit"),
                ("--output ndjson:-?null=0: null=0: allowed is omit", "-o", "ndjson:-?null=0"),
                ("--output ndjson:-?columns=: columns=: allowed is a list of names, with commas",
                 "-o", "ndjson:-?columns=")):
            self.wrong(message, *READ, *args, SAMPLE)
        for what in "columns=fwd_bytes", "profile=tcp":
            self.wrong(f"error: ndjson:-?{what}: columns=, profile= and dialect= are for flow records, and none go there: add "
                       "-e flow or event=flow", "read", "-o", f"ndjson:-?{what}", SAMPLE)

    def test_windows(self):
        """?columns= of an output that takes windows and nothing else are theirs; -p vector adds to all of theirs."""
        every = self.lines("read", "-w1", "--quiet", "-e", "window", "-p", "vector", SAMPLE)
        plain = self.lines("read", "-w1", "--quiet", "-e", "window", SAMPLE)
        self.assertEqual([{k: v for k, v in e.items() if k not in ("vector", "vector_id")} for e in every], plain)
        names = ["packets_in", "vector", "address", "observer_id"]
        want = [{"event_type": "window", **{n: e[n] for n in names}} for e in every]
        for args in ("-e", "window", "-o", "ndjson:-?columns=" + ",".join(names)), \
                ("-e", "window", "-p", "tcp", "-o", "ndjson:-?columns=" + ",".join(names)), \
                ("-o", "ndjson:-?event=window&columns=" + ",".join(names)):
            got = self.lines("read", "-w1", "--quiet", *args, SAMPLE)
            self.assertEqual([list(e.items()) for e in got], [list(e.items()) for e in want])
        text = self.good("read", "-w1", "--quiet", "-o", "csv:-?event=window&columns=entity,packets_in", SAMPLE).stdout
        self.assertEqual(text.splitlines(), ["entity,packets_in", *(f"{e['entity']},{e['packets_in']}" for e in every)])
        got = self.lines("read", "-w1", "--quiet", "-e", "window", "-o", "ndjson:-?profile=vector", SAMPLE)
        self.assertEqual(got, every)
        both = self.lines("read", "-w1", "--quiet", "-e", "flow,window", "-o", "ndjson:-?columns=fwd_bytes", SAMPLE)
        self.assertEqual([e for e in both if e["event_type"] == "window"], plain)
        self.wrong("error: output ndjson:-?columns=packets_ni: columns=: 'packets_ni': there is no such column; did you mean "
                   "packets_in?", "read", "-e", "window", "-o", "ndjson:-?columns=packets_ni", SAMPLE)

    def test_help(self):
        """Help and completion name the profiles that there are."""
        for text in self.good("__dump-options", "bash").stdout, self.good("__dump-options", "man").stdout:
            self.assertRegex(text, r"base.sizes.tcp.tunnel.*.all")
        r = run("read", "--help")
        for name in "base", "sizes", "tcp", "tunnel", "app":
            self.assertRegex(r.stdout, rf"(?m)^  {name} +\w")


if __name__ == "__main__":
    main()
