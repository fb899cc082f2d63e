"""The daemon as a service: what systemd hears, what a person may ask, and how a bad day goes."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import time
from pathlib import Path

from scenarios.serving import FLOW, GATE, Site, site

from ripieno_sim.stage.scene import bundle_path

FLOW_SAFE = 10_000  # 100 %, in the board's steps


async def sooner(check: object, seconds: float = 15.0) -> None:
    """Wait until what is checked is true."""
    async with asyncio.timeout(seconds):
        while not check():  # type: ignore[operator]  # noqa: ASYNC110  another process is watched
            await asyncio.sleep(0.02)


def openings(line: Site) -> int:
    return len(line.rig.plant.gate.openings)


def test_systemd_hears_of_every_step_and_the_stop_is_in_order(tmp_path: Path) -> None:
    async def look() -> tuple[list[str], int, float]:
        async with site(tmp_path) as line, line.daemon() as daemon:
            await daemon.until("ready")
            await daemon.until_notified("WATCHDOG=1")
            began = time.monotonic()
            daemon.process.terminate()
            code = await daemon.process.wait()
            took_s = time.monotonic() - began
            await daemon.until_notified("STOPPING=1")
            return daemon.notified, code, took_s

    heard, code, took_s = asyncio.run(look())

    assert code == 0
    assert took_s < 5
    firsts = [line.partition("=")[0] for line in heard]
    assert firsts.index("EXTEND_TIMEOUT_USEC") < firsts.index("READY") < firsts.index("STOPPING")
    assert any(line.startswith("STATUS=running: quality-control on line-1") for line in heard)
    assert firsts.count("READY") == 1


def test_status_tells_devices_models_and_record(tmp_path: Path) -> None:
    async def look() -> dict:
        async with site(tmp_path) as line, line.daemon() as daemon:
            await daemon.until("ready")
            return await daemon.ask("status")

    told = asyncio.run(look())

    assert (told["phase"], told["healthy"], told["ready"], told["starts"]) == ("running", True, True, 1)
    assert {name for name, one in told["devices"].items() if one["up"]} == {"conveyor", "station", "warehouse"}
    assert told["models"]["look"]["model"] == "bead"
    assert told["ledger"]["durable"] and told["ledger"]["head"] > 0
    assert set(told["progress"]) == {"device conveyor", "ledger", "workers", "conductor"}
    assert told["alarms"] == []


def test_outputs_held_safe_stay_so_over_a_kill_until_somebody_rearms(tmp_path: Path) -> None:
    """With `rearm: auto` nothing else would keep the outputs still after the restart."""

    async def look() -> dict:
        found: dict = {}
        async with site(tmp_path) as line:
            async with line.daemon() as daemon:
                await daemon.until("ready")
                line.start_belt()
                await sooner(lambda: openings(line) >= 2 and line.level(FLOW) != FLOW_SAFE, 40)
                found["safe"] = await daemon.ask("safe", why="guard door open")
                await sooner(lambda: line.level(FLOW) == FLOW_SAFE and line.level(GATE) == 0, 3)
                held_at = openings(line)
                await asyncio.sleep(1.5)
                found["moved while held"] = openings(line) - held_at
                found["status"] = await daemon.ask("status")
                daemon.process.kill()
                await daemon.process.wait()
            async with line.daemon() as daemon:
                await daemon.until("ready")
                still_at = openings(line)
                await asyncio.sleep(1.5)
                found["moved after the kill"] = openings(line) - still_at
                found["level after the kill"] = line.level(FLOW)
                found["rearm"] = await daemon.ask("rearm")
                await sooner(lambda: openings(line) > still_at, 10)
        return found

    found = asyncio.run(look())

    assert found["safe"]["ok"] and found["rearm"]["ok"]
    assert found["moved while held"] == 0
    assert found["moved after the kill"] == 0
    assert found["level after the kill"] == FLOW_SAFE
    assert found["status"]["held"]["why"] == "guard door open"
    assert "uid" in found["status"]["held"]["by"]
    assert found["status"]["ready"] is False


def test_a_reload_swaps_the_plan_and_says_what_changed_and_a_worse_file_is_refused(tmp_path: Path) -> None:
    async def look() -> dict:
        found: dict = {}
        async with site(tmp_path) as line, line.daemon() as daemon:
            await daemon.until("ready")
            good = line.device_file.read_text()
            found["same"] = await daemon.ask("reload")
            line.device_file.write_text(good.replace("group_commit", "group_comit").replace("baud:", "bauds:"))
            found["worse"] = await daemon.ask("reload")
            found["after worse"] = await daemon.ask("status")
            line.device_file.write_text(good.replace("site: demo", "site: hall-2"))
            found["better"] = await daemon.ask("reload")
            await daemon.until("said", "conveyor: up")
            found["after better"] = await daemon.ask("status")
            await asyncio.sleep(0.5)
            assert daemon.process.returncode is None
        return found

    found = asyncio.run(look())

    assert found["same"] == {"ok": True, "changed": [], "text": "nothing has changed"}
    assert not found["worse"]["ok"]
    assert any("device.yaml:" in line and "bauds" in line for line in found["worse"]["problems"])
    assert found["after worse"]["healthy"] and found["after worse"]["alarms"][0]["code"] == "config"
    assert found["better"]["changed"] == ["site: demo -> hall-2"]
    assert found["after better"]["plan"]["site"] == "hall-2"
    assert found["after better"]["alarms"] == []


def test_a_bad_edit_leaves_the_plan_that_worked_last_or_is_refused_by_setting(tmp_path: Path) -> None:
    """The bundle is edited too: what is kept must not depend on the files that were edited."""
    bundle = tmp_path / "bundle"
    shutil.copytree(bundle_path(), bundle)

    async def look() -> dict:
        found: dict = {}
        async with site(tmp_path, bundle=bundle) as line:
            good = line.device_file.read_text()
            async with line.daemon() as daemon:
                await daemon.until("ready")
                await sooner(lambda: (tmp_path / "kept/last-good/plan").exists())
                daemon.process.terminate()
                await daemon.process.wait()
            (bundle / "pipeline.yaml").write_text((bundle / "pipeline.yaml").read_text().replace("max_age", "max_agge"))
            async with line.daemon() as daemon:
                await daemon.until("ready")
                found["status"] = await daemon.ask("status")
                shutil.copy(bundle_path() / "pipeline.yaml", bundle)
                found["mended"] = await daemon.ask("reload")
                found["after"] = await daemon.ask("status")
                line.device_file.write_text(good.replace("runtime: auto", "runtime: auto\non_bad_config: refuse"))
                await daemon.ask("reload")
                await daemon.until("ready")
                await asyncio.sleep(1.0)
                daemon.process.terminate()
                await daemon.process.wait()
            line.device_file.write_text("nothing: good\n")
            async with line.daemon() as daemon:
                found["refused"] = await daemon.process.wait()
                await asyncio.sleep(0.1)
                found["problems"] = [one["text"] for one in daemon.said if one["event"] == "problem"]
        return found

    found = asyncio.run(look())

    assert found["status"]["plan"]["source"] == "last good plan"
    assert "pipeline.yaml:" in found["status"]["alarms"][0]["text"]
    assert found["status"]["ready"]
    assert found["mended"]["ok"]
    assert found["after"]["plan"]["source"] == "file" and found["after"]["alarms"] == []
    assert found["refused"] == 2
    assert any("device.yaml:1:" in line for line in found["problems"])


def test_the_sixth_start_in_a_minute_is_safe_mode_and_a_person_ends_it(tmp_path: Path) -> None:
    async def look() -> dict:
        found: dict = {}
        async with site(tmp_path) as line:
            (tmp_path / "run").mkdir()
            now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
            (tmp_path / "run/starts").write_text(json.dumps([now - n for n in range(5)]))
            async with line.daemon() as daemon:
                await daemon.until_notified("READY=1")
                found["status"] = await daemon.ask("status")
                found["open"] = line.rig.board.in_session
                found["safe"] = await daemon.ask("safe")
                found["rearm"] = await daemon.ask("rearm")
                await daemon.until("ready")
                found["after"] = await daemon.ask("status")
                daemon.process.terminate()
                found["code"] = await daemon.process.wait()
        return found

    found = asyncio.run(look())

    assert found["status"]["phase"] == "safe mode"
    assert found["status"]["alarms"][0]["code"] == "safe-mode"
    assert found["open"] is False, "no device is opened"
    assert not found["safe"]["ok"]
    assert found["rearm"]["ok"] and found["after"]["ready"] and found["after"]["alarms"] == []
    assert found["code"] == 0


def test_a_stop_asked_for_in_safe_mode_or_while_models_load_is_in_order(tmp_path: Path) -> None:
    async def look() -> list[int | None]:
        codes = []
        async with site(tmp_path) as line:
            (tmp_path / "run").mkdir()
            (tmp_path / "run/starts").write_text(json.dumps([time.clock_gettime_ns(time.CLOCK_BOOTTIME)] * 5))
            async with line.daemon() as daemon:
                await daemon.until_notified("READY=1")
                daemon.process.terminate()
                codes.append(await daemon.process.wait())
            async with line.daemon() as daemon:
                await daemon.until_notified("STATUS=starting: loading models")
                daemon.process.send_signal(signal.SIGTERM)
                codes.append(await daemon.process.wait())
        return codes

    assert asyncio.run(look()) == [0, 0]
