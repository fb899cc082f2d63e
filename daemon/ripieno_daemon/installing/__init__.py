"""Installing: the unit and its companions that ship with the wheel, put where systemd looks for them.

In:    the file system's root, and the program that the unit shall start.
Out:   files written whole, a list of them, and what a person has to do next.
Never: a service started or stopped, a setting of the device touched; those are a person's.
Start: files.py (what there is and where it goes), place.py (writes it).
"""

from .files import UnitFile, own_program, unit_files
from .place import Placed, place

__all__ = ["Placed", "UnitFile", "own_program", "place", "unit_files"]
