"""The demo in virtual time: the whole daemon, the board, the line and the plant on one loop whose clock jumps.

Real are the engine, the model, SQLite and the link's bytes; simulated are time, the disk's delay and the wires. The
same
seed gives the same ledger, byte for byte.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ripieno.contracts.ports import Broker, Inference
from ripieno.language import compile_device
from ripieno.plan import PipelinePlan, Plan, digest
from ripieno_daemon.app import App, Ports
from ripieno_daemon.bundles import PlanModels
from ripieno_daemon.compiling.drivers import installed_drivers
from ripieno_daemon.doors import OpenDoors
from ripieno_daemon.fleet import Consumer, MessageBroker
from ripieno_daemon.fleet.plain_topics import PlainTopics
from ripieno_daemon.ports import InlineFiles, InlineStorage
from ripieno_daemon.workers.inline import InlineInference
from ripieno_daemon.workers.wanted import runtime_of, steps_of
from ripieno_sim.plant.conveyor import ConveyorSettings
from ripieno_sim.plant.parts import Part
from ripieno_sim.rig import Rig, conveyor_rig
from ripieno_sim.seeds import stream

from .afterwards import read
from .loop import VirtualLoop
from .mortal import Fate, Point, mortal
from .pictures import FromFolder, Picture, Rendered
from .ports import PictureStore, RigLines, SeededEntropy, VirtualClock
from .report import report
from .scene import BAUD, BOARD, Settings, device_file, picture_name
from .studio import Studio

PORT, CAMERA = "virtual", "/station"
SETTLE_S = 1.0  # after the last part: outcomes, exits and receipts on their way
LIMIT_S = 3600.0
Says = Callable[[str], None]


def run_virtual(
    settings: Settings, folder: Path, say: Says, progress: Says = lambda _: None, studio: Studio | None = None
) -> dict[str, Any]:
    """Run the demo and return its figures; the state stays in `folder`.

    Args:
        studio: draws the pictures and runs the model beside this process; the figures are the same without one.

    Raises:
        ConfigError: the pictures' folder is not usable.
        RipienoError: the model cannot be used, or the studio died.
    """
    transport = "{transport: socket, address: virtual, fleet: demo}"
    path = device_file(folder, settings, port=PORT, camera=CAMERA, broker=transport)
    plan = compile_device(str(path), lambda name: Path(name).read_bytes(), installed_drivers())
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        try:
            return runner.run(_Stage(plan, settings, say, progress, studio).run())
        except ExceptionGroup as group:
            raise _only(group) from group


def _only(error: Exception) -> Exception:
    """Return the one error that task groups have wrapped, or their group where there are several."""
    while isinstance(error, ExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


class _Stage:
    """One run: the world lives through, the daemon may die and be born again."""

    def __init__(self, plan: Plan, settings: Settings, say: Says, progress: Says, studio: Studio | None) -> None:
        self._plan, self._settings, self._say, self._progress = plan, settings, say, progress
        self._studio = studio
        self._state = Path(plan.storage.state)

    async def run(self) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        settings, seed = self._settings, self._settings.seed
        self._clock = clock = VirtualClock(loop)
        self._pictures = PictureStore()
        plant = ConveyorSettings(parts=settings.parts, camera_mm=settings.camera_mm, starts_us=None)
        board_class = None
        if settings.board != "python":
            from .boards import in_virtual_time

            board_class = in_virtual_time(settings.board)
        self._rig = rig = conveyor_rig(
            seed, baud=BAUD, board=BOARD, plant=plant, shutter=self._shutter, board_class=board_class
        )
        self._picture = self._camera(rig)
        self._lines = RigLines(rig, clock, PORT)
        self._broker = MessageBroker()
        disk = stream(seed, "disk")
        storage = InlineStorage(self._state, clock, lambda _: 0.0003 + 0.002 * disk.random())
        consumer_disk = InlineStorage(self._state, clock, lambda _: 0.001)
        client = self._broker.client("consumer", clock, SeededEntropy(seed, "consumer broker"), faults=settings.faults)
        rows = consumer_disk.database("consumer.sqlite")
        consumer = await Consumer.open(rows, client, clock, SeededEntropy(seed, "consumer"), self._plan.broker.fleet)
        async with asyncio.TaskGroup() as world:
            counting = world.create_task(consumer.run(), name="consumer")
            await self._lives(storage)
            counting.cancel()
        self._lines.close()
        await rows.close()
        return await self._figures(rig, storage)

    def _camera(self, rig: Rig) -> Picture:
        settings = self._settings
        if settings.images:
            return FromFolder(settings.images, settings.seed, self._plan.pipelines[0].models[0].labels)
        return self._studio.pictures(settings.seed, rig.plant.parts) if self._studio else Rendered(settings.seed)

    async def _lives(self, storage: InlineStorage) -> None:
        """Let the daemon live until the last part has left, dying at each point of the seed."""
        points: list[Point | None] = [*self._settings.deaths(), None]
        pause = stream(self._settings.seed, "restarts")
        for number, point in enumerate(points):
            if await self._life(storage, point, number):
                return
            self._say(f"killed at {point}")
            await self._clock.sleep(0.05 + 0.5 * pause.random())

    async def _life(self, storage: InlineStorage, point: Point | None, number: int) -> bool:
        """One process of the daemon; whether it lived to the end of the run."""
        stop, killed = asyncio.Event(), asyncio.Event()
        fate = Fate(point, killed.set)
        app = App(self._plan, mortal(self._ports(storage, number), fate), self._say, self._start_belt)
        life = asyncio.create_task(app.run(stop), name=f"daemon {number}")
        watch = asyncio.create_task(self._until_done(), name="watch")
        death = asyncio.create_task(killed.wait(), name="death")
        await asyncio.wait({life, watch, death}, return_when=asyncio.FIRST_COMPLETED)
        lived = not fate.is_dead
        if lived and not life.done():
            stop.set()
            await asyncio.wait({life})
        watch.cancel()
        death.cancel()
        if lived:
            await life
        else:
            life.cancel()
            await asyncio.wait({life})
        return lived

    async def _until_done(self) -> None:
        while not self._rig.finished:
            await self._clock.sleep(0.25)
            self._progress(f"{len(self._rig.plant.parts)} of {self._settings.parts} parts")
            if self._clock.now_us() > LIMIT_S * 1e6:
                raise TimeoutError("the belt has not emptied within an hour of its own time")
        await self._clock.sleep(SETTLE_S)

    def _ports(self, storage: InlineStorage, number: int) -> Ports:
        seed = self._settings.seed
        return Ports(
            clock=self._clock,
            entropy=SeededEntropy(seed, f"daemon {number}"),
            lines=self._lines,
            folder=self._pictures,
            storage=storage,
            drivers=installed_drivers(),
            inference=self._inference,
            broker=lambda plan, boot: self._client(plan.device, number),
            files=InlineFiles(self._state, self._clock, lambda _: 0.002),
            brokers=lambda address: PlainTopics(self._client(f"{self._plan.device}-{address.client}", number)),
            doors=OpenDoors(),
        )

    def _client(self, client_id: str, number: int) -> Broker:
        return self._broker.client(client_id, self._clock, SeededEntropy(self._settings.seed, f"broker {number}"))

    def _inference(self, plan: Plan, pipeline: PipelinePlan, models: PlanModels, say: Says) -> Inference:
        draw = stream(self._settings.seed, "inference")
        return InlineInference(
            models.models,
            steps_of(pipeline),
            runtime_of(plan),
            self._clock,
            self._read,
            lambda _: 0.001 + 0.002 * draw.random(),
            self._studio.serve if self._studio else None,
        )

    def _read(self, ref: str) -> bytes:
        return self._pictures.read(ref) if ref.startswith(CAMERA) else Path(ref).read_bytes()

    def _start_belt(self) -> None:
        if not self._rig.plant.parts:
            self._rig.plant.start(self._clock.now_us())
            self._lines.moved()

    def _shutter(self, part: Part, count: int, t_us: int) -> None:
        picture, ending = self._picture(part)
        self._pictures.arrive(CAMERA, picture_name(part.index, count, ending), picture)

    async def _figures(self, rig: Rig, storage: InlineStorage) -> dict[str, Any]:
        left = await read(storage, self._clock, SeededEntropy(0, "reader"))
        figures = report(rig.plant, left.told, left.delivered, left.scrapped, self._settings.seed)
        extra = {"broker": "message-level, simulated", "plan_digest": digest(self._plan), "ledger_head": left.head}
        return {**figures, **extra, "virtual_s": round(self._clock.now_us() / 1e6, 3), "starts": left.told.starts}
