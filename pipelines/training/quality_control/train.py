"""Train the bead model and write it as one int8 file.

Several teachers learn first, each from its own seed; one student of the same shape then learns their mean answer on
freshly varied pictures. Both see as many rendered pictures as real ones. The real `val` split watches, the real `test`
split is read once, after the file is written.
"""

import argparse
import json
import math
import os
import random as stdlib_random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf  # type: ignore[import-not-found]  # in the training environment only
from numpy.typing import NDArray

from quality_control import dataset, measure
from quality_control.dataset import CLASSES, Pictures, Rendered, Split
from quality_control.network import build, to_int8

BATCH = 48  # of real pictures, and as many rendered ones beside them
POOL = 8000  # rendered pictures to draw from
FIRST_RATE, WEIGHT_DECAY, AVERAGE = 2e-3, 0.03, 0.995
WARM_UP_STEPS = 60
SMOOTHING = 0.1
TEACHERS_SHARE = 0.7  # of the student's loss on real pictures; the rest is the label
TRAINING_SEEDS, WATCH_SEEDS = 10_000_000, 20_000_000


@dataclass(frozen=True)
class Material:
    """What a run learns from and what watches it."""

    real: Split
    rendered: Rendered
    watch_real: Split
    watch_rendered: Rendered


def epoch_of(material: Material, random: np.random.Generator) -> list[tuple[NDArray[Any], ...]]:
    """Return the batches of one pass: real pictures first, then as many rendered ones.

    Each batch is pictures (2 * BATCH, ...) uint8, real targets (BATCH, 3), mixing shares (BATCH,), rendered targets
    (BATCH,), width ratios (BATCH,).
    """
    batches: list[tuple[NDArray[Any], ...]] = []
    order = random.permutation(len(material.real.labels))
    for start in range(0, len(order) - BATCH + 1, BATCH):
        chosen = order[start : start + BATCH]
        drawn = random.integers(0, len(material.rendered.labels), BATCH)
        real = [dataset.varied(material.real.pictures[index], random) for index in chosen]
        rendered = [dataset.varied_rendering(material.rendered.pictures[index], random) for index in drawn]
        share = np.maximum(share := random.beta(0.3, 0.3, BATCH), 1 - share).astype(np.float32)
        batches.append(
            (
                np.stack(real + rendered),
                np.eye(len(CLASSES), dtype=np.float32)[material.real.labels[chosen]],
                share,
                material.rendered.labels[drawn],
                material.rendered.widths[drawn].astype(np.float32),
            )
        )
    return batches


def predicted(model: Any, pictures: Pictures) -> NDArray[np.int64]:
    """Return the class of each picture as the float model sees it."""
    run = tf.function(lambda batch: model(batch, training=False)[0])
    parts = [run(tf.constant(pictures[i : i + 64], tf.float32) / 255).numpy() for i in range(0, len(pictures), 64)]
    return np.asarray(np.concatenate(parts).argmax(axis=1), np.int64)


