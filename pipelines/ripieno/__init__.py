"""The library: values and contracts, the workflow language, rules, models, the engine.

In:    pipeline and device files (as text), events (as values).
Out:   plans, effects, decisions.
Never: I/O, a clock, randomness. What it needs from outside comes through `ripieno.contracts`.
Start: engine/engine.py decides; language/compile.py turns files into the plan that the engine runs.
"""
