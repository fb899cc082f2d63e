"""Ledger: what came in, what was decided and what became of it, chained, on one disk.

In:    records (kind, time, bytes), snapshots of the engine, intents of acts. Out:   record ids at once, `on_commit`
when they are durable; after a restart the snapshot and all that followed it. Never: an opinion on what a payload
says; a wait of the control path for the disk (the intents are a file of their own). Start: ledger.py (append, group
commit, recover); record.py (row and chain); verify.py; intents.py.
"""

from .epochs import begin_epoch
from .intents import IntentFile
from .kinds import KINDS
from .ledger import Ledger
from .rows import Recovered, StreamRow
from .verify import Damage, Report, verify

__all__ = ["KINDS", "Damage", "IntentFile", "Ledger", "Recovered", "Report", "StreamRow", "begin_epoch", "verify"]
