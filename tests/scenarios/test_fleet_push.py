"""`ripieno fleet push` as an operator calls it, against a whole daemon whose line runs, over Mosquitto with TLS."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import pty
import random
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import uvloop
from daemon.fleet.brokers import MOSQUITTO
from daemon.updates.releases import reversioned

from ripieno_daemon.bundles.packed_file import PackedBundle, pack_bundle, with_signature
from ripieno_daemon.trust.founding import FleetFolder
from ripieno_sim.stage.fleet.demo import ENDLESS
from ripieno_sim.stage.fleet.releases import NAME
from ripieno_sim.stage.fleet.stage import DEVICE, Stage, stage_of
from ripieno_sim.stage.scene import bundle_path

pytestmark = [
    pytest.mark.mosquitto,
    pytest.mark.slow,
    pytest.mark.skipif(MOSQUITTO is None, reason="no mosquitto on this machine"),
]
LARGE_BYTES = 16 << 20


class Releases:
    """Packed releases of the shipped bundle: version 1.N.0 with counter N."""

    def __init__(self, folder: Path, fleet: FleetFolder) -> None:
        folder.mkdir()
        self._folder, self._key = folder, fleet.signer("operator")

    def make(self, counter: int, **extra: bytes) -> PackedBundle:
        folder = reversioned(bundle_path(), self._folder / str(counter), f"1.{counter}.0", extra)
        made = pack_bundle(folder, self._folder / f"{NAME}-{counter}.bundle", counter)
        return with_signature(made.path, self._key)


def play(folder: Path, work: Callable[[Stage, Releases], Any]) -> Any:
    """Run a line whose device is delivered with release 1, and `work` beside it. The stage's own console keeps its
    certificate to itself.
    """
    made: list[Releases] = []

    async def deliver(fleet: FleetFolder) -> PackedBundle:
        made.append(Releases(folder / "releases", fleet))
        return made[0].make(1)

    async def whole() -> Any:
        async with stage_of(folder, ENDLESS, 7, lambda _text: None, deliver, "{results: 30, soak: 1s}") as stage:
            with (stage.fleet.root / "console-1/.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                stage.start_belt()
                return await work(stage, made[0])

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(whole())


async def ripieno(stage: Stage, *words: str, stdin: int = DEVNULL) -> Process:
    call = (sys.executable, "-m", "ripieno_daemon", "fleet", words[0], str(stage.fleet.root), *words[1:])
    return await asyncio.create_subprocess_exec(*call, stdin=stdin, stdout=PIPE, stderr=PIPE)


async def asked(stage: Stage, *words: str) -> tuple[int, dict[str, Any]]:
    process = await ripieno(stage, *words, "--json", "-")
    out, said = await process.communicate()
    assert out, said.decode()
    return process.returncode or 0, json.loads(out)


def told(stage: Stage) -> Mapping[str, Any]:
    return dict(stage.console.seen[DEVICE].state["releases"][NAME])


def test_a_release_is_pushed_tried_and_kept_and_a_worse_one_is_named(tmp_path: Path) -> None:
    async def work(stage: Stage, releases: Releases) -> None:
        good = releases.make(2)
        code, found = await asked(stage, "push", DEVICE, str(good.path), "--yes")
        (one,) = found["devices"]
        assert (code, one["outcome"]) == (0, "confirmed"), found
        assert one["plan"]["files"]["changed"] == ["manifest.json", "pipeline.yaml"]
        assert one["plan"]["signed_by"] == found["signed_by"] == ["operator"]
        assert 0 < one["sent_bytes"] < good.size, "what the device has already is not sent"
        _, listed = await asked(stage, "ls")
        assert listed["devices"][0]["releases"][NAME]["runs"] == good.release.digest

        code, found = await asked(stage, "push", DEVICE, str(good.path), "--yes")
        assert (code, found["devices"][0]["sent_bytes"]) == (0, 0)
        assert found["devices"][0]["why"] == "it runs there already"

        text = (bundle_path() / "pipeline.yaml").read_text()
        version = text.split("version: ")[1].split("\n")[0]
        strict = text.replace("look.score >= 0.50", "look.score >= 0.999").replace(version, "1.3.0")
        bad = releases.make(3, **{"pipeline.yaml": strict.encode()})
        code, found = await asked(stage, "push", DEVICE, str(bad.path), "--yes")
        assert (code, found["devices"][0]["outcome"]) == (1, "refused")
        assert found["devices"][0]["why"].startswith("decisions: "), found
        _, shown = await asked(stage, "show", DEVICE)
        assert shown["releases"][NAME]["runs"] == good.release.digest
        assert shown["releases"][NAME]["refused_last"][0] == bad.release.digest

        code, found = await asked(stage, "push", DEVICE, "line-9", str(bad.path), "--yes")
        assert (code, found["devices"][0]["reason"], found["not_tried"]) == (1, "reverted", ["line-9"])
        code, found = await asked(stage, "push", DEVICE, str(releases._folder / f"{NAME}-2.bundle"), "--yes")
        assert code == 0, "what runs is not rolled back by being pushed again"

    play(tmp_path, work)


def test_nothing_is_applied_unless_a_person_says_so(tmp_path: Path) -> None:
    async def work(stage: Stage, releases: Releases) -> None:
        good = releases.make(2)
        for said, code in ((b"n\n", 1), (b"y\n", 0)):
            master, terminal = pty.openpty()
            try:
                process = await ripieno(stage, "push", DEVICE, str(good.path), stdin=terminal)
                os.write(master, said)
                out, words = await process.communicate()
            finally:
                os.close(master)
                os.close(terminal)
            assert process.returncode == code, (out, words)
            assert b"changed  pipeline.yaml" in words and b"[y/N]" in words
            assert (b"nobody said yes" in out) == (code == 1)
            assert (told(stage)["confirmed"] == good.release.digest) == (code == 0)

    play(tmp_path, work)


def test_who_watches_may_go_and_come_back_and_may_take_it_back(tmp_path: Path) -> None:
    async def pulling(stage: Stage, bundle: PackedBundle) -> None:
        """Begin to push, and kill the push while pieces are on their way."""
        process = await ripieno(stage, "push", DEVICE, str(bundle.path), "--yes")
        await stage.until(lambda: told(stage)["arriving"] == bundle.release.digest, "that it arrives")
        await asyncio.sleep(0.2)
        process.kill()
        await process.communicate()
        assert told(stage)["phase"] == "pulling"

    async def work(stage: Stage, releases: Releases) -> None:
        chance = random.Random(1)
        large = [releases.make(n, **{"notes.bin": chance.randbytes(LARGE_BYTES)}) for n in (2, 3)]
        await pulling(stage, large[0])
        code, found = await asked(stage, "push", DEVICE, str(large[0].path), "--yes")
        (one,) = found["devices"]
        assert (code, one["outcome"], one["plan"]) == (0, "confirmed", None), found
        assert 0 < one["sent_bytes"] < large[0].size, "what came before is kept"

        await pulling(stage, large[1])
        code, answer = await asked(stage, "cancel", DEVICE)
        assert (code, answer["result"]["release"]) == (0, large[1].release.digest)
        await stage.until(lambda: told(stage)["phase"] == "idle", "its end")
        assert told(stage)["confirmed"] == large[0].release.digest

        pushing = await ripieno(stage, "push", DEVICE, str(large[1].path), "--yes", "--json", "-")
        await stage.until(lambda: told(stage)["arriving"] == large[1].release.digest, "that it arrives again")
        assert (await asked(stage, "cancel", DEVICE))[0] == 0
        out, _ = await pushing.communicate()
        assert (pushing.returncode, json.loads(out)["devices"][0]["outcome"]) == (1, "cancelled")

    play(tmp_path, work)
