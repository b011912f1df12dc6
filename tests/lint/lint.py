#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Rules that code review should not have to look for.

    lint.py includes|headers|banned|functions|words|pictures|format|symbols SOURCE_DIR [LIBRARY]
"""
import os
import re
import shutil
import subprocess
import sys

STAGES = ["source", "decode", "collect", "flow", "feature", "window", "detect", "afterimage", "format", "output"]
BELOW = {"base": ["base"], "model": ["model", "base"], "codec": ["codec", "model", "base"]}
BELOW.update({s: [s, "codec", "model", "base"] for s in STAGES})
BELOW["collect"].append("decode")  # samples carry packets
BELOW["config"] = ["config", "format", "output", "codec", "model", "base"]  # whose rows the URLs are
BELOW["guard"] = ["guard", "base"]
BELOW["metrics"] = ["metrics", "codec", "model", "base"]
BELOW["merge"] = ["merge", "codec", "model", "base"]
BELOW["fit"] = ["fit", "model", "base"]
BELOW["store"] = ["store", "format", "codec", "model", "base"]  # the rows that outputs hand over
BELOW["serve"] = ["serve", "store", "detect", "codec", "model", "base"]  # what agents ask a store; what rules mean
BELOW["pipeline"] = ["pipeline", "config", "guard", "store", "codec", "model", "base"] + STAGES
# columns whose values are objects write them: the one way up
WRITES = {"model/field_export.c": "codec/text/", "model/field_stats.c": "codec/text/"}
BANNED = r"\b(strcpy|strcat|sprintf|vsprintf|gets|alloca|strtok|atoi|atol|system|popen|rand|srand|signal)\s*\("
LONGEST, LONGEST_FILE = 60, 1200


def files(root, *ends, under=("src", "include", "tools", "examples", "tests/unit", "tests/fuzz", "bench")):
    for top in under:
        for base, _, names in os.walk(os.path.join(root, top)):
            for name in sorted(names):
                if name.endswith(ends):
                    yield os.path.join(base, name)


def text(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def code(path):
    """Without comments and strings."""
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(\\.|[^"\\\n])*"', lambda m: "\n" * m.group().count("\n"), text(path),
                  flags=re.S)


def includes(root):
    bad = []
    for path in files(root, ".c", ".h", under=("src",)):
        name = os.path.relpath(path, os.path.join(root, "src"))
        room = name.split(os.sep)[0]
        for inc in re.findall(r'#include "([^"]+)"', text(path)):
            to = inc.split("/")[0]
            if to != "flowtap" and to not in BELOW[room] and not inc.startswith(WRITES.get(name, "\0")):
                bad.append("%s includes %s" % (path, inc))
    for path in files(root, ".c", ".h", under=("tools", "examples")):
        for inc in re.findall(r'#include "([^"]+)"', text(path)):
            if not inc.startswith("flowtap/") and "/" in inc:
                bad.append("%s includes %s" % (path, inc))
    return bad


def headers(root):
    bad = []
    for path in files(root, ".h", under=("include", "src")):
        public = "/include/" in path
        for lang, std in (("c", "c11" if public else "gnu17"),) + ((("c++", "c++17"),) if public else ()):
            r = subprocess.run(["gcc" if lang == "c" else "g++", "-x", lang, "-std=" + std, "-Wall", "-Werror",
                                "-D_GNU_SOURCE", "-I" + root + "/include", "-I" + root + "/src", "-Wno-psabi",
                                "-fsyntax-only", "-include", path, "/dev/null"], capture_output=True)
            if r.returncode:
                bad.append("%s as %s: %s" % (path, std, r.stderr.decode()[:300]))
    return bad


def banned(root):
    bad = []
    for path in files(root, ".c", ".h", under=("src", "include", "tools")):
        for n, line in enumerate(code(path).split("\n"), 1):
            m = re.search(BANNED, line)
            if m and not (m.group(1) == "signal" and path.endswith("opener.c")):
                bad.append("%s:%d: %s" % (path, n, m.group(1)))
            # what is said goes through say() or the log, where nothing steers a terminal
            if "fprintf(stderr" in line and "/tools/" in path and \
                    os.path.basename(path) not in ("log.c", "account.c", "summary.c"):
                bad.append("%s:%d: fprintf(stderr), use say()" % (path, n))
    return bad


def functions(root):
    bad = []
    for path in files(root, ".c", under=("src", "tools")):
        lines = text(path).split("\n")
        if len(lines) > LONGEST_FILE:
            bad.append("%s: %d lines" % (path, len(lines)))
        start = None
        for n, line in enumerate(lines, 1):
            if line == "{":
                start = n
            elif line == "}" and start is not None:
                if n - start > LONGEST and "/* LONG:" not in "\n".join(lines[start - 6:start + 1]):
                    bad.append("%s:%d: %d lines" % (path, start, n - start))
                start = None
    return bad


def words(root):
    bad = []
    for path in list(files(root, ".c", ".h", ".py", ".sh", ".txt",
                           under=("src", "include", "tools", "tests", "scripts", "examples", "bench"))):
        if "corpus" in path:
            continue
        head = "\n".join(text(path).split("\n")[:2])
        if "SPDX-License-Identifier: Apache-2.0" not in head and "/bench/" not in path:
            bad.append(path + ": no licence line")
        if path.endswith("lint.py"):
            continue
        for n, line in enumerate(text(path).split("\n"), 1):
            if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line) and "XXXXXX" not in line:
                bad.append("%s:%d: %s" % (path, n, line.strip()))
    return bad


def pictures(root):
    """A table or drawing in a comment through which a formatter has gone: a line that was too long was broken and
    its rest put in front of the next one. Tables are indented, so their columns show where text should be, and
    what was broken off stands where text should be, behind a line that had no room for it."""
    bad = []
    for path in files(root, ".c", ".h"):
        for comment in re.finditer(r"/\*.*?\*/", text(path), flags=re.S):
            lines = comment.group().split("\n")
            first = text(path).count("\n", 0, comment.start()) + 1
            parts = [re.match(r"\s*(?:/\*|\*(?!/))?( *)(.*?)\s*(?:\*/)?$", line).groups() for line in lines]
            for n, ((indent, words_), line) in enumerate(zip(parts, lines)):
                after = parts[n + 1] if n + 1 < len(parts) else ("", "")
                columns = len(indent) <= 1 and re.search(r"\S {3,}\S", words_)
                flows_out = len(indent) >= 3 and len(after[0]) <= 1 and after[1] and \
                    len(line) + 1 + len(after[1].split()[0]) > 100
                if len(lines) > 1 and (columns or flows_out):
                    bad.append("%s:%d: %s" % (path, first + n, line.strip()))
    return bad


def format_check(root):
    if shutil.which("clang-format-14") is None:
        return None
    paths = list(files(root, ".c", ".h", under=("src", "include", "tools", "examples")))
    r = subprocess.run(["clang-format-14", "--dry-run", "--Werror", *paths], capture_output=True, cwd=root)
    return sorted({line.split(":")[0] for line in r.stderr.decode().split("\n") if "error:" in line})


def symbols(root):
    r = subprocess.run(["nm", "-g", "--defined-only", sys.argv[3]], capture_output=True)
    names = [line.split()[2] for line in r.stdout.decode().split("\n") if len(line.split()) == 3]
    return [n for n in names if not re.match(r"_*(ft_|asan|tsan|ubsan|odr_asan)", n)]


def main():
    checks = {"includes": includes, "headers": headers, "banned": banned, "functions": functions,
              "words": words, "pictures": pictures, "format": format_check, "symbols": symbols}
    bad = checks[sys.argv[1]](os.path.abspath(sys.argv[2]))
    if bad is None:
        print("skipped: clang-format-14 is not here")
        return 77
    for line in bad:
        print(line)
    print("%d findings" % len(bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
