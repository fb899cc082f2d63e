"""One device of a fleet, from its first order to its last: Mosquitto as `fleet init` configures it with TLS on both
sides, the consumer and the daemon as processes, the line behind a pseudo-terminal, the operator here.

While parts are under way the operator changes a setting, stops the line, and a person at the device lets it go on. Then
every part is looked for: in the plant, in the device's ledger, in the consumer's database.
"""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ripieno.errors import BrokerError, RipienoError
from ripieno_daemon.console import Console
from ripieno_daemon.fleet.broker_mqtt import MqttBroker, MqttSettings, TlsFiles
from ripieno_daemon.inquiry import opened, replay
from ripieno_daemon.ledger import Ledger, verify
from ripieno_daemon.ports import DiskStorage, SystemClock, SystemEntropy
from ripieno_daemon.ports.local_socket import LocalClient
from ripieno_daemon.trust.founding import FleetFolder, found
from ripieno_sim.line.ptys import PtyPort
from ripieno_sim.plant.conveyor import ConveyorSettings
from ripieno_sim.plant.parts import Part
from ripieno_sim.plant.picture import render
from ripieno_sim.rig import Rig, conveyor_rig

from ..pictures import Rendered
from ..report import Told
from ..scene import BAUD, BOARD, Settings, device_file, picture_name
from . import mosquitto
from .chaos import count

FLEET, DEVICE = "plant", "line-1"  # the device file of the scene names it so
SETTING, STRICTER = "quality-control.pass.look.score", 0.7
GATE = 0
WAITS_S = 30.0
LOOK_S = 0.002
BELT_S = 1.0
"""A part that was under way when outputs were held has reached its bin by then; the next ones are watched."""


class DemoFailed(RipienoError):
    """Something did not come about in time, or an order was refused; the message says what, and the last words."""


@dataclass
class Stage:
    """What runs. `daemon`: the process, once it was started."""

    fleet: FleetFolder
    console: Console
    rig: Rig
    port: PtyPort
    device_file: Path
    state: Path
    words: deque[str]
    ready: asyncio.Event
    stack: AsyncExitStack
    daemon: Process = field(init=False)

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
            last = "\n".join(self.words)
            raise DemoFailed(f"{what}: not within {seconds:g} s; the daemon's last words:\n{last}") from None

    async def order(self, kind: str, **args: Any) -> dict[str, Any]:
        """Give a signed order and return its answer."""
        answer = dict(await self.console.ask(DEVICE, kind, args))
        if answer["state"] != "DONE":
            raise DemoFailed(f"{kind}: {answer['state']}: {answer.get('text', '')}")
        return answer

    @property
    def openings(self) -> int:
        """How often the gate has opened."""
        return len(self.rig.plant.gate.openings)


