"""The figures: pure functions over class indices, `true` and `said`, shape (rows,).

Seeds are fixed: the same answers give the same report.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .report import ByScore, ClassFigures, WorstLabel

SEED: Final = 20240229
RESAMPLES: Final = 2000
ROUND: Final = 100  # drawn at once: bounds the memory to 100 x groups
WINDOWS: Final = 1000
Z_95: Final = 1.959964
WORST: Final = 10
THRESHOLDS: Final = (0.0, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


def confusion_of(true: NDArray[np.int64], said: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Return counts, shape (classes, classes): [true][said]."""
    return np.bincount(true * classes + said, minlength=classes * classes).reshape(classes, classes)


def balanced(confusion: NDArray[np.int64] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean recall over the classes that occur; shape (..., classes, classes) to (...)."""
    return _mean_recall(np.diagonal(confusion, axis1=-2, axis2=-1), confusion.sum(axis=-1))


def _mean_recall(hits: NDArray[Any], support: NDArray[Any]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore", divide="ignore"):
        recall = np.where(support > 0, hits / support, 0.0)
    return np.asarray(recall.sum(axis=-1) / np.maximum((support > 0).sum(axis=-1), 1), np.float64)


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share (Wilson 1927); (0, 1) for n = 0."""
    if n == 0:
        return 0.0, 1.0
    share, square = hits / n, Z_95**2
    middle = (share + square / (2 * n)) / (1 + square / n)
    half = Z_95 / (1 + square / n) * (share * (1 - share) / n + square / (4 * n * n)) ** 0.5
    return max(0.0, middle - half), min(1.0, middle + half)


def bootstrap(
    true: NDArray[np.int64], said: NDArray[np.int64], groups: Sequence[str], classes: int
) -> tuple[tuple[float, float], tuple[float, float], int]:
    """Return the 95 % intervals of accuracy and balanced accuracy, and the number of groups.

    Whole groups are drawn with replacement (cluster bootstrap, percentile): rows of one group are not independent.
    """
    _, member = np.unique(np.asarray(groups), return_inverse=True)
    count = int(member.max()) + 1
    cells = np.zeros((count, 2 * classes), np.float64)  # of each group: rows of each class, then those found
    np.add.at(cells, (member, true), 1)
    np.add.at(cells, (member, classes + true), true == said)
    random, even = np.random.default_rng(SEED), np.full(count, 1 / count)
    tables = np.concatenate([random.multinomial(count, even, ROUND) @ cells for _ in range(RESAMPLES // ROUND)])
    support, hits = tables[:, :classes], tables[:, classes:]
    accuracy = hits.sum(axis=1) / np.maximum(support.sum(axis=1), 1)
    return _middle_95(accuracy), _middle_95(_mean_recall(hits, support)), count


def _middle_95(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.percentile(values, (2.5, 97.5))
    return float(low), float(high)


def class_figures(confusion: NDArray[np.int64], labels: Sequence[str]) -> dict[str, ClassFigures]:
    """Return precision, recall and F1 of each class."""
    figures: dict[str, ClassFigures] = {}
    for index, label in enumerate(labels):
        hits, n, answers = int(confusion[index, index]), int(confusion[index].sum()), int(confusion[:, index].sum())
        precision, recall = (hits / answers if answers else None), (hits / n if n else None)
        f1 = 2 * hits / (n + answers) if n + answers else None
        figures[label] = ClassFigures(precision, recall, f1, n)
    return figures


def milliseconds(times_us: Sequence[int]) -> dict[str, float]:
    """Return median and 99th percentile of times."""
    p50, p99 = np.percentile(times_us, (50, 99)) / 1000
    return {"p50": round(float(p50), 3), "p99": round(float(p99), 3)}


def worst_labels(confusion: NDArray[np.int64], labels: Sequence[str]) -> list[WorstLabel]:
    """Return at most WORST labels that are missed, by recall; of equal ones the first of the model's order."""
    support, hits = confusion.sum(axis=1), np.diagonal(confusion)
    recall = np.divide(hits, support, out=np.ones(len(labels)), where=support > 0)
    others = confusion - np.diag(hits)
    order = [int(at) for at in np.argsort(recall, kind="stable") if recall[at] < 1][:WORST]
    return [
        WorstLabel(labels[at], float(recall[at]), int(support[at]), labels[int(others[at].argmax())]) for at in order
    ]


def by_threshold(is_right: NDArray[np.bool_], strength: NDArray[np.float64]) -> list[ByScore]:
    """Return what is left, and how much of it is right, when answers of less strength are set aside."""
    found = []
    for threshold in THRESHOLDS:
        taken = strength >= threshold
        accuracy = float(is_right[taken].mean()) if taken.any() else None
        found.append(ByScore(threshold, float(taken.mean()), accuracy))
    return found


def windowed(true: NDArray[np.int64], said: NDArray[np.int64], classes: int, size: int) -> float | None:
    """Return how often the most frequent answer of `size` pictures of one class is that class; see Report.windowed.

    A window is drawn without replacement; a class with fewer pictures than `size` is left out.
    """
    if size == 1:
        table = confusion_of(true, said, classes)
        return float(balanced(table))
    shares: list[float] = []
    for index in range(classes):
        answers = said[true == index]
        if len(answers) < size:
            continue
        random = np.random.default_rng((SEED, index, size))
        picks = np.argsort(random.random((WINDOWS, len(answers))), axis=1)[:, :size]
        votes = np.stack([(answers[picks] == answer).sum(axis=1) for answer in range(classes)], axis=1)
        rivals = np.delete(votes, index, axis=1).max(axis=1, initial=0)
        shares.append(float((votes[:, index] > rivals).mean()))
    return sum(shares) / len(shares) if shares else None
