"""Names and filters of topics (MQTT 5, section 4.7)."""

from __future__ import annotations


def is_a_filter(text: str) -> bool:
    """Whether a subscription may name this: `+` is one whole level, `#` the last."""
    levels = text.split("/")
    return (
        _is_text(text)
        and all(level in ("+", "#") or not set(level) & set("+#") for level in levels)
        and "#" not in levels[:-1]
    )


def is_a_topic(text: str) -> bool:
    """Whether a message may be sent there: no wildcard, and not the broker's own `$SYS`."""
    return _is_text(text) and not set(text) & set("+#") and not text.startswith("$")


def matches(wanted: str, topic: str) -> bool:
    """Tell whether a filter covers a topic."""
    levels, given = wanted.split("/"), topic.split("/")
    if given[0].startswith("$") and levels[0] in ("+", "#"):
        return False
    for index, level in enumerate(levels):
        if level == "#":
            return True
        if index >= len(given) or level not in ("+", given[index]):
            return False
    return len(levels) == len(given)


def _is_text(text: str) -> bool:
    return 0 < len(text) <= 1000 and text.isprintable()
