"""Rules: what the engine uses to look at conditions. Light: no YAML, no pydantic, nothing but the plan's trees.

In:    expression trees and aggregates of a plan, values or UNKNOWN.
Out:   one fast function for each condition, streaming aggregates with durable state, the operands that a
decision saw.
Never: I/O, a clock, user text in generated source, memory beyond a window's bound.
Start: generate.py (one condition, fast), ruleset.py (many at once), kleene.py (the same, plainly told); aggregates.py
(windows and since), measures.py (their functions), turning.py (when time alone turns a condition).
"""

from .aggregates import MAX_SAMPLES, Accumulator
from .explain import explain, name_of
from .generate import generate, operands_of, source_of
from .kleene import evaluate
from .ruleset import LiveRules, RuleSet
from .turning import Turning, bent

__all__ = [
    "MAX_SAMPLES",
    "Accumulator",
    "LiveRules",
    "RuleSet",
    "Turning",
    "bent",
    "evaluate",
    "explain",
    "generate",
    "name_of",
    "operands_of",
    "source_of",
]
