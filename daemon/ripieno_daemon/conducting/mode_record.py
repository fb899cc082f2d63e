"""What the record says of modes: one `command` for each change, with who wanted it and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from .modes import LONGEST_TEXT, OBSERVE, Modes, Override


class ModeRecord:
    """Writes them. `command`: takes the body of one record."""

    def __init__(self, command: Callable[[Mapping[str, object]], None]) -> None:
        self._command = command
        self._again: set[str] = set()

    def switched(self, observes: bool, pipelines: Sequence[str], by: str, why: str) -> None:
        """Pipelines observe, or act again."""
        kind = "observe" if observes else "act"
        self._command({"kind": kind, "pipelines": list(pipelines), "by": by, "why": why[:LONGEST_TEXT]})

    def taken(self, one: Override, what: str, again: bool = False) -> None:
        """An output is on manual or bypass. `what`: as asked for. `again`: a start says it once more."""
        body = {"kind": one.how, "output": one.output, "for_s": one.for_ns / 1e9, "by": one.by, "why": one.why}
        self._command({**body, **({"what": what} if what else {}), **({"again": True} if again else {})})

    def given(self, kind: str, one: Override, by: str, why: str) -> None:
        """An override is over: auto (`by` a person), ended (with `safe`, or to observe) or expired (by itself)."""
        self._command({"kind": kind, "output": one.output, "how": one.how, "by": by, "why": why[:LONGEST_TEXT]})

    def again(self, modes: Modes, output: str, how: str, was: str) -> None:
        """A start finds in force what the record does not hold: the device file was changed, or its last words are
        lost.
        """
        override, pipeline = modes.overrides.get(output), modes.pipeline_of(output)
        if override is not None:
            self.taken(override, "", again=True)
        elif OBSERVE in (how, was) and pipeline not in self._again:
            self._again.add(pipeline)
            said = modes.said(pipeline)
            self.switched(bool(how), [pipeline], said["by"], said["why"])
