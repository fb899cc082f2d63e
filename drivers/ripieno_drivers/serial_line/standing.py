"""Whether the device can be used: each change is said and reported once."""

from __future__ import annotations

from ripieno.contracts.driver import Context
from ripieno.values import DeviceDown, DeviceUp


class Standing:
    """Unknown at first, then up or down. `ups`: how often it came up."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.is_up = False
        self.ups = 0
        self._why: str | None = None

    def up(self, epoch: int = 0) -> None:
        """The device answers as it should."""
        if self.is_up:
            return
        if self._why is not None:
            self._context.say(f"{self._context.device}: answers again")
        self.is_up, self._why = True, None
        self.ups += 1
        self._context.report(DeviceUp(self._context.device, epoch, self._context.clock.monotonic_ns()))

    def down(self, why: str) -> None:
        """The device cannot be used; another reason than the last one is said, too."""
        if why == self._why:
            return
        self.is_up, self._why = False, why
        self._context.say(f"{self._context.device}: {why}")
        self._context.report(DeviceDown(self._context.device, why, self._context.clock.monotonic_ns()))
