"""The seam between what a model is given and its input tensor: picture_feed.py, text_feed.py, numbers_feed.py."""

from __future__ import annotations

from typing import Any, Protocol

from ripieno.errors import ModelError
from ripieno.values import Health


class Unreadable(ModelError):
    """What was given cannot be made into an input; `health` says of which kind it is."""

    def __init__(self, health: Health, message: str) -> None:
        self.health = health
        super().__init__(message)


class Feed(Protocol):
    """Makes the input tensor of one model. Holds what it has read until it is asked to fill; not for two threads."""

    def take(self, given: bytes) -> None:
        """Read an encoded picture, a text in UTF-8 or little-endian float64 numbers.

        Raises:
            Unreadable: it is none, or none that this model takes.
        """

    def take_ramp(self) -> None:
        """Take a fixed input that reaches every part of the tensor: for self-tests and times."""

    def fill(self, tensor: Any) -> None:
        """Write what was taken into a view of the model's input tensor."""
