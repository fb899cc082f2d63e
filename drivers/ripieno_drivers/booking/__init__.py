"""Booking: effects in other systems that dedupe by the act's id, so that they may be asked for again after any crash.

In:    bookings. Out: one effect for each act's id, whatever dies and however often it is asked.
Never: an effect without its id; giving up while the other system may come back.
Start: sqlite.py, http.py; patience.py (trying again).
"""
