# SPDX-License-Identifier: Apache-2.0
"""tshark's dissection of NetFlow and IPFIX, record by record. See collect_goldens.py.

Its tree has no element numbers in the data, so the fields that have a row here are compared. Equal
keys stand in a list: of a field that comes twice in a record, all values have to be there.
"""
import json
import re

# cflow.NAME: (key of features, base of the number; 0: text)
FIELDS = {
    "srcaddr": ("sourceipv4address", 0), "dstaddr": ("destinationipv4address", 0),
    "srcaddrv6": ("sourceipv6address", 0), "dstaddrv6": ("destinationipv6address", 0),
    "srcport": ("sourcetransportport", 10), "dstport": ("destinationtransportport", 10),
    "protocol": ("protocolidentifier", 10), "tos": ("ipclassofservice", 16),
    "tcpflags": ("tcpcontrolbits", 16), "nexthop": ("ipnexthopipv4address", 0),
    "nexthopv6": ("ipnexthopipv6address", 0), "inputint": ("ingressinterface", 10),
    "outputint": ("egressinterface", 10), "srcas": ("bgpsourceasnumber", 10),
    "dstas": ("bgpdestinationasnumber", 10), "bgpnexthop": ("bgpnexthopipv4address", 0),
    "bgpnexthopv6": ("bgpnexthopipv6address", 0), "direction": ("flowdirection", 10),
    "ip_version": ("ipversion", 10), "ttl_min": ("minimumttl", 10), "ttl_max": ("maximumttl", 10),
    "flow_id": ("flowid", 10), "flow_end_reason": ("flowendreason", 10),
    "ingress_vrfid": ("ingressvrfid", 10), "egress_vrfid": ("egressvrfid", 10),
    "selector_id": ("selectorid", 10), "sampler_id": ("samplerid", 10),
    "icmp_ipv4_type": ("icmptypeipv4", 10), "icmp_ipv4_code": ("icmpcodeipv4", 10),
    "firewall_event": ("firewallevent|fwevent", 10), "frag_ident": ("fragmentidentification", 10),
    "flows": ("deltaflowcount", 10), "ipv6flowlabel": ("flowlabelipv6", 10),
    "delta_octets_squared": ("octetdeltasumofsquares", 10),
    "toplabeladdr": ("mplstoplabelipv4address", 0), "toplabeltype": ("mplstoplabeltype", 10),
    "mpls_top_label_prefix_length": ("mplstoplabelprefixlength", 10),
    "post_natsource_ipv4_address": ("postnatsourceipv4address|xlatesourceipv4address", 0),
    "post_natdestination_ipv4_address":
        ("postnatdestinationipv4address|xlatedestinationipv4address", 0),
    "post_naptsource_transport_port": ("postnaptsourcetransportport|xlatesourceport", 10),
    "post_naptdestination_transport_port":
        ("postnaptdestinationtransportport|xlatedestinationport", 10),
    "initiator_octets": ("initiatoroctets", 10), "responder_octets": ("responderoctets", 10),
    "post_dstmac": ("postdestinationmacaddress", 0), "srcmaskv6": ("sourceipv6prefixlength", 10),
    "dstmaskv6": ("destinationipv6prefixlength", 10), "if_descr": ("interfacedescription", 0),
    "layer2_segment_id": ("layer2segmentid", 10), "ip_dscp": ("ipdiffservcodepoint", 10),
    "post_tos": ("postipclassofservice", 16), "wtp_mac_address": ("wtpmacaddress", 0),
    "sta_mac_address": ("stamacaddress", 0), "sta_ipv4_address": ("staipv4address", 0),
}
# Of a v5 record too, but other elements share the name in templates.
V5_FIELDS = {"packets": ("packetdeltacount", 10), "octets": ("octetdeltacount", 10),
             "srcmask": ("sourceipv4prefixlength", 10),
             "dstmask": ("destinationipv4prefixlength", 10)}


def squash(name):
    return name.replace("_", "").lower()


def texts(value):
    return [str(x) for x in value] if isinstance(value, list) else [str(value)]


def value_of(text, base):
    return int(text, 0 if text.startswith("0x") else base) if base else text


def records_of(tree):
    """(titles, records): the PDUs of v5, the flows of the data sets; of options none."""
    found = []
    for name, value in tree.items():
        for part in value if isinstance(value, list) else [value]:
            if not isinstance(part, dict):
                continue
            if name.startswith("pdu "):
                found.append(part)
            elif re.match(r"(Set|FlowSet) \d+ ", name):
                found += [v for k, v in part.items()
                          if re.match(r"Flow \d+( \(unknown\))?$", k) and isinstance(v, dict)]
    return found


def options_templates(trees):
    """Ids of templates that are options templates, over all datagrams."""
    found, plain = set(), set()
    for tree in trees:
        text = json.dumps(tree)
        found |= {int(x) for x in re.findall(r'"Options Template \(Id = (\d+)\)', text)}
        plain |= {int(x) for x in re.findall(r'"Template \(Id = (\d+),', text)}
    return found - plain


def compare_tshark(c, golden, inputs, run_of, ours_of):
    with open(golden, encoding="utf-8") as f:
        datagrams = json.load(f)["datagrams"]
    events = [e for r in run_of(inputs) for e in r.flows]
    trees = []
    for datagram in datagrams:
        tree = datagram.get("cflow")
        trees += tree if isinstance(tree, list) else [tree] if tree else []
    options, theirs = options_templates(trees), []
    for tree in trees:
        kept = {k: v for k, v in tree.items()
                if not any("[id=%d]" % x in k for x in options)}
        theirs += [(tree, r) for r in records_of(kept)]
    c.field("all", "records", len(theirs), len(events))
    if len(theirs) != len(events):
        return
    for i, ((tree, record), event) in enumerate(zip(theirs, events)):
        where = "record %d" % (i + 1)
        v5 = tree["cflow.version"] in ("1", "5", "7")
        c.field(where, "sequence", int(tree["cflow.sequence"]), event["exporter"]["sequence"])
        c.field(where, "domain", int(tree.get("cflow.od_id", tree.get(
            "cflow.source_id", int(tree.get("cflow.engine_type", 0)) << 8 |
            int(tree.get("cflow.engine_id", 0))))), event["exporter"]["domain_id"])
        compare_fields(c, where, {**FIELDS, **V5_FIELDS} if v5 else FIELDS, record, event)
        compare_counts(c, where, record, event)


def compare_fields(c, where, table, record, event):
    ours = {squash(k): v for k, v in event["features"].items()}
    for name, (key, base) in table.items():
        if "cflow." + name in record:
            mine = next((ours[k] for k in key.split("|") if k in ours), "-")
            # several elements share a name there: the first is ours, unless ours came twice
            found = texts(record["cflow." + name])[:len(mine) if isinstance(mine, list) else 1]
            for text, have in zip(found, mine if isinstance(mine, list) else [mine]):
                try:
                    text = value_of(text, base)
                except ValueError:
                    pass  # compared as it stands
                c.field(where, name, text, have)


def compare_counts(c, where, record, event):
    """Packets and octets: whichever element carries them, they are the record's counts."""
    count = event["aggregate_metrics"]
    for name, ours in (("packets", count["packet_count"]), ("octets", count["byte_count"])):
        if "cflow." + name in record:
            c.field(where, name + " of the record",
                    sum(int(x) for x in texts(record["cflow." + name])), ours)
