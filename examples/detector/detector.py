#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A detector that is trained on a capture and serves live traffic, with the same numbers in both.

    python3 examples/detector/detector.py [--folder DIR]

It needs the package (pip install './python[sklearn]') and, for the live part, root: it makes a network namespace of
its own with a pair of virtual Ethernet devices, and nothing leaves it. Without root it serves from a pipe."""
# %% [markdown]
# 1. Traffic with two attackers, made up; the rules say which flows are theirs.
# %%
import argparse
import collections
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

import numpy
from sklearn.ensemble import RandomForestClassifier

import flowtap
import picture
import traffic
from flowtap.sklearn import FlowTransformer

OPTIONS = {"profile": "all", "workers": 1}
NAMES = ["none", "port scan", "password guessing"]


def attacks(table):
    return numpy.array(table["attack"].to_pylist())


# %% [markdown]
# 2. Training: the capture's flow records, as a matrix, and their labels; without addresses, ports and times, which a
#    model would learn by heart. What serves may have them: the transformer takes the columns of the training.
# %%
def train(folder):
    capture, rules = folder / "train.pcap", folder / "rules.csv"
    traffic.write(traffic.make(seed=1, flows=1500, seconds=120), capture)
    rules.write_text(traffic.RULES)
    table = flowtap.read(capture, labels=rules, no_identity=True, **OPTIONS).to_arrow()
    transformer = FlowTransformer()
    model = RandomForestClassifier(n_estimators=60, random_state=1)
    model.fit(transformer.fit_transform(table), attacks(table))
    print(f"trained on {table.num_rows} flows, {transformer.n_features_in_} features:",
          dict(collections.Counter(attacks(table).tolist())))
    return transformer, model


# %% [markdown]
# 3. Serving: other traffic of the same network, sent over a wire. flowtap writes the packets that it saw into a capture
#    beside the stream.
# %%
def send(name, frames):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind((name, 0))
        for k, (_, frame) in enumerate(frames):
            s.send(frame)
            if k % 50 == 0:
                time.sleep(0.002)


def wire():
    """A pair of devices in this namespace, which is our own."""
    for words in ("link add here type veth peer name there", "link set here up", "link set there up"):
        subprocess.run(["ip", *words.split()], check=True)
    for name in "here", "there":  # no IPv6 chatter of the kernel
        pathlib.Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1")


def serve_live(folder, frames):
    wire()
    flows = flowtap.live("there", labels=folder / "rules.csv", output=f"pcap:{folder / 'served.pcap'}",
                         idle_timeout=3, user="root", count=len(frames), **OPTIONS)
    sender = threading.Thread(target=send, args=("here", frames))
    sender.start()
    batches = list(flows)
    sender.join()
    return flows, batches, {"idle_timeout": 3}


def serve_pipe(folder, frames):
    traffic.write(frames, folder / "served.pcap")
    flows = flowtap.read(folder / "served.pcap", labels=folder / "rules.csv", **OPTIONS)
    return flows, list(flows), {}


# %% [markdown]
# 4. The proof: the records that served are those which training would read from the same packets.
# %%
def as_rows(batches):
    """Records in no order of time: when a flow ends live is a matter of its timer."""
    rows = [r for b in batches for r in b.to_pylist()]
    for r in rows:
        r.pop("reason")  # the end of a run ends what has not ended: when, and how that is called, is the run's
        r.pop("timestamp")
    return sorted(map(repr, rows))


def can_be_alone():
    """May this process have a network of its own?"""
    if os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("unshare"):
        return False
    make = "ip link add here type veth peer name there"
    return subprocess.run(["unshare", "-n", *make.split()], capture_output=True, check=False).returncode == 0


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--folder", type=pathlib.Path)
    a = p.parse_args()
    live = os.environ.get("FLOWTAP_DETECTOR") == "inside" or can_be_alone()
    if live and os.environ.get("FLOWTAP_DETECTOR") != "inside":
        os.environ["FLOWTAP_DETECTOR"] = "inside"
        os.execvp("unshare", ["unshare", "-n", sys.executable, *sys.argv])
    with tempfile.TemporaryDirectory(prefix="flowtap-detector-") as made:
        folder = a.folder or pathlib.Path(made)
        folder.mkdir(exist_ok=True)
        transformer, model = train(folder)
        frames = traffic.make(seed=2, flows=800, seconds=60)
        flows, batches, how = (serve_live if live else serve_pipe)(folder, frames)
        again = list(flowtap.read(folder / "served.pcap", labels=folder / "rules.csv", **OPTIONS, **how))
        rows, want = as_rows(batches), as_rows(again)
        print(f"served {len(rows)} flows {'live' if live else 'from a pipe'}, {flows.account['decoded']} packets, "
              f"lost {flows.account['kernel_dropped'] or 0}; read again from the capture: {len(want)} flows, "
              f"{'equal' if rows == want else 'DIFFERENT'}")
        called = numpy.concatenate([model.predict(transformer.transform(b)) for b in batches])
        is_ = numpy.concatenate([attacks(b) for b in batches])
        counts = [[int(((is_ == i) & (called == j)).sum()) for j in NAMES] for i in NAMES]
        picture.confusion(folder / "confusion.svg", NAMES, counts, f"{len(is_)} flows that it had not seen")
        for name, row in zip(NAMES, counts):
            print(f"{name:>18}", *(f"{n:6}" for n in row))
        print(f"right: {float((is_ == called).mean()):.3f}; the picture: {folder / 'confusion.svg'}")
        sys.exit(0 if rows == want else 1)


if __name__ == "__main__":
    main()
