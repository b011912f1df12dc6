#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Presets of outputs by HTTP: path, type, body as the receivers' own documents have them; what they answer of single
events is counted.

    http_presets.py --flowtap PROGRAM --capture FILE [--only TEXT]
"""
import argparse
import collections
import json
import pathlib
import sys
import urllib.parse

import receiver
from receiver import FLOWS, Receiver

from checks import check, needs_built  # tests/support/checks.py

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import readers  # noqa: E402: tests/readers.py


class Presets(receiver.Tests):
    def send(self, r, preset, more="", form="ndjson", at="", events="flow", args=()):
        url = f"{form}+http://127.0.0.1:{r.port}{at}?preset={preset}" + (f"&{more}" if more else "")
        return self.run("read", self.large, "-e", events, "--workers", 1, "-o", url, *args)

    def all_lines(self, *args):
        return [json.loads(line) for line in self.lines(*args)]

    def good(self, preset, more, path, kind, method="POST", answer=None, **kind_more):
        """A run that goes well; returns the requests."""
        r = Receiver(answer)
        p = self.send(r, preset, more, **kind_more)
        r.close()
        check(p.returncode == 0, preset, p.stderr)
        check(self.account(p, "preset=")[1] == FLOWS, p.stderr)
        check(len(r.taken) > 1, preset, len(r.taken))
        for q in r.taken:
            check((q.method, q.path.split("?")[0], q.headers["Content-Type"]) == (method, path, kind), q.method, q.path,
                  q.headers)
        return r.taken

    def test_webhook(self):
        got = self.good("webhook", "compress=gzip", "/", "application/json")
        check(sum((json.loads(q.body) for q in got), []) == self.all_lines(), "other events")

    def test_loki(self):
        got = self.good("loki", "into=edge-1", "/loki/api/v1/push", "application/json",
                        answer=lambda q: (204, b"", {}))
        values = []
        for q in got:
            streams = json.loads(q.body)["streams"]
            check(len(streams) == 1 and streams[0]["stream"] == {"job": "edge-1"}, streams[0]["stream"])
            values += streams[0]["values"]
        want = self.all_lines()
        check([json.loads(v[1]) for v in values] == want, "other events")
        check([v[0] for v in values] == [f"{round(w['timestamp'] * 1e6)}000" for w in want], values[:3])

    def test_otlp(self):
        got = self.good("otlp", "", "/v1/logs", "application/json")
        records = []
        self.otlp_types(got[0].body)
        for q in got:
            resource, = json.loads(q.body)["resourceLogs"]
            check(resource["resource"]["attributes"] == [{"key": "service.name", "value": {"stringValue": "flowtap"}}],
                  resource["resource"])
            scope, = resource["scopeLogs"]
            check(scope["scope"]["name"] == "flowtap", scope["scope"])
            records += scope["logRecords"]
        want = self.all_lines()
        check([json.loads(v["body"]["stringValue"]) for v in records] == want, "other events")
        check([v["timeUnixNano"] for v in records] == [f"{round(w['timestamp'] * 1e6)}000" for w in want], "times")

    def otlp_types(self, body):
        """OTLP's own types read the body, and know all that is in it."""
        try:
            from google.protobuf import json_format
            from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
        except ImportError:
            print("opentelemetry-proto is not here: skipped")
            return
        read = json_format.Parse(body, ExportLogsServiceRequest())
        check(len(read.resource_logs[0].scope_logs[0].log_records) == body.count(b'"timeUnixNano"'), "OTLP's own types")

    def test_otlp_partial(self):
        answers = [b'{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"too old"}}']
        r = Receiver(lambda q: (200, answers.pop() if answers else b"{}", {}))
        p = self.send(r, "otlp")
        r.close()
        check(p.returncode == 1 and self.account(p, "preset=") == (FLOWS, FLOWS - 3, 0, 3), p.stderr)
        check(p.stderr.count("3 events of a batch were refused") == 1, p.stderr)

    def test_splunk(self):
        token = self.work / "token"
        token.write_text("hec")
        got = self.good("splunk", f"token=@{token}&into=flows", "/services/collector/event", "application/json")
        events = [json.loads(line) for q in got for line in q.body.splitlines()]
        want = self.all_lines()
        check([e["event"] for e in events] == want, "other events")
        check([e["time"] for e in events] == [w["timestamp"] for w in want], "times")
        check({(e["source"], e["sourcetype"]) for e in events} == {("flowtap", "flows")}, events[0])
        check(got[0].headers["Authorization"] == "Splunk hec", got[0].headers)

    def test_qdrant(self):
        key = self.work / "key"
        key.write_text("secret")
        columns = "columns=src_ip,src_port,fwd_bytes,icmp_type,duration_us"
        got = self.good("qdrant", f"into=flows&token=@{key}&{columns}", "/collections/flows/points", "application/json",
                        method="PUT")
        points = [x for q in got for x in json.loads(q.body)["points"]]
        check(got[0].path.endswith("?wait=true") and got[0].headers["api-key"] == "secret", got[0].path)
        check(len({x["id"] for x in points}) == FLOWS and all(len(x["id"]) == 36 for x in points), points[0])
        for x in points:
            w = x["payload"]
            if x["vector"] != [w["src_port"], w["fwd_bytes"], 0, w["duration_us"]]:
                check(False, x)
                break
        check(sorted(x["payload"]["src_port"] for x in points) == list(range(1024, 1024 + FLOWS)), "points")

    def test_feast(self):
        got = self.good("feast", "into=flow_push&columns=src_ip,src_port,fwd_bytes,community_id", "/push",
                        "application/json")
        table = collections.defaultdict(list)
        for q in got:
            body = json.loads(q.body)
            check(body["push_source_name"] == "flow_push", body["push_source_name"])
            check(len({len(v) for v in body["df"].values()}) == 1, {k: len(v) for k, v in body["df"].items()})
            for k, v in body["df"].items():
                table[k] += v
        check({"src_ip", "src_port", "fwd_bytes", "community_id", "event_type"} == set(table), list(table))
        check(sorted(table["src_port"]) == list(range(1024, 1024 + FLOWS)), len(table["src_port"]))

    def test_elastic(self):
        """429 of single events is tried again, 400 is lost, 409 is there already; ids are an event's own."""
        stored, asked, refused = {}, collections.Counter(), set()

        def answer(q):
            items, lines = [], q.body.split(b"\n")
            check(lines.pop() == b"", "the last newline")
            for action, line in zip(lines[::2], lines[1::2]):
                key = json.loads(action)["create"]["_id"]
                event = json.loads(line)
                n = event["flow_key"]["src_port"]
                asked[key] += 1
                status = 201
                if n % 100 == 7:
                    status = 400
                    refused.add(key)
                elif n % 50 == 3 and n < 3000 and asked[key] < 3:
                    status = 429
                elif key in stored:
                    status = 409
                if status == 201:
                    stored[key] = event
                item = {"_id": key + '"}{', "status": status}
                if status == 400:
                    item["error"] = {"type": "mapper_parsing_exception", "reason": "no: \"status\":201", "status": 1}
                items.append({"create": item})
            drop = len(asked) > 5000 and not dropped
            if drop:  # all of it is stored, and the answer does not come
                dropped.append(1)
                return ("cut",)
            return 200, json.dumps({"took": 3, "errors": True, "items": items}).encode(), {}

        dropped = []
        r = Receiver(answer)
        p = self.send(r, "elastic", "into=flows-1&batch=500KB")
        r.close()
        check({q.path.split("?")[0] for q in r.requests} == {"/flows-1/_bulk"}, r.requests[0].path)
        lost = FLOWS // 100
        check(len(refused) == lost and len(stored) == FLOWS - lost and dropped, len(refused), len(stored))
        check(self.account(p, "preset=") == (FLOWS, FLOWS - lost, 0, lost), p.stderr)
        check(p.returncode == 1 and "mapper_parsing_exception" in p.stderr, p.stderr)
        check(sorted(e["flow_key"]["src_port"] for e in stored.values()) ==
              [n for n in range(1024, 1024 + FLOWS) if n % 100 != 7], "stored")
        check(max(asked.values()) <= 4, max(asked.values()))

    def test_elastic_kinds(self):
        """Each kind of event is counted as itself."""
        r = Receiver(lambda q: (200, b'{"errors":false}', {}))
        p = self.send(r, "elastic", events="flow,sample,stats")
        r.close()
        lines = [line for q in r.taken for line in q.body.split(b"\n")[1::2] if line]
        kinds = collections.Counter(json.loads(line)["event_type"] for line in lines)
        check(kinds["network_flow_record"] == FLOWS and kinds["network_flow_sample"] == FLOWS, kinds)
        check(p.returncode == 0 and f"{FLOWS} flow" in p.stderr, p.stderr)

    def test_clickhouse(self):
        for form, name, kind in (("ndjson", "JSONEachRow", "application/x-ndjson"), ("csv", "CSVWithNames", "text/csv"),
                                 ("arrow", "ArrowStream", "application/vnd.apache.arrow.stream"),
                                 ("parquet", "Parquet", "application/vnd.apache.parquet")):
            got = self.good("clickhouse", "into=net.flows&batch=1MB", "/", kind, form=form)
            tokens = set()
            for q in got:
                query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(q.path).query))
                check(query["query"] == f"INSERT INTO net.flows FORMAT {name}", query)
                tokens.add(query["insert_deduplication_token"])
            check(len(tokens) == len(got), tokens)
        got = self.good("clickhouse", "into=flows&batch=1MB", "/proxy", kind, form=form, at="/proxy?database=x")
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(got[0].path).query))
        check(query["database"] == "x" and "FORMAT Parquet" in query["query"], query)

    def test_clickhouse_reads_them(self):
        """ClickHouse's engine takes the bodies, by the statement that came with them."""
        try:
            from chdb import session
        except ImportError:
            print("chdb is not here: skipped")
            return
        want = self.all_lines()
        sums = sum(e["features"]["fwd_bytes"] for e in want), sum(e["flow_key"]["src_port"] for e in want)
        s = session.Session(str(self.work / "chdb"))
        s.query("CREATE DATABASE IF NOT EXISTS net")
        for form in "ndjson", "arrow", "parquet", "csv":
            more = "" if form == "arrow" or form == "parquet" else "&columns=src_port,fwd_bytes"
            got = self.good("clickhouse", f"into=net.{form}&batch=100KB{more}", "/",
                            {"ndjson": "application/x-ndjson", "csv": "text/csv"}.get(
                                form, f"application/vnd.apache.{'arrow.stream' if form == 'arrow' else form}"), form=form)
            s.query(f"CREATE TABLE net.{form} (src_port UInt16, fwd_bytes UInt64) ENGINE=MergeTree ORDER BY tuple()")
            for i, q in enumerate(got):
                statement = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(q.path).query))["query"]
                file = self.work / f"{form}-{i}"
                file.write_bytes(q.body)
                table, kind = statement.split()[2], statement.split()[4]
                s.query(f"INSERT INTO {table} SELECT src_port, fwd_bytes FROM file('{file}', '{kind}')")
            text = str(s.query(f"SELECT count(), sum(fwd_bytes), sum(src_port) FROM net.{form}", "CSV")).strip()
            check(text == f"{FLOWS},{sums[0]},{sums[1]}", form, text)
        s.close()


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--flowtap", required=True)
    a.add_argument("--capture", required=True, type=pathlib.Path)
    a.add_argument("--only", default="")
    args = a.parse_args()
    needs_built(args.flowtap, "libcurl")
    readers.use()
    Presets(args.flowtap, args.capture).main(args.only)


if __name__ == "__main__":
    main()
