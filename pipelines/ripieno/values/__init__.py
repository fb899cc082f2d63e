"""Values: what travels between the rooms.

In:    nothing. Out: frozen dataclasses. Never: behaviour beyond what a value knows of itself.
Times are `*_ns` on the engine's clock (nanoseconds, rising over restarts); positions are millimetres of belt.
Start: arrivals.py (what comes in), acts.py (what goes out), evidence.py (how far it can be trusted).
"""

from .acts import Act, Booking, Outcome, OutcomeKind, Pulse, Setpoint, Trigger
from .arrivals import DeviceDown, DeviceImpaired, DeviceUp, Edge, Frame, Message, Position, Reading
from .detections import Classification, Detection, Detections, Inferred, Regression, Result
from .evidence import UNKNOWN, Health, Unknown
from .given import Given, PictureRef, Text, Vector
from .items import ItemId, Verdict
from .records import Record

__all__ = [
    "UNKNOWN",
    "Act",
    "Booking",
    "Classification",
    "Detection",
    "Detections",
    "DeviceDown",
    "DeviceImpaired",
    "DeviceUp",
    "Edge",
    "Frame",
    "Given",
    "Health",
    "Inferred",
    "ItemId",
    "Message",
    "Outcome",
    "OutcomeKind",
    "PictureRef",
    "Position",
    "Pulse",
    "Reading",
    "Record",
    "Regression",
    "Result",
    "Setpoint",
    "Text",
    "Trigger",
    "Unknown",
    "Vector",
    "Verdict",
]
