#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rows in a real PostgreSQL: what is there is what a CSV file of the same run holds; a server that comes late, crashes,
refuses or does not come back; tables that are missing, of other columns, or that do not take every row; pgvector.

    postgres_copy.py --flowtap PROGRAM --capture FILE
"""
import csv
import io
import json
import subprocess
import threading
from decimal import Decimal

import stores
from stores import FLOWS, LOSE, Relay, check, lose, wait_for

from postgres_server import Postgres


def plain(kind, value):
    """A cell of PostgreSQL's CSV as flowtap's has it; None: null."""
    if value is None or kind in ("text", "inet"):
        return value
    if kind == "boolean":
        return {"t": "true", "f": "false"}[value]
    if kind == "bytea":
        return value[2:]
    if kind == "jsonb":
        return json.loads(value)
    if kind == "boolean[]":
        return ["true" if x == "t" else "false" for x in value[1:-1].split(",") if x]
    if kind.endswith("[]"):
        return [Decimal(x) for x in value[1:-1].split(",") if x]
    return Decimal(value)


def number(kind, value):
    """A cell of flowtap's CSV, likewise."""
    if value == "" or kind in ("text", "inet", "boolean", "bytea"):
        return value if value != "" or kind == "text" else None
    if kind == "jsonb":
        return [] if value == "[]" else [[int(y) for y in x.split(";") if x != "[]"] for x in value.split("|")]
    if kind == "boolean[]":
        return [] if value == "[]" else value.split(";")
    if kind.endswith("[]"):
        return [] if value == "[]" else [Decimal(x) for x in value.split(";")]
    return Decimal(value)


