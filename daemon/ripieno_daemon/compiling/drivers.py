"""The drivers that are installed: entry points of group `ripieno.drivers`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from importlib import metadata

from ripieno.contracts.driver import Driver

GROUP = "ripieno.drivers"


class InstalledDrivers(Mapping[str, Driver]):
    """Drivers by name; one is loaded when it is asked for, so that a broken one harms only those who use it."""

    def __init__(self) -> None:
        self._points = {point.name: point for point in metadata.entry_points(group=GROUP)}
        self._loaded: dict[str, Driver] = {}

    def __getitem__(self, name: str) -> Driver:
        if name not in self._loaded:
            point = self._points[name]
            try:
                self._loaded[name] = point.load()
            except Exception as error:
                print(f"driver {name} ({point.value}) cannot be loaded: {error}", file=sys.stderr)
                del self._points[name]
                raise KeyError(name) from error
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._points))

    def __len__(self) -> int:
        return len(self._points)


def installed_drivers() -> Mapping[str, Driver]:
    """Return the installed drivers."""
    return InstalledDrivers()
