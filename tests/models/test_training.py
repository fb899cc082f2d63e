"""The training of a text model learns, gives the same bytes again, and what it writes says what it learned."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from models.test_chain import INSTALLED

from ripieno.models import Declaration, TakesText, join
from ripieno.models.chain import Chain
from ripieno.models.runtimes import choose

pytest.importorskip("ai_edge_litert.schema_py_generated", reason="the training writes with LiteRT's schema")
sys.path.insert(0, str(Path(__file__).parents[2] / "pipelines/training"))

from service_desk import questions, train
from service_desk.network import Recipe
from service_desk.tflite import equalised, to_int8

PARTS = {
    "belt": (
        "the belt slips",
        "belt torn at the edge",
        "conveyor belt runs off",
        "a new belt is needed",
        "belt squeals",
    ),
    "light": (
        "the lamp flickers",
        "no light above the tray",
        "light too dim",
        "replace the lamp",
        "camera light is out",
    ),
    "glue": (
        "glue does not flow",
        "nozzle clogged with glue",
        "too much glue",
        "glue pot is empty",
        "glue smells burnt",
    ),
}
PLACES = ("", " on line two", " since this morning", " again", " near station four", " please help", " and it is loud")
SMALL = Recipe(buckets=256, hidden=16, epochs=40, batch=16, rate=1e-2, drop_features=0.1, drop_neurons=0.1)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write 105 complaints of our own."""
    path = tmp_path_factory.mktemp("complaints") / "train.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("text", "category"))
        rows.writerows(
            (said + place, part) for part, all_said in PARTS.items() for said in all_said for place in PLACES
        )
    return path


def trained(table: Path, seed: int = 1) -> tuple[Any, bytes, Any]:
    """Return the net, its int8 file, and the complaints."""
    complaints = questions.read_questions(table)
    net = train.taught(complaints, SMALL, SMALL, 2, seed)
    return net, to_int8(net, train.features_of(complaints, SMALL.buckets), 1.0, "complaints"), complaints


@pytest.fixture(scope="module")
def made(table: Path) -> tuple[Any, bytes, Any]:
    return trained(table)


@pytest.mark.parametrize("runtime", INSTALLED)
def test_what_was_learned_is_what_the_file_says_of_texts(made: tuple[Any, bytes, Any], runtime: str) -> None:
    _, model, complaints = made
    session = choose(runtime).load(model, 1)
    declared = Declaration("parts", "p.tflite", tuple(complaints.labels), takes=TakesText())
    chain = Chain(join(declared, "", session.inputs, session.outputs), session, lambda: 0)

    said = {text: chain.run(text.encode()).result for text in ("My BELT is torn!", "lamp, too dim?", "glue everywhere")}

    assert [one.label for one in said.values() if one is not None] == ["belt", "light", "glue"]
    assert all(one is not None and one.score > 0.6 for one in said.values())


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(
    table: Path, made: tuple[Any, bytes, Any]
) -> None:
    assert trained(table)[1] == made[1]
    assert trained(table, seed=2)[1] != made[1]


def test_int8_says_what_the_net_says(made: tuple[Any, bytes, Any]) -> None:
    net, model, complaints = made
    features = train.features_of(complaints, SMALL.buckets)

    real, quantised = train.softmax(net.logits(features)), train.answers_of(model, features)

    assert np.abs(real - quantised).max() < 0.05
    assert train.accuracy(complaints, quantised) >= train.accuracy(complaints, real) - 0.01 > 0.95


def test_weights_lie_where_the_format_wants_them(made: tuple[Any, bytes, Any]) -> None:
    """The schema says force_align: 16."""
    from ai_edge_litert.schema_py_generated import Model

    _, model, _ = made
    start = np.frombuffer(model, np.uint8).__array_interface__["data"][0]
    root = Model.GetRootAs(model, 0)
    held = [root.Buffers(at).DataAsNumpy() for at in range(root.BuffersLength()) if root.Buffers(at).DataLength()]

    assert len(held) == 4
    assert [(one.__array_interface__["data"][0] - start) % 16 for one in held] == [0, 0, 0, 0]


def test_equal_neurons_are_the_same_function(made: tuple[Any, bytes, Any]) -> None:
    net, _, complaints = made
    features = train.features_of(complaints, SMALL.buckets)

    assert np.allclose(equalised(net).logits(features), net.logits(features), atol=1e-4)


def test_a_text_lies_on_one_side_of_the_split_wherever_it_stands(table: Path) -> None:
    whole = questions.read_questions(table)
    rest, held_out = whole.part(of_validation=False), whole.part(of_validation=True)

    assert len(rest.words) + len(held_out.words) == len(whole.words) and held_out.words
    assert not {" ".join(one) for one in rest.words} & {" ".join(one) for one in held_out.words}
    assert questions.is_validation(["card", "lost"]) is questions.is_validation(["card", "lost"])
    assert rest.labels == held_out.labels == sorted(PARTS)


def test_a_short_question_is_never_varied_and_a_long_one_keeps_two_words() -> None:
    random = np.random.default_rng(0)

    assert questions.varied(["lost", "my", "card"], 1.0, random) == ["lost", "my", "card"]
    long = ["where", "is", "my", "card", "now"]
    assert questions.varied(long, 1.0, random) == long
    assert all(1 < len(questions.varied(long, 0.5, random)) <= 5 for _ in range(50))


def test_scores_are_sharpened_to_their_chances() -> None:
    """Logits that are right as often as their softmax says need no sharpening; halved, they need twice."""
    random = np.random.default_rng(3)
    logits = random.normal(0, 2, (4000, 3)).astype(np.float32)
    chances = train.softmax(logits)
    drawn = (chances.cumsum(axis=1) > random.random((4000, 1))).argmax(axis=1)
    asked = questions.Questions([["x"]] * 4000, drawn, ["a", "b", "c"])

    assert train.sharpest(asked, logits) == pytest.approx(1.0, abs=0.1)
    assert train.sharpest(asked, logits / 2) == pytest.approx(2.0, abs=0.2)
