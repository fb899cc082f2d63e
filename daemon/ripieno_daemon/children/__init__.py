"""Children: processes that drivers start for what may hang or die, such as a camera's library.

In:    the name of a driver's module and its arguments; messages for it.
Out:   its messages; one sentence about its death. Memory that it shares with the workers.
Never: a child that outlives the daemon; a wait for one that hangs; a look into the shared memory.
Start: processes.py (who calls); ../childhood.py (the first lines of the other side).
"""

from .processes import ChildProcesses

__all__ = ["ChildProcesses"]
