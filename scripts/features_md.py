#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The tables of docs/features/NAME.md, made from the rows of the program: what stands behind the marker is
written anew, what stands before it is left alone.

    features_md.py PROGRAM NAME...           prints the table of a profile
    features_md.py --write PROGRAM NAME...   puts it into docs/features/NAME.md
"""
import pathlib
import subprocess
import sys

DOCS = pathlib.Path(__file__).resolve().parents[1] / "docs/features"
MARKER = "<!-- scripts/features_md.py makes what follows -->\n"


def table(program, name):
    text = subprocess.run([program, "schema", "--format", "markdown", "-p", name], capture_output=True, text=True,
                          check=True).stdout
    rows = [line.strip("| ").split(" | ") for line in text.split("\n## ") if line.startswith("network_flow_record")
            for line in line.splitlines() if line.startswith("| `")]
    out = ["| # | column | type | unit | meaning | null | source |", "|---|---|---|---|---|---|---|"]
    for column, _, kind, unit, profile, _, meaning, null, source in rows:
        if profile == name:
            out.append("| %d | %s | %s | %s | %s | %s | %s |" % (len(out) - 1, column, kind, unit, meaning, null, source))
    return "\n".join(out) + "\n"


def main(args):
    write = args[:1] == ["--write"]
    program, *names = args[write:]
    for name in names:
        made = table(program, name)
        if write:
            path = DOCS / (name + ".md")
            path.write_text(path.read_text().split(MARKER)[0] + MARKER + "\n" + made)
        else:
            print(made, end="")


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] in ("-h", "--help"):
        sys.exit(__doc__)
    main(sys.argv[1:])
