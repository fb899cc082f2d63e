"""`ripieno demo`: a production line, inspected and steered, or a camera and a model; with its report."""

from __future__ import annotations

import argparse
import gc
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ripieno_daemon.cli.command import CALLED_WRONGLY, NO, OK, Command
from ripieno_daemon.cli.output import Progress, add_json, give

from .scene import BOARDS, Settings


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--parts", type=_positive, default=300, help="how many parts come down the line (default 300)")
    parser.add_argument("--seed", type=int, default=7, help="decides every random draw of the plant (default 7)")
    parser.add_argument("--images", metavar="DIR", type=Path, help="show pictures of a folder with labels.csv instead")
    parser.add_argument(
        "--virtual", action="store_true", help="in virtual time: as fast as the machine can, repeatable"
    )
    parser.add_argument(
        "--chaos", metavar="kill:N", type=_kills, default=0, help="SIGKILL the daemon N times on the way"
    )
    parser.add_argument(
        "--state", metavar="DIR", type=Path, help="keep ledger and files in DIR (it must be empty or new)"
    )
    parser.add_argument("--runtime", choices=["auto", "litert", "tflite"], default="auto", help="what runs the model")
    parser.add_argument(
        "--board",
        choices=BOARDS,
        default="python",
        help="python: the virtual board; host: the C firmware as a process (with --virtual its core in virtual time); "
        "qemu: its Cortex-M3 image",
    )
    camera = parser.add_argument_group("a camera instead of the simulated line")
    camera.add_argument("--camera", metavar="FILE", help="show a video file (or rtsp://..., /dev/video0) to a model")
    camera.add_argument("--model", metavar="FILE", type=Path, help="a TensorFlow Lite detector or classifier")
    camera.add_argument("--labels", metavar="FILE", type=Path, help="its labels, one on each line")
    camera.add_argument("--threshold", type=_share, default=0.5, help="an object with a lower score is none (0.5)")
    camera.add_argument("--seconds", type=float, default=20.0, help="how long, if the video is not shorter (20)")
    camera.add_argument("--step", action="store_true", help="show every picture of the file, however long it takes")
    parser.add_argument("--verbose", action="store_true", help="show what the daemon says")
    add_json(parser)


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"a score from 0 to 1 is expected, {text} came")
    return share


def _positive(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 1_000_000:
        raise argparse.ArgumentTypeError(f"a number of parts from 1 to 1000000 is expected, {text} came")
    return number


def _kills(text: str) -> int:
    what, _, count = text.partition(":")
    if what != "kill" or not count.isdigit() or not 0 < int(count) <= 1000:
        raise argparse.ArgumentTypeError(f"kill:N with N from 1 to 1000 is expected, such as kill:5; {text!r} came")
    return int(count)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.camera is None and (arguments.model or arguments.labels):
        Progress().say("--model and --labels are for --camera FILE")
        return CALLED_WRONGLY
    if arguments.virtual and arguments.board == "qemu":
        Progress().say("--board qemu runs in wall-clock time; leave --virtual out, or take --board host")
        return CALLED_WRONGLY
    settings = Settings(
        parts=arguments.parts,
        seed=arguments.seed,
        images=arguments.images,
        kills=arguments.chaos,
        runtime=arguments.runtime,
        board=arguments.board,
    )
    progress = Progress()
    if arguments.state is None:
        with tempfile.TemporaryDirectory(prefix="ripieno-demo-") as folder:
            return _demo(arguments, settings, Path(folder), progress)
    if arguments.state.exists() and (not arguments.state.is_dir() or any(arguments.state.iterdir())):
        progress.say(f"{arguments.state}: not an empty folder; name a new one, so that no run is mixed with another")
        return CALLED_WRONGLY
    arguments.state.mkdir(parents=True, exist_ok=True)
    return _demo(arguments, settings, arguments.state.absolute(), progress)


def _demo(arguments: argparse.Namespace, settings: Settings, folder: Path, progress: Progress) -> int:
    say = progress.say if arguments.verbose else _nothing
    if arguments.camera is not None:
        return _camera(arguments, folder, progress, say)
    figures: dict[str, Any]
    if arguments.virtual:
        figures = _virtual(settings, folder, say, progress.show)
    else:
        from .wall import run_wall

        figures = run_wall(settings, folder, say, progress.show, progress.say)
    progress.clear()
    figures = {"seed": settings.seed, **figures, "wall_s": round(_process_age_s(), 3)}
    if arguments.virtual:
        figures["speedup"] = round(figures["virtual_s"] / figures["wall_s"], 1)
    if arguments.state is not None:
        figures["state"] = str(folder)
    from .report import broken, text

    wrong = broken(figures)
    give(arguments, {**figures, "broken": wrong}, "\n".join([text(figures), *(f"BROKEN: {line}" for line in wrong)]))
    return NO if wrong else OK


def _virtual(
    settings: Settings, folder: Path, say: Callable[[str], None], progress: Callable[[str], None]
) -> dict[str, Any]:
    """Run in virtual time, with a studio where there is a second core for it."""
    gc.set_threshold(50_000)  # nearly all of a run dies by its reference counts; looking for cycles costs 5 in 100
    if len(os.sched_getaffinity(0)) < 2:
        from .virtual import run_virtual

        return run_virtual(settings, folder, say, progress)
    from .studio import Studio

    with Studio() as studio:  # first: it starts while this process imports the rest
        from .virtual import run_virtual

        return run_virtual(settings, folder, say, progress, studio)


def _process_age_s() -> float:
    """Return for how long this process has been there, its start and its imports included."""
    began_ticks = int(Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - began_ticks / os.sysconf("SC_CLK_TCK")


def _camera(arguments: argparse.Namespace, folder: Path, progress: Progress, say: Callable[[str], None]) -> int:
    from .camera import run_camera
    from .camera_report import broken, text
    from .camera_scene import CameraSettings

    settings = CameraSettings(
        camera=arguments.camera,
        model=arguments.model,
        labels=arguments.labels,
        seconds=arguments.seconds,
        threshold=arguments.threshold,
        runtime=arguments.runtime,
        step=arguments.step,
    )
    began = time.monotonic()
    figures = run_camera(settings, folder, say, progress.show)
    progress.clear()
    figures["wall_s"] = round(time.monotonic() - began, 3)
    if arguments.state is not None:
        figures["state"] = str(folder)
    wrong = broken(figures)
    give(arguments, {**figures, "broken": wrong}, "\n".join([text(figures), *(f"BROKEN: {line}" for line in wrong)]))
    return NO if wrong else OK


def _nothing(_: str) -> None:
    """Without --verbose the daemon is not heard."""


COMMAND = Command(
    "demo",
    "daily",
    "watch a simulated line being inspected and steered by the real daemon",
    "ripieno demo --parts 300 --seed 7        (30 s at 10 parts/s; with --virtual about 2 s)",
    _arguments,
    _run,
)
