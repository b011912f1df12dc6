# SPDX-License-Identifier: Apache-2.0
"""sFlow goldens: gopacket's structures, Telegraf's lines, tshark's tree. See collect_goldens.py."""
import json

ABSENT = "-"
UNKNOWN = {2 ** 32 - 1, 2 ** 64 - 1}  # sFlow v5: a counter that the agent does not have


def squash(name):
    return name.replace("_", "").lower()


def counter(v):
    return None if v in UNKNOWN else v


def dotted(octets):
    if len(octets) == 6:
        return ":".join("%02x" % x for x in octets)
    if len(octets) == 4:
        return ".".join(str(x) for x in octets)
    import ipaddress
    return str(ipaddress.IPv6Address(bytes(octets)))


# gopacket's names of counters and of flow records, where they are not flowtap's.
GO_COUNTERS = {
    "ifinucastpkts": "ifinucastpkts", "usertime": "usertimems", "systemtime": "systemtimems",
    "memused": "memusedbytes", "nhit": "hits", "nmissed": "misses", "nmaskhit": "maskhits",
    "str": "name", "portno": "portno", "fiveseccpu": "cpu5spercentx100",
    "onemincpu": "cpu1mpercentx100", "fivemincpu": "cpu5mpercentx100",
    "totalmemory": "totalmemorybytes", "freememory": "freememorybytes",
    "actorsystemid": "dot3adaggportactorsystemid",
    "partnersystemid": "dot3adaggportpartneropersystemid",
    "attachedaggid": "dot3adaggportattachedaggid",
}
GO_FLOWS = {
    "incomingvlan": "srcvlan", "incomingvlanpriority": "srcpriority", "outgoingvlan": "dstvlan",
    "outgoingvlanpriority": "dstpriority", "nexthop": "nexthop", "nexthopsourcemask": "srcmasklen",
    "nexthopdestinationmask": "dstmasklen", "url": "url", "host": "host", "as": "as",
    "sourceas": "srcas", "peeras": "srcpeeras", "communities": "communities",
    "localpref": "localpref", "sourceuserid": "srcuser", "destinationuserid": "dstuser",
}
# Not values of the record: its type and lengths, and what is compared elsewhere.
GO_FRAME = {"_type", "SFlowBaseCounterRecord", "SFlowBaseFlowRecord", "Len", "LacpPortState",
            "Header", "HeaderLength", "HeaderProtocol", "PayloadRemoved", "FrameLength",
            "ASPathCount", "ASPath", "Direction", "SourceCharSet", "DestinationCharSet"}


def known(v):
    """A number of a VLAN, or its priority; all ones: the agent does not know it."""
    return None if v == 0xffffffff else v


def interface(v):
    """An ifIndex; what agents say for one that they do not know, or the device itself, is none."""
    return None if v in (0x3fffffff, 0xffffffff) else v


def go_counter_names(record):
    """The names of a counter record's fields, as flowtap's squashed ones."""
    kind = record["_type"]
    for name, v in record.items():
        if name in GO_FRAME:
            continue
        key = squash(name)
        if "LACP" in kind and key.endswith(("rx", "tx")):
            key = "dot3adaggportstats" + key
        elif "EthernetCounters" in kind:
            key = "dot3stats" + key
        yield name, GO_COUNTERS.get(key, key), dotted(v) if isinstance(v, list) else counter(v)


def compare_go_counters(c, sample, events):
    where = "counter sample %d" % sample["SequenceNumber"]
    events = [e for e in events if e["sample_sequence"] == sample["SequenceNumber"]]
    if len(events) != 1:
        c.field(where, "events", 1, len(events))
        return
    event = events[0]
    c.field(where, "SourceIDIndex", sample["SourceIDIndex"], event["source_index"])
    c.field(where, "SourceIDClass", sample.get("SourceIDClass", 0), event["source_class"])
    c.field(where, "RecordCount", sample["RecordCount"], len(event["counters"]))
    ours = {squash(k): v for record in event["counters"].values() for k, v in record.items()}
    for record in sample["Records"]:
        for name, key, theirs in go_counter_names(record):
            c.field(where, name, theirs, ours.get(key, ABSENT))


