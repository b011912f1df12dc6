#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Profiles cic and cic-compat: every column of every flow beside cic_reference.py, on a vector that the tool's
formulas were worked out for, and on made captures."""
import csv
import io
import os
import pathlib
import random

from cic_reference import records
from packets import *
from plain import plain_frames
from run import main, same

CORPUS = pathlib.Path(os.environ.get("FT_CORPUS", pathlib.Path(__file__).parents[2] / "../shared/corpus/public"))
EVERY = 24  # each so many-th capture

HEADERS = {
    "cic-compat":
    "Flow ID,Src IP,Src Port,Dst IP,Dst Port,Protocol,Timestamp,Flow Duration,Total Fwd Packet,"
    "Total Bwd packets,Total Length of Fwd Packet,Total Length of Bwd Packet,Fwd Packet Length Max,"
    "Fwd Packet Length Min,Fwd Packet Length Mean,Fwd Packet Length Std,Bwd Packet Length Max,"
    "Bwd Packet Length Min,Bwd Packet Length Mean,Bwd Packet Length Std,Flow Bytes/s,Flow Packets/s,"
    "Flow IAT Mean,Flow IAT Std,Flow IAT Max,Flow IAT Min,Fwd IAT Total,Fwd IAT Mean,Fwd IAT Std,Fwd IAT Max,"
    "Fwd IAT Min,Bwd IAT Total,Bwd IAT Mean,Bwd IAT Std,Bwd IAT Max,Bwd IAT Min,Fwd PSH Flags,Bwd PSH Flags,"
    "Fwd URG Flags,Bwd URG Flags,Fwd Header Length,Bwd Header Length,Fwd Packets/s,Bwd Packets/s,"
    "Packet Length Min,Packet Length Max,Packet Length Mean,Packet Length Std,Packet Length Variance,"
    "FIN Flag Count,SYN Flag Count,RST Flag Count,PSH Flag Count,ACK Flag Count,URG Flag Count,"
    "CWR Flag Count,ECE Flag Count,Down/Up Ratio,Average Packet Size,Fwd Segment Size Avg,"
    "Bwd Segment Size Avg,Fwd Bytes/Bulk Avg,Fwd Packet/Bulk Avg,Fwd Bulk Rate Avg,Bwd Bytes/Bulk Avg,"
    "Bwd Packet/Bulk Avg,Bwd Bulk Rate Avg,Subflow Fwd Packets,Subflow Fwd Bytes,Subflow Bwd Packets,"
    "Subflow Bwd Bytes,FWD Init Win Bytes,Bwd Init Win Bytes,Fwd Act Data Pkts,Fwd Seg Size Min,Active Mean,"
    "Active Std,Active Max,Active Min,Idle Mean,Idle Std,Idle Max,Idle Min,Label",
    "cic":
    "Flow ID,Src IP,Src Port,Dst IP,Dst Port,Protocol,Timestamp,Flow Duration,Total Fwd Packet,"
    "Total Bwd packets,Total Length of Fwd Packet,Total Length of Bwd Packet,Fwd Packet Length Max,"
    "Fwd Packet Length Min,Fwd Packet Length Mean,Fwd Packet Length Std,Bwd Packet Length Max,"
    "Bwd Packet Length Min,Bwd Packet Length Mean,Bwd Packet Length Std,Flow Bytes/s,Flow Packets/s,"
    "Flow IAT Mean,Flow IAT Std,Flow IAT Max,Flow IAT Min,Fwd IAT Total,Fwd IAT Mean,Fwd IAT Std,Fwd IAT Max,"
    "Fwd IAT Min,Bwd IAT Total,Bwd IAT Mean,Bwd IAT Std,Bwd IAT Max,Bwd IAT Min,Fwd PSH Flags,Bwd PSH Flags,"
    "Fwd URG Flags,Bwd URG Flags,Fwd RST Flags,Bwd RST Flags,Fwd Header Length,Bwd Header Length,"
    "Fwd Packets/s,Bwd Packets/s,Packet Length Min,Packet Length Max,Packet Length Mean,Packet Length Std,"
    "Packet Length Variance,FIN Flag Count,SYN Flag Count,RST Flag Count,PSH Flag Count,ACK Flag Count,"
    "URG Flag Count,CWR Flag Count,ECE Flag Count,Down/Up Ratio,Average Packet Size,Fwd Segment Size Avg,"
    "Bwd Segment Size Avg,Fwd Bytes/Bulk Avg,Fwd Packet/Bulk Avg,Fwd Bulk Rate Avg,Bwd Bytes/Bulk Avg,"
    "Bwd Packet/Bulk Avg,Bwd Bulk Rate Avg,Subflow Fwd Packets,Subflow Fwd Bytes,Subflow Bwd Packets,"
    "Subflow Bwd Bytes,FWD Init Win Bytes,Bwd Init Win Bytes,Fwd Act Data Pkts,Bwd Act Data Pkts,"
    "Fwd Seg Size Min,Bwd Seg Size Min,Active Mean,Active Std,Active Max,Active Min,Idle Mean,Idle Std,"
    "Idle Max,Idle Min,ICMP Code,ICMP Type,Fwd TCP Retrans. Count,Bwd TCP Retrans. Count,"
    "Total TCP Retrans. Count,Total Connection Flow Time,Label"}


def vector():
    """15 packets of one connection: (us, side, payload, flags, window, header)."""
    rows = [(0, 0, 0, SYN, 64240, 40), (20000, 1, 0, SYN | ACK, 65160, 40), (20100, 0, 0, ACK, 502, 32),
            (20300, 0, 517, PSH | ACK, 502, 32), (41000, 1, 1448, ACK, 505, 32), (41010, 1, 1448, PSH | ACK, 505, 32),
            (41020, 1, 1448, PSH | ACK, 505, 32), (41030, 1, 300, PSH | ACK, 505, 32), (41500, 0, 0, ACK, 480, 32),
            (43000, 0, 80, PSH | ACK, 501, 32), (7043000, 0, 40, PSH | ACK, 501, 32), (7063000, 1, 60, PSH | ACK, 505, 32),
            (7064000, 0, 0, FIN | ACK, 501, 32), (7084000, 1, 0, FIN | ACK, 505, 32), (7084100, 0, 0, ACK, 501, 32)]
    out, seq = [], [1000, 9000]
    for us, side, payload, flags, window, header in rows:
        ends, ports = ((A, B), (4000, 443)) if side == 0 else ((B, A), (443, 4000))
        segment = tcp(*ports, flags, seq[side], seq[1 - side], b"x" * payload, window, b"\1" * (header - 20))
        seq[side] += payload + bool(flags & (SYN | FIN))
        out.append((T0 + us * 1000, eth(ip(*ends, 6, segment))))
    return out


def near(got, want, what):
    if isinstance(want, str) or want is None or got is None:
        same(got, want, what)
    else:
        assert abs(got - want) <= 1e-9 * max(abs(want), 1e-6), "%s is %r, expected %r" % (what, got, float(want))


def compare(m, frames, profile, args=()):
    """Returns how many flows there were."""
    fixed = profile == "cic"
    want, dropped = records(frames, fixed, "--cic-singles" in args)
    events = m.raw(pcap(frames), "-e", "flow,stats", "-p", profile, *args)
    stats = events.pop()
    got = [e["features"] for e in events]
    same(stats["profile_skipped"], dropped)
    same(stats["flows"]["ended"] + stats["flows"]["updates"], len(got) + dropped)
    same(stats["decoded"], len(frames))
    same(stats["flows"]["packets_final"], len(frames))
    key = lambda r: (r["Timestamp"], r["Flow ID"], r["Flow Duration"], r["Total Fwd Packet"], r["Total Length of Fwd Packet"])
    same(len(got), len(want), "flows")
    for g, w in zip(sorted(got, key=key), sorted(want, key=key)):
        for name, value in w.items():
            wanted = None if value in ("Infinity", "NaN") and name != "Label" else value
            near(g[name], wanted, (name, w["Flow ID"], w["Timestamp"]))
    return len(want)


def made(seed, n=1200):
    """TCP with every kind of end, UDP, ICMP, SCTP and GRE; gaps around one, five and 120 seconds; late packets,
    packets sent again, a host that talks to itself, IPv6."""
    rng, out, sent = random.Random(seed), [], []
    t = T0 + rng.randrange(10**9)
    for _ in range(n):
        gap = rng.choice((0, 1000, rng.randrange(MS), rng.randrange(50 * MS), rng.randrange(900 * MS), S, S + 1000,
                          5 * S, 5 * S + 1000) + ((120 * S, 130 * S, 590 * S, 700 * S) if rng.random() < 0.08 else ()))
        t += gap if rng.random() < 0.3 else rng.randrange(3 * MS)
        late = rng.randrange(2 * MS) if rng.random() < 0.03 else 0
        if sent and rng.random() < 0.1:
            out.append((t - late, rng.choice(sent[-20:])))
            continue
        flow, back = int(rng.expovariate(0.2)), rng.random() < 0.45
        a, b = (A6, B6) if flow % 7 == 6 else (A, A) if flow % 11 == 10 else (A, B)
        ends, ports = ((b, a), (80, 3000 + flow)) if back else ((a, b), (3000 + flow, 80))
        body = b"x" * rng.choice((0, 0, 1, 100, rng.randrange(1400)))
        proto = 6 if rng.random() < 0.8 or ":" in a else rng.choice((17, 17, 1, 132, 47))
        if flow % 5 == 3 and proto == 6:
            proto = 17
        if proto == 6:
            flags = rng.choice((ACK, ACK, PSH | ACK, ACK, PSH | ACK, SYN, SYN | ACK, FIN | ACK, FIN | ACK, RST, RST | ACK, URG | ACK,
                                0x40 | ACK, 0x80 | ACK, FIN, RST | FIN, 0))
            l4 = tcp(*ports, flags, rng.randrange(3) * 500, rng.randrange(3) * 500, body, rng.choice((0, 1000, 65535)),
                     b"\1" * rng.choice((0, 4, 12, 40)))
        elif proto == 17:
            l4 = udp(*ports, body)
        elif proto == 1:
            l4 = icmp(0 if back else rng.choice((8, 8, 3)), 0)
        elif proto == 132:
            l4 = struct.pack("!HHII", *ports, 1, 0) + body
        else:
            l4 = b"\0\1\xff\xff" + body
        options = b"\1" * rng.choice((0, 0, 0, 8)) if ":" not in a else b""
        frame = eth(ip(*ends, proto, l4, **({"options": options} if options else {})))
        sent.append(frame)
        out.append((t - late, frame))
    return out


def test_vector(m):
    for profile in HEADERS:
        compare(m, vector(), profile)
    got = {p: m.raw(pcap(vector()), "-e", "flow", "-p", p) for p in HEADERS}
    tells = {"Fwd PSH Flags": (0, 3), "Bwd PSH Flags": (0, 4), "Packet Length Mean": (333.8125, 356.06666666666667),
             "Packet Length Std": (570.1525, 582.9267), "Down/Up Ratio": (0, 0.875), "Bwd Bytes/Bulk Avg": (5241, 4644),
             "Bwd Packet/Bulk Avg": (6, 4), "Bwd Bulk Rate Avg": (230881, 154800000), "Bwd Init Win Bytes": (505, 65160)}
    same(len(got["cic"]), 1)
    for name, (_, fixed) in tells.items():
        assert abs(got["cic"][0]["features"][name] - fixed) < 1e-4 * max(1, abs(fixed)) + 1e-9, name
    # rules of flowtap's own keep all of it in one flow, in both forms
    own = ("--idle-timeout", "120", "--active-timeout", "1800")
    for at, profile in enumerate(("cic-compat", "cic")):
        f = m.raw(pcap(vector()), "-e", "flow", "-p", profile, *own)[0]["features"]
        for name, pair in tells.items():
            assert abs(f[name] - pair[at]) < 1e-4 * max(1, abs(pair[at])), (profile, name, f[name])
    # the original ends the flow with the FIN from the other side: its last ACK is a flow of one packet
    same(len(got["cic-compat"]), 1)
    whole = vector()[:14]
    f = m.raw(pcap(whole), "-e", "flow", "-p", "cic-compat")[0]["features"]
    same(f["Total Fwd Packet"] + f["Total Bwd packets"], 14)
    for name in ("Fwd PSH Flags", "Bwd PSH Flags", "Bwd Bytes/Bulk Avg", "Bwd Packet/Bulk Avg", "Bwd Init Win Bytes"):
        same(f[name], tells[name][0], name)


def test_made_captures(m):
    for profile in HEADERS:
        flows = sum(compare(m, made(seed), profile) for seed in range(12))
        assert flows > 1500, flows


def test_made_captures_by_workers(m):
    for profile in HEADERS:
        for workers in ("2", "4"):
            compare(m, made(99, 2500), profile, ("-w", workers))


def test_goes_on_behind_the_timeout(m):
    """The responder's packet after 130 s: its flow faces the way of the one before."""
    frames = [(T0, eth(ip(A, B, 6, tcp(1, 2, SYN, 5)))), (T0 + MS, eth(ip(B, A, 6, tcp(2, 1, SYN | ACK, 7, 6)))),
              (T0 + 130 * S, eth(ip(B, A, 6, tcp(2, 1, ACK, 8, 6, b"12")))),
              (T0 + 131 * S, eth(ip(A, B, 6, tcp(1, 2, ACK, 6, 10))))]
    for profile, sums in (("cic", (0, 2)), ("cic-compat", (2, 0))):
        same(compare(m, frames, profile), 2)
        f = m.raw(pcap(frames), "-e", "flow", "-p", profile)[1]["features"]
        same(f["Src IP"], A)
        same((f["Total Length of Fwd Packet"], f["Total Length of Bwd Packet"]), sums, profile)
    same(f["Total Fwd Packet"], 2)
    same(m.raw(pcap(frames), "-e", "flow", "-p", "cic")[1]["features"]["Total Connection Flow Time"], 131 * 10**6)


