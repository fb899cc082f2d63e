"""A disk that forgets what was not synced: the pessimist's file system, for power cuts at every step.

A file's content is durable after `sync`, a name after `sync_folder` of its folder; what a cut leaves of the rest is up
to the `Cut`: nothing, everything, the names without the contents, or any mix.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from enum import Enum

from ripieno.errors import StorageError


class PowerCut(BaseException):
    """The machine is gone: no `except Exception` sees it."""


class Cut(Enum):
    NOTHING = "nothing unsynced survives"
    EVERYTHING = "everything survives"
    NAMES = "names survive, contents do not"
    MIXED = "any of it"


@dataclass
class File:
    content: bytearray = field(default_factory=bytearray)
    durable: bytes = b""


@dataclass
class Link:
    target: str


@dataclass
class Folder:
    names: dict[str, Node] = field(default_factory=dict)
    durable: dict[str, Node] = field(default_factory=dict)


Node = File | Link | Folder


class CutDisk:
    """In memory. `fuse`: the step that the power cut comes before; `steps` counts."""

    def __init__(self, root: Folder | None = None, free: int = 1 << 40) -> None:
        self.top = root or Folder()
        self.fuse: int | None = None
        self.steps = 0
        self.free = free
        self.skip_sync = False  # the negative control: a program that does not sync contents
        self.on_step = lambda: None

    def after(self, cut: Cut, seed: int = 0) -> CutDisk:
        """Return the disk as the next start finds it."""
        return CutDisk(_survived(self.top, cut, random.Random(seed)), self.free)

    def place(self, path: str) -> str:
        return path

    def read(self, path: str) -> bytes | None:
        found = self._find(path)
        return bytes(found.content) if isinstance(found, File) else None

    def read_at(self, path: str, offset: int, size: int) -> bytes:
        found = self._find(path)
        return bytes(found.content[offset : offset + size]) if isinstance(found, File) else b""

    def names(self, folder: str) -> list[str]:
        found = self._find(folder)
        return sorted(found.names) if isinstance(found, Folder) else []

    def is_folder(self, path: str) -> bool:
        return isinstance(self._find(path), Folder)

    def free_bytes(self) -> int:
        return self.free

    def make_folder(self, path: str) -> None:
        self._step()
        here = self.top
        for part in _parts(path):
            found = here.names.setdefault(part, Folder())
            assert isinstance(found, Folder)
            here = found

    def write_at(self, path: str, offset: int, content: bytes) -> None:
        self._step()
        if self.free < len(content):
            raise StorageError(f"{path}: No space left on device")
        folder, name = self._parent(path)
        file = folder.names.setdefault(name, File())
        assert isinstance(file, File)
        self.free -= len(content)
        file.content.extend(bytes(max(0, offset - len(file.content))))
        file.content[offset : offset + len(content)] = content

    def sync(self, path: str) -> None:
        self._step()
        file = self._find(path)
        assert isinstance(file, File), path
        if not self.skip_sync:
            file.durable = bytes(file.content)

    def sync_folder(self, path: str) -> None:
        self._step()
        folder = self._find(path)
        assert isinstance(folder, Folder), path
        folder.durable = dict(folder.names)

    def rename(self, path: str, to: str) -> None:
        self._step()
        source, name = self._parent(path)
        target, new = self._parent(to)
        target.names[new] = source.names.pop(name)

    def link(self, path: str, target: str) -> None:
        self._step()
        folder, name = self._parent(path)
        folder.names[name] = Link(target)

    def target(self, path: str) -> str:
        found = self._find(path)
        return found.target if isinstance(found, Link) else ""

    def remove(self, path: str) -> None:
        self._step()
        found = self._find(path.rpartition("/")[0] or ".")
        if isinstance(found, Folder):
            found.names.pop(path.rpartition("/")[2], None)

    def _step(self) -> None:
        self.on_step()
        if self.fuse is not None and self.steps >= self.fuse:
            raise PowerCut
        self.steps += 1

    def _find(self, path: str) -> Node | None:
        here: Node | None = self.top
        for part in _parts(path):
            here = here.names.get(part) if isinstance(here, Folder) else None
        return here

    def _parent(self, path: str) -> tuple[Folder, str]:
        folder = self._find(path.rpartition("/")[0] or ".")
        if not isinstance(folder, Folder):
            raise StorageError(f"{path}: No such file or directory")
        return folder, path.rpartition("/")[2]


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def _survived(node: Folder, cut: Cut, chance: random.Random) -> Folder:
    names = dict(node.durable)
    if cut in (Cut.EVERYTHING, Cut.NAMES):
        names = dict(node.names)
    elif cut is Cut.MIXED:
        for name in sorted({*node.names, *node.durable}):
            chosen = node.names.get(name) if chance.random() < 0.5 else node.durable.get(name)
            names.pop(name, None)
            if chosen is not None:
                names[name] = chosen
    kept: dict[str, Node] = {}
    for name, one in names.items():
        match one:
            case Folder():
                kept[name] = _survived(one, cut, chance)
            case File():
                kept[name] = _file(one, cut, chance)
            case Link():
                kept[name] = Link(one.target)
    return Folder(kept, dict(kept))


def _file(file: File, cut: Cut, chance: random.Random) -> File:
    content = file.durable
    if cut is Cut.EVERYTHING:
        content = bytes(file.content)
    elif cut is Cut.MIXED and file.content != file.durable:
        torn = chance.randrange(len(file.content) + 1)
        content = bytes(file.content[:torn]) + file.durable[torn:]
    return File(bytearray(content), content)
