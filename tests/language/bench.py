"""Files in memory, stand-in drivers, and the shipped pipeline with a device file for it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Gt, Le

from ripieno.contracts.driver import Driver, Place
from ripieno.errors import ConfigError, Problem
from ripieno.language import check_pipeline, compile_device
from ripieno.plan import PipelinePlan, Plan

TESTS = Path(__file__).parents[1]
PINNED = TESTS / "golden" / "language" / "quality-control.yaml"  # tests pin its lines: the shipped one may change
SHIPPED = TESTS.parent / "pipelines" / "bundles" / "quality-control" / "pipeline.yaml"
BUNDLE = "site/bundles/quality-control"
PIPELINE_FILE = f"{BUNDLE}/pipeline.yaml"
DEVICE_FILE = "site/device.yaml"
MODEL = b"not looked into"

DEVICE = """\
ripieno: 1
device: {id: line-1, site: demo}
pipelines: [bundles/quality-control]
runtime: auto
devices:
  conveyor: {driver: board, port: /dev/serial/by-id/x, baud: 115200, counts_per_mm: 10, rearm: auto}
  station:  {driver: folder, path: /var/spool/camera, mode: watch}
inputs:
  top: {device: station}
  photo_eye: {device: conveyor, input: 0}
  belt: {device: conveyor}
outputs:
  gate: {device: conveyor, channel: 0}
  flow: {device: conveyor, channel: 1, scale: 100}
broker: {transport: mqtt, address: localhost, port: 1883, fleet: demo}
storage: {state: /var/lib/ripieno, group_commit: 250ms, quota: 2GB}
"""


@dataclass(frozen=True, kw_only=True)
class BoardSettings:
    """Like the link driver's."""

    port: Annotated[str, Place()]
    counts_per_mm: Annotated[float, Gt(0), Le(1e6)]
    baud: Annotated[int, Gt(0)] = 115200
    rearm: Literal["person", "auto"] = "person"


@dataclass(frozen=True, kw_only=True)
class BoardPoint:
    """Like the link driver's."""

    input: int | None = None
    channel: int | None = None
    scale: Annotated[float, Gt(0)] = 1.0


@dataclass(frozen=True, kw_only=True)
class FolderSettings:
    """Like the folder camera's."""

    path: Annotated[str, Place()]
    mode: Literal["watch", "once"] = "watch"


@dataclass(frozen=True, kw_only=True)
class FolderPoint:
    """Nothing to say."""


def driver(
    name: str,
    settings: type,
    point: type,
    inputs: str,
    outputs: str,
    falls_safe: bool = True,
    contract: str = "exactly-once",
) -> Driver:
    """Return a driver that cannot be opened."""
    kinds = frozenset(inputs.split()), frozenset(outputs.split())
    return Driver(name, name, settings, point, *kinds, contract, falls_safe, _never)


def _never(settings: Any, context: Any) -> Any:
    raise AssertionError("the compile step opens no device")


DRIVERS = {
    "board": driver("board", BoardSettings, BoardPoint, "edge position", "pulse setpoint"),
    "coil": driver("coil", BoardSettings, BoardPoint, "edge position", "pulse setpoint", falls_safe=False),
    "blind": driver("blind", BoardSettings, BoardPoint, "edge position", "pulse setpoint", contract="at-most-once"),
    "folder": driver("folder", FolderSettings, FolderPoint, "frame", ""),
}


def sealed(pipeline: str, model: bytes = MODEL, **changes: Any) -> dict[str, bytes]:
    """Return the files of a bundle with this pipeline, sealed."""
    entry: dict[str, Any] = {
        "file": "models/bead.int8.tflite",
        "sha256": hashlib.sha256(model).hexdigest(),
        "task": "classify",
        "labels": ["normal", "over", "under"],
        "input": {"colour": "rgb", "resize": "linear"},
        "tensors": {"input": {"dtype": "int8", "shape": [1, 64, 64, 3], "scale": 0.003921569, "zero_point": -128}},
        "golden": [],
        "fingerprint": {},
    }
    files = {"pipeline.yaml": pipeline.encode(), "models/bead.int8.tflite": model}
    manifest = {
        "format": 1,
        "name": "quality-control",
        "version": "1.0.0",
        "files": {name: {"sha256": hashlib.sha256(one).hexdigest(), "bytes": len(one)} for name, one in files.items()},
        "models": {"bead": {**entry, **changes}},
    }
    return {
        **{f"{BUNDLE}/{name}": one for name, one in files.items()},
        f"{BUNDLE}/manifest.json": json.dumps(manifest).encode(),
    }


def shipped() -> str:
    """Return the text of the pipeline as it was first shipped."""
    return PINNED.read_text()


def compile_texts(pipeline: str | None = None, device: str = DEVICE, files: Mapping[str, bytes] | None = None) -> Plan:
    """Return the plan of these texts."""
    store = {**sealed(shipped() if pipeline is None else pipeline), DEVICE_FILE: device.encode(), **(files or {})}

    def read(path: str) -> bytes:
        if path not in store:
            raise FileNotFoundError(2, "No such file or directory")
        return store[path]

    return compile_device(DEVICE_FILE, read, DRIVERS)


def problems_of(
    pipeline: str | None = None, device: str = DEVICE, files: Mapping[str, bytes] | None = None
) -> tuple[Problem, ...]:
    """Return the problems of these texts, none if they compile."""
    try:
        compile_texts(pipeline, device, files)
    except ConfigError as error:
        return error.problems
    return ()


def check(pipeline: str | bytes) -> tuple[Problem, ...]:
    """Return the problems of a bundle with this pipeline."""
    encoded = pipeline if isinstance(pipeline, bytes) else pipeline.encode()
    store = {**sealed(""), **sealed(encoded.decode(errors="replace")), PIPELINE_FILE: encoded}
    return check_pipeline(BUNDLE, store.__getitem__)


def told(problems: tuple[Problem, ...]) -> list[str]:
    """Return the problems as a person reads them, without the files' folders."""
    return [str(one).replace(f"{BUNDLE}/", "").replace("site/", "") for one in problems]


def with_rule(rule: str) -> str:
    """Return the shipped pipeline with these rules only."""
    head = shipped().partition("\nrules:\n")[0]
    return f"{head}\nrules:\n{rule}"


def pipeline_plan(pipeline: str | None = None) -> PipelinePlan:
    """Return the plan of the pipeline."""
    return compile_texts(pipeline).pipelines[0]
