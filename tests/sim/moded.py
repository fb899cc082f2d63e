"""The line in virtual time, with people who change its modes while the daemon dies and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

from ripieno.errors import CommandRefused, StorageError
from ripieno.language import compile_device
from ripieno.plan import Plan
from ripieno_daemon.app import App
from ripieno_daemon.compiling.drivers import installed_drivers
from ripieno_daemon.conducting.mode_desk import ModeDesk
from ripieno_sim.plant.gate import Opening
from ripieno_sim.seeds import stream
from ripieno_sim.stage import virtual
from ripieno_sim.stage.loop import VirtualLoop
from ripieno_sim.stage.scene import Settings, device_file

TAKES_S = 0.5  # what is on its way when an output is taken may still begin: released 100 ms ahead, up to 300 ms of belt
DEED_S = 10.0
DEEDS = ("observe", "observe", "act", "act", "bypass gate", "pulse", "off", "flow", "auto gate", "auto flow", "safe")
BY = "uid 0 (root)"


@dataclass(slots=True)
class Span:
    """From when to when the gate must not move, in plant time: a pulse by hand ends one and begins the next."""

    began_us: int
    ended_us: int


@dataclass(slots=True)
class Lived:
    """What is left of a run."""

    openings: list[Opening]
    spans: list[Span]
    done: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    def moved(self) -> list[tuple[int, Span]]:
        """Return the openings that should not have been, with where they fell."""
        found = []
        for span in self.spans:
            found += [(one.began_us, span) for one in self.openings if span.began_us <= one.began_us < span.ended_us]
        return found


class People:
    """Change modes at random while the line runs, and note what must hold from then on."""

    def __init__(self, seed: int, pick: Callable[[], App | None], now_us: Callable[[], int]) -> None:
        self._draw, self._pick, self._now_us = stream(seed, "people"), pick, now_us
        self.open: Span | None = None
        self.spans: list[Span] = []
        self.done: list[str] = []
        self.forgotten: list[str] = []

    async def live(self) -> None:
        """Go on until cancelled."""
        try:
            while True:
                await asyncio.sleep(self._draw.uniform(0.1, 1.2))
                app = self._pick()
                if app is not None and app.modes is not None:
                    self._compare(app.modes)
                    await self._deed(app, app.modes)
        finally:
            self._close()

    def _compare(self, modes: ModeDesk) -> None:
        """A person looks whether the daemon, which may be another process by now, still knows what it was told."""
        holds = self.open is not None and self._now_us() < self.open.ended_us
        if holds and not modes.modes.how("gate"):
            self.forgotten.append(self.done[-1])

    async def _deed(self, app: App, modes: ModeDesk) -> None:
        name = self._draw.choice(DEEDS)
        if name in ("act", "auto gate", "safe", "pulse", "off", "bypass gate"):
            self._close()
        before = self._now_us()
        try:
            async with asyncio.timeout(DEED_S):
                await self._do(name, app, modes)
        except CommandRefused as error:
            self.done.append(f"{before / 1e6:.3f} {name}: no: {error}")
        except (TimeoutError, StorageError) as error:
            self.done.append(f"{before / 1e6:.3f} {name}: {error!r}")
            self._close()
            return  # it died meanwhile, and nobody was told what is in force
        else:
            self.done.append(f"{before / 1e6:.3f} {name}")
        self._begin(app)

    async def _do(self, name: str, app: App, modes: ModeDesk) -> None:
        match name:
            case "observe":
                await modes.observe("", BY, "")
            case "act":
                await modes.act("", BY, "")
            case "bypass gate":
                await modes.bypass("gate", self._draw.uniform(2, 20), BY, "")
            case "pulse":
                await modes.manual("gate", "pulse", self._draw.uniform(2, 20), BY, "")
            case "off":
                await modes.manual("gate", "off", self._draw.uniform(2, 20), BY, "")
            case "flow":
                await modes.manual("flow", str(self._draw.choice([95, 100, 105])), 5.0, BY, "")
            case "auto gate" | "auto flow":
                await modes.auto(name.split()[1], BY, "")
            case "safe":
                await app.make_safe(BY, "")
                await asyncio.sleep(0.5)
                await app.rearm(BY)

    def _begin(self, app: App) -> None:
        """Note what holds now, if the daemon that said so still lives."""
        modes = app.modes
        if self.open is not None or modes is None or self._pick() is not app:
            return
        how = modes.modes.how("gate")
        if how:
            ends_us = 1 << 62
            if (override := modes.modes.overrides.get("gate")) is not None:
                ends_us = self._now_us() + override.left_ns(modes._now()) // 1000
            self.open = Span(self._now_us() + int(TAKES_S * 1e6), ends_us)

    def _close(self) -> None:
        if self.open is not None:
            self.open.ended_us = min(self.open.ended_us, self._now_us())
            self.spans.append(self.open)
            self.open = None


def live(folder: Path, seed: int, *, kills: int, parts: int = 120, mode: str = "", people: bool = True) -> Lived:
    """Run the line with people at it."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = Settings(parts=parts, seed=seed, kills=kills)
    transport = "{transport: socket, address: virtual, fleet: demo}"
    path = device_file(folder, settings, port=virtual.PORT, camera=virtual.CAMERA, broker=transport)
    path.write_text(path.read_text() + mode)
    plan = compile_device(str(path), lambda name: Path(name).read_bytes(), installed_drivers())
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(_live(plan, settings, people))


async def _live(plan: Plan, settings: Settings, people: bool) -> Lived:
    stage = virtual._Stage(plan, settings, lambda _: None, lambda _: None, None)
    alive: list[App] = []

    class Watched(App):
        async def run(self, stop: asyncio.Event) -> None:
            alive[:] = [self]
            try:
                await super().run(stop)
            finally:
                alive.clear()

    began: dict[str, Any] = {}
    crowd = People(settings.seed, lambda: alive[0] if alive else None, lambda: stage._clock.now_us())
    with mock.patch.object(virtual, "App", Watched):
        running = asyncio.create_task(stage.run())
        busy = asyncio.create_task(crowd.live()) if people else None
        try:
            began["figures"] = await running
        finally:
            if busy is not None:
                busy.cancel()
                with suppress(asyncio.CancelledError):
                    await busy
    return Lived(list(stage._rig.plant.gate.openings), crowd.spans, crowd.done, crowd.forgotten, began["figures"])
