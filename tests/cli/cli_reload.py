# SPDX-License-Identifier: Apache-2.0
"""SIGHUP: the configuration is loaded again while it runs. Outputs come and go, and each record is in the account of those
that were there, once; what is wrong changes nothing."""
import http.client
import http.server
import json
import os
import pathlib
import re
import signal
import socket
import struct
import threading
import time
import unittest

from support import SAMPLE, Case, free_port, main, run, wait_for

FEATURES = run("--version").stdout
SANITIZED = "sanitizer" in run("read", "-v", "-o", "null:", SAMPLE).stderr  # there is no filter then


def v5(number, count=1):
    """A NetFlow v5 datagram with records that have a number each, in their ports."""
    head = struct.pack("!HHIIIIBBH", 5, count, 100000, 1719409371, 0, number, 0, 0, 0)
    return head + b"".join(
        struct.pack("!4s4s4sHHIIIIHHBBBBHHBBH", bytes((192, 0, 2, 1)), bytes((192, 0, 2, 2)), b"\0" * 4, 1, 2, 1, 100,
                    1000, 2000, i >> 16, i & 0xFFFF, 0, 0x18, 6, 0, 0, 0, 0, 0, 0)
        for i in range(number, number + count))


def number_of(record):
    return record["flow_key"]["src_port"] << 16 | record["flow_key"]["dst_port"]


def records(path):
    """The flow records of a file of lines, whose last one may not be whole yet."""
    events = [json.loads(line) for line in pathlib.Path(path).read_text().rpartition("\n")[0].splitlines()]
    return [e for e in events if e["event_type"] == "network_flow_record"]


class Sender(threading.Thread):
    """Sends numbered records until it is told to end; not faster than they are taken."""

    def __init__(self, port, pause=0.002):
        super().__init__(daemon=True)
        self.to, self.pause, self.sent, self.over = ("127.0.0.1", port), pause, 0, False
        self.s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def run(self):
        while not self.over:
            self.s.sendto(v5(self.sent, 10), self.to)
            self.sent += 10
            time.sleep(self.pause)

    def end(self):
        self.over = True
        self.join()
        self.s.close()


class Reloading(Case):
    def setUp(self):
        super().setUp()
        self.port = free_port(socket.SOCK_DGRAM)
        self.config, self.err = self.dir / "flowtap.yaml", self.dir / "err"
        self.p = None

    def write(self, *outputs, **more):
        rows = {"listen": f"netflow://127.0.0.1:{self.port}", "stats": 0, **more}
        text = "".join(f"{k.replace('_', '-')}: {json.dumps(v)}\n" for k, v in rows.items())
        text += "".join(["output:\n"] + [f"  - {json.dumps(str(o))}\n" for o in outputs])
        new = self.dir / "new.yaml"
        new.write_text(text)
        os.replace(new, self.config)  # as editors do

    def begin(self, *args, command="collect"):
        with open(self.dir / "out", "w") as out, open(self.err, "w") as err:
            self.p = self.started(command, "-c", self.config, *args, stdout=out, stderr=err)
        self.assertTrue(wait_for(lambda: self.said("memory budget") == 1 and self.catches_hup()), self.err.read_text())

    def catches_hup(self):
        """From here on a hangup does not end it, and there is a pipeline to hear of it: its threads run."""
        status = pathlib.Path(f"/proc/{self.p.pid}/status").read_text()
        return int(re.search(r"Threads:\s+(\d+)", status)[1]) > 2

    def said(self, what):
        return self.err.read_text().count(what)

    def hangup(self, what, seconds=20):
        """A hangup, and its answer, which is one of what."""
        before = self.said(what)
        self.p.send_signal(signal.SIGHUP)
        self.assertTrue(wait_for(lambda: self.said(what) > before, seconds), self.err.read_text())

    def arrives(self, number, path):
        """Sends a record until it is there: workers take up what was loaded within a second."""
        return wait_for(lambda: self.send(number) or (path.exists() and number in [number_of(r) for r in records(path)]))

    def stop(self, status=0):
        self.p.send_signal(signal.SIGTERM)
        self.p.wait(30)
        self.assertEqual(self.p.returncode, status, self.err.read_text())

    def send(self, number):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(v5(number), ("127.0.0.1", self.port))


