"""The demo in wall-clock time: the daemon is a process of its own, on a real pseudo-terminal, folder, disk and broker.

This process plays the plant, the board, the camera, the site's broker and the consumer. When the daemon dies it is
started again
at once, as systemd would.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvloop

from ripieno.errors import RipienoError
from ripieno.language import compile_device
from ripieno.plan import Plan, digest
from ripieno_daemon.compiling.drivers import installed_drivers
from ripieno_daemon.fleet import Consumer
from ripieno_daemon.ports import DiskStorage, SystemClock, SystemEntropy
from ripieno_sim.plant.parts import Part

from .afterwards import read
from .boards import Line, line
from .brokers import broker
from .mortal import Point
from .pictures import FromFolder, Picture, Rendered
from .report import report
from .scene import Settings, device_file, picture_name

START_S = 20.0
STOP_S = 10.0
SETTLE_S = 1.0
MAX_OWN_DEATHS = 3
Says = Callable[[str], None]


class DaemonFailed(RipienoError):
    """The daemon did not come up, or kept dying on its own."""


def run_wall(settings: Settings, folder: Path, say: Says, progress: Says, announce: Says) -> dict[str, Any]:
    """Run the demo and return its figures; the state stays in `folder`.

    Args:
        say: what the daemon says. progress: how far it is. announce: what a person should see in any case.

    Raises:
        ConfigError: the pictures' folder is not usable.
        DaemonFailed: the daemon does not run; its last words are in the message.
        BrokerError: Mosquitto is installed and does not start.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_Wall(settings, folder, say, progress, announce).run())


