"""Expressions: a checked subset of Python's, from text to the plan's typed trees.

In:    a text with its place, and what its names mean (`Scope`).
Out:   a tree with what is known of its value (`Typed`), or each problem at its column.
Never: `eval`, a name with `_` in front or `__` in it, a tree without a bound.
Start: grammar.py; tokens.py and syntax.py come before it, calls.py, comparisons.py and units.py are parts of it.
"""
