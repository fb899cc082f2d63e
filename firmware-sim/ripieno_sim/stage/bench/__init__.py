"""Bench: how long the link takes, and what faults of a line cost, on real pseudo-terminals in wall-clock time.

In:    a baud rate, what is at the other end (the Python board, the firmware as a process or in QEMU).
Out:   medians and 99th percentiles from the call to the pin, to the answer, and back to a session; under a stuck, a
       flooded and an unplugged line the loop's lateness, processor time and memory.
Never: a figure that the link itself gives for what the board did: pins are timed by the board's process.
Start: command.py; measure.py is the host's process, target.py the board's. faults_command.py; faults.py plays them,
       sufferer.py is the host's process. cameras_command.py; cameras.py lets one of two cameras hang.
"""