class Tests(stores.Stores):
    server, unspecific = Postgres, "its certificate does not fit: see ca= and the host's name"

    def url(self, server, more="create=true", table="flows"):
        return f"postgres://127.0.0.1:{server.port}/postgres/{table}" + (f"?{more}" if more else "")

    def types(self, server, table):
        return dict(line.split("|") for line in server.ask(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
            f"WHERE attrelid = '{table}'::regclass AND attnum > 0 ORDER BY attnum"))

    def rows(self, server, table, order):
        """Of a table, as those of flowtap's CSV."""
        types = self.types(server, table)
        what = ", ".join(f'extract(epoch from "{n}") AS "{n}"' if t.startswith("timestamp") else f'"{n}"'
                         for n, t in types.items())
        text = "\n".join(server.ask(f"COPY (SELECT {what} FROM {table} ORDER BY {order}) TO STDOUT "
                                    "WITH (FORMAT csv, NULL '<null>', FORCE_QUOTE *)"))
        return types, [[plain("numeric" if t.startswith("timestamp") else t, None if v == "<null>" else v)
                        for t, v in zip(types.values(), row)] for row in csv.reader(io.StringIO(text))]

    def test_rows(self):
        """Every type of column, of flow records and of samples."""
        with Postgres() as server:
            for i, (event, more) in enumerate([("flow", ["-p", "all,splt"]), ("sample", []), ("flow", ["-p", "netfound"])]):
                file, copy = self.work / "x.csv", self.work / "x.copy"
                r = self.run("read", self.capture, "-e", event, *more, "--workers", 1, "-o", f"csv:{file}", "-o",
                             self.url(server, table=f"t{i}"), "-o", f"copy:{copy}")
                check(r.returncode == 0, r.stderr)
                types, got = self.rows(server, f"t{i}", "ctid")
                header, *want = csv.reader(open(file))
                kinds = ["numeric" if t.startswith("timestamp") else t for t in types.values()]
                check(list(types) == header, list(types), header)
                want = [[number(k, v) for k, v in zip(kinds, row)] for row in want]
                check(len(want) > 10 and len(got) == len(want), event, len(got), len(want))
                wrong = {header[c]: (a[c], b[c]) for a, b in zip(got, want) for c in range(len(header))
                         if a[c] != b[c] and not (kinds[c] == "text" and a[c] is None and b[c] == "")}
                check(not wrong, event, wrong)
                # the file that the format makes, by psql
                server.ask(f"CREATE TABLE f{i} (LIKE t{i})")
                subprocess.run([server.bin / "psql", "-h", "127.0.0.1", "-p", str(server.port), "-U", "postgres", "-qX",
                                "-v", "ON_ERROR_STOP=1", "-c", f"\\copy f{i} FROM '{copy}' WITH (HEADER MATCH)"],
                               check=True, cwd="/")
                check(server.ask(f"SELECT count(*) FROM (TABLE t{i} EXCEPT TABLE f{i}) x") == ["0"], "the file")

    def test_schema(self):
        """The tables of flowtap schema take what is written, also of chosen columns."""
        with Postgres() as server:
            server.ask(self.run("schema", "--format", "postgres", "-p", "all").stdout)
            server.ask("CREATE SCHEMA net; CREATE TABLE net.\"odd \"\"name\" (LIKE network_flow_record)")
            for table, more in (("network_flow_record", "profile=all"), ('net.odd "name', "profile=all")):
                r = self.run("read", self.capture, "-e", "flow", "-o", self.url(server, more, table))
                check(r.returncode == 0, r.stderr)
            check(server.ask('SELECT count(*) FROM net."odd ""name"') == ["15"], "schema and name")
            r = self.run("read", self.capture, "-e", "flow", "-o",
                         self.url(server, "create=true&columns=src_ip,fwd_bytes", "few"))
            check(self.types(server, "few") == {"src_ip": "inet", "fwd_bytes": "numeric(20,0)"} and r.returncode == 0, r.stderr)
            check(server.ask("SELECT sum(fwd_bytes) FROM few") == server.ask("SELECT sum(fwd_bytes) FROM network_flow_record"),
                  "bytes")

    def test_vector(self):
        with Postgres() as server:
            if not server.ask("SELECT 1 FROM pg_available_extensions WHERE name = 'vector'"):
                r = self.run("read", self.capture, "-e", "flow", "-o",
                             self.url(server, f"create=true&vector=fwd_bytes&{LOSE}"))
                check(r.returncode == 1 and r.stderr.count("needs pgvector") == 1, r.stderr)
                print("     the server has no pgvector (the Python package pgserver has it): its refusal only")
                return
            r = self.run("read", self.capture, "-e", "flow", "-o",
                         self.url(server, "create=true&vector=fwd_packets,rev_packets,vlan_id,is_final"))
            check(r.returncode == 0 and self.types(server, "flows")["vector"] == "vector(4)", r.stderr)
            got = server.ask("SELECT vector, fwd_packets, rev_packets, coalesce(vlan_id, 0) FROM flows")
            check(len(got) == 15 and all(g.split("|")[0] == "[{1},{2},{3},1]".format(*g.split("|")) for g in got), got)
            near = server.ask("SELECT count(*) FROM flows a, flows b WHERE a.vector <-> b.vector < 1")
            check(int(near[0]) >= 15, near)
            r = self.run("read", self.capture, "-e", "flow", "-p", "splt", "-o",
                         self.url(server, "create=true&vector=splt_direction", "lists"))
            got = server.ask("SELECT vector::text, replace(replace(splt_direction::text, '{', '['), '}', ']') FROM lists")
            check(r.returncode == 0 and len(got) == 15 and all(len(set(g.split("|"))) == 1 for g in got), got, r.stderr)

    def test_late(self):
        """Neither server nor table are there at the start: nothing is lost, it is said once."""
        server, file = Postgres(), self.work / "late.ndjson"
        run = self.piped("-e", "sample", "-o", f"ndjson:{file}", "-o", self.url(server, "queue=64MB"))
        run.write(self.large.read_bytes())
        wait_for(lambda: "tried again" in run.text, "the message")
        with server:
            r = self.run("read", self.capture, "-e", "sample", "-o", self.url(server, "create=true", "model"))
            server.ask("CREATE TABLE flows (LIKE model)")
            check(run.end() == 0, run.text, r.stderr)
            check(server.ask("SELECT count(*) FROM flows") == [str(FLOWS)], "late")
        check(run.text.count("tried again") == 1 and run.text.count("works again") == 1, run.text)

    def test_killed(self):
        """The server crashes in mid-stream and comes back: nothing is missing, at most a batch is there twice."""
        with Postgres() as server:
            data, more = self.large.read_bytes(), "create=true&queue=64MB"
            run = self.piped("-e", "sample", "-o", self.url(server, more))
            run.write(data[:len(data) * 2 // 3])
            wait_for(lambda: server.ask("SELECT to_regclass('flows')") != [""] and
                     server.ask("SELECT count(*) FROM flows") != ["0"], "rows")
            server.kill()
            feeder = threading.Thread(target=run.write, args=(data[len(data) * 2 // 3:],))
            feeder.start()
            feeder.join()
            run.process.stdin.close()
            wait_for(lambda: "tried again" in run.text, "the message")
            server.start()
            check(run.end() == 0, run.text)
            check(server.ask("SELECT count(DISTINCT (src_ip, src_port)) FROM flows") == [str(FLOWS)], "rows")
            self.check_sums(run.text, self.url(server, more), kind="sample")

    def test_cuts(self):
        """Connections that end in the middle of a batch: it is there whole, or not at all."""
        with Postgres() as server:
            relay = Relay(server.port)
            relay.cut_after = [100000, 1000000, 1000001, 3000000]
            relay.up()
            r = self.run("read", self.large, "-e", "flow", "--workers", 1, "-o", self.url(relay))
            check(r.returncode == 0 and not relay.cut_after, r.stderr, relay.cut_after)
            check(server.ask("SELECT count(DISTINCT flow_id) FROM flows") == [str(FLOWS)], "cuts")
            check(self.check_sums(r.stderr, self.url(relay))[1] == FLOWS, "written")
            relay.down()

    def test_gone(self):
        """A server that does not come back: what is not there is lost, and counted."""
        with Postgres() as server:
            relay = Relay(server.port)
            relay.up()
            relay.down_after = 3000000
            more = f"create=true&{LOSE}"
            r = self.run("read", self.large, "-e", "flow", "--workers", 1, "-o", "null:", "-o", self.url(relay, more))
            made, written, dropped, lost = self.check_sums(r.stderr, self.url(relay, more))
            n = int(server.ask("SELECT count(*) FROM flows")[0])
            check(r.returncode == 1 and lost > 0 and n >= written, r.returncode, n, r.stderr)
            check(r.stderr.count("tried again") == 1, r.stderr)

    def test_stopped(self):
        """Who waits for a server that is away can be stopped."""
        relay = Relay(0)
        run = self.piped("-e", "sample", "-o", self.url(relay))
        threading.Thread(target=run.feed, args=(self.large.read_bytes(),)).start()
        wait_for(lambda: "tried again" in run.text, "the message")
        run.process.terminate()
        check(run.end() != 0, run.text)
        made, written, dropped, lost = self.check_sums(run.text, self.url(relay), None, "sample")
        check(written == dropped == 0, written, dropped)

    def test_refused(self):
        """Roles, databases and tables that do not fit: said once with what to do, nothing is there."""
        good, bad = self.work / "good", self.work / "bad"
        good.write_text("open sesame\n")
        bad.write_text("topsecret\n")
        with Postgres("open sesame") as server:
            r = self.run("read", self.capture, "-e", "flow", "-o", self.url(server, f"create=true&password=@{good}"))
            check(r.returncode == 0 and server.ask("SELECT count(*) FROM flows") == ["15"], r.stderr)
            server.ask("CREATE TABLE other (x integer)")
            for more, table, text in ((f"password=@{bad}", "flows", "check user= and password=@FILE"),
                                      ("", "flows", "set password=@FILE"),
                                      (f"user=nobody&password=@{good}", "flows", "check user= and password=@FILE"),
                                      (f"password=@{good}", "nothing", "set create=true"),
                                      (f"password=@{good}", "none.flows", "make the schema first"),
                                      (f"password=@{good}", "other", "choose with columns=")):
                url = self.url(server, lose(more), table)
                r = self.run("read", self.capture, "-e", "flow", "-o", url)
                check(r.returncode == 1 and r.stderr.count(text) == 1 and "topsecret" not in r.stderr, text, r.stderr)
                check(self.check_sums(r.stderr, url, 15)[3] == 15, "lost")
            url = self.url(server, f"password=@{good}&{LOSE}").replace("/postgres/", "/nodb/")
            r = self.run("read", self.capture, "-e", "flow", "-o", url)
            check(r.returncode == 1 and "make the database first" in r.stderr, r.stderr)
            check(server.ask("SELECT count(*) FROM flows") == ["15"], "what was refused is there")

    def test_rows_refused(self):
        """A table that does not take every row: the batch is lost, and said once; what comes later is there."""
        with Postgres() as server:
            self.run("read", self.capture, "-e", "sample", "-o", self.url(server))
            server.ask("TRUNCATE flows; ALTER TABLE flows ADD CHECK (src_port <> 1024)")
            run = self.piped("-e", "sample", "-o", self.url(server))
            run.write(self.large.read_bytes())
            wait_for(lambda: "is lost" in run.text, "the message")
            check(run.end() == 1, run.text)
            made, written, dropped, lost = self.check_sums(run.text, self.url(server), kind="sample")
            check(run.text.count("violates check constraint") == 1 and lost > 0, run.text)
            check(server.ask("SELECT count(*) FROM flows") == [str(written)], written)

    def test_tls(self):
        if Postgres.path(tls=True) is None:
            print("     skipped: no PostgreSQL with TLS is here (scripts/setup.sh servers)")
            return
        def prepare(server):
            server.ask(self.run("schema", "--format", "postgres").stdout + "; ALTER TABLE network_flow_record RENAME TO flows")

        self.check_tls(prepare, lambda server: int(server.ask("SELECT count(*) FROM flows")[0]))
        self.tls_usage("postgres://host/postgres/flows?")
        self.usage([("postgres://h/d/t?tls=prefer&ca=x", "need tls=require"),
                    ("postgres://h/d/t?tls=disable&verify=true", "need tls=require")])
        with Postgres() as server:
            r = self.run("read", self.capture, "-e", "flow", "-o", self.url(server, lose("create=true&tls=require")))
            check(r.returncode == 1 and r.stderr.count("it has no TLS") == 1, r.stderr)

    def test_usage(self):
        usage = "write postgres://HOST[:PORT]/DATABASE/TABLE"
        self.usage([("postgres://host", usage), ("postgres://host/db", usage), ("postgres://host/db/", usage),
                    ("postgres://user:topsecret@host/db/t", usage), ("postgres://host/db/t/x", usage),
                    ("postgres://host/db/.t", usage),
                    ("ndjson+postgres://host/db/t", "takes the format copy"),
                    ("postgres://host/db/t?create=yes", "true or false"),
                    ("postgres://host/db/t?vector=src_ip", "no column of numbers"),
                    ("postgres://host/db/t?passwort=x", "did you mean password"),
                    ("postgres://host/db/t?password=topsecret", "password=@FILE")])


stores.main(Tests, "libpq", Postgres.path())
