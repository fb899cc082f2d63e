"""Texts and numbers through a real worker process, and through the inline port: the same answers."""

from __future__ import annotations

import asyncio
import hashlib
import json
import struct
from pathlib import Path

import pytest
from daemon.workers.rig import pooled_tiny
from daemon.workers.test_inline import FakeClock, read
from daemon.workers.test_pool import running
from daemon.workers.texts import pooled_desk, pooled_wear

from ripieno.errors import ModelError
from ripieno.values import Classification, Given, Health, Inferred, PictureRef, Regression, Text, Vector
from ripieno_daemon.workers import GoldenCase, InlineInference, PooledModel, Step, WorkerPool, wire

STEPS = {"understand": Step("desk", 20.0), "wear": Step("wear", 20.0)}
LONG = "card " * 300_000


def models_in(folder: Path) -> dict[str, PooledModel]:
    return {"desk": pooled_desk(folder), "wear": pooled_wear(folder)}


async def answers_of(port: WorkerPool | InlineInference, asked: list[tuple[str, Given]]) -> list[Inferred]:
    return [await port.infer(step, given) for step, given in asked]


def test_a_question_and_a_window_of_numbers_are_answered_by_a_worker(tmp_path: Path) -> None:
    async def work() -> None:
        async with running(models_in(tmp_path), STEPS) as pool:
            asked = await pool.infer("understand", Text("Is my CARD on its way? \N{WINKING FACE}"))
            worn = await pool.infer("wear", Vector((13.0, 60.5)))

        assert asked.health is Health.GOOD and isinstance(asked.result, Classification)
        assert asked.result.label == "card" and asked.result.margin > 0.5
        assert (
            asked.picture_digest == hashlib.sha256("Is my CARD on its way? \N{WINKING FACE}".encode()).hexdigest()[:32]
        )
        assert isinstance(worn.result, Regression)
        assert dict(worn.result.values) == {"wear": pytest.approx(1.5, abs=0.03), "load": pytest.approx(0.25, abs=0.03)}
        assert worn.picture_digest == hashlib.sha256(struct.pack("<2d", 13.0, 60.5)).hexdigest()[:32]

    asyncio.run(work())


def test_hostile_texts_get_an_answer_and_the_worker_lives(tmp_path: Path) -> None:
    hostile = {
        "": Health.MISSING,
        LONG: Health.WRONG_SIZE,
        "\0" * 4000: Health.MISSING,
        "\u202e\u202e": Health.MISSING,
        "lost \ud83d card": Health.DAMAGED,
        "\ufdfa" * 4000: Health.WRONG_SIZE,
        "card" + "\u0315\u0300" * 1900: Health.GOOD,
    }

    async def work() -> None:
        async with running(models_in(tmp_path), STEPS) as pool:
            pids = dict(pool.worker_pids())
            answers = await answers_of(pool, [("understand", Text(text)) for text in hostile])
            after = await pool.infer("understand", Text("cash"))

            assert [answer.health for answer in answers] == list(hostile.values())
            assert all(bool(answer.why) == (answer.health is not Health.GOOD) for answer in answers)
            assert after.result is not None and after.result.label == "cash"
            assert dict(pool.worker_pids()) == pids

    asyncio.run(work())


