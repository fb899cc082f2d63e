"""Backup: what makes a device this one, in one file, and a state directory made of such a file.

In:    a state directory, also of a running daemon; a device file with its bundles.
Out:   one file with a manifest of digests; from it, a state directory that begins new epochs.
Never: a key, unless it is asked for; a restored act that is sent again, a restored number that is used twice; a file or
       a state that is half of the old and half of the new.
Start: contents.py (what goes in), writing.py, reading.py (the file, checked), restoring.py, renewing.py (what a
       restored state must not go on with). A program of its own, beside the daemon: it touches files itself.
"""

from .contents import Contents, contents_of
from .manifest import FORMAT, BadBackup, Manifest
from .reading import check
from .restoring import Restored, restore
from .writing import write

__all__ = ["FORMAT", "BadBackup", "Contents", "Manifest", "Restored", "check", "contents_of", "restore", "write"]
