# SPDX-License-Identifier: Apache-2.0
"""What other collectors call the fields, in the names of flowtap's events.

A row's value is (where, reading). Where: a key of `features` (underscores and case do not count),
or `@...`, which reaches into the rest of the event. The reading turns their value into ours.
"""
import datetime
import ipaddress
import re


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
    """In us: what is finer is not of a dateTimeMicroseconds (RFC 7011 §6.1.9)."""
    m = re.match(r"(.*\.\d{6})\d*Z$", v)
    return iso_ms(m.group(1)[:-3] + "Z") * 1000 + int(m.group(1)[-3:]) if m else iso_ms(v) * 1000


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


def hex_uint(length):
    return lambda v: "%0*x" % (2 * length, v)


def hex_text(length):
    return lambda v: v.encode().hex().ljust(2 * length, "0")


# Streamcore's elements, which no registry has: flowtap shows their bytes.
STREAMCORE = {
    "streamcore_call_direction": ("ie8196", hex_uint(1)),
    "streamcore_wan_rtt": ("ie8192", hex_uint(4)),
    "streamcore_net_app_resp_time": ("ie8193", hex_uint(4)),
    "streamcore_total_app_resp_time": ("ie8194", hex_uint(4)),
    "streamcore_tcp_retrans_rate": ("ie8195", hex_uint(2)),
    "streamcore_hostname": ("ie8256", hex_text(40)),
    "streamcore_url": ("ie8257", hex_text(150)),
    **{"streamcore_id_rule_%d" % i: ("ie%d" % (8383 + i), hex_uint(4)) for i in range(1, 11)},
}

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
    "in_dst_mac": ("destinationmacaddress", same), "icmp_type":
        ("icmptypecodeipv4|icmptypeipv4", same),
    "icmp_code": ("icmpcodeipv4", same), "ipv4_ident": ("fragmentidentification", same),
    "ip_dscp": ("ipdiffservcodepoint", same), "ip_protocol_version": ("ipversion", same),
    "ipv4_src_prefix": ("sourceipv4prefix", same), "flow_sampler_id": ("samplerid", same),
    "in_permanent_bytes": ("octettotalcount", same), "if_desc": ("interfacedescription", same),
    "fw_event": ("firewallevent|fwevent", same), "fw_ext_event": ("fwextevent", same),
    "conn_id": ("flowid", same), "xlate_src_addr_ipv4":
        ("postnatsourceipv4address|xlatesourceipv4address", same),
    "xlate_dst_addr_ipv4": ("postnatdestinationipv4address|xlatedestinationipv4address", same),
    "xlate_src_port": ("postnaptsourcetransportport|xlatesourceport", same),
    "xlate_dst_port": ("postnaptdestinationtransportport|xlatedestinationport", same),
    "fwd_flow_delta_bytes": ("initiatoroctets", same),
    "rev_flow_delta_bytes": ("responderoctets", same),
    "tcp_src_port": ("tcpsourceport", same), "udp_dst_port": ("udpdestinationport", same),
    "application_id": ("applicationid", application),
    "forwarding_status": ("forwardingstatus", forwarding),
    "username": ("username", same), "user_id": ("userid", same), "app_id": ("appid", same),
    "ingress_acl_id": ("ingressaclid", lambda v: v.replace("-", "").lower()),
    "egress_acl_id": ("egressaclid", lambda v: v.replace("-", "").lower()),
    "@timestamp": ("@timestamp_ms", iso_ms), "flow_seq_num": ("@sequence", same), "version":
        ("@version", same),
    "engine_id": ("engineid|@engine_id", same), "engine_type": ("enginetype|@engine_type", same),
    "sampling_interval": ("@sampling_rate", same),
    "flowStartMilliseconds": ("flowstartmilliseconds", iso_ms),
    "flowEndMilliseconds": ("flowendmilliseconds", iso_ms),
    "flowStartMicroseconds": ("flowstartmicroseconds", iso_us),
    "flowEndMicroseconds": ("flowendmicroseconds", iso_us),
    "flowDurationMilliseconds": ("flowdurationmilliseconds", same),
    "netscalerUnknown330": ("pen5951ie330", hex_uint(2)),
    "observationPointId": ("observationpointid", same), **STREAMCORE,
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
    "tcp_flags": ("tcpcontrolbits", flag_letters), "engine_type":
        ("enginetype|@engine_type", integer),
    "engine_id": ("engineid|@engine_id", integer), "src_tos": ("ipclassofservice", integer),
    "dst_tos": ("postipclassofservice", integer), "bgp_src_as": ("bgpsourceasnumber", same),
    "bgp_dst_as": ("bgpdestinationasnumber", same), "src_mask": ("sourceipv4prefixlength", same),
    "dst_mask": ("destinationipv4prefixlength", same), "in_snmp": ("ingressinterface", same),
    "out_snmp": ("egressinterface", same), "next_hop": ("ipnexthopipv4address", address),
    "seq_number": ("@sequence", same), "sampling_interval": ("@sampling_rate", same),
    "icmp_type": ("@icmp_type", same), "icmp_code": ("@icmp_code", same),
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
    "ssl_server_name": ("sslservername", same),
    "type_29305_5": ("reverseipclassofservice", integer),
    "type_29305_58": ("reversevlanid", integer),
    "type_29305_85": ("reverseoctettotalcount", integer),
    "type_29305_86": ("reversepackettotalcount", integer),
    "type_6871_21": ("reverseflowdeltamilliseconds", integer),
    "type_6871_40": ("flowattributes", integer),
    "type_6871_rev_40": ("reverseflowattributes", integer),
    "type_35632_109": ("retransmittedinpkts", integer),
    "type_35632_110": ("retransmittedoutpkts", integer),
    "type_35632_118": ("l7proto", integer), "type_35632_123": ("clientnwlatencyms", integer),
    "type_35632_124": ("servernwlatencyms", integer), "type_35632_125": ("appllatencyms", integer),
    "type_35632_127": ("retransmittedinbytes", integer),
    "type_35632_128": ("retransmittedoutbytes", integer),
    "type_35632_188": ("sslservername", same), "type_35632_489": ("ja3chash", same),
    "type_35632_490": ("ja3shash", same), "type_35632_493": ("tlscipher", integer),
    "type_35632_494": ("tlsunsafecipher", integer), "type_35632_495": ("tlsversion", integer),
    # of the message, not of the record
    "sys_uptime": None,
}
