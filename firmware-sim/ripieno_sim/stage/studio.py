"""The studio: pictures are drawn, and the model is run on them, in a process of its own, while the loop goes on.

A part's picture follows from its width and the seed as soon as it is laid, half a second before the camera sees it;
what the model says of a picture follows from its bytes. So both are begun early and only waited for when they are due:
the same bytes and answers as in one process, in less time.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ripieno.errors import ModelError, RipienoError
from ripieno.models.parts import Box
from ripieno.values import Inferred
from ripieno_sim.plant.parts import Part

from .pictures import Picture, picture_seed

if TYPE_CHECKING:
    from ripieno.contracts.runtime import Loaded
    from ripieno_daemon.workers.parts import PooledModel

CHILD = "ripieno_sim.stage.studio_child"
LAST_WORDS = 2000
KEPT = 64  # answers that nobody asked for yet
AHEAD = 3  # parts: with fewer begun, all that are laid are asked for at once, because each call costs a switch


class Studio:
    """Starts the process at once; use as a context. Answers come in the order of the questions."""

    def __init__(self) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115  closed in __exit__
        self._child = subprocess.Popen(
            [sys.executable, "-m", CHILD],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            bufsize=-1,
        )
        self._takers: deque[Callable[[Any], None]] = deque()
        self._answers: dict[tuple[str, bytes], Inferred] = {}
        self._drawn: dict[int, tuple[bytes, str]] = {}
        self._asked = 0
        self._questions = b""

    def __enter__(self) -> Studio:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.kill()
        self._child.communicate()
        self._said.close()

    def pictures(self, seed: int, parts: Sequence[Part]) -> Picture:
        """Return what draws the parts of a belt: each is begun when the camera sees one before it."""

        def draw(part: Part) -> tuple[bytes, str]:
            if self._asked - part.index < AHEAD:
                for coming in parts[self._asked :]:
                    question = ("draw", coming.width_ratio, picture_seed(seed, coming.index))
                    self._ask(question, self._keeper(coming.index))
                self._asked = len(parts)
                self._send()
            while part.index not in self._drawn:
                self._take()
            return self._drawn.pop(part.index)

        return draw

    def serve(self, model: PooledModel, runtime: str | None) -> _Served:
        """Load a model there, with its self-test; see workers.inline.Serve. Raises ModelError."""
        self._answers.clear()
        return _Served(self, model.spec.name, self._wait(("load", model.to_plain(), runtime)))

    def run(self, model: str, encoded: bytes) -> Inferred:
        """Return what a model says of a picture. Raises ModelError."""
        while (model, encoded) not in self._answers and len(self._takers):
            self._take()
        known = self._answers.pop((model, encoded), None)
        answer = self._wait(("run", model, encoded)) if known is None else known
        assert isinstance(answer, Inferred)
        return answer

    def run_parts(self, model: str, encoded: bytes, parts: Sequence[Box]) -> Inferred:
        """Return what a model says of parts of a picture. Raises ModelError."""
        answer = self._wait(("run_parts", model, encoded, list(parts)))
        assert isinstance(answer, Inferred)
        return answer

    def _died(self) -> RipienoError:
        self._said.seek(0)
        words = self._said.read()[-LAST_WORDS:].decode(errors="replace").strip()
        return RipienoError(f"the process that draws the pictures has died\n{words}".rstrip())

    def _keeper(self, index: int) -> Callable[[Any], None]:
        def keep(answer: tuple[tuple[bytes, str], dict[str, Inferred]]) -> None:
            self._drawn[index], said = answer
            for model, inferred in said.items():
                self._answers[model, self._drawn[index][0]] = inferred
            while len(self._answers) > KEPT:
                del self._answers[next(iter(self._answers))]

        return keep

    def _ask(self, question: tuple[Any, ...], take: Callable[[Any], None]) -> None:
        self._questions += pickle.dumps(question, pickle.HIGHEST_PROTOCOL)
        self._takers.append(take)

    def _send(self) -> None:
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(self._questions)
            self._child.stdin.flush()
        except BrokenPipeError as error:
            raise self._died() from error
        self._questions = b""

    def _take(self) -> None:
        """Take the next answer, for whoever asked."""
        assert self._child.stdout is not None
        try:
            answer = pickle.load(self._child.stdout)  # written by our own child, through a pipe that nobody else has
        except EOFError as error:
            raise self._died() from error
        take = self._takers.popleft()
        if isinstance(answer, ModelError):
            raise answer
        take(answer)

    def _wait(self, question: tuple[Any, ...]) -> Any:
        got: list[Any] = []
        self._ask(question, got.append)
        self._send()
        while not got:
            self._take()
        return got[0]


class _Served:
    """A model in the studio; see workers.inline.Served."""

    def __init__(self, studio: Studio, name: str, loaded: Loaded) -> None:
        self._studio, self._name, self.loaded = studio, name, loaded

    def run(self, encoded: bytes, parts: Sequence[Box] = ()) -> Inferred:
        """Return what the model says of a picture, or of parts of it. Raises ModelError."""
        return self._studio.run_parts(self._name, encoded, parts) if parts else self._studio.run(self._name, encoded)
