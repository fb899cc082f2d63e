"""The modes that a line needs, through the command line, on a daemon that is killed in each of them."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from scenarios.serving import FLOW, GATE, Daemon, Site, site
from scenarios.test_service import FLOW_SAFE, openings, sooner

from ripieno_daemon.inquiry import opened, replay, why
from ripieno_daemon.inquiry.telling import tell


async def cli(daemon: Daemon, *words: str) -> tuple[int, dict[str, Any]]:
    """Call a command as a person does; return its exit code and what it says."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "ripieno_daemon", *words, "--socket", str(daemon.socket), "--json", "-"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None and out, f"{words}: {process.returncode}, {err.decode()}"
    return process.returncode, json.loads(out)


async def end(daemon: Daemon) -> None:
    """Kill it."""
    daemon.process.kill()
    await daemon.process.wait()


def bookings(line: Site) -> int:
    """Return how many parts were booked as scrap."""
    with closing(sqlite3.connect(next(line.folder.rglob("*stock*.sqlite")))) as rows:
        return int(rows.execute("SELECT count(*) FROM bookings").fetchone()[0])


def recorded(state: Path, kind: str) -> list[dict[str, Any]]:
    """Return the bodies of all records of a kind."""
    import msgpack

    with opened(state) as past:
        return [msgpack.unpackb(row.payload or b"") for row in past.rows() if row.kind == kind]


async def count(daemon: Daemon, name: str) -> int:
    """Return one of the engine's counts."""
    return int((await daemon.ask("status"))["counters"].get(name, 0))


async def until_counted(daemon: Daemon, name: str, least: int, seconds: float = 20.0) -> None:
    """Wait until a count is so high."""
    async with asyncio.timeout(seconds):
        while await count(daemon, name) < least:  # noqa: ASYNC110  another process is watched
            await asyncio.sleep(0.1)


def test_a_line_that_observes_decides_and_moves_nothing_over_a_kill_until_it_acts(tmp_path: Path) -> None:
    async def look() -> dict[str, Any]:
        found: dict[str, Any] = {}
        async with site(tmp_path) as line:
            async with line.daemon() as daemon:
                await daemon.until("ready")
                line.start_belt()
                await sooner(lambda: openings(line) >= 2 and line.level(FLOW) != FLOW_SAFE, 40)
                found["observe"] = await cli(daemon, "observe", "--why", "a new model on trial")
                await sooner(lambda: line.level(FLOW) == FLOW_SAFE and line.level(GATE) == 0, 3)
                await until_counted(daemon, "withheld_observe", 1)
                moved, decided = openings(line), await count(daemon, "good")
                await until_counted(daemon, "good", decided + 3)
                found["moved"] = openings(line) - moved
                found["flow"] = line.level(FLOW)
                found["status"] = await daemon.ask("status")
                found["metrics"] = (await daemon.ask("metrics"))["text"]
                await end(daemon)
            booked = bookings(line)
            async with line.daemon() as daemon:
                await daemon.until("ready")
                decided = await count(daemon, "good")
                await until_counted(daemon, "good", decided + 3)
                found["moved after the kill"] = openings(line) - moved
                found["flow after the kill"] = line.level(FLOW)
                found["after the kill"] = await daemon.ask("status")
                found["act"] = await cli(daemon, "act", "--pipeline", "quality-control")
                found["booked meanwhile"] = bookings(line) - booked
                found["again"] = await cli(daemon, "act")
                found["unknown"] = await cli(daemon, "observe", "--pipeline", "qualty")
                await sooner(lambda: openings(line) >= moved + 2, 20)
                daemon.process.terminate()
                await daemon.process.wait()
        return found

    found = asyncio.run(look())
    state = tmp_path / "state"

    assert found["observe"][0] == 0 and "moves nothing" in found["observe"][1]["text"]
    assert (found["moved"], found["moved after the kill"]) == (0, 0)
    assert (found["flow"], found["flow after the kill"]) == (FLOW_SAFE, FLOW_SAFE)
    said = found["status"]["modes"]["observes"]["quality-control"]
    assert said["why"] == "a new model on trial" and "uid" in said["by"]
    assert found["after the kill"]["modes"]["observes"] == {"quality-control": said}
    assert 'ripieno_pipeline_observes{pipeline="quality-control"} 1' in found["metrics"]
    assert 'ripieno_engine_total{what="withheld_observe"}' in found["metrics"]
    assert found["booked meanwhile"] == 0, "bookings that were wanted while it observed are not made"
    assert found["act"][0] == 0 and found["again"][1]["text"].endswith("as before")
    assert found["unknown"][0] == 1 and "quality-control" in found["unknown"][1]["why"]
    commands = recorded(state, "command")
    assert [one["kind"] for one in commands if one["kind"] in ("observe", "act")] == ["observe", "act"]
    assert all("uid" in one["by"] for one in commands)
    withheld = {one["id"] for one in recorded(state, "outcome") if one["kind"] == "withheld: observe"}
    assert withheld
    with opened(state) as past:
        assert replay(past)["mismatches"] == 0
        part = next(one for one in sorted(withheld) if "/gate/" in one).partition("/")[0]
        text = tell(why(past, part))
    assert "withheld: observe" in text and "withheld" in text.splitlines()[0]
    with closing(sqlite3.connect(next(tmp_path.rglob("*stock*.sqlite")))) as rows:
        assert not withheld & {act for (act,) in rows.execute("SELECT act FROM bookings")}


