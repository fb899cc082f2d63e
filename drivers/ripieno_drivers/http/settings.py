"""What the device file says of an HTTP service, whatever is asked of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final

from annotated_types import Ge, Gt, Le, MaxLen, MinLen, Predicate, doc

from ripieno.contracts.driver import Place
from ripieno.contracts.site import Endpoint, Tls

from .address import Base, parse_base

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
OURS: Final = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "accept-encoding", "idempotency-key", "content-type"}
)


def is_a_header(name: str) -> bool:
    return bool(_TOKEN.fullmatch(name)) and name.lower() not in OURS


def is_a_header_value(text: str) -> bool:
    return text.isascii() and text.isprintable() and text == text.strip()


HeaderName = Annotated[str, MaxLen(100), Predicate(is_a_header)]


@dataclass(frozen=True, kw_only=True)
class HttpSettings:
    """An HTTP/1.1 service. Redirects are not followed, certificates are always verified."""

    url: Annotated[str, Place(), MinLen(8), MaxLen(500), doc("the service: https://host:port/path")]
    token_file: Annotated[
        str, Place(), doc("a file with a token, sent as `Authorization: Bearer ...`; read at every connect")
    ] = ""
    secret_headers: Annotated[
        Mapping[HeaderName, str], Place(), MaxLen(20), doc("header: a file with its value, such as an API key")
    ] = field(default_factory=dict)
    headers: Annotated[
        Mapping[HeaderName, Annotated[str, MaxLen(1000), Predicate(is_a_header_value)]],
        MaxLen(20),
        doc("header: its value, no secret"),
    ] = field(default_factory=dict)
    ca_file: Annotated[str, Place(), doc("PEM of who vouches for the service; empty: the system's authorities")] = ""
    certificate_file: Annotated[str, Place(), doc("our certificate (PEM), for a service that asks for one")] = ""
    key_file: Annotated[str, Place(), doc("and its key (PEM)")] = ""
    connect_s: Annotated[float, Gt(0), Le(60), doc("how long connecting may take: name, TCP and TLS")] = 5.0
    answer_s: Annotated[float, Gt(0), Le(300), doc("how long a request may take until its answer is whole")] = 5.0
    largest_bytes: Annotated[int, Ge(64), Le(262_144), doc("an answer with a longer body is not taken")] = 65_536

    def __post_init__(self) -> None:
        """Raises ValueError when the parts do not fit together."""
        base = parse_base(self.url)
        is_secret = bool(self.token_file or self.secret_headers)
        if is_secret and not base.is_private:
            raise ValueError("`url` is http: a token would be readable on the way; use https")
        if bool(self.certificate_file) != bool(self.key_file):
            raise ValueError("`certificate_file` and `key_file` go together")
        if base.scheme == "http" and (self.ca_file or self.certificate_file):
            raise ValueError("`url` is http: certificates are of no use; use https")
        names = [name.lower() for name in (*self.headers, *self.secret_headers)]
        names += ["authorization"] if self.token_file else []
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"the header {twice[0]} is given twice")

    @property
    def base(self) -> Base:
        """The parsed address."""
        return parse_base(self.url)

    @property
    def endpoint(self) -> Endpoint:
        """Where to connect."""
        base = self.base
        tls = Tls(ca_file=self.ca_file, certificate_file=self.certificate_file, key_file=self.key_file)
        return Endpoint(host=base.host, port=base.port, tls=tls if base.scheme == "https" else None)