def compare_go_flow(c, sample, events):
    where = "flow sample %d" % sample["SequenceNumber"]
    events = [e for e in events if e["exporter"]["sample_sequence"] == sample["SequenceNumber"]]
    raw = [r for r in sample["Records"] if r["_type"] == "SFlowRawPacketFlowRecord"]
    c.field(where, "events of a sampled packet", len(raw), len(events))
    if len(events) != 1:
        return
    exporter = events[0]["exporter"]
    for name, key in (("SamplingRate", "sampling_rate"), ("SamplePool", "sample_pool"),
                      ("Dropped", "drops"), ("InputInterface", "input_interface"),
                      ("OutputInterface", "output_interface"),
                      ("SourceIDIndex", "source_index"), ("SourceIDClass", "source_class")):
        c.field(where, name, interface(sample[name]) if "Interface" in name else sample[name],
                exporter[key])
    ours = {squash(k): v for k, v in events[0]["features"].items()}
    for record in sample["Records"]:
        if record["_type"] == "SFlowRawPacketFlowRecord":
            c.field(where, "FrameLength", record["FrameLength"], events[0]["packet_size_bytes"])
        for name, v in record.items():
            if name not in GO_FRAME:
                key = GO_FLOWS[squash(name)]
                if name == "NextHop":
                    v = dotted(v)
                    key = "bgpnexthop" if "Gateway" in record["_type"] else key
                c.field(where, name, known(v), ours.get(key, ABSENT))
        if "ASPath" in record:
            c.field(where, "ASPath", [x["Members"] for x in record["ASPath"]],
                    ours.get("dstaspath", ABSENT))


def compare_gopacket(c, golden, inputs, run_of):
    with open(golden, encoding="utf-8") as f:
        want = json.load(f)["expected"]
    run = run_of(inputs)[0]
    if want["_type"] == "UDP":
        c.field("udp", "payload", want["Length"] - 8, sum(
            e["bytes"] for e in run.of("exporter_health")))
        return
    stats = run.stats["collect"]
    flows = want.get("FlowSamples", [])
    counters = [x for x in want.get("CounterSamples", []) if isinstance(x, dict)]  # or "nil"
    c.field("all", "SampleCount", want["SampleCount"],
            stats["samples"] + stats["counter_samples"] + stats["discards"])
    c.field("all", "FlowSamples", len(flows), stats["samples"])
    c.field("all", "CounterSamples", len(counters), stats["counter_samples"])
    health = run.of("exporter_health")[0]["exporter"]
    c.field("all", "AgentAddress", dotted(want["AgentAddress"]), health["agent"])
    c.field("all", "SubAgentID", want.get("SubAgentID", 0), health["domain_id"])
    for event in run.samples + run.counters + run.discards:
        c.field("all", "SequenceNumber", want["SequenceNumber"], event["exporter"]["sequence"])
    for sample in flows:
        compare_go_flow(c, sample, run.samples)
    for sample in counters:
        compare_go_counters(c, sample, run.counters)


TELEGRAF_COUNTERS = {
    "interface": "ifindex", "interface_type": "iftype", "speed": "ifspeed",
    "in_bytes": "ifinoctets", "in_unicast_packets_total": "ifinucastpkts",
    "in_mcast_packets_total": "ifinmulticastpkts",
    "in_broadcast_packets_total": "ifinbroadcastpkts", "in_dropped_packets": "ifindiscards",
    "in_errors": "ifinerrors", "in_unknown_protocol": "ifinunknownprotos",
    "out_bytes": "ifoutoctets", "out_unicast_packets_total": "ifoutucastpkts",
    "out_mcast_packets_total": "ifoutmulticastpkts",
    "out_broadcast_packets_total": "ifoutbroadcastpkts", "out_dropped_packets": "ifoutdiscards",
    "out_errors": "ifouterrors", "promiscuous": "ifpromiscuousmode", "port_name": "name",
}


