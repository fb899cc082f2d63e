"""`--for`: how long an override lasts, as people say it: 90s, 10m, 2h."""

from __future__ import annotations

import argparse
import re

UNITS_S = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(s|m|min|h)")


def add_for(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add `--for`."""
    parser.add_argument(
        "--for",
        dest="for_s",
        type=seconds,
        required=required,
        metavar="TIME",
        help="how long, such as 90s, 10m or 2h; it ends by itself, over restarts too",
    )


def seconds(text: str) -> float:
    """Return the seconds of such a text. Raises ArgumentTypeError."""
    found = _SPAN.fullmatch(text.strip())
    if found is None:
        raise argparse.ArgumentTypeError(f"wants a time such as 90s, 10m or 2h (got {text!r})")
    return float(found[1]) * UNITS_S[found[2]]
