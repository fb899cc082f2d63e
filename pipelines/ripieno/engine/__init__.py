"""The engine: events in, effects out, the same every time.

In:    events (events.py), in the order in which the daemon had them.
Out:   effects (effects.py): infer, look, ask, fire, set, book, decided, closed, fired, reported, alarm;
       and the state, for a snapshot.
Never: a clock, I/O, randomness, or an effect that depends on anything but the events so far.
Start: engine.py; passage.py (an item's way), steering.py (rules over time).
"""

from .codec import pack_event, plain, unpack_event
from .effects import (
    Alarm,
    Ask,
    AskEnded,
    Book,
    Closed,
    Decided,
    Drop,
    Effect,
    Fire,
    Fired,
    Infer,
    Keep,
    Look,
    Release,
    Reported,
    Set,
    Withdraw,
    Withheld,
)
from .engine import Engine
from .events import (
    ActSettled,
    Answered,
    DeviceChanged,
    EdgeSeen,
    Event,
    FrameSeen,
    MessageSeen,
    OutputTaken,
    PositionSeen,
    PulseByHand,
    ReadingSeen,
    RecipeChosen,
    RecordSeen,
    ResultSeen,
    Started,
    Tick,
)

__all__ = [
    "ActSettled",
    "Alarm",
    "Answered",
    "Ask",
    "AskEnded",
    "Book",
    "Closed",
    "Decided",
    "DeviceChanged",
    "Drop",
    "EdgeSeen",
    "Effect",
    "Engine",
    "Event",
    "Fire",
    "Fired",
    "FrameSeen",
    "Infer",
    "Keep",
    "Look",
    "MessageSeen",
    "OutputTaken",
    "PositionSeen",
    "PulseByHand",
    "ReadingSeen",
    "RecipeChosen",
    "RecordSeen",
    "Release",
    "Reported",
    "ResultSeen",
    "Set",
    "Started",
    "Tick",
    "Withdraw",
    "Withheld",
    "pack_event",
    "plain",
    "unpack_event",
]
