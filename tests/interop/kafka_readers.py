#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Messages in a real Kafka as consumers of others take them: confluent-kafka's (keys, partitions, headers), its deserializer
for messages of a schema registry, and a loader that puts JSON and Arrow messages into ClickHouse (chdb), in the tables that
`flowtap schema --format clickhouse` makes, where what came twice is left out.

    kafka_readers.py --flowtap PROGRAM --capture FILE

Kafka comes by servers/kafka.sh, the libraries by scripts/readers.sh; without them the test is skipped (77).
"""
import argparse
import collections
import http.server
import io
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "support"), str(HERE.parent)]
import readers  # noqa: E402: tests/readers.py

readers.needs("confluent_kafka", "fastavro", "chdb", "pyarrow")
import checks  # noqa: E402: tests/support/checks.py
import confluent_kafka as ck  # noqa: E402
import fastavro  # noqa: E402
import pyarrow  # noqa: E402
from arrow_readers import flat  # noqa: E402
from avro_readers import same  # noqa: E402
from chdb.session import Session  # noqa: E402
from checks import check  # noqa: E402
from kafka import SERVER, Broker, Case, free_ports, in_order, write_capture  # noqa: E402

SCHEMA_ID = 70000
FLOWS = 5000
AWAY = 2  # seconds that a run without a broker waits at its end


def consume(broker, topic):
    """All messages, in the order of each partition."""
    c = ck.Consumer({"bootstrap.servers": broker.hosts, "group.id": "test", "enable.auto.commit": False,
                     "enable.partition.eof": True})
    n = len(c.list_topics(topic, timeout=30).topics[topic].partitions)
    c.assign([ck.TopicPartition(topic, p, ck.OFFSET_BEGINNING) for p in range(n)])
    messages, ended = [], set()
    while len(ended) < n:
        m = c.poll(30)
        if not check(m is not None, topic, "no end of", n, "partitions"):
            break
        if m.error() is None:
            messages.append(m)
        elif m.error().code() == ck.KafkaError._PARTITION_EOF:
            ended.add(m.partition())
        else:
            check(False, topic, m.error())
    c.close()
    return messages


def id_of(message):
    return dict(message.headers() or []).get("flowtap-id", b"").decode()


def events_of(path):
    return [json.loads(line) for line in path.read_bytes().splitlines()]


class Registry(http.server.BaseHTTPRequestHandler):
    """One schema under one id, as a schema registry tells it."""
    schema = None
    asked = []

    def do_GET(self):
        self.asked.append(self.path)
        known = urllib.parse.urlsplit(self.path).path == f"/schemas/ids/{SCHEMA_ID}"
        body = json.dumps({"schema": self.schema} if known else {"error_code": 40403, "message": "Schema not found"}).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def by_registry(topic, schema, messages):
    """What Confluent's deserializer makes of them, or None: it is not here."""
    try:
        from confluent_kafka.schema_registry import SchemaRegistryClient  # pylint: disable=import-outside-toplevel
        from confluent_kafka.schema_registry.avro import AvroDeserializer  # pylint: disable=import-outside-toplevel
        from confluent_kafka.serialization import MessageField, SerializationContext  # pylint: disable=import-outside-toplevel
    except ImportError as e:
        print("     skipped: the deserializer of a schema registry:", e)
        return None
    Registry.schema = json.dumps(schema)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    read = AvroDeserializer(SchemaRegistryClient({"url": f"http://127.0.0.1:{server.server_port}"}))
    context = SerializationContext(topic, MessageField.VALUE)
    rows = [read(m.value(), context) for m in messages]
    server.shutdown()
    server.server_close()
    check(Registry.asked, "the registry was not asked")
    return rows


