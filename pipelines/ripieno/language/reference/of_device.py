"""The page of device.yaml, with the drivers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from ripieno.contracts.driver import Driver

from .. import device_file
from ..describing import about
from ..hints import hints_of, section_in
from .markdown import inner, intro, section


def device(drivers: Mapping[str, Driver]) -> Iterator[str]:
    """Yield the lines."""
    cls = device_file.DeviceFile
    yield "# device.yaml"
    yield ""
    yield from intro(
        about(cls)
        + " `ripieno init` writes a first one; `ripieno check` says everything that is wrong in it. Editors use "
        "[device.schema.json](device.schema.json)."
    )
    yield from section(cls)
    for key, hint in hints_of(cls).items():
        held = section_in(hint)
        if held is not None:
            yield f"## {key}"
            yield ""
            yield from intro(about(held))
            yield from section(held)
            yield from inner(held)
    for key, one in (("devices", device_file.Machine), ("inputs, outputs", device_file.Binding)):
        yield f"## {key}"
        yield ""
        yield from intro(about(one))
        yield from section(one)
    yield "## Drivers"
    yield ""
    yield from intro("`ripieno driver test NAME` tries one against a simulated device.")
    for name in sorted(drivers):
        yield from _driver(drivers[name])


def _driver(driver: Driver) -> Iterator[str]:
    yield f"### `driver: {driver.name}`"
    yield ""
    inputs, outputs = ", ".join(sorted(driver.inputs)) or "none", ", ".join(sorted(driver.outputs)) or "none"
    yield from intro(f"{driver.summary[0].upper()}{driver.summary[1:]}. Inputs: {inputs}. Outputs: {outputs}.")
    if "pulse" in driver.outputs:
        safe = "of some devices" if callable(driver.falls_safe) else "yes" if driver.falls_safe else "no"
        yield from intro(f"Pulses: {driver.pulse_contract}. Falls safe by itself: {safe}.")
    for what, cls in (("the device", driver.settings), ("each input or output of it", driver.point)):
        if dataclasses.fields(cls):
            yield f"For {what}: {about(cls)}"
            yield ""
            yield from section(cls)
