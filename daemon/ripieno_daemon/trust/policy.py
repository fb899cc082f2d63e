"""The policy: which key may ask for which kinds, of which devices, how often. It is itself signed, by the root key.

    {v: 1, fleet, serial, issued: us UTC, two: [kind patterns],
     keys: [{name, public, kinds: [patterns], devices: [patterns], per_minute}, ...]}

A pattern is a name, or the beginning of one with `*` behind it. `two`: kinds that need the signatures of two keys,
each of which may ask for it. `serial` never falls on a device: an older policy that was signed once is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..packed import BadPacked, pack, unpack
from .keys import PUBLIC_BYTES, Signer, key_id
from .sealed import POLICY, BadSeal, parse_sealed, seal, signers

MAX_BYTES: Final = 48 * 1024  # it fits into a command
MAX_KEYS: Final = 64
MAX_PER_MINUTE: Final = 100_000


@dataclass(frozen=True, slots=True)
class KeyRule:
    """What one key may do. `per_minute`: commands, of one device; stop is not counted."""

    name: str
    public: bytes
    kinds: tuple[str, ...]
    devices: tuple[str, ...]
    per_minute: int = 60


@dataclass(frozen=True, slots=True)
class Policy:
    """The keys by their id. `issued_us`: when it was signed; a device whose clock is before that is not on time."""

    fleet: str
    serial: int
    keys: Mapping[str, KeyRule]
    two: tuple[str, ...] = ()
    issued_us: int = 0

    @property
    def publics(self) -> Mapping[str, bytes]:
        """The public keys by id."""
        return {key: rule.public for key, rule in self.keys.items()}

    def allows(self, key: str, kind: str, device: str) -> bool:
        """Whether this key may ask for this kind of this device."""
        rule = self.keys.get(key)
        return rule is not None and _covers(rule.kinds, kind) and _covers(rule.devices, device)

    def allows_below(self, key: str, kind: str, device: str) -> bool:
        """Whether this key may ask for some part of a kind (`answer.ROLE` of `answer`) of this device."""
        rule = self.keys.get(key)
        return (
            rule is not None and any(one.startswith(f"{kind}.") for one in rule.kinds) and _covers(rule.devices, device)
        )

    def keys_needed(self, kind: str) -> int:
        """How many keys must have signed a command of this kind."""
        return 2 if _covers(self.two, kind) else 1


def sign_policy(policy: Policy, root: Signer) -> bytes:
    """Return the policy as a file: signed, as bytes."""
    plain = {
        "v": 1,
        "fleet": policy.fleet,
        "serial": policy.serial,
        "issued": policy.issued_us,
        "two": list(policy.two),
        "keys": [
            {
                "name": rule.name,
                "public": rule.public,
                "kinds": list(rule.kinds),
                "devices": list(rule.devices),
                "per_minute": rule.per_minute,
            }
            for rule in policy.keys.values()
        ],
    }
    return pack(seal(POLICY, pack(plain, MAX_BYTES), [root]), MAX_BYTES + 1024)


def read_policy(packed: bytes, root_public: bytes, fleet: str) -> Policy:
    """Return the policy in these bytes.

    Raises:
        BadSeal: not signed by the root key, of another fleet, or not a policy.
    """
    try:
        body = unpack(packed, MAX_BYTES + 1024)
        sealed = parse_sealed(body if isinstance(body, dict) else {})
        signers(POLICY, sealed, {key_id(root_public): root_public})
        plain = unpack(sealed.payload, MAX_BYTES)
    except BadPacked as error:
        raise BadSeal("policy", f"the policy cannot be read: {error}") from error
    policy = _parse(plain)
    if policy.fleet != fleet:
        raise BadSeal("policy", f"a policy of fleet {policy.fleet!r}; this is {fleet!r}")
    return policy


def fleet_in(packed: bytes) -> str:
    """Return the name of the fleet that a policy gives, checked by nobody yet. Raises BadSeal: it is no policy."""
    try:
        body = unpack(packed, MAX_BYTES + 1024)
        return _parse(unpack(parse_sealed(body if isinstance(body, dict) else {}).payload, MAX_BYTES)).fleet
    except BadPacked as error:
        raise BadSeal("policy", f"the policy cannot be read: {error}") from error


def _parse(plain: Any) -> Policy:
    match plain:
        case {
            "v": 1,
            "fleet": str(fleet),
            "serial": int(serial),
            "issued": int(issued_us),
            "two": list(two),
            "keys": list(listed),
        }:
            pass
        case _:
            raise BadSeal("policy", "the policy is not {v: 1, fleet, serial, issued, two, keys}")
    if len(listed) > MAX_KEYS or serial < 1 or not all(isinstance(each, str) for each in two):
        raise BadSeal("policy", f"at most {MAX_KEYS} keys, a serial from 1 on, patterns as text")
    keys = [_rule(each) for each in listed]
    if len({rule.public for rule in keys}) != len(keys):
        raise BadSeal("policy", "a key stands twice in the policy")
    return Policy(fleet, serial, {key_id(rule.public): rule for rule in keys}, tuple(two), issued_us)


def _rule(plain: Any) -> KeyRule:
    match plain:
        case {
            "name": str(name),
            "public": bytes(public),
            "kinds": list(kinds),
            "devices": list(devices),
            "per_minute": int(per_minute),
        } if len(public) == PUBLIC_BYTES and 0 < per_minute <= MAX_PER_MINUTE:
            if all(isinstance(each, str) for each in [*kinds, *devices]):
                return KeyRule(name, public, tuple(kinds), tuple(devices), per_minute)
    raise BadSeal("policy", "a key of the policy is not {name, public, kinds, devices, per_minute}")


def _covers(patterns: tuple[str, ...], name: str) -> bool:
    return any(name == pattern or (pattern.endswith("*") and name.startswith(pattern[:-1])) for pattern in patterns)
