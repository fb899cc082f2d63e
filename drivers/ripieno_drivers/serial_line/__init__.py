"""Serial line: what every driver of a device on a serial line needs, whatever it speaks.

In:    a port's name and settings, bytes. Out: an opened channel with bounded buffers, lines of text, ups and downs.
Never: a meaning of the bytes; I/O of its own: lines come from the context's port.
Start: channel.py; reopening.py keeps one open.
"""

from .channel import Channel
from .framing import EIGHT_N_ONE, FramedLines, Framing, Rs485
from .reopening import keep_open
from .standing import Standing
from .text_lines import Overlong, TextLines

__all__ = [
    "EIGHT_N_ONE",
    "Channel",
    "FramedLines",
    "Framing",
    "Overlong",
    "Rs485",
    "Standing",
    "TextLines",
    "keep_open",
]
