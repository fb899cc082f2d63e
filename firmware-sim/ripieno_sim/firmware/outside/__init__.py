"""Outside: the firmware as a process or in QEMU, with its line, its plant and a terminal, in wall-clock time.

In:    a plant's settings, where the host is to find the port.
Out:   a running board; BoardDied when it ends by itself, ToolMissing when it cannot be made.
Never: two boards on one wire, a process that outlives its `async with`.
Start: running.py; host.py and qemu.py are the two kinds of board, wires.py what they are joined by.
"""
