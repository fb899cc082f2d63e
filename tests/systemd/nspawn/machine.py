"""A booted container: systemd as its first process, commands run inside, its journal, its end."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from .rooted import CannotRun

BOOT_S = 60.0
CLEAN = ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8")


class Machine:
    """Boots a root as long as the block lasts. Its clocks are this machine's: times can be compared."""

    def __init__(self, root: Path, log: Path) -> None:
        self._root, self._log = root, log

    def __enter__(self) -> Self:
        words = ["systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--private-network"]
        self._process = subprocess.Popen(
            [*words, "--console=pipe", "-D", str(self._root)],
            stdin=subprocess.DEVNULL,
            stdout=self._log.open("wb"),
            stderr=subprocess.STDOUT,
        )
        deadline = time.monotonic() + BOOT_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise CannotRun(f"systemd-nspawn ended with {self._process.returncode}: {self.console()}")
            if (leader := self._leader()) is not None:
                self._inside = ["nsenter", "--target", str(leader), "--all", "--", "env", "-i", *CLEAN]
                if self.run("systemctl", "is-system-running", check=False).strip() in ("running", "degraded"):
                    return self
            time.sleep(0.2)
        self.__exit__(None, None, None)
        raise CannotRun(f"systemd did not come up within {BOOT_S:g} s: {self.console()}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def console(self) -> str:
        """Return the last of what the console said."""
        return self._log.read_text(errors="replace")[-600:]

    def run(self, *words: str, check: bool = True, timeout_s: float = 300.0) -> str:
        """Run a program inside; return what it wrote. Raises CalledProcessError with that in it."""
        done = subprocess.run(
            [*self._inside, *words],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if check and done.returncode:
            raise RuntimeError(
                f"{' '.join(words)}: status {done.returncode}: {done.stdout[-1500:]}{done.stderr[-1500:]}"
            )
        return done.stdout

    def signal(self, name: str, pid: str) -> None:
        """Send a signal to a process, by the number that it has inside."""
        self.run("sh", "-c", f"kill -{name} {pid}")  # no program of that name in a minimal root

    def status(self, *words: str) -> int:
        """Run a program inside; return its exit code."""
        return subprocess.run([*self._inside, *words], capture_output=True, timeout=120, check=False).returncode

    def show(self, unit: str = "ripieno") -> dict[str, str]:
        """Return the unit's properties that the trials look at."""
        names = "ActiveState,SubState,MainPID,NRestarts,ActiveEnterTimestampMonotonic,Result,StatusText,ExecMainStatus"
        written = self.run("systemctl", "show", unit, "-p", names)
        return dict(line.partition("=")[::2] for line in written.splitlines())

    def ask(self, command: str, *words: str) -> dict[str, Any]:
        """Return the JSON of a `ripieno` command."""
        written = self.run("/opt/ripieno/bin/ripieno", command, *words, "--json", "-", check=False)
        found = json.loads(written) if written else {}
        assert isinstance(found, dict)
        return found

    def file(self, path: str) -> Path:
        """Return a file of the root, where the root itself holds it (not what is mounted inside)."""
        return self._root / path.lstrip("/")

    def text(self, path: str) -> str:
        """Return a file as it is seen inside."""
        return self.run("cat", path)

    def journal(self, unit: str = "ripieno", lines: int = 40) -> str:
        """Return the end of the journal of a unit."""
        return self.run("journalctl", "-u", unit, "-n", str(lines), "--no-pager", "-o", "cat", check=False)

    def _leader(self) -> int | None:
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for child in children:
            if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                return int(child)
        return None
