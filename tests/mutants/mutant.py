"""What a mutant is: a protection taken out for a while, and a scenario that shows what is broken then."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """One protection taken out.

    Attributes:
        name: what is taken out.
        plant: takes it out as long as the block lasts.
        scenario: runs from a seed and returns the promises that were broken.
        seeds: how many seeds are tried before the mutant counts as not caught.
        controls: for how many seeds the product itself must pass.
    """

    name: str
    plant: Callable[[], AbstractContextManager[None]]
    scenario: Callable[[int], list[str]]
    seeds: int = 10
    controls: int = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """What came of one mutant: the seed that caught it, what it showed, what the product itself broke (nothing)."""

    mutant: str
    tried: int
    seed: int | None
    broken: list[str]
    control_broken: list[str]

    @property
    def is_good(self) -> bool:
        """Caught, and the product itself is not accused."""
        return self.seed is not None and not self.control_broken


def hunt(mutant: Mutant) -> Finding:
    """Run the product, then the mutant, until a seed shows what is broken."""
    control = [line for seed in range(1, mutant.controls + 1) for line in mutant.scenario(seed)]
    with mutant.plant():
        for seed in range(1, mutant.seeds + 1):
            broken = mutant.scenario(seed)
            if broken:
                return Finding(mutant.name, mutant.seeds, seed, broken, control)
    return Finding(mutant.name, mutant.seeds, None, [], control)
