#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What --metrics serves, read by others: prometheus_client's parsers, promtool, and a Prometheus that scrapes a read, a
collect and their restarts; in it every query of the dashboard has data. The alerts are tested by promtool: each fires
when it should, and not else.

    metrics.py --flowtap PROGRAM --source DIR

prometheus and promtool are Debian's package prometheus; without them it is skipped (77). prometheus_client is that of
the interpreter that tests/readers.py finds.
"""
import argparse
import json
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "support")]
import checks  # noqa: E402: tests/support/checks.py
import readers  # noqa: E402: tests/readers.py
from checks import check, free_port  # noqa: E402


def get(url, accept=None):
    r = urllib.request.Request(url, headers={"Accept": accept} if accept else {})
    with urllib.request.urlopen(r, timeout=20) as f:
        return f.read().decode()


def wait_for(what, seconds=40):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if what():
                return True
        except OSError:
            pass
        time.sleep(0.2)
    return False


class Flowtap:
    """One that runs, with its metrics on a port."""

    def __init__(self, program, port, *args):
        self.port = port
        self.p = subprocess.Popen([program, *args, "--metrics", f":{port}", "--quiet"], stdin=subprocess.PIPE)

    def end(self):
        self.p.stdin.close()
        if self.p.poll() is None and "collect" in self.p.args:
            self.p.terminate()
        return self.p.wait(30)


def packets(first, n):
    """Of UDP flows that end by the idle timeout, TCP none; a tenth is no IP."""
    out = b""
    for i in range(first, first + n):
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 36, i & 0xFFFF, 0, 64, 17, 0, b"\xc0\0\2\1", b"\xc0\0\2\2")
        frame = b"\2\0\0\0\0\2\2\0\0\0\0\1" + (b"\x08\0" + ip + struct.pack("!HHHH", 1024 + i % 60000, 53, 16, 0) + b"x" * 8
                                             if i % 10 else b"\x08\6" + b"\0" * 46)
        out += struct.pack("<IIII", 1719409371 + i // 100, i % 100 * 10000, len(frame), len(frame)) + frame
    return out


def netflow5(sequence):
    return struct.pack("!HHIIIIBBH", 5, 1, 1000, 1719409371, 0, sequence, 0, 0, 0) + bytes(48)


# ---- the page ----

def parsed(port):
    try:
        from prometheus_client.openmetrics import parser as openmetrics
        from prometheus_client import parser as text
    except ImportError:
        print("prometheus_client is not here: its parsers are left out")
        return
    url = f"http://127.0.0.1:{port}/metrics"
    plain = list(text.text_string_to_metric_families(get(url)))
    om = list(openmetrics.text_string_to_metric_families(get(url, "application/openmetrics-text; version=1.0.0")))

    def shape(families):
        return {(s.name, tuple(sorted(s.labels.items()))) for f in families for s in f.samples}
    check(len(om) > 40 and shape(plain) == shape(om), "both forms have the same series")
    for f in om:
        check(f.type in ("counter", "gauge") and f.documentation, f"{f.name}: {f.type}")
        check(f.unit == ("bytes" if f.name.endswith("_bytes") else "seconds" if f.name.endswith("_seconds") else ""),
              f"{f.name}: unit {f.unit!r}")


def linted(port):
    r = subprocess.run(["promtool", "check", "metrics"], input=get(f"http://127.0.0.1:{port}/metrics"), text=True,
                       capture_output=True)
    check(r.returncode == 0 and r.stdout + r.stderr == "", f"promtool check metrics: {r.stdout}{r.stderr}")


# ---- Prometheus ----

def query(base, expr):
    r = json.loads(get(f"{base}/api/v1/query?" + urllib.parse.urlencode({"query": expr})))
    return r["data"]["result"]


def dashboard(source, base):
    board = json.loads((source / "packaging/grafana/flowtap.json").read_text())
    targets = [(p["title"], t["expr"]) for p in board["panels"] for t in p.get("targets", [])]
    check(len(targets) > 20, "the dashboard has queries")
    for title, expr in targets:
        expr = expr.replace("$instance", ".*").replace("$__rate_interval", "10s")
        check("$" not in expr and wait_for(lambda e=expr: query(base, e), 15), f"dashboard, {title}: no data: {expr}")
    name = board["templating"]["list"][1]["query"]
    check(query(base, re.match(r"label_values\((\w+), instance\)$", name)[1]), name)


def scraped(args, tmp):
    ports = [free_port() for _ in range(3)]
    listen = free_port()
    base = f"http://127.0.0.1:{ports[2]}"
    (tmp / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
        f"rule_files: [{json.dumps(str(args.source / 'packaging/prometheus/alerts.yml'))}]\n"
        "scrape_configs:\n  - job_name: flowtap\n    static_configs: [{targets: "
        f"['127.0.0.1:{ports[0]}', '127.0.0.1:{ports[1]}']}}]\n")
    log = (tmp / "prometheus.log").open("w")
    prometheus = subprocess.Popen(
        ["prometheus", f"--config.file={tmp}/prometheus.yml", f"--storage.tsdb.path={tmp}/data",
         f"--web.listen-address=127.0.0.1:{ports[2]}"], stdout=log, stderr=log)
    read = Flowtap(args.flowtap, ports[0], "read", "-w", "2", "-e", "flow", "-o", f"ndjson:{tmp}/flows.json", "-o",
                   f"csv:{tmp}/flows.csv", "-")
    collect = Flowtap(args.flowtap, ports[1], "collect", "-w", "1", "-l", f"netflow://127.0.0.1:{listen}", "-o",
                      f"ndjson:{tmp}/records.json")
    try:
        if not check(wait_for(lambda: get(base + "/-/ready")), "prometheus starts"):
            print((tmp / "prometheus.log").read_text()[-2000:])
            return
        read.p.stdin.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        for i in range(40):
            read.p.stdin.write(packets(i * 500, 500))
            read.p.stdin.flush()
            udp.sendto(netflow5(i), ("127.0.0.1", listen))
            time.sleep(0.2)
        total = f'flowtap_packets_received_total{{instance="127.0.0.1:{ports[0]}"}}'
        check(wait_for(lambda: [r["value"][1] for r in query(base, total)] == ["20000"]), "20000 packets arrive there")
        records = "sum(flowtap_collect_records_total)"
        check(wait_for(lambda: [r["value"][1] for r in query(base, records)] == ["40"]), "40 records arrive there")
        targets = json.loads(get(base + "/api/v1/targets"))["data"]["activeTargets"]
        check([t["health"] for t in targets] == ["up", "up"], f"both are up: {[t['lastError'] for t in targets]}")
        parsed(ports[0])
        for port in ports[:2]:
            linted(port)
        dashboard(args.source, base)
        rules = json.loads(get(base + "/api/v1/rules"))["data"]["groups"][0]["rules"]
        check(rules and all(r["health"] == "ok" for r in rules), "every rule can be evaluated")
    finally:
        check(read.end() == 0, "read ends well")
        check(collect.end() == 0, "collect ends well")
        prometheus.terminate()
        prometheus.wait(30)
        log.close()


# ---- alerts ----

OUT = 'instance="a", index="0", output="ndjson:x"'
# by alert: series while it is bad, and while it is well, a sample a minute
ALERTS = {
    "FlowtapDown": ({'up{job="flowtap"}': "0x60"}, {'up{job="flowtap"}': "1x60"}),
    "FlowtapNoInput": ({"flowtap_packets_received_total": "7x60"}, {"flowtap_packets_received_total": "0+1x60"}),
    "FlowtapInterfaceDown": ({"flowtap_interfaces_down": "1x60"}, {"flowtap_interfaces_down": "0x60"}),
    "FlowtapKernelDrops": (
        {"flowtap_packets_kernel_dropped_total": "0+2x60", "flowtap_packets_received_total": "0+1000x60"},
        {"flowtap_packets_kernel_dropped_total": "0+2x60", "flowtap_packets_received_total": "0+9000x60"}),
    "FlowtapQueueDrops": (
        {"flowtap_packets_queue_dropped_total": "0+2x60", "flowtap_packets_received_total": "0+1000x60"},
        {"flowtap_packets_queue_dropped_total": "0x60", "flowtap_packets_received_total": "0x60"}),
    "FlowtapMalformed": (
        {'flowtap_packets_verdict_total{class="malformed", verdict="a"}': "0+6x60",
         'flowtap_packets_verdict_total{class="malformed", verdict="b"}': "0+6x60",
         "flowtap_packets_captured_total": "0+1000x60"},
        {'flowtap_packets_verdict_total{class="malformed", verdict="a"}': "0+6x60",
         'flowtap_packets_verdict_total{class="ignored", verdict="b"}': "0+600x60",
         "flowtap_packets_captured_total": "0+1000x60"}),
    "FlowtapWorkerStuck": ({'flowtap_worker_turns_total{worker="0"}': "5x60", 'flowtap_worker_turns_total{worker="1"}': "0+9x60"},
                           {'flowtap_worker_turns_total{worker="0"}': "0+9x60"}),
    "FlowtapFlowTableFull": ({"flowtap_flows_active": "95x60", "flowtap_flows_limit": "100x60"},
                             {"flowtap_flows_active": "85x60", "flowtap_flows_limit": "100x60"}),
    "FlowtapExportLost": ({"flowtap_collect_lost_total": "0+1x60"}, {"flowtap_collect_lost_total": "9x60"}),
    "FlowtapNoTemplate": ({"flowtap_collect_no_template_total": "0+1x60"}, {"flowtap_collect_no_template_total": "9x60"}),
    "FlowtapExportersEvicted": ({"flowtap_collect_exporters_evicted_total": "0+1x60"},
                                {"flowtap_collect_exporters_evicted_total": "9x60"}),
    "FlowtapConfigRefused": ({"flowtap_config_reloads_refused_total": "0x40 1x60"}, {"flowtap_config_reloads_refused_total": "1x60"}),
    "FlowtapOutputFailed": ({f"flowtap_output_failed{{{OUT}}}": "1x60"}, {f"flowtap_output_failed{{{OUT}}}": "0x60"}),
    "FlowtapOutputLag": ({f"flowtap_output_lag_seconds{{{OUT}}}": "0+60x60"}, {f"flowtap_output_lag_seconds{{{OUT}}}": "29x60"}),
    "FlowtapOutputDrops": ({f'flowtap_output_events_dropped_total{{{OUT}, event="flow"}}': "0+1x60"},
                           {f'flowtap_output_events_dropped_total{{{OUT}, event="flow"}}': "9x60"}),
    "FlowtapOutputLost": ({f'flowtap_output_events_lost_total{{{OUT}, event="flow"}}': "0+1x60"},
                          {f'flowtap_output_events_lost_total{{{OUT}, event="flow"}}': "9x60"}),
    "FlowtapSpooling": ({f'flowtap_output_events_spooled{{{OUT}, event="flow"}}': "5x60"},
                        {f'flowtap_output_events_spooled{{{OUT}, event="flow"}}': "5x25 0x40"}),
    "FlowtapOutputErrors": ({f"flowtap_output_errors_total{{{OUT}}}": "0+1x60"}, {f"flowtap_output_errors_total{{{OUT}}}": "9x60"}),
}


def alerts(args, tmp):
    path = args.source / "packaging/prometheus/alerts.yml"
    names = re.findall(r"^ +- alert: (\w+)$", path.read_text(), re.M)
    check(sorted(names) == sorted(ALERTS), "each alert has a test")
    known = subprocess.run([args.flowtap, "__dump-options", "metrics-md"], capture_output=True, text=True).stdout
    for metric in set(re.findall(r"flowtap_\w+", path.read_text())):
        check(f"`{metric}`" in known, f"alerts.yml: there is no {metric}")
    tests = [{"interval": "1m", "input_series": [{"series": k, "values": v} for k, v in series.items()],
              "promql_expr_test": [{"expr": f'count(ALERTS{{alertname="{name}", alertstate="firing"}})', "eval_time": "50m",
                                    "exp_samples": [{"labels": "{}", "value": 1}] if bad else []}]}
             for name, pair in ALERTS.items() for bad, series in ((True, pair[0]), (False, pair[1]))]
    (tmp / "test.yml").write_text(json.dumps({"rule_files": [str(path)], "evaluation_interval": "1m", "tests": tests}))
    r = subprocess.run(["promtool", "test", "rules", tmp / "test.yml"], capture_output=True, text=True)
    check(r.returncode == 0, f"promtool test rules: {r.stdout}{r.stderr}")


def main():
    a = argparse.ArgumentParser()
    a.add_argument("--flowtap", required=True)
    a.add_argument("--source", required=True, type=pathlib.Path)
    args = a.parse_args()
    if not shutil.which("prometheus") or not shutil.which("promtool"):
        print("skipped: prometheus is not here (scripts/setup.sh servers)")
        return 77
    checks.needs_built(args.flowtap, "libmicrohttpd")
    with tempfile.TemporaryDirectory(prefix="flowtap-metrics-") as tmp:
        tmp = pathlib.Path(tmp)
        alerts(args, tmp)
        scraped(args, tmp)
    checks.ended()


if __name__ == "__main__":
    readers.use()
    sys.exit(main())
