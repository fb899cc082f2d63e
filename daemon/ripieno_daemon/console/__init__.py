"""Console: the operator's end of a fleet: who is there, what they say, signed orders, settings and releases for them.

In:    retained states and reports, answers, requests for pieces of a bundle; a person's question.
Out:   signed commands and documents, repeated until they are answered or have expired; the pieces.
Never: an order without an expiry; a key on a wire; a state of its own that is not a device's word.
Start: console.py; pushing.py (a release's way to a device), releases.py (what a device says of its releases).
"""

from .console import Console, NotAnswered, Seen
from .pushing import Declined, Pushing
from .releases import End
from .serving import Serving

__all__ = ["Console", "Declined", "End", "NotAnswered", "Pushing", "Seen", "Serving"]
