"""Soak: the host's real link against a board on a line in a machine, in virtual time, with everything going wrong.

In:    a mix of faults, a seed, a number of commands, a board (Python or C).
Out:   how many commands were executed, not executed, left in doubt; and every promise that was broken.
Never: a count taken from the link: what happened is what the machine's outputs did.
Start: run.py; mixes.py says what goes wrong how often, misfortunes.py does it, judge.py compares.
"""

from .judge import broken
from .mixes import MIXES, Mix
from .run import Soak, soak

__all__ = ["MIXES", "Mix", "Soak", "broken", "soak"]
