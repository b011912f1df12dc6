#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The Debian package, in a root of its own: a mount namespace whose / is an overlay of this one, so that nothing of it stays.
Installed, it runs with the unit's user and capabilities; an upgrade keeps what was changed in /etc; a purge leaves nothing.

    deb.py [FOLDER]: where scripts/deb.sh has put the package; otherwise it is made
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "support")]
import checks  # noqa: E402: tests/support/checks.py
from checks import check  # noqa: E402

SCRIPT = """set -e
mount -t tmpfs none {work}
mkdir {work}/up {work}/work {work}/root
mount -t overlay -o lowerdir=/,upperdir={work}/up,workdir={work}/work none {work}/root
mount -t proc none {work}/root/proc
mount --rbind /dev {work}/root/dev
mount --bind {debs} {work}/root/mnt
exec chroot {work}/root python3 -B - <<'END'
{program}
END
"""
# in there; its functions are those of this file. That of the package and of the next version are at /mnt
INSIDE = """import subprocess, sys
sys.argv = ["deb.py"]
exec(compile({source!r}, "deb.py", "exec"), {{"__name__": "inside", "__file__": {file!r}}})
"""


def sh(*args, fine=(0,), env=None):
    r = subprocess.run(args, capture_output=True, text=True, check=False, env=env)
    check(r.returncode in fine, args, r.returncode, r.stdout[-800:], r.stderr[-800:])
    return r.stdout + r.stderr


def files():
    """What there is of the places where a package may leave something, but for dpkg's own files and caches."""
    found = set()
    for top in ("etc", "usr", "lib", "var", "run", "home", "opt", "srv"):
        for folder, folders, names in os.walk("/" + top):
            if re.match("/var/(log/(apt|dpkg)|cache|lib/(dpkg|apt|systemd))|/run/lock", folder):
                folders[:] = []
                continue
            found |= {os.path.join(folder, n) for n in folders + names}
    return found - {"/var/log/dpkg.log", "/var/log/alternatives.log", "/etc/mtab"}


def dpkg(*args):
    return sh("dpkg", "--force-confdef", "--force-confold", *args,
              env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "DPKG_FRONTEND_LOCKED": ""})


def users():
    return pathlib.Path("/etc/passwd").read_text() + pathlib.Path("/etc/group").read_text()


def unit(name):
    return dict(re.findall(r"^(\w+)=(.*)$", pathlib.Path(f"/lib/systemd/system/{name}.service").read_text(), re.M))


def runs():
    """With what the unit gives it: a user without rights, and these capabilities. Nobody else's are needed."""
    said = sh("flowtap", "--version")
    check("flowtap" in said, said)
    service = unit("flowtap")
    check(service["DynamicUser"] == "yes" and "User" not in service, service)
    capabilities = ",".join("+" + c.lower().removeprefix("cap_") for c in service["AmbientCapabilities"].split())
    bounding = ",".join("+" + c.lower().removeprefix("cap_") for c in service["CapabilityBoundingSet"].split())
    check(set(capabilities.split(",")) == {"+net_raw", "+net_admin"} and capabilities == bounding, capabilities, bounding)
    as_unit = ["setpriv", "--reuid=62000", "--regid=62000", "--clear-groups", "--no-new-privs", f"--bounding-set=-all,{bounding}",
               f"--inh-caps=-all,{capabilities}", f"--ambient-caps=-all,{capabilities}"]
    out = sh(*as_unit, "timeout", "-s", "INT", "2", "flowtap", "live", "-i", "lo", "-o", "null:", fine=(0, 124))
    check("received" in out, out)
    out = sh(*as_unit[:-2], "--inh-caps=-all", "flowtap", "live", "-i", "lo", "-o", "null:", fine=(1, 2))
    check("CAP_NET_RAW" in out, "without capabilities", out)
    for name, command in (("flowtap", "live"), ("flowtap-collect", "collect")):
        config = re.search(r"--config (\S+)", unit(name)["ExecStart"])[1]
        os.makedirs(f"/var/log/{name}", exist_ok=True)
        sh("flowtap", "check", command, "--config", config)
        os.makedirs(f"/var/lib/private/{name}", exist_ok=True)
        pathlib.Path(f"/var/lib/private/{name}/left").write_text("x")
    if shutil.which("systemd-analyze"):
        out = sh("systemd-analyze", "verify", "--man=no", "/lib/systemd/system/flowtap.service",
                 "/lib/systemd/system/flowtap-collect.service")
        check("flowtap" not in out, out)


