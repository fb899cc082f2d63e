"""Orders: what somebody with a listed key asks of this device from afar, done at most once, and its answer.

In:    signed commands of a broker, the policy, executors by kind.
Out:   one final answer for each order, the same again for the same order; `stop`, at once.
Never: something changed or moved before it is durable in the journal; an actuation done again after a crash; an
       answer to bytes whose signature was not good, beyond a refusal.
Start: desk.py (an order's way), admission.py (what is refused, why), intake.py and journal.py (what is durable when),
       doing.py, telling.py (what is said back), kinds.py (the table).
"""

from .desk import OrderDesk
from .executors import Executor, NotDone
from .journal import Journal
from .kinds import KINDS, Effect, Kind
from .order import Address, BadOrder, Order, pack_order, parse_order
from .states import State
from .trusted import Trusted

__all__ = [
    "KINDS",
    "Address",
    "BadOrder",
    "Effect",
    "Executor",
    "Journal",
    "Kind",
    "NotDone",
    "Order",
    "OrderDesk",
    "State",
    "Trusted",
    "pack_order",
    "parse_order",
]