def framed(case):
    """With schema_id= a message is one record, as the clients of a schema registry read it, with the key of JSON's."""
    printed = json.loads(case.run(["schema", "--format", "avro", "-p", "all"]).stdout)
    for kind, name in ("flow", "network_flow_record"), ("sample", "network_flow_sample"):
        topic, file = f"framed_{kind}", case.folder / f"{kind}.ndjson"
        case.broker.create(topic)
        run = case.run(["read", "-w1", "-p", "all", "-e", kind, str(case.capture), "-o",
                        case.url(topic, f"format=avro&schema_id={SCHEMA_ID}", form=None), "-o", f"ndjson:{file}"])
        messages, wanted = consume(case.broker, topic), events_of(file)
        check(run.returncode == 0 and len(messages) == len(wanted) > 10, topic, run.returncode, len(messages), len(wanted))
        check(case.account(run.stderr, topic)["written"] == len(wanted), topic, run.stderr)
        check(all(m.value()[:5] == b"\0" + SCHEMA_ID.to_bytes(4, "big") for m in messages), topic, "frames")
        keys = collections.Counter(m.key() for m in messages)
        if kind == "flow":
            check(keys == collections.Counter(e["features"]["community_id"].encode() for e in wanted), topic, keys)
        check(len(keys) > 5 and all(k.startswith(b"1:") for k in keys), topic, keys)
        rows = by_registry(topic, next(s for s in printed if s["name"] == name), messages)
        for r in rows or ():
            check(len(r) > 5, r)
        if rows is not None:
            order = (lambda r: (r["flow_id"], r["packet_count"])) if kind == "flow" else (
                lambda r: (r["src_ip"], r["src_port"], r["dst_ip"], r["dst_port"], r["protocol"], r["packet_count"]))
            same(sorted(rows, key=order), sorted((flat(e, False) for e in wanted), key=order), topic)
    for params, says in ((f"format=avro&schema_id={SCHEMA_ID}&batch=true", "one event"), ("schema_id=1", "of avro"),
                         ("format=avro&schema_id=2147483648", "2147483647"), ("format=avro&key=flow", "schema_id=N")):
        run = case.run(["read", "-e", "flow", str(case.capture), "-o", case.url("x", params, form=None)])
        check(run.returncode == 2 and says in run.stderr, params, run.returncode, run.stderr)


def consumer(case):
    """Keys, partitions and order, as a consumer of another library sees them."""
    case.broker.create("consumer")
    file = case.folder / "consumer.ndjson"
    run = case.run(["read", "-e", "sample,flow", str(case.capture), "-o", case.url("consumer"), "-o", f"ndjson:{file}"])
    messages = consume(case.broker, "consumer")
    check(run.returncode == 0 and sorted(m.value() for m in messages) == sorted(file.read_bytes().splitlines()), run.stderr)
    check(all(m.headers() is None for m in messages), "headers without a spool")
    places = collections.defaultdict(set)
    for m in messages:
        places[m.key()].add(m.partition())
    check(len(places) > 5 and all(len(p) == 1 for p in places.values()), "a key on two partitions", places)
    text = [(m.partition(), m.key().decode(), m.value()) for m in messages]
    check(in_order(text) is None, in_order(text))
    check(all(e["features"]["community_id"] == k for _, k, t in text if (e := json.loads(t))["event_type"] ==
              "network_flow_record"), "keys")


def delivered_twice(case, topic, params, args):
    """Events go into a spool while there is no broker, and out of it twice, as after a disk that was restored. Returns the
    messages."""
    case.broker.create(topic)
    spool, before = case.folder / topic, case.folder / (topic + ".before")
    spool.mkdir()

    def url(hosts=None):
        return case.url(topic, f"overflow=spool&spool={spool}&{params}", form=None, hosts=hosts)

    run = case.run([*args, "--drain-timeout", str(AWAY), "-o", url(f"127.0.0.1:{free_ports()}")])
    check(run.returncode == 0, topic, run.returncode, run.stderr)
    shutil.copytree(spool, before)
    nothing = case.folder / "nothing.pcap"
    nothing.write_bytes(case.big.read_bytes()[:24])
    for _ in range(2):
        run = case.run(["read", *[a for a in args[1:] if a != str(case.big)], str(nothing), "-o", url()])
        check(run.returncode == 0, topic, run.returncode, run.stderr)
        shutil.rmtree(spool)
        shutil.copytree(before, spool)
    return consume(case.broker, topic)


def once(messages):
    """Each message the first time that it came: what came again has the same header."""
    found = {}
    for m in messages:
        if m.value() != found.setdefault(id_of(m), m).value():
            check(False, "two messages of one id", id_of(m))
    return list(found.values())


