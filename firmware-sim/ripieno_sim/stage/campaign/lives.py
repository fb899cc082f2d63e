"""The daemon's lives: one process after another, killed, stopped or left in peace as the terms say."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

from ripieno.errors import StorageError
from ripieno.plan import digest
from ripieno_daemon.app import App
from ripieno_daemon.supervision import Stop, Supervisor
from ripieno_sim.seeds import stream

from ..mortal import BYTE, COMMIT, FRAME, INTENT, Fate, Point
from .bundle import RELEASES, plan_for
from .person import Person
from .process import ports_of
from .terms import US
from .world import World

REACH: Final = {COMMIT: 6, FRAME: 6, BYTE: 800, INTENT: 5}
"""A point lies at most so many commits, pictures, bytes and intents ahead."""
AWAY_S: Final = (0.02, 2.0)
GAP_S: Final = (2.0, 120.0)
ACT_DELAYS_S: Final = ((0.0, 0.0), (0.0001, 0.003), (0.003, 0.3))
KILLED_NEAR_S: Final = (0.0005, 2.0)
RELOAD_S: Final = 0.001
STOP_US: Final = 5 * US
WATCH_S: Final = 2.5
MOST_LIVES: Final = 2_000
KILLED, STOPPED, DISK = "killed", "stopped", "disk"


@dataclass(slots=True)
class Life:
    """One process. Times in us. `how` it ended: killed, stopped, disk (it refused at a start), or with an error."""

    born_us: int
    ready_us: int | None = None
    died_us: int | None = None
    how: str = ""


@dataclass(slots=True)
class Most:
    """The largest that was seen of what must not grow."""

    tasks: int = 0
    records_waiting: int = 0
    items_open: int = 0


class Lives:
    """Lets the daemon live.

    Attributes:
        crashes: (us, what) of ends that nobody caused, and of stops that took too long.
        releases: digest of a plan that was put in force -> the release of its rules.
    """

    def __init__(self, world: World) -> None:
        self.lives: list[Life] = []
        self.crashes: list[tuple[int, str]] = []
        self.person = Person(world)
        self.most = Most()
        self._world = world
        self.releases: dict[str, int] = {}
        self._release = 0
        self._is_reload = False
        self._fate = Fate(None, _nothing)
        self._stop, self._spared = asyncio.Event(), asyncio.Event()
        self._is_finishing = False
        self._stopped_us = 0
        self.app: App | None = None
        self._gaps = stream(world.terms.seed, "gaps")
        self._after_act_s: float | None = None
        self._graves: list[asyncio.Task[None]] = []
        world.conveyor.on_act = self._acted
        self._watch()

    async def run(self) -> None:
        """Live until `finish` was called and the last process has ended in order."""
        while len(self.lives) < MOST_LIVES:
            life = await self._live(len(self.lives))
            if self._is_finishing and life.how == STOPPED:
                break
            await _either(self._world.clock.sleep(self._away_s()), self._spared.wait())
        await asyncio.gather(*self._graves, return_exceptions=True)

    def spare(self) -> None:
        """Nothing kills the daemon or holds its outputs from now on; one that is away comes back at once."""
        self.person.want_rearm()
        self._fate.disarm()
        self._after_act_s = None
        self._spared.set()

    def finish(self) -> None:
        """Stop the daemon in order, for good."""
        self._is_finishing = True
        self._timer.cancel()
        self._stop.set()

    # What befalls it; each returns what that is, in words.

    def kill(self, lasts_us: int, draw: random.Random) -> str:
        """SIGKILL now."""
        self._fate.strike()
        return ""

    def kill_at_point(self, lasts_us: int, draw: random.Random) -> str:
        """SIGKILL at a point that is near."""
        kind = draw.choice(list(REACH))
        point = Point(kind, draw.randint(1, REACH[kind]), draw.random() < 0.5)
        self._fate.arm(point)
        return f"the daemon will be killed at {point} from now"

    def kill_after_act(self, lasts_us: int, draw: random.Random) -> str:
        """SIGKILL soon after the next act."""
        self._after_act_s = draw.uniform(*draw.choice(ACT_DELAYS_S))
        return f"the daemon will be killed {self._after_act_s * 1000:.1f} ms after the next act"

    def restart(self, lasts_us: int, draw: random.Random) -> str:
        """SIGTERM; it is started again."""
        self._stop.set()
        self._stopped_us = self._world.now_us()
        return "the daemon is stopped in order"

    def switch(self, lasts_us: int, draw: random.Random) -> str:
        """Another release of the rules from the next start on, which comes now: by a reload, or it is killed."""
        self._release = draw.choice([one for one in range(len(RELEASES)) if one != self._release])
        how = draw.choice(("is reloaded", "is reloaded", "is killed", "is reloaded and killed"))
        text = f"the files are release {self._release} of the rules now, and the daemon {how}"
        if how == "is killed":
            self._fate.strike()
            return text
        self._is_reload = True
        self.restart(lasts_us, draw)
        if how == "is reloaded":
            return text
        low_s, high_s = KILLED_NEAR_S
        delay_s = low_s * (high_s / low_s) ** draw.random()
        self._world.loop.call_later(delay_s, lambda: None if self._spared.is_set() else self._fate.strike())
        return f"{text} {delay_s:.4f} s later"

    async def _live(self, number: int) -> Life:
        world = self._world
        life = Life(world.now_us())
        self.lives.append(life)
        killed = asyncio.Event()
        fate = self._fate = Fate(None, lambda: self._struck(life, killed))
        stop = self._stop = asyncio.Event()
        if self._is_finishing:
            stop.set()
        ports = ports_of(world, number, fate)
        supervisor = Supervisor(ports.clock, ports.entropy, lambda stop, then: self._stopped(fate, stop))
        plan = plan_for(world.terms.variant, world.state, self._release)
        self.releases[digest(plan)] = self._release
        app = self.app = App(plan, ports, self._say, lambda: self._ready(life), supervisor)
        task = asyncio.create_task(app.run(stop), name=f"daemon {number}")
        death = asyncio.create_task(killed.wait(), name=f"death of daemon {number}")
        await asyncio.wait({task, death}, return_when=asyncio.FIRST_COMPLETED)
        self.app = None
        if fate.is_dead:
            task.cancel()  # it goes through its last turns with dead ports, while the next one may live already
            self._graves.append(task)
            return life
        death.cancel()
        life.died_us = world.now_us()
        life.how = self._how(task)
        world.station.deafen()
        return life

    def _struck(self, life: Life, killed: asyncio.Event) -> None:
        world = self._world
        if life.died_us is not None:
            return  # it has ended by itself
        life.died_us, life.how = world.now_us(), KILLED
        world.plug.let_go()
        world.station.deafen()
        world.gauge.take = None
        world.told.faults.append((life.died_us, "the daemon is killed"))
        killed.set()

    def _how(self, task: asyncio.Task[None]) -> str:
        """Say how a process ended that was not killed."""
        world, error = self._world, task.exception()
        if error is None:
            took_us = world.now_us() - self._stopped_us
            if not self._is_finishing and took_us > STOP_US and not world.disk.is_troubled:
                self.crashes.append((world.now_us(), f"a stop in order took {took_us / US:.1f} s"))
            return STOPPED
        leaves = _leaves(error)
        if all(isinstance(one, StorageError) for one in leaves) and world.disk.is_troubled:
            return DISK
        text = "; ".join(f"{type(one).__name__}: {one}" for one in leaves)
        self.crashes.append((world.now_us(), f"the daemon ended with {text}"))
        return text

    def _stopped(self, fate: Fate, stop: Stop) -> None:
        """A task of the daemon ended that should go on; that is no matter where the disk refused, or it is dead."""
        if not fate.is_dead and not self._world.disk.is_troubled:
            self.crashes.append((self._world.now_us(), str(stop)))

    def _ready(self, life: Life) -> None:
        life.ready_us = self._world.now_us()
        self._world.start_belt()

    def _away_s(self) -> float:
        """Return how long it stays away this time."""
        if self._is_reload:
            self._is_reload = False
            return RELOAD_S
        draw, long = self._gaps, self._world.terms.chances["gap"]
        low, high = GAP_S if draw.random() < long else AWAY_S
        return float(low * (high / low) ** draw.random())

    def _acted(self, cmd_id: int, t_us: int) -> None:
        if self._after_act_s is not None:
            fate, delay_s = self._fate, self._after_act_s
            self._after_act_s = None
            self._world.loop.call_later(delay_s, lambda: None if self._spared.is_set() else fate.strike())

    def _say(self, text: str) -> None:
        self._world.told.said.append((self._world.now_us(), text))

    def _watch(self) -> None:
        """Look at what must not grow, and at the lamp."""
        world, app, most = self._world, self.app, self.most
        self._timer = world.loop.call_later(WATCH_S, self._watch)
        most.tasks = max(most.tasks, len(asyncio.all_tasks(world.loop)))
        if app is None or app.ledger is None or app.conductor is None:
            return
        most.records_waiting = max(most.records_waiting, app.ledger.waiting)
        most.items_open = max(most.items_open, app.conductor.engine.counters["open"])
        self.person.look(app)


async def _either(one: Coroutine[Any, Any, object], other: Coroutine[Any, Any, object]) -> None:
    tasks = [asyncio.create_task(one, name="away"), asyncio.create_task(other, name="spared")]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for one in error.exceptions for leaf in _leaves(one)]
    return [error]


def _nothing() -> None:
    """Before the first life there is nothing to kill."""


Deed = Callable[[Lives, int, random.Random], str]
ENDS: Final[dict[str, Deed]] = {
    "kill": Lives.kill,
    "kill-at-point": Lives.kill_at_point,
    "kill-at-act": Lives.kill_after_act,
    "restart": Lives.restart,
    "switch": Lives.switch,
    "held": lambda lives, lasts_us, draw: lives.person.hold(lives.app, lasts_us),
}
