"""The page of expressions."""

from __future__ import annotations

from collections.abc import Iterator

from ..expressions import syntax, tokens, units
from ..expressions.calls import AGGREGATES, FUNCTIONS
from ..expressions.windows import MAX_SAMPLES
from ..steps.of_streams import FEATURES
from .markdown import intro, table


def expressions() -> Iterator[str]:
    """Yield the lines."""
    yield "# Expressions"
    yield ""
    yield from intro(
        "What stands in `when`, `of`, `map`, `route`, `do` and their like. A value that is missing, stale, "
        "damaged or out of its range is *unknown*, which is not false: a condition of which something is "
        "unknown is unknown, unless the rest settles it (`false and unknown` is false, `true or unknown` "
        "is true). No rule acts on unknown."
    )
    yield "## What can be written"
    yield ""
    rows = [
        ("`name.field`", "a field of an input, a step or an output (a setpoint's `value`)"),
        ("`1.5` `60ms` `120mm` `5%` `3 bar`", "a number, with its unit; 5% is 0.05"),
        ("`\"text\"` `'text'`", "a text"),
        ("`true` `false`", "truth values"),
        ("`and` `or` `not`", "of conditions, three-valued"),
        ("`==` `!=` `<` `<=` `>` `>=`", "of two values of one type; chains too: `0.2 < x.y <= 0.4`"),
        ('`in ("a", "b")`', "one of some constants; `not in` too"),
        ("`+` `-` `*` `/`", "of numbers; a division by zero is unknown"),
        ("`a if condition else b`", "one of two values; unknown where the condition is"),
        ("`a or b`", "of values that are no conditions: b where a is unknown"),
    ]
    yield from table(("this", "is"), rows)
    yield ""
    yield "## Functions"
    yield ""
    yield from table(("function", "gives"), [(f"`{name}(...)`", text) for name, text in FUNCTIONS.items()])
    yield ""
    yield "## Windows"
    yield ""
    yield from intro(
        '`share(look.label == "over", last=20 parts, min=10)`: over the last values of exactly one step or input. '
        f"`last=` is a duration or a count of items, readings, messages or results ({MAX_SAMPLES} at most, "
        "7d at most); with fewer than `min=` known ones (1 without it) the value is unknown. Where more "
        f"than {MAX_SAMPLES} samples come within a duration, the last {MAX_SAMPLES} count: for 10 readings a second "
        "that is seven minutes; longer ones are made of a step `window`'s features. Windows survive a restart."
    )
    aggregates = [(f"`{name}`", ", ".join(one.takes), one.about) for name, one in AGGREGATES.items()]
    yield from table(("function", "of", "gives"), aggregates)
    yield ""
    yield "## Features"
    yield ""
    yield from intro("Of a step `window`: `features: {load_rms: rms(load)}`.")
    yield from table(("feature", "gives"), [(f"`{name}(FIELD)`", text) for name, text in FEATURES.items()])
    yield ""
    yield "## Units"
    yield ""
    yield from intro(
        "Numbers of a sensor stay in the unit that the file gives them; a constant or another value of the "
        "same kind is brought there, and one of another kind is an error. A unit that is in no table fits "
        "itself alone. A number without a unit fits any. Temperatures are not converted."
    )
    rows = [(kind, " ".join(f"`{unit}`" for unit in some)) for kind, some in units.TABLE.items()]
    yield from table(("kind", "units"), rows)
    yield ""
    yield "## Acts"
    yield ""
    yield from table(
        ("in `do`", "is"),
        [
            ("`gate.open(part)`", "a pulse, for the rule's item; the verb is yours"),
            ("`flow.change(-5)` `flow.set(100)`", "a setpoint, by a rule over time; held inside its range and step"),
            (
                "`stock.scrap(part, reason=...)`",
                "a booking, a message or a report, for the rule's item, with named values",
            ),
            ("`stock.note(share=...)`", "the same by a rule over time: named values only"),
        ],
    )
    yield ""
    yield "## How much"
    yield ""
    yield (
        f"An expression has at most {tokens.MAX_LETTERS} letters and {syntax.MAX_NODES} parts, "
        f"{syntax.MAX_DEPTH} deep. It holds ASCII words, numbers, quoted texts and the signs above; names "
        "that begin with `_` or hold `__` are refused."
    )
