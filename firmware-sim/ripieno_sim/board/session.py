"""One session at the board's end, from its WELCOME on (docs/link-protocol.md, sections 3 and 4)."""

from dataclasses import dataclass, field

from ripieno_sim.board.reliable import Reliable
from ripieno_sim.codec import Welcome

__all__ = ["Session"]


@dataclass(slots=True)
class Session:
    """A session that is up, or one that was offered and waits for the host's first frame."""

    nonce: int
    token: int
    welcome: Welcome
    reliable: Reliable
    ack_owed: bool = False
    nak_owed: bool = False
    nak_sent: bool = False
    heard_us: int = 0
    silent: bool = False
    next_sample_us: int = 0
    estops_owed: list[int] = field(default_factory=list)
    pings: list[int] = field(default_factory=list)
    lost_events: int = 0
