"""What a run left behind, for the judges: what plant and board saw, what became durable, and the files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ripieno.contracts.driver import Intent
from ripieno_sim.plant import Opening, Part

from .line import Sightings
from .lives import Life, Lives, Most
from .person import Hold
from .terms import Terms
from .world import Told, World


@dataclass(frozen=True, slots=True)
class Evidence:
    """One run, over.

    Attributes:
        told: for the story.
        seen: by plant and board.
        parts, openings: of the plant.
        final_epoch, edges: of the board's journal at the end.
        final_count: of the belt at the end.
        durable: command -> (intent, when it was durable), us.
        undurable: (command, us) that the board took without a durable intent.
        lives, crashes, most: of the daemon; holds: of a person.
        releases: digest of each plan that was in force -> the release of its rules.
        wrong_pictures: what the camera's slots had to complain about; pictures_lost: for want of one.
        wall_steps: (us, offset of the wall clock in ns from then on).
        state: the folder with ledger.sqlite, stock.sqlite, consumer.sqlite and intents.
        plant_us: how long the run was.
    """

    terms: Terms
    told: Told
    seen: Sightings
    parts: list[Part]
    openings: list[Opening]
    final_epoch: int
    edges: int
    final_count: int
    durable: dict[int, tuple[Intent, int]]
    undurable: list[tuple[int, int]]
    lives: list[Life]
    holds: list[Hold]
    crashes: list[tuple[int, str]]
    most: Most
    releases: dict[str, int]
    wrong_pictures: list[str]
    pictures_lost: int
    wall_steps: list[tuple[int, int]]
    state: Path
    plant_us: int


def gather(world: World, lives: Lives) -> Evidence:
    """Take the evidence of a run that is over."""
    journal = world.rig.board.journal
    return Evidence(
        terms=world.terms,
        told=world.told,
        seen=world.seen,
        parts=world.conveyor.parts,
        openings=world.conveyor.gate.openings,
        final_epoch=journal.epoch,
        edges=journal.edges[0],
        final_count=world.conveyor.count_at(world.now_us()),
        durable=world.disk.durable,
        undurable=world.undurable,
        lives=lives.lives,
        holds=lives.person.holds,
        crashes=lives.crashes,
        most=lives.most,
        releases=lives.releases,
        wrong_pictures=world.station.wrong,
        pictures_lost=world.station.no_room,
        wall_steps=world.clock.steps,
        state=world.state,
        plant_us=world.now_us(),
    )
