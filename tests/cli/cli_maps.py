#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The shapes of other collectors' records (?schema=), from datagrams made here."""
import json
import struct

from support import Case, main

try:
    import jsonschema
except ImportError:
    jsonschema = None


def udp_frame(payload, source="10.0.0.1", port=2055):
    address = bytes(map(int, source.split(".")))
    udp = struct.pack(">HHHH", 40000, port, 8 + len(payload), 0) + payload
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0) + address
    return bytes(12) + b"\x08\x00" + ip + bytes([10, 0, 0, 9]) + udp


def capture(payloads):
    out = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1)
    for p in payloads:
        frame = udp_frame(p)
        out += struct.pack("<IIII", 1700000000, 500000, len(frame), len(frame)) + frame
    return out


def v9_message():
    """One record of every column that the schemas know."""
    fields = [(8, bytes([192, 0, 2, 1])), (12, bytes([198, 51, 100, 2])), (7, b"\x9c\x40"),
              (11, b"\x01\xbb"), (4, b"\x06"), (6, b"\x1b"), (5, b"\x20"), (1, b"\0\0\x04\0"),
              (2, b"\0\0\0\x05"), (22, struct.pack(">I", 60000)), (21, struct.pack(">I", 90000)),
              (10, b"\0\x03"), (14, b"\0\x07"), (16, b"\0\0\xfc\0"), (17, b"\0\0\xfd\xe9"),
              (9, b"\x18"), (13, b"\x10"), (15, bytes([10, 0, 0, 254])), (61, b"\1"),
              (56, bytes.fromhex("020000000001")), (80, bytes.fromhex("020000000002")),
              (58, b"\0\x64"), (89, b"\x40"), (34, b"\0\0\0\x0a")]
    template = struct.pack(">HH", 256, len(fields)) + b"".join(
        struct.pack(">HH", i, len(v)) for i, v in fields)
    data = b"".join(v for _, v in fields)
    sets = struct.pack(">HH", 0, 4 + len(template)) + template
    sets += struct.pack(">HH", 256, 4 + len(data)) + data
    return struct.pack(">HHIIII", 9, 2, 100000, 1700000000, 42, 7) + sets


def sflow_message(keep=None):
    header = udp_frame(b"x" * 20, "192.0.2.77", 53)[:keep]
    header += bytes(-len(header) % 4)
    record = struct.pack(">IIIIII", 1, 16 + len(header), 1, 90, 4, len(header)) + header
    sample = struct.pack(">IIIIIIII", 1, 3, 400, 400, 0, 3, 7, 1) + record
    return (struct.pack(">IIIIIII", 5, 1, 0x0a0000fe, 0, 1, 1000, 1)
            + struct.pack(">II", 1, len(sample)) + sample)


WANT = {
    "goflow2": {
        "type": "NETFLOW_V9", "sequence_num": 42, "sampling_rate": 10,
        "sampler_address": "10.0.0.1", "time_flow_start_ns": 1699999960000000000,
        "time_flow_end_ns": 1699999990000000000, "bytes": 1024, "packets": 5,
        "src_addr": "192.0.2.1", "dst_addr": "198.51.100.2", "etype": "IPv4", "proto": "TCP",
        "src_port": 40000, "dst_port": 443, "in_if": 3, "out_if": 7,
        "src_mac": "02:00:00:00:00:01", "src_vlan": 100, "ip_tos": 32, "forwarding_status": 64,
        "tcp_flags": 27, "src_as": 64512, "dst_as": 65001, "next_hop": "10.0.0.254",
        "src_net": 24, "dst_net": 16, "observation_domain_id": 7},
    "akvorado": {
        "TimeReceived": 1700000000, "SamplingRate": 10, "ExporterAddress": "::ffff:10.0.0.1",
        "SrcAddr": "::ffff:192.0.2.1", "EType": 2048, "Proto": 6, "SrcPort": 40000,
        "Bytes": 1024, "Packets": 5, "InIfIndex": 3, "FlowDirection": "egress", "TCPFlags": 27},
    "pmacct": {
        "event_type": "purge", "ip_src": "192.0.2.1", "port_dst": 443, "ip_proto": "tcp",
        "tcp_flags": "27", "iface_in": 3, "as_dst": 65001, "mask_src": 24, "sampling_rate": 10,
        "timestamp_start": "2023-11-14 22:12:40.000000", "packets": 5, "flows": 1,
        "bytes": 1024, "peer_ip_src": "10.0.0.1", "export_proto_version": 9, "vlan": 100},
    "nfdump": {
        "type": "FLOW", "first": "2023-11-14T22:12:40.000Z", "in_packets": 5, "in_bytes": 1024,
        "proto": 6, "tcp_flags": "...AP.SF", "src4_addr": "192.0.2.1", "src_port": 40000,
        "input_snmp": 3, "src_mask": 24, "ip4_router": "10.0.0.1", "direction": 1,
        "sampled": 10},
    "otel": {
        "source.address": "192.0.2.1", "destination.port": 443, "network.transport": "tcp",
        "network.type": "ipv4", "network.io.bytes": 1024, "network.flow.type": "netflow_v9",
        "network.flow.sampler_address": "10.0.0.1", "flow.in_if": 3, "flow.src_as": 64512},
    "ecs": {
        "event.duration": 30000000000, "source.ip": "192.0.2.1", "source.as.number": 64512,
        "destination.port": 443, "network.transport": "tcp", "network.direction": "egress",
        "network.vlan.id": 100, "observer.ingress.interface.id": 3,
        "netflow.exporter.source_id": 7, "flow.sampling_interval": 10,
        "netflow.fields.octet_delta_count": 1024},
    "ocsf": {
        "class_uid": 4001, "type_uid": 400106, "start_time": 1699999960000, "duration": 30000,
        "src_endpoint.ip": "192.0.2.1", "dst_endpoint.autonomous_system.number": 65001,
        "connection_info.protocol_num": 6, "connection_info.direction_id": 2,
        "traffic.bytes": 1024, "unmapped.sampling_rate": 10},
}


