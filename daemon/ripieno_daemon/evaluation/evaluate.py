"""Run a bundle's classifier over labelled rows, in a worker, and count."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ripieno.contracts.runtime import Loaded
from ripieno.errors import ConfigError, ModelError, Problem, WorkerLost
from ripieno.models import TakesPicture, Task
from ripieno.values import Classification, Health, Inferred
from ripieno_daemon.bundles.opened import Bundle, open_bundle
from ripieno_daemon.workers.parts import PooledModel, Step
from ripieno_daemon.workers.pool import WorkerPool

from .labelled import Labelled, read_labelled
from .report import Report

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WINDOW_SIZES: Final = (1, 5, 10, 20)
ANSWER_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Counted:
    """The answers: class indices of what could be read, with groups, scores, margins and times; and what could not."""

    true: list[int] = field(default_factory=list)
    said: list[int] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    margins: list[float] = field(default_factory=list)
    decode_us: list[int] = field(default_factory=list)
    invoke_us: list[int] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)


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
        split: a value of the column `split`, or the name of a file for each split; None: all of labels.csv.
        model: by name; may be left out where the bundle has one classifier.
        progress: called with rows done and rows in all.

    Raises:
        BundleError: the bundle is not sealed, or differs from its seal.
        ConfigError: the data or the names do not fit; every place at once.
        ModelError, WorkerLost: the model cannot be used.
    """
    bundle = open_bundle(bundle_dir)
    name = _model_name(bundle, model)
    chosen = bundle.models[name]
    rows = read_labelled(Path(data_dir), split, chosen.spec)
    loaded, answers = asyncio.run(_answers(chosen, rows, runtime, progress or _quiet))
    counted = _count(chosen, rows, answers)
    if not counted.true:
        first = "; ".join(f"{name}: {why}" for name, why in counted.unreadable[:3])
        raise ConfigError([Problem(str(data_dir), 0, 0, "", f"none of {len(rows)} rows can be read", first)])
    return _report(bundle, chosen, split, loaded, counted)


def _quiet(done: int, whole: int) -> None:
    """Nobody watches."""


def _model_name(bundle: Bundle, model: str | None) -> str:
    names = sorted(name for name, one in bundle.models.items() if one.spec.task is Task.CLASSIFY)
    if model is None and len(names) == 1:
        return names[0]
    if model is not None and model in names:
        return model
    message = f"no classifier {model or ''!r} in the bundle"
    if model in bundle.models:
        message = f"model {model} does not classify: there are no labels to count"
    elif model is None and names:
        message = "which model? the bundle has several"
    hint = f"classifiers here: {', '.join(names) or 'none'}"
    raise ConfigError([Problem(str(bundle.folder), 0, 0, "models", message, hint)])


async def _answers(
    model: PooledModel, rows: Sequence[Labelled], runtime: str | None, progress: Callable[[int, int], None]
) -> tuple[Loaded, list[Inferred]]:
    pool = WorkerPool({model.spec.name: model}, {"evaluate": Step(model.spec.name, ANSWER_S)}, runtime, lambda _: None)
    answers: list[Inferred] = []
    try:
        loaded = (await pool.start())["evaluate"]
        for row in rows:
            answers.append(await _answer(pool, row))
            progress(len(answers), len(rows))
    finally:
        await pool.stop()
    return loaded, answers


async def _answer(pool: WorkerPool, row: Labelled) -> Inferred:
    """Return the answer; what kills its worker is unreadable, a model that keeps doing so ends the run."""
    try:
        return await pool.infer("evaluate", row.given)
    except WorkerLost as error:
        return Inferred(Health.FAILED, None, str(error).splitlines()[0], "", 0, 0)
    except ModelError as error:
        raise ModelError(f"{row.name}: {error}") from error


def _count(model: PooledModel, rows: Sequence[Labelled], answers: Sequence[Inferred]) -> Counted:
    index = {label: place for place, label in enumerate(model.spec.labels)}
    counted = Counted()
    for row, answer in zip(rows, answers, strict=True):
        if not isinstance(answer.result, Classification):
            counted.unreadable.append((row.name, answer.why))
            continue
        counted.true.append(index[row.label])
        counted.said.append(index[answer.result.label])
        counted.groups.append(row.group)
        counted.scores.append(answer.result.score)
        counted.margins.append(answer.result.margin)
        counted.decode_us.append(answer.decode_us)
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
    right = true == said
    hits = int(right.sum())
    sizes = WINDOW_SIZES if isinstance(model.spec.takes, TakesPicture) else ()
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
        worst=statistics.worst_labels(confusion, labels),
        by_score=statistics.by_threshold(right, np.array(counted.scores)),
        by_margin=statistics.by_threshold(right, np.array(counted.margins)),
        decode_ms=statistics.milliseconds(counted.decode_us),
        invoke_ms=statistics.milliseconds(counted.invoke_us),
        unreadable=counted.unreadable,
        windowed={size: statistics.windowed(true, said, classes, size) for size in sizes},
    )
