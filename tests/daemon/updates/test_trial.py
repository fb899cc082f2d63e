"""What the line's results say of a release on trial."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from ripieno_daemon.updates.trial import DEATHS, LATENCY, SHIFT, UNKNOWN, Ended, Gates, Health, Noted, Trial

GATES = Gates(results=300, soak_s=60)
S = 1_000_000_000


def results(seed: int, count: int, *, unknown: float = 0.01, green: float = 0.8, ms: float = 10.0) -> list[Noted]:
    chance = random.Random(seed)
    made = []
    for _ in range(count):
        label = "green" if chance.random() < green else chance.choice(["red", "blue"])
        noted = None if chance.random() < unknown else label
        made.append(Noted(noted, int(1000 * ms * chance.uniform(0.8, 1.2))))
    return made


def of(noted: list[Noted]) -> Health:
    health = Health()
    for one in noted:
        health.note(one)
    return health


def run(
    noted: list[Noted], before: Health | None = None, gates: Gates = GATES, every_ns: int = S
) -> tuple[Ended | None, int]:
    trial = Trial(gates, before or of(results(1, 2000)), began_ns=0)
    for at, one in enumerate(noted):
        if (ended := trial.note(one, at * every_ns)) is not None:
            return ended, at + 1
    return trial.ended, len(noted)


def test_a_release_like_the_one_before_is_kept_after_its_results_and_its_time() -> None:
    ended, count = run(results(2, 400))

    assert ended is not None and ended.is_kept and count == 300
    assert str(ended).startswith("healthy: 300 results, ") and "green" in ended.why, "what it was judged by is told"
    assert run(results(2, 400), every_ns=S // 10) == (None, 400)  # 40 s are no minute
    assert run(results(2, 250)) == (None, 250)


def test_in_a_thousand_trials_of_good_releases_hardly_one_is_given_up() -> None:
    given_up = sum(not run(results(seed, 301), of(results(-seed, 500)))[0].is_kept for seed in range(2, 1002))  # type: ignore[union-attr]

    assert given_up <= 5


@pytest.mark.parametrize(
    ("bad", "name", "at_most"),
    [
        ({"unknown": 0.25}, UNKNOWN, 160),
        ({"unknown": 1.0}, UNKNOWN, 25),
        ({"ms": 18.0}, LATENCY, 300),
        ({"green": 0.2}, SHIFT, 300),
        ({"green": 0.0}, SHIFT, 300),
    ],
    ids=["often unknown", "always unknown", "slow", "labels swapped", "never green"],
)
def test_a_bad_release_is_given_up_by_name_as_soon_as_it_is_sure(
    bad: dict[str, float], name: str, at_most: int
) -> None:
    for seed in range(30):
        ended, after = run(results(seed, 400, **bad))

        assert ended is not None and not ended.is_kept
        assert ended.name == name and after <= at_most, (seed, ended, after)


@pytest.mark.parametrize(
    ("count", "late", "is_kept"), [(60, 2, True), (300, 6, True), (60, 12, False), (300, 24, False)]
)
def test_a_machine_that_hiccups_gives_no_release_up_and_a_slow_tail_does(count: int, late: int, is_kept: bool) -> None:
    made = results(7, count)
    for at in range(late):
        made[at * (count // late)] = Noted(made[at * (count // late)].label or "green", 80_000)

    ended, _ = run(made, gates=replace(GATES, results=count), every_ns=2 * S)

    assert ended is not None and ended.is_kept is is_kept
    assert is_kept or (ended.name == LATENCY and f"{late} of " in ended.why)


def test_always_sure_of_one_label_is_a_shift() -> None:
    ended, _ = run([Noted("green", 10_000)] * 400, of(results(1, 2000, green=0.34)))

    assert ended is not None and ended.name == SHIFT and "green 33% -> 100%" in ended.why


def test_workers_that_die_end_it_at_once() -> None:
    trial = Trial(GATES, Health(), began_ns=0)

    assert trial.died("SIGSEGV") is None
    ended = trial.died("SIGSEGV")
    assert ended == Ended(False, DEATHS, "a worker died 2 times: SIGSEGV")
    assert trial.note(Noted("green", 1), 90 * S) == ended  # a verdict is final


def test_without_anything_to_compare_with_only_the_results_themselves_count() -> None:
    kept = run(results(5, 300), Health())[0]
    assert kept is not None and kept.is_kept
    assert run(results(5, 300, unknown=0.3), Health())[0].name == UNKNOWN  # type: ignore[union-attr]


def test_a_restart_keeps_what_it_compares_with() -> None:
    before = of(results(1, 2000))
    again = Health.from_plain(before.to_plain())

    assert (again.results, again.unknown, again.labels, again.p99_us) == (
        2000,
        before.unknown,
        before.labels,
        before.p99_us,
    )
    assert run(results(3, 400, ms=18.0), again)[0] == run(results(3, 400, ms=18.0), before)[0]