async def demo(folder: Path, parts: int, seed: int, progress: Callable[[str], None]) -> dict[str, Any]:
    """Return the figures; everything stays in `folder`.

    Raises:
        BrokerError: Mosquitto is not installed, or does not start.
        DemoFailed: an order was not done, or a process does not do its part.
    """
    async with stage_of(folder, parts, seed, progress) as stage:
        progress("the belt starts")
        stage.rig.plant.start(stage.port.now_us())
        stage.port.wake()
        plant = stage.rig.plant
        await stage.until(lambda: len(plant.parts) >= parts // 4, "a quarter of the parts")
        progress("a signed change of a setting")
        setting = await change_setting(stage)
        await stage.until(lambda: len(plant.parts) >= parts // 2, "half of the parts")
        progress("a signed stop")
        stop = await _stop(stage)
        progress("a person at the device lets it go on")
        rearmed = await _rearm(stage)
        progress("the last parts")
        await stage.until(lambda: stage.rig.finished, "the end of the belt", WAITS_S + parts)
        status = await _all_receipted(stage)
        stage.daemon.terminate()
        code = await stage.daemon.wait()
        if code:
            raise DemoFailed(f"the daemon ended with status {code}:\n" + "\n".join(stage.words))
        unaccounted = await _unaccounted(stage.state, plant.parts)
    counted = count(stage.state / "ledger.sqlite", folder / "results.sqlite")
    with opened(stage.state) as past:
        again = replay(past)
    return {
        "seed": seed,
        "parts": len(plant.parts),
        "setting": setting,
        **stop,
        **rearmed,
        **status,
        "results": {
            "produced": counted.produced,
            "counted": counted.counted,
            "lost": counted.lost,
            "duplicated": counted.double_counted,
            "strange": counted.strange,
        },
        "parts_unaccounted": unaccounted,
        "replay": {"decisions": again["decisions"], "mismatches": again["mismatches"]},
        "ledger_is_whole": verify(stage.state / "ledger.sqlite").is_whole,
        "broker": await mosquitto.version(),
    }


async def change_setting(stage: Stage) -> dict[str, Any]:
    """Make the threshold of the line's first rule stricter, as a document of the twin, and wait for the report."""
    clock, console = SystemClock(), stage.console
    await stage.until(lambda: bool(console.seen[DEVICE].report), "a report of the settings")
    report = console.seen[DEVICE].report
    before, rev = report["effective"], int(report["rev"]) + 1
    began_ns = clock.monotonic_ns()
    await console.desire(DEVICE, {**before, SETTING: STRICTER}, rev)
    await stage.until(
        lambda: console.seen[DEVICE].report["rev"] == rev and console.seen[DEVICE].report["status"] != "pending",
        "the report of the changed setting",
    )
    told = console.seen[DEVICE].report
    if told["status"] != "applied" or told["effective"][SETTING] != STRICTER:
        raise DemoFailed(f"the setting was not changed: {told['status']}: {dict(told['reasons'])}")
    took_ms = round((clock.monotonic_ns() - began_ns) / 1e6, 1)
    return {"name": SETTING, "from": before[SETTING], "to": STRICTER, "rev": rev, "ms": took_ms}


async def _stop(stage: Stage) -> dict[str, Any]:
    """Stop the line; `stop_ms`: from the order until its answer, before which the outputs were told."""
    clock = SystemClock()
    began_ns = clock.monotonic_ns()
    await stage.order("stop")
    took_ms = (clock.monotonic_ns() - began_ns) / 1e6
    await asyncio.sleep(BELT_S)  # a pulse that had begun ends by its own span
    held, passing = stage.openings, len(stage.rig.plant.parts)
    await stage.until(lambda: len(stage.rig.plant.parts) >= passing + 5, "five more parts while it is stopped")
    return {"stop_ms": round(took_ms, 1), "stopped": stage.told_stopped, "opened_while_stopped": stage.openings - held}


async def _rearm(stage: Stage) -> dict[str, Any]:
    before = stage.openings
    await stage.rearm()
    await stage.until(lambda: stage.openings > before, "a part that is let through after the stop")
    await stage.until(lambda: not stage.told_stopped, "the end of the stop is told")
    return {"cleared_at_the_device": True}


def _ask_here(socket: Path) -> dict[str, Any]:
    client = LocalClient(socket)
    try:
        return client.ask("rearm")
    finally:
        client.close()


async def _all_receipted(stage: Stage) -> dict[str, Any]:
    """Wait until the consumer has what the device has, and return what the device's status says then."""
    for _ in range(int(WAITS_S)):
        await asyncio.sleep(BELT_S)
        result = (await stage.order("status"))["result"]
        if result["outbox"]["backlog"] <= 1:  # the record of the last answer
            break
    else:
        raise DemoFailed("results wait on the device, and no receipt comes:\n" + "\n".join(stage.words))
    return {"decides_by": result["decides_by"], "memory_kb": result["memory_bytes"] // 1024}


async def _unaccounted(state: Path, parts: list[Part]) -> int:
    """Return how many parts have no end in the plant, or no decision in the ledger."""
    told = Told()
    ledger = await Ledger.open(DiskStorage(state).database("ledger.sqlite"), SystemClock(), SystemEntropy())
    async for record in ledger.records():
        told.take(record)
    await ledger.close()
    return sum(part.end is None or part.index not in told.verdicts for part in parts)


@asynccontextmanager
async def stage_of(folder: Path, parts: int, seed: int, progress: Callable[[str], None]) -> AsyncIterator[Stage]:
    """Run broker, consumer, line and daemon as long as the block lasts; the belt stands still."""
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
    path = _device_file(folder, fleet, parts, seed, str(camera))
    async with AsyncExitStack() as stack:
        progress("broker, consumer and daemon start")
        broker = await mosquitto.start(fleet.root / "broker/mosquitto.conf", broker_port)
        stack.push_async_callback(_end, broker)
        consumer = await _python("consume", "--fleet", str(fleet.root), "--into", str(folder / "results.sqlite"))
        stack.push_async_callback(_end, consumer)
        port = await stack.enter_async_context(PtyPort(rig, folder / "conveyor"))
        console = _console(fleet)
        stack.push_async_callback(_cancel, asyncio.create_task(console.run(), name="console"))
        stage = Stage(fleet, console, rig, port, path, folder / "state", deque(maxlen=20), asyncio.Event(), stack)
        await stage.start()
        yield stage


def _device_file(folder: Path, fleet: FleetFolder, parts: int, seed: int, camera: str) -> Path:
    section = fleet.broker_section(str(fleet.root / "devices" / DEVICE)).removeprefix("broker: ")
    settings = Settings(parts=parts, seed=seed)
    return device_file(folder, settings, port=str(folder / "conveyor"), camera=camera, broker=section, state="state")


def _console(fleet: FleetFolder) -> Console:
    clock, entropy, name = SystemClock(), SystemEntropy(), "console-1"
    tls = TlsFiles(*map(str, fleet.client(name)))
    settings = MqttSettings(host="127.0.0.1", port=fleet.port, client_id=name, tls=tls, session_expiry_s=0)
    return Console(MqttBroker(settings, clock, entropy), FLEET, name, clock, entropy, [fleet.signer("operator")])


async def _listen(stage: Stage) -> None:
    assert stage.daemon.stderr is not None
    async for raw in stage.daemon.stderr:
        line = raw.decode(errors="replace").rstrip()
        try:
            heard = json.loads(line)
        except ValueError:
            heard = {"event": "noise", "text": line}
        stage.words.append(str(heard["text"]))
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
