"""From a text to the input tensor: the features of ngrams.py, each as the nearest level."""

from __future__ import annotations

from typing import Any

import numpy as np

from ripieno.contracts.runtime import Tensor
from ripieno.values import Health
from ripieno.values.given import MAX_CHARACTERS

from .feeding import Unreadable
from .ngrams import features, normalised, words_of
from .quantisation import quantise


class TextFeed:
    """See feeding.Feed. `tensor` has shape (1, buckets)."""

    def __init__(self, tensor: Tensor) -> None:
        self._tensor, self._buckets = tensor, tensor.shape[1]
        self._nothing = quantise(np.zeros(1), tensor)[0]
        self._values: dict[int, float] = {}

    def take(self, given: bytes) -> None:
        """Read a text in UTF-8. Raises Unreadable: not UTF-8, too long, or without a word."""
        try:
            text = given.decode()
        except UnicodeDecodeError as error:
            raise Unreadable(
                Health.DAMAGED, f"the text is not UTF-8: {error.reason} at byte {error.start} of {len(given)}"
            ) from error
        if len(text) <= MAX_CHARACTERS:
            text = normalised(text)
        if len(text) > MAX_CHARACTERS:
            raise Unreadable(
                Health.WRONG_SIZE, f"the text has {len(text)} characters; at most {MAX_CHARACTERS} are read"
            )
        words = words_of(text)
        if not words:
            raise Unreadable(Health.MISSING, f"there is no word in the text ({len(text)} characters)")
        self._values = features(words, self._buckets)

    def take_ramp(self) -> None:
        """Take a value for every bucket, from 0 to 1 and over again."""
        self._values = {bucket: (bucket & 0xFF) / 255 for bucket in range(self._buckets)}

    def fill(self, tensor: Any) -> None:
        """Write the levels into a view of the input tensor."""
        row = tensor[0]
        row.fill(self._nothing)
        row[list(self._values)] = quantise(np.fromiter(self._values.values(), np.float64), self._tensor)
