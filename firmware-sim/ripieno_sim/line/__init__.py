"""Line: bytes at the pace of a UART, with faults drawn from a seed, and the pseudo-terminal that a host opens.

In:    bytes of either end, a time.
Out:   the bytes that have arrived at either end by a time.
Never: knowledge of frames beyond where a zero stands; a system call outside ptys.py.
Start: paced.py; faults.py lists what can go wrong; ptys.py joins a rig to a real terminal.
"""

from ripieno_sim.line.faults import CLEAN, LineFaults
from ripieno_sim.line.paced import TO_BOARD, TO_HOST, PacedLine

__all__ = ["CLEAN", "TO_BOARD", "TO_HOST", "LineFaults", "PacedLine"]
