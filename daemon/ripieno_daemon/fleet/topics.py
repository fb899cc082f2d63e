"""Topics: fixed depth, direction first, so that a broker's access list is three patterns (FLEET, topics).

ripieno/1/FLEET/DEVICE/up/...   written by the device
ripieno/1/FLEET/DEVICE/dn/...   read by the device
ripieno/1/FLEET/{all,grp,meta}  for many
"""

from __future__ import annotations

from typing import NamedTuple

ROOT = "ripieno/1"
RESERVED = frozenset({"all", "grp", "meta"})
MAX_NAME = 64


class StreamTopic(NamedTuple):
    """Who sent a batch, and of which stream."""

    device: str
    stream: str


class Topics:
    """The topics of one device of one fleet.

    Raises:
        ValueError: a name that would be another level, a wildcard, or stands for many.
    """

    def __init__(self, fleet: str, device: str) -> None:
        self.fleet = check_name(fleet)
        self.device = check_name(device)
        if device in RESERVED:
            raise ValueError(f"a device cannot be called {device!r}: that name stands for many")
        self._base = f"{ROOT}/{fleet}/{device}"

    @property
    def state(self) -> str:
        """Birth and death; retained."""
        return f"{self._base}/up/state"

    @property
    def reported(self) -> str:
        """What the twin is; retained."""
        return f"{self._base}/up/rep"

    @property
    def desired(self) -> str:
        """What the twin should be; retained."""
        return f"{self._base}/dn/des"

    def stream(self, stream: str) -> str:
        """Batches of a stream."""
        return f"{self._base}/up/s/{check_name(stream)}"

    def mirror(self, stream: str) -> str:
        """Rows of a stream as plain JSON, one a message, for subscribers that are not ours."""
        return f"{self._base}/up/json/{check_name(stream)}"

    def receipt(self, stream: str) -> str:
        """Receipts of a stream."""
        return f"{self._base}/dn/ack/{check_name(stream)}"

    @property
    def commands(self) -> str:
        """Commands for this device."""
        return f"{self._base}/dn/cmd"

    @property
    def answers(self) -> str:
        """States and results of commands."""
        return f"{self._base}/up/cmd"

    @property
    def wanted_chunks(self) -> str:
        """What a device asks for of a bundle."""
        return f"{self._base}/up/get"

    @property
    def chunks(self) -> str:
        """Pieces of a bundle for this device."""
        return f"{self._base}/dn/blk"

    @property
    def own(self) -> list[str]:
        """What a device subscribes to."""
        return [f"{self._base}/dn/#", self.commands_to_all, f"{ROOT}/{self.fleet}/meta/+"]

    @property
    def commands_to_all(self) -> str:
        """Commands for several devices; which ones is inside the signature."""
        return f"{ROOT}/{self.fleet}/all/cmd"


def every_stream(fleet: str) -> str:
    """Return the subscription of a consumer: all streams of all devices."""
    return f"{ROOT}/{check_name(fleet)}/+/up/s/+"


def every_up(fleet: str, what: str) -> str:
    """Return the subscription of a console: `what` of all devices (state, rep, cmd, s/+)."""
    return f"{ROOT}/{check_name(fleet)}/+/up/{what}"


def parse_stream(topic: str) -> StreamTopic:
    """Return device and stream of a batch's topic.

    Raises:
        ValueError: it is no such topic.
    """
    parts = topic.split("/")
    if len(parts) != 7 or parts[:2] != ROOT.split("/") or parts[4:6] != ["up", "s"]:
        raise ValueError(f"{topic!r} is no topic of a stream")
    return StreamTopic(check_name(parts[3]), check_name(parts[6]))


def is_json(topic: str) -> bool:
    """Whether plain JSON is published there."""
    return topic.split("/")[4:6] == ["up", "json"]


def is_never_retained(topic: str) -> bool:
    """Whether a retained message has no place here: a command that a broker kept would come at every connect."""
    return topic.endswith("/cmd")


def check_name(name: str) -> str:
    """Return `name` if it can be one level of a topic."""
    if (
        not 0 < len(name) <= MAX_NAME
        or not name.isascii()
        or not name.replace("-", "").replace("_", "").replace(".", "").isalnum()
    ):
        raise ValueError(f"{name!r} should be 1 to {MAX_NAME} letters, digits, '-', '_' or '.'")
    return name


def matches(pattern: str, topic: str) -> bool:
    """Tell whether a subscription with `+` and `#` covers a topic (MQTT 5, section 4.7)."""
    wanted, given = pattern.split("/"), topic.split("/")
    for index, level in enumerate(wanted):
        if level == "#":
            return not (topic.startswith("$") and index == 0)
        if index >= len(given) or (level != "+" and level != given[index]):
            return False
    return len(wanted) == len(given)