def test_the_timeout_is_of_whole_microseconds(m):
    """More than 120 s of times that are cut, as the tool has them: by one of the first packet's 999 ns."""
    for proto in 6, 17:
        one = eth(ip(A, B, proto, tcp(1, 2, ACK, 5) if proto == 6 else udp(1, 2)))
        for first in 0, 1, 999:
            for more, flows in ((0, 1), (999, 1), (1000, 2), (1001, 2)):
                frames = [(T0 + first, one), (T0 + 60 * S, one), (T0 + 120 * S + more, one), (T0 + 120 * S + more + MS, one)]
                for profile in HEADERS:
                    same(compare(m, frames, profile), flows, (profile, proto, first, more))


def test_dropped_flows(m):
    frames = [(T0 + i * MS, eth(ip(A, B, 17, udp(1000 + i, 53, b"q")))) for i in range(5)]
    frames += [(T0 + 10 * MS + i, eth(ip(A, B, 17, udp(2000, 53, b"q")))) for i in range(2)]
    for profile in HEADERS:
        events = m.raw(pcap(frames), "-e", "flow,stats", "-p", profile)
        same(len(events), 2)
        same(events[1]["profile_skipped"], 5)
        same(events[1]["flows"]["packets_final"], 7)
    # an output without its columns has them all
    path = m.folder.name + "/base.csv"
    events = m.raw(pcap(frames), "-e", "flow", "-p", "cic", "-o", "ndjson:-", "-o", "csv:%s?profile=base" % path)
    same(len(events), 1)
    same(len(open(path).readlines()), 1 + 6)
    # and where records are only counted, they are counted
    stats = m.raw(pcap(frames), "-e", "stats", "-p", "cic", "-o", "ndjson:-", "-o", "null:")[-1]
    same(stats["profile_skipped"], 0)  # none of those takes flow records
    events = m.raw(pcap(frames), "-e", "flow,stats", "-p", "cic", "-o", "null:?event=flow", "-o", "ndjson:-?event=stats")
    same(events[-1]["profile_skipped"], 5)


