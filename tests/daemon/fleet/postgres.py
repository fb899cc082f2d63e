"""A PostgreSQL of one's own for one test: a new cluster in a folder, on a socket in it, and no port."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def _programs() -> str | None:
    """Return the folder of initdb and pg_ctl: on the path, or where Debian puts them."""
    found = shutil.which("initdb")
    places = (
        [str(Path(found).parent)]
        if found
        else [*map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True))]
    )
    return next((place for place in places if Path(place, "pg_ctl").exists()), None)


def why_not() -> str:
    """Return why there can be none here, "" where there can."""
    try:
        import psycopg  # noqa: F401
    except ImportError:
        return "psycopg is not installed (pip install 'ripieno[postgresql]')"
    if _programs() is None:
        return "PostgreSQL is not installed (Debian: apt install postgresql)"
    if os.geteuid() == 0 and (not _user() or shutil.which("runuser") is None):
        return "PostgreSQL does not run as root, and there is no user postgres to become"
    return ""


class Cluster:
    """A server that can be killed and started again. `address`: of its database."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._as = folder, ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        self._bin = _programs()
        self.address = f"postgresql:///postgres?host={folder}&user=ripieno"

    def make(self) -> None:
        self._call("initdb", "-D", self._data, "-U", "ripieno", "-A", "trust", "--no-sync", "-E", "UTF8")

    def start(self) -> None:
        options = f"-c listen_addresses='' -c unix_socket_directories='{self._folder}'"
        self._call("pg_ctl", "-D", self._data, "-w", "-l", f"{self._folder}/log", "-o", options, "start")

    def kill(self) -> None:
        """SIGQUIT: it ends at once, as after a crash, and recovers at its next start."""
        self._call("pg_ctl", "-D", self._data, "-m", "immediate", "stop")

    @property
    def _data(self) -> str:
        return f"{self._folder}/data"

    def _call(self, program: str, *words: str) -> None:
        call = [*self._as, f"{self._bin}/{program}", *words]
        done = subprocess.run(call, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        assert done.returncode == 0, done.stdout.decode()


@contextmanager
def postgres() -> Iterator[Cluster]:
    """A server as long as the block lasts."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="ripieno-pg-") as name:  # short: a socket's path has at most 107 bytes
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        folder.chmod(0o755)
        cluster = Cluster(folder)
        cluster.make()
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.kill()


def _user() -> bool:
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        return False
    return True
