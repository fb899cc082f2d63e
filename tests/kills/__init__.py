"""Kills: programs that write what must survive, killed or refused at every system call, and cut off from power.

In:    nothing of this is in a wheel. Out: for each point what was broken, with the words that repeat it.
Never: a check that cannot fail: faulty programs with one protection out must be caught by the same points.
Start: __main__.py; victims.py (what is run and what must hold after), points.py (strace), power.py (images).
"""
