# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL: that of Debian, or of the Python package pgserver, which has pgvector. It does not run as root: then it
is that of the user postgres or nobody, in a folder of its own."""
import glob
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import sysconfig

from server import Server


def pgserver():
    """The bin folder of the Python package of this interpreter or of the readers', or None."""
    import readers
    for root in [sysconfig.get_paths()["platlib"], *glob.glob(os.path.join(readers.cache(), "python/lib/python3*/site-packages"))]:
        if os.path.exists(path := os.path.join(root, "pgserver", "pginstall", "bin", "postgres")):
            return os.path.dirname(path)
    return None


class Postgres(Server):
    program = "postgres"

    def __init__(self, password=None, tls=None):
        super().__init__()
        self.password, self.tls = password, tls
        self.bin = pathlib.Path(self.path(tls is not None)).parent
        self.user = None
        if os.geteuid() == 0:
            self.user = next(u.pw_name for u in pwd.getpwall() if u.pw_name in ("postgres", "nobody"))
            if (self.bin.parents[2] / "pgserver.libs").exists():  # in a home that others may not enter
                for part in "pgserver/pginstall", "pgserver.libs":
                    shutil.copytree(self.bin.parents[2] / part, self.folder / part, symlinks=True)
                self.bin = self.folder / "pgserver" / "pginstall" / "bin"
            shutil.chown(self.folder, self.user)
        (self.folder / "log").touch()
        word = self.folder / "password"
        word.write_text(password or "none")
        word.chmod(0o644)
        subprocess.run([self.bin / "initdb", "-D", self.folder / "data", "-U", "postgres", "-E", "UTF8", "--locale=C", "-N",
                        "-A", "scram-sha-256" if password else "trust", f"--pwfile={word}"],
                       user=self.user, check=True, capture_output=True, cwd="/")

        if tls is not None:
            self.set_up_tls()

    def set_up_tls(self):
        for name, source in ("cert", self.tls.cert), ("key", self.tls.key), ("ca", self.tls.ca):
            shutil.copy(source, self.folder / name)
            (self.folder / name).chmod(0o600)
            if self.user:
                shutil.chown(self.folder / name, self.user)
        if self.tls.asks:
            hba = self.folder / "data" / "pg_hba.conf"
            hba.write_text("hostssl all all 127.0.0.1/32 trust clientcert=verify-ca\n")

    @classmethod
    def path(cls, tls=False):
        """pgserver's was built without TLS."""
        own = [] if tls else [pgserver()]
        found = [os.path.join(b, "postgres") for b in [*own, *sorted(glob.glob("/usr/lib/postgresql/*/bin"))] if b]
        return next((f for f in found if os.path.exists(f)), None)

    def arguments(self):
        return [self.bin / "postgres", "-D", self.folder / "data", "-p", self.port, "-c", "listen_addresses=127.0.0.1",
                "-c", f"unix_socket_directories={self.folder}", "-c", "fsync=off", "-c", "max_connections=20", *(
                    [] if self.tls is None else ["-c", "ssl=on", *(
                        x for k in ("cert", "key", "ca") for x in ("-c", f"ssl_{k}_file={self.folder}/{k}"))])]

    def options(self):
        return {"user": self.user, "cwd": "/"}

    def kill(self, sig=signal.SIGQUIT):
        """Immediate: as a crash, but its processes and shared memory go."""
        super().kill(signal.SIGINT if sig == signal.SIGTERM else signal.SIGQUIT)

    def answers(self):
        try:
            return self.ask("SELECT 1") == ["1"]
        except OSError:
            return False

    def ask(self, text, database="postgres"):
        """Lines of the answer, columns with | between them."""
        r = subprocess.run([self.bin / "psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-d", database,
                            "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", text], capture_output=True, text=True,
                           env={"PGPASSWORD": self.password or "", "PATH": "/usr/bin", "TZ": "UTC", "PGTZ": "UTC", **(
                               {"PGSSLCERT": self.tls.certs["client.pem"], "PGSSLKEY": self.tls.certs["client.key"]}
                               if self.tls else {})})
        if r.returncode != 0:
            raise OSError(r.stderr)
        return r.stdout.splitlines()
