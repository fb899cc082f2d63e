"""Train the bead model and write it as one int8 file.

Several teachers learn the real pictures first, each from its own seed, in processes of one thread. One student of the
same shape then learns their mean answer on freshly varied real pictures and, beside them, as many rendered ones. The
real `val` split watches; the real `test` split is read once, after the file is written.
"""

import argparse
import json
import math
import multiprocessing
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf  # in the training environment only
from numpy.typing import NDArray

from quality_control import dataset, measure
from quality_control.dataset import CLASSES, Pictures, Rendered, Split
from quality_control.network import build, to_int8

BATCH = 32  # of real pictures; the student sees as many rendered ones beside them
POOL = 8000  # rendered pictures to draw from
FIRST_RATE, WEIGHT_DECAY, AVERAGE = 2e-3, 0.03, 0.99
WARM_UP_STEPS = 60
SMOOTHING = 0.05
DROPOUT = 0.3
TEACHERS_SHARE = 0.7  # of the student's loss on real pictures; the rest is the label
RENDERED_SHARE, WIDTH_SHARE = 0.7, 3.0  # beside the loss on real pictures
TRAINING_SEEDS, WATCH_SEEDS = 10_000_000, 20_000_000


@dataclass(frozen=True)
class Material:
    """What a run learns from and what watches it; a teacher learns from no rendered pictures."""

    real: Split
    watch_real: Split
    rendered: Rendered | None = None
    watch_rendered: Rendered | None = None


def read_material(folder: Path, seed: int, with_rendered: bool) -> Material:
    """Read the real pictures and render the others."""
    real, watch = dataset.read_split(folder, "train"), dataset.read_split(folder, "val")
    if not with_rendered:
        return Material(real, watch)
    random = np.random.default_rng(seed)
    return Material(
        real,
        watch,
        dataset.render_widths(dataset.training_widths(POOL, random), TRAINING_SEEDS),
        dataset.render_widths(random.uniform(0.6, 1.6, 1000), WATCH_SEEDS),
    )


def epoch_of(material: Material, random: np.random.Generator) -> Iterator[tuple[NDArray[Any], ...]]:
    """Yield the batches of one pass: real pictures first, then as many rendered ones if there are any.

    Each batch is pictures (BATCH or 2 * BATCH, ...) uint8, real targets (BATCH, 3), states and width ratios of the
    rendered ones (BATCH or 0,).
    """
    order = random.permutation(len(material.real.labels))
    for start in range(0, len(order) - BATCH + 1, BATCH):
        chosen = order[start : start + BATCH]
        pictures = [dataset.varied(material.real.pictures[index], random) for index in chosen]
        states, widths = np.zeros(0, np.int64), np.zeros(0, np.float32)
        if material.rendered:
            drawn = random.integers(0, len(material.rendered.labels), BATCH)
            pictures += [dataset.varied_rendering(material.rendered.pictures[index], random) for index in drawn]
            states, widths = material.rendered.labels[drawn], material.rendered.widths[drawn].astype(np.float32)
        targets = np.eye(len(CLASSES), dtype=np.float32)[material.real.labels[chosen]]
        yield np.stack(pictures), targets, states, widths


def shares(model: Any, pictures: Pictures) -> NDArray[np.float32]:
    """Return the float model's softmax shares, shape (n, 3)."""
    parts = [
        tf.nn.softmax(model(tf.constant(pictures[first : first + 64], tf.float32) / 255, training=False)[0]).numpy()
        for first in range(0, len(pictures), 64)
    ]
    return np.concatenate(parts)


def predicted(model: Any, pictures: Pictures) -> NDArray[np.int64]:
    """Return the class of each picture as the float model sees it."""
    return np.asarray(shares(model, pictures).argmax(axis=1), np.int64)


