"""Outputs that are out of the rules' hands, and the pulses that people fire by theirs.

    rules act --OutputTaken(observe, manual, bypass)--> their wishes are told, not done --OutputTaken("")--> rules act

Nothing that was withheld is done later: a part's act and a booking are over when they are wanted, and a setpoint goes
on from where it stands when it is given back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ripieno.values import Act, OutcomeKind, Pulse, Trigger

from . import events
from .effects import Alarm, Fire, Set
from .scene import MANUAL, Scene
from .steering import Steering

if TYPE_CHECKING:
    from .handover import Handover

CAUSE = "hand@"  # of an act that a person wanted; its time follows, so that no two are alike
LATE_S = 1.0  # a person waits for it: one that could not begin by then is not wanted any more


class Hands:
    """Who has each output that rules do not have, and the acts of people that are open."""

    def __init__(self, scene: Scene, steering: Steering) -> None:
        self._scene, self._steering = scene, steering
        self._open: set[tuple[str, str, int]] = set()
        self._last: tuple[int, int] = (0, -1)  # time and index of the last act by hand

    def taken(self, event: events.OutputTaken) -> None:
        """Take an output from its rules, or give it back. One that is a person's or the rules' own takes its value."""
        scene = self._scene
        if event.how:
            scene.taken[event.output] = event.how
        else:
            scene.taken.pop(event.output, None)
        self._steering.forget_trials(event.output)
        if event.output not in scene.setpoints:
            return
        if event.value is not None:
            scene.setpoints[event.output] = event.value
        if event.how in ("", MANUAL):
            scene.effects.append(Set(scene.setpoint(event.output)))

    def pulse(self, event: events.PulseByHand) -> None:
        """Want one pulse now. Its identity is its time: the engine's never goes back."""
        scene, output = self._scene, self._scene.outputs[event.output]
        index = self._last[1] + 1 if event.t == self._last[0] else 0
        self._last = (event.t, index)
        act = Act(f"{CAUSE}{event.t}", output.name, index)
        self._open.add((act.cause, act.output, act.index))
        scene.counters["acts_by_hand"] += 1
        pulse = Pulse(act, output.name, 1.0, Trigger.NOW, 0.0, LATE_S, output.hold_ns / 1e9)
        scene.effects.append(Fire(pulse, event.by.encode()))

    def settled(self, event: events.ActSettled) -> bool:
        """Take an outcome; False where the act is nobody's here."""
        key = (event.cause, event.output, event.index)
        if key not in self._open:
            return False
        self._open.discard(key)
        self._scene.counters[f"acts_by_hand_{event.kind}"] += 1
        if event.kind == OutcomeKind.IN_DOUBT:
            self._scene.effects.append(Alarm("act-in-doubt", f"{event.cause}: {event.output}: {event.why}"))
        return True

    def recover(self, in_flight: tuple[tuple[str, str, int, bytes], ...]) -> None:
        """After a start: what was sent keeps waiting for its outcome, what never was is over."""
        sent = {(cause, output, index) for cause, output, index, _ in in_flight if cause.startswith(CAUSE)}
        for _ in self._open - sent:
            self._scene.counters[f"acts_by_hand_{OutcomeKind.NOT_EXECUTED}"] += 1
        self._open = sent

    def take_over(self, before: Hands, by: Handover) -> None:
        """An output that is taken stays so under another plan that has it; acts by hand wait for their outcomes."""
        was = before._scene.taken.items()
        taken = {name: how for name, how in was if name in by.outputs and name not in by.severed}
        self._scene.taken, self._open, self._last = taken, set(before._open), before._last

    def state(self) -> list[Any]:
        """Return what a snapshot keeps."""
        return [dict(sorted(self._scene.taken.items())), sorted(map(list, self._open)), list(self._last)]

    def restore(self, state: list[Any]) -> None:
        """Take back what `state` returned; outputs that the plan does not have are left out."""
        taken, acts, (t, index) = state
        self._scene.taken = {name: how for name, how in taken.items() if name in self._scene.outputs}
        self._open, self._last = {(cause, output, number) for cause, output, number in acts}, (t, index)
