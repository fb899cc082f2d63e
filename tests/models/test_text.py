"""From a text to its label: what is counted, that hostile texts harm nothing, and that levels stand for features."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from models.test_chain import INSTALLED
from models.tiny_dense import tiny_intents

from ripieno.contracts.runtime import Tensor
from ripieno.errors import ModelError
from ripieno.models import Declaration, TakesText, join
from ripieno.models.chain import Chain
from ripieno.models.feeding import Unreadable
from ripieno.models.ngrams import features, grams, normalised, words_of
from ripieno.models.quantisation import dequantise
from ripieno.models.runtimes import choose
from ripieno.models.text_feed import TextFeed
from ripieno.values import Classification, Health, Text
from ripieno.values.given import MAX_CHARACTERS

GOLDEN = Path(__file__).parents[1] / "golden/models/ngrams.json"
LABELS = ("card", "cash", "rate")
BUCKETS = 512
ROW = Tensor("features", "int8", (1, BUCKETS), 1 / 255, -128)
ASKED = {"card": "Where is my card?", "cash": "I need CASH now", "rate": "what is the rate"}


def chain_of(kind: str = "int8", runtime: str = INSTALLED[0]) -> Chain:
    model = tiny_intents(BUCKETS, LABELS, kind)
    session = choose(runtime).load(model, 1)
    spec = join(Declaration("desk", "d.tflite", LABELS, takes=TakesText()), "", session.inputs, session.outputs)
    return Chain(spec, session, lambda: 0)


def levels_of(text: str, tensor: Tensor = ROW) -> np.ndarray:
    feed, row = TextFeed(tensor), np.empty(tensor.shape, tensor.dtype)
    feed.take(Text(text).encoded)
    feed.fill(row)
    return row[0]


@pytest.mark.parametrize("runtime", INSTALLED)
@pytest.mark.parametrize("kind", ["int8", "uint8", "float32"])
@pytest.mark.parametrize("label", LABELS)
def test_a_question_gets_the_label_of_its_word(runtime: str, kind: str, label: str) -> None:
    answer = chain_of(kind, runtime).run(Text(ASKED[label]).encoded)

    assert answer.health is Health.GOOD and isinstance(answer.result, Classification)
    assert (answer.result.label, answer.result.score > 0.9) == (label, True)
    assert answer.result.margin == pytest.approx(answer.result.score - sorted(answer.result.scores)[-2])
    assert answer.picture_digest == hashlib.sha256(ASKED[label].encode()).hexdigest()[:32]


def test_what_is_counted_of_two_words() -> None:
    assert list(grams(["pay", "me"])) == [
        *("1 pay", "1 me"),
        *("2 < pay", "2 pay me", "2 me >"),
        *("c pa", "cpay", "cay ", "cy m", "c me", "cme "),
        *("c pay", "cpay ", "cay m", "cy me", "c me "),
        *("c pay ", "cpay m", "cay me", "cy me "),
    ]


def test_features_of_own_sentences_are_the_pinned_bits() -> None:
    """A model is trained on these numbers: another order, hash or rounding is another model."""
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))

    assert len(golden) >= 5
    for case in golden:
        found = features(words_of(normalised(case["text"])), case["buckets"])
        assert {str(bucket): value.hex() for bucket, value in sorted(found.items())} == case["features"], case["text"]


@given(text=st.text(max_size=60), buckets=st.integers(1, 300))
def test_features_agree_with_their_definition(text: str, buckets: int) -> None:
    words = words_of(normalised(text))
    dense = [0.0] * buckets
    for gram, count in Counter(grams(words)).items() if words else ():
        dense[crc32(gram.encode()) % buckets] += math.sqrt(count)
    norm = math.hypot(*dense)

    found = features(words, buckets)

    assert [found.get(bucket, 0.0) for bucket in range(buckets)] == pytest.approx(
        [x / norm if norm else 0 for x in dense]
    )
    assert all(0 < value <= 1 + 1e-12 for value in found.values())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ＣＡＲＤ ｌｏｓｔ", "card lost"),
        ("İstanbul", "i\u0307stanbul"),
        ("ﬁne", "fine"),
        ("re\u0301sume\u0301", "résumé"),
        ("a,b", "A  B!"),
    ],
)
def test_spellings_of_one_text_have_the_same_features(one: str, other: str) -> None:
    assert np.array_equal(levels_of(one), levels_of(other))


@settings(deadline=None)
@given(
    text=st.text(min_size=1, max_size=80).filter(lambda text: words_of(normalised(text))),
    scale=st.floats(1 / 255, 0.02),
    zero_point=st.integers(-128, -100),
    dtype=st.sampled_from(["int8", "uint8"]),
)
def test_levels_stand_for_their_features_to_half_a_level(text: str, scale: float, zero_point: int, dtype: str) -> None:
    zero_point += 128 if dtype == "uint8" else 0
    tensor = Tensor("features", dtype, (1, BUCKETS), scale, zero_point)
    highest = scale * ((127 if dtype == "int8" else 255) - zero_point)
    wanted = features(words_of(normalised(text)), BUCKETS)

    real = dequantise(levels_of(text, tensor), tensor)

    assert np.abs(real - [min(wanted.get(at, 0.0), highest) for at in range(BUCKETS)]).max() <= scale * 0.5001


def test_nothing_of_one_text_is_left_for_the_next() -> None:
    feed, row = TextFeed(ROW), np.zeros(ROW.shape, np.int8)
    for text in ("a long question about many things that leaves many buckets set", "card"):
        feed.take(text.encode())
        feed.fill(row)

    assert np.array_equal(row[0], levels_of("card"))


@pytest.mark.parametrize(
    ("given_", "health", "why"),
    [
        (b"", Health.MISSING, "there is no word in the text (0 characters)"),
        (b" \n\t?!...", Health.MISSING, "there is no word in the text (8 characters)"),
        (
            "\N{PILE OF POO}\N{ZERO WIDTH JOINER}".encode(),
            Health.MISSING,
            "there is no word in the text (2 characters)",
        ),
        (b"\0" * 50, Health.MISSING, "there is no word in the text (50 characters)"),
        (b"card\xff", Health.DAMAGED, "the text is not UTF-8: invalid start byte at byte 4 of 5"),
        (
            Text("my card \ud83d is lost").encoded,
            Health.DAMAGED,
            "the text is not UTF-8: invalid continuation byte at byte 8",
        ),
        (b"a" * (1 << 20), Health.WRONG_SIZE, "the text has 1048576 characters; at most 4000 are read"),
        ("\ufdfa".encode() * 4000, Health.WRONG_SIZE, "the text has 72000 characters; at most 4000 are read"),
    ],
)
def test_what_no_model_reads_is_told_and_the_next_text_is_read(given_: bytes, health: Health, why: str) -> None:
    chain = chain_of()

    answer = chain.run(given_)

    assert (answer.health, answer.result) == (health, None)
    assert answer.why.startswith(why)
    assert answer.picture_digest == hashlib.sha256(given_).hexdigest()[:32]
    after = chain.run(b"card").result
    assert after is not None and after.label == "card"


@pytest.mark.parametrize(
    "text",
    [
        "\u202ecard\u202c ما هو الرصيد",
        "card\0card",
        "\N{GRINNING FACE} card \N{GRINNING FACE}",
        "card " + "\u0315\u0300\u0316" * 1300,
        "card" * 1000,
        ("card " * 800)[:MAX_CHARACTERS],
        "\ufdfa" * 200,
    ],
    ids=["right to left", "nul", "emoji", "marks", "one word", "many words", "ligatures"],
)
def test_odd_texts_are_read_and_what_is_counted_is_bounded(text: str) -> None:
    answer = chain_of().run(Text(text).encoded)

    assert answer.health is Health.GOOD
    assert len(list(grams(words_of(normalised(text))))) <= 5 * MAX_CHARACTERS


@settings(deadline=None)
@given(
    given_=st.one_of(
        st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))
    )
)
def test_no_bytes_raise(given_: bytes) -> None:
    answer = CHAIN.run(given_)

    assert answer.health in (Health.GOOD, Health.DAMAGED, Health.MISSING)
    assert (answer.result is None) == bool(answer.why)


CHAIN = chain_of()


def test_the_feed_refuses_before_it_hashes() -> None:
    with pytest.raises(Unreadable):
        TextFeed(ROW).take(b"a" * (MAX_CHARACTERS + 1))


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (
            Tensor("in", "int8", (1, 8, 8, 3), 1 / 255, -128),
            r"expected an input of shape \[1, n\] .* got \[1, 8, 8, 3\]",
        ),
        (Tensor("in", "int8", (2, 512), 1 / 255, -128), r"expected an input of shape \[1, n\] .* got \[2, 512\]"),
        (Tensor("in", "int8", (1, 1 << 21), 1 / 255, -128), r"expected an input of shape \[1, n\]"),
        (Tensor("in", "int32", (1, 256), 0.0, 0), "expected tensors of int8, uint8, float32, got in: int32"),
        (Tensor("in", "int8", (1, 256), 1 / 255, -200), "holds 0.2824 to 1.282; features of a text are in 0 to 1"),
        (Tensor("in", "uint8", (1, 256), 1 / 255, 255), "holds -1 to 0; features of a text are in 0 to 1"),
    ],
)
def test_a_file_that_takes_no_text_is_refused(tensor: Tensor, message: str) -> None:
    given_ = Tensor("out", "int8", (1, 3), 1 / 256, -128)

    with pytest.raises(ModelError, match=message):
        join(Declaration("desk", "d.tflite", LABELS, takes=TakesText()), "", [tensor], [given_])


def test_a_text_is_no_picture() -> None:
    """The chain of a text takes whatever bytes; what is given to it is checked where it is asked."""
    with pytest.raises(ModelError, match="model desk takes a text, got a picture"):
        CHAIN.run_pixels(np.zeros((2, 2, 3), np.uint8), lambda: True)