def compare_telegraf_sflow(c, lines, runs):
    events = runs[0].counters + runs[0].discards
    c.field("all", "records", len(lines), len(events) + len(runs[0].samples))
    for (_, theirs, _), event in zip(lines, events):
        exporter = event["exporter"]
        c.field("line", "agent_ip", theirs["agent_ip"], exporter["agent"])
        c.field("line", "agent_subid", theirs["agent_subid"], exporter["domain_id"])
        if "drops" in event:
            for name, ours in (("in_snmp", exporter["input_interface"]),
                               ("out_snmp", exporter["output_interface"]),
                               ("out_queue", event["features"].get("queue", ABSENT)),
                               ("reason", event["reason_code"]),
                               ("sampling_drops", event["drops"]),
                               ("seq_number", event["exporter"]["sample_sequence"])):
                c.field("line", name, theirs[name], ours)
            continue
        c.field("line", "seq_number", theirs["seq_number"], event["sample_sequence"])
        c.field("line", "in_snmp", theirs["in_snmp"], event["source_index"])
        ours = {squash(k): v for r in event["counters"].values() for k, v in r.items()}
        for name, key in TELEGRAF_COUNTERS.items():
            c.field("line", name, counter(theirs[name]), ours.get(key, ABSENT))
        c.field("line", "status", {"up": 3, "down": 0}[theirs["status"]], ours["ifstatus"])


TSHARK_COUNTERS = {
    "ifindex": "ifindex", "iftype": "iftype", "ifspeed": "ifspeed", "ifdirection": "ifdirection",
    "ifinoct": "ifinoctets", "ifinpkt": "ifinucastpkts", "ifinmcast": "ifinmulticastpkts",
    "ifinbcast": "ifinbroadcastpkts", "ifindisc": "ifindiscards", "ifinerr": "ifinerrors",
    "ifinunk": "ifinunknownprotos", "ifoutoct": "ifoutoctets", "ifoutpkt": "ifoutucastpkts",
    "ifoutmcast": "ifoutmulticastpkts", "ifoutbcast": "ifoutbroadcastpkts",
    "ifoutdisc": "ifoutdiscards", "ifouterr": "ifouterrors", "ifpromisc": "ifpromiscuousmode",
    "vlan_id": "vlanid", "octets": "octets", "ucastPkts": "ucastpkts",
    "multicastPkts": "multicastpkts", "broadcastPkts": "broadcastpkts", "discards": "discards",
    "cpu_5s": "cpu5spercentx100", "cpu_1m": "cpu1mpercentx100", "cpu_5m": "cpu5mpercentx100",
    "total_memory": "totalmemorybytes", "free_memory": "freememorybytes",
}
TSHARK_FLOWS = {
    "vlan.in": "srcvlan", "vlan.out": "dstvlan", "pri.in": "srcpriority", "pri.out": "dstpriority",
    "nexthop": "nexthop", "nexthop.v6": "nexthop", "nexthop.src_mask": "srcmasklen",
    "nexthop.dst_mask": "dstmasklen", "as": "as", "srcAS": "srcas", "peerAS": "srcpeeras",
    "localpref": "localpref",
}


def compare_vflow_sflow(c, golden, inputs, run_of):
    """The Go test's expressions on the header of its datagram, and its number of samples."""
    with open(golden, encoding="utf-8") as f:
        rows = json.load(f)["assertions"]
    plain, padded = [run_of([x])[0] for x in sorted(inputs, key=len)]
    event = plain.samples[0]["exporter"]
    ours = {"datagram.SamplesNo": plain.stats["collect"]["samples"],
            "datagram.SequenceNo": event["sequence"],
            "datagram.IPAddress.String()": event["agent"],
            "len(datagram.Samples)": padded.stats["collect"]["samples"]}
    for row in rows:
        if row["expr"] in ours:
            c.field(row["test"], row["expr"], number(row["expected"].strip('"')), ours[row["expr"]])


def each(tree, title):
    """The samples of a datagram's tree whose titles begin so; equal titles stand in a list."""
    for name, value in tree.items():
        if name.startswith(title):
            for v in value if isinstance(value, list) else [value]:
                yield v


def number(text):
    try:
        return int(text, 0)
    except ValueError:
        return text


def leaves(tree, prefix):
    """(name without prefix, value) of the records below a sample."""
    for name, v in tree.items():
        if isinstance(v, dict):
            yield from leaves(v, prefix)
        elif isinstance(v, list) and all(isinstance(x, dict) for x in v):
            for x in v:
                yield from leaves(x, prefix)
        elif name.startswith(prefix) and isinstance(v, str):
            yield name.split(".", 1)[1], number(v)


