"""Streams: values that belong to no item, and what is made of them as they come.

In:    readings, messages, and the answers of steps.
Out:   aggregates fed, windows and joins closed, models asked, derived values.
Never: an item's decision.
Start: streams.py; evidence.py (which readings count), windows.py, joins.py.
"""

from .evidence import Evidence
from .joins import Joined
from .streams import Streams

__all__ = ["Evidence", "Joined", "Streams"]
