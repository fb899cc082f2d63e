"""A daemon of its own process on a simulated line, for tests that look at it from outside."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ripieno_sim.line.ptys import PtyPort
from ripieno_sim.plant.conveyor import ConveyorSettings
from ripieno_sim.plant.parts import Part
from ripieno_sim.rig import Rig, conveyor_rig
from ripieno_sim.stage.pictures import Rendered
from ripieno_sim.stage.scene import BAUD, Settings, device_file, picture_name


@dataclass
class Running:
    """The daemon's process, what it said (text by event), and the line that it runs on."""

    process: asyncio.subprocess.Process
    rig: Rig
    port: PtyPort
    said: list[dict[str, object]] = field(default_factory=list)

    async def until(self, event: str, seconds: float = 20.0) -> dict[str, object]:
        """Wait until the daemon has told this event."""
        async with asyncio.timeout(seconds):
            while True:
                for told in self.said:
                    if told.get("event") == event:
                        return told
                await asyncio.sleep(0.02)

    def start_belt(self) -> None:
        """Let the parts come."""
        self.rig.plant.start(self.port.now_us())
        self.port.wake()


@asynccontextmanager
async def daemon(
    folder: Path, *, parts: int = 20, broker: str = "{transport: none}", rearm: str = "auto"
) -> AsyncIterator[Running]:
    """Run `ripieno run` against a simulated line as long as the block lasts."""
    camera = folder / "camera"
    camera.mkdir()
    picture = Rendered(7)

    def shutter(part: Part, count: int, t_us: int) -> None:
        drawn, ending = picture(part)
        name = picture_name(part.index, count, ending)
        (camera / f".{name}").write_bytes(drawn)
        (camera / f".{name}").replace(camera / name)

    rig = conveyor_rig(7, baud=BAUD, plant=ConveyorSettings(parts=parts, starts_us=None), shutter=shutter)
    path = device_file(folder, Settings(parts=parts), port=str(folder / "port"), camera=str(camera), broker=broker)
    path.write_text(path.read_text().replace("rearm: auto", f"rearm: {rearm}"))
    async with PtyPort(rig, folder / "port") as port:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "ripieno_daemon", "run", "--device", str(path), "--json"),
            stderr=asyncio.subprocess.PIPE,
        )
        running = Running(process, rig, port)
        listening = asyncio.create_task(_listen(process, running.said))
        try:
            yield running
        finally:
            if process.returncode is None:
                process.kill()
            await asyncio.gather(process.wait(), listening)


async def _listen(process: asyncio.subprocess.Process, said: list[dict[str, object]]) -> None:
    assert process.stderr is not None
    async for line in process.stderr:
        try:
            said.append(json.loads(line))
        except ValueError:
            said.append({"event": "noise", "text": line.decode(errors="replace")})
