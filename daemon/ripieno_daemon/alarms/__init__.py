"""Alarms: what a person should know now, each once, with how often it came, and who has seen it; and ways to tell it.

In:    a code, a subject and a sentence, from any part of the daemon; the channels that a device file names.
Out:   the list, for status, metrics and people; messages and lamps that tell of it.
Never: a list or a queue that grows without bound; an alarm that goes away because somebody looked at it; a message
       that keeps anybody waiting.
Start: alarms.py (the list), chatter.py; notices.py (what one channel tells), desk.py (all channels of a device file),
       lamps.py, posting.py (a channel's messages on their way).
"""

from .alarms import Alarm, Alarms, Instant, Policy
from .desk import Desk
from .notices import Notice, Notices

__all__ = ["Alarm", "Alarms", "Desk", "Instant", "Notice", "Notices", "Policy"]
