"""What models were given shown to them again: grades L1 and L2 of a replay.

Texts and numbers stand in the record. A picture does not: it is found, where it is still there, by its digest, which is
recorded with the model's answer. With the numerics fingerprint that was
recorded when the model was loaded the answer must be the same to the last bit (L1). With another one (another back
end) the scores may differ a little, and an answer counts as another one if its label is (L2).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgpack

from ripieno.contracts.runtime import Loaded
from ripieno.engine import Infer, ResultSeen
from ripieno.errors import ModelError
from ripieno.plan import Plan
from ripieno.values import Given, Health, Inferred, ItemId, PictureRef, Text, Vector

from ..bundles import Bundle
from ..bundles.files import read_bytes, walk
from ..conducting.modelled import found_of, numbers_of
from ..workers import WorkerPool
from ..workers.parts import Step
from .past import Past
from .rerun import CannotAnswer, Rerun

RUNTIMES = ("litert", "tflite")
DIGEST_DIGITS = 32
PICTURE_S = 10.0
FEW = 50
ANSWERED = (Health.GOOD.value, Health.DAMAGED.value)  # others say nothing of the picture: late, failed, missing


Box = tuple[float, float, float, float]
_Key = tuple[str, str, Box | None]


@dataclass(frozen=True, slots=True)
class Answered:
    """One recorded answer: of which step and model, to what, and what it was.

    `digest`: of what the model was given; `given`: that itself, None for a picture, of which `box` was shown, cut
    into `tiles`.
    """

    record: int
    item: str
    step: str
    model: str
    sha256: str
    digest: str
    given: Text | Vector | None
    box: Box | None
    tiles: tuple[int, int]
    answer: tuple[Any, ...]

    @property
    def key(self) -> tuple[str, str, Box | None]:
        """What decides the answer."""
        return self.step, self.digest, self.box

    @property
    def label(self) -> str:
        """The label alone."""
        return str(self.answer[1])


def show_again(
    past: Past, bundle: Bundle, folder: Path | None, runtime: str | None = None, given: Plan | None = None
) -> dict[str, Any]:
    """Return `grade`, `recorded` answers, those whose picture was `found`, `mismatches` and `flips`.

    The bundle's models are known by their digests, whatever a pipeline calls them; answers of others (of another
    pipeline, of another release of this one) are counted.

    Starts an event loop of its own, and workers.

    Raises:
        CannotAnswer: no picture is found, or the bundle has none of the models.
        ModelError: no runtime takes the model.
    """
    if folder is not None and not folder.is_dir():
        raise CannotAnswer(f"{folder}: no such folder")
    recorded = answers_of(past, given)
    named = {model.spec.digest: name for name, model in bundle.models.items()}
    ours = [replace(one, model=named[one.sha256]) for one in recorded if one.sha256 in named]
    if recorded and not ours:
        one = recorded[0]
        raise CannotAnswer(f"{bundle.folder}: its model {one.model} is not the recorded one {one.sha256[:16]}")
    places = _pictures(folder) if folder is not None else {}
    found = [one for one in ours if one.given is not None or one.digest in places]
    if not found and folder is not None:
        raise CannotAnswer(f"{folder}: none of the {len(recorded)} recorded pictures is here (looked for by digest)")
    if not found:
        raise CannotAnswer("no model was given a text or numbers; pictures are shown again with --pictures DIR")
    wanted = fingerprints(past)
    asked = {one.key: one.given or PictureRef(places[one.digest], one.box, one.tiles) for one in found}
    name, loaded, again = asyncio.run(_best(bundle, found, asked, wanted, RUNTIMES if runtime is None else (runtime,)))
    same = all(model.fingerprint in wanted.get(step, ()) for step, model in loaded.items())
    flips, mismatches, farthest = [], 0, 0.0
    for one in found:
        now = again[one.key]
        farthest = max(farthest, abs(now[2] - one.answer[2]))
        if now != one.answer if same else now[1] != one.label:
            mismatches += 1
            flips.append({"record": one.record, "id": one.item, "recorded": one.answer[:3], "replayed": now[:3]})
    return {
        "grade": "L1" if same else "L2",
        "runtime": name,
        "recorded": len(recorded),
        "found": len(found),
        "of_other_models": len(recorded) - len(ours),
        "mismatches": mismatches,
        "flips": flips[:FEW],
        "largest_difference_of_a_score": farthest,
        "fingerprints": {step: [model.fingerprint, *sorted(wanted.get(step, ()))] for step, model in loaded.items()},
    }


def answers_of(past: Past, given: Plan | None) -> list[Answered]:
    """Return every recorded answer to what was looked at."""
    found: list[Answered] = []
    asked: dict[tuple[str, int, ItemId | None], Infer] = {}
    for moment in Rerun(past, given).moments():
        asked |= {(one.step, one.sequence, one.item): one for one in moment.step() if isinstance(one, Infer)}
        event = moment.event
        if not isinstance(event, ResultSeen):
            continue
        infer = asked.pop((event.step, event.sequence, event.item), None)
        if infer is None or not event.picture_digest or event.health not in ANSWERED:
            continue
        step = next(one for one in moment.plan.steps if one.name == event.step)
        model = next(one for one in moment.plan.models if one.name == step.model)
        answer = (event.health, event.label, event.score, event.found, event.numbers)
        item = str(event.item) if event.item is not None else f"{event.step} {event.sequence}"
        what = _given(infer)
        found.append(
            Answered(
                moment.row.id,
                item,
                step.name,
                model.name,
                model.sha256,
                event.picture_digest,
                what,
                infer.box,
                step.tiles,
                answer,
            )
        )
    return found


def _given(infer: Infer) -> Text | Vector | None:
    match infer.given:
        case None:
            return None
        case str() as text:
            return Text(text)
        case numbers:
            return Vector(numbers)


def _pictures(folder: Path) -> dict[str, str]:
    """Return the absolute path of every file below the folder, by digest."""
    names = {hashlib.sha256(read_bytes(folder / name)).hexdigest()[:DIGEST_DIGITS]: name for name in walk(folder)}
    return {digest: str((folder / name).absolute()) for digest, name in names.items()}


def fingerprints(past: Past) -> dict[str, set[str]]:
    """Return the numerics fingerprints with which each step's model was loaded."""
    found: dict[str, set[str]] = {}
    for row in past.rows():
        if row.kind == "plan" and row.payload is not None:
            for step, fingerprint in msgpack.unpackb(row.payload, raw=False).get("fingerprints", {}).items():
                found.setdefault(step, set()).add(fingerprint)
    return found


