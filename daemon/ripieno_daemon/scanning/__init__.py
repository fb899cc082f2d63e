"""Scanning: which serial ports and cameras there are, how to name each so that the name lasts, what answers on it.

In:    the folder of devices (/dev), the folder of processes (/proc), whether ports may be asked.
Out:   one Found for each device; what answered a HELLO.
Never: a port opened that a process has open, a session taken from a daemon, a byte sent without being told to.
Start: nodes.py finds, holders.py says who has one open, probe.py asks.
"""

from .holders import holders
from .nodes import CAMERA, SERIAL, Found, found
from .probe import USUAL_BAUDS, Answer, probe

__all__ = ["CAMERA", "SERIAL", "USUAL_BAUDS", "Answer", "Found", "found", "holders", "probe"]
