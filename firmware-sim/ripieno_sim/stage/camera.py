"""A camera and a model on the real daemon: a bundle is made and sealed on the fly, and what was seen is counted."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack
import uvloop

from ripieno.errors import RipienoError
from ripieno.language import compile_device
from ripieno.plan import digest
from ripieno_daemon.compiling.drivers import installed_drivers
from ripieno_daemon.fleet import Consumer
from ripieno_daemon.ledger import Ledger
from ripieno_daemon.ports import DiskStorage, SystemClock, SystemEntropy

from .brokers import broker
from .camera_report import Seen, report
from .camera_scene import CameraSettings, check_camera, chosen, device_file, make_bundle

READY_S = 30.0
HOPELESS_S = 3.0  # a file that could not be played so long after its first refusal will not be played
STOP_S = 10.0
SETTLE_S = 0.7
SAID = 200
Says = Callable[[str], None]


class CameraFailed(RipienoError):
    """The daemon did not run."""


def run_camera(settings: CameraSettings, folder: Path, say: Says, progress: Says) -> dict[str, Any]:
    """Run the demo and return its figures; the state stays in `folder`.

    Raises:
        ConfigError: what is named is not there, or a model is not named.
        ModelError, BundleError: the model cannot be used.
        CameraFailed: the daemon does not run; its last words are in the message.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_Camera(settings, folder, say, progress).run())


class _Camera:
    def __init__(self, settings: CameraSettings, folder: Path, say: Says, progress: Says) -> None:
        self._settings, self._folder, self._say, self._progress = settings, folder, say, progress
        self._said: list[str] = []
        self._refused_s = 0.0
        self._ready_s = 0.0
        self._has_ended = False

    async def run(self) -> dict[str, Any]:
        clock, entropy = SystemClock(), SystemEntropy()
        check_camera(self._settings.camera)
        model, _ = chosen(self._settings)
        self._progress(f"looking into {model.name} and sealing a bundle with it")
        manifest = await make_bundle(self._folder / "bundle", self._settings)
        async with broker(self._folder, clock, entropy) as running:
            path = device_file(self._folder, self._settings, running.section)
            plan = compile_device(str(path), lambda name: Path(name).read_bytes(), installed_drivers())
            storage = DiskStorage(Path(plan.storage.state))
            rows = storage.database("consumer.sqlite")
            consumer = await Consumer.open(rows, running.consumer, clock, entropy, plan.broker.fleet)
            counting = asyncio.create_task(consumer.run(), name="consumer")
            try:
                await self._daemon(path)
                await asyncio.sleep(SETTLE_S)
            finally:
                counting.cancel()
                await asyncio.gather(counting, return_exceptions=True)
            found = await rows.read(lambda tx: tx.execute("SELECT payload FROM rows").fetchall())
            await rows.close()
        seen = Seen()
        ledger = await Ledger.open(storage.database("ledger.sqlite"), clock, entropy)
        async for record in ledger.records():
            seen.take(record)
        head = ledger.head()[1]
        await ledger.close()
        spec = manifest.models["seen"].spec
        return {
            "camera": self._settings.camera,
            "model": {
                "file": str(model),
                "sha256": spec.digest,
                "task": str(spec.task),
                "labels": len(spec.labels),
                "input": list(spec.input.shape),
                "fingerprint": dict(manifest.models["seen"].fingerprint),
            },
            **report(seen, [msgpack.unpackb(payload) for (payload,) in found], self._said),
            "broker": running.name,
            "plan_digest": digest(plan),
            "ledger_head": head,
            "said": [line for line in self._said if line.startswith("station")][-SAID:],
        }

    async def _daemon(self, path: Path) -> None:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "ripieno_daemon", "run", "--device", str(path), "--json"),
            stderr=asyncio.subprocess.PIPE,
        )
        listening = asyncio.create_task(self._listen(process), name="daemon's words")
        ended = asyncio.create_task(process.wait(), name="daemon")
        began_s = time.monotonic()
        try:
            while not ended.done() and not self._is_over(began_s):
                await asyncio.wait({ended}, timeout=0.1)
            if ended.done():
                await listening
                raise CameraFailed("the daemon ended by itself:\n" + "\n".join(self._said[-20:]))
            process.terminate()
            try:
                async with asyncio.timeout(STOP_S):
                    await asyncio.shield(ended)
            except TimeoutError:
                raise CameraFailed("the daemon did not stop:\n" + "\n".join(self._said[-20:])) from None
        finally:
            if process.returncode is None:
                process.kill()
            await asyncio.gather(listening, ended, return_exceptions=True)

    def _is_over(self, began_s: float) -> bool:
        now_s = time.monotonic()
        if self._ready_s:
            left_s = self._settings.seconds - (now_s - self._ready_s)
            self._progress(f"{left_s:.0f} s to go")
            return self._has_ended or left_s <= 0
        if self._has_ended:
            return True
        if "://" in self._settings.camera:
            return now_s - began_s > READY_S + self._settings.seconds
        return now_s - began_s > READY_S or bool(self._refused_s and now_s - self._refused_s > HOPELESS_S)

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
                self._ready_s = time.monotonic()
            elif text.startswith("station: down: the video has ended"):
                self._has_ended = True
            elif text.startswith("station: down:"):
                self._refused_s = self._refused_s or time.monotonic()
            self._said.append(text)
            self._say(text)
