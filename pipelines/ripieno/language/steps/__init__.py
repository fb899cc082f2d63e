"""Steps: the entries of `steps` -> plans, in an order in which each comes after those that it needs.

In:    the file's sections (`World`), the names that expressions may use (`Scope`).
Out:   plans, and for each step what expressions may name of it.
Never: a rule, a model opened.
Start: reading.py (all steps of a list), kinds.py (which class a step is); one module for each kind or two.
"""

from .reading import Steps
from .step import Of

__all__ = ["Of", "Steps"]
