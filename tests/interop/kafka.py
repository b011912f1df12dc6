#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Messages in a real Kafka, read back by kcat: what is there is what a file of the same run holds, all of a flow on one
partition and in order; a broker that is killed in mid-stream, or not there; topics and credentials that do not fit.

    kafka.py --flowtap PROGRAM --capture FILE

Kafka comes by servers/kafka.sh; without it, or without kcat, the test is skipped (77).
"""
import argparse
import collections
import ctypes
import glob
import io
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support"), str(HERE.parent)]
import checks  # noqa: E402: tests/support/checks.py
import certs as certificates  # noqa: E402: tests/support/certs.py
import readers  # noqa: E402: tests/readers.py
from arrow_reader import Arrow  # noqa: E402
from checks import check, load, wait_for  # noqa: E402

SERVER = HERE / "servers" / "kafka.sh"
SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
PLAIN = 'org.apache.kafka.common.security.plain.PlainLoginModule required user_flowtap="right";'


def free_ports():
    """The first of two free ports, one after the other."""
    while True:
        with socket.socket() as a, socket.socket() as b:
            a.bind(("127.0.0.1", 0))
            port = a.getsockname()[1]
            try:
                b.bind(("127.0.0.1", port + 1))
                return port
            except OSError:
                continue


class Broker:
    """Listens in the open, with SASL, and, where there is openssl, by TLS: without asking who it is, asking for a
    certificate, asking for a password, and with certificates that do not fit."""
    plain = ("PLAINTEXT", "CONTROLLER", "SASL_PLAINTEXT")
    by_tls = {"SSL": "good", "ASKS": "good", "SASL_SSL": "good", "ELSEWHERE": "elsewhere", "EXPIRED": "expired"}

    def __init__(self, folder):
        self.folder, self.port, self.sasl = folder, free_ports(), free_ports()
        self.hosts = f"127.0.0.1:{self.port}"
        self.certs = certificates.Certs(folder / "certs") if certificates.available() else None
        ports = {"PLAINTEXT": self.port, "CONTROLLER": self.port + 1, "SASL_PLAINTEXT": self.sasl}
        if self.certs:
            ports |= {name: free_ports() for name in self.by_tls}
        self.at = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
        kinds = {name: name if name in self.plain and name != "CONTROLLER" else "PLAINTEXT" if name == "CONTROLLER" else
                 "SASL_SSL" if name == "SASL_SSL" else "SSL" for name in ports}
        lines = ["auto.create.topics.enable=false", "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
                 f"listeners={','.join(f'{n}://{at}' for n, at in self.at.items())}",
                 f"advertised.listeners={','.join(f'{n}://{at}' for n, at in self.at.items() if n != 'CONTROLLER')}",
                 f"listener.security.protocol.map={','.join(f'{n}:{k}' for n, k in kinds.items())}"]
        for name in ("SASL_PLAINTEXT", "SASL_SSL")[:2 if self.certs else 1]:
            lines.append(f"listener.name.{name.lower()}.plain.sasl.jaas.config={PLAIN}")
            lines += [f"listener.name.{name.lower()}.scram-sha-{n}.sasl.jaas.config={SCRAM}" for n in (256, 512)]
        for name, cert in self.by_tls.items() if self.certs else ():
            self.pkcs8(cert)
            start = f"listener.name.{name.lower()}.ssl."
            lines += [start + "keystore.type=PEM", f"{start}keystore.location={self.certs[cert + '.kafka']}",
                      start + "truststore.type=PEM", f"{start}truststore.location={self.certs['ca.pem']}",
                      f"{start}client.auth={'required' if name == 'ASKS' else 'none'}"]
        self.more = folder / "more"
        self.more.write_text("\n".join(lines) + "\n")
        self.process = None

    def pkcs8(self, name):
        """Java reads a key of that form only, which comes first."""
        key = subprocess.run(["openssl", "pkcs8", "-topk8", "-nocrypt", "-in", self.certs[name + ".key"]], check=True,
                             capture_output=True, text=True).stdout
        self.certs[name + ".kafka"].write_text(key + self.certs[name + ".pem"].read_text())

    def start(self):
        users = [x for n in (256, 512) for x in ("--add-scram", f"SCRAM-SHA-{n}=[name=flowtap,password=right]")]
        self.process = subprocess.Popen([SERVER, "run", self.folder / "broker", str(self.port), self.more, *users],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return wait_for(self.answers, "the broker", 180)

    def answers(self):
        return subprocess.run(["kcat", "-L", "-b", self.hosts, "-m", "5"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode == 0

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def create(self, topic, partitions=4):
        """By librdkafka's own: the artifacts have no tool for it."""
        lib = ctypes.CDLL("librdkafka.so.1")
        for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_NewTopic_new", "rd_kafka_queue_new",
                     "rd_kafka_queue_poll", "rd_kafka_event_CreateTopics_result"):
            getattr(lib, name).restype = ctypes.c_void_p
        pointer, why = ctypes.c_void_p, ctypes.create_string_buffer(256)
        conf = lib.rd_kafka_conf_new()
        lib.rd_kafka_conf_set(pointer(conf), b"bootstrap.servers", self.hosts.encode(), why, ctypes.c_size_t(256))
        rk = pointer(lib.rd_kafka_new(0, pointer(conf), why, ctypes.c_size_t(256)))
        topics = (ctypes.c_void_p * 1)(lib.rd_kafka_NewTopic_new(topic.encode(), partitions, 1, why, ctypes.c_size_t(256)))
        queue = pointer(lib.rd_kafka_queue_new(rk))
        lib.rd_kafka_CreateTopics(rk, topics, ctypes.c_size_t(1), None, queue)
        event = pointer(lib.rd_kafka_queue_poll(queue, 30000))
        check(event.value and lib.rd_kafka_event_error(event) == 0, "create", topic)
        lib.rd_kafka_event_destroy(event)
        lib.rd_kafka_NewTopic_destroy(pointer(topics[0]))
        lib.rd_kafka_queue_destroy(queue)
        lib.rd_kafka_destroy(rk)

    def ids(self, topic):
        """The header that tells which message it is, of all messages."""
        return subprocess.run(["kcat", "-C", "-b", self.hosts, "-t", topic, "-o", "beginning", "-e", "-q", "-f", "%h\\n"],
                              capture_output=True, text=True).stdout.split()

    def read(self, topic):
        """(partition, key, message) of all messages, in the order of each partition."""
        out = subprocess.run(["kcat", "-C", "-b", self.hosts, "-t", topic, "-o", "beginning", "-e", "-q", "-X",
                              "isolation.level=read_committed", "-f", "%p\t%K\t%k\t%S\t%s"], capture_output=True).stdout
        messages, at = [], 0
        while at < len(out):
            fields = []
            for _ in range(2):
                end = out.index(b"\t", at)
                fields.append(int(out[at:end]))
                at = end + 1
            key = out[at:at + max(fields[1], 0)]
            at += max(fields[1], 0) + 1
            end = out.index(b"\t", at)
            size = int(out[at:end])
            at = end + 1
            messages.append((fields[0], key.decode(), out[at:at + size]))
            at += size
        return messages


