"""Releases for a demo, made from the bundle that ships: a good one, and what a careless author makes of it.

The bad one has two labels swapped, in the pipeline and in the names of the golden inputs alike, as after a mistake in
the training data: sealed again it agrees with itself. Where its author says that golden inputs may be decided otherwise
(`--changes 1`), no self-test can know that this is wrong; where he does not, the golden inputs of what runs tell.

Had he swapped `normal` and `over`, the line would not have found it out: its rules steer by the labels, and would have
steered until the swapped label was as frequent as the right one had been.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from asyncio.subprocess import DEVNULL, PIPE
from dataclasses import dataclass, replace
from pathlib import Path

from ripieno.errors import BundleError
from ripieno.models import parse_manifest, render_manifest
from ripieno_daemon.bundles import digest_files
from ripieno_daemon.bundles.packed_file import PackedBundle, pack_bundle, with_signature
from ripieno_daemon.trust import Signer

from ..scene import bundle_path

NAME = "quality-control"
SWAPPED = {"normal": "under", "under": "normal"}


@dataclass(frozen=True, slots=True)
class Releases:
    """Packed and signed, in the order of their counters.

    Attributes:
        good: the same models and rules under another version.
        refused: swapped labels; the self-test finds it out.
        worse: swapped labels that its author has vouched for; the line finds it out.
        last: another good one.
    """

    factory: PackedBundle
    good: PackedBundle
    refused: PackedBundle
    worse: PackedBundle
    last: PackedBundle


async def make_releases(folder: Path, key: Signer) -> Releases:
    """Make them in a folder that is there. Raises BundleError."""
    shipped = bundle_path(NAME)
    swapped = await swap_labels(shipped, folder / "swapped", "1.1.0")

    def packed(source: Path, counter: int, changes: float = 0.0) -> PackedBundle:
        target = folder / f"{NAME}-{counter}.bundle"
        pack_bundle(source, target, counter, changes)
        return with_signature(target, key)

    return Releases(
        packed(shipped, 1),
        packed(with_version(shipped, folder / "1.0.1", "1.0.1"), 2),
        packed(swapped, 3),
        packed(swapped, 4, changes=1.0),
        packed(with_version(shipped, folder / "1.0.2", "1.0.2"), 5),
    )


def with_version(source: Path, folder: Path, version: str) -> Path:
    """Copy a sealed bundle as another version: its models are the same, so they need not be asked again."""
    shutil.copytree(source, folder)
    sealed = parse_manifest((source / "manifest.json").read_bytes())
    _rewrite(folder / "pipeline.yaml", f"version: {sealed.version}", f"version: {version}")
    manifest = replace(sealed, version=version, files=digest_files(folder))
    (folder / "manifest.json").write_bytes(render_manifest(manifest))
    return folder


async def swap_labels(source: Path, folder: Path, version: str) -> Path:
    """Copy a bundle with two labels swapped throughout, and seal it. Raises BundleError: it cannot be sealed."""
    shutil.copytree(source, folder)
    sealed = parse_manifest((source / "manifest.json").read_bytes())
    _rewrite(folder / "pipeline.yaml", f"version: {sealed.version}", f"version: {version}")
    _rewrite(folder / "pipeline.yaml", "labels: [normal, over, under]", "labels: [under, over, normal]")
    pictures = sorted((folder / "golden").iterdir())
    for picture in pictures:
        picture.rename(picture.with_name(f"_{picture.name}"))
    for picture in pictures:
        label, _, rest = picture.name.partition("-")
        picture.with_name(f"_{picture.name}").rename(picture.with_name(f"{SWAPPED.get(label, label)}-{rest}"))
    words = ("-m", "ripieno_daemon", "bundle", "seal", str(folder))
    child = await asyncio.create_subprocess_exec(sys.executable, *words, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE)
    _, said = await child.communicate()
    if child.returncode:
        raise BundleError(f"{folder}: it cannot be sealed: {said.decode(errors='replace').strip()[-400:]}")
    return folder


def _rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    if old not in text:
        raise BundleError(f"{path}: {old!r} is expected in it")
    path.write_text(text.replace(old, new), encoding="utf-8")
