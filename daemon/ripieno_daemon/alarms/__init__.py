"""Alarms: what a person should know now, each once, with how often it came, and who has seen it.

In:    a code, a subject and a sentence, from any part of the daemon. Out: the list, for status, metrics and people.
Never: a clock of its own; a list that grows without bound; an alarm that goes away because somebody looked at it.
Start: alarms.py.
"""

from .alarms import Alarm, Alarms

__all__ = ["Alarm", "Alarms"]
