"""Text -> Python's syntax tree of it, bounded in size and depth; nothing in it is checked for meaning yet."""

from __future__ import annotations

import ast
import re

from .tokens import NotInLanguage, Tokens, split

MAX_NODES = 200
MAX_DEPTH = 30

_QUOTED = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'")
_SHOUTED = re.compile(r"\b(?:AND|OR|NOT|IN|And|Or|Not)\b")


def parse(text: str) -> tuple[ast.expr, Tokens]:
    """Return the bounded, still unchecked syntax tree. Raises NotInLanguage."""
    tokens = split(text)
    try:
        tree = ast.parse(tokens.text.strip() and tokens.text.replace("\t", " "), mode="eval").body
    except SyntaxError as error:
        column = max(0, (error.offset or 1) - 1)
        raise _unreadable(text, letters(tokens.text, column)) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise NotInLanguage(0, "is nested too deep") from error
    if tokens.count > MAX_DEPTH:  # each node has a token of its own: few tokens are neither many nodes nor deep
        _bound(tree)
    return tree, tokens


def _unreadable(text: str, column: int) -> NotInLanguage:
    """Return what is wrong with a text that is no expression; quoted texts in it are not looked at."""
    if not text.strip():
        return NotInLanguage(0, "is empty")
    bare = _QUOTED.sub(lambda found: "_" * len(found.group()), text)
    open_at: list[int] = []
    for at, letter in enumerate(bare):
        if letter in "([":
            open_at.append(at)
        elif letter in ")]" and (not open_at or bare[open_at.pop()] + letter not in ("()", "[]")):
            return NotInLanguage(at, f"'{letter}' closes nothing")
    if open_at:
        return NotInLanguage(open_at[-1], f"'{bare[open_at[-1]]}' is never closed")
    shouted = _SHOUTED.search(bare)
    if shouted is not None:
        return NotInLanguage(shouted.start(), "cannot be read as an expression", f"write '{shouted.group().lower()}'")
    alone = "=" in bare and not any(sign in bare for sign in ("==", "<=", ">=", "!="))
    return NotInLanguage(column, "cannot be read as an expression", "compare with ==" if alone else "")


def letters(text: str, column: int) -> int:
    """Return a column in letters, given one in bytes."""
    return column if text.isascii() else len(text.encode()[:column].decode(errors="ignore"))


def _bound(tree: ast.expr) -> None:
    seen = 0
    level: list[ast.AST] = [tree]
    for _ in range(MAX_DEPTH):
        below: list[ast.AST] = []
        for node in level:
            seen += isinstance(node, (ast.expr, ast.keyword))
            for name in node._fields:
                value = getattr(node, name)
                if isinstance(value, ast.AST):
                    below.append(value)
                elif isinstance(value, list):
                    below += value
        level = below
        if not level:
            break
    if seen > MAX_NODES:
        raise NotInLanguage(0, "is too large", f"at most {MAX_NODES} parts")
    if level:
        raise NotInLanguage(0, "is nested too deep", f"at most {MAX_DEPTH} levels")
