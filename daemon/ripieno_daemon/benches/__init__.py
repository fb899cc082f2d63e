"""Benches: what deciding costs on this machine, in CPU time and in memory.

In:    how many rounds. Out: medians over rounds, and ratios to a plain Python call that was timed in the same round.
Never: a clock on the wall (other programs' work is not ours), a device, a model, what the daemon itself runs.
Start: rules.py (the rounds), plans.py (what is measured), memory.py (a process of its own).
"""

from .rules import WANTED, measure, missed

__all__ = ["WANTED", "measure", "missed"]
