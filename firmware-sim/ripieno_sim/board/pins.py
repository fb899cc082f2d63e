"""The outputs, and the instant at which each falls back to its safe value by itself."""

from collections.abc import Sequence
from dataclasses import dataclass

from ripieno_sim.board.channels import Channel, ChannelKind
from ripieno_sim.board.machine import Machine

__all__ = ["Pins"]


@dataclass(slots=True)
class _Bound:
    """Why an energised output will end: a time, and perhaps a count with the time at which it is now expected."""

    until_us: int
    until_count: int | None = None
    count_us: int | None = None

    def ends_us(self) -> int:
        return self.until_us if self.count_us is None else min(self.until_us, self.count_us)


class Pins:
    """Every output of one board."""

    def __init__(self, table: Sequence[Channel], machine: Machine) -> None:
        self.channels = {channel.number: channel for channel in table}
        self.values = {channel.number: channel.safe for channel in table}
        self._machine = machine
        self._bounds: dict[int, _Bound] = {}
        self._first_us: int | None = None

    def mask(self) -> int:
        """Return bit n for each channel n that is not at its safe value."""
        return sum(1 << n for n, value in self.values.items() if value != self.channels[n].safe)

    def drive(
        self, number: int, value: int, cmd_id: int | None, now_us: int, until_us: int, until_count: int | None = None
    ) -> None:
        """Change an output; its older bounds end with its older value."""
        count_us = None if until_count is None else self._machine.time_of_count(until_count)
        self._bounds[number] = _Bound(until_us, until_count, count_us)
        self._reckon()
        self._put(number, value, cmd_id, now_us)

    def expire(self, now_us: int) -> list[Channel]:
        """Put back what has come to its end; return the setpoints whose lease lapsed."""
        if self._first_us is None or self._first_us > now_us:
            return []
        ended = [number for number, bound in self._bounds.items() if bound.ends_us() <= now_us]
        lapsed: list[Channel] = []
        for number in ended:
            channel = self.channels[number]
            self._fall(channel, now_us)
            if channel.kind is ChannelKind.SETPOINT:
                lapsed.append(channel)
        return lapsed

    def all_safe(self, now_us: int) -> int:
        """Put every output to its safe value; return the mask of those that changed."""
        changed = self.mask()
        for channel in self.channels.values():
            self._fall(channel, now_us)
        return changed

    def speed_changed(self) -> None:
        """Ask the machine again when the counts will be reached."""
        for bound in self._bounds.values():
            if bound.until_count is not None:
                bound.count_us = self._machine.time_of_count(bound.until_count)
        self._reckon()

    def next_deadline_us(self) -> int | None:
        """Return when the next output ends."""
        return self._first_us

    def _reckon(self) -> None:
        self._first_us = min(map(_Bound.ends_us, self._bounds.values()), default=None)

    def _fall(self, channel: Channel, now_us: int) -> None:
        if self._bounds.pop(channel.number, None) is not None:
            self._reckon()
        if self.values[channel.number] != channel.safe:
            self._put(channel.number, channel.safe, None, now_us)

    def _put(self, number: int, value: int, cmd_id: int | None, now_us: int) -> None:
        self.values[number] = value
        self._machine.output(number, value, cmd_id, now_us)
