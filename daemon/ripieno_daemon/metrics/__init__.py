"""Metrics: what `status` tells, as numbers in Prometheus' text exposition format.

In:    the report of the standing. Out: text, version 0.0.4 of the format.
Never: a number of its own, a name that changes its meaning, a label with unbounded values.
Start: exposition.py (what is told), family.py (how it is written).
"""

from .exposition import CONTENT_TYPE, exposition

__all__ = ["CONTENT_TYPE", "exposition"]
