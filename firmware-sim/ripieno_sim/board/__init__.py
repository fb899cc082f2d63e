"""Board: the controller's end of the link protocol, bytes in and bytes out, in a time that is handed in.

In:    bytes from the line, edges of inputs, changes of the belt's speed, a time in true microseconds.
Out:   bytes for the line, output changes for the Machine.
Never: I/O, a clock of its own, an exception because of what the line brought, an act done twice.
Start: board.py; dialogue.py hears and speaks, orders.py does what frames ask, journal.py survives a reset.
"""

from ripieno_sim.board.board import Board
from ripieno_sim.board.channels import Channel, ChannelKind, config_crc
from ripieno_sim.board.journal import Entry, Journal
from ripieno_sim.board.machine import Hooks, Machine, ResetNow, Step
from ripieno_sim.board.settings import BoardSettings

__all__ = [
    "Board",
    "BoardSettings",
    "Channel",
    "ChannelKind",
    "Entry",
    "Hooks",
    "Journal",
    "Machine",
    "ResetNow",
    "Step",
    "config_crc",
]
