"""The command line.

In:    words. Out: text for people or JSON, and an exit code: 0 ok, 1 the answer is no, 2 called wrongly.
Never: work of its own; each command calls one room.
Start: main.py; one module for each command.
"""

from .command import CALLED_WRONGLY, NO, OK, Command
from .main import main

__all__ = ["CALLED_WRONGLY", "NO", "OK", "Command", "main"]