def test_flows_of_one_packet(m):
    """The corrected form writes them, with 0 for what needs two packets, and no rate."""
    frames = [(T0, eth(ip(A, B, 17, udp(1000, 53, b"query")))), (T0 + S, eth(ip(A, B, 6, tcp(5, 6, SYN | ACK)))),
              (T0 + 2 * S, eth(ip(A6, B6, 17, udp(1, 2)))), (T0 + 3 * S, eth(ip(A, B, 1, icmp(8, 0))))]
    same(compare(m, frames, "cic", ("--cic-singles",)), 4)
    same(compare(m, frames, "cic"), 0)
    f = m.raw(pcap(frames[:1]), "-e", "flow", "-p", "cic", "--cic-singles")[0]["features"]
    same([f[k] for k in ("Flow Bytes/s", "Flow Packets/s", "Fwd Packets/s", "Flow IAT Mean", "Flow IAT Max", "Fwd IAT Min",
                         "Packet Length Std", "Packet Length Mean", "Total Connection Flow Time")], [None, None, 0, 0, 0, 0, 0, 5, 0])
    assert sum(compare(m, made(seed), "cic", ("--cic-singles",)) for seed in range(4)) > 500
    # the original drops them whatever is said
    same(m.raw(pcap(frames[:1]), "-e", "flow,stats", "-p", "cic-compat", "--cic-singles")[-1]["profile_skipped"], 1)


