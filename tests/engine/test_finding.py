"""What stands in a text is found as it was meant, or not at all: a wrong sum is worse than none."""

from __future__ import annotations

import time

import pytest

from ripieno.engine.steps.finding import find
from ripieno.plan import Find

MONEY = Find("amount", "money")


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("I paid $12.50 for it", 12.5),
        ("I paid $12.50.", 12.5),
        ("5 EUR", 5.0),
        ("£ 5 on 31/02/2026", 5.0),
        ("€1,234.56 and more", 1234.56),
        ("1'234 CHF", 1234.0),
        ("12,5 euros", 12.5),
        ("(100 pounds)", 100.0),
        ("2 of them, 30 EUR each", 30.0),
        ("in 2026, 500 EUR", 500.0),
    ],
)
def test_a_sum_is_found(text: str, amount: float) -> None:
    assert find(MONEY, text) == amount


@pytest.mark.parametrize(
    "text",
    [
        "refund 1e999 EUR",
        "$1e9",
        "12 345 EUR",
        "€ 12 345",
        "$5k",
        "$ 50K",
        "$5 million",
        "€1.234,56",
        "version v12 EUR-less",
        "x500 EUR",
        "EUR",
        "$",
        "$.",
        "five dollars",
        "",
    ],
)
def test_what_can_be_read_in_two_ways_is_no_sum(text: str) -> None:
    assert find(MONEY, text) is None


@pytest.mark.parametrize("text", ["1" * 4_000, "1 " * 2_000, "$ " * 2_000, "1,234" * 800, "$1 234 " * 571])
def test_no_text_makes_it_slow(text: str) -> None:
    began_s = time.process_time()

    find(MONEY, text)

    assert time.process_time() - began_s < 0.1
