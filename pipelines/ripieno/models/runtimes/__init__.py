"""Runtimes: what invokes a model file. Each is an entry point of group `ripieno.runtimes`.

In:    the bytes of a model file.
Out:   a Session: its tensors, a view to write the input, invoke, a copy of the output.
Never: in the control process; more than one thread unless told (two collapse on busy cores); foreign exceptions.
Start: choose.py; interpreter.py is what TensorFlow Lite and LiteRT have in common.
"""

from .choose import choose, known_names

__all__ = ["choose", "known_names"]
