"""Images of power cuts: what a disk may hold at an instant, of the calls that a victim had made until then.

The calls are recorded once, with what was written. At an instant a file holds what was synced; of what was written
since, any part, in any order, a write torn at a sector. A name is there once its folder was synced; of the names that
changed since, any first part, in order, as a journalling file system has it. A file that was never synced has its name
before its content.
"""

from __future__ import annotations

import functools
import os
import random
import re
import shutil
import subprocess
import tempfile
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from .victims import Tell, Told, Victim

SECTOR: Final = 512
CALLS: Final = (
    "openat,pwrite64,write,fsync,fdatasync,ftruncate,fallocate,rename,renameat2,unlink,unlinkat,link,linkat,mkdir,"
    "rmdir,symlink,symlinkat,close,lseek"
)
_CALL = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\) += (-?\d+)(?:<(.*)>)?")
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_FD = re.compile(r"^(\d+)<([^>]*)>")


@dataclass(slots=True)
class Op:
    """One change. `kind`: write, cut (to `offset`), sync, or one of names (make, link, rename, exchange, remove...)."""

    kind: str
    path: str
    other: str = ""
    offset: int = 0
    data: bytes = b""


@dataclass(slots=True)
class File:
    """What is durable of a file, and what was done to it since."""

    durable: bytes = b""
    pending: list[Op] = field(default_factory=list)


@functools.cache
def recorded(victim: Victim) -> tuple[tuple[Op, ...], Path]:
    """Return the changes of a victim below its folder, in order, and the folder as it was before."""
    root = Path(tempfile.mkdtemp(prefix="ripieno-kills-power-")).resolve()
    folder, before, log = root / "f", root / "before", root / "log"
    victim.prepare(folder)
    if folder.exists():
        shutil.copytree(folder, before, symlinks=True)
    else:
        before.mkdir()
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        _act(victim, folder, root / "told", read_end, write_end)
    os.close(read_end)
    strace = shutil.which("strace")
    assert strace is not None
    options = ["-f", "-y", "-xx", "-s", "100000000", f"-o{log}", f"-etrace={CALLS}", "-p", str(child)]
    tracer = subprocess.Popen([strace, *options], stderr=subprocess.PIPE, text=True)
    assert tracer.stderr is not None and "attached" in tracer.stderr.readline()
    os.close(write_end)
    tracer.stderr.read()
    tracer.wait(60)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    return tuple(_ops(log.read_text(), str(folder), str(root / "told"))), before


def _act(victim: Victim, folder: Path, told: Path, read_end: int, write_end: int) -> None:
    code = 1
    try:
        os.close(write_end)
        os.read(read_end, 1)
        fd = os.open(told, os.O_WRONLY | os.O_CREAT)
        tell: Tell = lambda number: os.write(fd, bytes([number])) and None  # noqa: E731
        victim.act(folder, tell)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _text(word: str) -> str:
    return bytes.fromhex(word.replace("\\x", "")).decode()


def _ops(log: str, folder: str, told: str) -> list[Op]:
    ops: list[Op] = []
    places: dict[int, int] = {}

    def inside(path: str) -> bool:
        return path == folder or path.startswith(folder + "/")

    for line in log.splitlines():
        found = _CALL.match(line)
        if found is None or int(found[3]) < 0:
            continue
        call, words, returned = found[1], found[2], int(found[3])
        strings = [match[1] for match in _STRING.finditer(words)]
        handle = _FD.match(words)
        fd, path = (int(handle[1]), _plain(handle[2])) if handle else (-1, "")
        if call == "openat":
            name = os.path.normpath(_text(strings[0]))
            places[returned] = 0
            if inside(name) and "O_CREAT" in words:
                ops.append(Op("make", name))
            if inside(name) and "O_TRUNC" in words:
                ops.append(Op("cut", name))
        elif call == "lseek":
            places[fd] = returned
        elif call == "write":
            data = bytes.fromhex(strings[0].replace("\\x", ""))[:returned]
            if path == told:
                ops.append(Op("told", "", offset=data[0]))
            elif inside(path):
                ops.append(Op("write", path, offset=places.get(fd, 0), data=data))
            places[fd] = places.get(fd, 0) + returned
        elif call == "pwrite64" and inside(path):
            offset = int(words.rsplit(", ", 1)[1])
            ops.append(Op("write", path, offset=offset, data=bytes.fromhex(strings[0].replace("\\x", ""))[:returned]))
        elif call in ("fsync", "fdatasync") and inside(path):
            ops.append(Op("sync", path))
        elif call == "ftruncate" and inside(path):
            ops.append(Op("cut", path, offset=int(words.rsplit(", ", 1)[1])))
        elif call == "fallocate" and inside(path):
            size = int(words.rsplit(", ", 1)[1])
            ops.append(Op("grow", path, offset=size))
        elif strings and call not in ("pwrite64",):
            names = [_at(text, words) for text in map(_text, strings)]
            if not any(map(inside, names)):
                continue
            kind = {"unlinkat": "remove", "unlink": "remove", "rmdir": "remove"}.get(call, call.replace("at", ""))
            kind = "exchange" if "RENAME_EXCHANGE" in words or "0x2" in words.rsplit(",", 1)[-1] else kind
            if kind == "symlink":
                ops.append(Op("symlink", names[-1], other=_text(strings[0])))
            elif kind in ("rename", "rename2", "exchange", "link"):
                ops.append(Op(kind.rstrip("2"), names[0], other=names[1]))
            else:
                ops.append(Op(kind, names[0]))
    return ops


def _plain(path: str) -> str:
    return _text(path) if path.startswith("\\x") else path


