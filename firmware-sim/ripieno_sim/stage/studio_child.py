"""What the studio's process does: `python -m ripieno_sim.stage.studio_child` answers pickled questions in order.

    ("load", plain, runtime) -> Loaded
    ("draw", width, seed)    -> ((picture, ending), {model: Inferred})
    ("run", model, picture)  -> Inferred

A ModelError is an answer, too.
"""

from __future__ import annotations

import pickle
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ripieno.contracts.runtime import Loaded
from ripieno.errors import ModelError
from ripieno.models.parts import Box
from ripieno.models.runtimes import choose
from ripieno.values import Inferred
from ripieno_daemon.workers.served import ServedModel

from .pictures import drawn


class _Desk:
    """Keeps the models; each method answers one question."""

    def __init__(self) -> None:
        self._served: dict[str, ServedModel] = {}

    def load(self, plain: dict[str, Any], runtime: str | None) -> Loaded:
        served = ServedModel.load(plain, choose(runtime), lambda name: Path(name).read_bytes(), lambda: 0)
        self._served[served.name] = served
        return served.loaded

    def draw(self, width_ratio: float, seed: int) -> tuple[tuple[bytes, str], dict[str, Inferred]]:
        picture, ending = drawn(width_ratio, seed)
        said = {}
        for name in self._served:
            try:
                said[name] = self.run(name, picture)
            except ModelError:
                pass  # whoever asks for it gets it told
        return (picture, ending), said

    def run(self, model: str, picture: bytes) -> Inferred:
        return self._served[model].run(picture)

    def run_parts(self, model: str, picture: bytes, parts: Sequence[Box]) -> Inferred:
        return self._served[model].run(picture, parts)


def main() -> int:
    """Answer until the questions end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever asks; its end ends the questions
    desk = _Desk()
    does: dict[str, Callable[..., object]] = {"load": desk.load, "draw": desk.draw, "run": desk.run}
    does["run_parts"] = desk.run_parts
    while True:
        try:
            what, *given = pickle.load(sys.stdin.buffer)
        except EOFError:
            return 0
        try:
            answer = does[what](*given)
        except ModelError as error:
            answer = error
        pickle.dump(answer, sys.stdout.buffer, pickle.HIGHEST_PROTOCOL)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    sys.exit(main())
