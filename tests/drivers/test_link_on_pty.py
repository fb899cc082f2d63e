"""The whole driver on a pseudo-terminal and uvloop: unplugged, plugged in again under the same name."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
import tty
from pathlib import Path

import uvloop

from ripieno.values import DeviceDown, DeviceUp, OutcomeKind
from ripieno_drivers.link.port import SerialLines

from .bench import Bench, pulse
from .tiny_board import TinyBoard


class RealClock:
    def monotonic_ns(self) -> int:
        return time.monotonic_ns()

    def wall_ns(self) -> int:
        return time.time_ns()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Plug:
    """A board behind a pseudo-terminal that `link` names while it is plugged in."""

    def __init__(self, board: TinyBoard, link: Path) -> None:
        self.board, self._link = board, link
        self._master, slave = os.openpty()
        tty.setraw(self._master)
        link.unlink(missing_ok=True)
        link.symlink_to(os.ttyname(slave))
        os.close(slave)
        os.set_blocking(self._master, False)
        board.send = self._send
        self._reading = False
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(0.01, self._read)

    def _send(self, wire: bytes) -> None:
        with contextlib.suppress(OSError):
            os.write(self._master, wire)

    def _read(self) -> None:
        self._timer = self._loop.call_later(0.002, self._read)
        with contextlib.suppress(OSError):  # nothing yet, or nobody has it open
            self.board.feed(os.read(self._master, 4096))

    def pull(self) -> None:
        self._timer.cancel()
        self._link.unlink()
        os.close(self._master)


def test_pulling_the_plug_costs_a_session_and_nothing_else(tmp_path: Path) -> None:
    async def main() -> None:
        board, link = TinyBoard(), tmp_path / "board"
        bench = Bench(board, port=str(link))
        bench.lines, bench.clock = SerialLines(), RealClock()  # type: ignore[assignment]  # the real ones
        plug = Plug(board, link)
        async with bench.running(settle_s=0.6) as device:
            assert (await device.fire(pulse(late=1.0))).kind is OutcomeKind.EXECUTED

            plug.pull()
            await asyncio.sleep(0.2)
            assert [type(report) for report in bench.reports if isinstance(report, DeviceDown)]
            assert (await device.fire(pulse(1))).why == "link down"

            plug = Plug(board, link)
            async with asyncio.timeout(5):
                while len(bench.of(DeviceUp)) < 2:  # noqa: ASYNC110  # the real time of a real port
                    await asyncio.sleep(0.01)
            assert (await device.fire(pulse(2, late=1.0))).kind is OutcomeKind.EXECUTED
            assert board.executed == [1, 2]
        plug.pull()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


def test_a_board_that_comes_back_under_another_name_is_found_by_its_uid(tmp_path: Path) -> None:
    """Two boards, one name pattern: the wrong one is never taken, the right one is found wherever it is."""
    ours = TinyBoard(uid=b"tiny-board-7")

    async def main() -> None:
        bench = Bench(ours, port=str(tmp_path / "usb-*"), uid=ours.uid.hex())
        bench.lines, bench.clock = SerialLines(), RealClock()  # type: ignore[assignment]  # the real ones
        strange = Plug(stranger := TinyBoard(), tmp_path / "usb-1")
        plug = Plug(ours, tmp_path / "usb-2")
        async with bench.running(settle_s=1.0) as device:
            assert (await device.fire(pulse(late=1.0))).kind is OutcomeKind.EXECUTED

            plug.pull()
            await asyncio.sleep(0.1)
            plug = Plug(ours, tmp_path / "usb-0")
            await sessions(bench, 2)
            assert (await device.fire(pulse(1, late=1.0))).kind is OutcomeKind.EXECUTED
            assert (ours.executed, stranger.executed) == ([1, 2], [])
        plug.pull()
        strange.pull()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


def test_without_a_pattern_another_name_is_not_looked_for(tmp_path: Path) -> None:
    """Negative control: it is the pattern that finds the board."""
    ours = TinyBoard()

    async def main() -> None:
        bench = Bench(ours, port=str(tmp_path / "usb-2"), uid=ours.uid.hex())
        bench.lines, bench.clock = SerialLines(), RealClock()  # type: ignore[assignment]  # the real ones
        plug = Plug(ours, tmp_path / "usb-2")
        async with bench.running(settle_s=0.6):
            plug.pull()
            plug = Plug(ours, tmp_path / "usb-0")
            await asyncio.sleep(0.6)
            assert len(bench.of(DeviceUp)) == 1
        plug.pull()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


async def sessions(bench: Bench, count: int) -> None:
    async with asyncio.timeout(10):
        while len(bench.of(DeviceUp)) < count:  # noqa: ASYNC110  # the real time of a real port
            await asyncio.sleep(0.01)
