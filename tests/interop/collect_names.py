# SPDX-License-Identifier: Apache-2.0
"""What other collectors call the fields, in the names of flowtap's events.

A row's value is (where, reading). Where: a key of `features` (underscores and case do not count),
or `@...`, which reaches into the rest of the event. The reading turns their value into ours.
"""
import datetime
import ipaddress


class Skip(Exception):
    """A value that says nothing which an event could be compared with."""


def same(v):
    return v


def lower(v):
    return v.lower()


def integer(v):
    return int(v, 0) if isinstance(v, str) else int(v)


def iso_ms(v):
    """2015-06-21T11:40:52.280Z, in ms."""
    t = datetime.datetime.strptime(v, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc)
    return (t - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)) // datetime.timedelta(
        milliseconds=1)


def iso_us(v):
    return iso_ms(v) * 1000


def iso_ns(v):
    return iso_ms(v) * 1000000


def application(v):
    """13..431: the engine, and the selector in the other three bytes (RFC 6759 §4.1)."""
    engine, _, selector = v.partition("..")
    return "%02x%06x" % (int(engine), int(selector))


def forwarding(v):
    return v["status"] << 6 | v["reason"]


def address(v):
    return str(ipaddress.ip_address(v))


def flag_letters(v):
    """...AP...: CWR, ECE, URG, ACK, PSH, RST, SYN, FIN."""
    return int("".join("0" if x == "." else "1" for x in v), 2)


PROTOCOLS = {"icmp": 1, "tcp": 6, "udp": 17, "gre": 47, "ipv6-icmp": 58, "hopopt": 0, "igmp": 2,
             "ospf": 89, "vrrp": 112, "pim": 103}
END_REASONS = {"idle timeout": 1, "active timeout": 2, "end of flow": 3, "forced end": 4,
               "lack of resources": 5}


def protocol(v):
    return PROTOCOLS[v] if v in PROTOCOLS else int(v)


# Old names of NetFlow v9 fields, and those of the codec's own files.
LOGSTASH = {
    "in_bytes": ("octetdeltacount", same), "in_pkts": ("packetdeltacount", same),
    "out_bytes": ("postoctetdeltacount", same), "out_pkts": ("postpacketdeltacount", same),
    "flows": ("deltaflowcount", same), "protocol": ("protocolidentifier", same),
    "src_tos": ("ipclassofservice", same), "tcp_flags": ("tcpcontrolbits", same),
    "l4_src_port": ("sourcetransportport", same), "l4_dst_port": ("destinationtransportport", same),
    "ipv4_src_addr": ("sourceipv4address", same), "ipv4_dst_addr": ("destinationipv4address", same),
    "src_mask": ("sourceipv4prefixlength", same), "dst_mask": ("destinationipv4prefixlength", same),
    "input_snmp": ("ingressinterface", same), "output_snmp": ("egressinterface", same),
    "ipv4_next_hop": ("ipnexthopipv4address", same),
    "bgp_ipv4_next_hop": ("bgpnexthopipv4address", same),
    "src_as": ("bgpsourceasnumber", same), "dst_as": ("bgpdestinationasnumber", same),
    "first_switched": ("@first_ms", iso_ms), "last_switched": ("@last_ms", iso_ms),
    "flow_start_msec": ("flowstartmilliseconds", same),
    "flow_end_msec": ("flowendmilliseconds", same),
    "event_time_msec": ("observationtimemilliseconds", same),
    "direction": ("flowdirection", same), "in_src_mac": ("sourcemacaddress", same),
    "in_dst_mac": ("destinationmacaddress", same), "icmp_type": ("icmptypeipv4", same),
    "icmp_code": ("icmpcodeipv4", same), "ipv4_ident": ("fragmentidentification", same),
    "ip_dscp": ("ipdiffservcodepoint", same), "ip_protocol_version": ("ipversion", same),
    "ipv4_src_prefix": ("sourceipv4prefix", same), "flow_sampler_id": ("samplerid", same),
    "in_permanent_bytes": ("octettotalcount", same), "if_desc": ("interfacedescription", same),
    "fw_event": ("firewallevent", same), "fw_ext_event": ("fwextevent", same),
    "conn_id": ("flowid", same), "xlate_src_addr_ipv4": ("postnatsourceipv4address", same),
    "xlate_dst_addr_ipv4": ("postnatdestinationipv4address", same),
    "xlate_src_port": ("postnaptsourcetransportport", same),
    "xlate_dst_port": ("postnaptdestinationtransportport", same),
    "fwd_flow_delta_bytes": ("initiatoroctets", same),
    "rev_flow_delta_bytes": ("responderoctets", same),
    "tcp_src_port": ("tcpsourceport", same), "udp_dst_port": ("udpdestinationport", same),
    "application_id": ("applicationid", application),
    "forwarding_status": ("forwardingstatus", forwarding),
    "username": ("username", same), "user_id": ("userid", same), "app_id": ("appid", same),
    "ingress_acl_id": ("ingressaclid", lambda v: v.replace("-", "").lower()),
    "egress_acl_id": ("egressaclid", lambda v: v.replace("-", "").lower()),
    "flow_seq_num": ("@sequence", same), "version": ("@version", same),
    "engine_id": ("engineid", same), "engine_type": ("enginetype", same),
    "sampling_interval": ("@sampling_rate", same),
    "flowStartMilliseconds": ("flowstartmilliseconds", iso_ms),
    "flowEndMilliseconds": ("flowendmilliseconds", iso_ms),
    "flowStartMicroseconds": ("flowstartmicroseconds", iso_us),
    "flowEndMicroseconds": ("flowendmicroseconds", iso_us),
    # not of a record: the number of its set, and of the records beside it
    "flowset_id": None, "flow_records": None,
}

