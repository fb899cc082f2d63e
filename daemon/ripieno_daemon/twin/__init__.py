"""Twin: what an operator wants a device's settings to be (desired), and what they are (reported).

In:    signed documents with a rising revision; one validator and one way to apply, both handed in.
Out:   a report after each: applied, or rejected with a reason for each key, and the values in force.
Never: a part of a document applied; a document applied between two decisions of an item; a safety limit.
Start: twin.py (the way of a document), document.py (what is signed).
"""

from .document import BadDocument, Desired, pack_desired, parse_desired
from .twin import Settings, Twin

__all__ = ["BadDocument", "Desired", "Settings", "Twin", "pack_desired", "parse_desired"]
