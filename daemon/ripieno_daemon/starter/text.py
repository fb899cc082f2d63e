"""The text of a first device file."""

from __future__ import annotations

from dataclasses import dataclass, field

SIMULATED = "simulated-line"


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person has chosen.

    Attributes:
        port: the board's serial port, "" for a simulated line.
        camera: the folder that the camera writes into; of a simulated line its own.
        line: where a simulated line puts its port and pictures.
        found: what is attached and not used, as lines for a comment.
    """

    device: str
    site: str
    bundle: str
    state: str
    port: str
    camera: str
    line: str
    found: tuple[str, ...] = field(default=())


def device_text(choice: Choice) -> str:
    """Return the device file."""
    head = f"""\
# This device: what runs on it, and which machine serves what. `ripieno check THIS_FILE` says what is wrong in it, each
# with its place; `ripieno reload` puts a changed file into force without a stop, or refuses it.
ripieno: 1
device: {{id: {choice.device}, site: {choice.site}}}

# What runs: a folder with a pipeline.yaml and its models, sealed (`ripieno bundle seal DIR` after every change of it).
pipelines: [{_quoted(choice.bundle)}]

# If this file has problems at a start: last_good runs the plan that worked last, loudly; refuse does not start.
on_bad_config: last_good

devices:
"""
    return "\n".join([head + _devices(choice), *_found(choice), _BINDINGS + _storage(choice)])


def _devices(choice: Choice) -> str:
    simulated = not choice.port
    port = choice.port or f"{choice.line}/conveyor"
    lines = []
    if simulated:
        lines += [
            "  # No machine is attached: a simulated conveyor brings a serial port and a camera. To go on with a real",
            "  # one, take this line out and give the board's port and the camera's folder below (see `ripieno scan`).",
            f"  simulation: {{driver: {SIMULATED}, path: {_quoted(choice.line)}}}",
            "",
        ]
    arm, baud = ("auto", 1_000_000) if simulated else ("person", 115_200)
    lines += [
        "  # The board that moves the gate and counts the belt. rearm: who lets outputs move after a start or a fault,",
        "  # a person (`ripieno rearm`) or auto. `ripieno scan --probe` tells uid and config_crc, which pin the board.",
        f"  conveyor: {{driver: link, port: {_quoted(port)}, baud: {baud}, counts_per_mm: 10, rearm: {arm}}}",
        "",
        "  # The camera writes each picture into a folder; the name holds its number and the encoder's count.",
        f"  station: {{driver: folder-camera, path: {_quoted(choice.camera)}, mode: watch, counts_per_mm: 10,",
        "      pattern: '(?P<n>[0-9]+)_(?P<count>-?[0-9]+)'}",
        "",
        "  # Where scrap is booked, each part once.",
        "  warehouse: {driver: sqlite-booking, path: stock.sqlite}",
    ]
    return "\n".join(lines)


def _found(choice: Choice) -> list[str]:
    if not choice.found:
        return [""]
    return ["", "# Attached, and not used yet:", *(f"#   {line}" for line in choice.found), ""]


_BINDINGS = """\
# Which device serves which input and output of the pipeline.
inputs:
  top:       {device: station}
  photo_eye: {device: conveyor, input: 0}
  belt:      {device: conveyor}
outputs:
  gate:  {device: conveyor, channel: 0}
  flow:  {device: conveyor, channel: 1, scale: 100}
  stock: {device: warehouse}

# Results wait in the ledger until a broker is named: {transport: mqtt, address: broker.local, fleet: my-fleet}
broker: {transport: none}

"""


def _storage(choice: Choice) -> str:
    return f"storage: {{state: {_quoted(choice.state)}}}\n"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
