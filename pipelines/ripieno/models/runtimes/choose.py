"""Which runtime: the one that the settings name, else LiteRT where it is installed, else tflite-runtime."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Final

from ripieno.contracts.runtime import Runtime
from ripieno.errors import ModelError

GROUP: Final = "ripieno.runtimes"
BUILT_IN: Final[Mapping[str, str]] = {  # also entry points; here for a source tree that is not installed
    "litert": "ripieno.models.runtimes.litert:RUNTIME",
    "tflite": "ripieno.models.runtimes.tflite:RUNTIME",
}
PREFERRED: Final = ("litert", "tflite")


def known_names() -> Mapping[str, str]:
    """Return the names of all runtimes and where each loads from."""
    from importlib import metadata  # here: looking through what is installed is a tenth of a worker's start

    return {**{point.name: point.value for point in metadata.entry_points(group=GROUP)}, **BUILT_IN}


def choose(name: str | None = None) -> Runtime:
    """Return a runtime that is installed.

    Raises:
        ModelError: the name is not known (says which are), or what it stands for is not installed.
    """
    if name is None:
        for preferred in PREFERRED:
            runtime = _load(BUILT_IN[preferred])
            if runtime.available():
                return runtime
        known = known_names()
        for other in sorted(set(known) - set(PREFERRED)):
            runtime = _load(known[other])
            if runtime.available():
                return runtime
        raise ModelError(
            "no model runtime is installed: install ai-edge-litert, or tflite-runtime on Python 3.11 "
            f"(known: {', '.join(sorted(known))})"
        )
    known = BUILT_IN if name in BUILT_IN else known_names()
    if name not in known:
        raise ModelError(f"unknown runtime {name!r}: there are {', '.join(sorted(known))}")
    runtime = _load(known[name])
    if not runtime.available():
        raise ModelError(f"runtime {name} is not installed here")
    return runtime


def _load(place: str) -> Runtime:
    module, _, attribute = place.partition(":")
    try:
        found: Runtime = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise ModelError(f"runtime at {place} cannot be loaded: {error}") from error
    return found
