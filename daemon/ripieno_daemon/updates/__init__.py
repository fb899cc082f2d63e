"""Updates: a signed release comes in, is tried, and is kept or given up; old or new runs, never neither.

In:    chunks by their digests, the verdict of a self-test, what the line decides with a release on trial.
Out:   the folder of the release that runs; which release was refused or reverted, and why.
Never: a byte that is loaded before its digest, and its index's signature, were compared; a need for the network to
       go back; a lower counter than was confirmed; the factory release removed.
Start: updates.py (all of a device), updater.py (one bundle, in order): arrival.py (on its way), tryout.py (on the line,
       judged by trial.py); slots.py (which release runs), store.py (releases on the disk), transfer.py (how chunks
       come), trying.py (the self-test, in a child).
"""