async def _best(
    bundle: Bundle,
    found: Sequence[Answered],
    asked: Mapping[_Key, Given],
    wanted: Mapping[str, set[str]],
    runtimes: Sequence[str],
) -> tuple[str, Mapping[str, Loaded], dict[_Key, tuple[Any, ...]]]:
    """Ask on the runtime whose fingerprint is recorded; on the first that is installed where none is."""
    chosen, refused = "", ""
    steps = {one.step: Step(one.model, PICTURE_S) for one in found}
    for name in runtimes:
        pool = WorkerPool(bundle.models, steps, name, lambda _: None)
        try:
            loaded = await pool.start()
        except ModelError as error:
            refused = refused or str(error)
            continue
        finally:
            await pool.stop()
        chosen = chosen or name
        if all(model.fingerprint in wanted.get(step, ()) for step, model in loaded.items()):
            chosen = name
            break
    if not chosen:
        raise ModelError(refused)
    pool = WorkerPool(bundle.models, steps, chosen, lambda _: None)
    try:
        loaded = await pool.start()
        again = {key: _plain(await pool.infer(key[0], what)) for key, what in asked.items()}
    finally:
        await pool.stop()
    return chosen, loaded, again


def _plain(inferred: Inferred) -> tuple[Any, ...]:
    result = inferred.result
    label, score = (result.label, result.score) if result else ("", 0.0)
    return inferred.health.value, label, score, found_of(inferred), numbers_of(inferred)


def text(shown: Mapping[str, Any]) -> str:
    """Return the result as a person reads it."""
    exact = (
        "exact: the same numerics fingerprint" if shown["grade"] == "L1" else "another back end: labels are compared"
    )
    lines = [
        f"grade {shown['grade']}: {shown['found']} of {shown['recorded']} recorded answers asked for again on "
        f"{shown['runtime']} ({exact}; a score differs by {shown['largest_difference_of_a_score']:.3g} at most)"
    ]
    if shown["of_other_models"]:
        lines.append(f"{shown['of_other_models']} answers are of models that the bundle does not hold")
    for one in shown["flips"]:
        before, after = (
            f"{label or health} {score:.4f}" for health, label, score in (one["recorded"], one["replayed"])
        )
        lines.append(f"MISMATCH record {one['record']}: {one['id']}: recorded {before}, the model says {after}")
    return "\n".join([*lines, f"{shown['mismatches']} mismatches"])
