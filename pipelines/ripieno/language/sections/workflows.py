"""Workflows: steps under a name, used by a step `workflow: NAME` as if they stood there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from annotated_types import MaxLen, MinLen, doc

from .inputs import FieldType
from .steps import STEPS
from .words import Entries, Expression


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """Steps that see only what they are given, as `given.NAME`, and one another."""

    steps: Annotated[
        Mapping[str, Any], MinLen(1), MaxLen(200), Entries(STEPS, by="key"), doc("its steps, without `each`")
    ]
    gives: Annotated[Mapping[str, Expression], MinLen(1), MaxLen(100), doc("name -> expression: its fields")]
    takes: Annotated[Mapping[str, FieldType], MaxLen(100), doc("name -> text, number or bool")] = field(
        default_factory=dict
    )
