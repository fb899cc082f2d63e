"""Firmware: the C firmware of firmware-sim/firmware as boards that a rig, a pseudo-terminal and a plant can have.

In:    bytes from a host, a plant.
Out:   bytes to the host, output changes for the plant; ToolMissing where a compiler or QEMU is not installed.
Never: a decision of the firmware's own: what a board does, the C core does.
Start: virtual_board.py is the core in virtual time; running.py joins a process or QEMU to a terminal and the plant.
"""

from ripieno_sim.firmware.build import BuildFailed, ToolMissing, built
from ripieno_sim.firmware.virtual_board import CBoard

__all__ = ["BuildFailed", "CBoard", "ToolMissing", "built"]
