"""A case as text: what `read_cases` reads back as the same case."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_WORD = re.compile(r"(?:[A-Za-z][A-Za-z0-9_-]*|[0-9]+m?s)\Z")
_READ_AS_ANOTHER = frozenset(("true", "false", "null"))


def written(name: str, remarks: Sequence[str], when: Sequence[Mapping[str, Any]], then: Mapping[str, Any]) -> str:
    """Return a case file with one case. `remarks`: lines that stand above it as comments."""
    lines = [*(f"# {' '.join(one.split())}" for one in remarks), "ripieno: 1", "cases:", f"  {name}:", "    when:"]
    lines += [f"      - {_flow(one)}" for one in when]
    lines += ["    then:", *(f"      {key}: {_flow(value)}" for key, value in then.items())]
    return "\n".join(lines) + "\n"


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_flow(one)}" for key, one in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str) and _WORD.match(value) and value.lower() not in _READ_AS_ANOTHER:
        return value
    return json.dumps(value, ensure_ascii=True, allow_nan=False)
