"""The channels of alarms: is what they need there? Whether somebody is reached, `ripieno alarms test` says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ripieno.plan import DevicePlan
from ripieno.plan.tree import AlarmsPlan

from .finding import Finding, bad, good


def alarms(plan: AlarmsPlan) -> Iterator[Finding]:
    """Look at each channel of the device file."""
    if not plan.channels:
        yield good("alarms", "no channel is named: they stand on the list, and nobody is told (alarms.channels)")
        return
    serving = {point.name: device for device in plan.devices for point in device.points}
    for channel in plan.channels:
        about, device = f"alarm channel {channel.name}", serving.get(channel.point)
        missing = [name for name in _files(device.places if device else {}) if not os.access(name, os.R_OK)]
        if missing:
            yield bad(about, f"{missing[0]} cannot be read", "put it there, readable for the daemon alone")
            continue
        where = _where(device) if device is not None else "a lamp or horn on a board"
        yield good(about, f"{where}, from {channel.severity} on; `ripieno alarms test` tries it")


def _files(places: dict[str, Any]) -> Iterator[Path]:
    """Yield the files with secrets and certificates that a device's settings name."""
    for key, value in places.items():
        if key.endswith("_file") and value:
            yield Path(value)
        elif key == "secret_headers":
            yield from map(Path, value.values())


def _where(device: DevicePlan) -> str:
    place = next((str(device.places[key]) for key in ("url", "host", "path") if key in device.places), "")
    return f"{device.driver} at {place}" if place else device.driver
