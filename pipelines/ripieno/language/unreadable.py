"""What YAML's parser refuses, in words for who wrote the file: where it really began, and the mend."""

from __future__ import annotations

import yaml

_TOKEN = "found character that cannot start any token"
_ALIGN = "the keys of one block begin in one column; look at the line above, too"
_COLON = "a key is followed by a colon and a blank; a text of several words goes on further in, or into quotes"


def explained(error: yaml.MarkedYAMLError, text: str) -> tuple[int, int, str, str]:
    """Return line and column (from 1; 0 where unknown), message and hint. `text`: the file, "" where it is none."""
    problem, context = error.problem or "", error.context or ""
    mark = error.problem_mark or error.context_mark
    hint = ""
    if problem == _TOKEN and mark is not None and _letter(text, mark) == "\t":
        problem, hint = "a tab", "indent with blanks"
    elif "token" in problem and "scanning" in context:
        hint = "put text that begins with a sign into quotes"
    elif problem.startswith("did not find expected ',' or"):
        hint = "an expression that holds commas goes into quotes: '...'"
    elif problem in ("did not find expected key", "did not find expected '-' indicator"):
        hint = _ALIGN
    elif problem == "mapping values are not allowed in this context":
        hint = "a text that holds ': ' goes into quotes; or " + _ALIGN
    elif problem == "could not find expected ':'":
        mark, hint = error.context_mark or mark, _COLON
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    return line, column, f"is not valid YAML: {problem or context}", hint


def _letter(text: str, mark: yaml.Mark) -> str:
    lines = text.split("\n")
    return lines[mark.line][mark.column : mark.column + 1] if mark.line < len(lines) else ""
