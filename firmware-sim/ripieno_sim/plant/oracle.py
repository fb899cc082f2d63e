"""What really happened, against what was decided."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ripieno_sim.plant.gate import Opening
from ripieno_sim.plant.parts import End, Part

__all__ = ["Oracle", "Tally"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many parts there were, how many ended where, and how many ended elsewhere than decided."""

    parts: int
    ended: int
    good_passed: int
    good_diverted: int
    bad_passed: int
    bad_diverted: int
    decided_pass_but_diverted: int
    decided_divert_but_passed: int
    undecided: int
    undecided_passed: int
    executed_twice: int
    opened_for_another: int
    parts_opened_twice: int


class Oracle:
    """Counts physical executions by command; judges the run when asked."""

    def __init__(self) -> None:
        self.executions: Counter[int] = Counter()

    def executed(self, cmd_id: int) -> None:
        """Count one change of an output that a command caused."""
        self.executions[cmd_id] += 1

    def openings_by_part(self, openings: Sequence[Opening]) -> Counter[int]:
        """Return how often the gate was opened for each part, by the part nearest it."""
        return Counter(opening.nearest for opening in openings)

    def tally(self, parts: Sequence[Part], openings: Sequence[Opening], verdicts: Mapping[int, str]) -> Tally:
        """Hold the plant's ends against the host's verdicts.

        Args:
            parts: every part that was laid.
            openings: the gate's record.
            verdicts: "pass" or "divert" by part index; a part without one is undecided.
        """
        ends: Counter[tuple[bool, End]] = Counter()
        decided: Counter[tuple[str | None, End]] = Counter()
        for part in parts:
            if part.end is not None:
                ends[part.state == "normal", part.end] += 1
                decided[verdicts.get(part.index), part.end] += 1
        return Tally(
            parts=len(parts),
            ended=ends.total(),
            good_passed=ends[True, End.PASSED],
            good_diverted=ends[True, End.DIVERTED],
            bad_passed=ends[False, End.PASSED],
            bad_diverted=ends[False, End.DIVERTED],
            decided_pass_but_diverted=decided["pass", End.DIVERTED],
            decided_divert_but_passed=decided["divert", End.PASSED],
            undecided=decided[None, End.PASSED] + decided[None, End.DIVERTED],
            undecided_passed=decided[None, End.PASSED],
            executed_twice=sum(1 for times in self.executions.values() if times > 1),
            opened_for_another=sum(1 for o in openings if any(index != o.nearest for index in o.passed)),
            parts_opened_twice=sum(1 for times in self.openings_by_part(openings).values() if times > 1),
        )
