"""What the device file says of a folder, and of each input and output in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import MaxLen, Predicate, doc

from ripieno.contracts.driver import Place
from ripieno_drivers.messages.arriving import MessagePoint


def is_an_absolute_path(text: str) -> bool:
    return text.startswith("/") and text.isprintable()


def is_below(path: str) -> bool:
    """Whether a path leads from a folder to itself or deeper."""
    return path.isprintable() and not path.startswith("/") and ".." not in path.split("/")


@dataclass(frozen=True, kw_only=True)
class FilesSettings:
    """A folder that other programs know, too."""

    path: Annotated[
        str,
        Place(),
        MaxLen(400),
        Predicate(is_an_absolute_path),
        doc("the folder, from / on; points name what is in it"),
    ]


@dataclass(frozen=True, kw_only=True)
class FilesPoint(MessagePoint):
    """A message input takes files, an output puts them."""

    take: Annotated[
        str, MaxLen(200), doc("an input: the folder below the device's; each new .json (or .txt) file is a message")
    ] = ""
    then: Annotated[
        Literal["move", "delete"], doc("input: a message file that is durable goes to the folder done/, or is deleted")
    ] = "move"
    put: Annotated[str, MaxLen(200), doc("an output: the folder below the device's; it is made if absent")] = ""
    readable: Annotated[bool, doc("output: write a Markdown file for people beside the JSON one")] = True

    def __post_init__(self) -> None:
        """Raises ValueError when the parts do not fit together."""
        super().__post_init__()
        if bool(self.take) == bool(self.put):
            raise ValueError("give one of `take` (an input) and `put` (an output); `.` is the device's own folder")
        if not is_below(self.take) or not is_below(self.put):
            raise ValueError("`take` and `put` lead into the device's folder: no / at the beginning, no ..")
        if self.put and (self.fields or self.key or self.format != "json"):
            raise ValueError("`format`, `fields` and `key` are for an input")

    @property
    def direction(self) -> str:
        """Whether it takes files (input) or puts them (output)."""
        return "input" if self.take else "output"
