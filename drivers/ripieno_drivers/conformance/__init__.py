"""Conformance: whether a driver keeps the contract that it claims, tried against a simulated device in virtual time.

In:    a driver, a factory of simulated devices (entry point group `ripieno.simulated`). Out: a report with reasons.
Never: a real port, or trust in what a driver says: the simulated device counts what was done.
Start: examine.py; `ripieno driver test NAME` runs it; docs/write-a-driver.md tells how to read it.
"""

from .examine import CHECKS, examine
from .report import CheckReport, Report
from .simulated import GROUP, Simulated, simulated_devices
from .stopwatch import Stopwatch

__all__ = ["CHECKS", "GROUP", "CheckReport", "Report", "Simulated", "Stopwatch", "examine", "simulated_devices"]
