"""Splits an expression into words, and hides its units behind blanks of the same width, so that columns stay.

    share(look.label == "over", last=60s) > 5%      what the file says
    share(look.label == "over", last=60 ) > 5       what is parsed; {33: "s", 40: "%"} stands apart

Only the signs of the language pass: ASCII words, numbers, quoted text, a few operators. A field of somebody's JSON may
be named like a word of Python's (`mail.from`, `send(order, class=...)`): it is hidden too, behind one as wide.
"""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass, field

MAX_LETTERS = 2_000
MAX_NESTING = 30
MAX_SIGNS = 30

WORDS_OF_THE_LANGUAGE = frozenset(("and", "or", "not", "in", "if", "else", "true", "false"))
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAMED = re.compile(r"\s*=(?!=)")
_TOKEN = re.compile(
    r"(?P<blank>[ \t\r\n]+)"
    r"|(?P<number>(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][-+]?[0-9]+(?![A-Za-z0-9_]))?)"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<text>\"[^\"\\\n]*\"|'[^'\\\n]*')"
    r"|(?P<operator>==|!=|<=|>=|[-+*/<>=(),.\[\]])"
)
_HINTS = {
    "&": "write 'and'",
    "|": "write 'or'",
    "!": "write 'not'",
    "%": "'%' follows a number: 5%",
    ":": "",
    '"': "the text has no end, or holds a backslash",
    "'": "the text has no end, or holds a backslash",
}


class NotInLanguage(ValueError):
    """The expression cannot be read: column (from 0), message, hint."""

    def __init__(self, column: int, message: str, hint: str = "") -> None:
        self.column, self.message, self.hint = column, message, hint
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Tokens:
    """`text` for the parser; the unit of each number and each hidden word, by their columns; `count`: of all tokens."""

    text: str
    units: dict[int, str]
    words: dict[int, str] = field(default_factory=dict)
    count: int = 0


def split(expression: str) -> Tokens:
    """Return the expression without its units. Raises NotInLanguage."""
    if len(expression) > MAX_LETTERS:
        raise NotInLanguage(0, f"is too long: {len(expression)} letters", f"at most {MAX_LETTERS}")
    parts: list[str] = []
    units: dict[int, str] = {}
    words: dict[int, str] = {}
    at = nesting = signs = count = 0
    while at < len(expression):
        found = _TOKEN.match(expression, at)
        if found is None:
            raise NotInLanguage(at, *_strange(expression[at]))
        kind, word, end = found.lastgroup, found.group(), found.end()
        if kind == "blank":
            parts.append(" " * (end - at))
            at = end
            continue
        count += 1
        if kind == "number":
            end, unit = _unit(expression, end)
            _check_number(word, at)
            if unit:
                units[at] = unit
            parts.append(word.ljust(end - at))
            at, signs = end, 0
            continue
        signs = signs + 1 if word in ("+", "-", "not") else 0
        if kind == "word":
            _check_word(word, at)
            if keyword.iskeyword(word) and _is_field(expression, at, end):
                words[at] = word
                word = word.swapcase()
        elif kind == "text":
            _check_word(word, at)
        else:
            nesting += (word in "([") - (word in ")]")
        if nesting > MAX_NESTING or signs > MAX_SIGNS:
            raise NotInLanguage(at, f"is nested more than {MAX_NESTING} deep")
        parts.append(word)
        at = end
    return Tokens("".join(parts), units, words, count)


def _is_field(expression: str, start: int, end: int) -> bool:
    """Whether a word stands behind a dot, or before the `=` of a named value."""
    return expression[:start].rstrip().endswith(".") or _NAMED.match(expression, end) is not None


def _unit(expression: str, at: int) -> tuple[int, str]:
    """Return the unit behind a number, `ms`, `%` or ` parts`, and where it ends."""
    if expression.startswith("%", at):
        return at + 1, "%"
    start = at
    while start < len(expression) and expression[start] in " \t":
        start += 1
    found = _WORD.match(expression, start)
    if found is None or (start > at and found.group() in WORDS_OF_THE_LANGUAGE):
        return at, ""
    return found.end(), found.group()


def _check_number(number: str, at: int) -> None:
    if len(number) > 30 or float(number) > 1e15:
        raise NotInLanguage(at, "a number is too large", "at most 1e15")
    if re.match(r"0[0-9]", number):
        raise NotInLanguage(at, f"a number begins with 0 (got {number[:20]})")


def _check_word(word: str, at: int) -> None:
    if word[0] == "_" or "__" in word:
        raise NotInLanguage(at, f"the name '{word[:40]}' is not allowed", "names begin with a letter and have no '__'")


def _strange(letter: str) -> tuple[str, str]:
    if not letter.isascii():
        shown = f"'{letter}' (U+{ord(letter):04X})" if letter.isprintable() else f"U+{ord(letter):04X}"
        return f"{shown} is not a letter of the language", "names are written with a-z, A-Z, 0-9 and _"
    return f"{letter!r} is not part of the language", _HINTS.get(letter, "")
