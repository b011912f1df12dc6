#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compose, the chart and the Kubernetes manifest, by their own tools' schemas, where an engine cannot run: helm's lint and
template (PATH, or tests/deploy/helm.sh), Kubernetes' OpenAPI (kubernetes-validate), Compose's schema (check-jsonschema). The
configurations in them are checked by flowtap. What is not here is said, and skipped.

    manifests.py --flowtap PROGRAM
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
DEPLOY = ROOT / "deploy"
sys.path[:0] = [str(HERE.parent / "support"), str(HERE.parent)]
import checks  # noqa: E402: tests/support/checks.py
import readers  # noqa: E402: tests/readers.py
from checks import check  # noqa: E402

readers.needs("yaml")
import yaml  # noqa: E402

CHART = DEPLOY / "helm" / "flowtap"
VERSIONS = "1.27", "1.30", "1.33"


def run(*args, **more):
    return subprocess.run([str(a) for a in args], capture_output=True, text=True, check=False, **more)


def tool(name):
    """Beside the Python of the readers, in the cache, or in PATH."""
    found = (os.path.join(os.path.dirname(sys.executable), name), os.path.join(readers.cache(), "go/bin", name),
             shutil.which(name) or "")
    path = next((p for p in found if os.access(p, os.X_OK)), None)
    if path is None:
        print(f"     skipped: there is no {name}")
    return path


