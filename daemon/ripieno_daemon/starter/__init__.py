"""Starter: a device file and a first pipeline for a new device, to be read and changed by a person.

In:    a folder, who the device is, and the names of a port and a camera's folder (or none: a simulated line).
Out:   device.yaml with a comment for each part, and a copy of a bundle that ships.
Never: a file replaced that is there; a machine moved that nobody has named.
Start: text.py (the file's text), write.py (puts it there).
"""

from .text import Choice, device_text
from .write import Written, write

__all__ = ["Choice", "Written", "device_text", "write"]