def compare_tshark_counters(c, sample, events):
    sequence = int(sample["sflow.counters_sample.sequence_number"])
    index = int(sample["sflow.counters_sample.source_id_index"])
    where = "counter sample %d of %d" % (sequence, index)
    ours = {}
    for event in events:
        if event["sample_sequence"] == sequence and event["source_index"] == index:
            for record in event["counters"].values():
                ours.update({squash(k): v for k, v in record.items()})
            c.field(where, "source_id_type", int(sample["sflow.counters_sample.source_id_type"]),
                    event["source_class"])
            break
    for name, v in leaves(sample, "sflow_"):
        key = TSHARK_COUNTERS.get(name, squash(name) if name.startswith("dot3Stats") else None)
        if key is not None:
            c.field(where, name, counter(v), ours.get(key, ABSENT))
        elif name in ("ifadmin_status", "ifoper_status"):
            bit = 0 if name == "ifadmin_status" else 1
            c.field(where, name, v, ours.get("ifstatus", 0) >> bit & 1)


def first_ip(tree):
    """(source, destination) of the outermost IP header of a sampled packet."""
    header = tree.get("ip") or tree.get("ipv6")
    if isinstance(header, list):
        header = header[0]
    if not isinstance(header, dict):
        return None
    return header.get("ip.src", header.get("ipv6.src")), header.get("ip.dst",
                                                                    header.get("ipv6.dst"))


def compare_tshark_flow(c, sample, events):
    sequence = int(sample["sflow.flow_sample.sequence_number"])
    where = "flow sample %d" % sequence
    raw = sample.get("Raw packet header")
    addresses = first_ip(raw.get("sflow_245.header_tree", {})) if raw else None
    events = [e for e in events if e["exporter"]["sample_sequence"] == sequence and str(
        e["exporter"]["source_index"]) == sample.get("sflow.flow_sample.index", "")]
    if addresses is None:
        c.field(where, "events of a sample without IP", 0, len(events))
        return
    if len(events) != 1:
        c.field(where, "events", 1, len(events))
        return
    event = events[0]
    for name, key in (("sampling_rate", "sampling_rate"), ("sample_pool", "sample_pool"),
                      ("dropped_packets", "drops"), ("source_id_class", "source_class")):
        c.field(where, name, int(sample["sflow.flow_sample." + name]), event["exporter"][key])
    c.field(where, "input_interface", interface(number(
        sample["sflow.flow_sample.input_interface"])),
            event["exporter"]["input_interface"])
    out = sample.get("sflow.flow_sample.output_interface_tree", {})
    if out.get("sflow.flow_sample.output_interface_format") == "0":
        c.field(where, "output_interface", interface(int(
            out["sflow.flow_sample.output_interface_value"])),
                event["exporter"]["output_interface"])
    c.field(where, "frame_length", int(raw["sflow_245.header.frame_length"]),
            event["packet_size_bytes"])
    c.field(where, "ip.src", addresses[0], event["flow_key"]["src_ip"])
    c.field(where, "ip.dst", addresses[1], event["flow_key"]["dst_ip"])
    ours = {squash(k): v for k, v in event["features"].items()}
    for title, record in sample.items():
        for name, v in leaves({title: record} if title != "Raw packet header" else {},
                              "sflow_245."):
            if name in TSHARK_FLOWS:
                of = "bgp" if "gateway" in title and name.startswith("nexthop") else ""
                c.field(where, name, known(v), ours.get(of + TSHARK_FLOWS[name], ABSENT))


def compare_sflow_tshark(c, golden, inputs, run_of):
    with open(golden, encoding="utf-8") as f:
        datagrams = json.load(f)["datagrams"]
    run = run_of(inputs)[0]
    trees = []
    for datagram in datagrams:
        tree = datagram.get("sflow")
        trees += tree if isinstance(tree, list) else [tree] if tree else []
    for tree in trees:
        if "sflow_245.sequence_number" not in tree:
            continue  # cut off in the header
        sequence = int(tree["sflow_245.sequence_number"])
        same = [e for e in run.events if e.get("exporter", {}).get("sequence") == sequence]
        counters = [e for e in same if e["event_type"] == "counter_sample"]
        samples = [e for e in same if e["event_type"] == "network_flow_sample"]
        for title in ("Counters sample", "Expanded counters sample"):
            for sample in each(tree, title):
                compare_tshark_counters(c, sample, counters)
        for title in ("Flow sample", "Expanded flow sample"):
            for sample in each(tree, title):
                compare_tshark_flow(c, sample, samples)
