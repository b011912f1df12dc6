# SPDX-License-Identifier: Apache-2.0
"""Certificates for tests, by openssl: an authority, what it has signed, and what does not fit."""
import pathlib
import shutil
import subprocess


def available():
    return shutil.which("openssl") is not None


class Certs:
    """Files in a folder: ca.pem and other.pem, authorities; NAME.pem, NAME.key, NAME.both (certificate and key) of
    good (127.0.0.1 and localhost), elsewhere (another host), expired, client, stranger (a client of the other authority)."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in "ca", "other":
            self.openssl("req", "-x509", *self.fresh(name), "-days", "2", "-subj", f"/CN=flowtap test {name}", "-out",
                         self.folder / f"{name}.pem")
        here = "IP:127.0.0.1,DNS:localhost"
        self.sign("good", here)
        self.sign("elsewhere", "DNS:elsewhere.example,IP:192.0.2.1")
        self.sign("expired", here, dates=("20200101000000Z", "20200102000000Z"))
        self.sign("client", "DNS:client.example")
        self.sign("stranger", "DNS:stranger.example", ca="other")

    def __getitem__(self, name):
        return self.folder / name

    def fresh(self, name):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", self.folder / f"{name}.key"]

    def sign(self, name, names, ca="ca", dates=None):
        request, cert, key = (self.folder / f"{name}{end}" for end in (".csr", ".pem", ".key"))
        self.openssl("req", *self.fresh(name), "-subj", f"/CN={name}", "-out", request)
        conf = self.folder / "conf"
        (self.folder / "index").write_text("")
        (self.folder / "index.attr").write_text("unique_subject = no\n")
        conf.write_text(f"[ca]\ndefault_ca=x\n[x]\ndatabase={self.folder}/index\nnew_certs_dir={self.folder}\nrand_serial=yes\n"
                        f"policy=p\ndefault_md=sha256\n[p]\ncommonName=supplied\n[e]\nsubjectAltName={names}\n")
        when = ["-startdate", dates[0], "-enddate", dates[1]] if dates else ["-days", "2"]
        self.openssl("ca", "-batch", "-notext", "-config", conf, "-extensions", "e", "-cert", self.folder / f"{ca}.pem",
                     "-keyfile", self.folder / f"{ca}.key", "-in", request, "-out", cert, *when)
        (self.folder / f"{name}.both").write_text(cert.read_text() + key.read_text())

    @staticmethod
    def openssl(*args):
        subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True)
