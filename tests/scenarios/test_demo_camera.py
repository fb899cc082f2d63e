"""`ripieno demo --camera`: a video through a model on the real daemon, with what goes wrong on the way."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from drivers.cameras.rtsp_server import RtspServer
from drivers.cameras.videos import bar, plain, write
from models.tiny_detector import tiny_detector
from models.tiny_model import tiny_model

from ripieno_daemon.ledger import verify

RED, GREEN = (0, 0, 255), (0, 255, 0)


def demo(*arguments: str, **environment: str) -> tuple[int, dict[str, Any], str]:
    """Run the command; return its exit code, its JSON and what it said."""
    kept = {name: value for name, value in os.environ.items() if name != "RIPIENO_DATA"}
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-m", "ripieno_daemon", "demo", *arguments, "--json", "-"],
        capture_output=True,
        text=True,
        timeout=120,
        env={**kept, "PYTHONPATH": paths, **environment},
    )
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


@pytest.fixture
def model(tmp_path: Path) -> list[str]:
    """Return the options that name a detector that finds red, green and blue."""
    (tmp_path / "tiny.tflite").write_bytes(tiny_detector())
    (tmp_path / "labels.txt").write_text("red\ngreen\nblue\n")
    return ["--model", str(tmp_path / "tiny.tflite"), "--labels", str(tmp_path / "labels.txt")]


def test_every_picture_of_a_video_is_looked_at_step_by_step(tmp_path: Path, model: list[str]) -> None:
    video = write(tmp_path / "bars.avi", [*(bar(n, RED) for n in range(20)), *(bar(n, GREEN) for n in range(10))])

    code, told, _ = demo("--camera", str(video), *model, "--step", "--state", str(tmp_path / "state"))

    assert (code, told["broken"]) == (0, [])
    assert told["frames"] == {"seen": 30, "inferred": 30, "bad": 0, "dropped": 0}
    assert told["counts"] == {"red": 20, "green": 10}
    assert told["last"][-1]["boxes"] == [
        {"label": "green", "score": pytest.approx(0.98, abs=0.05), "box": [0.0, 0.0, 1.0, 1.0]}
    ]
    assert told["results"]["recorded"] == told["results"]["delivered"] == 30
    assert told["model"]["task"] == "detect"
    assert told["latency_ms"]["frame_to_result"]["p50"] > 0
    assert verify(tmp_path / "state/state/ledger.sqlite").is_whole


def test_at_its_own_pace_what_is_not_looked_at_is_counted(tmp_path: Path, model: list[str]) -> None:
    video = write(tmp_path / "bars.mp4", (bar(n) for n in range(60)), 60.0)

    code, told, _ = demo("--camera", str(video), *model)

    frames = told["frames"]
    assert code == 0
    assert frames["seen"] == frames["inferred"] + frames["bad"] + frames["dropped"] == 60
    assert told["health"]["downs"] == ["the video has ended after 60 pictures"]


def test_a_classifier_serves_too(tmp_path: Path, model: list[str]) -> None:
    (tmp_path / "tiny.tflite").write_bytes(tiny_model())
    video = write(tmp_path / "bars.avi", (bar(n, RED) for n in range(10)))

    code, told, _ = demo("--camera", str(video), *model, "--step")

    assert (code, told["model"]["task"], told["counts"]) == (0, "classify", {"red": 10})


def test_dark_and_frozen_pictures_are_alarms_and_unknown_not_nought(tmp_path: Path, model: list[str]) -> None:
    pictures = [
        *(bar(n) for n in range(20)),
        *(plain(1) for _ in range(40)),
        *(bar(n) for n in range(10)),
        *(bar(3) for _ in range(100)),
        *(bar(n) for n in range(10)),
    ]
    video = write(tmp_path / "bad.avi", pictures, 30.0)

    code, told, _ = demo("--camera", str(video), *model)

    assert code == 0
    assert told["health"]["alarms"] == {"picture-dark": 1, "picture-frozen": 1, "picture-good": 2}
    assert told["unknown"]["dark"] >= 2 and told["unknown"]["frozen"] >= 2
    assert set(told["counts"]) == {"red"}


def test_a_video_that_is_cut_off_is_played_as_far_as_it_goes(tmp_path: Path, model: list[str]) -> None:
    video = write(tmp_path / "bars.avi", (bar(n) for n in range(60)))
    video.write_bytes(video.read_bytes()[: video.stat().st_size // 2])

    code, told, _ = demo("--camera", str(video), *model, "--step")

    assert code == 0
    assert 0 < told["frames"]["inferred"] < 60


def test_a_file_that_is_no_video_is_told_with_the_reason(tmp_path: Path, model: list[str]) -> None:
    path = tmp_path / "notes.mp4"
    path.write_bytes(b"no video" * 100)

    code, told, _ = demo("--camera", str(path), *model)

    assert code == 1
    assert told["frames"]["seen"] == 0
    reason = f"no picture came: {path}: cannot be opened as a video (800 bytes): damaged, cut off, or none at all"
    assert told["broken"] == [reason]


def test_what_must_be_named_is_told(tmp_path: Path, model: list[str]) -> None:
    video = str(write(tmp_path / "bars.avi", (bar(n) for n in range(3))))

    assert "no model is named: --model MODEL.tflite --labels FILE" in demo("--camera", video)[2]
    assert "no labels are named: --labels FILE" in demo("--camera", video, *model[:2])[2]
    assert "nothing.mp4: no such file" in demo("--camera", "nothing.mp4", *model)[2]
    assert demo("--camera", "nothing.mp4", *model)[0] == demo("--camera", video)[0] == 2
    assert demo("--model", model[1])[0] == 2


def test_labels_that_do_not_fit_are_told(tmp_path: Path, model: list[str]) -> None:
    (tmp_path / "tiny.tflite").write_bytes(tiny_model())
    (tmp_path / "labels.txt").write_text("red\ngreen\n")
    video = str(write(tmp_path / "bars.avi", (bar(n) for n in range(3))))

    code, _, said = demo("--camera", video, *model)

    assert code == 1
    assert "expected an output of shape [1, 2] for 2 labels" in said


def test_a_network_camera_that_goes_away_and_comes_back_is_said_and_survived(model: list[str]) -> None:
    async def main() -> tuple[int, dict[str, Any], str]:
        server = RtspServer(bar)
        await server.start()
        running = asyncio.create_task(asyncio.to_thread(demo, "--camera", server.url, *model, "--seconds", "8"))
        while not server.connections:  # noqa: ASYNC110  # the demo's daemon is a process of its own
            await asyncio.sleep(0.05)
        await asyncio.sleep(2.0)
        await server.stop()
        await asyncio.sleep(1.5)
        await server.start()
        told = await running
        await server.stop()
        return told

    code, told, _ = asyncio.run(main())

    assert (code, told["broken"]) == (0, [])
    assert told["health"]["starts"] == 2
    assert told["health"]["downs"][0] == "no more pictures come: the connection is closed, or the camera is gone"
    assert told["health"]["alarms"] == {"picture-stale": 1, "picture-good": 1}
    assert told["unknown"]["stale"] >= 1
    assert told["counts"]["red"] > 20


@pytest.mark.skipif(not os.environ.get("RIPIENO_DATA"), reason="RIPIENO_DATA is not set")
def test_a_published_detector_finds_bottles_in_a_published_video() -> None:
    data = os.environ["RIPIENO_DATA"]

    code, told, _ = demo("--camera", f"{data}/video/bottle-detection.mp4", "--seconds", "5", RIPIENO_DATA=data)

    assert (code, told["broken"]) == (0, [])
    assert max(told["counts"], key=told["counts"].get) == "bottle"
    assert told["most"]["count"] >= 2