def learn(
    material: Material, epochs: int, seed: int, teachers: list[Any], say: Callable[[str], None], dropout: float = 0.3
) -> Any:
    """Return a trained model whose weights are the running average of its last steps."""
    tf.keras.utils.set_random_seed(seed)
    random = np.random.default_rng(seed)
    model, average = build(dropout), build(dropout)
    average.set_weights(model.get_weights())
    steps = epochs * (len(material.real.labels) // BATCH)
    optimizer = tf.keras.optimizers.AdamW(FIRST_RATE, weight_decay=WEIGHT_DECAY)
    entropy = tf.nn.softmax_cross_entropy_with_logits

    def step(pictures: Any, targets: Any, share: Any, states: Any, widths: Any) -> Any:
        pictures = tf.cast(pictures, tf.float32) / 255
        real, rendered = pictures[:BATCH], pictures[BATCH:]
        order = tf.random.shuffle(tf.range(BATCH))
        wide = share[:, None, None, None]
        mixed = real * wide + tf.gather(real, order) * (1 - wide)
        hard = targets * share[:, None] + tf.gather(targets, order) * (1 - share[:, None])
        hard = hard * (1 - SMOOTHING) + SMOOTHING / len(CLASSES)
        if teachers:
            soft = sum(tf.nn.softmax(teacher(mixed, training=False)[0]) for teacher in teachers) / len(teachers)
            hard = (1 - TEACHERS_SHARE) * hard + TEACHERS_SHARE * soft
        with tf.GradientTape() as tape:
            logits, measured = model(tf.concat((mixed, rendered), 0), training=True)
            loss_real = tf.reduce_mean(entropy(hard, logits[:BATCH]))
            loss_rendered = tf.reduce_mean(
                tf.nn.sparse_softmax_cross_entropy_with_logits(states, logits[BATCH:])
            )
            loss_width = tf.reduce_mean(tf.abs(measured[BATCH:, 0] - widths))
            loss = loss_real + 0.7 * loss_rendered + 3.0 * loss_width
        weights = model.trainable_variables
        gradients, _ = tf.clip_by_global_norm(tape.gradient(loss, weights), 3.0)
        optimizer.apply_gradients(zip(gradients, weights, strict=True))
        return tf.stack((loss_real, loss_rendered, loss_width))

    compiled, done = tf.function(step), 0
    began_s = time.monotonic()
    for epoch in range(epochs):
        losses = []
        for batch in epoch_of(material, random):
            rate = min((done + 1) / WARM_UP_STEPS, 0.5 + 0.5 * math.cos(math.pi * done / steps))
            optimizer.learning_rate.assign(FIRST_RATE * rate)
            losses.append(compiled(*(tf.constant(part) for part in batch)).numpy())
            done += 1
            keep = min(AVERAGE, (1 + done) / (10 + done))
            for mean, now in zip(average.variables, model.variables, strict=True):
                mean.assign(mean * keep + now * (1 - keep))
        if epoch % 10 == 9 or epoch == epochs - 1:
            real = measure.balanced_accuracy(material.watch_real.labels, predicted(average, material.watch_real.pictures))
            line = measure.balanced_accuracy(
                material.watch_rendered.labels, predicted(average, material.watch_rendered.pictures)
            )
            loss = " ".join(f"{part:.3f}" for part in np.mean(losses, axis=0))
            say(f"  epoch {epoch + 1}: loss {loss}, val real {real:.3f}, rendered {line:.3f}, {time.monotonic() - began_s:.0f} s")
    return average


def main() -> None:
    """Read the arguments, train, convert, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the extrusion folder, with labels.csv")
    parser.add_argument("--out", type=Path, required=True, help="the int8 TFLite file to write")
    parser.add_argument("--report", type=Path, help="a JSON file for the figures")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--teachers", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(asked.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    stdlib_random.seed(asked.seed)

    random = np.random.default_rng(asked.seed)
    material = Material(
        dataset.read_split(asked.data, "train"),
        dataset.render_widths(dataset.training_widths(POOL, random), TRAINING_SEEDS),
        dataset.read_split(asked.data, "val"),
        dataset.render_widths(random.uniform(0.6, 1.6, 1000), WATCH_SEEDS),
    )
    teachers: list[Any] = []
    for number in range(asked.teachers):
        print(f"teacher {number + 1}", flush=True)
        teachers.append(learn(material, asked.epochs, asked.seed * 100 + number, [], lambda text: print(text, flush=True)))
    print("student", flush=True)
    student = learn(material, asked.epochs, asked.seed * 100 + 99, teachers, lambda text: print(text, flush=True))

    samples = np.concatenate((material.real.pictures[::3], material.rendered.pictures[:200])).astype(np.float32) / 255
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_bytes(to_int8(student, samples))
    if asked.report:
        figures = measure.all_figures(measure.Int8Model(tf.lite.Interpreter, asked.out), asked.data)
        asked.report.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
