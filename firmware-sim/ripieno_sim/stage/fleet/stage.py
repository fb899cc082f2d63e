"""What a fleet's demo and tests run: Mosquitto as `fleet init` configures it with TLS on both sides, the consumer and
the daemon as processes, the line behind a pseudo-terminal, the operator here.
"""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ripieno.errors import BrokerError, RipienoError
from ripieno_daemon.bundles.packed_file import PackedBundle
from ripieno_daemon.console import Console, End, Pushing, Serving
from ripieno_daemon.console.console import GETS, Hear
from ripieno_daemon.fleet.broker_mqtt import MqttBroker, MqttSettings, TlsFiles
from ripieno_daemon.fleet.envelope import Envelope
from ripieno_daemon.ports import SystemClock, SystemEntropy
from ripieno_daemon.ports.local_socket import LocalClient
from ripieno_daemon.trust.founding import FleetFolder, found
from ripieno_sim.line.ptys import PtyPort
from ripieno_sim.plant.conveyor import ConveyorSettings
from ripieno_sim.plant.parts import Part
from ripieno_sim.plant.picture import render
from ripieno_sim.rig import Rig, conveyor_rig

from ..pictures import Rendered
from ..scene import BAUD, BOARD, Settings, device_file, picture_name
from . import mosquitto

FLEET, DEVICE = "plant", "line-1"  # the device file of the scene names it so
WAITS_S = 30.0
LOOK_S = 0.002
WORDS, HEARD = 200, 2000


class DemoFailed(RipienoError):
    """Something did not come about in time, or an order was refused; the message says what, and the last words."""


class Hatch:
    """Where the operator hands out releases: one at a time, or none."""

    def __init__(self) -> None:
        self._serving: Serving | None = None

    def hear(self, device: str, what: str, envelope: Envelope) -> None:
        """Take what the console hears."""
        if self._serving is not None:
            self._serving.hear(device, what, envelope)

    @asynccontextmanager
    async def open(self, console: Console, bundle: PackedBundle) -> AsyncIterator[None]:
        """Hand out a release as long as the block lasts."""
        serving = self._serving = Serving([bundle], [DEVICE])
        running = asyncio.create_task(serving.run(console), name="releases")
        try:
            yield
        finally:
            self._serving = None
            await _cancel(running)


@dataclass
class Stage:
    """What runs. `daemon`: the process, once it was started; `heard`: what it told, as JSON (`ripieno run --json`)."""

    fleet: FleetFolder
    console: Console
    rig: Rig
    port: PtyPort
    device_file: Path
    state: Path
    words: deque[str]
    ready: asyncio.Event
    stack: AsyncExitStack
    hatch: Hatch
    broker: Process
    daemon: Process = field(init=False)
    heard: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=HEARD))

    async def start(self, told: bool = True) -> None:
        """Start the daemon, again too; return when its first act is possible and, if `told`, it has told its state."""
        self.ready.clear()
        before = self.console.seen[DEVICE].state.get("boot") if DEVICE in self.console.seen else None
        self.daemon = await _python("run", "--device", str(self.device_file), "--json", stderr=PIPE)
        self.stack.push_async_callback(_end, self.daemon)
        listening = asyncio.create_task(_listen(self), name="daemon's words")
        self.stack.push_async_callback(_cancel, listening)
        await self.until(self.ready.is_set, "a daemon that is ready")
        if told:
            await self.until(lambda: self._is_told(before), "its state")

    def start_belt(self) -> None:
        """Let the parts come."""
        self.rig.plant.start(self.port.now_us())
        self.port.wake()

    async def end_belt(self) -> None:
        """Let no more parts come, and return when the last has left."""
        self.rig.plant.let_run_out()
        self.port.wake()
        await self.until(lambda: self.rig.finished, "the end of the belt")

    @property
    def told_stopped(self) -> bool:
        """Whether the device's state says that a stop from afar holds."""
        return bool(self.console.seen[DEVICE].state["orders"]["stopped"])

    async def rearm(self) -> None:
        """A person at the device lets outputs move again."""
        answer = await asyncio.to_thread(_ask_here, self.state / "control.sock")
        if not answer["ok"]:
            raise DemoFailed(f"rearm: {answer}")

    async def kill(self) -> None:
        """SIGKILL the daemon."""
        await _end(self.daemon)

    def _is_told(self, before: object) -> bool:
        seen = self.console.seen.get(DEVICE)
        return seen is not None and "orders" in seen.state and seen.state["orders"]["boot"] != before

    async def until(self, holds: Callable[[], bool], what: str, seconds: float = WAITS_S) -> None:
        """Wait until something is so."""
        try:
            async with asyncio.timeout(seconds):
                while not holds():  # noqa: ASYNC110 - a plant is watched
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            raise self.failed(what, seconds) from None

    def failed(self, what: str, seconds: float) -> DemoFailed:
        """Return what to raise where something did not come about in time."""
        last = "\n".join(list(self.words)[-20:])
        return DemoFailed(f"{what}: not within {seconds:g} s; the daemon's last words:\n{last}")

    async def order(self, kind: str, **args: Any) -> dict[str, Any]:
        """Give a signed order and return its answer."""
        answer = dict(await self.console.ask(DEVICE, kind, args))
        if answer["state"] != "DONE":
            raise DemoFailed(f"{kind}: {answer['state']}: {answer.get('text', '')}")
        return answer

    async def push(self, bundle: PackedBundle) -> End:
        """Bring a release to the device, as `ripieno fleet push` does; return how it ended."""
        pushing = Pushing(self.console, SystemClock(), DEVICE, bundle)
        async with self.hatch.open(self.console, bundle):
            await self.apply(pushing)
            return await pushing.watch(lambda _text: None)

    async def apply(self, pushing: Pushing) -> None:
        """Plan it and apply the plan, as a person does who agrees."""
        await pushing.apply(str((await pushing.plan())["plan"]))

    @property
    def openings(self) -> int:
        """How often the gate has opened."""
        return len(self.rig.plant.gate.openings)


