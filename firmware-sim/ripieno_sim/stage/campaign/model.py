"""A stand-in for the model, said plainly: its answers are drawn from the seed, no picture is looked at.

Labels come as often as the shipped model gave them on real pictures (its card: test split, 203 pictures). A picture
gets the same answer however often it is shown. Lateness, deaths of the worker and damaged pictures
are drawn for each call.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Final

from ripieno.contracts.ports import Clock
from ripieno.contracts.runtime import Loaded
from ripieno.errors import ModelError, WorkerLost
from ripieno.values import Classification, Given, Health, Inferred, PictureRef
from ripieno_sim.seeds import stream

from .station import Picture

LABELS: Final = ("normal", "over", "under")
CONFUSION: Final[Mapping[str, tuple[int, int, int]]] = {
    "normal": (57, 5, 1),
    "over": (8, 53, 0),
    "under": (11, 3, 65),
}  # what the model said (in the order of LABELS) of pictures that show this
UNSURE: Final = 0.1  # of the answers have a score that no rule takes
USUAL_S: Final = (0.001, 0.004)


class StandIn:
    """The `Inference` port.

    Args:
        deadlines_s: of each step.
        look: gives what a picture shows, None where it is gone.
        chances: of what goes wrong with a call, by the fault's name.
        draws: names this life's own stream.
    """

    def __init__(
        self,
        seed: int,
        deadlines_s: Mapping[str, float],
        clock: Clock,
        look: Callable[[str], Picture | None],
        chances: Mapping[str, float],
        draws: str,
        is_out_of_use: Callable[[], bool],
    ) -> None:
        self._seed, self._deadlines_s, self._clock, self._look = seed, deadlines_s, clock, look
        self._chances, self._is_out_of_use = chances, is_out_of_use
        self._draw = stream(seed, draws)

    async def start(self) -> Mapping[str, Loaded]:
        """Say what there is: a stand-in."""
        return dict.fromkeys(self._deadlines_s, Loaded("bead", "stand-in", "1", "", 0))

    async def infer(self, step: str, given: str | Given) -> Inferred:
        """See contracts.ports.Inference."""
        draws = [self._draw.random() for _ in range(5)]
        if not isinstance(given, (str, PictureRef)):
            raise ModelError(f"step {step} takes pictures")
        ref = given if isinstance(given, str) else given.ref
        if self._is_out_of_use():
            raise ModelError("the model is out of use until a reload")
        if draws[0] < self._chances["worker-dies"]:
            await self._clock.sleep(self._latency_s(draws[4]))
            raise WorkerLost("the worker died under this call: SIGSEGV")
        deadline_s = self._deadlines_s[step]
        if draws[1] < self._chances["model-late"]:
            if draws[2] < 0.5:  # given up in time, as promised
                await self._clock.sleep(deadline_s)
                return _none(Health.LATE, f"no answer within {deadline_s * 1000:g} ms")
            await self._clock.sleep(deadline_s * (1 + draws[4]))  # a worker that answers late is not believed
            return self._answer(ref)
        await self._clock.sleep(self._latency_s(draws[4]))
        if draws[1] > 1 - self._chances["model-damaged"]:
            damaged = draws[2] < 0.5
            return _none(*((Health.DAMAGED, "no picture") if damaged else (Health.NON_FINITE, "a score is not finite")))
        return self._answer(ref)

    async def stop(self) -> None:
        """Nothing was loaded."""

    def _answer(self, ref: str) -> Inferred:
        picture = self._look(ref)
        if picture is None:
            return _none(Health.DAMAGED, f"{ref}: no such picture")
        draw = stream(self._seed, f"picture {picture.part}")
        label = draw.choices(LABELS, CONFUSION[picture.state])[0]
        best = draw.uniform(0.34, 0.5) if draw.random() < UNSURE else draw.uniform(0.5, 1.0)
        rest = (1 - best) / 2
        scores = tuple(best if name == label else rest for name in LABELS)
        return Inferred(Health.GOOD, Classification(label, best, scores), "", digest_of(self._seed, picture), 0, 0)

    def _latency_s(self, drawn: float) -> float:
        return USUAL_S[0] + (USUAL_S[1] - USUAL_S[0]) * drawn


def digest_of(seed: int, picture: Picture) -> str:
    """Return what stands for the digest of a picture: by it the record tells which one was looked at."""
    return hashlib.sha256(f"{seed}/picture {picture.part}".encode()).hexdigest()[:32]


def _none(health: Health, why: str) -> Inferred:
    return Inferred(health, None, why, "", 0, 0)
