"""A virtual machine with the kernel of Debian and the files of this machine, read-only: for what needs its own kernel.

The kernel and its modules come from a package that is only unpacked, never installed: no root is needed, and this
machine's kernel does not matter. QEMU uses KVM where it may, else it emulates.
"""

from __future__ import annotations

import gzip
import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

QEMU, BUSYBOX = "qemu-system-x86_64", "busybox"
MODULES = ("virtio_pci", "9pnet_virtio", "9p")
"""What the first steps need to reach this machine's files."""
EXIT = re.compile(rb"RIPIENO-VM exit (\d+)")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ripieno" / "vm-kernel"


class Missing(Exception):
    """Something that a virtual machine needs is not here; the message says what and how to get it."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel's image and the folder of its modules."""

    image: Path
    modules: Path


def kernel() -> Kernel:
    """Return Debian's kernel; its package is fetched and unpacked into the user's cache, once.

    Raises:
        Missing: there is no apt, or no such package.
    """
    images = sorted(CACHE.glob("boot/vmlinuz-*"))
    if not images:
        _fetch()
        images = sorted(CACHE.glob("boot/vmlinuz-*"))
    if not images:
        raise Missing(f"no kernel was unpacked into {CACHE}")
    version = images[-1].name.removeprefix("vmlinuz-")
    modules = next(place / version for place in (CACHE / "lib/modules", CACHE / "usr/lib/modules") if place.is_dir())
    return Kernel(images[-1], modules)


def _fetch() -> None:
    for program in ("apt-get", "apt-cache", "dpkg"):
        if shutil.which(program) is None:
            raise Missing(f"{program} was not found: the kernel is one of Debian's packages")
    depends = subprocess.run(["apt-cache", "depends", "linux-image-amd64"], capture_output=True, text=True, check=False)
    package = re.search(r"Depends: (linux-image-\d\S+)", depends.stdout)
    if package is None:
        raise Missing("apt knows no linux-image-amd64; apt-get update")
    with tempfile.TemporaryDirectory(prefix="ripieno-kernel-") as folder:
        got = subprocess.run(["apt-get", "download", "-q", package[1]], cwd=folder, capture_output=True, check=False)
        found = list(Path(folder).glob("*.deb"))
        if got.returncode or not found:
            raise Missing(f"apt-get download {package[1]}: {got.stderr.decode(errors='replace').strip()}")
        unpacked = Path(folder, "unpacked")
        subprocess.run(["dpkg", "-x", str(found[0]), str(unpacked)], check=True)
        CACHE.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(CACHE, ignore_errors=True)
        shutil.move(unpacked, CACHE)


def run(script: str, modules: Sequence[str], seconds: float, memory_mb: int = 1024) -> tuple[int, str]:
    """Run a shell script in a virtual machine; return its exit code and what it printed.

    Args:
        script: sees this machine's files, all read-only but /tmp, /run and /dev/shm, which are empty.
        modules: kernel modules that are loaded before, with those that they need.
        seconds: after which the machine is switched off.

    Raises:
        Missing: QEMU, busybox or the kernel is not here.
        TimeoutError: it did not end by itself; the message holds what was printed.
    """
    for program, package in ((QEMU, "qemu-system-x86"), (BUSYBOX, "busybox-static")):
        if shutil.which(program) is None:
            raise Missing(f"{program} was not found; on Debian: apt install {package}")
    with _files(script, [*MODULES, *modules]) as (image, initramfs):
        words = [QEMU, "-m", str(memory_mb), "-smp", "2", "-nographic", "-no-reboot", "-nodefaults", "-serial", "stdio"]
        words += ["-accel", "tcg", "-cpu", "max", "-kernel", str(image), "-initrd", str(initramfs)]
        words += ["-append", "console=ttyS0 quiet panic=-1", "-device", "virtio-rng-pci"]
        words += ["-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap"]
        try:
            said = subprocess.run(words, capture_output=True, stdin=subprocess.DEVNULL, timeout=seconds, check=False)
        except subprocess.TimeoutExpired as over:
            raise TimeoutError((over.stdout or b"").decode(errors="replace")) from over
    ended = EXIT.search(said.stdout)
    text = said.stdout.decode(errors="replace") + said.stderr.decode(errors="replace")
    return (int(ended[1]) if ended else -1), text


@contextmanager
def _files(script: str, modules: Sequence[str]) -> Iterator[tuple[Path, Path]]:
    """Make the initramfs: busybox, modules in the order in which they load, and the first program."""
    found = kernel()
    order = _with_what_they_need(found.modules, modules)
    busybox = shutil.which(BUSYBOX)
    assert busybox is not None
    loads = "\n".join(f"insmod /modules/{path.name}" for path in order)
    init = INIT.replace("LOADS", loads)
    members = {
        "init": (0o755, init.encode()),
        "script": (0o755, script.encode()),
        "bin/busybox": (0o755, _bytes(busybox)),
    }
    members |= {f"modules/{path.name}": (0o644, path.read_bytes()) for path in order}
    with tempfile.TemporaryDirectory(prefix="ripieno-vm-") as folder:
        initramfs = Path(folder, "initramfs.gz")
        initramfs.write_bytes(gzip.compress(_cpio(members), compresslevel=1))
        yield found.image, initramfs


INIT = """\
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc none /proc; mount -t sysfs none /sys; mount -t devtmpfs none /dev
LOADS
mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=262144 host /host || echo "no files of the host"
mount -t tmpfs none /host/tmp; mount -t tmpfs none /host/run
mount --bind /proc /host/proc; mount --bind /sys /host/sys; mount --bind /dev /host/dev
mkdir -p /dev/shm /dev/pts; mount -t tmpfs none /dev/shm; mount -t devpts none /dev/pts
ip link set lo up
cp /script /host/tmp/script
chroot /host /bin/sh /tmp/script
echo "RIPIENO-VM exit $?"
poweroff -f
"""


def _with_what_they_need(folder: Path, names: Sequence[str]) -> list[Path]:
    """Return the modules' files, each behind those that it needs."""
    places = {path.name.removesuffix(".ko").replace("-", "_"): path for path in folder.rglob("*.ko")}
    order: list[Path] = []

    def add(name: str) -> None:
        path = places.get(name.replace("-", "_"))
        if path is None:
            return  # built in
        for needed in re.search(rb"\0depends=([^\0]*)\0", path.read_bytes())[1].decode().split(","):  # type: ignore[index]
            if needed:
                add(needed)
        if path not in order:
            order.append(path)

    for name in names:
        add(name)
    return order


def _bytes(path: str) -> bytes:
    return Path(path).read_bytes()


def _cpio(members: dict[str, tuple[int, bytes]]) -> bytes:
    """Return a `newc` archive (Documentation/driver-api/early-userspace/buffer-format.rst of the kernel)."""
    folders = sorted({str(parent) for name in members for parent in Path(name).parents} - {"."})
    folders += ["proc", "sys", "dev", "host"]
    entries = [(name, stat.S_IFDIR | 0o755, b"") for name in folders]
    entries += [(name, stat.S_IFREG | mode, content) for name, (mode, content) in members.items()]
    out = bytearray()
    for number, (name, mode, content) in enumerate([*entries, ("TRAILER!!!", 0, b"")], 1):
        named = name.encode() + b"\0"
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(named), 0)
        out += b"070701" + b"".join(b"%08X" % field for field in fields) + named
        out += bytes(-len(out) % 4) + content
        out += bytes(-len(out) % 4)
    return bytes(out)
