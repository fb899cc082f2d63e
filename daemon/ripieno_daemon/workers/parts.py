"""What a pool is made of: models with their places, steps with their deadlines; both sides of the hop use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ripieno.errors import ModelError
from ripieno.models import ModelSpec, spec_from_plain

# The control process keeps 0, so that no model starves it.
NICE: Final[Mapping[str, int]] = {"high": 0, "normal": 5, "low": 10}


@dataclass(frozen=True, slots=True)
class GoldenCase:
    """A picture, text or vector (absolute path of its file) and what the sealed model said about it."""

    path: str
    label: str
    scores: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class PooledModel:
    """A model and where its file is (absolute path). The digest is compared on the bytes that are then loaded."""

    spec: ModelSpec
    path: str
    golden: tuple[GoldenCase, ...] = ()

    def to_plain(self) -> dict[str, Any]:
        """Return what travels to the worker."""
        golden = [[case.path, case.label, list(case.scores)] for case in self.golden]
        return {"spec": self.spec.to_plain(), "path": self.path, "golden": golden}


@dataclass(frozen=True, slots=True)
class Step:
    """A step: which model, how long an answer may take, which worker (`priority`: high, normal or low)."""

    model: str
    deadline_s: float
    priority: str = "normal"


def pooled_from_plain(plain: Mapping[str, Any]) -> PooledModel:
    """Return the model that `PooledModel.to_plain` gave."""
    golden = tuple(GoldenCase(path, label, tuple(scores)) for path, label, scores in plain["golden"])
    return PooledModel(spec_from_plain(plain["spec"]), plain["path"], golden)


def check_steps(models: Mapping[str, PooledModel], steps: Mapping[str, Step]) -> None:
    """Refuse steps that name what does not exist.

    Raises:
        ModelError: names the step, what was expected and what came.
    """
    for name, step in steps.items():
        if step.model not in models:
            raise ModelError(f"step {name}: no model {step.model!r}; there are {', '.join(sorted(models)) or 'none'}")
        if step.priority not in NICE:
            raise ModelError(f"step {name}: no priority {step.priority!r}; there are {', '.join(NICE)}")
        if not step.deadline_s > 0:
            raise ModelError(f"step {name}: expected a deadline above 0 s, got {step.deadline_s}")
