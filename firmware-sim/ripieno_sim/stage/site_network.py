"""The Network port in virtual time: simulated services by the name of their host."""

from __future__ import annotations

from collections.abc import Mapping

from ripieno.contracts.site import Endpoint
from ripieno.errors import DeviceError
from ripieno_drivers.conformance.services import Outside
from ripieno_drivers.conformance.services.outside import KitStream


class SiteNetwork:
    """`sites`: host -> what is reached there; each has its own trouble (away, broken, late, silent)."""

    def __init__(self, sites: Mapping[str, Outside]) -> None:
        self._sites = sites

    async def connect(self, endpoint: Endpoint) -> KitStream:
        """Connect to the service of this host."""
        site = self._sites.get(endpoint.host)
        if site is None:
            raise DeviceError(f"{endpoint}: the name is not known; simulated are {', '.join(sorted(self._sites))}")
        return await site.connect(endpoint)
