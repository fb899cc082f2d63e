"""Judge: does what plant, board, disk, consumer and site saw agree with the invariants?

In:    the evidence of one run. Out: violations, each with its evidence, and the ledger as it was read.
Never: the daemon's opinion of itself where the plant knows better.
Start: each module holds a few invariants; reference.py says the rules over time once more, independently.
"""

from .everything import Judged, judge
from .violation import Violation

__all__ = ["Judged", "Violation", "judge"]
