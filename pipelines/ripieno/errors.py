"""What can go wrong, sorted by who can act.

RipienoError
    ConfigError        a person must edit a file; `problems` names every place at once
    BundleError        a bundle is not what its manifest says; seal it again or get it anew
    DeviceError        the device or its line failed; trying again may help
        LinkDown       there is no session with the board now
    CommandRefused     the machine understood and said no; trying again will not help
    ModelError         a model file is missing, truncated or of another shape
    PictureError       a picture is none, or not one that the model can take
    WorkerLost         the worker process died or passed its deadline; a new one is started
    StorageError       the disk refused: full, read-only or failing
        StorageDamaged what is on the disk is not what was written, or it is gone; trying again will not help
    BrokerError        the broker refused or is away; the outbox keeps what is not yet receipted
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class RipienoError(Exception):
    """Base of all errors that a caller is expected to handle."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong in a file, with its place (line and column from 1; 0: the whole file)."""

    file: str
    line: int
    column: int
    path: str
    message: str
    hint: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        hint = f" ({self.hint})" if self.hint else ""
        return f"{place}: {self.path}: {self.message}{hint}" if self.path else f"{place}: {self.message}{hint}"


class ConfigError(RipienoError):
    """A person must edit a file. `problems` has all of them, in the order of the files."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


class BundleError(RipienoError):
    """A bundle is not what its manifest says."""


class DeviceError(RipienoError):
    """The device or its line failed; trying again may help."""


class LinkDown(DeviceError):
    """There is no session with the board now."""


class CommandRefused(RipienoError):
    """The machine understood and said no; trying again will not help."""


class ModelError(RipienoError):
    """A model file is missing, truncated or of another shape."""


class PictureError(RipienoError):
    """A picture is none, or not one that the model can take."""


class WorkerLost(RipienoError):
    """The worker process died or passed its deadline. `stderr` holds its last words."""

    def __init__(self, message: str, stderr: str = "") -> None:
        self.stderr = stderr
        super().__init__(f"{message}\n{stderr}".rstrip() if stderr else message)


class StorageError(RipienoError):
    """The disk refused: full, read-only or failing."""


class StorageDamaged(StorageError):
    """What is on the disk is not what was written, or it is gone; trying again will not help."""


class BrokerError(RipienoError):
    """The broker refused or is away."""