def test_an_output_in_hand_is_a_persons_within_its_limits_over_a_kill_and_never_while_held(tmp_path: Path) -> None:
    async def look() -> dict[str, Any]:
        found: dict[str, Any] = {}
        async with site(tmp_path) as line:
            async with line.daemon() as daemon:
                await daemon.until("ready")
                found["high"] = await cli(daemon, "manual", "flow", "105", "--for", "10m", "--why", "trial run")
                await sooner(lambda: line.level(FLOW) == 10_500, 3)
                for name, words in {
                    "range": ("flow", "300"),
                    "step": ("flow", "140"),
                    "word": ("flow", "pulse"),
                    "booking": ("stock", "off", "--for", "1m"),
                    "unknown": ("flwo", "off", "--for", "1m"),
                    "for": ("gate", "pulse"),
                    "longest": ("gate", "pulse", "--for", "9h"),
                }.items():
                    found[name] = await cli(daemon, "manual", *words)
                before = openings(line)
                found["pulse"] = await cli(daemon, "manual", "gate", "pulse", "--for", "2m")
                await sooner(lambda: openings(line) == before + 1, 3)
                found["status"] = await daemon.ask("status")
                found["alarms"] = (await daemon.ask("alarms"))["alarms"]
                await end(daemon)
            await sooner(lambda: line.level(FLOW) == FLOW_SAFE, 5)
            async with line.daemon() as daemon:
                await daemon.until("ready")
                await sooner(lambda: line.level(FLOW) == 10_500, 3)
                found["after the kill"] = await daemon.ask("status")
                assert openings(line) == before + 1, "a pulse by hand is never done again"
                found["safe"] = await cli(daemon, "safe", "--why", "guard door open")
                await sooner(lambda: line.level(FLOW) == FLOW_SAFE, 3)
                found["held"] = await cli(daemon, "manual", "gate", "pulse", "--for", "1m")
                found["while held"] = await daemon.ask("status")
                await cli(daemon, "rearm")
                await asyncio.sleep(0.5)
                found["level after rearm"] = line.level(FLOW)
                found["auto"] = await cli(daemon, "auto", "flow")
                assert openings(line) == before + 1
                daemon.process.terminate()
                await daemon.process.wait()
        return found

    found = asyncio.run(look())

    assert found["high"][0] == 0 and "at 105 %" in found["high"][1]["text"]
    refusals = ("range", "step", "word", "booking", "unknown", "for", "longest", "held", "auto")
    assert {name: found[name][0] for name in refusals} == dict.fromkeys(refusals, 1)
    assert "60 to 140" in found["range"][1]["why"] and "go there in steps" in found["step"][1]["why"]
    assert "ripieno bypass" in found["booking"][1]["why"] and "longest_override" in found["longest"][1]["why"]
    assert "rearm" in found["held"][1]["why"]
    assert found["pulse"][0] == 0 and "the pulse is executed" in found["pulse"][1]["text"]
    hands = {one["output"]: one for one in found["status"]["modes"]["overrides"]}
    assert hands["flow"]["value"] == 105.0 and "uid" in hands["flow"]["by"] and hands["flow"]["why"] == "trial run"
    assert 0 < hands["gate"]["left_s"] <= 120
    assert {"manual/flow", "manual/gate"} <= {one["name"] for one in found["alarms"]}
    assert found["status"]["counters"]["acts_by_hand_executed"] == 1
    left = {one["output"]: one["left_s"] for one in found["after the kill"]["modes"]["overrides"]}
    assert left.keys() == {"flow", "gate"} and left["flow"] < hands["flow"]["left_s"]
    assert found["while held"]["modes"]["overrides"] == []
    assert found["level after rearm"] == FLOW_SAFE, "safe ends what a person has in hand"
    ended = [one["output"] for one in recorded(tmp_path / "state", "command") if one["kind"] == "ended"]
    assert sorted(ended) == ["flow", "gate"]


