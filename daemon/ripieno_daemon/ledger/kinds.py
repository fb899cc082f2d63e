"""The kinds of records and the small numbers that stand for them on the disk.

A number is never given to another kind: old ledgers are read for years.
"""

from __future__ import annotations

from typing import Final

KINDS: Final[dict[str, int]] = {
    "event": 1,  # what the engine was given
    "decision": 2,  # what it decided, with the operands that it saw
    "effect": 3,  # what it asked for
    "outcome": 4,  # what became of an act
    "inference": 5,  # what a model said
    "intent": 6,  # an act that was made durable before its first byte
    "plan": 16,  # a plan came into force
    "fingerprint": 17,  # a model was loaded; its numerics on the golden inputs
    "start": 18,  # this process took over
    "stop": 19,  # it ended in order
    "degraded": 20,  # the ladder moved
    "ask": 21,  # a person was asked, or the question ended
    "alarm": 32,  # something a person should know
    "command": 33,  # what an operator or the fleet asked for
    "status": 34,  # counters of a span of time
    "update": 35,  # a bundle was staged, tried, confirmed or reverted
    "notice": 36,  # how an alarm stands, as it was told the fleet
    "gap": 64,  # records that the disk did not take; made by the ledger itself
    "dictionary": 65,  # the words that later payloads are packed with; made by the ledger itself
    "erasure": 66,  # payloads that were erased; made by the ledger itself
    "epoch": 67,  # numbers of the stream begin anew, under another epoch; made by the ledger itself
}
NAMES: Final[dict[int, str]] = {number: name for name, number in KINDS.items()}


def number_of(kind: str) -> int:
    """Return the number of a kind.

    Raises:
        ValueError: there is no such kind; the message has those that exist.
    """
    try:
        return KINDS[kind]
    except KeyError:
        raise ValueError(f"no record kind {kind!r}; there are {', '.join(KINDS)}") from None


def name_of(number: int) -> str:
    """Return the name of a kind, `kind-N` for one of a later release."""
    return NAMES.get(number, f"kind-{number}")
