"""The campaign's bundle and device file, and the plan that the real compile step makes of them."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final

from ripieno.contracts.driver import Driver
from ripieno.contracts.runtime import Tensor
from ripieno.language import compile_device
from ripieno.language.declared import declared_models
from ripieno.models.joining import join
from ripieno.models.manifest import FILE_NAME, Manifest, SealedFile, SealedModel, render_manifest
from ripieno.plan import Plan
from ripieno_daemon.compiling.drivers import installed_drivers
from ripieno_sim.board.channels import config_crc
from ripieno_sim.plant import CHANNELS

from ..scene import COUNTS_PER_MM
from .station import DRIVER as STATION

PIPELINE: Final = Path(__file__).with_name("pipeline.yaml")
RELEASES: Final[tuple[tuple[tuple[str, str], ...], ...]] = (
    (),
    (("version: 1.0.0", "version: 1.1.0"), ("look.score >= 0.50", "look.score >= 0.75")),
    (
        ("version: 1.0.0", "version: 2.0.0"),
        ("melt.pressure > 170", "melt.pressure > 160"),
        ("> 0.20", "> 0.30"),
        (
            "  scrap:\n",
            "  hotter: {when: melt.pressure > 165, for: 5s, cooldown: 20s, do: flow.change(-1)}\n\n  scrap:\n",
        ),
    ),
)
"""What each release changes of pipeline.yaml: what passes; what passes, when the flow is trimmed, and a rule more."""
BAUD: Final = 1_000_000
BOARD_PORT, GAUGE_PORT = "board", "gauge"
STAND_IN: Final = (
    b"A stand-in for a model: `ripieno sim run` draws the answers from its seed, nothing runs this file.\n"
)
PICTURE: Final = Tensor("picture", "int8", (1, 80, 80, 3), 1 / 255, -128)
SCORES: Final = Tensor("scores", "int8", (1, 3), 1 / 256, -128)


@dataclass(frozen=True, slots=True)
class Variant:
    """What differs between device files: when acts leave (late, at_once), and who arms (auto, person)."""

    release: str
    rearm: str


def plan_for(variant: Variant, state: Path, release: int = 0) -> Plan:
    """Return the plan of a device with its state in `state`; its digest does not depend on that place.

    `release`: of its rules, one of RELEASES.
    """
    plan = _compiled(variant, release)
    return replace(plan, storage=replace(plan.storage, state=str(state)))


@cache
def drivers() -> dict[str, Driver]:
    """Return the installed drivers that the line needs, and the campaign's camera."""
    known = installed_drivers()
    return {STATION.name: STATION, **{name: known[name] for name in ("link", "lines", "sqlite-booking")}}


@cache
def _compiled(variant: Variant, release: int) -> Plan:
    folder = Path(_workshop(release).name)
    path = folder / f"{variant.release}-{variant.rearm}.yaml"
    path.write_text(_device_file(variant), encoding="utf-8")
    return compile_device(str(path), _read, drivers())


@cache
def _workshop(release: int) -> tempfile.TemporaryDirectory[str]:
    """Write and seal a release of the bundle, once for each process; the folder goes with it."""
    folder = tempfile.TemporaryDirectory(prefix="ripieno-campaign-")
    bundle = Path(folder.name) / "bundle"
    (bundle / "models").mkdir(parents=True)
    pipeline = PIPELINE.read_text(encoding="utf-8")
    for old, new in RELEASES[release]:
        assert old in pipeline, f"release {release} changes {old!r}, which pipeline.yaml has not got"
        pipeline = pipeline.replace(old, new)
    contents = {"pipeline.yaml": pipeline.encode(), "models/stand-in.bin": STAND_IN}
    for name, content in contents.items():
        (bundle / name).write_bytes(content)
    files = {name: SealedFile(hashlib.sha256(one).hexdigest(), len(one)) for name, one in contents.items()}
    declared = declared_models(str(bundle), _read)
    models = {
        one.name: SealedModel(one.file, join(one, files[one.file].sha256, [PICTURE], [SCORES]))
        for one in declared.models
    }
    (bundle / FILE_NAME).write_bytes(render_manifest(Manifest(declared.name, declared.version, files, models)))
    return folder


def _read(path: str) -> bytes:
    return Path(path).read_bytes()


def _device_file(variant: Variant) -> str:
    return f"""\
ripieno: 1
device: {{id: line-1, site: campaign}}
pipelines: [bundle]
devices:
  conveyor:  {{driver: link, port: {BOARD_PORT}, baud: {BAUD}, counts_per_mm: {COUNTS_PER_MM},
      release: {variant.release}, rearm: {variant.rearm}, config_crc: {config_crc(CHANNELS)}}}
  station:   {{driver: {STATION.name}}}
  gauge:     {{driver: lines, port: {GAUGE_PORT}, silent_s: 8}}
  warehouse: {{driver: sqlite-booking, path: stock.sqlite}}
inputs:
  top:       {{device: station}}
  photo_eye: {{device: conveyor, input: 0}}
  belt:      {{device: conveyor}}
  melt:      {{device: gauge, columns: {{pressure: 0}}, units: {{pressure: bar}}, ranges: {{pressure: [0, 400]}},
      stuck_s: 20}}
outputs:
  gate:  {{device: conveyor, channel: 0}}
  flow:  {{device: conveyor, channel: 1, scale: 100}}
  stock: {{device: warehouse}}
broker: {{transport: socket, address: virtual, fleet: campaign}}
storage: {{state: .}}
"""
