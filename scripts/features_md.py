#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The tables of docs/features/NAME.md, docs/windows.md and docs/detectors.md, made from the rows of the program: what stands behind the
marker is written anew, what stands before it is left alone.

    features_md.py PROGRAM NAME...           prints the table of a profile, or of an event: `windows`, `detectors`
    features_md.py --write PROGRAM NAME...   puts it into its page
"""
import pathlib
import subprocess
import sys

DOCS = pathlib.Path(__file__).resolve().parents[1] / "docs"
MARKER = "<!-- scripts/features_md.py makes what follows -->\n"


EVENTS = {"windows": ("window", ""), "detectors": ("alert", ""), "afterimage": ("afterimage", "")}  # not of flow records


def page(name):
    return DOCS / (name + ".md") if name in ("windows", "detectors") else DOCS / "features" / (name + ".md")


def table(program, name):
    event, profile_is = EVENTS.get(name, ("network_flow_record", name))
    more = [] if name in ("windows", "detectors") else ["-p", name]
    text = subprocess.run([program, "schema", "--format", "markdown", *more], capture_output=True, text=True,
                          check=True).stdout
    rows = [line.strip("| ").split(" | ") for line in text.split("\n## ") if line.split("\n")[0] == event
            for line in line.splitlines() if line.startswith("| `")]
    out = ["| # | column | type | unit | meaning | null | source |", "|---|---|---|---|---|---|---|"]
    for column, _, kind, unit, profile, _, meaning, null, source in rows:
        if profile == profile_is:
            out.append("| %d | %s | %s | %s | %s | %s | %s |" % (len(out) - 1, column, kind, unit, meaning, null, source))
    return "\n".join(out) + "\n"


def main(args):
    write = args[:1] == ["--write"]
    program, *names = args[write:]
    for name in names:
        made = table(program, name)
        if write:
            path = page(name)
            path.write_text(path.read_text().split(MARKER)[0] + MARKER + "\n" + made)
        else:
            print(made, end="")


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] in ("-h", "--help"):
        sys.exit(__doc__)
    main(sys.argv[1:])
