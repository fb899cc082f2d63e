"""Thousands of commands through a bad line, resets and restarts: none runs twice, nothing false is said of one."""

from collections import Counter

import pytest
from sim.small_host import SmallHost

from ripieno_sim import conveyor_rig
from ripieno_sim.board import ResetNow, Step
from ripieno_sim.codec import Act, Cause, Trigger
from ripieno_sim.line import CLEAN, LineFaults
from ripieno_sim.plant import ConveyorSettings, Motion
from ripieno_sim.seeds import stream

BAD = LineFaults(
    flip_per_byte=2e-4, drop_per_byte=2e-4, burst=0.01, duplicate=0.02, noise=0.02, line_break=0.01, split=0.2,
    delay=0.002, longest_delay_us=600_000,
)  # fmt: skip


class SometimesCut:
    """Cuts the power at one step in so many."""

    def __init__(self, seed: int, one_in: int) -> None:
        self._draw = stream(seed, "hooks")
        self._one_in = one_in
        self.cuts = 0

    def at(self, step: Step, cmd_id: int) -> None:
        if self._one_in and self._draw.randrange(self._one_in) == 0:
            self.cuts += 1
            raise ResetNow(Cause.BROWN_OUT, keep_ram=self._draw.random() < 0.7)


def soaked(seed: int, commands: int, faults: LineFaults, one_in: int, restart: float) -> tuple[SmallHost, Counter[int]]:
    """Run commands at 200 a second and let everything come to rest; return the host and what the pins did."""
    draw, hooks = stream(seed, "soak"), SometimesCut(seed, one_in)
    plant = ConveyorSettings(parts=10**6, motion=Motion(jam_every_s=(2, 4)))
    rig = conveyor_rig(seed, plant=plant, faults=faults, hooks=hooks)
    host, now_us, ordered, order_us = SmallHost(stream(seed, "host")), 0, 0, 0
    while ordered < commands or host.open:
        due_us = rig.next_deadline_us()
        assert due_us is not None
        now_us = min(due_us, host.next_deadline_us(), order_us if ordered < commands else due_us)
        arrived = rig.advance(now_us)
        if arrived:
            host.receive(arrived, now_us)
        if ordered < commands and now_us >= order_us:
            order_us = now_us + draw.randint(1_000, 9_000)
            if host.is_up and len(host.queue) < 30:
                ordered += 1
                trigger = draw.choice(tuple(Trigger))
                at = 0
                if trigger is Trigger.TIME:
                    at = rig.board.orders.clock.at(now_us) + draw.randint(-3_000, 60_000)
                elif trigger is Trigger.COUNT:
                    at = rig.board.orders.count(now_us) + draw.randint(-30, 400)
                hold_ms, span = draw.randint(1, 20), draw.choice((0, 50))
                host.order(Act(0, trigger << 6, 1, at & 0xFFFFFFFF, draw.randint(0, 100), hold_ms, span))
            if restart and draw.random() < restart:
                host.restart(now_us)
        elif ordered >= commands:
            rig.line.faults = CLEAN
            hooks._one_in = 0
        written = host.poll(now_us)
        if written:
            rig.send(written, now_us)
        assert now_us < 600_000_000, f"{len(host.open)} commands are not resolved"
    return host, rig.plant.oracle.executions


@pytest.mark.parametrize(
    ("faults", "one_in", "restart"),
    [(CLEAN, 0, 0.0), (BAD, 0, 0.0), (BAD, 150, 0.005)],
    ids=["a good line", "a bad line", "a bad line, resets and restarts"],
)
def test_no_act_runs_twice_and_every_claim_is_true(faults: LineFaults, one_in: int, restart: float) -> None:
    host, executions = soaked(7, 2_000, faults, one_in, restart)

    outcomes = Counter(intent.outcome for intent in host.intents.values())
    assert max(executions.values()) == 1
    for cmd_id, intent in host.intents.items():
        if intent.outcome != "IN_DOUBT":
            assert (intent.outcome == "EXECUTED") == (executions[cmd_id] == 1), (cmd_id, intent)
    assert outcomes["EXECUTED"] > 400
    assert outcomes["IN_DOUBT"] == 0 or one_in
    assert outcomes.total() == 2_000
