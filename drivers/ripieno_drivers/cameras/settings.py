"""What the device file says of a folder of pictures."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Predicate, doc

from ripieno.contracts.driver import Place


def is_a_regular_expression(text: str) -> bool:
    try:
        re.compile(text)
    except re.error:
        return False
    return True


@dataclass(frozen=True, kw_only=True)
class FolderSettings:
    """A folder that pictures (.png .jpg .jpeg .bmp) arrive in or lie in."""

    path: Annotated[str, Place(), doc("the folder; in mode watch it belongs to the camera: see keep")]
    mode: Annotated[
        Literal["watch", "play"],
        doc("watch: each new picture; play: those that lie there, in the order of their names"),
    ] = "watch"
    rate_hz: Annotated[float, Gt(0), Le(1000), doc("pictures per second in mode play")] = 10.0
    loop: Annotated[bool, doc("play: begin again after the last picture")] = False
    pattern: Annotated[
        str,
        Predicate(is_a_regular_expression),
        doc(
            "a picture whose name does not match is ignored; group count: encoder count at exposure, n: sequence number"
        ),
    ] = ""
    counts_per_mm: Annotated[float, Gt(0), Le(1e6), doc("encoder counts per millimetre, for the group count")] = 1.0
    keep: Annotated[
        int,
        Ge(0),
        doc("watch: how many of the newest pictures stay in the folder, older ones are deleted; 0 keeps all"),
    ] = 200


@dataclass(frozen=True, kw_only=True)
class FolderPoint:
    """A frame input served by the folder; nothing to set."""