def test_ipv6_is_no_flow_of_the_original(m):
    frames = [(T0 + i, eth(ip(A6, B6, 17, udp(1, 2)))) for i in range(3)]
    same(m.raw(pcap(frames), "-e", "flow,stats", "-p", "cic-compat")[-1]["profile_skipped"], 1)
    same(compare(m, frames, "cic"), 1)


def takes(proto, l4):
    """What cic_reference.py reads: of ICMP, echoes only."""
    return proto in (6, 17) or (proto == 1 and l4[0] in (0, 8))


def test_captures_of_the_corpus(m):
    n = flows = 0
    back = lambda frames: any(b[0] < a[0] - 60 * S for a, b in zip(frames, frames[1:]))  # no tool's rule is about that
    for path in sorted(CORPUS.rglob("*.pcap"))[::EVERY] if CORPUS.is_dir() else ():
        frames = plain_frames(path, takes)
        if frames and len(frames) > 1 and not back(frames):
            n += 1
            for profile in HEADERS:
                try:
                    flows += compare(m, frames[:3000], profile)
                except AssertionError as e:
                    raise AssertionError("%s: %s" % (path, e))
    print("     %d captures of the corpus, %d flows" % (n, flows) if n else "     no corpus at %s" % CORPUS)


def table(m, frames, profile):
    text = m.raw(pcap(frames), "-e", "flow", "-p", profile, "-o", "csv:-?dialect=" + profile, text=True).decode()
    return text.splitlines()[0], list(csv.DictReader(io.StringIO(text)))