def inside():
    first, second = sorted(pathlib.Path("/mnt").glob("flowtap_*.deb"))
    sh("dpkg", "--purge", "flowtap", fine=(0, 1))
    before, accounts = files(), users()
    dpkg("-i", str(first))
    check(sh("dpkg-query", "-W", "-f", "${Conffiles}", "flowtap").count("/etc/flowtap/") == 2, "conffiles")
    runs()
    for name in ("/usr/share/man/man1/flowtap.1.gz", "/usr/share/bash-completion/completions/flowtap",
                 "/usr/share/doc/flowtap/copyright", "/usr/share/doc/flowtap/deploy/clickhouse/flows.sql",
                 "/lib/systemd/system/flowtap-collect.service"):
        check(os.path.exists(name) or re.search("path-exclude", sh("sh", "-c", "cat /etc/dpkg/dpkg.cfg.d/* || true")), name)
    own = pathlib.Path("/etc/flowtap/flowtap.yaml")
    own.write_text(own.read_text() + "interface: lo\n")
    dpkg("-i", str(second))
    check(own.read_text().endswith("interface: lo\n"), "an upgrade took what was changed")
    check(sh("dpkg-query", "-W", "flowtap").strip().endswith("+1"), "version")
    dpkg("--remove", "flowtap")
    check(own.exists() and not os.path.exists("/usr/bin/flowtap"), "removed")
    dpkg("--purge", "flowtap")
    left = {f for f in files() - before if not f.startswith("/usr/lib/python") and "__pycache__" not in f}
    check(not left, "a purge leaves", sorted(left)[:20])
    check(users() == accounts, "a purge leaves a user")
    print("inside:", checks.failures, "failures")


def versions(made, debs, tree):
    """The package, and the same as its next version."""
    (deb,) = made.glob("flowtap_*.deb")
    shutil.copy(deb, debs)
    sh("dpkg-deb", "-R", str(deb), tree)
    control = pathlib.Path(tree, "DEBIAN/control")
    control.write_text(re.sub(r"^(Version: .*)$", r"\1+1", control.read_text(), flags=re.M))
    sh("dpkg-deb", "--root-owner-group", "-Zgzip", "-b", tree, str(debs / deb.name.replace("_", "_9", 1)))


def main():
    if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("setpriv"):
        print("skipped: it takes root, unshare and setpriv")
        return 77
    with tempfile.TemporaryDirectory(prefix="flowtap-deb-") as work:
        debs = pathlib.Path(work, "debs")
        debs.mkdir()
        os.mkdir(f"{work}/mnt")
        if len(sys.argv) < 2:
            r = subprocess.run([HERE.parents[1] / "scripts/deb.sh"], capture_output=True, text=True, check=False,
                               env={**os.environ, "FT_DEB_OUT": f"{work}/out"})
            if r.returncode == 77:
                print("skipped:", r.stderr.strip())
                return 77
            check(r.returncode == 0, "deb.sh", r.stdout, r.stderr)
        versions(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else f"{work}/out"), debs, f"{work}/again")
        program = INSIDE.format(source=pathlib.Path(__file__).read_text(), file=str(pathlib.Path(__file__).resolve()))
        script = SCRIPT.format(work=f"{work}/mnt", debs=debs, program=program)
        r = subprocess.run(["unshare", "-m", "--propagation", "private", "sh", "-c", script], capture_output=True, text=True, check=False)
        if "mount:" in r.stderr:
            print("skipped: no overlay in a mount namespace here:", r.stderr.strip().splitlines()[-1])
            return 77
        check("inside: 0 failures" in r.stdout and r.returncode == 0, r.returncode, r.stdout[-3000:], r.stderr[-3000:])
    checks.ended()
    return 0


if __name__ == "inside":
    inside()
elif __name__ == "__main__":
    sys.exit(main())
