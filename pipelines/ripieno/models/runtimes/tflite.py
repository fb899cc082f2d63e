"""tflite-runtime: Google's wheel up to CPython 3.11, last release 2.14.0; also what serves on armv7l."""

from __future__ import annotations

import importlib.util

from ripieno.contracts.runtime import Runtime, Session
from ripieno.errors import ModelError

from .interpreter import open_session
from .versions import version_of

PACKAGE = "tflite-runtime"


class TfliteRuntime:
    """See contracts.runtime.Runtime."""

    name = "tflite"

    def available(self) -> bool:
        return importlib.util.find_spec("tflite_runtime") is not None

    def version(self) -> str:
        return version_of("tflite_runtime", PACKAGE)

    def load(self, model: bytes, threads: int) -> Session:
        try:
            from tflite_runtime.interpreter import Interpreter  # here: it must never load in the control process
        except ImportError as error:
            raise ModelError(
                f"runtime tflite cannot be imported: {error}; install {PACKAGE} with numpy below 2"
            ) from error
        return open_session(Interpreter, model, threads, f"{PACKAGE} {self.version()}")


RUNTIME: Runtime = TfliteRuntime()
