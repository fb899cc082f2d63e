"""What a checkup found."""

from __future__ import annotations

from dataclasses import asdict, dataclass

GOOD, WARN, BAD = "good", "warn", "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """`how` is good, warn (it works, and may not for long) or bad; `mend` says what to do, "" where nothing is."""

    about: str
    how: str
    text: str
    mend: str = ""

    def as_map(self) -> dict[str, str]:
        """Return it as JSON writes it."""
        return asdict(self)


def good(about: str, text: str) -> Finding:
    """Return a finding that wants nothing."""
    return Finding(about, GOOD, text)


def warn(about: str, text: str, mend: str) -> Finding:
    """Return a finding that wants somebody's attention."""
    return Finding(about, WARN, text, mend)


def bad(about: str, text: str, mend: str) -> Finding:
    """Return a finding that must be mended."""
    return Finding(about, BAD, text, mend)
