"""What is refused before anything is written or done, and why. Plain functions of values.

An order that passes here is still looked up in the journal (its id, its number), which only the disk can answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..trust import Policy
from .kinds import KINDS, Effect
from .order import Order

SKEW_US: Final = 5_000_000  # the operator's clock may be that much ahead of ours
BEHIND_US: Final = 60_000_000  # a clock that is so far behind what was signed lately is not believed


@dataclass(frozen=True, slots=True)
class Refusal:
    """A short word for counters and programs, and a sentence."""

    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class Here:
    """This device now: its name, the epoch of its journal, its boot, its clock.

    `clock_quality`: 0 nobody knows, 1 plausible, 2 synchronised. `latest_us`: the newest time that was signed by a
    listed key and accepted, or the policy's; an honest clock is not before it.
    """

    device: str
    epoch: bytes
    boot: int
    now_us: int
    clock_quality: int
    latest_us: int

    @property
    def has_time(self) -> bool:
        """Whether the clock can be believed."""
        return self.clock_quality > 0 and self.now_us >= self.latest_us - BEHIND_US


def is_addressed(order: Order, here: Here) -> Refusal | None:
    """Refuse an order for others, or for a device of this name that was wiped since, or for another boot."""
    address = order.to.get(here.device)
    if address is None:
        return Refusal("target", f"it is for {', '.join(list(order.to)[:3])}; this is {here.device}")
    if address.epoch != here.epoch:
        return Refusal("epoch", f"it is for epoch {address.epoch.hex()}; here it is {here.epoch.hex()}")
    if address.boot not in (0, here.boot):
        return Refusal("boot", f"it is for boot {address.boot}; this one is {here.boot}")
    return None


def may(policy: Policy, key: str, kind: str, device: str, role: str = "") -> bool:
    """Whether a key may ask for a kind. `role`: what it is about is for this one; "": for nobody knows whom, and a key
    that may ask for some role is told so by who does it.
    """
    if policy.allows(key, kind, device):
        return True
    if kind not in KINDS or not KINDS[kind].for_roles:
        return False
    return policy.allows(key, f"{kind}.{role}", device) if role else policy.allows_below(key, kind, device)


def is_allowed(order: Order, keys: Sequence[str], policy: Policy, device: str, role: str = "") -> Refusal | None:
    """Refuse a kind that does not exist, or that these keys may not ask for (see `may`)."""
    kind = KINDS.get(order.kind)
    if kind is None:
        return Refusal("kind", f"there is no kind {order.kind!r}; there are {', '.join(KINDS)}")
    able = [key for key in keys if may(policy, key, order.kind, device, role)]
    needed = policy.keys_needed(order.kind)
    if not able:
        whose = f" for role {role}" if role else ""
        return Refusal("not-allowed", f"the policy does not let key {keys[0]} ask for {order.kind}{whose} of {device}")
    if len(able) < needed:
        return Refusal("two-keys", f"{order.kind} needs the signatures of {needed} keys; {len(able)} came")
    return None


def is_timely(order: Order, here: Here) -> Refusal | None:
    """Refuse what is early, late, or valid for longer than its kind may be.

    Without a clock that can be believed nothing that changes or moves anything is accepted; a question is.
    """
    kind = KINDS[order.kind]
    longest_us = kind.longest_s * 1e6
    if order.expires_us - order.not_before_us > longest_us:
        return Refusal("window", f"{order.kind} may be valid for {kind.longest_s:g} s at most")
    if not here.has_time:
        if kind.effect is Effect.READ:
            return None
        return Refusal("clock", f"this device does not know what time it is: {order.kind} is not accepted")
    if here.now_us > order.expires_us:
        return Refusal("expired", f"it ended {(here.now_us - order.expires_us) / 1e6:.1f} s ago")
    if here.now_us < order.not_before_us - SKEW_US:
        return Refusal("early", f"it begins in {(order.not_before_us - here.now_us) / 1e6:.1f} s")
    return None


def is_well_formed(order: Order) -> Refusal | None:
    """Refuse arguments that the kind has not."""
    problem = KINDS[order.kind].problem(order.args)
    return Refusal("arguments", problem) if problem else None


class Rate:
    """How often each key may ask: a bucket of a minute's orders that fills steadily. `now_ns` is monotonic."""

    def __init__(self) -> None:
        self._buckets: dict[str, tuple[float, int]] = {}

    def take(self, key: str, per_minute: int, now_ns: int) -> bool:
        """Whether there is one left; takes it."""
        left, then_ns = self._buckets.get(key, (float(per_minute), now_ns))
        left = min(float(per_minute), left + (now_ns - then_ns) / 60e9 * per_minute)
        self._buckets[key] = (left - 1 if left >= 1 else left, now_ns)
        return left >= 1
