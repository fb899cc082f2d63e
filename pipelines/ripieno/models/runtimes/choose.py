"""Which runtime: the one that the settings name, else LiteRT where it is installed, else tflite-runtime."""

from __future__ import annotations

import importlib
import importlib.metadata
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


def known_names() -> dict[str, str]:
    """Return the names of all runtimes and where each loads from."""
    return {**BUILT_IN, **{point.name: point.value for point in importlib.metadata.entry_points(group=GROUP)}}


def choose(name: str | None = None) -> Runtime:
    """Return a runtime that is installed.

    Raises:
        ModelError: the name is not known (says which are), or what it stands for is not installed.
    """
    known = known_names()
    if name is None:
        for preferred in (*PREFERRED, *sorted(set(known) - set(PREFERRED))):
            runtime = _load(known[preferred])
            if runtime.available():
                return runtime
        raise ModelError(
            "no model runtime is installed: install ai-edge-litert, or tflite-runtime on Python 3.11 "
            f"(known: {', '.join(sorted(known))})"
        )
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