def framed_spooled(case):
    """Bytes that are no lines come out of a spool as they went in."""
    printed = json.loads(case.run(["schema", "--format", "avro", "-p", "base"]).stdout)
    schema = fastavro.parse_schema(next(s for s in printed if s["name"] == "network_flow_record"))
    messages = delivered_twice(case, "framed_spooled", f"format=avro&schema_id={SCHEMA_ID}",
                               ["read", "-e", "flow", str(case.big)])
    left = once(messages)
    rows = [fastavro.schemaless_reader(io.BytesIO(m.value()[5:]), schema) for m in left]
    check(len(messages) == 2 * len(left) and len({r["flow_id"] for r in rows}) == len(rows) == FLOWS, len(messages), len(rows))
    check(all(m.key().decode() == r["community_id"] for m, r in zip(left, rows)), "keys")


def tables(session, case, name):
    """The table of a name that flowtap's own statement makes."""
    made = case.run(["schema", "--format", "clickhouse", "-p", "base"]).stdout.split(";\n")
    statement = next(s for s in made if f"CREATE TABLE {name}\n" in s)
    session.query(f"drop table if exists d.{name}")
    session.query(statement.replace("CREATE TABLE ", "CREATE TABLE d."))


def clickhouse(case):
    """Sums of what was taken out of Kafka are those of the capture."""
    name, file, args = "network_flow_record", case.folder / "want.ndjson", ["read", "-e", "flow", str(case.big)]
    case.run([*args, "-o", f"ndjson:{file}"])
    wanted = [flat(e, False) for e in events_of(file)]
    sums = (len(wanted), len({r["flow_id"] for r in wanted}), sum(r["byte_count"] for r in wanted),
            sum(r["packet_count"] for r in wanted), sum(r["src_port"] for r in wanted))
    stream = subprocess.run([case.flowtap, *args, "--quiet", "-o", "arrow:-"], capture_output=True, check=True).stdout
    columns = [n for n in pyarrow.ipc.open_stream(stream).schema.names if n != "other"]
    session = Session()
    session.query("create database d engine = Atomic")
    flat_json = "format=ndjson&columns=" + ",".join(columns)
    for form, more in ("JSONEachRow", flat_json), ("JSONEachRow", flat_json + "&batch=true"), ("ArrowStream", "format=arrow"):
        topic = f"clickhouse_{form}_{'batch' in more}"
        tables(session, case, name)
        messages = delivered_twice(case, topic, more, args)
        left = once(messages)
        check(len(messages) == 2 * len(left) > 0, topic, len(messages), len(left))
        part = case.folder / "part"
        for bunch in [left] if form == "JSONEachRow" else [[m] for m in left]:
            part.write_bytes(b"\n".join(m.value() for m in bunch))
            session.query(f"insert into d.{name} from infile '{part}' format {form}")
        got = session.query("select count(), uniqExact(flow_id), sum(byte_count), sum(packet_count), sum(src_port) "
                            f"from d.{name}", "JSONCompact")
        got = tuple(int(v) for v in json.loads(str(got))["data"][0])
        check(got == sums, topic, got, sums)
        print(f"     {topic}: {len(messages)} messages, {len(left)} of them different, {got[0]} records")
    session.cleanup()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--flowtap", required=True)
    parser.add_argument("--capture", type=pathlib.Path, required=True)
    parser.add_argument("--only", default="", help="cases whose name has this text")
    args = parser.parse_args()
    checks.needs_built(args.flowtap, "librdkafka")
    if shutil.which("kcat") is None:
        print("skipped: there is no kcat")
        return 77
    fetched = subprocess.run([SERVER, "fetch"], capture_output=True, text=True)
    if fetched.returncode != 0:
        print("skipped:", fetched.stderr.strip())
        return 77
    folder = pathlib.Path(tempfile.mkdtemp(prefix="flowtap-kafka-"))
    big = folder / "big.pcap"
    write_capture(big, FLOWS, 4)
    broker = Broker(folder)
    try:
        if broker.start():
            for part in consumer, framed, framed_spooled, clickhouse:
                if args.only in part.__name__:
                    part(Case(args.flowtap, broker, folder, args.capture, big))
    finally:
        if broker.process is not None and broker.process.poll() is None:
            broker.kill()
        shutil.rmtree(folder)
    checks.ended()


if __name__ == "__main__":
    sys.exit(main())
