"""The settings of a pipeline file: the whole file. Its sections are in `sections`.

Only shape stands here; what refers to what is checked by `pipeline.py` and `rule_lines.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import MinLen

from .sections.words import Word
from .shape import Pattern


@dataclass(frozen=True, kw_only=True)
class PipelineFile:
    """The whole file."""

    ripieno: Literal[1]
    name: Word
    version: Word | Annotated[str, Pattern(r"[0-9][0-9A-Za-z.+-]*", "a version such as 1.0.0")]
    inputs: Annotated[Mapping[str, Any], MinLen(1)]
    outputs: Mapping[str, Any] = field(default_factory=dict)
    items: Mapping[str, Any] = field(default_factory=dict)
    models: Mapping[str, Any] = field(default_factory=dict)
    steps: Mapping[str, Any] = field(default_factory=dict)
    rules: Mapping[str, Any] = field(default_factory=dict)
