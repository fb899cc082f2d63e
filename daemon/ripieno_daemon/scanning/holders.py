"""Which processes have a device open: a port that is in use is left alone, because opening it may reset the board."""

from __future__ import annotations

from pathlib import Path


def holders(proc: Path, node: str) -> list[str]:
    """Return `name (pid)` of each process that has a node open, as far as this user may see."""
    held = []
    for process in sorted(proc.glob("[0-9]*"), key=lambda path: int(path.name)):
        try:
            if any(str(fd.readlink()) == node for fd in (process / "fd").iterdir()):
                held.append(f"{(process / 'comm').read_text().strip()} ({process.name})")
        except OSError:
            continue  # it has ended, or belongs to another user
    return held
