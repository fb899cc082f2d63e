"""The questions that the model learns from, their split, and what varies them.

The validation part is every text whose SHA-256 (of its normalised words) is 0 modulo VALIDATION: the same texts in any
order, and a text that stands there twice lies on one side.
"""

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ripieno.models.ngrams import features, normalised, words_of

VALIDATION = 8
FEWEST_WORDS = 4  # a shorter question is not varied: each of its words may be the one that matters

Sparse = tuple[NDArray[np.int64], NDArray[np.float32]]


@dataclass(frozen=True)
class Questions:
    """Words of each question, its label's index, in the order of `labels` (sorted)."""

    words: list[list[str]]
    intents: NDArray[np.int64]
    labels: list[str]

    def part(self, of_validation: bool) -> "Questions":
        """Return the validation part, or the rest."""
        kept = [at for at, words in enumerate(self.words) if is_validation(words) is of_validation]
        return Questions([self.words[at] for at in kept], self.intents[kept], self.labels)


def read_questions(file: Path) -> Questions:
    """Read a CSV with the columns `text` and `category`."""
    with file.open(newline="", encoding="utf-8") as table:
        rows = [(row["text"], row["category"]) for row in csv.DictReader(table)]
    labels = sorted({category for _, category in rows})
    index = {label: at for at, label in enumerate(labels)}
    words = [words_of(normalised(text)) for text, _ in rows]
    return Questions(words, np.array([index[category] for _, category in rows]), labels)


def is_validation(words: list[str]) -> bool:
    """Whether a question is held out."""
    digest = hashlib.sha256(" ".join(words).encode()).digest()
    return int.from_bytes(digest[:4], "big") % VALIDATION == 0


def varied(words: list[str], share: float, random: np.random.Generator) -> list[str]:
    """Return the question as somebody in a hurry would have typed it: each word left out with probability `share`."""
    if len(words) < FEWEST_WORDS:
        return words
    left = [word for word, drawn in zip(words, random.random(len(words)), strict=True) if drawn >= share]
    return left if len(left) > 1 else words


def sparse(words: list[str], buckets: int) -> Sparse:
    """Return the buckets of a question that are not 0 and their values."""
    found = features(words, buckets)
    count = len(found)
    return np.fromiter(found.keys(), np.int64, count), np.fromiter(found.values(), np.float32, count)


def dense(rows: list[Sparse], buckets: int) -> NDArray[np.float32]:
    """Return features as rows, shape (n, buckets)."""
    whole = np.zeros((len(rows), buckets), np.float32)
    for row, (places, values) in zip(whole, rows, strict=True):
        row[places] = values
    return whole