class _Wall:
    def __init__(self, settings: Settings, folder: Path, say: Says, progress: Says, announce: Says) -> None:
        self._settings, self._folder = settings, folder
        self._say, self._progress, self._announce = say, progress, announce
        self._camera = folder / "camera"
        self._camera.mkdir()
        self._words: deque[str] = deque(maxlen=20)
        self._ready = asyncio.Event()
        self._ready_ms: list[int] = []
        self._starts = 0

    async def run(self) -> dict[str, Any]:
        clock, entropy = SystemClock(), SystemEntropy()
        async with broker(self._folder, clock, entropy) as running:
            path = device_file(
                self._folder,
                self._settings,
                port=str(self._folder / "conveyor"),
                camera=str(self._camera),
                broker=running.section,
            )
            plan = compile_device(str(path), lambda name: Path(name).read_bytes(), installed_drivers())
            self._picture = self._pictures(plan)
            storage = DiskStorage(Path(plan.storage.state))
            rows = storage.database("consumer.sqlite")
            consumer = await Consumer.open(rows, running.consumer, clock, entropy, plan.broker.fleet)
            async with line(self._settings, self._folder / "conveyor", self._shutter) as running_line:
                plant = running_line.plant
                counting = asyncio.create_task(consumer.run(), name="consumer")
                try:
                    await self._lives(path, running_line)
                finally:
                    counting.cancel()
                    await asyncio.gather(counting, return_exceptions=True)
            await rows.close()
            left = await read(storage, clock, entropy)
        figures = report(plant, left.told, left.delivered, left.scrapped, self._settings.seed)
        extra = {"broker": running.name, "plan_digest": digest(plan), "ledger_head": left.head}
        return {**figures, **extra, "board": self._settings.board, "starts": self._starts, "ready_ms": self._ready_ms}

    def _pictures(self, plan: Plan) -> Picture:
        if self._settings.images is None:
            return Rendered(self._settings.seed)
        labels = plan.pipelines[0].models[0].labels
        return FromFolder(self._settings.images, self._settings.seed, labels)

    async def _lives(self, path: Path, running: Line) -> None:
        """Let the daemon live until the last part has left, dying at each point of the seed."""
        points: list[Point | None] = [*self._settings.deaths(), None]
        own_deaths = 0
        done = asyncio.create_task(self._until_done(running), name="belt")
        try:
            while True:
                point = points[0]
                process = await self._spawn(path, point)
                listening = asyncio.create_task(self._listen(process), name="daemon's words")
                ended = asyncio.create_task(process.wait(), name="daemon")
                try:
                    await self._until_ready(ended)
                    if self._ready.is_set() and not running.plant.parts:
                        running.start()  # not for a daemon that died before it knew where to count from
                    await asyncio.wait({ended, done}, return_when=asyncio.FIRST_COMPLETED)
                    if done.done():
                        done.result()
                        await self._stop(process, ended)
                        return
                finally:
                    if process.returncode is None:
                        process.kill()
                    await asyncio.gather(listening, ended, return_exceptions=True)
                if point is not None and process.returncode == -9:
                    self._announce(f"killed at {point}; started again")
                    points.pop(0)
                else:
                    own_deaths += 1
                    self._announce(f"the daemon ended by itself (status {process.returncode}); started again")
                    if own_deaths >= MAX_OWN_DEATHS:
                        raise DaemonFailed("the daemon keeps ending:\n" + "\n".join(self._words))
        finally:
            done.cancel()

    async def _spawn(self, path: Path, point: Point | None) -> asyncio.subprocess.Process:
        self._starts += 1
        self._ready.clear()
        if point is None:
            command = ["-m", "ripieno_daemon", "run", "--device", str(path), "--json"]
        else:
            command = ["-m", "ripieno_sim.stage.killable", str(path), str(point)]
        return await asyncio.create_subprocess_exec(sys.executable, *command, stderr=asyncio.subprocess.PIPE)

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        async for raw in process.stderr:
            line = raw.decode(errors="replace").rstrip()
            try:
                heard = json.loads(line)
                text = str(heard["text"])
            except (ValueError, KeyError, TypeError):
                heard, text = {}, line
            if heard.get("event") == "ready":
                self._ready_ms.append(int(heard["ms"]))
                self._ready.set()
            self._words.append(text)
            self._say(text)

    async def _until_ready(self, ended: asyncio.Task[int]) -> None:
        ready = asyncio.create_task(self._ready.wait(), name="ready")
        try:
            await asyncio.wait({ready, ended}, timeout=START_S, return_when=asyncio.FIRST_COMPLETED)
            if not ready.done() and not ended.done():
                raise DaemonFailed(f"the daemon was not ready within {START_S:g} s:\n" + "\n".join(self._words))
        finally:
            ready.cancel()

    async def _until_done(self, running: Line) -> None:
        finished, parts = asyncio.ensure_future(running.finished()), running.plant.parts
        try:
            while not finished.done():
                await asyncio.wait({finished}, timeout=0.2)
                bad = sum(part.state != "normal" for part in parts)
                self._progress(
                    f"{len(parts)} of {self._settings.parts} parts on the belt so far, {bad} of them defective"
                )
            finished.result()
        finally:
            finished.cancel()
        await asyncio.sleep(SETTLE_S)

    async def _stop(self, process: asyncio.subprocess.Process, ended: asyncio.Task[int]) -> None:
        if process.returncode is None:
            process.terminate()
        try:
            async with asyncio.timeout(STOP_S):
                code = await asyncio.shield(ended)
        except TimeoutError:
            raise DaemonFailed(f"the daemon did not stop within {STOP_S:g} s:\n" + "\n".join(self._words)) from None
        if code:
            raise DaemonFailed(f"the daemon stopped with status {code}:\n" + "\n".join(self._words))

    def _shutter(self, part: Part, count: int, t_us: int) -> None:
        """The camera writes its file as an FTP upload does: under a dotted name first, then moved."""
        picture, ending = self._picture(part)
        name = picture_name(part.index, count, ending)
        hidden = self._camera / f".{name}"
        try:
            hidden.write_bytes(picture)
            hidden.replace(self._camera / name)
        except OSError as error:  # a camera cannot help it: the part stays without a picture
            self._say(f"camera: picture {part.index} is lost: {error.strerror}")
