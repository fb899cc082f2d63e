"""Services: the kit for drivers that book in other systems or look records up, tried against a simulated one.

In:    a driver, a factory of simulated services. Out: a report with reasons, as for devices on a line.
Never: trust in what a driver says: the simulated service counts its effects and knows its records.
Start: examine.py; service.py (what an author writes), outside.py (the ports, in memory), trouble.py (what goes wrong).
"""

from .examine import examine_service
from .outside import Outside
from .service import Conversation, Service, is_service

__all__ = ["Conversation", "Outside", "Service", "examine_service", "is_service"]
