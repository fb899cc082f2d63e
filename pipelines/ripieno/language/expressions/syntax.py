"""Text -> Python's syntax tree of it, bounded in size and depth; nothing in it is checked for meaning yet."""

from __future__ import annotations

import ast

from .tokens import NotInLanguage, Tokens, split

MAX_NODES = 200
MAX_DEPTH = 30


def parse(text: str) -> tuple[ast.expr, Tokens]:
    """Return the bounded, still unchecked syntax tree. Raises NotInLanguage."""
    tokens = split(text)
    try:
        tree = ast.parse(tokens.text.strip() and tokens.text.replace("\t", " "), mode="eval").body
    except SyntaxError as error:
        column = max(0, (error.offset or 1) - 1)
        alone = "=" in text and not any(sign in text for sign in ("==", "<=", ">=", "!="))
        hint = "compare with ==" if alone else ""
        raise NotInLanguage(letters(tokens.text, column), "cannot be read as an expression", hint) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise NotInLanguage(0, "is nested too deep") from error
    _bound(tree)
    return tree, tokens


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
