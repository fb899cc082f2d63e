"""What a device of messages, records or bookings says to whoever wants a machine of it."""

from __future__ import annotations

from ripieno.contracts.driver import Context
from ripieno.errors import CommandRefused
from ripieno.values import Act, Outcome, Pulse, Setpoint


class MovesNothing:
    """The part of `contracts.driver.Device` that is for machines: refused."""

    _context: Context

    async def fire(self, pulse: Pulse, note: bytes = b"") -> Outcome:
        """Refuse."""
        raise self._refusal(f"no pulse of {pulse.output}")

    def withdraw(self, act: Act) -> None:
        """Refuse: what is booked or said is final."""
        raise self._refusal(f"{act} cannot be taken back")

    def set(self, setpoint: Setpoint) -> None:
        """Refuse."""
        raise self._refusal(f"no setpoint {setpoint.output}")

    def rearm(self) -> None:
        """There is nothing to arm."""

    def _refusal(self, what: str) -> CommandRefused:
        return CommandRefused(f"{self._context.device} moves nothing: {what}")