TELEGRAF = {
    "src": ("@src", address), "dst": ("@dst", address), "src_port": ("@src_port", same),
    "dst_port": ("@dst_port", same), "protocol": ("@protocol", protocol),
    "in_bytes": ("octetdeltacount", same), "in_packets": ("packetdeltacount", same),
    "in_total_bytes": ("octettotalcount", same), "in_total_packets": ("packettotalcount", same),
    "first_switched": ("flowstartsysuptime", same), "last_switched": ("flowendsysuptime", same),
    "flow_start_ms": ("flowstartmilliseconds", same), "flow_end_ms": ("flowendmilliseconds", same),
    "flow_start": ("flowstartseconds", same), "flow_end": ("flowendseconds", same),
    "tcp_flags": ("tcpcontrolbits", flag_letters), "engine_type": ("enginetype", integer),
    "engine_id": ("engineid", integer), "src_tos": ("ipclassofservice", integer),
    "dst_tos": ("postipclassofservice", integer), "bgp_src_as": ("bgpsourceasnumber", same),
    "bgp_dst_as": ("bgpdestinationasnumber", same), "src_mask": ("sourceipv4prefixlength", same),
    "dst_mask": ("destinationipv4prefixlength", same), "in_snmp": ("ingressinterface", same),
    "out_snmp": ("egressinterface", same), "next_hop": ("ipnexthopipv4address", address),
    "seq_number": ("@sequence", same), "sampling_interval": ("@sampling_rate", same),
    "icmp_type": ("icmptypeipv4", same), "icmp_code": ("icmpcodeipv4", same),
    "fwd_status": ("forwardingstatus", lambda v: {"unknown": 0}[v]),
    "fwd_reason": ("forwardingstatus", lambda v: {"unknown": 0}[v]),
    "flow_end_reason": ("flowendreason", lambda v: END_REASONS[v]), "vlan_src": ("vlanid", same),
    "flows": ("deltaflowcount", same), "direction": ("flowdirection", lambda v: {
        "ingress": 0, "egress": 1}[v]),
    "ip_version": ("ipversion", lambda v: {"IPv4": 4, "IPv6": 6}[v]),
    "in_src_mac": ("sourcemacaddress", same), "out_dst_mac": ("postdestinationmacaddress", same),
    "app_latency_ms": ("appllatencyms", same), "client_nw_latency_ms": ("clientnwlatencyms", same),
    "server_nw_latency_ms": ("servernwlatencyms", same), "l7_proto": ("l7proto", same),
    "retransmitted_in_bytes": ("retransmittedinbytes", same),
    "retransmitted_out_bytes": ("retransmittedoutbytes", same),
    "retransmitted_in_pkts": ("retransmittedinpkts", same),
    "retransmitted_out_pkts": ("retransmittedoutpkts", same), "ja3c_hash": ("ja3chash", same),
    "ja3s_hash": ("ja3shash", same), "ssl_cipher": ("tlscipher", same),
    "ssl_unsafe_cipher": ("tlsunsafecipher", same), "ssl_version": ("tlsversion", same),
    "ssl_server_name": ("tlsservername", same),
    "type_29305_5": ("reverseipclassofservice", integer),
    "type_29305_58": ("reversevlanid", integer),
    "type_29305_85": ("reverseoctettotalcount", integer),
    "type_29305_86": ("reversepackettotalcount", integer),
    "type_6871_21": ("reverseflowdeltamilliseconds", integer),
    "type_6871_40": ("flowattributes", integer),
    "type_6871_rev_40": ("reverseflowattributes", integer),
    "type_35632_109": ("retransmittedinbytes", integer),
    "type_35632_110": ("retransmittedinpkts", integer),
    "type_35632_118": ("l7proto", integer), "type_35632_123": ("clientnwlatencyms", integer),
    "type_35632_124": ("servernwlatencyms", integer), "type_35632_125": ("appllatencyms", integer),
    "type_35632_127": ("retransmittedoutbytes", integer),
    "type_35632_128": ("retransmittedoutpkts", integer),
    "type_35632_188": ("tlsservername", same), "type_35632_489": ("ja3chash", same),
    "type_35632_490": ("ja3shash", same), "type_35632_493": ("tlscipher", integer),
    "type_35632_494": ("tlsunsafecipher", integer), "type_35632_495": ("tlsversion", integer),
    # of the message, not of the record
    "sys_uptime": None,
}
