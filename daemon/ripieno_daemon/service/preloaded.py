"""Workers that were started before they are needed: a reload loads the new models beside the old ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ripieno.contracts.ports import Inference
from ripieno.contracts.runtime import Loaded
from ripieno.values import Inferred


class Preloaded:
    """An Inference whose `start` has been awaited already."""

    def __init__(self, inference: Inference, loaded: Mapping[str, Loaded]) -> None:
        self._inference, self._loaded = inference, loaded

    async def start(self) -> Mapping[str, Loaded]:
        """Return what was loaded."""
        return self._loaded

    async def infer(self, step: str, given: Any) -> Inferred:
        """See contracts.ports.Inference."""
        return await self._inference.infer(step, given)

    async def stop(self) -> None:
        """See contracts.ports.Inference."""
        await self._inference.stop()