def at(event, key):
    if key in event:
        return event[key]
    for part in key.split("."):
        event = event[part]
    return event


class Maps(Case):
    def events(self, schema, payload):
        path = self.file("in.pcap", capture([payload]))
        r = self.good("collect", "-l", f"pcap:{path}", "-e", "flow,sample", "--quiet", "-o",
                      f"ndjson:-?schema={schema}")
        return [json.loads(line) for line in r.stdout.splitlines()]

    def test_records(self):
        for schema, want in WANT.items():
            (event,) = self.events(schema, v9_message())
            for key, value in want.items():
                self.assertEqual(at(event, key), value, (schema, key))
            self.assertNotIn("{}", json.dumps(event).replace(" ", ""), schema)

    def test_samples(self):
        keys = {"goflow2": ("src_addr", "bytes", "sampling_rate", "in_if"),
                "akvorado": ("SrcAddr", "Bytes", "SamplingRate", "InIfIndex"),
                "pmacct": ("ip_src", "bytes", "sampling_rate", "iface_in"),
                "nfdump": ("src4_addr", "in_bytes", "sampled", "input_snmp"),
                "otel": ("source.address", "network.io.bytes", "network.flow.sampling_rate",
                         "flow.in_if"),
                "ecs": ("source.ip", "source.bytes", "flow.sampling_interval",
                        "observer.ingress.interface.id"),
                "ocsf": ("src_endpoint.ip", "traffic.bytes", "unmapped.sampling_rate",
                         "src_endpoint.interface_uid")}
        for schema, names in keys.items():
            (event,) = self.events(schema, sflow_message())
            address, size, rate, interface = (at(event, n) for n in names)
            self.assertEqual(address.removeprefix("::ffff:"), "192.0.2.77", schema)
            self.assertEqual((size, rate, interface), (90, 400, 3), schema)

    def test_own_form(self):
        """Without ?schema=, every event of collect is what `flowtap schema` says, in its order."""
        schema = json.loads(self.good("schema", "--format", "json-schema").stdout)
        path = self.file("in.pcap", capture([v9_message(), sflow_message()]))
        r = self.good("collect", "-l", f"pcap:{path}", "-e", "all", "--quiet")
        seen = set()
        for line in r.stdout.splitlines():
            e = json.loads(line)
            kind = e["event_type"]
            kind = kind + "_of_collect" if kind + "_of_collect" in schema["$defs"] else kind
            d = schema["$defs"][kind]
            seen.add(kind)
            self.assertEqual(d["required"], list(e), kind)
            for group in ("flow_key", "aggregate_metrics", "exporter"):
                if group in e:
                    self.assertEqual(d["properties"][group]["required"], list(e[group]), kind)
            if jsonschema is not None:
                one = {"$ref": "#/$defs/" + kind, "$defs": schema["$defs"]}
                jsonschema.Draft202012Validator(one).validate(e)
        self.assertEqual(seen, {"network_flow_record_of_collect", "network_flow_sample_of_collect",
                                "template_change", "exporter_health", "pipeline_stats", "window"})

    def test_truncated_sample(self):
        """A sampled header that ends too soon is an event that says so, with what is known."""
        path = self.file("in.pcap", capture([sflow_message(20)]))
        r = self.good("collect", "-l", f"pcap:{path}", "-e", "sample", "--quiet")
        e = json.loads(r.stdout)
        self.assertTrue(e["truncated"])
        self.assertEqual(set(e["flow_key"].values()), {None})
        self.assertEqual((e["packet_size_bytes"], e["estimated_bytes"]), (90, 36000))

    def test_wrong(self):
        path = self.file("in.pcap", capture([v9_message()]))
        self.wrong("--output ndjson:-?schema=nope: schema=nope: allowed is goflow2, ecs, ocsf, "
                   "otel, pmacct, nfdump or akvorado", "collect", "-l", f"pcap:{path}", "-o",
                   "ndjson:-?schema=nope")


if __name__ == "__main__":
    main()
