"""Workers: models run in processes that may die.

In:    models with their digests, steps with deadline and priority, pictures by path or as bytes, texts, vectors.
Out:   Inferred values within the deadline; what runs behind each step; a word to `say` when a worker dies or a model
       is put out of use.
Never: numpy, OpenCV or a model runtime in the control process; a frame that waits behind a dead call; a model file
       that is not the sealed one.
Start: pool.py (who calls); lane.py (one worker and its calls); weight.py (one that grew is replaced); child.py (the
       other side); inline.py (virtual time).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .inline import InlineInference
    from .lane import DeadlineRules
    from .parts import GoldenCase, PooledModel, Step
    from .pool import WorkerPool

__all__ = ["DeadlineRules", "GoldenCase", "InlineInference", "PooledModel", "Step", "WorkerPool"]

_HOMES = {
    "DeadlineRules": "lane",
    "GoldenCase": "parts",
    "InlineInference": "inline",
    "PooledModel": "parts",
    "Step": "parts",
    "WorkerPool": "pool",
}


def __getattr__(name: str) -> object:
    """Open the door only as far as asked: a worker comes through here too, and asyncio is a tenth of its start."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
