"""Several soaks of one mix at once, each a machine with a seed and a process of its own, told together.

What comes of it depends on seed, commands and machines, never on how many processors there are.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing.sharedctypes import SynchronizedArray
from typing import Any, Final

from ripieno_sim.seeds import stream

from .judge import figures
from .mixes import MIXES
from .run import Soak

SHARE: Final = 25_000
"""Commands of a machine, where nobody says how many machines there are."""
SHOWS_EVERY_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Share:
    """What one machine is asked for; alone it repeats what it did beside the others."""

    mix: str
    seed: int
    commands: int
    board: str


def shares(mix: str, seed: int, commands: int, board: str, machines: int | None) -> list[Share]:
    """Return the shares of `commands`; the first machine has the seed itself."""
    number = min(commands, machines or -(-commands // SHARE))
    seeds = [seed, *(stream(seed, f"machine {index}").getrandbits(31) for index in range(1, number))]
    return [Share(mix, own, commands // number + (index < commands % number), board) for index, own in enumerate(seeds)]


def soak_all(told: Sequence[Share], show: Callable[[int, int], None]) -> dict[str, Any]:
    """Soak every share and return the figures; `show` hears commands and virtual us of all, now and then."""
    if len(told) == 1:
        (one,) = told
        tallies = [Soak(MIXES[one.mix], one.seed, one.board).run(one.commands, show)]
    else:
        here = multiprocessing.get_context("spawn")
        done: SynchronizedArray[int] = here.Array("q", 2 * len(told))
        processes = min(len(told), len(os.sched_getaffinity(0)))
        with ProcessPoolExecutor(processes, mp_context=here, initializer=_begin, initargs=(done,)) as pool:
            runs = [pool.submit(_run, index, share) for index, share in enumerate(told)]
            while wait(runs, timeout=SHOWS_EVERY_S).not_done:
                numbers = done[:]
                show(sum(numbers[::2]), sum(numbers[1::2]))
            tallies = [run.result() for run in runs]
    for share, tally in zip(told, tallies, strict=True):
        again = f"--mix {share.mix} --seed {share.seed} --commands {share.commands} --board {share.board} --machines 1"
        tally.wrong = [f"{line} [{again}]" for line in tally.wrong]
    return figures(told[0].mix, tallies)


_done: SynchronizedArray[int] | None = None
"""In a process of the pool: how far each machine is."""


def _begin(done: SynchronizedArray[int]) -> None:
    global _done
    _done = done


def _run(index: int, share: Share) -> Any:
    def show(commands: int, now_us: int) -> None:
        if _done is not None:
            _done[2 * index], _done[2 * index + 1] = commands, now_us

    return Soak(MIXES[share.mix], share.seed, share.board).run(share.commands, show)
