"""One soak: commands are asked for until there are enough, everything is mended, and what is open comes to its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from ripieno.contracts.driver import Context, Intent
from ripieno.values import Act, DeviceDown, DeviceUp, Edge, Outcome, OutcomeKind
from ripieno_drivers.link import LinkSettings
from ripieno_sim.line import CLEAN
from ripieno_sim.plant.belt import COUNTS_PER_MM
from ripieno_sim.seeds import stream

from ..loop import START_NS
from ..ports import SeededEntropy
from .agenda import Agenda
from .boards import BOARDS
from .host import Host
from .judge import Tally, figures, tally
from .load import POINTS, Asked, draw_pulse, draw_setpoint
from .machine import SoakMachine
from .misfortunes import MISFORTUNES
from .mixes import Mix
from .port import SoakPort
from .store import Store
from .track import Track

BAUD: Final = 1_000_000
REST_US: Final = 5_000_000
"""At the end everything is mended; after this much quiet and no open act, the soak is over."""
GIVE_UP_US: Final = 60_000_000
SETPOINT_EVERY: Final = 50
NOTICED_US: Final = 400_000
"""A session that ends longer than this after a misfortune did not end because of it."""
NEVER_WRITTEN: Final = "the daemon died before its intent was durable"


class SoakClock:
    """The host's clocks."""

    def __init__(self, port: SoakPort) -> None:
        self.wall_offset_ns = 1_750_000_000_000_000_000
        self._port = port

    def monotonic_ns(self) -> int:
        """Return ns that never step."""
        return START_NS + self._port.now_us * 1000

    def wall_ns(self) -> int:
        """Return UTC; it steps when a misfortune says so."""
        return self.wall_offset_ns + self._port.now_us * 1000

    async def sleep(self, seconds: float) -> None:
        """Nothing in a soak waits on a loop."""
        raise NotImplementedError


class Absent:
    """Stands for what a board's driver has no use for."""

    def __getattr__(self, name: str) -> Any:
        raise NotImplementedError(f"the soak has no {name}")


