"""What a device was enrolled with: whose policies it believes."""

from __future__ import annotations

from typing import NamedTuple

from ..trust import Policy, read_policy


class Trusted(NamedTuple):
    """The key that signs policies, and the policy as it was when the device was enrolled (signed bytes)."""

    fleet: str
    root_public: bytes
    policy: bytes

    def read(self, signed: bytes) -> Policy:
        """Raises BadSeal: not signed by the root key, or of another fleet."""
        return read_policy(signed, self.root_public, self.fleet)

    def newer(self, received: bytes) -> Policy:
        """Return the newer of the enrolled policy and the one that came later (b"": none did). Raises BadSeal."""
        enrolled = self.read(self.policy)
        return max(enrolled, self.read(received), key=lambda one: one.serial) if received else enrolled
