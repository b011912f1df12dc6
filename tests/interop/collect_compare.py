# SPDX-License-Identifier: Apache-2.0
"""One function for each kind of golden: reads it, and hands every value of it, beside flowtap's, to
the comparison. See collect_goldens.py.
"""
import ipaddress
import json
import re

import collect_names as names
import collect_support as support
from collect_sflow import (compare_gopacket, compare_sflow_tshark, compare_telegraf_sflow,
                           compare_vflow_sflow)
from collect_tshark import compare_tshark

ABSENT = "-"
VERSIONS = {"netflow_v1": 1, "netflow_v5": 5, "netflow_v7": 7, "netflow_v9": 9, "ipfix": 10}


def squash(name):
    return name.replace("_", "").lower()


def ours_of(event, where):
    """The value of an event that a row of collect_names names."""
    if "|" in where:
        both = [ours_of(event, x) for x in where.split("|")]
        return next((v for v in both if v != ABSENT), ABSENT)
    if not where.startswith("@"):
        found = {squash(k): v for k, v in event["features"].items()}
        v = found.get(where, ABSENT)
        return float(v) if isinstance(v, str) and re.fullmatch(r"-?\d+\.\d+(e[+-]\d+)?", v) else v
    key, exporter, counts = event["flow_key"], event["exporter"], event["aggregate_metrics"]
    if where in ("@first_ms", "@last_ms"):
        t = counts["first_seen" if where == "@first_ms" else "last_seen"]
        return ABSENT if t is None else support.seconds_to_ns(t) // 1000000
    if where in ("@engine_type", "@engine_id"):  # of v5, whose domain is made of both
        if VERSIONS[exporter["export_protocol"]] != 5:
            return ABSENT
        domain = exporter["domain_id"]
        return domain >> 8 if where == "@engine_type" else domain & 255
    if where in ("@icmp_type", "@icmp_code"):
        both = event["features"].get("icmp_type_code_ipv4")
        return ABSENT if both is None else both >> 8 if where == "@icmp_type" else both & 255
    return {"@src": key["src_ip"], "@dst": key["dst_ip"], "@src_port": key["src_port"],
            "@dst_port": key["dst_port"], "@protocol": key["protocol"],
            "@packets": counts["packet_count"], "@bytes": counts["byte_count"],
            "@sequence": exporter["sequence"], "@version": VERSIONS[exporter["export_protocol"]],
            "@timestamp_ms": support.seconds_to_ns(event["timestamp"]) // 1000000,
            "@sampling_rate": exporter["sampling_rate"] or 0}[where]


def known_name(table, name):
    """(where, reading), None for what no record has."""
    if name in table:
        return table[name]
    bare = squash(name)
    # the codec puts the vendor in front
    short = re.sub(r"^(netscaler|vmware|ixia)", "", bare)
    return ("%s|%s" % (bare, short) if short != bare else bare, names.same)


def pair_values(table, theirs, event):
    """[(field, theirs, ours)] of one record; values that ours has in another form are read."""
    found = []
    for name, value in theirs.items():
        row = known_name(table, name)
        if row is None:
            continue
        ours = ours_of(event, row[0])
        try:
            value = row[1](value)
        except (ValueError, KeyError, TypeError):
            pass  # compared as it stands
        if isinstance(value, float) and isinstance(ours, (int, float)):
            value, ours = round(value, 4), round(float(ours), 4)
        found.append((name, value, ours))
    return found


def best(table, theirs, events, hint):
    """The event that agrees with most of their values; of equal ones, the one at `hint`."""
    if not events:
        return None
    score = [sum(1 for _, a, b in pair_values(table, theirs, e) if a == b) for e in events]
    top = max(score)
    if hint is not None and hint < len(events) and score[hint] == top:
        return hint
    return score.index(top)


def compare_record(c, table, theirs, events, hint, where):
    at = best(table, theirs, events, hint)
    if at is None:
        c.field(where, "record", "one", "none")
        return
    for field, a, b in pair_values(table, theirs, events[at]):
        c.field(where, field, a, b)
    return at


def logstash_wanted(want):
    """{number of the event: its fields}, of whole events and of single checks."""
    found = {}
    for pair in want["full_json_compare"]:
        theirs = want["expected_events"][pair["expected_events_index"]]
        found.setdefault(pair["decoded_event"], {}).update(theirs["netflow"])
        found[pair["decoded_event"]]["@timestamp"] = theirs["@timestamp"]
    for check in want["field_checks"]:
        name = check["field"].split(".", 1)[1]
        found.setdefault(check["event"], {}).setdefault(name, check["value"])
    return found


