"""What can be found in a text without a model: sums of money, numbers, dates, digits, words of a list.

Every pattern is linear in the text: nothing repeats inside a repetition, so that no text can make one slow. Dates are
those that mean one day wherever one comes from: 2026-03-15, 15 March 2026, March 15 2026, and 15.03.2026 or
15/03/2026 where the first number cannot be a month, or the two are the same; a date that can be read in two ways is
not found.
"""

from __future__ import annotations

import datetime
import functools
import re
from collections.abc import Callable

from ripieno.plan import Find

MOST_CHARACTERS = 4_000  # of a text that is looked into

_SIGN = r"(?:[$€£¥]|\b(?:usd|eur|gbp|chf|jpy|dollars?|euros?|pounds?|francs?)\b)"
_FIGURE = r"\d{1,3}(?:[,'\u202f]\d{3}){1,4}(?:\.\d{1,2})?|\d{1,12}(?:[.,]\d{1,2})?"
_MORE = r"\s?(?:k|m|mio|bn|thousand|million|billion)\b|\s\d{3}(?!\d)"  # $5k, $5 million, $12 345: no sum that is read
_MONEY = re.compile(
    rf"{_SIGN}\s?(?P<after>{_FIGURE})(?![\d,.]*\d|\w|{_MORE})"
    rf"|(?<![\w.,])(?!(?<=\d\s)\d{{3}}(?!\d))(?P<before>{_FIGURE})\s?{_SIGN}",
    re.I,
)
_NUMBER = re.compile(r"(?<![\w.,-])[-+]?\d{1,15}(?:\.\d{1,9})?(?![\w]|[.,]\d)")
_FIRST_MONTHS = ("january", "february", "march", "april", "may", "june", "july")
_MONTHS = (*_FIRST_MONTHS, "august", "september", "october", "november", "december")
_MONTH = "|".join([*_MONTHS, *(f"{name[:3]}" for name in _MONTHS), "sept"])
_ISO = re.compile(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)")
_DAY_MONTH = re.compile(rf"(?<!\w)(\d{{1,2}})(?:st|nd|rd|th)?\s(?:of\s)?({_MONTH})\.?,?\s(\d{{4}})(?!\d)", re.I)
_MONTH_DAY = re.compile(rf"(?<!\w)({_MONTH})\.?\s(\d{{1,2}})(?:st|nd|rd|th)?,?\s(\d{{4}})(?!\d)", re.I)
_FIGURES = re.compile(r"(?<!\d)(\d{1,2})([./])(\d{1,2})\2(\d{4})(?!\d)")


def find(wanted: Find, text: str) -> object:
    """Return what is wanted, the first in the text; None where it is not there."""
    return _FINDERS[wanted.kind](wanted, text[:MOST_CHARACTERS])


def _money(_: Find, text: str) -> object:
    found = _MONEY.search(text)
    if found is None:
        return None
    figure = found["after"] or found["before"]
    if re.fullmatch(r"\d{1,12},\d{1,2}", figure):
        figure = figure.replace(",", ".")
    return float(re.sub(r"[,'\u202f]", "", figure))


def _number(_: Find, text: str) -> object:
    found = _NUMBER.search(text)
    return None if found is None else float(found[0])


def _date(_: Find, text: str) -> object:
    days: list[tuple[int, str]] = []
    for match in _ISO.finditer(text):
        days += _day(match.start(), int(match[1]), int(match[2]), int(match[3]))
    for match in _DAY_MONTH.finditer(text):
        days += _day(match.start(), int(match[3]), _month(match[2]), int(match[1]))
    for match in _MONTH_DAY.finditer(text):
        days += _day(match.start(), int(match[3]), _month(match[1]), int(match[2]))
    for match in _FIGURES.finditer(text):
        first, second = int(match[1]), int(match[3])
        if first > 12 or first == second:
            days += _day(match.start(), int(match[4]), second, first)
    return min(days)[1] if days else None


def _day(at: int, year: int, month: int, day: int) -> list[tuple[int, str]]:
    try:
        return [(at, datetime.date(year, month, day).isoformat())]
    except ValueError:
        return []  # there is no such day


def _month(name: str) -> int:
    return next(index for index, month in enumerate(_MONTHS, 1) if month.startswith(name[:3].lower()))


def _digits(wanted: Find, text: str) -> object:
    """Digits may stand in groups with a space or a hyphen between them, as accounts and cards are written."""
    found = _grouped(wanted.least, wanted.most).search(text)
    return None if found is None else re.sub(r"[ -]", "", found[0])


@functools.cache
def _grouped(least: int, most: int) -> re.Pattern[str]:
    return re.compile(rf"(?<![\d-])\d(?:[ -]?\d){{{least - 1},{most - 1}}}(?![ -]?\d)")


def _word(wanted: Find, text: str) -> object:
    found = _words(wanted.words).search(text)
    return None if found is None else next(one for one in wanted.words if one.casefold() == found[0].casefold())


@functools.cache
def _words(words: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", re.I)


_FINDERS: dict[str, Callable[[Find, str], object]] = {
    "money": _money,
    "number": _number,
    "date": _date,
    "digits": _digits,
    "word": _word,
}
