"""The broker: does anybody answer there, and how long are the certificates good for?"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from ripieno.plan import BrokerPlan

from .finding import Finding, bad, good, warn

ANSWER_S = 3.0
SOON_DAYS = 30
FILES = ("ca", "cert", "certificate", "key")


async def broker(plan: BrokerPlan) -> list[Finding]:
    """Look at the broker that the device file names; results wait in the ledger while there is none."""
    if plan.transport == "none":
        return [good("broker", "none is named: results wait in the ledger")]
    return [await _answers(plan), *_certificates(plan.tls)]


async def _answers(plan: BrokerPlan) -> Finding:
    where = plan.address if plan.transport == "socket" else f"{plan.address}:{plan.port}"
    try:
        async with asyncio.timeout(ANSWER_S):
            if plan.transport == "socket":
                _, writer = await asyncio.open_unix_connection(plan.address)
            else:
                _, writer = await asyncio.open_connection(plan.address, plan.port)
    except TimeoutError:
        return bad("broker", f"{where} does not answer within {ANSWER_S:g} s", "look at the network and the firewall")
    except OSError as error:
        return bad("broker", f"{where}: {error.strerror or error}", "start the broker, or correct broker.address")
    writer.close()
    return good("broker", f"{where} takes connections")


def _certificates(tls: Any) -> list[Finding]:
    """Look at each file that the TLS settings name."""
    findings = []
    for name in FILES if tls is not None else ():
        place = getattr(tls, name, "")
        if not place:
            continue
        try:
            content = Path(place).read_bytes()
        except OSError as error:
            findings.append(bad("certificates", f"{place}: {error.strerror}", "put it there, readable for the daemon"))
            continue
        findings += [_certificate(place, content)] if b"CERTIFICATE" in content else []
    return findings


def _certificate(place: str, content: bytes) -> Finding:
    from cryptography import x509

    try:
        until = x509.load_pem_x509_certificate(content).not_valid_after_utc
    except ValueError as error:
        return bad("certificates", f"{place} is no certificate: {error}", "put the right file there")
    days = (until.timestamp() - time.time()) / 86_400
    if days < 0:
        return bad("certificates", f"{place} expired on {until:%F}", "enrol the device again, or renew it")
    if days < SOON_DAYS:
        return warn("certificates", f"{place} expires in {days:.0f} days", "renew it")
    return good("certificates", f"{place} is good until {until:%F}")
