"""Measure an int8 bead model: what it gets right, how sure that is, how long it takes.

Runs on any interpreter with the TFLite Python interface; needs numpy and OpenCV, not TensorFlow.
"""

import argparse
import importlib
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from quality_control import dataset
from quality_control.dataset import CLASSES, Labels, Pictures
from ripieno_sim.plant.picture import OVER_ABOVE, UNDER_BELOW, measured_width_ratio, state_of

FRESH_SEEDS = 30_000_000
FRESH_PICTURES = 3000
LINE_WIDTHS = (0.6, 1.6)
MARGIN = 0.02
WINDOWS = (1, 5, 10, 20)
RESAMPLES = 2000


class Int8Model:
    """One interpreter with one model, for one thread."""

    def __init__(self, interpreter: Callable[..., Any], file: Path) -> None:
        """Load the file; ValueError if its tensors are not those of the bundle."""
        self._run = interpreter(model_path=str(file), num_threads=1)
        self._run.allocate_tensors()
        (self._input,), (self._output,) = self._run.get_input_details(), self._run.get_output_details()
        expected = ([1, dataset.SIZE_PX, dataset.SIZE_PX, 3], [1, len(CLASSES)])
        found = (list(self._input["shape"]), list(self._output["shape"]))
        if found != expected or self._input["dtype"] != np.int8 or self._output["dtype"] != np.int8:
            raise ValueError(f"{file}: expected int8 tensors {expected}, found {found}")

    def tensors(self) -> dict[str, Any]:
        """Return shape and quantization of input and output."""
        return {
            name: {
                "shape": [int(side) for side in tensor["shape"]],
                "scale": float(tensor["quantization"][0]),
                "zero_point": int(tensor["quantization"][1]),
            }
            for name, tensor in (("input", self._input), ("output", self._output))
        }

    def shares(self, pictures: Pictures) -> NDArray[np.float64]:
        """Return the softmax shares of each picture, shape (n, 3)."""
        answers = []
        for picture in pictures:
            self._run.set_tensor(self._input["index"], (picture ^ 0x80).view(np.int8)[None])
            self._run.invoke()
            answers.append(self._run.get_tensor(self._output["index"])[0])
        scale, zero_point = self._output["quantization"]
        return (np.array(answers, np.float64) - int(zero_point)) * float(scale)

    def latency_ms(self, picture: Pictures, runs: int = 300) -> float:
        """Return the median time of one inference on one thread."""
        self._run.set_tensor(self._input["index"], (picture ^ 0x80).view(np.int8)[None])
        times = []
        for _ in range(runs):
            began_s = time.perf_counter()
            self._run.invoke()
            times.append(time.perf_counter() - began_s)
        return 1000 * float(np.median(times))


def balanced_accuracy(labels: Labels, answers: Labels) -> float:
    """Return the mean over the classes of the share found of each."""
    return float(np.mean([np.mean(answers[labels == one] == one) for one in np.unique(labels)]))


def wilson(right: int, count: int) -> tuple[float, float]:
    """Return the 95 % interval of a share; Wilson 1927."""
    z = 1.96
    share, spread = right / count, z * z / count
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / count + spread / (4 * count))
    return middle - half, middle + half


def bootstrap(labels: Labels, answers: Labels, groups: Labels) -> tuple[float, float]:
    """Return the 95 % interval of the balanced accuracy, drawing whole near-duplicate groups."""
    random = np.random.default_rng(0)
    members = [np.flatnonzero(groups == group) for group in np.unique(groups)]
    drawn = []
    for _ in range(RESAMPLES):
        picked = np.concatenate([members[index] for index in random.integers(0, len(members), len(members))])
        drawn.append(balanced_accuracy(labels[picked], answers[picked]))
    low, high = np.quantile(drawn, (0.025, 0.975))
    return float(low), float(high)


def window_table(labels: Labels, answers: Labels) -> dict[str, dict[str, float]]:
    """Return how often a window of pictures of one class is judged rightly: majority, and 60 % of it saying so.

    Pictures of a window are drawn at random from one class, so they err independently; pictures of one spot of a line
    do not, and gain less. A tie is a wrong majority.
    """
    random = np.random.default_rng(0)
    table: dict[str, dict[str, float]] = {}
    for size in WINDOWS:
        majority, sixty = [], []
        for one in range(len(CLASSES)):
            drawn = random.choice(answers[labels == one], (4000, size))
            votes = np.stack([(drawn == other).sum(axis=1) for other in range(len(CLASSES))], axis=1)
            others = np.delete(votes, one, axis=1).max(axis=1)
            majority.append(float(np.mean(votes[:, one] > others)))
            sixty.append(float(np.mean(votes[:, one] >= 0.6 * size)))
        table[str(size)] = {"majority": float(np.mean(majority)), "share_60": float(np.mean(sixty))}
    return table


def figures_of(labels: Labels, answers: Labels, groups: Labels | None = None) -> dict[str, Any]:
    """Return accuracy, balanced accuracy, recalls and the confusion table, with 95 % intervals."""
    right = int((labels == answers).sum())
    confusion = [[int(((labels == true) & (answers == said)).sum()) for said in range(3)] for true in range(3)]
    return {
        "pictures": len(labels),
        "accuracy": right / len(labels),
        "accuracy_wilson_95": wilson(right, len(labels)),
        "balanced_accuracy": balanced_accuracy(labels, answers),
        "balanced_accuracy_bootstrap_95": bootstrap(
            labels, answers, np.arange(len(labels)) if groups is None else groups
        ),
        "recall_wilson_95": {
            name: (confusion[i][i] / sum(confusion[i]), *wilson(confusion[i][i], sum(confusion[i])))
            for i, name in enumerate(CLASSES)
        },
        "confusion_rows_true": confusion,
        "windows": window_table(labels, answers),
    }


def all_figures(model: Int8Model, data: Path) -> dict[str, Any]:
    """Return every figure of the card; reads the real `test` split."""
    test = dataset.read_split(data, "test")
    widths = np.random.default_rng(FRESH_SEEDS).uniform(*LINE_WIDTHS, FRESH_PICTURES)
    fresh = dataset.render_widths(widths, FRESH_SEEDS)
    said = model.shares(fresh.pictures).argmax(axis=1)
    by_width = np.array([CLASSES.index(state_of(measured_width_ratio(one))) for one in fresh.encoded])
    clear = np.minimum(np.abs(widths - UNDER_BELOW), np.abs(widths - OVER_ABOVE)) > MARGIN
    return {
        "tensors": model.tensors(),
        "latency_ms_one_thread": model.latency_ms(test.pictures[0]),
        "real_test": figures_of(test.labels, model.shares(test.pictures).argmax(axis=1), test.groups),
        "rendered_all_widths": figures_of(fresh.labels, said),
        "rendered_outside_margin": figures_of(fresh.labels[clear], said[clear]),
        "width_threshold_all_widths": figures_of(fresh.labels, by_width),
        "width_threshold_outside_margin": figures_of(fresh.labels[clear], by_width[clear]),
    }


def main() -> None:
    """Measure one file on one runtime and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="the extrusion folder, with labels.csv")
    parser.add_argument("--runtime", default="tflite_runtime", choices=("tflite_runtime", "ai_edge_litert"))
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    interpreter = importlib.import_module(f"{asked.runtime}.interpreter").Interpreter
    print(json.dumps(all_figures(Int8Model(interpreter, asked.model), asked.data), indent=1))


if __name__ == "__main__":
    main()
