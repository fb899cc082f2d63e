"""The stage: the simulated line with the real daemon on it; the only part of the simulation that knows Ripieno.

In:    a seed, a number of parts, pictures; points at which the daemon is killed.
Out:   the figures of a run (report.py).
Never: a protection taken out, or a result that the plant, the ledger or the consumer did not give.
Start: command.py; virtual.py (virtual time; studio.py draws beside it), wall.py (real processes, ptys, broker).
"""
