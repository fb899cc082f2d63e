"""A stop, told: what ended, why, where that shows, and what a person does next."""

from __future__ import annotations

import traceback
from dataclasses import asdict, dataclass

from ripieno.errors import (
    BrokerError,
    BundleError,
    ConfigError,
    DeviceError,
    ModelError,
    RipienoError,
    StorageError,
    WorkerLost,
)

NEXT_STEPS: tuple[tuple[type[BaseException], str], ...] = (
    (ConfigError, "mend the places named, then `ripieno check` and `ripieno reload`"),
    (BundleError, "seal the bundle again (`ripieno bundle seal DIR`) or install it anew, then `ripieno reload`"),
    (ModelError, "replace the model, seal its bundle, then `ripieno reload`; `ripieno doctor` tries each runtime"),
    (WorkerLost, "`ripieno doctor` tries each runtime on a model that ships"),
    (StorageError, "make room or mend the disk; control goes on, the record does not"),
    (DeviceError, "look at the cable and at `ripieno scan`; the daemon tries again by itself"),
    (BrokerError, "look at the broker's address and log; results wait in the ledger"),
    (RipienoError, "mend what the cause names, then `ripieno rearm`"),
)
LAST_WORDS = 300
A_BUG = "report it with the lines above (journalctl -u ripieno); the part is started again meanwhile"


@dataclass(frozen=True, slots=True)
class Stop:
    """`evidence`: file, line and function of the innermost frame, or a message of another part."""

    part: str
    cause: str
    evidence: str
    next_step: str

    def __str__(self) -> str:
        return f"{self.part} stopped: {self.cause} [{self.evidence}]; next: {self.next_step}"

    def as_map(self) -> dict[str, str]:
        """Return it as JSON writes it."""
        return asdict(self)


def stop_of(part: str, error: BaseException | None) -> Stop:
    """Return the stop of a part that raised, or that returned though it should have gone on (None)."""
    if error is None:
        return Stop(part, "it returned, which it never should", "no error was raised", A_BUG)
    error = innermost(error)
    text = str(error).strip().splitlines()
    cause = text[0] if isinstance(error, RipienoError) and text else f"{type(error).__name__}: {' '.join(text)}"
    if isinstance(error, WorkerLost) and len(text) > 1:
        cause = f"{cause}; its last words: {text[-1][:LAST_WORDS]}"
    next_step = next((step for kind, step in NEXT_STEPS if isinstance(error, kind)), A_BUG)
    return Stop(part, cause, place_of(error), next_step)


def innermost(error: BaseException) -> BaseException:
    """Return the one error that task groups have wrapped; of several, the first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def place_of(error: BaseException) -> str:
    """Return where an error was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return "raised before anything ran"
    last = frames[-1]
    return f"{last.filename}:{last.lineno} in {last.name}"
