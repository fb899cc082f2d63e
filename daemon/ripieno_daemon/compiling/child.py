"""The compile child: `python -m ripieno_daemon.compiling.child [--check] PATH` writes one msgpack map to stdout.

    {"plan": bytes, "sources": {path: SHA-256 in hex}, "links": {path: where it led}}
    {"problems": [{file, line, column, path, message, hint}, ...], "links": {...}}

A bundle's folder that is a link is taken for what it leads to, once: the plan names the release that it was compiled
from, whatever the link leads to later.

It has 1 GB of address space and 10 s of processor time; a file that costs more ends this process and nothing else.
"""

from __future__ import annotations

import hashlib
import os
import resource
import sys
from pathlib import Path

import msgpack

MEMORY_BYTES = 1_000_000_000
PROCESSOR_S = 10
LARGEST_FILE = 500_000_000


def read(path: str) -> bytes:
    """Return the bytes of a regular file. Raises OSError."""
    file = Path(path)
    if file.is_dir():
        raise IsADirectoryError(21, "it is a folder")
    if file.exists() and not file.is_file():
        raise OSError(22, "it is no regular file")
    if file.exists() and file.stat().st_size > LARGEST_FILE:
        raise OSError(27, f"it has more than {LARGEST_FILE} bytes")
    return file.read_bytes()


def target_of(path: str) -> str:
    """Return where a path leads if it is a link itself, else the path."""
    try:
        target = Path(path).readlink()
    except OSError:
        return path
    return os.path.normpath(Path(path).parent / target)


def is_device_file(path: str) -> bool:
    """Whether a path names a device file: no folder, and not the pipeline file of a bundle."""
    file = Path(path)
    if file.is_dir() or file.name == "pipeline.yaml":
        return False
    try:
        head = read(path)[:256_000].decode(errors="replace")
    except OSError:
        return True
    lines = [line for line in head.splitlines() if line and line[0].isalpha()]
    keys = {line.partition(":")[0] for line in lines}
    return not ({"rules", "steps", "items"} & keys and not {"device", "devices", "pipelines"} & keys)


def compile_path(path: str, only_check: bool) -> dict[str, object]:
    """Return the answer for this path."""
    from ripieno.errors import ConfigError
    from ripieno.language import as_maps, check_pipeline, compile_device
    from ripieno.plan import encode

    from .drivers import installed_drivers

    if only_check and not is_device_file(path):
        return {"problems": as_maps(check_pipeline(path, read))}
    sources: dict[str, str] = {}
    links: dict[str, str] = {}

    def noted(name: str) -> bytes:
        content = read(name)
        sources[name] = hashlib.sha256(content).hexdigest()
        return content

    def followed(name: str) -> str:
        target = target_of(name)
        if target != name:
            links[name] = target
        return target

    try:
        plan = compile_device(path, noted, installed_drivers(), followed)
        return {"plan": encode(plan), "sources": sources, "links": links}
    except ConfigError as error:
        return {"problems": as_maps(error.problems), "links": links}


def limit() -> None:
    """Bound what this process may use."""
    for kind, bound in ((resource.RLIMIT_AS, MEMORY_BYTES), (resource.RLIMIT_CPU, PROCESSOR_S)):
        _, hard = resource.getrlimit(kind)
        least = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(kind, (least, hard))


def main(arguments: list[str]) -> int:
    """Compile, and write the answer."""
    limit()
    answer = compile_path(arguments[-1], "--check" in arguments[:-1])
    sys.stdout.buffer.write(msgpack.packb(answer, use_bin_type=True))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
