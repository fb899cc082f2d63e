"""Payloads: what other systems write becomes bounded values by name, and what we write to them becomes JSON.

In:    bytes of a message or an HTTP body, rows, bookings. Out: texts, numbers and truth values by name; JSON and names.
Never: I/O; a value that the record could not hold (a number that is none, half a character, a text without end).
Start: document.py (bytes to a JSON document), pointer.py (a place in one), values.py (what may be used of it),
       written.py (a booking as a document), naming.py (an act as a file name or a header).
"""

from .document import BadPayload, read_document
from .naming import header_value, plain_name
from .pointer import ABSENT, is_a_pointer, look, parse_pointer
from .values import Scalar, gather
from .written import booking_document, to_json

__all__ = [
    "ABSENT",
    "BadPayload",
    "Scalar",
    "booking_document",
    "gather",
    "header_value",
    "is_a_pointer",
    "look",
    "parse_pointer",
    "plain_name",
    "read_document",
    "to_json",
]
