#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The tool similar of `flowtap mcp`: the neighbours that sorting all vectors of NDJSON finds; with tokens, without addresses,
within its bounds."""
import calendar
import json
import re
import subprocess
import tempfile
import time

import similar
from agent import Agent, tokens
from packets import *
from run import main, same

WINDOW = {"window": "all"}


def brief(score):
    return float("%.3g" % score)


def test_flows(m):
    w = similar.world(m)
    rows = similar.flows(w)
    ids = list(dict.fromkeys(r[0] for r in rows))
    with Agent(m.program, w.dir) as a:
        for ident in ids[::len(ids) // 6]:
            newest = [r for r in rows if r[0] == ident][-1]
            want = similar.nearest(rows, newest, 20)
            got, out = a.rows("similar", id=ident, k=20, **WINDOW)
            same([r["flow_id"] for r in got], [i for _, _, i in want])
            same([r["similarity"] for r in got], [brief(-s) for s, _, _ in want])
            same(out["of"]["flow_id"], ident)
            same(out["truncated"], False)
            got, out = a.rows("similar", id=ident, **WINDOW)
            same([r["flow_id"] for r in got], [i for _, _, i in want][:10])
        most, _ = a.rows("similar", id=ids[0], k=200, **WINDOW)
        same(len(most), 200)


def test_hosts(m):
    w = similar.world(m)
    rows = similar.hosts(w)
    with Agent(m.program, w.dir) as a:
        for ident in list(dict.fromkeys(r[0] for r in rows))[::9]:
            newest = [r for r in rows if r[0] == ident and r[4] == 60 and r[5]][-1]
            got, out = a.rows("similar", ip=ident, **WINDOW)
            end = calendar.timegm(time.strptime(out["window"]["to"], "%Y-%m-%dT%H:%M:%SZ"))
            want = similar.ip_order(similar.nearest(rows, newest, 1000, end=end))[:10]
            same([r["address"] for r in got], [i for _, _, i in want])
            same((out["of"]["host"], out["of"]["span_s"]), (ident, 60))


def test_levels(m):
    """Tokens go in and come out; what they stand for is the same neighbours; nothing else is said, in errors neither."""
    w = similar.world(m)
    flow = similar.flows(w)[7][0]
    with Agent(m.program, w.dir) as a:
        plain, _ = a.rows("similar", id=flow, **WINDOW)
    for level in 1, 2, 3:
        with Agent(m.program, w.dir, level) as a:
            page, _ = a.pages("flows", limit=1000, columns="flow_id,byte_count", order="byte_count", **WINDOW)
            ident = page[0]["flow_id"]
            got, _ = a.rows("similar", id=ident, **WINDOW)
            same(len(got), 10)
            said = json.dumps(got)
            if level >= 2:
                assert all(r["flow_id"].startswith("flow-") for r in got), got
                assert not re.search(r"10\.20\.0\.|203\.0\.113\.", said), said
            if level == 3:
                assert all(re.match(r"(int|ext)-host-", r["src_ip"]) for r in got), got
                host, _ = a.rows("similar", ip=got[0]["src_ip"], **WINDOW)
                assert host and all(re.match(r"(int|ext|link|loop|multi)-host-", r["address"]) for r in host), host
                for wrong in {"id": flow}, {"ip": "10.20.0.10"}, {"ip": "int-host-aaaaaaaaa"}:
                    assert "token" in a.tool("similar", **wrong) or "key" in a.tool("similar", **wrong)
    with Agent(m.program, w.dir, 3) as a:
        page, _ = a.rows("flows", limit=1, **WINDOW)
        text = a.tool("similar", ip=page[0]["src_ip"], window="2001-01-01/2001-01-02")
        assert isinstance(text, dict) and text["rows"] == [], text
    with Agent(m.program, w.dir, 4) as a:
        for ask in {"id": flow}, {"ip": "10.20.0.10"}:
            assert "privacy level 4" in a.tool("similar", **ask)
    assert plain


def test_what_is_not_there(m):
    w = similar.world(m)
    with Agent(m.program, w.dir) as a:
        for ask, text in (({}, "one of them"), ({"id": similar.flows(w)[0][0], "ip": "10.20.0.10"}, "one of them"),
                          ({"id": "0123456789abcdef"}, "no record of it"), ({"ip": "10.99.99.99"}, "no window of it"),
                          ({"id": "nothing"}, "16 hex digits"), ({"ip": "nothing"}, "no address")):
            assert text in a.tool("similar", **ask), (ask, a.tool("similar", **ask))
        manifest = json.dumps({"tools": list(a.tools.values())}, separators=(",", ":")) + a.hello["instructions"]
        assert tokens(manifest) <= 2500 and len(a.tools) == 9, (tokens(manifest), len(a.tools))
    with tempfile.TemporaryDirectory(prefix="flowtap-similar-") as folder:
        path = folder + "/in.pcap"
        with open(path, "wb") as f:
            f.write(pcap(Conn(T0, 40000, 80, "10.0.0.1", "10.0.0.2").open().close().frames))
        subprocess.run([m.program, "read", "--quiet", "-e", "flow", "-o", "store:%s/s" % folder, path], check=True, timeout=60)
        with Agent(m.program, folder + "/s") as a:
            assert "-p vector -e flow" in a.tool("similar", id="0123456789abcdef")
            assert "-p vector -e window" in a.tool("similar", ip="10.0.0.1")


if __name__ == "__main__":
    main(globals())