class Manifests:
    def __init__(self, flowtap, folder):
        self.flowtap, self.folder, self.did = flowtap, pathlib.Path(folder), 0

    def configuration(self, command, text, where):
        """flowtap takes it: every option and output, without opening any."""
        text = text.replace("/var/lib/flowtap", str(self.folder))
        path = self.folder / "flowtap.yaml"
        path.write_text(text)
        r = run(self.flowtap, "check", command, "--config", path)
        check(r.returncode == 0, where, r.stderr)
        return yaml.safe_load(text)

    def topics(self, config):
        return [re.match(r"kafka://[^/]+/([\w-]+)\?format=arrow&event=\w+&overflow=spool&spool=", o)[1] for o in config["output"]]

    def tables(self, what):
        return re.findall("kafka_topic_list = '([^']*)'", (DEPLOY / "clickhouse" / f"{what}.sql").read_text())

    def compose(self):
        """By Compose's schema; its files are there, its topics are those of the tables and of flowtap."""
        if program := tool("check-jsonschema"):
            r = run(program, "--builtin-schema", "vendor.compose-spec", DEPLOY / "compose" / "compose.yaml")
            check(r.returncode == 0, "compose", r.stdout, r.stderr)
            bad = self.folder / "bad.yaml"
            bad.write_text((DEPLOY / "compose" / "compose.yaml").read_text().replace("cap_drop:", "cap_drops:"))
            check(run(program, "--builtin-schema", "vendor.compose-spec", bad).returncode != 0, "the schema takes everything")
            self.did += 1
        if shutil.which("docker") and run("docker", "compose", "version").returncode == 0:
            r = run("docker", "compose", "-f", DEPLOY / "compose" / "compose.yaml", "config", "-q")
            check(r.returncode == 0, "docker compose config", r.stderr)
        file = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())
        for name, service in file["services"].items():
            for volume in service.get("volumes", []):
                source = volume.split(":")[0]
                check((DEPLOY / "compose" / source).is_file() if source[0] == "." else source in file["volumes"], name, volume)
        made = file["services"]["topics"]["command"][0].split(" in ")[1].split(";")[0].split()
        for command, part, what in ("live", "probe", "flows"), ("collect", "collect", "collect"):
            config = self.configuration(command, (DEPLOY / "compose" / f"{part}.yaml").read_text(), part)
            check(self.topics(config) == self.tables(what) and set(self.topics(config)) <= set(made), part, config["output"])
        check(file["services"]["probe"]["cap_drop"] == ["ALL"] and "user" not in file["services"]["probe"], "rights of the probe")

    def chart(self):
        """helm takes it, the manifest is what it makes, and its values are checked."""
        helm = tool("helm")
        if helm is None:
            return
        self.did += 1
        r = run(helm, "lint", "--strict", CHART, "--set", "collect.enabled=true")
        check(r.returncode == 0, "lint", r.stdout, r.stderr)
        one = run(helm, "template", "flowtap", CHART, "--namespace", "flowtap").stdout
        check("# helm template flowtap deploy/helm/flowtap --namespace flowtap\n" + one ==
              (DEPLOY / "kubernetes" / "flowtap.yaml").read_text(), "deploy/kubernetes/flowtap.yaml is not what the chart makes")
        for more in ((), ("collect.enabled=true",), ("probe.enabled=false", "collect.enabled=true", "secrets={kafka,ca}"),
                     ("reload=signal", "probe.spoolHostPath=/var/lib/flowtap", "imagePullSecrets[0].name=x",
                      "probe.nodeSelector.a=b", "collect.storageClassName=fast", "collect.enabled=true")):
            r = run(helm, "template", "r", CHART, *(w for m in more for w in ("--set", m)))
            check(r.returncode == 0, more, r.stderr)
            self.objects(r.stdout, more)
        for wrong in ("reload=never", "probe.spoolHostPath=here", "metricsPort=0", "probe.config.output=null", "probes.enabled=true",
                      "collect.service.ports[0].port=53"):
            check(run(helm, "template", "r", CHART, "--set", wrong).returncode != 0, "values.schema.json takes", wrong)
        six = run(helm, "template", "r", CHART, "--set", "ipv6=true", "--set", "collect.enabled=true").stdout
        check('"[$(NODE_ADDRESS)]:9410"' in six and '"[::]:9410"' in six, "ADDR:PORT of IPv6", six)
        changed = [run(helm, "template", "r", CHART, "--set", f"probe.config.stats={n}", "--set", f"reload={how}").stdout
                   for how in ("restart", "signal") for n in (1, 2)]
        pods = [re.sub(r"(?s).*kind: DaemonSet", "", text) for text in changed]
        check(pods[0] != pods[1] and pods[2] == pods[3], "reload=: what replaces the pods")

    def objects(self, text, what):
        """Each by Kubernetes' schema, strictly; and what the pods may."""
        for thing in filter(None, yaml.safe_load_all(text)):
            kind = thing["kind"]
            if kind == "ConfigMap":
                command = "live" if thing["metadata"]["name"].endswith("probe") else "collect"
                self.configuration(command, thing["data"]["flowtap.yaml"], what)
            elif kind in ("DaemonSet", "StatefulSet"):
                self.rights(kind, thing["spec"]["template"]["spec"])
        try:
            import kubernetes_validate  # pylint: disable=import-outside-toplevel
        except ImportError:
            print("     skipped: there is no kubernetes-validate")
            return
        self.did += 1
        for version in VERSIONS:
            for thing in filter(None, yaml.safe_load_all(text)):
                try:
                    kubernetes_validate.validate(thing, version, strict=True)
                except kubernetes_validate.ValidationError as e:
                    check(False, what, version, thing["kind"], e.message)
                wrong = {**thing, "spek": {}}
                try:
                    kubernetes_validate.validate(wrong, version, strict=True)
                    check(False, "the schema takes everything")
                except kubernetes_validate.ValidationError:
                    pass

    def rights(self, kind, pod):
        container = pod["containers"][0]
        context = container["securityContext"]
        check(pod["securityContext"]["runAsNonRoot"] and context["capabilities"]["drop"] == ["ALL"] and
              context["readOnlyRootFilesystem"], kind, "rights")
        check((context["capabilities"].get("add") == ["NET_RAW", "NET_ADMIN"]) == (kind == "DaemonSet") ==
              bool(pod.get("hostNetwork")) == context["allowPrivilegeEscalation"], kind, "capabilities")
        for probe, path in ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz"):
            check(container[probe]["httpGet"]["path"] == path, kind, probe)
        check("memory" in container["resources"]["limits"], kind, "limits")

    def image(self):
        """What the program is linked with is in the image, by the names of Debian 12."""
        text = (DEPLOY / "Dockerfile").read_text()
        for package in set(re.search(r'^build="(.*)"', (ROOT / "scripts/setup.sh").read_text(), re.M)[1].split()) - {"make"}:
            check(re.search(rf"\s{re.escape(package)}\s", text.split("\nFROM")[1]), "Dockerfile: to build with", package)
        if not shutil.which("dpkg-query") or "bookworm" not in pathlib.Path("/etc/os-release").read_text():
            print("     skipped: the names of libraries: this is not Debian 12")
            return
        self.did += 1
        needed = re.findall(r"NEEDED\s+(\S+)", run("objdump", "-p", self.flowtap).stdout)
        for library in needed:
            owner = run("dpkg-query", "-S", f"*/{library}").stdout.split(":")[0]
            check(owner == "" or owner.startswith("libc6") or owner.split("\n")[0] in text.split("\nFROM")[-1], "Dockerfile: to run with", library, owner)
        for package in re.findall(r"\blib[\w.-]+\b", text.split("\nFROM")[-1].split("rm -rf")[0]):
            check(run("apt-cache", "show", package).returncode == 0 or run("dpkg-query", "-W", package).returncode == 0, "no", package)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--flowtap", required=True)
    args = parser.parse_args()
    checks.needs_built(args.flowtap, "librdkafka")
    with tempfile.TemporaryDirectory(prefix="flowtap-manifests-") as folder:
        tests = Manifests(args.flowtap, folder)
        for part in tests.compose, tests.chart, tests.image:
            part()
    if not tests.did and not checks.failures:
        return 77
    checks.ended()
    return 0


if __name__ == "__main__":
    sys.exit(main())