class Soak:
    """Everything of one run; misfortunes reach into it."""

    def __init__(self, mix: Mix, seed: int, board: str = "python", baud: int = BAUD) -> None:
        self.mix, self.seed = mix, seed
        self.draw = stream(seed, "misfortunes")
        self.agenda = Agenda()
        self.track = Track(
            seed,
            BOARDS[board],
            SoakMachine(seed, mix.motion, mix.items_hz, mix.bounce),
            baud=baud,
            faults=mix.line,
            drift_ppm=stream(seed, "drift").randint(-mix.drift_ppm, mix.drift_ppm),
            step_resets=mix.step_resets,
        )
        self.port = SoakPort(self.track)
        self.clock = SoakClock(self.port)
        self.store = Store(stream(seed, "disk"), self._named)
        self.asked: dict[Act, Asked] = {}
        self._wished: dict[Act, Asked] = {}
        """Asked of a host that has not given it an id yet; forgotten with that host."""
        self.outcomes: dict[Act, Outcome] = {}
        self.unresolved: dict[Act, None] = {}
        """The acts whose outcome nobody knows yet."""
        self.uncertain_us: dict[Act, int] = {}
        """By how much the link says that the time of an execution may be off."""
        self.refused: Counter[str] = Counter()
        self.misfortunes: Counter[str] = Counter()
        self.lives = 0
        self.sessions = 0
        self.recoveries_us: list[int] = []
        self.wrong: list[str] = []
        self._edges: set[tuple[int, int]] = set()
        self._over_us = 0
        self._down_us: int | None = None
        self._resets = 0
        self._entropy = SeededEntropy(seed, "host")
        self._settings = LinkSettings(port="/dev/soak", baud=baud, counts_per_mm=COUNTS_PER_MM, rearm="auto")
        self._load = stream(seed, "load")
        self._index = 0
        self._wanted = 0
        self._chaos = bool(mix.misfortunes)
        self.host = self._host()

    @property
    def commands(self) -> int:
        """How many acts were given an id, so that they might reach the board."""
        return len(self.asked)

    def run(self, commands: int, show: Callable[[int, int], None] | None = None) -> Tally:
        """Soak and return what it showed (judge.py)."""
        self._wanted = commands
        self.agenda.at(300_000, self._ask)
        if self._chaos:
            self.agenda.at(1_000_000, self._misfortune)
        shown = 0
        while self.commands < commands:
            self._step()
            if show is not None and self.commands >= shown:
                show(self.commands, self.port.now_us)
                shown += 500
        self._mend()
        ends_us = self.port.now_us + REST_US
        gives_up_us = self.port.now_us + GIVE_UP_US
        while self.port.now_us < ends_us or (self.unresolved and self.port.now_us < gives_up_us):
            self._step()
        self.wrong += [f"channel {c} is on after the end" for c in self.track.machine.still_on(self.port.now_us)]
        return tally(self)

    # What misfortunes use.

    def replace_host(self, now_us: int, *, kill: bool) -> int:
        """End this life of the daemon; the next begins a little later. Returns when that is."""
        self.port.takes_only = None if kill else self.port.takes_only
        if kill:
            self.host.kill()
        else:
            self.host.stop(now_us)
        return now_us

    def block_host(self, until_us: int) -> None:
        """The daemon stands still; the system goes on reading the port for it."""
        host = self.host
        host.is_blocked = True
        self.port.hold()
        self.agenda.at(until_us, lambda _: self._unblock(host))

    # The run.

    def _host(self) -> Host:
        self.lives += 1
        absent: Any = Absent()
        context = Context(
            device="board",
            points=POINTS,
            clock=self.clock,
            entropy=self._entropy,
            lines=absent,
            folder=absent,
            storage=absent,
            intents=self.store,
            report=self._report,
            settled=self._settled,
            say=_unheard,
        )
        return Host(self._settings, context, self.port, self.store, self.agenda, START_NS, self._settled, self._named)

    def _step(self) -> None:
        """Let the next thing happen."""
        track, host, agenda, port = self.track, self.host, self.agenda, self.port
        next_us = track.next_us()
        for other_us in (agenda.next_us(), host.next_us(port.now_us)):
            if other_us is not None and (next_us is None or other_us < next_us):
                next_us = other_us
        assert next_us is not None, "nothing will ever happen"
        now_us = port.now_us = max(port.now_us, next_us)
        agenda.advance(now_us)
        arrived = track.advance(now_us)
        if arrived:
            port.arrived(arrived)
        host = self.host
        due_us = host.next_us(now_us)
        if due_us is not None and due_us <= now_us:
            host.turn(now_us)
        if not host.is_alive:
            self._buried(now_us)
        if track.resets != self._resets:
            self._resets = track.resets
            self._over(now_us)

    def _buried(self, now_us: int) -> None:
        """A host is gone: what it had not made durable was never sent; the next one starts."""
        durable = {intent.act for intent in self.store.opened.values()}
        for act in [act for act in self.unresolved if act not in durable]:
            self._settled(Outcome(act, OutcomeKind.NOT_EXECUTED, NEVER_WRITTEN))
        self._wished.clear()
        self.host = self._host()
        self._over(now_us)

    def _unblock(self, host: Host) -> None:
        host.is_blocked = False
        if host is self.host:
            self.port.release()

    def _ask(self, now_us: int) -> None:
        draw, mix = self._load, self.mix
        for _ in range(mix.burst):
            if self.commands >= self._wanted:
                return
            self._fire(now_us)
        if self._index % SETPOINT_EVERY == 0 and self.host.is_alive:
            self.host.service.set(draw_setpoint(draw))
        self.agenda.at(now_us + int(draw.expovariate(mix.rate_hz / mix.burst) * 1e6), self._ask)

    def _fire(self, now_us: int) -> None:
        host, link = self.host, self.host.service.link
        if not host.is_alive or host.is_blocked:
            return
        self._index += 1
        pulse = draw_pulse(self._load, self._index, self.mix, self.clock.monotonic_ns(), link.count)
        asked = Asked(pulse, now_us, self.track.base)
        self._wished[pulse.act] = asked
        outcome = host.fire(pulse, now_us)
        if outcome is not None:
            self._settled(outcome)
            return
        if self._load.random() < 0.05:
            earlier = Act(f"part-{self._index - self._load.randint(0, 20)}", "gate", 0)
            self.agenda.at(now_us + self._load.randint(0, 50_000), lambda _: self.host.service.withdraw(earlier))

    def _misfortune(self, now_us: int) -> None:
        if not self._chaos:
            return
        draw = self.draw
        name = draw.choice(self.mix.misfortunes)
        self.misfortunes[name] += 1
        self._over(MISFORTUNES[name](self, now_us))
        self.agenda.at(now_us + int(draw.expovariate(1 / self.mix.every_s) * 1e6), self._misfortune)

    def _mend(self) -> None:
        """From now on nothing goes wrong any more."""
        self._chaos = False
        self.track.hooks.likely = 0.0
        self.host.dies = None

        def mend(_: int) -> None:
            self.track.line.faults = CLEAN
            self.port.plug()
            self.port.is_stuck, self.port.other_end = False, None
            self.store.is_full, self.store.slow_us = False, 0
            self.track.entropy.repeats = False

        self.agenda.at(self.port.now_us, mend)
        self.agenda.at(self.port.now_us + 4_500_000, mend)  # after what was still to end by itself

    # What comes back.

    def _named(self, intent: Intent) -> None:
        act = intent.act
        self.track.machine.owners[intent.command_id] = act
        if act in self._wished:
            self.asked[act] = self._wished.pop(act)
            self.unresolved[act] = None

    def _settled(self, outcome: Outcome) -> None:
        if self._wished.pop(outcome.act, None) is not None:  # it was never given an id
            self.refused[outcome.why.split(";")[0]] += 1
            return
        if outcome.act in self.outcomes:
            self.wrong.append(f"{outcome.act}: two outcomes, {self.outcomes[outcome.act]} and {outcome}")
        self.outcomes[outcome.act] = outcome
        self.unresolved.pop(outcome.act, None)
        if outcome.at_ns:
            uncertain_us = self.host.service.link.clock.uncertainty_at(outcome.at_ns // 1000)
            self.uncertain_us[outcome.act] = uncertain_us or 0
        self.store.outcome_known(outcome.act)

    def _report(self, arrival: object) -> None:
        if isinstance(arrival, Edge) and arrival.rising:  # a falling one names the last rising one, also a missed one's
            seen = (arrival.epoch, arrival.number)
            if seen in self._edges:
                self.wrong.append(f"rising edge {arrival.number} of epoch {arrival.epoch} was reported twice")
            self._edges.add(seen)
        elif isinstance(arrival, DeviceDown):
            self._down_us = self.port.now_us
        elif isinstance(arrival, DeviceUp):
            self.sessions += 1
            self._recovered(self.port.now_us)

    def _over(self, at_us: int) -> None:
        """Something is over at a time; from the last such time the way back to a session is measured."""
        self._over_us = max(self._over_us, at_us)

    def _recovered(self, now_us: int) -> None:
        began_us = self._over_us
        if self._down_us is not None and self._down_us > began_us + NOTICED_US:
            began_us = self._down_us  # the line's own noise ended that session
        if self.sessions > 1 and began_us <= now_us:
            self.recoveries_us.append(now_us - began_us)
        self._down_us = None


def _unheard(_: str) -> None:
    """What is said is not heard."""


def soak(
    mix: Mix, seed: int, commands: int, board: str = "python", show: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """Run one soak and return its figures; `show` hears commands and virtual us now and then."""
    return figures(mix.name, [Soak(mix, seed, board).run(commands, show)])
