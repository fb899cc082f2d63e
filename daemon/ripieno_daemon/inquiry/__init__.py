"""Inquiry: what a ledger says about its decisions, by running the recorded events through the recorded plan again.

In:    a state directory (or a ledger file), the id of a decision, a rule and a time.
Out:   plain values for JSON, and the same as text for a person: replay, why, why-not.
Never: a change of the ledger or of anything else, a model, a device, a clock.
Start: rerun.py (the events again, one by one); replay.py, why.py, why_not.py; terms.py (a condition, term by term).
"""

from .past import Past, opened
from .replay import replay
from .rerun import CannotAnswer, Moment, Rerun
from .why import why
from .why_not import why_not

__all__ = ["CannotAnswer", "Moment", "Past", "Rerun", "opened", "replay", "why", "why_not"]
