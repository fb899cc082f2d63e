"""A line at rest, the whole daemon: a picture and a reading that do not change raise no alarm until something moves.

Decision 0011 says it of pictures; a sensor with `stuck_after` is held to the same.
"""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgpack
import pytest

from ripieno.contracts.driver import Context, Driver
from ripieno.engine import unpack_event
from ripieno.language import compile_device
from ripieno.values import DeviceUp, Frame, Reading
from ripieno_daemon.app import Ports
from ripieno_daemon.compiling.drivers import installed_drivers
from ripieno_daemon.inquiry import opened
from ripieno_sim.stage import virtual
from ripieno_sim.stage.loop import VirtualLoop
from ripieno_sim.stage.scene import Settings, bundle_path, device_file

REST_S, MOVE_S = 600.0, 15.0
BEAT_S = 0.1
STILL = ("picture-frozen", "reading-stuck")


@dataclass(frozen=True, kw_only=True)
class Nothing:
    """Nothing to say."""


class Still:
    """A camera that shows the same picture and a sensor that reads the same, for ever."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def run(self) -> None:
        context, clock = self._context, self._context.clock
        began_ns, number = clock.monotonic_ns(), 0
        context.report(DeviceUp(context.device, 1, began_ns))
        while True:
            await clock.sleep(BEAT_S)
            number, now_ns = number + 1, clock.monotonic_ns()
            for point in context.points:
                if point.kind == "frame":
                    still_ns = now_ns - began_ns
                    frame = Frame(point.name, "/nowhere", number, None, now_ns, now_ns, still_ns=still_ns)
                    context.report(frame)
                else:
                    context.report(Reading(point.name, {"pressure": 120.5}, now_ns, now_ns))


STILLS = Driver(
    name="still",
    summary="the same for ever",
    settings=Nothing,
    point=Nothing,
    inputs=frozenset({"frame", "reading"}),
    outputs=frozenset(),
    pulse_contract="none",
    falls_safe=True,
    open=lambda settings, context: Still(context),
)


def bundle(folder: Path) -> Path:
    """Return the shipped bundle with a sensor whose number must not stay the same for 5 s."""
    shutil.copytree(bundle_path(), folder)
    file = folder / "pipeline.yaml"
    text = file.read_text()
    pressure = "{unit: bar, range: [0, 400], stuck_after: 5s}"
    melt = f"  melt: {{kind: reading, max_age: 1s, fields: {{pressure: {pressure}}}}}\n"
    hot = "  hot: {when: 'melt.pressure > 300 bar', cooldown: 1s, do: flow.change(-5)}\n"
    file.write_text(text.replace("inputs:\n", f"inputs:\n{melt}", 1).replace("rules:\n", f"rules:\n{hot}", 1))
    subprocess.run([sys.executable, "-m", "ripieno_daemon", "bundle", "seal", str(folder)], check=True)
    return folder


class Resting(virtual._Stage):
    """The line rests, and then its belt moves with parts on it."""

    drivers: dict[str, Driver]
    rested_ns = 0

    def _start_belt(self) -> None:
        pass

    def _ports(self, storage: Any, number: int) -> Ports:
        return replace(super()._ports(storage, number), drivers=self.drivers)

    async def _until_done(self) -> None:
        await self._clock.sleep(REST_S)
        self.rested_ns = self._clock.wall_ns()
        super()._start_belt()
        await self._clock.sleep(MOVE_S)


@pytest.fixture(scope="module")
def alarms(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], list[str]]:
    """The codes of the alarms while it rested, and afterwards."""
    folder = tmp_path_factory.mktemp("rest")
    settings = Settings(parts=300, seed=7, bundle=bundle(folder / "bundle"))
    path = device_file(folder, settings, port=virtual.PORT, camera="/x", broker="{transport: none}")
    text = path.read_text()
    station = text[text.index("  station:") : text.index("  warehouse:")]
    text = text.replace(station, "  station: {driver: still}\n")
    path.write_text(text.replace("inputs:\n", "inputs:\n  melt: {device: station}\n"))
    drivers = {**{name: installed_drivers()[name] for name in ("link", "sqlite-booking")}, "still": STILLS}
    plan = compile_device(str(path), lambda name: Path(name).read_bytes(), drivers)
    stage = Resting(plan, settings, lambda _: None, lambda _: None, None)
    stage.drivers = drivers
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(stage.run())
    with opened(folder) as past:
        rows = list(past.rows())
    seen = {name for row in rows if row.kind == "event" for name in [type(unpack_event(row.payload or b"")).__name__]}
    assert {"ReadingSeen", "FrameSeen", "PositionSeen"} <= seen, "nothing looked at the line"
    told = [(row.wall_ns, msgpack.unpackb(row.payload or b"")["code"]) for row in rows if row.kind == "alarm"]
    at_rest = [code for wall_ns, code in told if wall_ns < stage.rested_ns]
    return at_rest, [code for wall_ns, code in told if wall_ns >= stage.rested_ns]


def test_ten_minutes_at_rest_raises_no_alarm(alarms: tuple[list[str], list[str]]) -> None:
    assert alarms[0] == []


def test_negative_control_the_same_picture_and_number_are_alarms_once_the_belt_moves(
    alarms: tuple[list[str], list[str]],
) -> None:
    assert set(STILL) <= set(alarms[1])
