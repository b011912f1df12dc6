#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Vectors in vector databases: LanceDB by Arrow, Qdrant by upserts, pgvector by COPY. Of the same flows each has the
neighbours that an exact scan finds.

    vectors.py --flowtap PROGRAM

Qdrant's server is not to be had from PyPI: a server that takes what its REST interface takes, and nothing else, puts
the points into qdrant-client's own engine. What cannot be had is said to be skipped.
"""
import argparse
import json
import os
import pathlib
import re
import sys
import tempfile
import uuid

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / name) for name in ("", "support", "interop/servers", "http", "correct")]
import readers  # noqa: E402: tests/readers.py

readers.needs("numpy", "pyarrow")
import numpy  # noqa: E402
import pyarrow.ipc  # noqa: E402

import checks  # noqa: E402: tests/support/checks.py
import vector_traffic  # noqa: E402: tests/correct/vector_traffic.py
from checks import check  # noqa: E402
from packets import pcap  # noqa: E402: tests/correct/packets.py
from postgres_server import Postgres  # noqa: E402
from receiver import Receiver  # noqa: E402: tests/http/receiver.py

K, ASKED = 10, 40


class Tests:
    def __init__(self, flowtap, work):
        self.flowtap, self.work = flowtap, work
        self.capture = work / "made.pcap"
        self.capture.write_bytes(pcap(vector_traffic.make(seed=3, hosts=12)))
        self.arrow = work / "flows.arrow"
        self.read("flow", f"arrow:{self.arrow}")
        self.table = pyarrow.ipc.open_file(self.arrow).read_all()
        self.ids = self.table.column("flow_id").to_pylist()
        self.vectors = numpy.array(self.table.column("vector").to_pylist(), dtype="f4")
        step = len(self.ids) // ASKED
        self.asked = range(0, step * ASKED, step)
        check(len(self.ids) > 1000 and len(set(self.ids)) == len(self.ids), len(self.ids))

    def read(self, event, output, *args):
        r = checks.run(self.flowtap, "read", self.capture, "-e", event, "-p", "vector", "-o", output,
                       "--active-timeout", 86400, *args)  # a record for each flow
        check(r.returncode == 0, output, r.stderr[-2000:])

    def distances(self, i):
        """To each flow, as an exact scan finds them."""
        d = self.vectors.astype("f8") - self.vectors[i].astype("f8")
        return numpy.sqrt((d * d).sum(axis=1))

    def check_neighbours(self, name, i, found):
        """Their ids, the nearest first. Of flows that are as far, any may be there."""
        all_of = self.distances(i)
        want = numpy.sort(all_of)[:K]
        got = numpy.array([all_of[self.place[f]] for f in found])
        check(len(set(found)) == K and numpy.abs(got - want).max() < 1e-5, name, self.ids[i], got, want)

    @property
    def place(self):
        if not hasattr(self, "places"):
            self.places = {f: i for i, f in enumerate(self.ids)}
        return self.places

    def test_lancedb(self):
        try:
            import lancedb
        except ImportError:
            print("     skipped: the Python package lancedb is not here (scripts/readers.sh)")
            return
        table = lancedb.connect(str(self.work / "lance")).create_table("flows", self.table)
        check(str(table.schema.field("vector").type) == "fixed_size_list<item: float>[32]", table.schema.field("vector"))
        check(table.count_rows() == len(self.ids), table.count_rows())
        for i in self.asked:
            got = table.search(self.vectors[i]).distance_type("l2").limit(K).to_list()
            self.check_neighbours("lancedb", i, [g["flow_id"] for g in got])
        self.read("window", f"arrow:{self.work}/hosts.arrow", "--window", "10")
        hosts = pyarrow.ipc.open_file(self.work / "hosts.arrow").read_all()
        hosts = hosts.filter(pyarrow.compute.equal(hosts["entity"], "host"))
        table = lancedb.connect(str(self.work / "lance")).create_table("hosts", hosts)
        found = table.search(hosts["vector"][0].as_py()).limit(1).to_list()[0]
        check(found["_distance"] < 1e-9 and found["vector_id"] == "flowtap-host-1:builtin", found)

    def qdrant(self):
        try:
            from qdrant_client import QdrantClient, models
        except ImportError:
            print("     skipped: the Python package qdrant-client is not here (scripts/readers.sh)")
            return None, None
        client = QdrantClient(":memory:")
        for name in "flows", "hosts":
            client.create_collection(name, models.VectorParams(size=32, distance=models.Distance.EUCLID))
        return client, models

    def upsert(self, client, models, request):
        """As PUT /collections/{name}/points: a body of its own schema, vectors of the collection's size, ids as UUIDs."""
        m = re.fullmatch(r"/collections/(\w+)/points\?wait=true", request.path)
        if request.method != "PUT" or m is None or request.headers["Content-Type"] != "application/json":
            return 404, b'{"status":{"error":"no such path"}}', {}
        try:
            body = json.loads(request.body, parse_constant=lambda c: check(False, "no number of JSON", c))
            points = models.PointsList.model_validate(body, extra="forbid").points
        except ValueError as e:
            check(False, "no list of points", e)
            return 400, b'{"status":{"error":"Format error in JSON body"}}', {}
        for p in points:
            uuid.UUID(p.id)
            if p.vector != {} and len(p.vector) != 32:
                return 400, b'{"status":{"error":"Wrong input: Vector dimension error"}}', {}
        client.upsert(m[1], points)
        return 200, b'{"result":{"operation_id":0,"status":"completed"},"status":"ok","time":0.001}', {}

    def test_qdrant(self):
        client, models = self.qdrant()
        if client is None:
            return
        r = Receiver(lambda request: self.upsert(client, models, request))
        for event, more in (("flow", ""), ("window", "?event=window")):
            into = {"flow": "flows", "window": "hosts"}[event]
            self.read(event, f"ndjson+http://127.0.0.1:{r.port}?preset=qdrant&into={into}", "--window", "10")
        r.close()
        check(client.count("flows").count == len(self.ids), client.count("flows"))
        for i in self.asked:
            got = client.query_points("flows", [float(v) for v in self.vectors[i]], limit=K, with_vectors=True).points
            self.check_neighbours("qdrant", i, [p.payload["flow_id"] for p in got])
            for p in got:
                check("vector" not in p.payload["features"] and p.payload["features"]["vector_id"] == "flowtap-flow-1:builtin",
                      p.payload)
        rows = client.scroll("hosts", limit=100000, with_vectors=True)[0]
        check(len(rows) > 100 and all((p.payload["entity"] == "host") == bool(p.vector) for p in rows), "hosts", len(rows))
        check(all("vector" not in p.payload for p in rows), "payload")

    def test_qdrant_flat(self):
        """Chosen columns: the vector among them, first, last or alone."""
        client, models = self.qdrant()
        if client is None:
            return
        for n, columns in enumerate(("vector,flow_id,src_port", "flow_id,vector", "flow_id,vector,src_port", "vector")):
            client.delete_collection("flows")
            client.create_collection("flows", models.VectorParams(size=32, distance=models.Distance.COSINE))
            r = Receiver(lambda request: self.upsert(client, models, request))
            self.read("flow", f"ndjson+http://127.0.0.1:{r.port}?preset=qdrant&into=flows&columns={columns}")
            r.close()
            rows = client.scroll("flows", limit=100000)[0]
            check(len(rows) == len(self.ids), columns, len(rows))
            check(set(rows[0].payload) == {"event_type", *columns.split(",")} - {"vector"}, rows[0].payload)

    def test_pgvector(self):
        if not Postgres.path(False):
            print("     skipped: there is no PostgreSQL (the Python package pgserver)")
            return
        with Postgres() as server:
            if not server.ask("SELECT 1 FROM pg_available_extensions WHERE name = 'vector'"):
                print("     skipped: the server has no pgvector (the Python package pgserver has it)")
                return
            url = f"postgres://127.0.0.1:{server.port}/postgres/"
            self.read("flow", url + "flows?create=true&vector=vector")
            self.read("flow", url + "arrays?create=true&columns=flow_id,vector")
            types = server.ask("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attname = 'vector' AND "
                               "attrelid IN ('flows'::regclass, 'arrays'::regclass) ORDER BY attrelid")
            check(types == ["vector(32)", "real[]"], types)
            check(server.ask("SELECT count(*) FROM flows") == [str(len(self.ids))], "flows")
            check(server.ask("SELECT count(*) FROM flows JOIN arrays USING (flow_id) WHERE flows.vector::real[] = "
                             "arrays.vector") == [str(len(self.ids))], "the numbers of both")
            for i in self.asked:
                got = server.ask(f"SELECT flow_id FROM flows ORDER BY vector <-> (SELECT vector FROM flows WHERE flow_id = "
                                 f"'{self.ids[i]}') LIMIT {K}")
                self.check_neighbours("pgvector", i, got)
            both = checks.run(self.flowtap, "read", self.capture, "-e", "flow", "-p", "vector", "-o",
                              url + "more?create=true&vector=fwd_bytes")
            check(both.returncode == 2 and "vector=vector makes it" in both.stderr, both.stderr)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--flowtap", required=True)
    p.add_argument("--only", default="")
    a = p.parse_args()
    with tempfile.TemporaryDirectory(prefix="flowtap-vectors-") as folder:
        checks.run_methods(Tests(os.path.abspath(a.flowtap), pathlib.Path(folder)), a.only)
    checks.ended()


if __name__ == "__main__":
    main()