def test_rules_of_both_do_not_share_a_run(m):
    m.raw(pcap(vector()), "-e", "flow", "-p", "cic,cic-compat", rc=2)
    m.raw(pcap(vector()), "-e", "flow", "-o", "ndjson:-?profile=cic", "-o", "null:?profile=cic-compat", rc=2)
    # a shorter timeout of the user's is the tool's with that
    frames = [(T0 + i * 20 * S, eth(ip(A, B, 17, udp(1, 2)))) for i in range(8)]
    got = m.raw(pcap(frames), "-e", "flow", "-p", "cic", "--active-timeout", "50")
    same([e["features"]["Total Fwd Packet"] for e in got], [3, 3, 2])


def test_fragments_have_one_header(m):
    body = udp(1, 2, b"x" * 1600)
    frames = [(T0 + i, eth(ip4(A, B, 17, body[at:at + 800], ident=5, frag=at, more=at < 1600)))
              for i, at in enumerate((800, 0, 1600))]
    for profile in HEADERS:
        f = m.raw(pcap(frames), "-e", "flow", "-p", profile)[0]["features"]
        same([f[c] for c in ("Total Fwd Packet", "Fwd Header Length", "Fwd Seg Size Min", "Total Length of Fwd Packet")],
             [3, 8, 8, 1600])


def test_no_time(m):
    """All packets in one microsecond: what is divided by 0."""
    for body, wanted in ((b"", "NaN"), (b"x", "Infinity")):
        frames = [(T0 + i, eth(ip(A, B, 6, tcp(1, 2, ACK, body=body)))) for i in range(3)]
        for profile in HEADERS:
            f = m.raw(pcap(frames), "-e", "flow", "-p", profile)[0]["features"]
            same((f["Flow Bytes/s"], f["Flow Packets/s"], f["Fwd Packets/s"]), (None, None, 0))
            _, rows = table(m, frames, profile)
            want = (wanted, "Infinity") if profile == "cic-compat" else ("", "")
            same((rows[0]["Flow Bytes/s"], rows[0]["Flow Packets/s"]), want)


def test_table(m):
    for profile, header in HEADERS.items():
        got, rows = table(m, made(3), profile)
        same(got, header)
        same(len(rows), len(records(made(3), profile == "cic")[0]))
    # a time of Java: groups of three digits, or AM and PM
    for ns, iso, am in ((T0, "2023-11-14 22:13:20", "14/11/2023 10:13:20 PM"),
                        (T0 + 120 * MS, "2023-11-14 22:13:20.120", "14/11/2023 10:13:20 PM"),
                        (T0 + 7000, "2023-11-14 22:13:20.000007", "14/11/2023 10:13:20 PM"),
                        (T0 + 7200 * S, "2023-11-15 00:13:20", "15/11/2023 12:13:20 AM")):
        frames = [(ns + i, eth(ip(A, B, 17, udp(1, 2)))) for i in range(2)]
        same(table(m, frames, "cic")[1][0]["Timestamp"], iso)
        same(table(m, frames, "cic-compat")[1][0]["Timestamp"], am)


if __name__ == "__main__":
    main(globals())
