#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Thirty questions about an hour of traffic, answered from what the tools of `flowtap mcp` say and nothing else, by an agent
that is a script; what is right is reckoned from the packets that were made (world.py).

    questions.py PROGRAM [--table]      --table: the table of docs/mcp.md
"""
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "examples", "agent"))
sys.path.insert(0, HERE)
import world  # noqa: E402
from ask import Agent, rows, tokens  # noqa: E402

ALL = {"window": "all"}
QUESTIONS = []


def question(text, truth, level=3):
    """level: the highest of privacy at which it can be answered."""
    def keep(answer):
        QUESTIONS.append((text, answer, truth, level))
        return answer
    return keep


def most(counter):
    return max(counter, key=lambda k: counter[k])


def alert(a, rule):
    return rows(next(r for r in a("detect", kind=rule, **ALL)["rules"] if r["rule"] == rule))[0]


def matching(a, condition):
    return a("flows", filter=condition, limit=1, **ALL)["matching"]


def minute_of(end, ago):
    """"2026-07-01T10:59:37Z" and seconds before it, as a minute."""
    import calendar
    at = calendar.timegm(time.strptime(end, "%Y-%m-%dT%H:%M:%SZ")) - ago
    return time.strftime("%H:%M", time.gmtime(at))


# ---- how much ----

@question("How many flows are stored?", lambda w: len(w.conversations))
def _(a):
    return a("overview", **ALL)["traffic"]["flows"]


@question("How many packets were there?", lambda w: len(w.frames))
def _(a):
    return a("overview", **ALL)["traffic"]["packets"]


@question("How many bytes?", lambda w: sum(len(f) for _, f in w.frames))
def _(a):
    return a("overview", **ALL)["traffic"]["bytes"]


@question("Which host began flows with the most bytes?", lambda w: most(w.sums(lambda c: c["src"])))
def _(a):
    return rows(a("top", key="src", by="bytes", k=1, **ALL))[0]["src_ip"]


@question("What is its share, in whole per cent?",
          lambda w: round(100 * max(w.sums(lambda c: c["src"]).values()) / sum(len(f) for _, f in w.frames)))
def _(a):
    return round(rows(a("top", key="src", by="bytes", k=1, **ALL))[0]["share_pct"])


@question("Which destination has the most bytes?", lambda w: most(w.sums(lambda c: c["dst"])))
def _(a):
    return rows(a("top", key="dst", by="bytes", k=1, **ALL))[0]["dst_ip"]


@question("Which pair has the most bytes, and how many?",
          lambda w: (*most(w.sums(lambda c: (c["src"], c["dst"]))), max(w.sums(lambda c: (c["src"], c["dst"])).values())))
def _(a):
    row = rows(a("top", key="pair", by="bytes", k=1, **ALL))[0]
    return row["src_ip"], row["dst_ip"], row["bytes"]


@question("Which protocols are there, by number?", lambda w: sorted({c["protocol"] for c in w.conversations}))
def _(a):
    return sorted(r["protocol"] for r in rows(a("top", key="protocol", **ALL)))


@question("How many flows went to DNS?", lambda w: len(w.where(dport=53)))
def _(a):
    return next(r["flows"] for r in rows(a("top", key="port", by="flows", **ALL)) if (r["dst_port"], r["protocol"]) == (53, 17))


@question("What share of the bytes is TLS, in whole per cent?",
          lambda w: round(100 * sum(sum(c["bytes"]) for c in w.where(dport=443)) / sum(len(f) for _, f in w.frames)))
def _(a):
    return round(next(r["share_pct"] for r in rows(a("top", key="app", by="bytes", **ALL)) if r["app"] == "tls"))


@question("Which host reached the most others, and how many?",
          lambda w: max(((s, len({c["dst"] for c in w.where(src=s)})) for s in {c["src"] for c in w.conversations}), key=lambda x: x[1]))
def _(a):
    row = rows(a("top", key="src", by="peers", k=1, **ALL))[0]
    return row["src_ip"], row["peers"]


@question("How many hosts asked for names?", lambda w: len({c["src"] for c in w.where(dport=53)}))
def _(a):
    return len(a("top", key="src", by="flows", k=200, filter="dst_port=53", **ALL)["rows"])


@question("How long was the longest flow, in milliseconds?",
          lambda w: round(max(c["last_ns"] - c["first_ns"] for c in w.conversations) / 1e6))
def _(a):
    return round(rows(a("flows", order="-duration_us", limit=1, columns="duration_us", **ALL))[0]["duration_us"] / 1e3)


@question("How many connections to SSH were there, and from how many hosts?",
          lambda w: (len(w.where(kind="ssh")), len({c["src"] for c in w.where(kind="ssh")})))
def _(a):
    top = rows(a("top", key="src", by="flows", k=200, filter="app=ssh", **ALL))
    return sum(r["flows"] for r in top), len(top)


@question("Were packets lost?", lambda w: (0, len(w.frames)))
def _(a):
    data = a("changes")["data"]
    return data["queue_dropped"] + data["loss_pct"], data["received"]


# ---- what is wrong ----

@question("Which rules raised alerts?", lambda w: ["address_scan", "beacon", "exfiltration", "port_scan", "trw_scan"])
def _(a):
    return sorted(r["rule"] for r in rows(a("overview", **ALL)["alerts"]))


@question("Who scanned the network, and on which port?", lambda w: (world.SCANNER, world.SCAN_PORT))
def _(a):
    row = alert(a, "address_scan")
    return row["address"], row["port"]


@question("How many hosts did it try there?", lambda w: len({c["dst"] for c in w.where(kind="scan")}))
def _(a):
    row = alert(a, "address_scan")
    return matching(a, "src_ip=%s and dst_port=%d" % (row["address"], row["port"]))


@question("Did any of them answer?", lambda w: sum(c["packets"][1] > 0 for c in w.where(kind="scan")))
def _(a):
    row = alert(a, "address_scan")
    return matching(a, "src_ip=%s and dst_port=%d and rev_packets>0" % (row["address"], row["port"]))


@question("Whose ports were scanned, and how many?",
          lambda w: (w.where(kind="port scan")[0]["dst"], len({c["dport"] for c in w.where(kind="port scan")})))
def _(a):
    row = alert(a, "port_scan")
    return row["peer"], matching(a, "src_ip=%s and dst_ip=%s" % (row["address"], row["peer"]))


@question("Who calls home by the clock, and where?", lambda w: (world.BEACON, world.BEACON_TO))
def _(a):
    row = alert(a, "beacon")
    return row["address"], row["peer"]


@question("Every how many seconds?", lambda w: round(statistics.median(
    (y["first_ns"] - x["first_ns"]) / 1e9 for x, y in zip(w.where(kind="beacon"), w.where(kind="beacon")[1:]))))
def _(a):
    return round(alert(a, "beacon")["interval_median_s"])


@question("How many calls were there?", lambda w: len(w.where(kind="beacon")))
def _(a):
    row = alert(a, "beacon")
    return matching(a, "src_ip=%s and dst_ip=%s" % (row["address"], row["peer"]))


@question("Under which name?", lambda w: world.BEACON_NAME, level=0)
def _(a):
    return a("flow", id=alert(a, "beacon")["flow_ids"].split(";")[0])["flow"]["untrusted_tls_sni"]


@question("Is what is most like such a call also one of them?", lambda w: {(world.BEACON, world.BEACON_TO)})
def _(a):
    near = rows(a("similar", id=alert(a, "beacon")["flow_ids"].split(";")[0], k=20, **ALL))
    return {(r["src_ip"], r["dst_ip"]) for r in near}


@question("Who sent out more than ever, and to whom?", lambda w: (world.UPLOAD, world.UPLOAD_TO))
def _(a):
    row = alert(a, "exfiltration")
    return row["address"], row["peer"]


@question("How many bytes?", lambda w: w.where(kind="upload")[0]["bytes"][0])
def _(a):
    return alert(a, "exfiltration")["bytes_out"]


@question("When did that begin, to the minute?",
          lambda w: time.strftime("%H:%M", time.gmtime(w.where(kind="upload")[0]["first_ns"] // 10**9)))
def _(a):
    answer = a("detect", kind="exfiltration", **ALL)
    return minute_of(answer["window"]["to"], rows(answer["rules"][0])[0]["first_seen_ago_s"])


@question("Who else talked to that destination?", lambda w: len({c["src"] for c in w.where(dst=world.UPLOAD_TO)} - {world.UPLOAD}))
def _(a):
    row = alert(a, "exfiltration")
    return matching(a, "dst_ip=%s and src_ip!=%s" % (row["peer"], row["address"]))


@question("Who used a name that tells a reader to ignore its instructions, and is it kept apart?", lambda w: (world.READER, [world.TRAP[:64]]),
          level=0)
def _(a):
    found = rows(a("flows", filter="tls_sni ~ ignore-all", columns="src_ip,tls_sni", **ALL))
    return found[0]["src_ip"], [r["untrusted_tls_sni"] for r in found]


# ---- the evaluation ----

def veiled(truth, level):
    """What a right answer is where addresses have become tokens: their kind."""
    if isinstance(truth, (list, tuple, set)):
        return type(truth)(veiled(x, level) for x in truth)
    if level < 3 or not isinstance(truth, str) or truth.count(".") != 3:
        return truth
    return "int-host" if truth.startswith("10.") else "ext-host"


def kinds(answer, level):
    if isinstance(answer, (list, tuple, set)):
        return type(answer)(kinds(x, level) for x in answer)
    return answer[:8] if level >= 3 and isinstance(answer, str) and answer[3:9] == "-host-" else answer


def ask_all(program, store, w, level):
    """(text, right, answer, truth, calls, tokens) of each question that the level of privacy allows."""
    out = []
    agent = Agent(store, level, program)
    try:
        for text, answer, truth, highest in QUESTIONS:
            if level > highest:
                continue
            agent.calls.clear()
            try:
                got = kinds(answer(agent), level)
            except (RuntimeError, KeyError, IndexError, StopIteration) as e:
                got = repr(e)
            want = veiled(truth(w), level)
            sizes = [tokens(c[2]) for c in agent.calls]
            out.append((text, got == want, got, want, len(sizes), sum(sizes)))
    finally:
        agent.close()
    return out


def make_store(program, w, folder):
    capture, store = os.path.join(folder, "world.pcap"), os.path.join(folder, "store")
    w.write(capture)
    subprocess.run([program, "read", "--quiet", "-w", "1", "--observer", "t", "-e", "flow,window,alert", "-p", "vector", "--app",
                    "--window", "60", "-o", "store:" + store, capture], check=True, timeout=120)
    return store


def main():
    program, failed = os.path.abspath(sys.argv[1]), 0
    w = world.World()
    assert len(QUESTIONS) == 30, len(QUESTIONS)
    with tempfile.TemporaryDirectory(prefix="flowtap-agent-") as folder:
        store = make_store(program, w, folder)
        for level in 0, 3:
            answers = ask_all(program, store, w, level)
            sizes = [a[5] for a in answers]
            for text, right, got, want, _, _ in answers:
                if not right:
                    failed += 1
                    print("WRONG at %d: %s: %r, right is %r" % (level, text, got, want))
            if "--table" in sys.argv and level == 0:
                print("| question | answers | tokens |\n|---|---|---|")
                for text, _, _, _, calls, size in answers:
                    print("| %s | %d | %d |" % (text, calls, size))
            print("privacy %d: %d of %d right, tokens a question: median %d, most %d" % (
                level, sum(a[1] for a in answers), len(answers), statistics.median(sizes), max(sizes)))
            failed += max(sizes) > 3000 or statistics.median(sizes) > 1500
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