def test_a_text_beyond_the_bound_does_not_travel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound holds before the wire: a message of megabytes would keep other calls waiting."""
    sent: list[int] = []
    encode = wire.encode

    def counted(message: list[object]) -> bytes:
        body = encode(message)
        sent.append(len(body))
        return body

    async def work() -> None:
        async with running(models_in(tmp_path), STEPS) as pool:
            monkeypatch.setattr(wire, "encode", counted)
            await pool.infer("understand", Text(LONG))
            await pool.infer("wear", Vector((0.0,) * 100_000))
            assert sent == []
            await pool.infer("understand", Text("\U0001f600" * 4000))

            assert len(sent) == 1 and sent[0] < 20_000

    asyncio.run(work())


@pytest.mark.parametrize(
    ("step", "given", "message"),
    [
        ("understand", "a/picture.png", "model desk takes a text, got a picture"),
        ("understand", PictureRef("pixels:/x#1:0:1:8x8"), "model desk takes a text, got a picture"),
        ("understand", Vector((1.0, 2.0)), "model desk takes a text, got 2 numbers"),
        ("wear", Text("1.0 2.0"), "model wear takes 2 numbers, got a text"),
    ],
)
def test_what_the_model_does_not_take_is_refused_by_name(
    tmp_path: Path, step: str, given: str | Given, message: str
) -> None:
    async def work() -> None:
        async with running(models_in(tmp_path), STEPS) as pool:
            with pytest.raises(ModelError, match=message):
                await pool.infer(step, given)
        inline = InlineInference(models_in(tmp_path), STEPS, None, FakeClock(), read, lambda _: 0.001)
        await inline.start()
        with pytest.raises(ModelError, match=message):
            await inline.infer(step, given)

    asyncio.run(work())


def test_the_inline_port_gives_the_same_answers(tmp_path: Path) -> None:
    asked: list[tuple[str, Given]] = [
        ("understand", Text("what is the rate today")),
        ("understand", Text("?")),
        ("understand", Text(LONG)),
        ("understand", Text("half \udc00 of a pair")),
        ("wear", Vector((9.0, 61.0))),
        ("wear", Vector((9.0,))),
        ("wear", Vector((9.0, float("inf")))),
    ]

    async def work() -> None:
        async with running(models_in(tmp_path), STEPS) as pool:
            there = await answers_of(pool, asked)
        inline = InlineInference(models_in(tmp_path), STEPS, None, FakeClock(), read, lambda _: 0.001)
        await inline.start()
        here = await answers_of(inline, asked)

        said = [[(one.health, one.result, one.why, one.picture_digest) for one in answers] for answers in (here, there)]
        assert said[0] == said[1]
        assert [answer.health for answer in here] == [
            *(Health.GOOD, Health.MISSING, Health.WRONG_SIZE, Health.DAMAGED),
            *(Health.GOOD, Health.WRONG_SIZE, Health.NON_FINITE),
        ]

    asyncio.run(work())


def test_opencv_is_loaded_where_pictures_are_alone(tmp_path: Path) -> None:
    """16 MB of a worker; the second half is the control of the first."""

    async def maps_of(models: dict[str, PooledModel], steps: dict[str, Step]) -> str:
        async with running(models, steps) as pool:
            (pid,) = pool.worker_pids().values()
            return Path(f"/proc/{pid}/maps").read_text()  # noqa: ASYNC240 - nothing else waits on this loop

    assert "cv2" not in asyncio.run(maps_of(models_in(tmp_path), STEPS))
    assert "cv2" in asyncio.run(maps_of({"tiny": pooled_tiny(tmp_path)}, {"look": Step("tiny", 20.0)}))


def golden(folder: Path, content: object, label: str, scores: tuple[float, ...]) -> GoldenCase:
    path = folder / "golden.json"
    path.write_text(json.dumps(content))
    return GoldenCase(str(path), label, scores)


@pytest.mark.parametrize(
    ("model", "content", "label", "scores", "message"),
    [
        ("desk", {"text": "my card"}, "card", (0.996, 0.0, 0.0), ""),
        ("desk", {"text": "my card"}, "cash", (0.0, 0.996, 0.0), "golden.json: expected cash 0.996, got card 0.996"),
        ("desk", {"text": "?"}, "card", (1.0, 0.0, 0.0), "golden.json: there is no word in the text"),
        ("desk", {"texts": "card"}, "card", (1.0, 0.0, 0.0), "golden.json: expected JSON with 'text' alone, got texts"),
        ("desk", {"text": 5}, "card", (1.0, 0.0, 0.0), 'golden.json: expected {"text": "..."}, got a text that is int'),
        ("wear", {"vector": [13.0, 60.5]}, "", (1.5, 0.25), ""),
        ("wear", {"vector": [13.0, 60.5]}, "", (2.5, 0.25), "golden.json: expected 2.500, got 1.500 .*0.4 is allowed"),
        ("wear", {"vector": [13.0]}, "", (1.5, 0.25), 'expected {"vector": [...]} with 2 numbers, got [13.0]'),
        (
            "wear",
            {"vector": [13.0, True]},
            "",
            (1.5, 0.25),
            'expected {"vector": [...]} with 2 numbers, got [13.0, True]',
        ),
    ],
)
def test_a_golden_text_or_vector_is_the_self_test_of_its_model(
    tmp_path: Path, model: str, content: object, label: str, scores: tuple[float, ...], message: str
) -> None:
    case = golden(tmp_path, content, label, scores)
    pooled = (pooled_desk if model == "desk" else pooled_wear)(tmp_path, [case])

    async def work() -> str:
        try:
            async with running({model: pooled}, {"ask": Step(model, 20.0)}):
                return ""
        except ModelError as error:
            return str(error)

    said = asyncio.run(work())
    assert (message in said) if "*" not in message else all(part in said for part in message.split(".*"))
    assert bool(said) == bool(message)
