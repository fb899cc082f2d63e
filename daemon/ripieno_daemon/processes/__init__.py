"""Processes: what every process that the daemon makes has in common, whoever makes it.

In:    a command with the descriptors that it inherits.
Out:   its death, told once with what it said last; its end, asked for or forced.
Never: a process that outlives the daemon; a thread or signal handler that waits for one; a wait without end.
Start: started.py and watched.py (the daemon's side), mortality.py (the other side). The door opens no module: a child
       comes through here too, and asyncio is a tenth of its start.
"""