def test_a_bypass_ends_by_itself_with_a_record_and_an_alarm_and_nothing_comes_late(tmp_path: Path) -> None:
    async def look() -> dict[str, Any]:
        found: dict[str, Any] = {}
        async with site(tmp_path) as line, line.daemon() as daemon:
            await daemon.until("ready")
            line.start_belt()
            await sooner(lambda: openings(line) >= 2, 30)
            found["bypass"] = await cli(daemon, "bypass", "gate", "--for", "5s", "--why", "cylinder leaks")
            await sooner(lambda: line.level(GATE) == 0, 2)
            booked, still = bookings(line), openings(line)
            found["alarms"] = [one["name"] for one in (await daemon.ask("alarms"))["alarms"]]
            await until_counted(daemon, "withheld_bypass", 2)
            found["moved"] = openings(line) - still
            await sooner(lambda: bookings(line) > booked, 10)
            await daemon.until("alarm", "gate is no longer on bypass", 10)
            found["over"] = [one["name"] for one in (await daemon.ask("alarms"))["alarms"]]
            await sooner(lambda: openings(line) > still, 20)
            daemon.process.terminate()
            await daemon.process.wait()
        return found

    found = asyncio.run(look())
    state = tmp_path / "state"

    assert "safe state (divert)" in found["bypass"][1]["text"]
    assert "bypass/gate" in found["alarms"] and found["moved"] == 0
    assert "expired/gate" in found["over"] and "bypass/gate" not in found["over"]
    kinds = [(one["kind"], one["output"]) for one in recorded(state, "command") if "output" in one]
    assert kinds == [("bypass", "gate"), ("expired", "gate")]
    with opened(state) as past:
        assert replay(past)["mismatches"] == 0


def test_a_reload_takes_the_files_new_word_and_a_persons_holds_until_then(tmp_path: Path) -> None:
    async def look() -> dict[str, Any]:
        found: dict[str, Any] = {}
        async with site(tmp_path) as line, line.daemon() as daemon:
            await daemon.until("ready")
            acting = line.device_file.read_text()

            async def reloaded(text: str) -> dict[str, Any]:
                line.device_file.write_text(text)
                code, said = await cli(daemon, "reload")
                assert code == 0, said
                return dict((await daemon.ask("status"))["modes"])

            line.start_belt()
            await sooner(lambda: openings(line) >= 1, 30)
            found["file observes"] = await reloaded(acting + "mode: {quality-control: observe}\n")
            await sooner(lambda: line.level(GATE) == 0, 3)
            moved = openings(line)
            await until_counted(daemon, "withheld_observe", 2)
            found["moved"] = openings(line) - moved
            await cli(daemon, "act", "--why", "trial over")
            hall = acting.replace("site: demo", "site: hall-2")
            found["person acts"] = await reloaded(hall + "mode: {quality-control: observe}\n")
            await sooner(lambda: openings(line) > moved, 20)
            found["file acts"] = await reloaded(acting)
            await cli(daemon, "observe")
            found["file observes again"] = await reloaded(acting + "mode: observe\n")
            found["and acts again"] = await reloaded(acting)
            daemon.process.terminate()
            await daemon.process.wait()
        return found

    found = asyncio.run(look())

    by = {name: one["observes"].get("quality-control", {}).get("by") for name, one in found.items() if name != "moved"}
    assert by == {
        "file observes": "the device file",
        "person acts": None,
        "file acts": None,
        "file observes again": "the device file",
        "and acts again": None,
    }
    assert found["moved"] == 0
    kinds = [(one["kind"], one["by"]) for one in recorded(tmp_path / "state", "command") if "pipelines" in one]
    assert [kind for kind, _ in kinds] == ["observe", "act", "observe", "act"]
    assert kinds[0][1] == "the device file" and "uid" in kinds[1][1]
