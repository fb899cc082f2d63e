"""The root: Debian by debootstrap (kept where RIPIENO_NSPAWN_CACHE says), the wheel and its dependencies beside it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
SUITE = "bookworm"
PACKAGES = "systemd,systemd-sysv,dbus,udev,python3,python3-venv"
MIRROR = "http://deb.debian.org/debian"
PIP_CONF = "[global]\nno-index = true\nfind-links = /wheels\ndisable-pip-version-check = true\n"


class CannotRun(Exception):
    """This machine lacks something; the message says what."""


def needs() -> None:
    """Raise CannotRun unless all that is needed is here."""
    if os.geteuid() != 0:
        raise CannotRun("systemd-nspawn needs root")
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    os.environ["PATH"] = path
    wanted = {"systemd-nspawn": "systemd-container"} | ({} if kept() else {"debootstrap": "debootstrap"})
    for program, package in wanted.items():
        if shutil.which(program) is None:
            raise CannotRun(f"{program} is not installed; apt install {package}")
    release = Path("/etc/os-release").read_text(encoding="utf-8")
    if "debian" not in release and not kept():
        raise CannotRun("debootstrap was tried on Debian alone")


def kept() -> Path | None:
    """Return the kept root, None where there is none yet."""
    folder = os.environ.get("RIPIENO_NSPAWN_CACHE")
    root = Path(folder) / SUITE if folder else None
    return root if root is not None and (root / "etc/debian_version").exists() else None


def make_root(folder: Path, say: Callable[[str], None]) -> Path:
    """Return a fresh root below `folder`."""
    root = folder / "root"
    base = kept()
    if base is None:
        base = Path(os.environ["RIPIENO_NSPAWN_CACHE"]) / SUITE if "RIPIENO_NSPAWN_CACHE" in os.environ else root
        base.parent.mkdir(parents=True, exist_ok=True)
        say(f"debootstrap {SUITE} into {base} (a minute or two)")
        draft = base.with_name(f"{base.name}.part")
        shutil.rmtree(draft, ignore_errors=True)
        words = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, str(draft), MIRROR]
        made = subprocess.run(words, capture_output=True, text=True, check=False)
        if made.returncode:
            raise CannotRun(f"debootstrap failed: {made.stdout[-300:]} {made.stderr[-300:]}")
        draft.replace(base)
    if base != root:
        subprocess.run(["cp", "-a", "--reflink=auto", str(base), str(root)], check=True)
    (root / "etc/pip.conf").write_text(PIP_CONF)
    (root / "etc/resolv.conf").unlink(missing_ok=True)
    return root


def gather_wheels(root: Path, say: Callable[[str], None]) -> str:
    """Build the wheel, put it and what it needs into the root; return the wheel's name."""
    wheels = root / "wheels"
    wheels.mkdir()
    say("building the wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
    )
    wheel = next(wheels.glob("ripieno-*.whl"))
    caches = [path for path in Path.home().glob(".cache/ripieno/wheels-*") if (path / "complete").exists()]
    if "RIPIENO_WHEELS" in os.environ:
        caches.insert(0, Path(os.environ["RIPIENO_WHEELS"]))
    links = [word for cache in caches for word in ("--find-links", str(cache))]
    # Debian 12 has Python 3.11: wheels for it, whatever runs this script.
    target = ["--only-binary=:all:", "--python-version", "3.11", "--implementation", "cp", "--abi", "cp311"]
    target += [word for tag in ("27", "17") for word in ("--platform", f"manylinux_2_{tag}_x86_64")]
    target += ["--abi", "abi3", "--abi", "none", "--platform", "manylinux2014_x86_64", "--platform", "any"]
    fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", *target]
    offline = subprocess.run(
        [*fetch, "--no-index", *links, "-d", str(wheels), str(wheel)], capture_output=True, text=True, check=False
    )
    if offline.returncode:
        say("fetching wheels from the index")
        online = subprocess.run(
            [*fetch, *links, "-d", str(wheels), str(wheel)], capture_output=True, text=True, check=False
        )
        if online.returncode:
            raise CannotRun(f"the wheels cannot be had: {offline.stderr[-300:]} {online.stderr[-300:]}")
    shutil.copy(wheel, root / "root" / wheel.name)
    return wheel.name
