"""Models over texts and numbers for the tests of workers, bundles and evaluation; right answers are known."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from models.tiny_dense import tiny_dense, tiny_intents

from ripieno.contracts.runtime import Tensor
from ripieno.models import Declaration, TakesNumbers, TakesText, Task, join
from ripieno_daemon.workers import GoldenCase, PooledModel

BUCKETS = 512
INTENTS = ("card", "cash", "rate")
DESK = Declaration("desk", "desk.tflite", INTENTS, takes=TakesText())
# wear = pressure in deviations, load = half of that less half of the temperature's
TAKES = TakesNumbers(("pressure", "temperature"), (10.0, 60.0), (2.0, 0.5))
WEAR = Declaration("wear", "wear.tflite", (), Task.REGRESS, TAKES, order=("wear", "load"))


def desk_model() -> bytes:
    """Return a classifier of texts: each intent is the one whose word stands in the text."""
    return tiny_intents(BUCKETS, INTENTS)


def wear_model() -> bytes:
    """Return a model with the two values of WEAR."""
    return tiny_dense(2, [{0: 4}, {0: 2, 1: -2}], softmax=False, taken=(0.05, 0), given=(0.05, 0))


def pooled_desk(folder: Path, golden: Sequence[GoldenCase] = ()) -> PooledModel:
    """Write the classifier of texts and return it as a pool takes it."""
    taken = Tensor("features", "int8", (1, BUCKETS), 1 / 255, -128)
    return _pooled(folder, DESK, desk_model(), taken, Tensor("scores", "int8", (1, 3), 1 / 256, -128), golden)


def pooled_wear(folder: Path, golden: Sequence[GoldenCase] = ()) -> PooledModel:
    """Write the model with values and return it as a pool takes it."""
    taken, given = Tensor("features", "int8", (1, 2), 0.05, 0), Tensor("sums", "int8", (1, 2), 0.05, 0)
    return _pooled(folder, WEAR, wear_model(), taken, given, golden)


def _pooled(
    folder: Path, declared: Declaration, content: bytes, taken: Tensor, given: Tensor, golden: Sequence[GoldenCase]
) -> PooledModel:
    path = folder / declared.file
    path.write_bytes(content)
    spec = join(declared, hashlib.sha256(content).hexdigest(), [taken], [given])
    return PooledModel(spec, str(path), tuple(golden))
