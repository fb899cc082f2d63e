"""Which parts must make progress, beside the devices: the ledger, the workers and the conductor."""

from __future__ import annotations

from ..conducting.conductor import Conductor
from ..conducting.timeline import Timeline
from ..ledger import Ledger
from ..supervision import Supervisor, WatchedInference

LEDGER_S = 30.0  # a disk that hangs for longer than any card's worst pause; one that refuses is no hang
WORKER_S = 20.0  # every call has a deadline of its own, which the pool holds; beyond this the pool is broken
ENGINE_S = 3.0


def ask_for_progress(
    supervisor: Supervisor, ledger: Ledger, conductor: Conductor, timeline: Timeline, inference: WatchedInference
) -> None:
    """Name what each of them has to show for itself, and within how long."""
    asked = supervisor.progress.asked
    asked(
        "ledger",
        LEDGER_S,
        lambda: (ledger.attempts, ledger.head()[0]) if ledger.waiting else None,
        lambda: f"{ledger.waiting} records wait for the disk, which neither takes nor refuses them",
    )
    asked(
        "workers",
        WORKER_S,
        inference.oldest,
        lambda: f"a call of step {(inference.oldest() or (0, '?'))[1]} has no answer, though it has a deadline",
    )

    def late() -> int | None:
        due = conductor.engine.next_deadline()
        return None if due is None or due > timeline.now() else due

    asked("conductor", ENGINE_S, late, lambda: "the engine has a deadline that has passed, and no tick comes")