@asynccontextmanager
async def stage_of(
    folder: Path,
    parts: int,
    seed: int,
    progress: Callable[[str], None],
    deliver: Callable[[FleetFolder], Awaitable[PackedBundle]] | None = None,
    trial: str = "",
    runtime: str = "auto",
) -> AsyncIterator[Stage]:
    """Run broker, consumer, line and daemon as long as the block lasts; the belt stands still.

    Args:
        deliver: makes the release that the device is delivered with; its bundle can be updated then. None: the device
            file names the bundle that ships.
        trial, runtime: the device file's sections of these names; "" for a trial on the usual terms.

    Raises:
        BrokerError: Mosquitto is not installed, or does not start.
        DemoFailed: the daemon does not start.
    """
    broker_port = mosquitto.free_port()
    progress("authority, keys, policy")
    fleet = found(folder / FLEET, FLEET, ["127.0.0.1"], "127.0.0.1", broker_port, SystemClock())
    fleet.enrol(DEVICE)
    camera, picture = folder / "camera", Rendered(seed)
    camera.mkdir()
    render(1.0, 0)  # the first picture takes as long as a board waits for its host

    def shutter(part: Part, counts: int, t_us: int) -> None:
        drawn, ending = picture(part)
        name = picture_name(part.index, counts, ending)
        (camera / f".{name}").write_bytes(drawn)
        (camera / f".{name}").replace(camera / name)

    plant = ConveyorSettings(parts=parts, starts_us=None)
    rig = conveyor_rig(seed, baud=BAUD, board=BOARD, plant=plant, shutter=shutter)
    bundle = None if deliver is None else await _deliver(folder, fleet, await deliver(fleet), runtime)
    path = _device_file(
        folder, fleet, Settings(parts=parts, seed=seed, bundle=bundle, runtime=runtime), str(camera), trial
    )
    async with AsyncExitStack() as stack:
        progress("broker, consumer and daemon start")
        broker = await mosquitto.start(fleet.root / "broker/mosquitto.conf", broker_port)
        stack.push_async_callback(_end, broker)
        consumer = await _python("consume", "--fleet", str(fleet.root), "--into", str(folder / "results.sqlite"))
        stack.push_async_callback(_end, consumer)
        port = await stack.enter_async_context(PtyPort(rig, folder / "conveyor"))
        hatch = Hatch()
        console = _console(fleet, hatch.hear)
        stack.push_async_callback(_cancel, asyncio.create_task(console.run(GETS), name="console"))
        stage = Stage(
            fleet,
            console,
            rig,
            port,
            path,
            folder / "state",
            deque(maxlen=WORDS),
            asyncio.Event(),
            stack,
            hatch,
            broker,
        )
        await stage.start()
        yield stage


def _device_file(folder: Path, fleet: FleetFolder, settings: Settings, camera: str, trial: str) -> Path:
    section = fleet.broker_section(str(fleet.root / "devices" / DEVICE)).removeprefix("broker: ")
    path = device_file(folder, settings, port=str(folder / "conveyor"), camera=camera, broker=section, state="state")
    if trial:
        with path.open("a", encoding="utf-8") as file:
            file.write(f"trial: {trial}\n")
    return path


async def _deliver(folder: Path, fleet: FleetFolder, factory: PackedBundle, runtime: str) -> Path:
    """Install the factory's release as a person does, and return the folder that the device file names."""
    words = ["bundle", "install", str(factory.path), "--factory", "--state", str(folder / "state")]
    words += [] if runtime == "auto" else ["--runtime", runtime]
    installing = await _python(*words, "--enrolled", str(fleet.root / "devices" / DEVICE), stderr=PIPE)
    _, said = await installing.communicate()
    if installing.returncode:
        raise DemoFailed(f"the factory's release is not installed: {said.decode(errors='replace').strip()}")
    return folder / "state/bundles" / factory.release.name / "current"


def _console(fleet: FleetFolder, hear: Hear) -> Console:
    clock, entropy, name = SystemClock(), SystemEntropy(), "console-1"
    tls = TlsFiles(*map(str, fleet.client(name)))
    settings = MqttSettings(host="127.0.0.1", port=fleet.port, client_id=name, tls=tls, session_expiry_s=0)
    return Console(MqttBroker(settings, clock, entropy), FLEET, name, clock, entropy, [fleet.signer("operator")], hear)


def _ask_here(socket: Path) -> dict[str, Any]:
    client = LocalClient(socket)
    try:
        return client.ask("rearm")
    finally:
        client.close()


async def _listen(stage: Stage) -> None:
    assert stage.daemon.stderr is not None
    async for raw in stage.daemon.stderr:
        line = raw.decode(errors="replace").rstrip()
        try:
            heard = json.loads(line)
        except ValueError:
            heard = {"event": "noise", "text": line}
        stage.words.append(str(heard["text"]))
        stage.heard.append(heard)
        if heard["event"] == "ready":
            stage.ready.set()


async def _python(*words: str, stderr: int = DEVNULL) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ripieno_daemon", *words, stdin=DEVNULL, stdout=DEVNULL, stderr=stderr
    )


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    try:
        await task
    except (asyncio.CancelledError, BrokerError):
        pass  # the broker ends before its console where something failed
