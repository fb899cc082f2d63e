"""What a stuck, a flooded and an unplugged line may cost: turns of the loop, bytes kept, counted in virtual time.

`ripieno bench link-faults` measures the same on real pseudo-terminals: lateness, processor time, memory.
"""

from __future__ import annotations

import asyncio
import random
from unittest import mock

import pytest

from ripieno.contracts.ports import Line
from ripieno.values import DeviceDown, DeviceUp, OutcomeKind
from ripieno_drivers.link import actuator, codec, service
from ripieno_drivers.link.inbox import MAX_BYTES, Drops, Inbox
from ripieno_drivers.link.service import Service

from .bench import Bench, pulse
from .virtual import run

BAUD = 1_000_000
CHUNK_BYTES = BAUD // 10 // 1000
"""What a USB adapter hands over each millisecond of a line that is full."""


class Turns:
    """Counts the turns of every service, and the most bytes that waited for the line."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = self.most_waiting = 0
        real = Service.turn

        def turn(its: Service, line: Line, inbox: Inbox) -> None:
            self.count += 1
            real(its, line, inbox)
            self.most_waiting = max(self.most_waiting, len(its.outgoing))

        monkeypatch.setattr(Service, "turn", turn)

    async def over(self, seconds: float) -> float:
        """Return the turns a second over so many seconds of virtual time."""
        before = self.count
        await asyncio.sleep(seconds)
        return (self.count - before) / seconds


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> Turns:
    return Turns(monkeypatch)


def noise(bench: Bench, seconds: float, bytes_a_ms: int = CHUNK_BYTES) -> asyncio.Task[None]:
    """Bring noise at the line's full rate, a chunk each millisecond; the board is not heard meanwhile."""
    draw = random.Random(5)

    async def bring() -> None:
        bench.board.mute = True
        for _ in range(int(seconds * 1000)):
            assert bench.lines.line is not None
            bench.lines.line.deliver(draw.randbytes(bytes_a_ms))
            await asyncio.sleep(0.001)
        bench.board.mute = False

    return asyncio.create_task(bring(), name="noise")


def test_a_line_in_order_wakes_the_loop_rarely(turns: Turns) -> None:
    """What the figures below are compared with: ten PINGs a second, each with its answers."""

    async def main() -> float:
        async with Bench(baud=BAUD).running():
            return await turns.over(10)

    assert run(main()) < 60


def test_a_peer_that_takes_nothing_costs_few_turns_and_no_memory(turns: Turns) -> None:
    async def main() -> float:
        bench = Bench(baud=BAUD)
        async with bench.running() as device:
            bench.lines.takes = 0
            refused = await asyncio.gather(*(device.fire(pulse(index)) for index in range(3)))
            turns_s = await turns.over(30)
            assert len(bench.of(DeviceDown)) == 1, "said once, not with every try"
            assert bench.intents.log[:3] == [("durable", 1), ("durable", 2), ("durable", 3)]
            assert [one.kind for one in refused] == [OutcomeKind.NOT_EXECUTED] * 3, "what never left did not run"

            bench.lines.takes = 1 << 20
            await asyncio.sleep(1)
            assert (await device.fire(pulse(9))).kind is OutcomeKind.EXECUTED
        return turns_s

    turns_s = run(main())
    assert turns_s < 120
    assert turns.most_waiting <= 16 * (codec.MAX_RUN + 2), "a window of frames and a few small ones"