def compare_logstash(c, golden, inputs, run_of):
    with open(golden, encoding="utf-8") as f:
        want = json.load(f)
    runs = run_of(inputs)
    events = [e for r in runs for e in r.flows]
    options = sum(r.stats["collect"]["options_records"] for r in runs)
    if want["expected_event_count"] is not None:
        c.field("all", "events", want["expected_event_count"], len(events) + options)
    for index, theirs in sorted(logstash_wanted(want).items(), key=str):
        where = "event %s" % index
        hint = index if options == 0 else None
        at = best(names.LOGSTASH, theirs, events, hint)
        agree = [] if at is None else [a == b for _, a, b in pair_values(
            names.LOGSTASH, theirs, events[at])]
        if options > 0 and sum(agree) * 2 <= len(agree):
            c.field(where, "record", "options data", "no event")
        elif at is not None:
            if hint is not None:
                c.field(where, "place", index, at)
            for field, a, b in pair_values(names.LOGSTASH, theirs, events[at]):
                c.field(where, field, a, b)


def line_values(line):
    """(measurement, {field: value}) of a record of Influx' line protocol."""
    head, _, rest = line.partition(" ")
    values = {}
    for m in re.finditer(r'([a-z_0-9]+)=("(?:[^"\\]|\\.)*"|[^,\s]+)', rest):
        text = m.group(2)
        values[m.group(1)] = text[1:-1] if text[0] == '"' else int(text.rstrip("ui"))
    return head.split(",")[0], values, re.search(r"version=(\w+)", head).group(1)


def compare_telegraf(c, golden, inputs, run_of):
    with open(golden, encoding="utf-8") as f:
        lines = [line_values(x) for x in f.read().splitlines() if x.strip()]
    if lines[0][2] == "sFlowV5":
        compare_telegraf_sflow(c, lines, run_of(inputs))
        return
    run = run_of(inputs)[0]
    wanted = [v for m, v, _ in lines if m == "netflow"]
    c.field("all", "records", len(wanted), len(run.flows))
    c.field("all", "options records", len(lines) - len(wanted),
            run.stats["collect"]["options_records"])
    table = dict(names.TELEGRAF)
    if lines[0][2] == "NetFlowV5":
        table["flows"] = None  # the header's count
    left = list(run.flows)
    for i, theirs in enumerate(wanted):
        at = compare_record(c, table, theirs, left, 0, "line %d" % (i + 1))
        if at is not None:
            del left[at]


FLAG_NAMES = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"]
FORWARDING = ["UNKNOWN", "FORWARDED", "DROPPED", "CONSUMED"]


def labels_of(features):
    """["0-69", ...]: the labels of the stack, 0 ends it."""
    found = []
    for i, name in enumerate(["mpls_top_label_stack_section"] + [
            "mpls_label_stack_section%d" % k for k in range(2, 11)]):
        label = int(features.get(name, "000000")[:5], 16)
        if label == 0:
            break
        found.append("%d-%d" % (i, label))
    return tuple(found)


