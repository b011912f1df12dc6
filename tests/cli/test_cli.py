#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The program from outside: what docs and the contract promise of commands, outputs and bad days.

    test_cli.py PROGRAM SOURCE_DIR
"""
import gzip
import json
import os
import resource
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

PROGRAM, SOURCE = sys.argv[1], sys.argv[2]
SAMPLE = os.path.join(SOURCE, "examples", "sample.pcap")
WORK = tempfile.mkdtemp(prefix="flowtap-cli-")
os.chmod(WORK, 0o755)
failures = 0
passed = 0


def run(*args, **kw):
    return subprocess.run([PROGRAM, *args], capture_output=True, timeout=60, **kw)


def check(what, ok, detail=""):
    global failures, passed
    if ok:
        passed += 1
    else:
        failures += 1
        print("FAIL %s %s" % (what, detail))


def events(data):
    return [json.loads(line) for line in data.splitlines()]


def path(name):
    return os.path.join(WORK, name)


def big_capture(name, packets, flows=500, size=200):
    """A pcap of UDP packets, one microsecond apart."""
    out = path(name)
    with open(out, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for i in range(packets):
            ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, size - 14, 0, 0, 64, 17, 0,
                             struct.pack("!I", 0x0A000000 + i % flows), b"\x0a\xff\0\1")
            udp = struct.pack("!HHHH", 1024, 53, size - 34, 0)
            frame = b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + ip + udp
            f.write(struct.pack("<IIII", 1700000000 + i // 1000000, i % 1000000, len(frame), size))
            f.write(frame)
    return out


def identities(s):
    ok = s["received"] == s["captured"] + (s["kernel_dropped"] or 0)
    ok = ok and s["captured"] == s["queue_dropped"] + s["decoded"] + s["ignored"] + s["malformed"]
    ok = ok and s["decoded"] == s["flows"]["packets_final"] + s["flows"]["packets_active"]
    ok = ok and s["ignored"] == sum(s["ignored_by_reason"].values())
    ok = ok and s["malformed"] == sum(s["malformed_by_reason"].values())
    return ok and all(o["events_made"] == o["events_written"] + o["events_dropped"] + o["events_lost"]
                      for o in s["outputs"])


def test_help_and_version():
    r = run("--version")
    check("--version", r.returncode == 0 and b"flowtap 0." in r.stdout)
    check("no command", run().returncode == 2)
    check("unknown command", run("lvie").returncode == 2 and b"live" in run("lvie").stderr)
    for command in ("live", "read"):
        text = run("help", command).stdout.decode()
        options = json.loads(run("__dump-options", "json").stdout)
        missing = [o["name"] for o in options if o[command] and "--" + o["name"] not in text]
        check("help %s lists every option" % command, not missing, missing)
        check("%s --help" % command, run(command, "--help").stdout.decode() == text)
    check("completion parses", subprocess.run(
        ["bash", "-n"], input=run("__dump-options", "bash").stdout).returncode == 0)


def test_wrong_command_lines():
    cases = [
        (["read"], b"capture file"),
        (["read", "--idle-timout", "3", SAMPLE], b"did you mean idle-timeout?"),
        (["read", "--idle-timeout", "soon", SAMPLE], b"--idle-timeout: 'soon': allowed is"),
        (["read", "-w", "0", SAMPLE], b"--workers: '0': allowed is a whole number from 1 to 128"),
        (["read", "--overflow", "wait", SAMPLE], b"--overflow: 'wait': allowed is drop|block"),
        (["read", "-e", "sample,flows", SAMPLE], b"--events: 'sample,flows'"),
        (["read", "-o", "jsonl:x", SAMPLE], b"there is no format 'jsonl'"),
        (["read", "-o", "ndjson:x?rotat=1h", SAMPLE], b"there is no parameter 'rotat'"),
        (["read", "-o", "ndjson:x?rotate=often", SAMPLE], b"rotate=often: allowed is"),
        (["read", "--snapshot", "8,8", SAMPLE], b"--snapshot: '8,8'"),
        (["read", "-i", "eth0", SAMPLE], b"interface: is not an option of 'read'"),
        (["live", "eth0"], b"named with -i"),
        (["read", "-f", "tcp prot 80", SAMPLE], b"filter"),
        (["read", "-Z", SAMPLE], b"-Z: there is no such option"),
        (["schema", "--format", "xml"], b"'xml': allowed is"),
    ]
    for args, text in cases:
        r = run(*args)
        check("exit 2: %s" % args, r.returncode == 2 and text in r.stderr, r.stderr)


def test_configuration_file():
    good = path("good.yaml")
    with open(good, "w") as f:
        f.write("events: flow\nidle-timeout: 0.5\nworkers: 1\noutput:\n  - ndjson:-\nquiet: true\n")
    r = run("read", "-c", good, SAMPLE)
    check("configuration", r.returncode == 0 and len(events(r.stdout)) > 15 and not r.stderr, r.stderr)
    r = run("read", "-c", good, "-e", "stats", SAMPLE)
    check("the command line wins", [e["event_type"] for e in events(r.stdout)] == ["pipeline_stats"])
    bad = [("events: flow\nidle-timout: 3\n", b":2: idle-timout: there is no such option; did you mean"),
           ("idle-timeout: x\n", b":1: idle-timeout: 'x': allowed is"),
           ("events: flow\nevents: sample\n", b":2: events: stands here twice"),
           ("a: [1\n", b":"), ("- flow\n", b"expected one mapping"),
           ("events: {a: b}\n", b":1: events: allowed is one plain value"),
           ("config: x\n", b":1: config: belongs on the command line")]
    for text, want in bad:
        with open(path("bad.yaml"), "w") as f:
            f.write(text)
        r = run("read", "-c", path("bad.yaml"), SAMPLE)
        check("bad YAML %r" % text, r.returncode == 2 and want in r.stderr, r.stderr)
    check("no such file", run("read", "-c", path("none"), SAMPLE).returncode == 2)


def test_events():
    r = run("read", "-w", "1", "-e", "all", SAMPLE)
    all_events = events(r.stdout)
    kinds = [e["event_type"] for e in all_events]
    check("exit 0", r.returncode == 0)
    check("samples", kinds.count("network_flow_sample") == 116)
    check("records", kinds.count("network_flow_record") == 15)
    check("the account comes last", kinds[-1] == "pipeline_stats" and kinds.count(kinds[-1]) == 1)
    check("event_type is first", all(line.startswith(b'{"event_type":"') for line in r.stdout.splitlines()))
    check("identities", identities(all_events[-1]), all_events[-1])
    finals = [e for e in all_events if e["event_type"] == "network_flow_record" and e["is_final"]]
    check("records sum to what was decoded",
          sum(e["aggregate_metrics"]["packet_count"] for e in finals) == all_events[-1]["decoded"])
    check("bytes too", sum(e["aggregate_metrics"]["byte_count"] for e in finals)
          == all_events[-1]["decoded_bytes"])
    reasons = sorted(e["reason"] for e in finals)
    check("closed connections end, the others meet the end of the file",
          reasons == ["end"] * 8 + ["eof"] * 7, reasons)
    vlan = [e for e in finals if e["flow_key"]["dst_ip"] == "203.0.113.9"]
    check("vlan_id", vlan[0]["features"]["vlan_id"] == 42)


def test_workers_agree():
    capture = big_capture("agree.pcap", 30000)
    one = run("read", "-w", "1", "-e", "sample,flow", "--quiet", capture, SAMPLE).stdout.splitlines()
    for w in ("2", "3", "8"):
        many = run("read", "-w", w, "-e", "sample,flow", "--quiet", capture, SAMPLE).stdout.splitlines()
        check("-w %s gives the same lines" % w, sorted(one) == sorted(many), len(many))
    sampled = run("read", "-w", "1", "-s", "7", "--quiet", capture).stdout.splitlines()
    for w in ("2", "5"):
        many = run("read", "-w", w, "-s", "7", "--quiet", capture).stdout.splitlines()
        check("-w %s samples the same packets" % w, sorted(sampled) == sorted(many))
    check("1 in 7", len(sampled) == (30000 + 6) // 7)


def test_split_files():
    """Several workers guess where records begin; packets that hold record headers must not fool them."""
    fake = struct.pack("<IIII", 1700000000, 5, 60, 60) + b"\2" * 12 + b"\x08\0" + b"E" * 46
    out = path("fake.pcap")
    with open(out, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))
        for i in range(30000):
            # big packets full of what looks like records, then so many small ones that a chunk overflows
            body = fake * 18 if i < 4000 else b""
            total = 28 + len(body)
            ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, total, 0, 0, 64, 17, 0,
                             struct.pack("!I", 0x0A000000 + i % 700), b"\x0a\xff\0\1")
            frame = b"\2\0\0\0\0\1\2\0\0\0\0\2\x08\0" + ip + struct.pack("!HHHH", 7, 53, total - 20, 0) + body
            f.write(struct.pack("<IIII", 1700000000 + i // 1000, i % 1000, len(frame), len(frame)) + frame)
    one = run("read", "-w", "1", "-e", "sample,flow", "--quiet", out)
    for w in ("2", "3", "6"):
        many = run("read", "-w", w, "-e", "sample,flow", "--quiet", out)
        check("-w %s is not fooled" % w, sorted(one.stdout.splitlines()) == sorted(many.stdout.splitlines())
              and one.returncode == many.returncode == 0, many.stderr)
    with open(out, "rb") as f:
        data = f.read()
    for n in (len(data) - 7, len(data) // 2):
        with open(path("torn.pcap"), "wb") as f:
            f.write(data[:n])
        a, b = (run("read", "-w", w, "-e", "sample", path("torn.pcap")) for w in ("1", "3"))
        check("torn at %d" % n, sorted(a.stdout.splitlines()) == sorted(b.stdout.splitlines())
              and a.returncode == b.returncode == 1 and b"torn.pcap" in b.stderr, b.stderr)


def test_inputs():
    plain = run("read", "-w", "1", "--quiet", SAMPLE).stdout
    with open(SAMPLE, "rb") as f:
        data = f.read()
    with gzip.open(path("a.pcap.gz"), "wb") as f:
        f.write(data)
    check("gz", run("read", "-w", "1", "--quiet", path("a.pcap.gz")).stdout == plain)
    if shutil.which("zstd"):
        subprocess.run(["zstd", "-q", "-f", SAMPLE, "-o", path("a.zst")], check=True)
        check("zst", run("read", "-w", "1", "--quiet", path("a.zst")).stdout == plain)
    check("stdin", run("read", "-w", "1", "--quiet", "-", input=data).stdout == plain)
    for n in (99, 5000, len(data) - 1):
        with open(path("cut.pcap"), "wb") as f:
            f.write(data[:n])
        r = run("read", "-w", "1", path("cut.pcap"))
        check("cut at %d" % n, r.returncode == 1 and b"byte" in r.stderr or b"offset" in r.stderr, r.stderr)
        check("what comes before is there", plain.startswith(r.stdout) and (n == 99 or r.stdout))
    for name, content in (("empty", b""), ("text", b"hello, this is no capture\n")):
        with open(path(name), "wb") as f:
            f.write(content)
        r = run("read", path(name))
        check("refuses " + name, r.returncode == 1 and name.encode() in r.stderr, r.stderr)
    with open(path("bluetooth.pcap"), "wb") as f:
        f.write(data[:20] + struct.pack("<I", 187) + data[24:])
    r = run("read", path("bluetooth.pcap"))
    check("refuses a link type by name", r.returncode == 1 and b"187" in r.stderr and b"BLUETOOTH" in r.stderr,
          r.stderr)
    r = run("read", "-w", "1", "-e", "sample,stats", "--quiet", "-f", "udp port 53", SAMPLE)
    s = events(r.stdout)
    check("filter", len(s) == 13 and s[-1]["ignored_by_reason"]["filtered"] == 106, s[-1])


def test_outputs():
    run("read", "-w", "1", "--quiet", "-e", "all", "-o", "ndjson:" + path("a.json"),
        "-o", "csv:" + path("f.csv"), "-o", "csv:" + path("s.csv") + "?event=sample",
        "-o", "ndjson:" + path("z.json.gz") + "?compress=gzip", "-o", "null:", SAMPLE)
    with open(path("a.json"), "rb") as f:
        plain = f.read()
    with gzip.open(path("z.json.gz")) as f:
        check("gzip holds the same kinds", len(f.read().splitlines()) == len(plain.splitlines()))
    with open(path("f.csv")) as f:
        rows = f.read().splitlines()
    check("csv of flows", len(rows) == 16 and rows[0].startswith("timestamp,flow_id,reason"), rows[:1])
    check("every row has every column", len({r.count(",") for r in rows}) == 1)
    with open(path("s.csv")) as f:
        check("csv of samples", len(f.read().splitlines()) == 117)
    r = run("read", "-o", "ndjson:" + path("no/such/dir"), SAMPLE)
    check("a file that cannot be made", r.returncode == 1 and b"no/such/dir" in r.stderr)


def test_rotation():
    capture = big_capture("rotate.pcap", 20000)
    os.mkdir(path("rot"))
    r = run("read", "-w", "1", "--quiet", "-o", "ndjson:" + path("rot/x.json") + "?rotate=1MB", capture)
    names = sorted(os.listdir(path("rot")))
    lines = 0
    for name in names:
        with open(path("rot/" + name), "rb") as f:
            lines += len(events(f.read()))
    check("rotation by size", r.returncode == 0 and len(names) >= 5, names)
    check("nothing is lost or torn", lines == 20000, lines)


def test_no_space():
    r = run("read", "-w", "1", "-e", "sample,stats", "-o", "ndjson:/dev/full", "-o", "ndjson:-", SAMPLE)
    s = events(r.stdout)[-1]
    full = [o for o in s["outputs"] if o["output"].endswith("full")][0]
    check("a full disk is counted", full["events_lost"] == 116 and full["events_written"] == 0, full)
    check("and said", b"/dev/full" in r.stderr and r.returncode == 1, r.stderr)

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (300000, 300000))

    capture = big_capture("limit.pcap", 5000)
    r = run("read", "-w", "1", "--quiet", "-o", "ndjson:" + path("limited.json"), capture, preexec_fn=limit)
    with open(path("limited.json"), "rb") as f:
        data = f.read()
    check("every line of a full file is whole", data.endswith(b"\n") and len(events(data)) > 500)


def test_reader_goes_away():
    capture = big_capture("many.pcap", 300000)
    p = subprocess.Popen([PROGRAM, "read", capture], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    p.stdout.readline()
    p.stdout.close()
    err = p.stderr.read()
    check("the last reader went away: exit 1", p.wait(timeout=20) == 1 and b"went away" in err, err)
    check("the account still adds up", b"DOES NOT ADD UP" not in err)


def test_stopping():
    capture = big_capture("stop.pcap", 300000)
    fifo = path("fifo")
    os.mkfifo(fifo)
    p = subprocess.Popen([PROGRAM, "read", "-e", "all", "-o", "ndjson:" + path("stop.json"), fifo],
                         stderr=subprocess.PIPE)
    with open(capture, "rb") as src, open(fifo, "wb") as dst:
        dst.write(src.read(8000000))
        dst.flush()
        time.sleep(0.5)
        p.send_signal(signal.SIGTERM)
        err = p.stderr.read()
    check("SIGTERM: exit 0", p.wait(timeout=20) == 0, err)
    with open(path("stop.json"), "rb") as f:
        last = events(f.read())[-1]
    check("it drained what it had read", last["is_final"] and identities(last) and last["captured"] > 1000)
    check("flows end with shutdown", last["flows"]["ended_by_reason"]["shutdown"] == last["flows"]["ended"])
    # a reader that does not read, with a stop: bounded, not for ever
    p = subprocess.Popen([PROGRAM, "read", "--drain-timeout", "1", capture], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE)
    time.sleep(0.5)
    p.send_signal(signal.SIGINT)
    start = time.time()
    try:
        p.wait(timeout=20)
    except subprocess.TimeoutExpired:
        p.kill()
    took = time.time() - start
    check("a stuck reader does not hold up the end", 0.9 < took < 10, took)
    check("what it did not take is lost: exit 1", p.returncode == 1, p.returncode)
    p = subprocess.Popen([PROGRAM, "read", "-"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    time.sleep(0.3)
    p.send_signal(signal.SIGINT)
    check("SIGINT with nothing read: exit 0", p.wait(timeout=10) == 0)
    p.stdin.close()


def test_hangup_reopens():
    with open(SAMPLE, "rb") as f:
        data = f.read()
    p = subprocess.Popen([PROGRAM, "read", "-w", "1", "--quiet", "-o", "ndjson:" + path("hup.json"), "-"],
                         stdin=subprocess.PIPE)
    p.stdin.write(data)
    p.stdin.flush()
    time.sleep(0.5)
    os.rename(path("hup.json"), path("hup.1"))
    p.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    p.stdin.write(data[24:])
    p.stdin.close()
    check("exit 0", p.wait(timeout=10) == 0)
    counts = []
    for name in ("hup.1", "hup.json"):
        with open(path(name), "rb") as f:
            counts.append(len(events(f.read())))
    check("each file has its half", counts == [116, 116], counts)


def test_schema_and_interfaces():
    for form in ("json-schema", "arrow"):
        check(form + " is JSON", isinstance(json.loads(run("schema", "--format", form).stdout), dict))
    schema = json.loads(run("schema", "--format", "json-schema", "-p", "base").stdout)
    out = events(run("read", "-w", "1", "-e", "all", "--quiet", SAMPLE).stdout)
    for e in out:
        want = schema["$defs"][e["event_type"]]
        check("keys of " + e["event_type"], list(e) == list(want["properties"]), list(e))
        for key, value in e.items():
            if key in ("flow_key", "aggregate_metrics", "features"):
                check("keys of " + key, list(value) == list(want["properties"][key]["properties"]))
    check("clickhouse", run("schema", "--format", "clickhouse").stdout.count(b"CREATE TABLE") == 11)
    listed = json.loads(run("interfaces", "--json").stdout)
    check("interfaces", all(k in listed[0] for k in
                            ("index", "name", "addresses", "link_type", "state", "description")))
    r = run("live", "-i", "nosuch0")
    check("an interface that is not there", r.returncode in (1, 2) and b"nosuch0" in r.stderr, r.stderr)


def test_privileges():
    if os.geteuid() == 0:
        nobody = dict(user=65534, group=65534, extra_groups=[])
        prog = path("flowtap-copy")
        shutil.copy(PROGRAM, prog)
        os.chmod(prog, 0o755)
        r = subprocess.run([prog, "live", "-i", "lo"], capture_output=True, timeout=20, **nobody)
        check("without the privilege: one line that says setcap",
              r.returncode == 1 and b"setcap cap_net_raw" in r.stderr, r.stderr)
        p = subprocess.Popen([PROGRAM, "read", "--quiet", "-"], stdin=subprocess.PIPE)
        time.sleep(0.5)
        with open("/proc/%d/status" % p.pid) as f:
            status = dict(line.split(":", 1) for line in f if ":" in line)
        check("root became nobody", status["Uid"].split() == ["65534"] * 4, status["Uid"])
        check("no capabilities", int(status["CapEff"], 16) == 0)
        check("no new privileges", status["NoNewPrivs"].strip() == "1")
        sanitized = b"sanitizer" in run("read", "-v", SAMPLE).stderr
        check("a system-call filter", sanitized or status["Seccomp"].strip() == "2", status["Seccomp"])
        p.stdin.close()
        p.wait(timeout=10)
        check("--user that is not there", run("read", "--user", "no-such-user", SAMPLE).returncode == 2)


def test_anonymize():
    with open(path("key"), "wb") as f:
        f.write(bytes(range(32)))
    plain = events(run("read", "-w", "1", "--quiet", "-e", "flow", SAMPLE).stdout)
    mapped = events(run("read", "-w", "1", "--quiet", "-e", "flow", "--anonymize", path("key"), SAMPLE).stdout)
    names = {}
    for a, b in zip(plain, mapped):
        for k in ("src_ip", "dst_ip"):
            check("one address, one name", names.setdefault(a["flow_key"][k], b["flow_key"][k])
                  == b["flow_key"][k])
        check("counters stay", a["aggregate_metrics"] == b["aggregate_metrics"])
        check("ids do not tell", a["flow_id"] != b["flow_id"]
              and a["features"]["community_id"] != b["features"]["community_id"])
    check("addresses are mapped", all(a != b for a, b in names.items()), names)
    with open(path("short"), "wb") as f:
        f.write(b"x")
    check("a bad key", run("read", "--anonymize", path("short"), SAMPLE).returncode == 2)


def main():
    for name, test in sorted(globals().items()):
        if name.startswith("test_"):
            before = failures
            try:
                test()
            except Exception as e:  # a test that breaks is a failed test
                check(name, False, repr(e))
            print("%s %s" % ("ok  " if failures == before else "FAIL", name), flush=True)
    shutil.rmtree(WORK, ignore_errors=True)
    print("%d passed, %d failed" % (passed, failures))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
