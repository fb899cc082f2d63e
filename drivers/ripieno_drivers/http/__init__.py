"""HTTP: one service of the site, asked over one connection that is kept.

In:    an address, limits and secrets of the device file; requests. Out: whole answers, or a sentence why there is none.
Never: a redirect followed, a certificate not verified, a secret in the clear, a body without end, I/O but by ports.
Start: service.py (reaches the service, keeps the connection); exchange.py (one connection, on h11), address.py,
       settings.py.
"""

from .address import Base, Template, parse_base, parse_template
from .exchange import Answer, Broken, Request
from .service import HttpService, Unreachable
from .settings import HttpSettings

__all__ = [
    "Answer",
    "Base",
    "Broken",
    "HttpService",
    "HttpSettings",
    "Request",
    "Template",
    "Unreachable",
    "parse_base",
    "parse_template",
]
