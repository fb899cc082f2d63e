"""Where this process runs: what systemd (or a shell) gave it. Read once."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path

from ripieno_daemon.ports.notify import SystemdNotify
from ripieno_daemon.ports.small_files import SmallFiles

SOCKET = "control.sock"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Attributes:
    notify: systemd's socket, or nobody.
    runtime: files that a reboot clears, None without systemd.
    kept: files that stay, for the last good plan; None without systemd.
    """

    notify: SystemdNotify
    runtime: SmallFiles | None
    kept: SmallFiles | None

    @classmethod
    def from_environment(cls, environment: MutableMapping[str, str]) -> Surroundings:
        """Take what systemd.exec(5) promises: RUNTIME_DIRECTORY and STATE_DIRECTORY, of several the first."""

        def files(name: str) -> SmallFiles | None:
            first = environment.get(name, "").partition(":")[0]
            return SmallFiles(Path(first)) if first else None

        return cls(SystemdNotify.from_environment(environment), files("RUNTIME_DIRECTORY"), files("STATE_DIRECTORY"))

    def socket(self, state: str) -> Path:
        """Return where the local socket is: in the runtime directory, else with the state."""
        return (self.runtime.folder if self.runtime is not None else Path(state)) / SOCKET
