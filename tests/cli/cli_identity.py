#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""--no-identity: nothing is left from which a model could learn who, where or when."""
import csv
import io
import json
import unittest

from support import SAMPLE, Case, run

EVERY = "all,app,packets,link,splt"
TELLS = {"timestamp", "flow_id", "community_id", "first_seen", "last_seen", "src_ip", "dst_ip", "src_port", "dst_port",
         "vlan_id", "tunnel_id", "tunnel_rev_id", "tunnel_src_ip", "tunnel_dst_ip", "roce_dest_qp", "src_mac", "dst_mac",
         "fwd_flow_label", "rev_flow_label", "tls_sni", "tls_alpn", "tls_ja4", "dns_query", "http_method", "http_host",
         "http_target", "http_user_agent", "ssh_client", "ssh_server", "observer_id", "observation_domain",
         *(f"{d}_{c}" for d in ("fwd", "rev")
           for c in ("first_seen", "last_seen", "ttl_min", "ttl_max", "tcp_isn"))}


class Identity(Case):
    def rows(self, *args):
        r = self.good("read", "--quiet", "-w1", "-e", "flow", "-p", EVERY, *args, "-o", "csv:-", SAMPLE)
        return list(csv.DictReader(io.StringIO(r.stdout)))

    def test_columns(self):
        """Exactly these columns are gone; the others say what they said."""
        every, some = self.rows(), self.rows("--no-identity")
        self.assertEqual(set(every[0]) - set(some[0]), TELLS)
        self.assertEqual([{k: v for k, v in row.items() if k not in TELLS} for row in every], some)

    def test_tools(self):
        """Of tools' tables, too: exactly these are gone."""
        nf = {"FLOW_START_MILLISECONDS", "FLOW_END_MILLISECONDS", "IPV4_SRC_ADDR", "L4_SRC_PORT", "IPV4_DST_ADDR",
              "L4_DST_PORT", "MIN_TTL", "MAX_TTL", "DNS_QUERY_ID"}
        cic = {"Flow ID", "Src IP", "Src Port", "Dst IP", "Dst Port", "Timestamp"}
        told = {
            "nfstream": {"id", "vlan_id", *(f"{s}_{c}" for s in ("src", "dst") for c in ("ip", "mac", "oui", "port")),
                         *(f"{d}_{c}_seen_ms" for d in ("bidirectional", "src2dst", "dst2src")
                           for c in ("first", "last"))},
            "nf-v3": nf, "nf-v3-compat": nf, "cic": cic, "cic-compat": cic,
        }
        for profile, tells in told.items():
            every, some = ([*csv.DictReader(io.StringIO(self.good(
                "read", "--quiet", "-w1", "-e", "flow", *args, "-o", f"csv:-?dialect={profile}", SAMPLE).stdout))]
                for args in ((), ("--no-identity",)))
            self.assertEqual(set(every[0]) - set(some[0]), tells, profile)
            self.assertEqual([{k: v for k, v in row.items() if k not in tells} for row in every], some)

    def test_zeek(self):
        tells = {"ts", "uid", "local_orig", "local_resp", *(f"id.{s}_{c}" for s in ("orig", "resp") for c in "hp")}
        names = [next(line for line in self.good("read", "--quiet", "-e", "flow", *args, "-o", "csv:-?dialect=zeek", SAMPLE)
                      .stdout.splitlines() if line.startswith("#fields")).split("\t")[1:]
                 for args in ((), ("--no-identity",))]
        self.assertEqual([n for n in names[0] if n not in tells], names[1])
        self.assertLessEqual(tells, set(names[0]))

    def test_ndjson(self):
        text = self.good("read", "--quiet", "-e", "flow", "-p", EVERY, "--no-identity", SAMPLE).stdout
        for line in text.splitlines():
            e = json.loads(line)
            self.assertEqual(e["flow_key"].keys(), {"protocol"})
            self.assertEqual(e["aggregate_metrics"].keys(), {"packet_count", "byte_count"})
        for told in "192.0.2.", "198.51.100.", "2001:db8", "17194093", "example":
            self.assertIn(told, self.good("read", "--quiet", "-e", "flow", "-p", EVERY, SAMPLE).stdout)
            self.assertNotIn(told, text)

    def test_wrong(self):
        for args, message in (
                ([], "ndjson:-: --no-identity: samples are addresses and times; ask for flow records (-e flow)"),
                (["-e", "flow", "-o", "csv:-?columns=fwd_bytes,src_ip"],
                 "output csv:-?columns=fwd_bytes,src_ip: columns=: 'src_ip' tells of hosts, networks or times: not "
                 "with --no-identity"),
                (["-o", "pcap:x"], "pcap:x: carries bytes of packets: not with --anonymize or --no-identity")):
            r = run("read", "--no-identity", *args, SAMPLE)
            self.assertEqual((r.returncode, r.stderr, r.stdout), (2, f"flowtap: error: {message}\n", ""))


if __name__ == "__main__":
    unittest.main(verbosity=2)
