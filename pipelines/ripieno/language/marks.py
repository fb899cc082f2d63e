"""Marks on the types of sections: how a file may write a value, besides its bounds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class OneOrMany:
    """Marks a tuple that a file may write as its only element."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """Put a lone value into a tuple."""
        from pydantic_core import core_schema

        return core_schema.no_info_before_validator_function(
            lambda written: tuple(written) if isinstance(written, list) else (written,), handler(source)
        )


@dataclass(frozen=True, slots=True)
class AnyScalar:
    """Marks a text that a file may write without quotes though it looks like a number or a truth value: `when: true`.

    What is validated is only that it is there; who reads it takes the text as written from the node.
    """

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """Take a number or a truth value as text."""
        from pydantic_core import core_schema

        return core_schema.no_info_before_validator_function(
            lambda written: str(written).lower() if isinstance(written, (bool, int, float)) else written,
            handler(source),
        )


@dataclass(frozen=True, slots=True)
class Pattern:
    """Marks a text that must be of this form, `meaning` says of which."""

    expression: str
    meaning: str

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """Check the form of the text."""
        from pydantic_core import PydanticCustomError, core_schema

        def check(text: str) -> str:
            if not re.fullmatch(self.expression, text):
                raise PydanticCustomError("pattern", "{why}", {"why": f"should be {self.meaning}"})
            return text

        return core_schema.no_info_after_validator_function(check, handler(source))