def learn(material: Material, epochs: int, seed: int, teachers: list[Any]) -> Any:
    """Return a trained model whose weights are the running average of its last steps.

    With teachers it starts from the weights of the first: a student that started from nothing ended 0.07 below them.
    """
    tf.keras.utils.set_random_seed(seed)
    random = np.random.default_rng(seed)
    model, average = build(DROPOUT), build(DROPOUT)
    if teachers:
        model.set_weights(teachers[0].get_weights())
    average.set_weights(model.get_weights())
    steps = epochs * (len(material.real.labels) // BATCH)
    optimizer = tf.keras.optimizers.AdamW(FIRST_RATE, weight_decay=WEIGHT_DECAY)
    optimizer.build(model.trainable_variables)
    entropy = tf.nn.softmax_cross_entropy_with_logits

    def step(pictures: Any, targets: Any, states: Any, widths: Any, rate: Any, keep: Any) -> Any:
        pictures = tf.cast(pictures, tf.float32) / 255
        real, rendered = pictures[:BATCH], pictures[BATCH:]
        wanted = targets * (1 - SMOOTHING) + SMOOTHING / len(CLASSES)
        if teachers:
            said = sum(tf.nn.softmax(teacher(real, training=False)[0]) for teacher in teachers) / len(teachers)
            wanted = (1 - TEACHERS_SHARE) * wanted + TEACHERS_SHARE * said
        with tf.GradientTape() as tape:
            logits, measured = model(tf.concat((real, rendered), 0), training=True)
            loss = tf.reduce_mean(entropy(wanted, logits[:BATCH]))
            if material.rendered:
                states_loss = tf.nn.sparse_softmax_cross_entropy_with_logits(states, logits[BATCH:])
                loss += RENDERED_SHARE * tf.reduce_mean(states_loss)
                loss += WIDTH_SHARE * tf.reduce_mean(tf.abs(measured[BATCH:, 0] - widths))
            else:
                loss += 0.0 * tf.reduce_sum(measured)
        weights = model.trainable_variables
        gradients, _ = tf.clip_by_global_norm(tape.gradient(loss, weights), 3.0)
        optimizer.learning_rate.assign(rate)
        optimizer.apply_gradients(zip(gradients, weights, strict=True))
        for mean, now in zip(average.variables, model.variables, strict=True):
            mean.assign(mean * keep + now * (1 - keep))
        return loss

    compiled, done, began_s = tf.function(step), 0, time.monotonic()
    for epoch in range(epochs):
        losses = []
        for batch in epoch_of(material, random):
            rate = FIRST_RATE * min((done + 1) / WARM_UP_STEPS, 0.5 + 0.5 * math.cos(math.pi * done / steps))
            done += 1
            keep = min(AVERAGE, (1 + done) / (10 + done))
            parts = [tf.constant(part) for part in batch]
            losses.append(float(compiled(*parts, tf.constant(rate, tf.float32), tf.constant(keep, tf.float32))))
        if epoch % 10 == 9 or epoch == epochs - 1:
            watched = {"real": material.watch_real, "rendered": material.watch_rendered}
            found = ", ".join(
                f"{name} {measure.balanced_accuracy(some.labels, predicted(average, some.pictures)):.3f}"
                for name, some in watched.items()
                if some
            )
            took_s = time.monotonic() - began_s
            print(f"seed {seed}, epoch {epoch + 1}: loss {np.mean(losses):.3f}, {found}, {took_s:.0f} s", flush=True)
    return average


def teacher_weights(folder: Path, epochs: int, seed: int, keep: Path | None) -> list[NDArray[np.float32]]:
    """Train one teacher on one thread and return its weights; runs in a process of its own."""
    kept = keep / f"teacher-{seed}-{epochs}.npz" if keep else None
    if kept and kept.exists():
        with np.load(kept) as arrays:
            return [arrays[name] for name in arrays.files]
    _use_threads(1)
    weights: list[NDArray[np.float32]] = learn(read_material(folder, seed, False), epochs, seed, []).get_weights()
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez(kept, *weights)
    return weights


def _use_threads(count: int) -> None:
    tf.config.threading.set_intra_op_parallelism_threads(count)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def main() -> None:
    """Read the arguments, train, convert, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the extrusion folder, with labels.csv")
    parser.add_argument("--out", type=Path, required=True, help="the int8 TFLite file to write")
    parser.add_argument("--report", type=Path, help="a JSON file for the figures, those of the test split too")
    parser.add_argument(
        "--keep", type=Path, help="a folder for the teachers' weights; those found there are not trained"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--teachers", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=45)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    _use_threads(asked.threads)

    seeds = [asked.seed * 100 + number for number in range(asked.teachers)]
    with ProcessPoolExecutor(asked.threads, multiprocessing.get_context("spawn")) as workers:
        trained = workers.map(teacher_weights, repeat(asked.data), repeat(asked.epochs), seeds, repeat(asked.keep))
        teachers = [build(DROPOUT) for _ in seeds]
        for teacher, weights in zip(teachers, trained, strict=True):
            teacher.set_weights(weights)
    material = read_material(asked.data, asked.seed, True)
    if teachers:
        watch = material.watch_real
        said = [shares(teacher, watch.pictures) for teacher in teachers]
        teachers.sort(key=lambda one: -measure.balanced_accuracy(watch.labels, predicted(one, watch.pictures)))
        together = measure.balanced_accuracy(watch.labels, np.mean(said, axis=0).argmax(axis=1))
        print(f"teachers together: real {together:.3f}", flush=True)
    student = learn(material, asked.epochs, asked.seed * 100 + 99, teachers)

    assert material.rendered is not None
    samples = np.concatenate((material.real.pictures[::3], material.rendered.pictures[:200])).astype(np.float32) / 255
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_bytes(to_int8(student, samples))
    if asked.report:
        figures = measure.all_figures(measure.Int8Model(tf.lite.Interpreter, asked.out), asked.data)
        asked.report.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
