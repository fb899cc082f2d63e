"""TLS 1.3 with certificates on both ends, and what a failed handshake means in words that name the mend."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ripieno.errors import BrokerError

ASK_S = 3.0


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: who vouches for the broker, who we are, and our key."""

    ca: str
    certificate: str
    key: str


def client_context(files: TlsFiles) -> ssl.SSLContext:
    """Return a context that speaks TLS 1.3 alone, checks the broker's name and shows our certificate.

    Raises:
        BrokerError: a file is missing or is not what it should be.
    """
    for path in (files.ca, files.certificate, files.key):
        try:
            Path(path).stat()
        except OSError as error:
            raise BrokerError(f"{path}: {error.strerror} (`ripieno fleet enrol` makes it)") from error
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_verify_locations(files.ca)
        context.load_cert_chain(files.certificate, files.key)
    except (ssl.SSLError, OSError) as error:
        raise BrokerError(f"{files.ca}, {files.certificate}, {files.key}: do not go together ({error})") from error
    return context


def why_closed(host: str, port: int, files: TlsFiles, now_ns: int) -> str:
    """Return why a broker closes the connection once TLS is there: it blocks for up to 6 s, so call it in a thread.

    In TLS 1.3 a broker refuses a client's certificate after the handshake, with an alert; paho writes before it
    reads, and then the alert is gone. So it is asked for once more, with nothing written.
    """
    own = _own_certificate(files, now_ns)
    try:
        with (
            socket.create_connection((host, port), ASK_S) as plain,
            client_context(files).wrap_socket(plain, server_hostname=host) as wrapped,
        ):
            wrapped.settimeout(ASK_S)
            wrapped.recv(1)
    except (OSError, BrokerError) as error:  # ssl.SSLError is an OSError
        return f"{host}:{port}: {error}{own}"
    return f"{host}:{port}: the broker closed the connection{own}"


def another_name(files: TlsFiles, client_id: str) -> str:
    """Return that our certificate is another's, "" where it is ours or cannot be read: why we may say nothing there.

    The broker takes the certificate's name for ours, whatever we call ourselves.
    """
    from ..trust.certificates import BadCertificate, read_certificate

    try:
        told = read_certificate(Path(files.certificate).read_bytes(), files.certificate)
    except (OSError, BadCertificate):
        return ""
    if told.name == client_id:
        return ""
    return f"; {files.certificate} is of {told.name}, and this device is called {client_id} (device.id in its file)"


def _own_certificate(files: TlsFiles, now_ns: int) -> str:
    """Return what is wrong with our certificate's days, "" for nothing."""
    from ..trust.certificates import BadCertificate, read_certificate

    try:
        told = read_certificate(Path(files.certificate).read_bytes(), files.certificate)
    except (OSError, BadCertificate):
        return ""
    now_s = now_ns // 1_000_000_000
    if now_s > told.until_s:
        return f"; {files.certificate} ended on {_day(told.until_s)} (renew it: `ripieno fleet enrol`)"
    if now_s < told.from_s:
        return f"; {files.certificate} begins on {_day(told.from_s)}, and here it is {_day(now_s)} (set the clock)"
    return ""


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
