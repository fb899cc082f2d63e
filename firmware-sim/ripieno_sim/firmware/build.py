"""Builds of the firmware by its own Makefile, made once and found again."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["BuildFailed", "ToolMissing", "built", "require"]

_CHECKOUT, _WHEEL = Path(__file__).parents[2] / "firmware", Path(__file__).with_name("source")
PACKAGES = {
    "make": "make",
    "cc": "gcc",
    "arm-none-eabi-gcc": "gcc-arm-none-eabi",
    "qemu-system-arm": "qemu-system-arm",
    "clang": "clang",
}
_TARGETS = {  # target: (file, compiler)
    "virtual": ("libripieno.so", "cc"),
    "virtual-san": ("libripieno-san.so", "cc"),
    "host": ("fw-host", "cc"),
    "host-san": ("fw-host-san", "cc"),
    "image": ("fw-mps2.bin", "arm-none-eabi-gcc"),
    "image-hang": ("fw-mps2-hang.bin", "arm-none-eabi-gcc"),
    "fuzz": ("fuzz-mutate", "cc"),
    "fuzz-clang": ("fuzz-libfuzzer", "clang"),
}


class ToolMissing(Exception):
    """A program that a build or a simulated board needs is not installed; the message names its Debian package."""

    def __init__(self, program: str, purpose: str) -> None:
        self.program = program
        self.package = PACKAGES.get(program, program)
        super().__init__(f"{program} is needed {purpose} and was not found; on Debian: apt install {self.package}")


class BuildFailed(Exception):
    """The compiler refused the firmware; the message holds what it said."""


def require(program: str, purpose: str) -> str:
    """Return where a program is.

    Raises:
        ToolMissing: it is nowhere.
    """
    found = shutil.which(program)
    if found is None:
        raise ToolMissing(program, purpose)
    return found


def built(target: str) -> Path:
    """Return the file of a build, made anew when a source has changed; two processes may ask at once.

    Args:
        target: virtual, host or image; with -san instrumented, image-hang for tests of the watchdog; fuzz.

    Raises:
        ToolMissing: no make or no compiler.
        BuildFailed: the compiler said no, nothing can be written where builds are kept, or this installation came
            without the firmware's sources.
    """
    name, compiler = _TARGETS[target]
    sources = next((place for place in (_CHECKOUT, _WHEEL) if (place / "Makefile").is_file()), None)
    if sources is None:
        raise BuildFailed(f"the firmware's sources are neither in {_CHECKOUT} nor in {_WHEEL}; install it anew")
    make = require("make", "to build the firmware")
    require(compiler, "to build the firmware")
    folder = _folder(sources)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BuildFailed(f"{folder}: {error.strerror}; set XDG_CACHE_HOME to a folder of yours") from error
    with _alone(folder / ".lock"):
        said = subprocess.run(
            [make, "--silent", "-C", str(sources), f"BUILD={folder}", target],
            capture_output=True,
            text=True,
            check=False,
        )
    if said.returncode:
        raise BuildFailed(f"make {target} in {sources} ended with status {said.returncode}:\n{said.stderr.strip()}")
    return folder / name


def _folder(sources: Path) -> Path:
    """Return where builds are kept: beside a checkout's sources, else in the user's cache.

    Files of a wheel carry no time of their own, so make would not notice those of another version: their content names
    the folder.
    """
    if sources == _CHECKOUT and os.access(sources, os.W_OK):
        return sources / "build"
    digest = hashlib.sha256()
    for path in sorted(path for path in sources.rglob("*") if path.is_file() and path.parent.name != "build"):
        digest.update(str(path.relative_to(sources)).encode() + b"\0" + path.read_bytes())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "ripieno" / f"firmware-{digest.hexdigest()[:16]}"


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
