"""Run a bundle's model over labelled pictures, in a worker, and count."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ripieno.contracts.runtime import Loaded
from ripieno.errors import ConfigError, ModelError, Problem, WorkerLost
from ripieno.values import Health, Inferred
from ripieno_daemon.bundles.opened import Bundle, open_bundle
from ripieno_daemon.workers.parts import PooledModel, Step
from ripieno_daemon.workers.pool import WorkerPool

from .labelled import Picture, read_labels
from .report import Report

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WINDOW_SIZES: Final = (1, 5, 10, 20)
PICTURE_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Counted:
    """The answers: class indices of the readable pictures, their groups, times, and what could not be read."""

    true: list[int]
    said: list[int]
    groups: list[str]
    invoke_us: list[int]
    unreadable: list[tuple[str, str]]


def evaluate(
    bundle_dir: Path | str,
    data_dir: Path | str,
    split: str | None,
    model: str | None = None,
    runtime: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Return how the bundle's model does on a split of a labelled folder. Starts an event loop of its own.

    Args:
        split: a value of the column `split`; None: all pictures.
        model: by name; may be left out where the bundle has one.
        progress: called with pictures done and pictures in all.

    Raises:
        BundleError: the bundle is not sealed, or differs from its seal.
        ConfigError: the data or the names do not fit; every place at once.
        ModelError, WorkerLost: the model cannot be used.
    """
    bundle = open_bundle(bundle_dir)
    name = _model_name(bundle, model)
    chosen = bundle.models[name]
    pictures = read_labels(Path(data_dir), split, chosen.spec.labels)
    loaded, answers = asyncio.run(_answers(chosen, pictures, runtime, progress or _quiet))
    counted = _count(chosen, pictures, answers)
    if not counted.true:
        first = "; ".join(f"{file}: {why}" for file, why in counted.unreadable[:3])
        raise ConfigError([Problem(str(data_dir), 0, 0, "", f"no picture of {len(pictures)} can be read", first)])
    return _report(bundle, chosen, split, loaded, counted)


def _quiet(done: int, whole: int) -> None:
    """Nobody watches."""


def _model_name(bundle: Bundle, model: str | None) -> str:
    names = sorted(bundle.models)
    if model is None and len(names) == 1:
        return names[0]
    if model in bundle.models:
        assert model is not None
        return model
    message = (
        "which model? the bundle has several" if model is None and names else f"no model {model or ''!r} in the bundle"
    )
    raise ConfigError(
        [Problem(str(bundle.folder), 0, 0, "models", message, f"models here: {', '.join(names) or 'none'}")]
    )


async def _answers(
    model: PooledModel, pictures: Sequence[Picture], runtime: str | None, progress: Callable[[int, int], None]
) -> tuple[Loaded, list[Inferred]]:
    pool = WorkerPool({model.spec.name: model}, {"evaluate": Step(model.spec.name, PICTURE_S)}, runtime, lambda _: None)
    answers: list[Inferred] = []
    try:
        loaded = (await pool.start())["evaluate"]
        for picture in pictures:
            answers.append(await _answer(pool, picture))
            progress(len(answers), len(pictures))
    finally:
        await pool.stop()
    return loaded, answers


async def _answer(pool: WorkerPool, picture: Picture) -> Inferred:
    """Return the answer; a picture that kills its worker is unreadable, a model that keeps doing so ends the run."""
    try:
        return await pool.infer("evaluate", str(picture.path.absolute()))
    except WorkerLost as error:
        return Inferred(Health.FAILED, None, str(error).splitlines()[0], "", 0, 0)
    except ModelError as error:
        raise ModelError(f"{picture.file}: {error}") from error


def _count(model: PooledModel, pictures: Sequence[Picture], answers: Sequence[Inferred]) -> Counted:
    index = {label: place for place, label in enumerate(model.spec.labels)}
    counted = Counted([], [], [], [], [])
    for picture, answer in zip(pictures, answers, strict=True):
        if answer.result is None:
            counted.unreadable.append((picture.file, answer.why))
            continue
        counted.true.append(index[picture.label])
        counted.said.append(index[answer.result.label])
        counted.groups.append(picture.group)
        counted.invoke_us.append(answer.invoke_us)
    return counted


def _report(bundle: Bundle, model: PooledModel, split: str | None, loaded: Loaded, counted: Counted) -> Report:
    import numpy as np  # here: a command that only looks at --help need not wait for it

    from . import statistics

    labels, classes = model.spec.labels, len(model.spec.labels)
    true: NDArray[np.int64] = np.array(counted.true, np.int64)
    said: NDArray[np.int64] = np.array(counted.said, np.int64)
    confusion = statistics.confusion_of(true, said, classes)
    by_accuracy, by_balanced, groups = statistics.bootstrap(true, said, counted.groups, classes)
    hits = int((true == said).sum())
    p50, p99 = np.percentile(counted.invoke_us, (50, 99)) / 1000
    return Report(
        bundle=bundle.manifest.name,
        version=bundle.manifest.version,
        model=model.spec.name,
        sha256=model.spec.digest,
        split=split,
        runtime=loaded.runtime,
        runtime_version=loaded.version,
        fingerprint=loaded.fingerprint,
        labels=labels,
        n=len(true),
        groups=groups,
        accuracy=hits / len(true),
        balanced_accuracy=float(statistics.balanced(confusion)),
        interval={
            "accuracy": by_accuracy,
            "balanced_accuracy": by_balanced,
            "wilson": statistics.wilson(hits, len(true)),
        },
        confusion=confusion.tolist(),
        per_class=statistics.class_figures(confusion, labels),
        invoke_ms={"p50": round(float(p50), 3), "p99": round(float(p99), 3)},
        unreadable=counted.unreadable,
        windowed={size: statistics.windowed(true, said, classes, size) for size in WINDOW_SIZES},
    )
