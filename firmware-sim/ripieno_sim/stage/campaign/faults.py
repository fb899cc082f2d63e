"""What can go wrong in a campaign, by name. misfortunes.py does what happens at a time; chances lie on each thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind.

    Attributes:
        name: as typed behind --without.
        says: what happens, in a line.
        often: fewest and most times in ten minutes, of a seed that has it; None: it has a chance instead.
        chance: of each thing that it may befall, lowest and highest, of a seed that has it.
        lasts_s: shortest and longest, where it takes time; drawn evenly in the logarithm.
        had_by: which part of all seeds have it.
    """

    name: str
    says: str
    often: tuple[int, int] | None = None
    chance: tuple[float, float] | None = None
    lasts_s: tuple[float, float] = (0.0, 0.0)
    had_by: float = 0.4


_TABLE: Final = (
    # the daemon
    Fault("kill", "SIGKILL at a random instant", (1, 4), had_by=0.7),
    Fault("kill-at-point", "SIGKILL just before or after a commit, an intent, a picture or a byte", (1, 5), had_by=0.7),
    Fault("kill-at-act", "SIGKILL between an act and the record of its outcome", (1, 4), had_by=0.6),
    Fault("restart", "it is stopped in order and started again", (1, 2)),
    Fault("gap", "after an end it stays away for 2 to 120 s, not for at most 2 s", chance=(0.3, 0.8), had_by=0.5),
    Fault("switch", "another release of its rules is put in force; often it is killed near it", (1, 4), had_by=0.5),
    Fault("held", "a person holds the outputs safe, and rearms them later", (1, 2), lasts_s=(1.0, 30.0), had_by=0.2),
    # the serial line
    Fault("noise", "bytes are flipped, dropped, doubled and invented", (1, 3), lasts_s=(0.2, 8.0)),
    Fault("outage", "the line is dead, in one direction or both", (1, 4), lasts_s=(0.05, 8.0)),
    Fault("held-up", "bytes are held up for up to 0.6 s and come together", (1, 2), lasts_s=(0.5, 5.0)),
    Fault("unplug", "the plug is pulled and put back", (1, 3), lasts_s=(0.01, 12.0)),
    Fault("stuck-writer", "the port takes no bytes", (1, 2), lasts_s=(0.05, 3.0)),
    # the board
    Fault("board-reset", "the board is reset and keeps its memory", (1, 4)),
    Fault("board-forgets", "the board loses power and with it its memory", (1, 2)),
    Fault("count-lost", "the board is reset and the encoder's count is lost", (1, 2)),
    Fault("power-at-step", "power fails between two steps of a command", (1, 2), lasts_s=(1.0, 10.0)),
    Fault("board-hangs", "the firmware hangs, and is bitten by its watchdog if for long", (1, 3), lasts_s=(0.005, 0.8)),
    Fault("e-stop", "the emergency stop is pressed, released and reset", (1, 1), lasts_s=(0.3, 4.0)),
    # the belt
    Fault("belt-jams", "the belt stands for a moment", (2, 8), lasts_s=(0.1, 4.0)),
    Fault("belt-speed", "the belt goes on at another speed", (2, 12)),
    Fault("belt-reverses", "the belt runs back for a moment", (1, 4), lasts_s=(0.02, 0.4)),
    # the camera
    Fault("camera-stops", "no pictures come", (1, 3), lasts_s=(0.5, 15.0)),
    Fault("camera-dark", "the pictures are dark", (1, 2), lasts_s=(0.5, 8.0)),
    Fault("camera-frozen", "the same picture comes again and again", (1, 3), lasts_s=(0.5, 15.0)),
    Fault("picture-missing", "the picture of a part is not taken", chance=(0.002, 0.1)),
    Fault("picture-late", "a picture comes up to 3 s late", chance=(0.002, 0.1)),
    Fault("picture-twice", "a picture is told twice", chance=(0.002, 0.1)),
    Fault("picture-foreign", "a picture of nothing comes between two parts", chance=(0.002, 0.1)),
    # the model
    Fault("model-late", "an answer comes after its deadline, or is given up then", chance=(0.002, 0.1)),
    Fault("model-damaged", "a picture cannot be read, or an answer is not finite", chance=(0.002, 0.05)),
    Fault("worker-dies", "the worker dies under a call", chance=(0.002, 0.05)),
    Fault("model-out-of-use", "the model is out of use", (1, 1), lasts_s=(1.0, 20.0)),
    # the sensor
    Fault("sensor-silent", "the sensor prints nothing", (1, 3), lasts_s=(1.0, 25.0)),
    Fault("sensor-stuck", "the sensor prints the same number", (1, 2), lasts_s=(5.0, 40.0)),
    Fault("sensor-garbled", "a line of the sensor is damaged, or no plausible number", chance=(0.01, 0.2)),
    # disk, clock
    Fault("disk-full", "the databases take nothing; the intents have a file of their own", (1, 3), lasts_s=(0.2, 30.0)),
    Fault("disk-fails", "nothing can be written", (1, 2), lasts_s=(0.1, 5.0)),
    Fault("disk-slow", "a write takes up to 2 s", (1, 2), lasts_s=(1.0, 10.0)),
    Fault("clock-steps", "the wall clock steps by hours, back or forth", (1, 3)),
    # the broker
    Fault("broker-loses", "a message is lost: a batch, or a receipt", chance=(0.01, 0.1)),
    Fault("broker-repeats", "a message comes twice", chance=(0.01, 0.2)),
    Fault("broker-delays", "a message comes up to 5 s late, and others before it", chance=(0.01, 0.2)),
    Fault("broker-down", "the broker cuts all connections and is away", (1, 3), lasts_s=(0.1, 40.0)),
    Fault("broker-forgets", "the broker loses its sessions and what it holds", (1, 2), lasts_s=(0.1, 3.0)),
    Fault("consumer-dies", "the consumer is killed and started again", (1, 3), lasts_s=(0.05, 10.0)),
)  # fmt: skip

FAULTS: Final = {fault.name: fault for fault in _TABLE}
