"""What the journal holds of a unit, by the program that reads it on every system with systemd: `journalctl`."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

RUNNING: Final = Path("/run/systemd/journal")


def holds_anything(unit: str) -> bool:
    """Whether there is a journal here, this process may read it, and the unit has said something in it."""
    if not RUNNING.is_dir() or shutil.which("journalctl") is None:
        return False
    return next(entries(unit, ["--lines=1"]), None) is not None


def entries(unit: str, more: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    """Yield entries as `journalctl --output=json` writes them, oldest first; with `--follow` for ever.

    What is written broken is passed over: the journal of a power cut has such lines.
    """
    words = ["journalctl", f"--unit={unit}", "--output=json", "--no-pager", "--quiet", *more]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL) as reader:
        assert reader.stdout is not None
        try:
            for line in reader.stdout:
                try:
                    found = json.loads(line)
                except ValueError:
                    continue
                if isinstance(found, dict):
                    yield found
        finally:
            reader.terminate()
