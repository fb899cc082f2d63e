"""What a command of `ripieno` is.

Commands of other packages are entry points of group `ripieno.commands` that load to one.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass

GROUPS = {
    "daily": "For the line engineer",
    "author": "For who writes a pipeline or ships a model",
    "operate": "For who runs devices",
    "prove": "For the auditor",
}
OK, NO, CALLED_WRONGLY = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Command:
    """One command.

    Attributes:
        name: words as typed, such as "bundle seal".
        group: a key of GROUPS.
        summary: one line.
        example: a call that works, with what it shows.
        arguments: adds its options to a parser.
        run: does it and returns the exit code (OK, NO, CALLED_WRONGLY).
    """

    name: str
    group: str
    summary: str
    example: str
    arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