def test_it_is_the_growing_pause_that_keeps_a_stuck_line_cheap(turns: Turns, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: without it the loop is woken several times as often."""
    monkeypatch.setattr(service, "STUCK_US", (1_000, 1_000))

    async def main() -> float:
        bench = Bench(baud=BAUD)
        async with bench.running():
            bench.lines.takes = 0
            return await turns.over(10)

    assert run(main()) > 300


def test_silence_is_noticed_in_time_although_the_line_takes_nothing() -> None:
    async def main() -> float:
        bench = Bench(baud=BAUD)
        async with bench.running():
            bench.lines.takes, bench.board.mute = 0, True
            began_s = asyncio.get_running_loop().time()
            while not bench.of(DeviceDown):  # noqa: ASYNC110  # the loop's time is virtual
                await asyncio.sleep(0.001)
            return asyncio.get_running_loop().time() - began_s

    assert run(main()) <= 0.4


def test_a_flood_of_noise_costs_few_turns_and_the_board_is_heard_again(turns: Turns) -> None:
    async def main() -> float:
        bench = Bench(baud=BAUD)
        async with bench.running() as device:
            flood = noise(bench, 10)
            await asyncio.sleep(1)
            turns_s = await turns.over(8)
            assert len(bench.of(DeviceDown)) == 1
            await flood
            await asyncio.sleep(0.2)
            assert len(bench.of(DeviceUp)) == 2
            assert (await device.fire(pulse(late=1.0))).kind is OutcomeKind.EXECUTED
        return turns_s

    assert run(main()) < 200


def test_it_is_the_pause_that_keeps_a_flood_cheap(turns: Turns, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: without it each chunk is a turn."""
    monkeypatch.setattr(service, "NOISE_BYTES", 1 << 60)

    async def main() -> float:
        bench = Bench(baud=BAUD)
        async with bench.running():
            flood = noise(bench, 3)
            await asyncio.sleep(1)
            turns_s = await turns.over(1.5)
            await flood
        return turns_s

    assert run(main()) > 900


def test_noise_between_good_frames_delays_none_of_them() -> None:
    """A pause is for noise alone: a frame that comes within 256 bytes of the last one is heard as it comes."""

    async def main() -> list[float]:
        bench = Bench(baud=BAUD)
        took_s = []
        async with bench.running() as device:
            for index in range(20):
                assert bench.lines.line is not None
                bench.lines.line.deliver(bytes(range(1, 201)) + b"\0")
                began_s = asyncio.get_running_loop().time()
                assert (await device.fire(pulse(index, late=1.0))).kind is OutcomeKind.EXECUTED
                took_s.append(asyncio.get_running_loop().time() - began_s)
                await asyncio.sleep(0.15)
        return took_s

    assert max(run(main())) < actuator.NOISE_US / 1e6


def test_an_act_leaves_at_once_while_noise_is_passed_over() -> None:
    async def main() -> int:
        bench = Bench(baud=BAUD)
        async with bench.running() as device:
            flood = noise(bench, 0.3)
            await asyncio.sleep(0.1)
            assert device.service.is_noisy
            assert device.service.link.is_up
            before = len(bench.lines.written)
            waiting = asyncio.create_task(device.fire(pulse(late=1.0)), name="act")
            await asyncio.sleep(0)
            left = len(bench.lines.written) - before
            await flood
            await waiting
        return left

    assert run(main()) == 1


def test_a_plug_that_is_out_is_looked_for_rarely_and_found_again(turns: Turns) -> None:
    async def main() -> tuple[int, int]:
        bench = Bench(baud=BAUD)
        async with bench.running() as device:
            line = bench.lines.line
            assert line is not None
            line.deliver(codec.encode(codec.PONG, 0, 0, bytes(16), 1)[:9])  # a frame that has begun
            await asyncio.sleep(0.002)
            bench.lines.missing = True
            opened = mock.AsyncMock(wraps=bench.lines.open)
            with mock.patch.object(bench.lines, "open", opened):
                line.on_lost("/dev/tiny: unplugged")
                before = turns.count
                await asyncio.sleep(60)
                looked, turned = opened.await_count, turns.count - before
            bench.lines.missing = False
            await asyncio.sleep(2.2)
            assert len(bench.of(DeviceUp)) == 2
            assert (await device.fire(pulse(late=1.0))).kind is OutcomeKind.EXECUTED
            assert line.closed
        return looked, turned

    looked, turned = run(main())
    assert looked <= 40
    assert turned <= 1


def test_what_waits_to_be_read_is_bounded_and_what_is_thrown_away_is_counted() -> None:
    inbox = Inbox(asyncio.Event(), lambda: 7)
    for _ in range(1000):
        inbox.take(bytes(1000))

    kept = sum(len(chunk) for chunk, _ in inbox.emptied())
    assert kept <= MAX_BYTES
    assert inbox.dropped_bytes == 1_000_000 - kept


def test_bytes_that_are_thrown_away_are_said_once_and_counted_when_it_is_over() -> None:
    async def main() -> list[str]:
        bench = Bench(baud=BAUD)
        async with bench.running():
            assert bench.lines.line is not None
            for _ in range(3):
                for _ in range(70):  # while the loop is held up by something else
                    bench.lines.line._on_bytes(bytes(1000))
                await asyncio.sleep(0.1)
            await asyncio.sleep(2)
            for _ in range(70):
                bench.lines.line._on_bytes(bytes(1000))
        return [text for text in bench.said if "thrown away" in text]

    assert run(main()) == [
        "board: more comes than is read: of 65536 bytes that wait the oldest are thrown away",
        "board: no more is thrown away; it was 15000 bytes",
        "board: more comes than is read: of 65536 bytes that wait the oldest are thrown away",
        "board: no more is thrown away; it was 5000 bytes",
    ]


def test_a_reading_that_keeps_up_says_nothing() -> None:
    said: list[str] = []
    inbox = Inbox(asyncio.Event(), lambda: 0)
    drops = Drops(inbox, said.append)
    for now_us in range(0, 10_000_000, 100_000):
        inbox.take(bytes(1000))
        inbox.emptied()
        drops.look(now_us)
    drops.look(10_000_000, ends=True)

    assert said == []
