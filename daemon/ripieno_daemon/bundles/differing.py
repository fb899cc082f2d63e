"""What one bundle changes of another: files, models, and every place of the pipeline. Of folders and packed files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ripieno.errors import BundleError, ConfigError
from ripieno.language.pipeline import compile_pipeline
from ripieno.language.problems import Problems
from ripieno.models.manifest import FILE_NAME, Manifest, SealedModel, parse_manifest
from ripieno.plan import PipelinePlan

from ..service.difference import differences
from .files import read_bytes
from .opened import open_bundle
from .packed_file import check_contents, open_packed


@dataclass(frozen=True, slots=True)
class Side:
    """One of two bundles. `files`: path to SHA-256 and bytes; `counter` 0 for a folder."""

    path: str
    name: str
    version: str
    counter: int
    files: Mapping[str, tuple[str, int]]
    models: Mapping[str, SealedModel]
    plan: PipelinePlan


def side(path: Path) -> Side:
    """Return what a folder or a packed file is.

    Raises:
        BundleError: damaged, not sealed, or neither.
        ConfigError: its pipeline has problems.
    """
    if path.is_dir():
        folder = open_bundle(path)
        manifest_bytes = read_bytes(folder.folder / FILE_NAME)
        return _side(str(path), 0, folder.manifest, manifest_bytes, lambda name: read_bytes(folder.folder / name))
    packed = open_packed(path)
    manifest = check_contents(packed)
    return _side(str(path), packed.release.counter, manifest, packed.file(FILE_NAME), packed.file)


def _side(path: str, counter: int, manifest: Manifest, sealed: bytes, read: Callable[[str], bytes]) -> Side:
    problems = Problems()

    def inside(name: str) -> bytes:
        return read(name.removeprefix(f"{path}/"))

    compiled = compile_pipeline(path, inside, problems)
    if compiled is None or compiled.plan is None:
        raise ConfigError(problems.ordered())
    files = {name: (one.sha256, one.size) for name, one in manifest.files.items()}
    if parse_manifest(sealed) != manifest:
        raise BundleError(f"{path}: it changed while it was being read")
    return Side(path, manifest.name, manifest.version, counter, files, manifest.models, compiled.plan)


def compare(before: Side, after: Side) -> dict[str, Any]:
    """Return what changed: {from, to, same, files, models, pipeline}; the last is one line for each place."""
    changed = {name for name in {*before.files} & {*after.files} if before.files[name][0] != after.files[name][0]}
    files = {
        "new": _sized(after, {*after.files} - {*before.files}),
        "gone": _sized(before, {*before.files} - {*after.files}),
        "changed": _sized(after, changed),
    }
    models = [
        {"model": name, "what": what}
        for name in sorted({*before.models, *after.models})
        for what in _model(before.models.get(name), after.models.get(name))
    ]
    ignored = ("bundle:", "manifest_sha256:", "models.")  # the files and `models` say it
    pipeline = [line for line in differences(before.plan, after.plan) if not line.startswith(ignored)]
    return {
        "from": _named(before),
        "to": _named(after),
        "same": not (any(files.values()) or models or pipeline),
        "files": files,
        "models": models,
        "pipeline": pipeline,
    }


def _sized(one: Side, names: set[str]) -> list[dict[str, Any]]:
    return [{"path": name, "bytes": one.files[name][1], "sha256": one.files[name][0]} for name in sorted(names)]


def _named(one: Side) -> dict[str, Any]:
    digest = hashlib.sha256(repr(sorted(one.files.items())).encode()).hexdigest()
    return {"path": one.path, "name": one.name, "version": one.version, "counter": one.counter, "files": digest}


def _model(before: SealedModel | None, after: SealedModel | None) -> list[str]:
    if before is None:
        return ["new"]
    if after is None:
        return ["taken out"]
    pairs = {
        "weights": (before.spec.digest[:16], after.spec.digest[:16]),
        "labels": (", ".join(before.spec.labels), ", ".join(after.spec.labels)),
        "task": (before.spec.task, after.spec.task),
        "takes": (before.spec.takes, after.spec.takes),
        "input tensor": (before.spec.input, after.spec.input),
        "output tensors": (before.spec.outputs, after.spec.outputs),
        "golden answers": (_answers(before), _answers(after)),
    }
    return [f"{what}: {old} -> {new}" for what, (old, new) in pairs.items() if old != new]


def _answers(model: SealedModel) -> str:
    said = [f"{one.path} {one.label} {max(one.scores, default=0.0):.2f}" for one in model.golden]
    return f"{len(said)} ({hashlib.sha256(repr(said).encode()).hexdigest()[:8]})"
