"""Devices by every name they have: udev's names by identity and by place survive a replug, the kernel's do not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SERIAL: Final = "serial"
CAMERA: Final = "camera"
PLAIN: Final = {
    SERIAL: re.compile(r"tty(USB|ACM|AMA|SC|mxc|STM|THS|O|LP|GS)\d+|rfcomm\d+"),
    CAMERA: re.compile(r"video\d+"),
}
"""The kernel's names. ttyS* is left out: most machines have many of them and a connector for none."""
NAMED_IN: Final = {SERIAL: "serial", CAMERA: "v4l"}


@dataclass(frozen=True, slots=True)
class Found:
    """One device. `by_id`, `by_path`: udev's names for it, none where udev does not run."""

    kind: str
    node: str
    by_id: Sequence[str] = ()
    by_path: Sequence[str] = ()

    @property
    def name(self) -> str:
        """The name for a device file: by identity, else by place, else the kernel's."""
        return next(iter((*self.by_id, *self.by_path)), self.node)

    @property
    def note(self) -> str:
        """What a person should know of that name."""
        if self.by_id:
            return ""
        if self.by_path:
            return "no name by id (two adapters without a serial number share one): this one names the socket it is in"
        return "only the kernel's name, which another device may get after a restart"


def found(dev: Path) -> list[Found]:
    """Return the serial ports and cameras in a folder of devices, each once, in the order of their nodes."""
    return [each for kind in (SERIAL, CAMERA) for each in _of_kind(dev, kind)]


def _of_kind(dev: Path, kind: str) -> list[Found]:
    by_id = _links(dev / NAMED_IN[kind] / "by-id")
    by_path = _links(dev / NAMED_IN[kind] / "by-path")
    nodes = {path for path in _entries(dev) if PLAIN[kind].fullmatch(path.name)}
    nodes |= {node for node in (*by_id, *by_path) if node.exists()}
    return [
        Found(kind, str(node), sorted(by_id.get(node, ())), sorted(by_path.get(node, ())))
        for node in sorted(nodes, key=_natural)
    ]


def _links(folder: Path) -> dict[Path, list[str]]:
    """Return the names that links of a folder give, by the node they lead to."""
    names: dict[Path, list[str]] = {}
    for link in _entries(folder):
        names.setdefault(link.resolve(), []).append(str(link))
    return names


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []  # no udev, or no device of this kind


def _natural(path: Path) -> tuple[str, int]:
    digits = re.search(r"\d+$", path.name)
    return (path.name.rstrip("0123456789"), int(digits.group()) if digits else -1)