def pmacct_key(event):
    """What the goldens aggregate by, from an event, under pmacct's names."""
    f, k = event["features"], event["flow_key"]
    return {
        "ip_src": k["src_ip"], "ip_dst": k["dst_ip"], "port_src": k["src_port"],
        "port_dst": k["dst_port"], "ip_proto": k["protocol"],
        "iface_in": f.get("ingress_interface", 0), "iface_out": f.get("egress_interface", 0),
        "tos": f.get("ip_class_of_service", 0),
        "fwd_status": FORWARDING[f.get("forwarding_status", 0) >> 6],
        "mpls_label_stack": labels_of(f),
        "mask_src": f.get("source_ipv4_prefix_length", f.get("source_ipv6_prefix_length", 0)),
        "mask_dst": f.get("destination_ipv4_prefix_length",
                          f.get("destination_ipv6_prefix_length", 0)),
        "vrf_id_ingress": str(f.get("ingress_vrfid", 0)),
        "vrf_id_egress": str(f.get("egress_vrfid", 0)),
        "mpls_tl_ipv4_address": f.get("mpls_top_label_ipv4_address", "0.0.0.0"),
        "mpls_tl_prefix_length": str(f.get("mpls_top_label_prefix_length", 0)),
        "mpls_tl_type": str(f.get("mpls_top_label_type", 0)),
        "timestamp_start": seconds_of(event, "first_seen"),
        "timestamp_end": seconds_of(event, "last_seen"),
        "timestamp_export": str(support.seconds_to_ns(event["timestamp"]) // 10 ** 9),
    }


def seconds_of(event, which):
    """A time in seconds. Of v9, pmacct takes whole seconds of uptime off the whole seconds of the
    export: it rounds up."""
    t = event["aggregate_metrics"][which]
    if t is None:
        return ABSENT
    up = 10 ** 9 - 1 if event["exporter"]["export_protocol"] == "netflow_v9" else 0
    return str((support.seconds_to_ns(t) + up) // 10 ** 9)


def pmacct_wanted(row):
    """A row's key in the same form. What its maps say, and the times of the day it ran, are not in
    the datagrams: left out."""
    found = {}
    for name, v in list(row.items()) + list(row.get("custom_primitives", {}).items()):
        if name in ("ip_src", "ip_dst"):
            found[name] = str(ipaddress.ip_address(v))
        elif name == "ip_proto":
            found[name] = names.protocol(v)
        elif name == "mpls_label_stack":
            found[name] = tuple(v)
        elif name == "fwd_status":
            found[name] = v.split()[0]
        elif name.startswith("timestamp_") and name not in ("timestamp_arrival",):
            found[name] = v.split(".")[0]
        elif name in ("port_src", "port_dst", "iface_in", "iface_out", "tos", "mask_src",
                      "mask_dst") or name.startswith(("vrf_id", "mpls_tl")):
            found[name] = v
    return found


def pmacct_factor(golden):
    """How the daemon scaled the counts: None: as exporters' sampling rates say."""
    conf = re.sub(r"output-flow-\d+\.json$", "nfacctd-00.conf", golden)
    with open(conf, encoding="utf-8") as f:
        text = f.read()
    if re.search(r"^nfacctd_renormalize: *true", text, re.M):
        if "sampling_map:" not in text:
            return None
        maps = conf.replace("nfacctd-00.conf", "pmacct_mount__sampling-%s.map" % golden[-7:-5])
        with open(maps, encoding="utf-8") as f:
            return int(re.match(r"id=(\d+)", f.read()).group(1))
    return 1


def compare_pmacct(c, golden, inputs, run_of):
    with open(golden, encoding="utf-8") as f:
        rows = [json.loads(line) for line in f if line.strip()]
    events = [e for r in run_of(inputs) for e in r.flows]
    factor = pmacct_factor(golden)
    keys = sorted(set.intersection(*[set(pmacct_wanted(r)) for r in rows]))
    theirs, ours = {}, {}
    for row in rows:
        want = pmacct_wanted(row)
        flags = sum(1 << FLAG_NAMES.index(x) for x in row["tcp_flags"])
        add(theirs, tuple(want[k] for k in keys), row["packets"], row["bytes"], flags)
    for event in events:
        have, count = pmacct_key(event), event["aggregate_metrics"]
        packets, octets = count["packet_count"] * (factor or 1), count["byte_count"] * (factor or 1)
        if factor is None:
            packets, octets = event["estimated_packets"], event["estimated_bytes"]
        add(ours, tuple(have[k] for k in keys), packets, octets,
            event["features"].get("tcp_control_bits", 0))
    c.field("all", "keys", len(theirs), len(ours))
    for key, counts in sorted(theirs.items(), key=str):
        where = " ".join("%s=%s" % x for x in zip(keys, key))
        near = key if key in ours else max(
            ours, key=lambda k: sum(a == b for a, b in zip(k, key)), default=None)
        for name, a, b in zip(keys, key, near or [ABSENT] * len(keys)):
            c.field(where, name, a, b)
        if key in ours:
            for name, a, b in zip(("packets", "bytes", "tcp_flags"), counts, ours[key]):
                c.field(where, name, a, b)


def add(sums, key, packets, octets, flags):
    """Flags are no part of the key: they are or-ed."""
    p, b, f = sums.get(key, (0, 0, 0))
    sums[key] = (p + packets, b + octets, f | flags)


def compare_vflow(c, golden, inputs, run_of):
    """The Go test's lines of the IPFIX decoder: data sets that were decoded, templates known."""
    with open(golden, encoding="utf-8") as f:
        want = json.load(f)["assertions"]
    by_name = {x.rsplit("/", 1)[1]: x for x in inputs}
    first = [by_name["init_tpl.bin"], by_name["init_optsTpl.bin"]]
    for row in want:
        if "template_ids_after" in row:
            run = run_of(first + [by_name[row["input"]]])[0]
            ids = sorted({t["template_id"] for t in run.templates})
            c.field(row["input"], "template_ids_after", row["template_ids_after"], ids)
        elif "errors" in row:
            run = run_of([by_name[row["input"]]])[0]
            c.field(row["input"], "records", 0, len(run.flows))
            c.field(row["input"], "errors", len(row["errors"]), run.stats["collect"]["no_template"])
        elif row.get("decodes_without_error"):
            run = run_of([by_name[x] for x in row["inputs"]])[0]
            c.field("tpl, payload", "errors", 0, run.stats["collect"]["no_template"] + sum(
                run.stats["malformed_by_reason"].values()))
            c.field("tpl, payload", "decoded", True, len(run.flows) > 0)


GRAYLOG = {"srcAddr": "sourceipv4address", "dstAddr": "destinationipv4address",
           "protocol": "protocolidentifier", "srcPort": "sourcetransportport",
           "dstPort": "destinationtransportport", "octetCount": "octetdeltacount",
           "packetCount": "packetdeltacount", "tcpFlags": "tcpcontrolbits",
           "tos": "ipclassofservice", "first": "flowstartsysuptime", "last": "flowendsysuptime",
           "nextHop": "ipnexthopipv4address", "srcAs": "bgpsourceasnumber",
           "dstAs": "bgpdestinationasnumber", "srcMask": "sourceipv4prefixlength",
           "dstMask": "destinationipv4prefixlength", "inputIface": "ingressinterface",
           "outputIface": "egressinterface"}


def compare_graylog(c, golden, inputs, run_of):
    """The Java tests' lines: `record1.srcAddr()`, `f2.get("in_bytes")`, and numbers of records."""
    with open(golden, encoding="utf-8") as f:
        rows = json.load(f)
    by_name = {x.rsplit("/", 1)[1]: x for x in inputs}
    subject = None
    for row in rows:
        chosen = [by_name[x] for x in row["inputs"] if x in by_name]
        text = row["assertion"]
        if len(chosen) != len(row["inputs"]):
            continue
        events = [e for r in run_of(chosen) for e in r.flows]
        subject = (re.search(r"assertThat\((\w+)\)", text) or subject)
        m = re.search(r"\.hasSize\((\d+)\)", text)
        if m and "pcap_" in row["test"]:
            # its records include options data, its messages do not
            options = sum(r.stats["collect"]["options_records"] for r in run_of(chosen))
            more = options if subject.group(1) == "allRecords" else 0
            c.field(row["test"], "records", int(m.group(1)), len(events) + more)
        m = re.match(r'assertEquals\((.*), record(\d)\.(\w+)\(\)\)', text)
        if m and m.group(3) in GRAYLOG:
            c.field("record %s" % m.group(2), m.group(3), java_value(m.group(1)),
                    ours_of(events[int(m.group(2)) - 1], GRAYLOG[m.group(3)]))
        m = re.match(r'assertEquals\((.*), f(\d)\.get\("(\w+)"\)\)', text)
        if m:  # f2 is the record of the second datagram, f3 of the third
            event = events[int(m.group(2)) - 2]
            for name, a, b in pair_values(names.LOGSTASH, {m.group(3): java_value(m.group(1))},
                                          event):
                c.field("record %s" % m.group(2), name, a, b)


def java_value(text):
    m = re.search(r'"([^"]*)"', text)
    if m:
        return m.group(1)
    return int(re.sub(r"\(\w+\)|L", "", text).strip(), 0)


def compare_vflow_any(c, golden, inputs, run_of):
    compare = compare_vflow if "/ipfix/" in golden else compare_vflow_sflow
    compare(c, golden, inputs, run_of)


def compare_tshark_any(c, golden, inputs, run_of):
    if "/sflow/" in golden:
        compare_sflow_tshark(c, golden, inputs, run_of)
    else:
        compare_tshark(c, golden, inputs, run_of, ours_of)


def compare_expected(c, golden, inputs, run_of):
    if "/gopacket/" in golden:
        compare_gopacket(c, golden, inputs, run_of)
    else:
        compare_logstash(c, golden, inputs, run_of)


# kind, what the golden's name has, function
COMPARISONS = [
    ("expected", ".expected", compare_expected),
    ("telegraf", "__expected.out", compare_telegraf),
    ("pmacct", "__output-flow-", compare_pmacct),
    ("vflow", "decoder.assertions.json", compare_vflow_any),
    ("graylog", "assertions.json", lambda c, g, i, r: compare_graylog(c, g, i, r)
     if "/graylog" in g else None),
    ("tshark", ".tshark-4", compare_tshark_any),
]