def _at(name: str, words: str) -> str:
    """Return an absolute name; one that counts from an open folder is joined with that."""
    if name.startswith("/"):
        return os.path.normpath(name)
    handle = _FD.match(words)
    return os.path.normpath(f"{_plain(handle[2])}/{name}") if handle else name


class Disk:
    """What is known of the disk: names in their order, files with what is durable of them."""

    def __init__(self, folder: str, before: Path) -> None:
        self.folder = folder
        self.files: list[File] = []
        self.names: dict[str, int | str | None] = {}  # a file's number, a link's target, None for a folder
        for place in sorted(before.rglob("*")):
            name = f"{folder}/{place.relative_to(before)}"
            if place.is_symlink():
                self.names[name] = str(place.readlink())
            elif place.is_dir():
                self.names[name] = None
            else:
                self.files.append(File(place.read_bytes()))
                self.names[name] = len(self.files) - 1
        self.seen = dict(self.names)  # as the program sees it; `names` is what is durable
        self.changes: list[Op] = []  # of names, not durable yet

    def apply(self, op: Op) -> None:
        """Do one change as the program sees it."""
        if op.kind in ("write", "cut", "grow"):
            number = self.seen.get(op.path)
            if isinstance(number, int):
                self.files[number].pending.append(op)
        elif op.kind == "sync":
            number = self.seen.get(op.path)
            if isinstance(number, int):
                file = self.files[number]
                file.durable = functools.reduce(_written, file.pending, file.durable)
                file.pending.clear()
            else:
                self._sync_names(op.path)
        elif op.kind != "told":
            if op.kind == "make":
                if op.path in self.seen:
                    return
                self.files.append(File())
                op = Op("make", op.path, offset=len(self.files) - 1)
            self.changes.append(op)
            _rename(self.seen, op)

    def _sync_names(self, folder: str) -> None:
        touched = [
            at
            for at, op in enumerate(self.changes)
            if folder in (str(Path(op.path).parent), str(Path(op.other).parent))
        ]
        for op in self.changes[: touched[-1] + 1] if touched else ():
            _rename(self.names, op)
        del self.changes[: touched[-1] + 1 if touched else 0]

    def image(self, draw: random.Random) -> tuple[dict[str, int | str | None], list[bytes]]:
        """Return names (a file's number, a link's target, None for a folder) and files, as they may be after a cut."""
        names = dict(self.names)
        for op in self.changes[: draw.choice([0, len(self.changes), draw.randint(0, len(self.changes))])]:
            _rename(names, op)
        return names, [self._content(file, draw) for file in self.files]

    def _content(self, file: File, draw: random.Random) -> bytes:
        how = draw.choice(["none", "all", "some"])
        if how == "none" or not file.pending:
            return file.durable
        if how == "all":
            return functools.reduce(_written, file.pending, file.durable)
        content = file.durable
        for op in file.pending:
            if draw.random() < 0.5:
                if op.kind == "write" and draw.random() < 0.5:
                    keep = draw.randint(0, len(op.data) // SECTOR) * SECTOR
                    op = Op("write", op.path, offset=op.offset, data=op.data[:keep])
                content = _written(content, op)
        return content


def _written(content: bytes, op: Op) -> bytes:
    if op.kind == "cut":
        return content[: op.offset].ljust(op.offset, b"\0")
    if op.kind == "grow":
        return content.ljust(op.offset, b"\0")
    return content[: op.offset].ljust(op.offset, b"\0") + op.data + content[op.offset + len(op.data) :]


def _rename(names: dict[str, int | str | None], op: Op) -> None:
    def under(path: str) -> list[str]:
        return [name for name in names if name == path or name.startswith(path + "/")]

    match op.kind:
        case "make":
            names[op.path] = op.offset
        case "mkdir":
            names[op.path] = None
        case "symlink":
            names[op.path] = op.other
        case "link":
            names[op.other] = names[op.path]
        case "remove":
            for name in under(op.path):
                del names[name]
        case "rename":
            moved = {op.other + name[len(op.path) :]: names.pop(name) for name in under(op.path)}
            for name in under(op.other):
                del names[name]
            names.update(moved)
        case "exchange":
            one = {op.other + name[len(op.path) :]: names.pop(name) for name in under(op.path)}
            other = {op.path + name[len(op.other) :]: names.pop(name) for name in under(op.other)}
            names.update(one | other)


def try_image(victim: Victim, number: int) -> str:
    """Make one image, by its number, and look at it; return what is broken, "" for nothing."""
    ops, before = recorded(victim)
    draw = random.Random(f"{victim.name} {number}")
    corners = [at for at, op in enumerate(ops, 1) if op.kind in ("told", "sync", "rename", "exchange")]
    cut = draw.choice([draw.randint(0, len(ops)), draw.choice(corners), len(ops)])
    disk = Disk(str(before.parent / "f"), before)
    told = 0
    for op in ops[:cut]:
        told = op.offset if op.kind == "told" else told
        disk.apply(op)
    with tempfile.TemporaryDirectory(prefix="ripieno-kills-") as root:
        folder = Path(root) / "f"
        names, files = disk.image(draw)
        made: dict[int, Path] = {}
        for name, one in sorted(names.items()):
            place = folder / os.path.relpath(name, disk.folder)
            if one is None:
                place.mkdir(parents=True, exist_ok=True)
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(one, str):
                place.symlink_to(one)
            elif one in made:
                place.hardlink_to(made[one])
            else:
                place.write_bytes(files[one])
                made[one] = place
        try:
            victim.check(folder, told)
            victim.again(folder)
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            text = f"{type(error).__name__}: {str(error)[:300]} ({Path(where.filename).name}:{where.lineno})"
            return f"after {cut} of {len(ops)} changes, told {told}: {text}"
    return ""


__all__ = ["Told", "recorded", "try_image"]
