"""LiteRT (ai-edge-litert): the maintained successor of tflite-runtime.

It applies XNNPACK to quantized models too, which made them 3.8 to 11.5 times faster on x86-64.
"""

from __future__ import annotations

import importlib.util

from ripieno.contracts.runtime import Runtime, Session
from ripieno.errors import ModelError

from .interpreter import open_session
from .versions import version_of

PACKAGE = "ai-edge-litert"


class LitertRuntime:
    """See contracts.runtime.Runtime."""

    name = "litert"

    def available(self) -> bool:
        return importlib.util.find_spec("ai_edge_litert") is not None

    def version(self) -> str:
        return version_of("ai_edge_litert", PACKAGE)

    def load(self, model: bytes, threads: int) -> Session:
        try:
            from ai_edge_litert.interpreter import Interpreter  # here: it must never load in the control process
        except ImportError as error:
            raise ModelError(f"runtime litert cannot be imported: {error}; install {PACKAGE}") from error
        return open_session(Interpreter, model, threads, f"{PACKAGE} {self.version()}")


RUNTIME: Runtime = LitertRuntime()
