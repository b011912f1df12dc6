#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Objects in S3, against moto's server: what others read there is what a file of the same run holds; a server that is not
there, goes away or refuses; a program that is killed.

    s3_moto.py --flowtap PROGRAM --capture FILE

moto, boto3 and pyarrow are those of the interpreter that tests/readers.py finds; without them it is skipped (77).
"""
import argparse
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "support"), str(TESTS / "interop/servers")]
import checks  # noqa: E402: tests/support/checks.py
import readers  # noqa: E402: tests/readers.py
from checks import check, wait_for, write_capture  # noqa: E402
from relay import Relay  # noqa: E402
from server import Server  # noqa: E402

FLOWS = 30000  # 25 MB of lines


class Moto(Server):
    """Signatures are not checked before count_down()."""
    program = "moto"

    def __init__(self):
        super().__init__()
        self.url = f"http://127.0.0.1:{self.port}"

    def arguments(self):
        return [sys.executable, "-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p", self.port]

    def start(self, seconds=60):
        super().start(seconds)

    def options(self):
        return {"env": {**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": "1000000"}}

    def answers(self):
        try:
            urllib.request.urlopen(self.url + "/moto-api/", timeout=1).close()
            return True
        except OSError:
            return False

    def count_down(self, n):
        """After so many actions signatures are checked."""
        urllib.request.urlopen(urllib.request.Request(self.url + "/moto-api/reset-auth", data=str(n).encode(),
                                                      headers={"Content-Type": "text/plain"}, method="POST")).close()


class Test:
    def __init__(self, args, server, work):
        import boto3
        self.flowtap, self.capture, self.server, self.work = args.flowtap, args.capture, server, work
        self.s3 = boto3.client("s3", endpoint_url=server.url, region_name="us-east-1", aws_access_key_id="any",
                               aws_secret_access_key="any")
        self.s3.create_bucket(Bucket="flows")
        self.keys = work / "keys"
        self.keys.write_text("[other]\naws_access_key_id = x\naws_secret_access_key = y\n"
                             "[default]\naws_access_key_id = any\naws_secret_access_key=any\n")
        self.large = work / "large.pcap"
        write_capture(self.large, FLOWS)

    def url(self, form, key, more="", endpoint=None, keys=None):
        return (f"{form}+s3://flows/{key}?endpoint={endpoint or self.server.url}&credentials=@{keys or self.keys}"
                + (f"&{more}" if more else ""))

    def run(self, *args, env=None, timeout=120):
        return checks.run(self.flowtap, *args, env=env, timeout=timeout)

    def objects(self, prefix=""):
        return [o["Key"] for o in self.s3.list_objects_v2(Bucket="flows", Prefix=prefix).get("Contents", [])]

    def uploads(self):
        return self.s3.list_multipart_uploads(Bucket="flows").get("Uploads", [])

    def get(self, key):
        return self.s3.get_object(Bucket="flows", Key=key)["Body"].read()

    def table(self, form, data):
        import pyarrow as pa
        import pyarrow.parquet as pq
        if form == "parquet":
            return pq.read_table(pa.BufferReader(data))
        table = pa.ipc.open_file(pa.BufferReader(data)).read_all()
        table.validate(full=True)
        return table

    def test_rows(self):
        """Every format, as a file of the same run."""
        from pyarrow import fs
        import pyarrow.parquet as pq
        for capture in self.capture, self.large:
            for form, suffix in ("parquet", "parquet"), ("arrow", "arrow"), ("ndjson", "ndjson"), ("csv", "csv"):
                key, file = f"rows/{capture.name}.{suffix}", self.work / f"x.{suffix}"
                r = self.run("read", capture, "-e", "flow", "--workers", 1, "-o", f"{form}:{file}",
                             "-o", self.url(form, key, "part=5MiB"))
                check(r.returncode == 0, form, r.stderr)
                check(self.objects(f"rows/{capture.name}.{suffix}") == [key], form, self.objects())
                if form in ("ndjson", "csv"):
                    check(self.get(key) == file.read_bytes(), form, capture.name)
                else:
                    want = self.table(form, file.read_bytes())
                    check(want.num_rows > 0 and self.table(form, self.get(key)).equals(want), form, capture.name)
        there = fs.S3FileSystem(access_key="any", secret_key="any", endpoint_override=self.server.url)
        table = pq.read_table(f"flows/rows/{self.capture.name}.parquet", filesystem=there)
        check(table.num_rows > 0, "pyarrow's own S3")
        check([u for u in self.uploads() if u["Key"].startswith("rows/")] == [], "uploads left")

    def test_packed(self):
        import gzip
        for kind in "gzip", "zstd":
            key, file = f"packed/x.{kind}", self.work / "packed.ndjson"
            r = self.run("read", self.large, "-e", "flow,stats", "--workers", 1, "-o", f"ndjson:{file}",
                         "-o", self.url("ndjson", key, f"compress={kind}"))
            check(r.returncode == 0, r.stderr)
            if kind == "gzip":
                text = gzip.decompress(self.get(key))
            else:
                text = subprocess.run(["zstd", "-dc"], input=self.get(key), capture_output=True).stdout
            got, want = text.splitlines(), file.read_bytes().splitlines()
            check(got[:-1] == want[:-1] and len(got) == FLOWS + 1, kind, len(got), len(want))
            check(json.loads(got[-1])["event_type"] == "pipeline_stats", kind, "the last event")
            check(self.objects("packed/x." + kind) == [key], self.objects("packed/"))

    def test_rotation(self):
        """Objects by size, each whole, each with a name of its own; nothing is there twice."""
        r = self.run("read", self.large, "-e", "flow", "--workers", 1, "-o", self.url("ndjson", "turn/x.ndjson", "rotate=6MB"))
        check(r.returncode == 0, r.stderr)
        names = self.objects("turn/")
        seen = []
        for n in names:
            check(re.fullmatch(r"turn/x-\d{8}T\d{6}(-\d+)?\.ndjson", n), n)
            data = self.get(n)
            check(len(data) <= 6000000, n, len(data))
            seen += [json.loads(line)["flow_key"]["src_port"] for line in data.splitlines()]
        check(len(names) > 3 and sorted(seen) == list(range(1024, 1024 + FLOWS)), len(names), len(seen))

    def test_earlier(self):
        """read replaces what is there; a long run does not: its object gets a name with the time."""
        self.s3.put_object(Bucket="flows", Key="old/x.ndjson", Body=b"old")
        r = self.run("collect", "-l", f"pcap:{self.capture}", "-e", "stats", "-o", self.url("ndjson", "old/x.ndjson"))
        names = self.objects("old/")
        check(r.returncode == 0 and len(names) == 2 and "there is an object of this name" in r.stderr, names, r.stderr)
        check(self.get("old/x.ndjson") == b"old", "replaced")
        r = self.run("read", self.capture, "-e", "flow", "-o", self.url("ndjson", "old/x.ndjson"))
        check(r.returncode == 0 and self.get("old/x.ndjson") != b"old", "not replaced", r.stderr)

    def test_late_server(self):
        """The server comes after the start: nothing is lost, it is said once."""
        relay = Relay(self.server.port)
        timer = threading.Timer(2, relay.up)
        timer.start()
        r = self.run("read", self.capture, "-e", "flow", "-o", self.url("parquet", "late/x.parquet", endpoint=relay.url))
        timer.join()
        check(r.returncode == 0 and self.objects("late/") == ["late/x.parquet"], r.stderr)
        check(r.stderr.count("tried again") == 1 and r.stderr.count("works again") == 1, r.stderr)
        relay.down()

    def test_cuts(self):
        """Connections that end in the middle of parts, and a server that goes away for a while."""
        relay = Relay(self.server.port)
        relay.cut_after = [100000, 3000000, 8000000]
        relay.up()

        def outage():
            wait_for(lambda: relay.passed > 12000000, "parts")
            relay.down()
            time.sleep(1)
            relay.up()

        thread = threading.Thread(target=outage)
        thread.start()
        file = self.work / "cut.ndjson"
        r = self.run("read", self.large, "-e", "flow", "--workers", 1, "-o", f"ndjson:{file}",
                     "-o", self.url("ndjson", "cut/x.ndjson", "part=5MiB", endpoint=relay.url))
        thread.join()
        check(r.returncode == 0 and not relay.cut_after, r.stderr, relay.cut_after)
        check(self.get("cut/x.ndjson") == file.read_bytes(), "cut")
        relay.down()

    def test_gone_for_good(self):
        """A server that does not come back: all is lost, counted, and nothing hangs."""
        relay = Relay(self.server.port)
        relay.up()
        threading.Thread(target=lambda: wait_for(lambda: relay.passed > 12000000, "parts") and relay.down()).start()
        r = self.run("read", self.large, "-e", "flow", "--workers", 1, "-o", "null:",
                     "-o", self.url("ndjson", "gone/x.ndjson", "part=5MiB&retry=2s", endpoint=relay.url))
        check(r.returncode == 1 and f"{FLOWS} lost" in r.stderr, r.returncode, r.stderr)
        check(self.objects("gone/") == [], "half an object")

    def test_refused(self):
        """Signatures that are checked: the right ones are good, for parts, too; wrong ones are said once with what to
        do, and end soon; a bucket that is not there."""
        import boto3
        iam = boto3.client("iam", endpoint_url=self.server.url, region_name="us-east-1", aws_access_key_id="any",
                           aws_secret_access_key="any")
        iam.create_user(UserName="writer")
        allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
        iam.put_user_policy(UserName="writer", PolicyName="all", PolicyDocument=json.dumps(allow))
        key = iam.create_access_key(UserName="writer")["AccessKey"]
        good, bad, none = (self.work / n for n in ("good", "bad", "none"))
        good.write_text(f"{key['AccessKeyId']}:{key['SecretAccessKey']}\n")
        bad.write_text(f"{key['AccessKeyId']}:{key['SecretAccessKey'][:-1]}_\n")
        none.write_text("AKIANOBODY:nothing\n")
        self.server.count_down(0)
        results = [self.run("read", self.large, "-e", "flow", "--workers", 1,
                            "-o", self.url("ndjson", f"sign/{k.name} ü&=+.ndjson".replace("&", "%26"), "part=5MiB", keys=k))
                   for k in (good, bad, none)]
        environment = self.run("read", self.capture, "-e", "flow", "-o",
                               f"ndjson+s3://flows/sign/env.ndjson?endpoint={self.server.url}",
                               env={"AWS_ACCESS_KEY_ID": key["AccessKeyId"],
                                    "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]})
        self.server.count_down(1000000)
        check(results[0].returncode == 0, results[0].stderr)
        check(environment.returncode == 0, environment.stderr)
        check(self.objects("sign/") == ["sign/env.ndjson", "sign/good ü&=+.ndjson"], self.objects("sign/"))
        for r, text in (results[1], "SignatureDoesNotMatch"), (results[2], "InvalidAccessKeyId"):
            check(r.returncode == 1 and f"{FLOWS} lost" in r.stderr, r.stderr)
            check(r.stderr.count(text) == 1 and r.stderr.count("credentials=@FILE") == 1, text, r.stderr)
            check(key["SecretAccessKey"][:-1] not in r.stderr, "a secret was shown")
        r = self.run("read", self.capture, "-e", "flow",
                     "-o", self.url("parquet", "x.parquet").replace("//flows", "//nowhere"))
        check(r.returncode == 1 and "make it first" in r.stderr, r.stderr)

    def test_kill(self):
        """kill -9 amid the parts: no object is there."""
        read, write = os.pipe()
        p = subprocess.Popen([self.flowtap, "read", "-", "-e", "sample", "--workers", "1",
                              "-o", self.url("ndjson", "kill/x.ndjson", "part=5MiB")], stdin=read,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(read)
        data = self.large.read_bytes()
        threading.Thread(target=lambda: os.write(write, data), daemon=True).start()
        wait_for(lambda: [u for u in self.uploads() if u["Key"] == "kill/x.ndjson"], "the upload")
        p.send_signal(signal.SIGKILL)
        p.wait()
        os.close(write)
        check(self.objects("kill/") == [], "half an object")

    def test_usage(self):
        for more, text in (("kep=1", "no parameter"), ("keep=1", "keep= is for files outputs"), ("part=1MB", "5MiB"), ("rotate=5rows", "time or size"),
                           ("endpoint=ftp://x", "http://HOST")):
            r = self.run("read", self.capture, "-o", self.url("parquet", "x", more))
            check(r.returncode == 2 and text in r.stderr, more, r.stderr)
        for target in "//flows", "//flows/", "flows/x", "//x/y", "//flows/x/":
            r = self.run("read", self.capture, "-o", f"parquet+s3:{target}?credentials=@{self.keys}")
            check(r.returncode == 2 and "write s3://BUCKET/KEY" in r.stderr, target, r.stderr)
        r = self.run("read", self.capture, "-o", "parquet+s3://flows/x?credentials=ID:topsecret&region=x")
        check(r.returncode == 2 and "credentials=@FILE" in r.stderr and "topsecret" not in r.stderr, r.stderr)
        r = self.run("read", self.capture, "-o", "parquet+s3://flows/x", env={"HOME": "/nonexistent", "AWS_ACCESS_KEY_ID": ""})
        check(r.returncode == 2 and "credentials=@FILE" in r.stderr, r.stderr)
        config = self.work / "c.yaml"
        config.write_text(f"output: ['ndjson+s3://flows/yaml.ndjson?endpoint={self.server.url}&credentials=any:topsecret']\n"
                          "events: flow,stats\n")
        r = self.run("read", "-c", config, self.capture)
        check(r.returncode == 0 and "topsecret" not in r.stderr, r.stderr)
        text = self.get("yaml.ndjson").decode()
        check("topsecret" not in text and "credentials=***" in text, text[-3000:])


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--flowtap", required=True)
    a.add_argument("--capture", required=True, type=pathlib.Path)
    a.add_argument("--only", default="")
    args = a.parse_args()
    checks.needs_built(args.flowtap, "libcurl")
    readers.needs("moto", "boto3", "flask", "pyarrow")
    with tempfile.TemporaryDirectory(prefix="flowtap-s3-") as work, Moto() as server:
        checks.run_methods(Test(args, server, pathlib.Path(work)), args.only)
    checks.ended()


if __name__ == "__main__":
    main()
