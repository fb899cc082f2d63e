"""Acts: pulses for devices that remember nothing, each begun at most once, with an outcome that is true.

In:    pulses, withdrawals, a person's rearm. Out: orders that are due, one outcome for each.
Never: an order whose intent is not durable, one handed out twice, a guess; bytes or a device's protocol.
Start: orders.py.
"""

from .orders import Order, Orders

__all__ = ["Order", "Orders"]
