"""Files: reports as files that people and other programs read, and files that others leave as messages.

In:    bookings; files that arrive in a folder. Out: one JSON file (and a readable one) for each act; messages.
Never: half a file; a file of another's overwritten or deleted unasked; a message file moved before it is durable.
Start: device.py; letters.py (files that arrive), reports.py (how a report reads), settings.py.
"""

from .device import DRIVER

__all__ = ["DRIVER"]
