"""What an aggregate should say, from all samples ever taken, by the definitions and with fractions; and random runs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from ripieno.plan import Aggregate, Const
from ripieno.rules import MAX_SAMPLES, Accumulator
from ripieno.values import UNKNOWN

S = 1_000_000_000
OF_CONDITIONS = ("share", "count", "rate", "since")
OF_NUMBERS = ("mean", "min", "max", "deviation", "quantile", "trend")
FUNCTIONS = (*OF_CONDITIONS, *OF_NUMBERS, "changed")
History = list[tuple[int, Any]]

ORDINARY = st.floats(-1e6, 1e6)
FEW = st.sampled_from([0.0, -0.0, 1.0, 2.0, 3.0])
ODD = st.sampled_from(
    [5e-324, -5e-324, 2.2e-308, 1.7976931348623157e308, -1.7976931348623157e308, 1e300, 1e-300, 0.1, -0.1]
)
NO_NUMBERS = st.sampled_from([math.nan, math.inf, -math.inf])


def plan(
    function: str, last_ns: int = 0, last_samples: int = 0, least: int = 1, argument: float = 0.0, on: str = "look"
) -> Aggregate:
    """Return an aggregate over some condition or number."""
    return Aggregate(function, on, Const(True), last_ns, last_samples, least, argument)


def window(of: Aggregate, history: History, t_ns: int) -> History:
    """Return the known samples that count at a time."""
    inside = [(taken, value) for taken, value in history if not of.last_ns or taken > t_ns - of.last_ns]
    inside = inside[-(of.last_samples or MAX_SAMPLES) :]
    return [(t, x) for t, x in inside if x is not UNKNOWN and not (isinstance(x, float) and not math.isfinite(x))]


def meant(of: Aggregate, history: History, t_ns: int) -> Any:
    """Return the value by the definition."""
    if of.function == "since":
        true = [taken for taken, value in history if value is True]
        return float(t_ns - true[-1]) if true else UNKNOWN
    known = window(of, history, t_ns)
    if len(known) < max(1, of.min_samples):
        return UNKNOWN
    values = [value for _, value in known]
    return _BY_FUNCTION[of.function](of, [taken for taken, _ in known], values)


def agree(said: Any, wanted: Any) -> bool:
    """Whether a value is right, to the bit."""
    if said is UNKNOWN or wanted is UNKNOWN or isinstance(wanted, bool):
        return said is wanted
    return type(said) is float and said == wanted


def _trend(of: Aggregate, times: list[int], values: list[float]) -> Any:
    t_mean, x_mean = Fraction(sum(times), len(times)), sum(map(Fraction, values)) / len(values)
    run = sum((t - t_mean) ** 2 for t in times)
    if not run:
        return UNKNOWN
    rise = sum((t - t_mean) * (Fraction(x) - x_mean) for t, x in zip(times, values, strict=True))
    return _float(rise / run * S)


def _quantile(of: Aggregate, times: list[int], values: list[float]) -> Any:
    ranked = sorted(values)
    at = Fraction((len(ranked) - 1) * of.argument)
    below = int(at)
    above = min(below + 1, len(ranked) - 1)
    return float(Fraction(ranked[below]) + (at - below) * (Fraction(ranked[above]) - Fraction(ranked[below])))


def _float(exact: Fraction) -> Any:
    try:
        return float(exact)
    except OverflowError:
        return UNKNOWN


_BY_FUNCTION: dict[str, Callable[[Aggregate, list[int], list[Any]], Any]] = {
    "share": lambda of, times, values: values.count(True) / len(values),
    "count": lambda of, times, values: float(values.count(True)),
    "rate": lambda of, times, values: values.count(True) * 1e9 / of.last_ns,
    "mean": lambda of, times, values: float(sum(map(Fraction, values)) / len(values)),
    "min": lambda of, times, values: min(values),
    "max": lambda of, times, values: max(values),
    "deviation": lambda of, times, values: statistics.pstdev(values),
    "quantile": _quantile,
    "trend": _trend,
    "changed": lambda of, times, values: any(value != values[0] for value in values),
}


def first_disagreement(make: Callable[[Aggregate], Accumulator], of: Aggregate, history: History) -> str:
    """Return where a stream and the history part, "" if they never do: after each sample, and around each leaving."""
    stream = make(of)
    for index, (t_ns, value) in enumerate(history):
        stream.add(t_ns, value)
        until_ns = history[index + 1][0] if index + 1 < len(history) else t_ns + 2 * of.last_ns + S
        edges = sorted({taken + of.last_ns + off for taken, _ in history[: index + 1] for off in (-1, 0)})
        for look_ns in [t_ns, *(edge for edge in edges if t_ns < edge < until_ns)]:
            said, wanted = stream.value(look_ns), meant(of, history[: index + 1], look_ns)
            if not agree(said, wanted):
                return f"{of.function} after sample {index}, at {look_ns}: {said}, should be {wanted}"
    return ""


def samples_for(function: str) -> st.SearchStrategy[Any]:
    """Return samples of the right type, the odd ones among them."""
    if function in OF_CONDITIONS:
        return st.booleans() | st.just(UNKNOWN)
    if function == "changed":
        return st.sampled_from(["a", "b"]) | st.just("a") | st.just(UNKNOWN)
    return st.one_of(FEW, ORDINARY, FEW, ORDINARY, ODD, NO_NUMBERS, st.just(UNKNOWN))


@st.composite
def aggregates(draw: st.DrawFn, functions: tuple[str, ...] = FUNCTIONS) -> Aggregate:
    """Return plans with windows in time or in samples."""
    function = draw(st.sampled_from(functions))
    in_time = function == "rate" or draw(st.booleans())
    argument = (
        draw(st.sampled_from([0.0, 0.25, 0.5, 0.9, 0.95, 1.0]) | st.floats(0, 1)) if function == "quantile" else 0
    )
    if function == "since":
        return plan("since", least=0)
    last_ns = draw(st.integers(1, 20)) * S if in_time else 0
    return plan(function, last_ns, 0 if in_time else draw(st.integers(1, 8)), draw(st.integers(1, 4)), argument)


@st.composite
def runs(draw: st.DrawFn, functions: tuple[str, ...] = FUNCTIONS) -> tuple[Aggregate, History]:
    """Return an aggregate and what comes to it: with pauses of whole seconds, of anything, and of nothing."""
    of = draw(aggregates(functions))
    pauses = st.integers(0, 8).map(lambda s: s * S) | st.integers(0, 8 * S) | st.just(0)
    history: History = []
    t_ns = 0
    for pause_ns, sample in draw(st.lists(st.tuples(pauses, samples_for(of.function)), max_size=25)):
        t_ns += pause_ns
        history.append((t_ns, sample))
    return of, history
