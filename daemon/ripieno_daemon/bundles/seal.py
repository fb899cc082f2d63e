"""Seal a bundle: look into each model, ask it about the golden inputs, write the manifest.

Golden inputs of a model: `golden/<model>/*.png`, or `golden/*.png` where that folder does not exist; `*.json` with a
text or a vector where it takes no picture (models/golden.py). One that is named for a label (`over-2.png`) must get
that label.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Final

from ripieno.errors import BundleError, ModelError
from ripieno.models import join
from ripieno.models.golden import ending_of, golden_bytes
from ripieno.models.manifest import FILE_NAME, Golden, Manifest, SealedFile, SealedModel, render_manifest
from ripieno.models.spec import Declaration, ModelSpec
from ripieno.values import Health
from ripieno_daemon.workers.parts import PooledModel, Step
from ripieno_daemon.workers.pool import WorkerPool

from .digests import digest_files
from .files import read_bytes, write_whole
from .inspect_model import Inspector
from .opened import pooled

ANSWER_S: Final = 10.0
DIGITS: Final = 6


def seal(
    folder: Path | str, declared: Sequence[Declaration], *, name: str, version: str, runtime: str | None = None
) -> Manifest:
    """Seal the bundle in `folder`; replaces manifest.json in one step and returns what it says.

    Args:
        declared: the `models:` section of its pipeline.
        name, version: as in its pipeline.

    Raises:
        BundleError: a file is missing, a link, or cannot be read or written.
        ModelError: a model is damaged, or its tensors do not fit its declaration; nothing is written.
        WorkerLost: a model killed its worker while it looked at the golden inputs.
    """
    return asyncio.run(seal_async(folder, declared, name=name, version=version, runtime=runtime))


async def seal_async(
    folder: Path | str, declared: Sequence[Declaration], *, name: str, version: str, runtime: str | None = None
) -> Manifest:
    """As `seal`, on a running loop."""
    place = Path(folder).absolute()  # noqa: ASYNC240 - a command of its own: nothing else waits on this loop
    files = digest_files(place)
    specs: dict[str, ModelSpec] = {}
    async with Inspector(runtime) as inspector:
        for model in declared:
            sealed = _file_of(model, files, place)
            seen = await inspector.look(str(place / model.file))
            if seen.sha256 != sealed.sha256:
                raise BundleError(f"{place / model.file}: it changed while the bundle was being sealed; seal again")
            specs[model.name] = join(model, seen.sha256, seen.inputs, seen.outputs)
    models: dict[str, SealedModel] = {}
    for model in declared:
        bare = SealedModel(model.file, specs[model.name])
        paths = golden_paths(model.name, files, ending_of(model.takes))
        models[model.name] = await _with_golden(place, bare, paths, runtime)
    manifest = Manifest(name, version, files, models)
    write_whole(place / FILE_NAME, render_manifest(manifest))
    return manifest


def golden_paths(model: str, files: dict[str, SealedFile], ending: str) -> list[str]:
    """Return the golden inputs of a model among the bundle's files."""
    for folder in (PurePosixPath("golden", model), PurePosixPath("golden")):
        found = [path for path in files if PurePosixPath(path).parent == folder and path.endswith(ending)]
        if found:
            return sorted(found)
    return []


def _file_of(model: Declaration, files: dict[str, SealedFile], place: Path) -> SealedFile:
    sealed = files.get(model.file)
    if sealed is None:
        there = ", ".join(sorted(path for path in files if path.endswith(".tflite"))) or "none"
        raise BundleError(
            f"{place}: model {model.name}: expected {model.file}, found no such file (models here: {there})"
        )
    return sealed


async def _with_golden(place: Path, bare: SealedModel, paths: list[str], runtime: str | None) -> SealedModel:
    """Ask the model about each input; then load it once more with the answers: the self-test of every start."""
    model = bare.spec.name
    golden: list[Golden] = []
    pool = _pool(pooled(place, bare), runtime)
    try:
        await pool.start()
        for path in paths:
            try:
                given = golden_bytes(bare.spec.takes, read_bytes(place / path))
            except ModelError as error:
                raise ModelError(f"{place / path}: golden input of model {model}: {error}") from error
            answer = await pool.infer_bytes(model, given)
            if answer.health is not Health.GOOD or answer.result is None:
                raise ModelError(f"{place / path}: golden input of model {model}: {answer.why}")
            promised = PurePosixPath(path).stem.partition("-")[0]
            if promised in bare.spec.labels and promised != answer.result.label:
                raise ModelError(
                    f"{place / path}: golden input of model {model}: its name says {promised}, "
                    f"the model says {answer.result.label} {answer.result.score:.3f}"
                )
            scores = tuple(round(score, DIGITS) for score in answer.result.scores)
            golden.append(Golden(path, answer.result.label, scores))
    finally:
        await pool.stop()
    sealed = replace(bare, golden=tuple(golden))
    pool = _pool(pooled(place, sealed), runtime)
    try:
        loaded = (await pool.start())[model]
    finally:
        await pool.stop()
    return replace(sealed, fingerprint={loaded.runtime: loaded.fingerprint})


def _pool(model: PooledModel, runtime: str | None) -> WorkerPool:
    return WorkerPool({model.spec.name: model}, {model.spec.name: Step(model.spec.name, ANSWER_S)}, runtime, _nobody)


def _nobody(_: str) -> None:
    """A death while sealing is raised; there is nobody to tell besides."""
