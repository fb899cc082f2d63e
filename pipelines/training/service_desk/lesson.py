"""What nets learn from: each question as it was asked and variants of it, and for each of these a target.

Teachers learn the labels, smoothed. The student learns what the teachers say together of each variant, and beside it
the label (Hinton et al., "Distilling the Knowledge in a Neural Network", 2015).
"""

from dataclasses import dataclass

import numpy as np

from service_desk.network import Example, Floats, Net, softmax
from service_desk.questions import Questions, Sparse, dense, sparse, varied

SMOOTHING = 0.1
VARIANTS, LEFT_OUT = 6, 0.15  # of each question, and the share of its words that a variant lacks
TEACHERS_SHARE = 0.8  # of the student's target
AT_ONCE = 2048


@dataclass(frozen=True)
class Lesson:
    """`known`: the features of each question and its variants; `targets`: shape (questions, 1 + VARIANTS, labels)."""

    known: list[list[Sparse]]
    targets: Floats

    def examples(self) -> Example:
        """Return what draws a variant of a question and its target."""

        def drawn(at: int, random: np.random.Generator) -> tuple[Sparse, Floats]:
            variant = int(random.integers(len(self.known[at])))
            return self.known[at][variant], self.targets[at, variant]

        return drawn


def first_lesson(questions: Questions, buckets: int, seed: int) -> Lesson:
    """Return what teachers learn from."""
    random = np.random.default_rng(seed)
    known = [
        [sparse(one, buckets) for one in (words, *(varied(words, LEFT_OUT, random) for _ in range(VARIANTS)))]
        for words in questions.words
    ]
    labels = len(questions.labels)
    smoothed = np.eye(labels, dtype=np.float32)[questions.intents] * (1 - SMOOTHING) + np.float32(SMOOTHING / labels)
    return Lesson(known, np.broadcast_to(smoothed[:, None], (len(known), 1 + VARIANTS, labels)))


def second_lesson(first: Lesson, teachers: list[Net], buckets: int) -> Lesson:
    """Return what the student learns from."""
    flat = [variant for variants in first.known for variant in variants]
    said = np.zeros((len(flat), first.targets.shape[2]), np.float32)
    for start in range(0, len(flat), AT_ONCE):
        features = dense(flat[start : start + AT_ONCE], buckets)
        for teacher in teachers:
            said[start : start + AT_ONCE] += softmax(teacher.logits(features)) / len(teachers)
    targets = TEACHERS_SHARE * said.reshape(first.targets.shape) + (1 - TEACHERS_SHARE) * first.targets
    return Lesson(first.known, targets.astype(np.float32))