class Outputs(Reloading):
    def test_come_and_go(self):
        """While records come, outputs are added and taken out again and again: one that stays misses none, and each
        stretch of the others is without a gap."""
        stays, comes = self.dir / "stays.ndjson", self.dir / "comes.ndjson"
        self.write(f"ndjson:{stays}")
        self.begin("-w", "2")
        sender = Sender(self.port)
        sender.start()
        for i in range(6):
            self.write(f"ndjson:{stays}", f"ndjson:{comes}?append=true")
            self.hangup("was loaded again: outputs: 1 go on, 1 added, 0 taken out")
            time.sleep(0.05)
            self.write(f"ndjson:{stays}")
            self.hangup("was loaded again: outputs: 1 go on, 0 added, 1 taken out")
            self.assertTrue(wait_for(lambda: self.said("comes.ndjson?append=true: taken out: ") == i + 1),
                            self.err.read_text())
        sender.end()
        self.assertTrue(wait_for(lambda: len(records(stays)) == sender.sent), (len(records(stays)), sender.sent))
        self.stop()
        numbers = [number_of(r) for r in records(stays)]
        self.assertEqual(sorted(numbers), list(range(sender.sent)))
        # several stretches, each of which is whole: what is told as written is what is there
        there = sorted(number_of(r) for r in records(comes))
        self.assertEqual(len(set(there)), len(there))
        told = [int(n) for n in re.findall(r"taken out: (\d+) events written, 0 dropped, 0 lost", self.err.read_text())]
        self.assertEqual((len(told), sum(told)), (6, len(there)))
        gaps = sum(1 for a, b in zip(there, there[1:]) if b != a + 1)
        self.assertTrue(0 < len(there) < sender.sent and gaps <= 5 * 2, (gaps, len(there), sender.sent))

    def test_account(self):
        """Numbers of outputs are theirs: one that is taken out leaves those of the others as they were."""
        if "libmicrohttpd" not in FEATURES:
            self.skipTest("built without libmicrohttpd")
        a, b = self.dir / "a.ndjson", self.dir / "b.csv"
        self.write(f"ndjson:{a}", f"csv:{b}", metrics=":0")
        self.begin()
        self.assertTrue(wait_for(lambda: self.said("metrics: ") == 1))
        port = int(re.search(r"http://127\.0\.0\.1:(\d+)/metrics", self.err.read_text())[1])

        def value(name):
            c = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            c.request("GET", "/metrics")
            found = re.search(rf"^{re.escape(name)} (\S+)$", c.getresponse().read().decode(), re.M)
            c.close()
            return found and float(found[1])

        def written(index, output):
            return value(f'flowtap_output_events_written_total{{index="{index}",output="{output}",event="flow"}}')

        self.send(1)
        self.assertTrue(wait_for(lambda: written(1, f"csv:{b}") == 1 and written(0, f"ndjson:{a}") == 1))
        self.write(f"csv:{b}", "null:", metrics=":0")
        self.hangup("was loaded again: outputs: 1 go on, 1 added, 1 taken out")
        self.assertTrue(wait_for(lambda: self.said("a.ndjson: taken out: 1 events written") == 1))
        self.send(2)
        self.assertTrue(wait_for(lambda: written(1, f"csv:{b}") == 2 and written(2, "null:") == 1))
        self.assertIsNone(written(0, f"ndjson:{a}"))
        self.write("ndjson:/there/is/no/such/folder/x", metrics=":0")
        self.hangup("the configuration stays as it was: ")
        self.assertEqual((value("flowtap_config_reloads_total"), value("flowtap_config_reloads_refused_total")), (1, 1))
        self.stop()

    def test_stuck(self):
        """An output that holds up the workers, since its receiver is away, goes when it is taken out."""
        out = self.dir / "out.ndjson"
        self.write(f"ndjson+tcp://127.0.0.1:{free_port()}?overflow=block&queue=256KB", f"ndjson:{out}", drain_timeout=1)
        self.begin("-w", "1")
        sender = Sender(self.port)
        sender.start()
        time.sleep(1)
        self.write(f"ndjson:{out}", drain_timeout=1)
        self.hangup("was loaded again: outputs: 1 go on, 0 added, 1 taken out")
        self.assertTrue(wait_for(lambda: self.said("taken out: 0 events written") == 1), self.err.read_text())
        before = len(records(out))
        self.assertTrue(wait_for(lambda: len(records(out)) > before))
        sender.end()
        self.stop(1)  # what it was to keep is lost
        self.assertEqual(self.said(": lost "), 1, self.err.read_text())

    def test_files_of_all_kinds(self):
        """Formats that end their files, in folders that were not there at the start."""
        self.write("null:", f"ndjson:{self.dir}/first.ndjson")
        self.begin()
        for i in range(3):
            folder = self.dir / f"folder{i}"
            folder.mkdir()
            self.write(f"parquet:{folder}/a.parquet", f"arrow:{folder}/a.arrow?event=flow", f"npy:{folder}/a.npy",
                       f"ndjson:{folder}/h.ndjson?hive=hour", f"ndjson:{folder}/lines.ndjson")
            self.hangup("5 added")
            self.assertTrue(self.arrives(i, folder / "lines.ndjson"))
            self.assertTrue(wait_for(lambda: self.said(": taken out: ") == 2 + 5 * i))
            self.assertEqual(len(list(folder.glob("date=*/hour=*/h.ndjson"))), 1, list(folder.rglob("*")))
        self.write("null:")
        self.hangup("1 added, 5 taken out")
        self.assertTrue(wait_for(lambda: self.said(" 0 dropped, 0 lost, 0 spooled") == 17), self.err.read_text())
        self.stop()
        for i in range(3):
            folder = self.dir / f"folder{i}"
            self.assertEqual((folder / "a.parquet").read_bytes()[-4:], b"PAR1")
            self.assertTrue((folder / "a.npy.json").exists() or (folder / "a.npy").exists())

    def test_receivers(self):
        """Each kind of receiver can be added to a run that has one of its kind; none of them is there."""
        kinds = {"ndjson+tcp://127.0.0.1:1%s": "", "ndjson+unix:/there/is%s": "", "ndjson+tls://127.0.0.1:1%s?ca={ca}": "libssl",
                 "ndjson+http://127.0.0.1:1/%s": "curl", "ndjson+https://127.0.0.1:1/%s?ca={ca}": "curl",
                 "arrow+s3://bucket/key%s?endpoint=http://127.0.0.1:1&credentials=@{secret}": "curl",
                 "kafka://127.0.0.1:1/topic%s": "built without" if SANITIZED else "rdkafka", "rediss://127.0.0.1:1/stream%s?ca={ca}": "hiredis",
                 "natss://127.0.0.1:1/subject%s?ca={ca}": "nats",
                 "postgres://127.0.0.1:1/base/table%s?tls=require&ca={ca}": "pq"}
        secret = self.file("secret", "AKID:" + "x" * 20)
        ca = "/etc/ssl/certs/ca-certificates.crt"
        if not os.access(ca, os.R_OK):
            self.skipTest("there are no authorities")
        kinds = [k.replace("{secret}", secret).replace("{ca}", ca) for k, feature in kinds.items() if feature in FEATURES.lower()]

        for some in kinds[:5], kinds[5:]:
            outputs = [[k.replace("127.0.0.1:1%s", f"127.0.0.1:{n}").replace("%s", str(n)) for k in some] + ["null:"]
                       for n in (1, 2)]
            self.write(*outputs[0], drain_timeout=0.2)
            self.begin()
            self.write(*outputs[1], drain_timeout=0.2)
            self.hangup(f"was loaded again: outputs: 1 go on, {len(some)} added, {len(some)} taken out", 30)
            self.assertTrue(wait_for(lambda: self.said(": taken out: ") == len(some)), self.err.read_text())
            self.stop()

    def test_live(self):
        """The same of packets."""
        try:
            socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
        except (OSError, AttributeError):
            self.skipTest("no privilege to capture")
        a, b = self.dir / "a.ndjson", self.dir / "b.ndjson"
        text = "interface: lo\nfilter: udp dst port %d\nworkers: 2\nevents: sample\nstats: 0\n" % self.port
        self.config.write_text(text + f"output: ['ndjson:{a}']\n")
        self.begin(command="live")
        sender = Sender(self.port)
        sender.start()
        for i in range(4):
            self.config.write_text(text + f"sample: {1 + i % 2}\noutput: ['ndjson:{a}', 'ndjson:{b}?mode=0600']\n")
            self.hangup("1 added")
            self.assertTrue(wait_for(lambda: b.exists() and b.stat().st_size > 0))
            self.config.write_text(text + f"output: ['ndjson:{a}']\n")
            self.hangup("1 taken out")
            self.assertTrue(wait_for(lambda: self.said("mode=0600: taken out") == i + 1), self.err.read_text())
        sender.end()
        self.stop()
        n = len(a.read_text().splitlines())
        self.assertTrue(0 < n <= sender.sent // 10, (n, sender.sent))
        self.assertTrue(0 < b.read_text().count("\n") + sum(
            p.read_text().count("\n") for p in self.dir.glob("b-*.ndjson")))

    def test_live_sflow(self):
        """sFlow comes and goes where the run began with frames in mind: samples, and counters at once."""
        try:
            socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
        except (OSError, AttributeError):
            self.skipTest("no privilege to capture")
        receivers = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        for r in receivers:
            self.addCleanup(r.close)
            r.bind(("127.0.0.1", 0))
            r.settimeout(0.2)
        a, b = ("sflow+udp://127.0.0.1:%d?counters=1" % r.getsockname()[1] for r in receivers)
        text = "interface: lo\nfilter: udp dst port %d\nworkers: 1\nevents: sample\nstats: 0\n" % self.port
        self.config.write_text(text + f"output: ['{a}']\n")
        self.begin(command="live")
        self.assertTrue(self.sampled(receivers[0], 1), self.err.read_text())
        self.config.write_text(text + f"sample: 2\noutput: ['{a}', '{b}']\n")
        self.hangup("outputs: 1 go on, 1 added, 0 taken out")
        self.assertTrue(self.sampled(receivers[1], 2) and self.sampled(receivers[0], 2), self.err.read_text())
        self.config.write_text(text + f"output: ['{b}']\n")
        self.hangup("outputs: 1 go on, 0 added, 1 taken out")
        self.assertTrue(self.sampled(receivers[1], 1), self.err.read_text())
        self.stop()
        self.config.write_text(text + f"output: ['ndjson:{self.dir}/x']\n")
        self.begin(command="live")
        self.config.write_text(text + f"output: ['ndjson:{self.dir}/x', '{b}']\n")
        self.hangup("outputs ask for columns, or packets, that this run does not keep")
        self.stop()

    def sampled(self, receiver, rate):
        """Does it get flow samples of that rate, and counters, of loopback?"""
        found = set()

        def look():
            self.send(1)
            try:
                d = receiver.recv(65535)
            except socket.timeout:
                return False
            tag, _, _, source, n = struct.unpack("!5I", d[28:48])
            found.add((tag, source, n if tag == 1 else 0))
            return {(1, 1, rate), (2, 1, 0)} <= found
        return wait_for(look)


@unittest.skipUnless("libcurl" in FEATURES, "built without libcurl")
class Secrets(Reloading):
    def test_token(self):
        """A token that was changed in its file is used from then on; the old output is written out with the old one."""
        got, lock = [], threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with lock:
                    got.extend((self.headers["Authorization"], number_of(json.loads(line))) for line in body.splitlines())
                self.send_response(200)
                self.end_headers()

            def log_message(self, *args):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        token = self.dir / "token"
        token.write_text("one\n")
        token.chmod(0o600)
        url = f"ndjson+http://127.0.0.1:{server.server_port}/x?token=@{token}"
        self.write(url)
        self.begin()
        self.send(1)
        self.assertTrue(wait_for(lambda: ("Bearer one", 1) in got), (got, self.err.read_text()))
        self.hangup("outputs: 1 go on, 0 added, 0 taken out")
        token.write_text("two\n")
        self.hangup("outputs: 0 go on, 1 added, 1 taken out")
        self.assertTrue(wait_for(lambda: self.send(2) or ("Bearer two", 2) in got), (got, self.err.read_text()))
        token.unlink()
        self.hangup(f"the configuration stays as it was: {self.config}:4: ")
        self.send(3)
        self.assertTrue(wait_for(lambda: ("Bearer two", 3) in got), got)
        self.stop()
        server.shutdown()
        server.server_close()
        self.assertEqual({n for _, n in got}, {1, 2, 3})
        self.assertEqual(got[-1], ("Bearer two", 3))
        self.assertNotIn("Bearer", self.err.read_text())

    def test_text(self):
        """Secrets that stand in the configuration itself, which the name of an output does not show: others are
        another output."""

        def write(token):
            self.write(f"ndjson+http://127.0.0.1:1/x?token={token}", drain_timeout=0.2)
            self.config.chmod(0o600)

        write("one")
        self.begin()
        write("two")
        self.hangup("outputs: 0 go on, 1 added, 1 taken out")
        self.hangup("outputs: 1 go on, 0 added, 0 taken out")
        self.stop()
        self.assertNotIn("two", self.err.read_text())


class Values(Reloading):
    def test_who_may_send(self):
        """--allow, for datagrams and for connections."""

        def refused():
            with socket.create_connection(("127.0.0.1", self.port)) as s:
                s.settimeout(0.3)
                try:
                    return s.recv(1) == b""
                except TimeoutError:
                    return False
                except ConnectionResetError:
                    return True

        out = self.dir / "out.ndjson"
        self.write(f"ndjson:{out}", allow="10.0.0.0/8")
        self.begin("-l", f"ipfix+tcp://127.0.0.1:{self.port}", "-l", f"netflow://127.0.0.1:{self.port}")
        self.send(1)
        self.write(f"ndjson:{out}", allow="10.0.0.0/8,127.0.0.0/8")
        self.hangup("outputs: 1 go on, 0 added, 0 taken out; others may send")

        self.assertTrue(self.arrives(2, out))
        self.assertTrue(wait_for(lambda: not refused()))
        self.write(f"ndjson:{out}", allow="10.0.0.0/8")
        self.hangup("; others may send")
        self.assertTrue(wait_for(refused))
        time.sleep(1.2)  # the other worker, too
        before = len(records(out))
        self.send(3)
        time.sleep(0.3)
        self.assertEqual(len(records(out)), before)
        self.stop()
        self.assertNotIn(1, [number_of(r) for r in records(out)])

    def test_rates(self):
        """--stats: events of the account begin to come."""
        out = self.dir / "out.ndjson"
        self.write(f"ndjson:{out}", events="stats,flow")
        self.begin()
        time.sleep(0.5)
        self.assertEqual(out.read_text(), "")
        self.write(f"ndjson:{out}", events="stats,flow", stats=0.1)
        self.hangup("0 taken out; other rates")
        self.assertTrue(wait_for(lambda: out.read_text().count("pipeline_stats") > 5))
        self.write(f"ndjson:{out}", events="stats,flow", stats=0)
        self.hangup("0 taken out; other rates")
        time.sleep(0.3)
        before = out.read_text().count("pipeline_stats")
        time.sleep(0.5)
        self.assertEqual(out.read_text().count("pipeline_stats"), before)
        self.stop()


class Wrong(Reloading):
    def test_refused_whole(self):
        """What is wrong, and what only a restart changes: said with its place, and nothing has changed."""
        out, more = self.dir / "out.ndjson", self.dir / "more.ndjson"
        self.write(f"ndjson:{out}")
        self.begin()
        base = f"listen: netflow://127.0.0.1:{self.port}\nstats: 0\n"
        c = self.config
        both = f"output: ['ndjson:{out}', 'ndjson:{more}']\n"
        cases = (
            (base + both + "outptu: x\n", f"flowtap: {c}:4: outptu: there is no such option; did you mean output?"),
            (base + both + "idle-timeout: 5\n", f"the configuration stays as it was: {c}:4: idle-timeout changes with a restart only"),
            (base + both + "allow: nobody\n", "the configuration stays as it was: "),
            (f"listen: netflow://127.0.0.1:{self.port + 1}\nstats: 0\n" + both, f"the configuration stays as it was: {c}:1: listen changes with a restart only"),
            (base + f"output: ['ndjson:{more}', 'ndjson:/there/is/no/such/folder/x']\n", f"the configuration stays as it was: {c}:3: /there/is/no/such/folder/x: No such file or directory"),
            (base + f"output: ['ndjson:{more}', 'parquet:{more}?columns=nothing']\n", "the configuration stays as it was: "),
            (base + f"output: ['ndjson:{more}', 'ndjson+tcp://127.0.0.1:1']\n", "it comes with a restart"),
            (base + "output: [", "the configuration stays as it was: it could not be read"),
            (base + "output: [\"ndjson:x?where=nothing=1\"]\n", "it could not be read"),
        )
        for text, answer in cases:
            self.config.write_text(text)
            self.hangup(answer)
            self.hangup("the configuration stays as it was")
        self.config.unlink()
        self.hangup("the configuration stays as it was: it could not be read")
        self.send(7)
        self.assertTrue(wait_for(lambda: [number_of(r) for r in records(out)] == [7]))
        self.stop()
        self.assertFalse(more.exists() and more.read_text())
        self.assertEqual(self.said("was loaded again"), 0)

    def test_many(self):
        """Hangups by the hundred, also while it ends."""
        out = self.dir / "out.ndjson"
        self.write(f"ndjson:{out}")
        self.begin()
        for i in range(200):
            self.write(f"ndjson:{out}", *(["null:"] if i % 2 else []))
            self.p.send_signal(signal.SIGHUP)
            time.sleep(0.002)
        self.send(1)
        self.assertTrue(wait_for(lambda: len(records(out)) == 1))
        self.p.send_signal(signal.SIGTERM)
        while self.p.poll() is None:
            self.p.send_signal(signal.SIGHUP)
            time.sleep(0.001)
        self.assertEqual(self.p.returncode, 0, self.err.read_text())

    def test_again_and_again(self):
        """Each of more hangups than a socket holds messages is answered, and costs no memory or descriptor for good."""
        out, more = self.dir / "out.ndjson", self.dir / "more.ndjson"
        self.write(f"ndjson:{out}")
        self.begin()
        pids = [self.p.pid, *self.children()]
        for i in range(350):
            self.hangup("was loaded again: outputs: 1 go on, 0 added")
            if i == 20:
                before = [self.held(pid) for pid in pids]
        after = [self.held(pid) for pid in pids]
        self.assertEqual([fds for fds, _ in after], [fds for fds, _ in before])
        if not SANITIZED:
            for (_, had), (_, has) in zip(before, after):
                self.assertLess(has - had, 2048, (before, after))  # kB
        self.write(f"ndjson:{out}", f"ndjson:{more}")
        self.hangup("1 go on, 1 added")
        self.assertTrue(self.arrives(1, more))
        self.stop()

    def test_names_without_end(self):
        """File names that were never there before, more than the opener has places for."""
        out = self.dir / "out.ndjson"
        self.write(f"ndjson:{out}")
        self.begin()
        for i in range(40):
            new = [f"csv:{self.dir}/{i}-{k}.csv" for k in range(7)]
            self.write(f"ndjson:{out}", *new)
            self.hangup("was loaded again: outputs: 1 go on, 7 added")
            self.assertTrue(wait_for(lambda: self.said(": taken out: ") == 7 * i), self.err.read_text())
            self.assertTrue(all((self.dir / f"{i}-{k}.csv").exists() for k in range(7)))
        self.assertLess(self.held(self.children()[0])[0], 210)
        self.p.send_signal(signal.SIGHUP)
        self.assertTrue(self.arrives(1, out))
        self.stop()

    def test_nothing_is_begun(self):
        """What is wrong with one output is seen before another one is opened."""
        out, more = self.dir / "out.ndjson", self.dir / "more.csv"
        more.write_text("of an earlier run\n")
        self.write(f"ndjson:{out}")
        self.begin()
        self.write(f"ndjson:{out}", f"csv:{more}", f"parquet:{self.dir}/x.parquet?event=nothing")
        self.hangup("the configuration stays as it was: ")
        self.assertEqual(more.read_text(), "of an earlier run\n")
        self.assertEqual(list(self.dir.glob("more-*")), [])
        self.stop()

    def children(self):
        """The opener's keeper and the loader."""
        return [int(c) for c in pathlib.Path(f"/proc/{self.p.pid}/task/{self.p.pid}/children").read_text().split()]

    def held(self, pid):
        """Descriptors, and kB of memory."""
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        return len(os.listdir(f"/proc/{pid}/fd")), int(re.search(r"VmRSS:\s+(\d+)", status)[1])

    def test_loader_slow(self):
        """An answer of the loader's that comes too late is not taken for that of the next question."""
        out = self.dir / "out.ndjson"
        self.write(f"ndjson:{out}")
        self.begin()
        loader = self.children()[1]
        os.kill(loader, signal.SIGSTOP)
        self.hangup("the configuration stays as it was: the files of the configuration cannot be read")
        os.kill(loader, signal.SIGCONT)
        time.sleep(0.5)
        self.write(f"ndjson:{out}", "null:")
        self.hangup("was loaded again: outputs: 1 go on, 1 added, 0 taken out")
        self.stop()

    def test_loader_gone(self):
        """Without its loader it runs on, and says why nothing changes."""
        out = self.dir / "out.ndjson"
        self.write(f"ndjson:{out}")
        self.begin()
        self.assertEqual(len(self.children()), 2)
        os.kill(self.children()[1], signal.SIGKILL)
        self.hangup("the configuration stays as it was: the files of the configuration cannot be read")
        self.send(1)
        self.assertTrue(wait_for(lambda: len(records(out)) == 1))
        self.stop()

    def test_files(self):
        """read has no configuration to load again: a hangup begins new files, as without one."""
        self.config.write_text("events: flow\n")
        r = run("read", "-c", self.config, "-o", "null:", SAMPLE)
        self.assertEqual(r.returncode, 0, r.stderr)


if __name__ == "__main__":
    main()
