"""From a text to features: counts of words, pairs of words and short runs of letters, each hashed into a bucket.

    1. NFKC, lower case, NFKC again (Unicode UAX 15; lower case can undo it).
    2. Words are the longest runs of letters, digits and `_` (Unicode, as Python's `\\w`); all else parts them.
    3. The grams of the words w1 ... wn are
           "1 " + w                    each word
           "2 " + a + " " + b          each two neighbours of  <  w1 ... wn  >
           "c" + run                   each run of 3, 4 and 5 characters of  " w1 w2 ... wn "
    4. The bucket of a gram is CRC-32 (ISO/IEC 3309, as zlib has it) of its UTF-8, modulo the number of buckets.
    5. A bucket's value is the sum of sqrt(count) over the grams in it; all values are divided by their Euclidean norm.

Hashed features: Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009; here without signs,
so that all values are in 0..1 and an 8-bit tensor spends no level on negative ones. Square roots and divisions are
correctly rounded and the norm is summed exactly (fsum), so the features of a text are the same bits on every machine;
they depend on the Unicode tables of the Python at hand only for characters that its Unicode version does not know yet.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from typing import Final
from zlib import crc32

RUNS: Final = (3, 4, 5)
_WORDS: Final = re.compile(r"\w+")


def normalised(text: str) -> str:
    """Return the text in one spelling; up to 18 times as long (NFKC writes some ligatures out)."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower())


def words_of(text: str) -> list[str]:
    """Return the words of a normalised text."""
    return _WORDS.findall(text)


def grams(words: list[str]) -> Iterator[str]:
    """Yield every gram, as often as it occurs."""
    for word in words:
        yield "1 " + word
    for left, right in pairwise(["<", *words, ">"]):
        yield f"2 {left} {right}"
    line = f" {' '.join(words)} "
    for size in RUNS:
        for start in range(len(line) - size + 1):
            yield "c" + line[start : start + size]


def features(words: list[str], buckets: int) -> dict[int, float]:
    """Return the value of each bucket that is not 0; the squares add up to 1. Nothing for no words."""
    if not words:
        return {}
    values: dict[int, float] = {}
    for gram, count in Counter(grams(words)).items():
        bucket = crc32(gram.encode()) % buckets
        values[bucket] = values.get(bucket, 0.0) + math.sqrt(count)
    norm = math.sqrt(math.fsum(value * value for value in values.values()))
    return {bucket: value / norm for bucket, value in values.items()}
