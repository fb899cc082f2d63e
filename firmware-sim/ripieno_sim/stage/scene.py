"""What a demo consists of, in files: a state directory with a device file for the simulated line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import ripieno
from ripieno.errors import BundleError
from ripieno_sim.board import BoardSettings
from ripieno_sim.board.channels import config_crc
from ripieno_sim.plant import CHANNELS

from .mortal import Point, draw_points

if TYPE_CHECKING:
    from ripieno_daemon.fleet import Faults

BUNDLE = "quality-control"
COUNTS_PER_MM = 10
BOARDS = ("python", "host", "qemu")
BAUD = 1_000_000
# The pipeline asks where the belt is no older than 500 ms; edges carry the exact count anyway.
BOARD = BoardSettings(table=CHANNELS, baud=BAUD, sample_us=100_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One demo run.

    Attributes:
        kills: how often the daemon is killed, at points drawn from the seed; `points`, where given, are those points.
        bundle: another than the shipped one; its `camera` place must be `camera_mm`.
        faults: of the message-level broker, in virtual time.
        board: python (the virtual board), host (the C firmware as a process) or qemu (its Cortex-M3 image).
    """

    parts: int = 300
    seed: int = 7
    images: Path | None = None
    kills: int = 0
    points: tuple[Point, ...] | None = None
    runtime: str = "auto"
    bundle: Path | None = None
    camera_mm: int = 120
    board: str = "python"
    faults: Faults | None = None

    def deaths(self) -> list[Point]:
        """Return the points at which the daemon dies, one for each life but the last."""
        return draw_points(self.seed, self.kills) if self.points is None else list(self.points)


def bundle_path(name: str = BUNDLE) -> Path:
    """Return where a shipped bundle is: in the wheel beside the library, in a checkout beside its folder.

    Raises:
        BundleError: it is in neither.
    """
    library = Path(ripieno.__file__).parent
    for place in (library / "bundles" / name, library.parent / "bundles" / name):
        if (place / "pipeline.yaml").is_file():
            return place
    raise BundleError(f"the bundle {name} is not installed; looked beside {library}")


def device_file(folder: Path, settings: Settings, *, port: str, camera: str, broker: str, state: str = ".") -> Path:
    """Write `device.yaml` for the simulated line into `folder` and return its path."""
    text = f"""\
# The simulated line of `ripieno demo`: a conveyor's board on a serial port, a camera that writes into a folder.
ripieno: 1
device: {{id: line-1, site: demo}}
pipelines: [{_quoted(str(settings.bundle or bundle_path()))}]
runtime: {settings.runtime}
devices:
  conveyor: {{driver: link, port: {_quoted(port)}, baud: {BAUD}, counts_per_mm: {COUNTS_PER_MM}, rearm: auto,
      release: at_once, config_crc: {config_crc(CHANNELS)}}}
  station:  {{driver: folder-camera, path: {_quoted(camera)}, mode: watch, pattern:
      '(?P<n>[0-9]+)_(?P<count>-?[0-9]+)', counts_per_mm: {COUNTS_PER_MM}}}
  warehouse: {{driver: sqlite-booking, path: stock.sqlite}}
inputs:
  top:       {{device: station}}
  photo_eye: {{device: conveyor, input: 0}}
  belt:      {{device: conveyor}}
outputs:
  gate: {{device: conveyor, channel: 0}}
  flow: {{device: conveyor, channel: 1, scale: 100}}
  stock: {{device: warehouse}}
broker: {broker}
storage: {{state: {_quoted(state)}}}
"""
    path = folder / "device.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def picture_name(index: int, count: int, ending: str) -> str:
    """Return the file name that the camera gives a picture: its number and the encoder's count at exposure."""
    return f"{index:06d}_{count}{ending}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
