"""The ports of one process of the daemon: the world's, and dead from the instant at which the process is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from ripieno.contracts.driver import Context, Device
from ripieno.contracts.ports import Broker, Inference
from ripieno.errors import BrokerError
from ripieno.plan import PipelinePlan, Plan
from ripieno_daemon.app import Ports
from ripieno_daemon.bundles.opened import PlanModels

from ..mortal import FRAME, Fate, mortal
from ..ports import PictureStore, SeededEntropy
from .bundle import drivers
from .model import StandIn
from .station import DRIVER as STATION
from .station import Shot, StationCamera
from .world import World

Say = Callable[[str], None]


def ports_of(world: World, number: int, fate: Fate) -> Ports:
    """Return what process `number` uses."""
    seed = world.terms.seed

    def camera(settings: Any, context: Context) -> Device:
        return StationCamera(context, lambda take: _listen(world, fate, take), lambda ref: _free(world, fate, ref))

    def inference(plan: Plan, pipeline: PipelinePlan, models: PlanModels, say: Say) -> Inference:
        return StandIn(
            seed,
            {step.name: step.deadline_ns / 1e9 for step in pipeline.steps},
            world.clock,
            world.station.shown.get,
            world.terms.chances,
            f"calls {number}",
            lambda: world.is_model_out,
        )

    def broker(plan: Plan, boot: int) -> Broker:
        entropy = SeededEntropy(seed, f"broker {number}")
        return _MortalBroker(world.broker.client(plan.device, world.clock, entropy, faults=world.mail), fate)

    ports = Ports(
        clock=world.clock,
        entropy=SeededEntropy(seed, f"daemon {number}"),
        lines=world.wires,
        folder=PictureStore(),
        storage=world.disk.storage(number),
        drivers={**drivers(), STATION.name: replace(STATION, open=camera)},
        inference=inference,
        broker=broker,
    )
    return mortal(ports, fate)


def _listen(world: World, fate: Fate, take: Callable[[Shot], None] | None) -> None:
    """Let a process hear the station's pictures, as long as it lives."""

    def hear(shot: Shot) -> None:
        lived = fate.reaches(FRAME)
        if take is not None and (lived is None or (lived and not fate.is_dead)):
            take(shot)
        if lived is not None:
            fate.strike()

    if not fate.is_dead:
        world.station.hear = None if take is None else hear


def _free(world: World, fate: Fate, ref: str) -> None:
    if not fate.is_dead:
        world.station.free(ref)


class _MortalBroker:
    """A connection that says and hears nothing once its process is dead."""

    def __init__(self, inner: Broker, fate: Fate) -> None:
        self._inner, self._fate = inner, fate

    async def run(
        self,
        subscriptions: Sequence[str],
        on_message: Callable[[str, bytes, Callable[[], None]], None],
        on_up: Callable[[], None],
        on_down: Callable[[str], None],
    ) -> None:
        def hear(topic: str, payload: bytes, ack: Callable[[], None]) -> None:
            if not self._fate.is_dead:
                on_message(topic, payload, ack)

        await self._inner.run(subscriptions, hear, on_up, on_down)

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        if self._fate.is_dead:
            raise BrokerError("this process is dead")
        await self._inner.publish(topic, payload, retain=retain)
