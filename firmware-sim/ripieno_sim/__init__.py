"""A simulated machine: a board that speaks the link protocol, the line to it, and the plant that it moves.

In:    bytes from a host, a run seed, a time in microseconds.
Out:   bytes to the host, pictures of parts, and what really happened to every part and command.
Never: a clock, randomness or a file of its own (`line/ptys.py` alone touches the system), or code of the host's side.
Start: rig.py joins board, line and plant; docs/link-protocol.md is what the board obeys.
"""

from ripieno_sim.rig import Rig, conveyor_rig

__all__ = ["Rig", "conveyor_rig"]
