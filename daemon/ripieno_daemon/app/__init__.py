"""The app: builds the parts that a plan names, hands each what it needs, runs them, and ends in order.

In:    a plan; everything outside, as ports; "stop".
Out:   a line that runs; what `ripieno status` tells of its parts; ready, held and impaired, to who asked to be told.
Never: a second plan (the service's); a decision; a port made here.
Start: app.py (the order of a start and of an end), ports.py (what is outside), devices.py (drivers, kept running).
"""

from .app import App
from .ports import Ports

__all__ = ["App", "Ports"]
