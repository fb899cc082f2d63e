"""docs/faults.md tells no tale: every test that it names exists, and its count is right."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[2]
PAGE = TESTS.parent / "docs/faults.md"
ROW = re.compile(r"^\| ([A-Z]\d+) \| (.+?) \| (.*?) \| (.*?) \|$", re.M)
COUNTS = {"S": 11, "C": 8, "M": 9, "D": 9, "Q": 12, "P": 10, "U": 8, "F": 4, "G": 6}


def missing(page: str) -> list[str]:
    """Return the tests that the page names and that do not exist."""
    gone = []
    for name in re.findall(r"`([\w/]+\.py)::([\w*]+)`", page):
        file = TESTS / name[0]
        there = file.read_text(encoding="utf-8") if file.is_file() else ""
        if not there or (name[1] != "*" and f"def {name[1]}(" not in there):
            gone.append("::".join(name))
    return gone


def test_every_test_that_is_named_exists() -> None:
    assert missing(PAGE.read_text(encoding="utf-8")) == []


def test_a_test_that_does_not_exist_is_noticed() -> None:
    """Negative control."""
    assert missing("| S1 | noise | `drivers/test_link_core.py::test_that_nobody_wrote` |  |") == [
        "drivers/test_link_core.py::test_that_nobody_wrote"
    ]


def test_every_fault_has_a_row_with_a_test_or_what_is_open() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = ROW.findall(page)

    assert [row[0] for row in rows] == [
        f"{kind}{number + 1}" for kind, count in COUNTS.items() for number in range(count)
    ]
    assert [row[0] for row in rows if not row[2] and not re.match("open|partly", row[3])] == []
    assert f"{sum(bool(row[2]) for row in rows)} of {len(rows)} have a test" in page
