"""Console: the operator's end of a fleet: who is there, what they say, signed orders and settings for them.

In:    retained states and reports, answers; a person's question.
Out:   signed commands and documents, repeated until they are answered or have expired.
Never: an order without an expiry; a key on a wire; a state of its own that is not a device's word.
Start: console.py.
"""

from .console import Console, NotAnswered, Seen

__all__ = ["Console", "NotAnswered", "Seen"]
