"""Firmware: the C firmware of firmware-sim/firmware as boards that a rig, a pseudo-terminal and a plant can have.

In:    bytes from a host, a plant.
Out:   bytes to the host, output changes for the plant; ToolMissing where a compiler or QEMU is not installed.
Never: a decision of the firmware's own: what a board does, the C core does.
Start: virtual_board.py is the core in virtual time; outside/running.py joins a process or QEMU to terminal and plant.
"""

from ripieno_sim.firmware.build import BuildFailed, ToolMissing, built
from ripieno_sim.firmware.outside.host import BoardDied
from ripieno_sim.firmware.outside.running import Running, host_rig, qemu_rig
from ripieno_sim.firmware.virtual_board import CBoard

__all__ = ["BoardDied", "BuildFailed", "CBoard", "Running", "ToolMissing", "built", "host_rig", "qemu_rig"]