def write_capture(path, flows, rounds, server=0x0b000001):
    """So many UDP flows to a server, with a packet each way in each round."""
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for r in range(rounds):
            for i in range(flows):
                ends = (0x0a000000 + i // 5000, 1024 + i % 5000), (server, 53)
                for way, (src, dst) in enumerate((ends, ends[::-1])):
                    ip = struct.pack(">BBHHHBBHII", 0x45, 0, 36, i & 0xffff, 0, 64, 17, 0, src[0], dst[0])
                    frame = b"\x02" * 12 + b"\x08\x00" + ip + struct.pack(">HHHH", src[1], dst[1], 16, 0) + b"\0" * 8
                    us = (r * flows + i) * 20 + way
                    f.write(struct.pack("<IIII", 1_700_000_000 + us // 1_000_000, us % 1_000_000, len(frame), len(frame)))
                    f.write(frame)


class Case:
    def __init__(self, flowtap, broker, folder, capture, big):
        self.flowtap, self.broker, self.folder, self.capture, self.big = flowtap, broker, folder, capture, big

    def url(self, topic, params="", form="ndjson", hosts=None):
        return f"{form + '+' if form else ''}kafka://{hosts or self.broker.hosts}/{topic}" + (f"?{params}" if params else "")

    def run(self, args, library=None, **kw):
        """library: the folder of another librdkafka."""
        env = {**os.environ, "LD_LIBRARY_PATH": str(library)} if library else None
        return subprocess.run([self.flowtap, *args], capture_output=True, text=True, timeout=120, env=env, **kw)

    def account(self, stderr, topic):
        """Events of a topic by what became of them."""
        sums = collections.Counter()
        for line in stderr.splitlines():
            m = re.search(rf"kafka://\S*/{topic}\b.* (\d+) \w+ events? = (\d+) written \+ (\d+) dropped(?: \+ (\d+) lost)?",
                          line)
            if m:
                for name, n in zip(("made", "written", "dropped", "lost"), m.groups(default="0")):
                    sums[name] += int(n)
        return sums


def lines_of(path):
    return sorted(path.read_bytes().splitlines())


def in_order(messages):
    """Samples of a flow say how many there were: the number grows, all on one partition."""
    seen, where = {}, {}
    for partition, _, text in messages:
        e = json.loads(text)
        if e["event_type"] != "network_flow_sample":
            continue
        k = e["flow_key"]
        tuple_ = frozenset(((k["src_ip"], k["src_port"]), (k["dst_ip"], k["dst_port"]))), k["protocol"]
        if where.setdefault(tuple_, partition) != partition:
            return f"{tuple_} on two partitions"
        way = (k["src_ip"], k["src_port"])
        n = e["aggregate_metrics"]["packet_count"]
        if n <= seen.get((tuple_, way), 0):
            return f"{tuple_}: {n} behind {seen[tuple_, way]}"
        seen[tuple_, way] = n
    return None


def same(case):
    """What is in a file is in the topic: one each, in batches, without keys; with the sandbox and without."""
    for topic, params, more in (("one", "", []), ("bare", "key=none", ["--no-sandbox"]), ("batch", "batch=true", []),
                                ("small", "batch=4KiB&kafka.compression.type=zstd", []),
                                ("any", "batch=8KiB&key=none&kafka.enable.idempotence=false&kafka.acks=1", [])):
        case.broker.create(topic)
        file = case.folder / f"{topic}.ndjson"
        run = case.run(["read", *more, "-e", "sample,flow,stats", str(case.capture), "-o", case.url(topic, params), "-o",
                        f"ndjson:{file}"])
        check(run.returncode == 0, topic, run.returncode, run.stderr)
        messages = case.broker.read(topic)
        read = [line for _, _, text in messages for line in text.split(b"\n")]
        flat = [(p, k, line) for p, k, text in messages for line in text.split(b"\n")]
        wanted = lines_of(file)
        is_stats = [b'"pipeline_stats"' in line for line in wanted].count(True)
        check(sorted(line for line in read if b"pipeline_stats" not in line) ==
              [line for line in wanted if b"pipeline_stats" not in line], topic, "other lines than in the file")
        check([b'"pipeline_stats"' in line for line in read].count(True) == is_stats, topic, "stats")
        check(case.account(run.stderr, topic)["written"] == len(wanted), topic, case.account(run.stderr, topic), len(wanted))
        if "key=none" not in params:
            check(in_order(flat) is None, topic, in_order(flat))
        check(("batch" in params) == (len(messages) < len(read)), topic, len(messages), "messages of", len(read))
        for partition, key, text in messages if topic == "one" else ():
            e = json.loads(text)
            if e["event_type"] == "network_flow_record":
                check(key == e["features"]["community_id"], "key", key, e["features"]["community_id"])
            elif e["event_type"] == "network_flow_sample":
                check(key.startswith("1:"), "key of a sample", key)


def arrow(case):
    """Each message is a whole stream, and they hold the records of a file."""
    case.broker.create("arrow")
    file = case.folder / "arrow.ndjson"
    run = case.run(["read", "-e", "flow", str(case.big), "-o", case.url("arrow", "format=arrow", form=None), "-o",
                    f"ndjson:{file}"])
    check(run.returncode == 0, "arrow", run.returncode, run.stderr)
    messages = case.broker.read("arrow")
    read = [row for _, _, text in messages for row in Arrow(text).rows["flow_id"]]
    wanted = [json.loads(line)["flow_id"] for line in lines_of(file)]
    check(len(messages) > 1 and sorted(read) == sorted(wanted), "arrow", len(messages), "messages", len(read), "of", len(wanted))


def avro(case):
    """Each message is a whole object container, and they hold the records of a file."""
    fastavro = load("fastavro")
    if fastavro is None:
        return
    case.broker.create("avro")
    file = case.folder / "avro.ndjson"
    run = case.run(["read", "-e", "flow", str(case.big), "-o", case.url("avro", "format=avro", form=None), "-o",
                    f"ndjson:{file}"])
    check(run.returncode == 0, "avro", run.returncode, run.stderr)
    messages = case.broker.read("avro")
    read = [row["flow_id"] for _, _, text in messages for row in fastavro.reader(io.BytesIO(text))]
    wanted = [json.loads(line)["flow_id"] for line in lines_of(file)]
    check(len(messages) > 1 and sorted(read) == sorted(wanted), "avro", len(messages), "messages", len(read), "of", len(wanted),
          [(partition, len(text)) for partition, _, text in messages], run.stderr)


def killed(case):
    """The broker is killed in mid-stream and comes back: nothing is missing, nothing is twice."""
    case.broker.create("killed")
    file = case.folder / "killed.ndjson"
    p = subprocess.Popen([case.flowtap, "read", "-e", "sample", str(case.big), "-o",
                          case.url("killed", "kafka.linger.ms=20"), "-o", f"ndjson:{file}"], stderr=subprocess.PIPE, text=True)
    wait_for(lambda: file.exists() and file.stat().st_size > 5_000_000, "the stream", 60)
    case.broker.kill()
    time.sleep(2)
    check(p.poll() is None, "it ended without the broker")
    case.broker.start()
    err = p.communicate(timeout=120)[1]
    check(p.returncode == 0, "killed", p.returncode, err)
    read = sorted(text for _, _, text in case.broker.read("killed"))
    wanted = lines_of(file)
    check(read == wanted, "killed:", len(read), "messages of", len(wanted), err)
    check(case.account(err, "killed")["written"] == len(wanted), "killed", err)


def refused(case):
    """What cannot work is said, once, and counted."""
    nobody = f"127.0.0.1:{free_ports()}"
    soon = "kafka.message.timeout.ms=2000"
    secret = case.folder / "password"
    for topic, params, hosts, says in (
            ("nobody", soon, nobody, "advertised.listeners"),
            ("nobody_batch", soon + "&batch=true", nobody, "advertised.listeners"),
            ("nothere", soon + "&kafka.topic.metadata.propagation.max.ms=1000", None, "make the topic"),
            ("wrong", soon + "&kafka.security.protocol=sasl_plaintext&kafka.sasl.mechanism=PLAIN&kafka.sasl.username=flowtap"
             f"&kafka.sasl.password=@{secret}", f"127.0.0.1:{case.broker.sasl}", "Write and Describe")):
        secret.write_text("guessed\n")
        run = case.run(["read", "-e", "flow", str(case.capture), "-o", case.url(topic, params, hosts=hosts)])
        account = case.account(run.stderr, topic)
        check(run.returncode == 1, topic, run.returncode, run.stderr)
        check(account["made"] > 0 and account["lost"] == account["made"], topic, account, run.stderr)
        check(run.stderr.count(says) == 1, topic, "says", run.stderr.count(says), "times", says, run.stderr)
        check("guessed" not in run.stderr, "a secret in", run.stderr)
    case.broker.create("right")
    secret.write_text("right\n")
    run = case.run(["read", "-e", "flow", str(case.capture), "-o", case.url(
        "right", "kafka.security.protocol=sasl_plaintext&kafka.sasl.mechanism=PLAIN&kafka.sasl.username=flowtap"
        f"&kafka.sasl.password=@{secret}", hosts=f"127.0.0.1:{case.broker.sasl}")])
    check(run.returncode == 0 and len(case.broker.read("right")) > 0, "right", run.returncode, run.stderr)


def scram_library(folder):
    """(whether the system's librdkafka does SCRAM with brokers of today, the folder of one that does, or None): before
    2.6.1 it does not. The Python package confluent-kafka has a newer one (scripts/readers.sh)."""
    if ctypes.CDLL("librdkafka.so.1").rd_kafka_version() >= 0x02060100:
        return True, None
    found = glob.glob(os.path.join(readers.cache(), "python/lib/python3*/site-packages/confluent_kafka.libs/librdkafka*.so.1"))
    if not found:
        print("     skipped: SCRAM with a newer librdkafka (the Python package confluent-kafka; scripts/readers.sh)")
        return False, None
    folder.mkdir()
    shutil.copy(found[0], folder / "librdkafka.so.1")
    return False, folder


def encrypted(case):
    """TLS and SASL through it: what fits brings all, what does not is said once, with what to do, tried again with pauses, and
    counted; no secret is shown."""
    c = case.broker.certs
    if c is None:
        print("     skipped: TLS: there is no openssl")
        return
    secret = {name: case.folder / name for name in ("right", "guessed")}
    for name, path in secret.items():
        path.write_text(name + "\n")
    ca, cert = f"ca={c['ca.pem']}", f"&cert={c['client.both']}"

    def sasl(mechanism, word="right"):
        return f"{ca}&kafka.sasl.mechanism={mechanism}&kafka.sasl.username=flowtap&kafka.sasl.password=@{secret[word]}"

    own, newer = scram_library(case.folder / "lib")
    good = [("SSL", ca), ("SSL", "verify=false"), ("SSL", f"kafka.security.protocol=ssl&kafka.ssl.ca.location={c['ca.pem']}"),
            ("ELSEWHERE", "verify=false"), ("ASKS", ca + cert),
            ("ASKS", f"{ca}&cert={c['client.pem']}&kafka.ssl.key.location={c['client.key']}"),
            ("SASL_SSL", sasl("PLAIN")),
            *(("SASL_SSL", sasl(m)) for m in ("SCRAM-SHA-256", "SCRAM-SHA-512") if own or newer)]
    for n, (listener, params) in enumerate(good):
        topic, file = f"tls{n}", case.folder / f"tls{n}.ndjson"
        case.broker.create(topic)
        run = case.run(["read", "-e", "sample,flow", str(case.capture), "-o",
                        case.url(topic, params + "&kafka.message.timeout.ms=20000", hosts=case.broker.at[listener]), "-o",
                        f"ndjson:{file}"], library=newer if "SCRAM" in params else None)
        read = sorted(text for _, _, text in case.broker.read(topic))
        check(run.returncode == 0 and read == lines_of(file), listener, params, run.returncode, len(read), run.stderr)
        check(case.account(run.stderr, topic)["written"] == len(read) > 0, listener, params, run.stderr)
    hidden(case, case.url("tls0", sasl("PLAIN"), hosts=case.broker.at["SASL_SSL"]))
    soon = "&kafka.message.timeout.ms=4000"
    for n, (listener, params, why) in enumerate((
            ("SSL", f"ca={c['other.pem']}", "certificate verify failed"), ("SSL", "verify=true", "certificate verify failed"),
            ("ELSEWHERE", ca, "verif|certificate"), ("EXPIRED", ca, "certificate has expired|verify failed"),
            ("ASKS", ca, "certificate"), ("ASKS", f"{ca}&cert={c['stranger.both']}", "certificate|unknown ca"),
            *(("SASL_SSL", sasl(m, "guessed"), "uthentication") for m in ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")),
            *(("SASL_SSL", sasl(m), "2.6.1 can") for m in ("SCRAM-SHA-256", "SCRAM-SHA-512") if not own),
            ("PLAINTEXT", ca, "SSL|TLS|ca="))):
        topic = f"bad{n}"
        case.broker.create(topic)
        run = case.run(["read", "-e", "flow", str(case.capture), "-o",
                        case.url(topic, params + soon, hosts=case.broker.at[listener])])
        account, said = case.account(run.stderr, topic), [line for line in run.stderr.splitlines() if "warning" in line]
        check(run.returncode == 1, listener, params, run.returncode, run.stderr)
        check(account["made"] > 0 and account["lost"] == account["made"], listener, params, account, run.stderr)
        told = [line for line in said if "look at " in line]
        check(len(told) == 1 and re.search(why, told[0]), listener, params, run.stderr)
        check("guessed" not in run.stderr.replace(str(secret["guessed"]), ""), "a secret in", run.stderr)
        check(not case.broker.read(topic), listener, params, "something arrived")


def hidden(case, url):
    """While it runs, the password is in no list of processes and no environment, and no core can be dumped."""
    p = subprocess.Popen([case.flowtap, "read", "-", "-vv", "-o", url], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    p.stdin.write(case.capture.read_bytes())
    p.stdin.flush()
    time.sleep(1)
    for name in "cmdline", "environ":
        try:
            text = pathlib.Path(f"/proc/{p.pid}/{name}").read_bytes()
        except PermissionError:
            continue
        check(b"=right" not in text and b"right\n" not in text, name, text)
    check(os.stat(f"/proc/{p.pid}/mem").st_uid == 0, "a core can be dumped")
    err = p.communicate()[1].decode()
    check(p.returncode == 0 and "right" not in err.replace(f"/{'right'}", ""), "a secret in", err)


def spooled(case):
    """Without a broker events stay in the spool; the next run brings them. Messages that come twice have the same id."""
    for topic, params in ("spool", ""), ("spool_batch", "&batch=true"):
        case.broker.create(topic)
        spool = case.folder / topic
        spool.mkdir()
        wanted = []
        for n, hosts in enumerate((f"127.0.0.1:{free_ports()}", None)):
            file = case.folder / f"{topic}{n}.ndjson"
            run = case.run(["read", "-e", "sample,flow", "--drain-timeout", "1", str(case.capture), "-o",
                            case.url(topic, f"overflow=spool&spool={spool}{params}", hosts=hosts), "-o", f"ndjson:{file}"])
            check(run.returncode == 0, topic, n, run.returncode, run.stderr)
            wanted += lines_of(file)
        read = [line for _, _, text in case.broker.read(topic) for line in text.split(b"\n")]
        check(sorted(read) == sorted(wanted), topic, len(read), "of", len(wanted), run.stderr)
        ids = case.broker.ids(topic)
        check(len(set(ids)) == len(ids) and all(re.fullmatch(r"flowtap-id=[0-9a-f]{16}-\d+-\d+", i) for i in ids), topic,
              ids[:3])


def arguments(case):
    """Wrong arguments end with 2 and say what is meant."""
    for params, says in (("kafka.sasl.password=x", "@FILE"), ("kafka.compresion.type=zstd", "compression.type"),
                         ("kafka.acks=seven", "acks"), ("kafka.bootstrap.servers=x", "hosts of the URL"),
                         ("kafka.plugin.library.paths=x", "no code"), ("batch=1KB", "4KiB"), ("keys=flow", "key"),
                         ("key=exporter", "collect"), ("kafka.enable.idempotence=true&kafka.acks=1", "acks"),
                         ("kafka.sasl.mechanism=GSSAPI", "Kerberos"),
                         ("ca=x&verify=false", "nothing is checked by ca="), ("cert=/nonexistent", "/nonexistent"),
                         ("ca=/nonexistent", "/nonexistent"), ("kafka.security.protocol=plaintext&verify=true", "without TLS"),
                         (f"ca={__file__}", "kafka.py"), (f"cert={__file__}", "kafka.py"), ("kafka.security.protocol=sasl_ssl", "SCRAM")):
        run = case.run(["read", str(case.capture), "-o", case.url("x", params)])
        check(run.returncode == 2 and says in run.stderr, params, run.returncode, run.stderr)
    for url in ("ndjson+kafka:file", "ndjson+kafka://host:9092", "ndjson+kafka://host:9092/a b", "ndjson+kafka://u:p@h/t",
                "csv+kafka://h:1/t?event=flow"):
        run = case.run(["read", str(case.capture), "-o", url])
        check(run.returncode == 2, url, run.returncode, run.stderr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--flowtap", required=True)
    parser.add_argument("--capture", type=pathlib.Path, required=True)
    parser.add_argument("--only", default="", help="cases whose name has this text")
    args = parser.parse_args()
    readers.use()
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
    write_capture(big, 20000, 4)
    broker = Broker(folder)
    case = Case(args.flowtap, broker, folder, args.capture, big)
    try:
        arguments(case)
        if broker.start():
            for part in same, arrow, avro, killed, refused, encrypted, spooled:
                if args.only in part.__name__:
                    part(case)
    finally:
        if broker.process is not None and broker.process.poll() is None:
            broker.kill()
        shutil.rmtree(folder)
    checks.ended()


if __name__ == "__main__":
    sys.exit(main())
