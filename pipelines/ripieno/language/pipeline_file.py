"""The settings of a pipeline file: the whole file. Its sections are in `sections`.

Only shape stands here; what refers to what is checked by who reads a section.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import MaxLen, MinLen, doc

from .marks import Pattern
from .sections.inputs import INPUTS
from .sections.items import ITEMS
from .sections.models import Model
from .sections.outputs import OUTPUTS
from .sections.rules import Rule
from .sections.steps import STEPS
from .sections.words import Entries, Word
from .sections.workflows import Workflow

MOST = 500  # entries of a section


@dataclass(frozen=True, kw_only=True)
class PipelineFile:
    """A pipeline: what comes in, what is found out, what is done."""

    ripieno: Annotated[Literal[1], doc("the format's version")]
    name: Annotated[Word, doc("the pipeline's name; of several on a device each has its own")]
    version: Annotated[
        Word | Annotated[str, Pattern(r"[0-9][0-9A-Za-z.+-]*", "a version such as 1.0.0")],
        doc("of the pipeline; it stands in every result"),
    ]
    inputs: Annotated[
        Mapping[str, Any], MinLen(1), MaxLen(MOST), Entries(INPUTS), doc("what a device must provide, by name")
    ]
    outputs: Annotated[Mapping[str, Any], MaxLen(MOST), Entries(OUTPUTS), doc("what rules act on, by name")] = field(
        default_factory=dict
    )
    items: Annotated[
        Mapping[str, Any], MaxLen(MOST), Entries(ITEMS, by="key"), doc("what decisions are about, by kind")
    ] = field(default_factory=dict)
    models: Annotated[Mapping[str, Any], MaxLen(MOST), Entries(Model), doc("the bundle's models, by name")] = field(
        default_factory=dict
    )
    steps: Annotated[Mapping[str, Any], MaxLen(MOST), Entries(STEPS, by="key"), doc("what is found out, by name")] = (
        field(default_factory=dict)
    )
    workflows: Annotated[
        Mapping[str, Any], MaxLen(MOST), Entries(Workflow), doc("steps under a name, to be used more than once")
    ] = field(default_factory=dict)
    rules: Annotated[Mapping[str, Any], MaxLen(MOST), Entries(Rule), doc("what is done, and when, by name")] = field(
        default_factory=dict
    )
