"""What the compile step says of a condition is true whatever the operands are: held against evaluation."""

from __future__ import annotations

import itertools
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from ripieno.language.expressions.contradictions import contradiction
from ripieno.language.expressions.grammar import Grammar
from ripieno.language.expressions.scope import Scope, Spot
from ripieno.language.expressions.typed import BOOL, NUMBER, Field, Source
from ripieno.language.names import Names
from ripieno.language.problems import Report
from ripieno.language.source import Node
from ripieno.language.steps.order import cut_cycles, in_order
from ripieno.plan import And, Compare, Const, Expression, Not, OneOf, Operand, Or
from ripieno.rules import evaluate, operands_of
from ripieno.values import UNKNOWN

DOMAINS = {
    Operand("step", "s", "n", "number"): (0.0, 1.0, 2.0, 3.0, UNKNOWN),
    Operand("step", "s", "t", "text"): ("a", "b", "c", UNKNOWN),
    Operand("step", "s", "b", "bool"): (True, False, UNKNOWN),
}
N, T, B = DOMAINS
GRAPHS = st.dictionaries(
    st.sampled_from("abcdefgh"), st.frozensets(st.sampled_from("abcdefgh"), max_size=3), max_size=8
)


def condition(chance: Random, depth: int) -> Expression:
    """A condition over the three operands."""
    if depth == 0 or chance.random() < 0.3:
        match chance.randrange(4):
            case 0:
                pair = (N, Const(float(chance.randrange(4))))
                left, right = pair if chance.random() < 0.7 else pair[::-1]
                return Compare(chance.choice(["==", "!=", "<", "<=", ">", ">="]), left, right)
            case 1:
                return Compare(chance.choice(["==", "!="]), T, Const(chance.choice("abc")))
            case 2:
                return OneOf(T, tuple(chance.sample("abc", chance.randint(1, 2))))
        return B if chance.random() < 0.5 else Compare("==", B, Const(chance.random() < 0.5))
    match chance.randrange(3):
        case 0:
            return Not(condition(chance, depth - 1))
        case 1:
            return And(tuple(condition(chance, depth - 1) for _ in range(chance.randint(2, 3))))
    return Or((condition(chance, depth - 1), condition(chance, depth - 1)))


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_what_is_called_a_contradiction_never_holds(seed: int) -> None:
    chance = Random(seed)
    terms = tuple(condition(chance, 3) for _ in range(chance.randint(1, 3)))

    if contradiction(terms):
        reads = operands_of(And(terms))
        for values in itertools.product(*(DOMAINS[read] for read in reads)):  # type: ignore[index]
            assert evaluate(And(terms), reads, values) is not True


def test_contradictions_are_found_and_not_only_never_claimed() -> None:
    """Negative control: of random conditions that can never hold, most are found."""
    chance, found, never = Random(1), 0, 0
    for _ in range(3_000):
        terms = tuple(condition(chance, 1) for _ in range(2))
        reads = operands_of(And(terms))
        every = itertools.product(*(DOMAINS[read] for read in reads))  # type: ignore[index]
        if all(evaluate(And(terms), reads, values) is not True for values in every):
            never += 1
            found += bool(contradiction(terms))

    assert never > 100
    assert found > 0.7 * never


FIELDS = {"x": (0.0, 10.0), "y": (-5.0, 5.0), "z": (1.0, 2.0)}


def numeric(chance: Random, depth: int) -> str:
    if depth == 0 or chance.random() < 0.2:
        return chance.choice([f"s.{name}" for name in FIELDS] + [str(chance.randint(0, 9)), "2.5"])
    left, right = numeric(chance, depth - 1), numeric(chance, depth - 1)
    match chance.randrange(6):
        case 0:
            return f"abs({left})"
        case 1:
            return f"min({left}, {right})"
        case 2:
            return f"max({left}, {right})"
        case 3:
            return f"({left} if s.b else {right})"
        case 4:
            return f"round({left})"
    return f"({left} {chance.choice('+-*/')} {right})"


def scope() -> Scope:
    report, names = Report("file"), Names()
    names.define("step", "s", (1, 1), "s", report)
    fields = {name: Field(NUMBER, *bounds) for name, bounds in FIELDS.items()}
    return Scope(report, names, {"s": Source("step", {**fields, "b": Field(BOOL)}, sampled=True)})


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_value_is_in_the_range_that_is_known_of_it(seed: int) -> None:
    chance, where = Random(seed), scope()
    text = numeric(chance, 4)

    typed = Grammar(where, Spot(Node(text, 1, 1, text=text, inner=0), "when")).value()

    if typed.is_poison:  # divides by zero
        return
    reads = operands_of(typed.tree)
    for _ in range(20):
        values = [
            chance.random() < 0.5
            if read.field == "b"
            else chance.choice([*FIELDS[read.field], chance.uniform(*FIELDS[read.field])])  # type: ignore[union-attr]
            for read in reads
        ]
        value = evaluate(typed.tree, reads, values)
        slack = 1e-9 * max(1.0, abs(value) if value is not UNKNOWN else 1.0)
        assert value is UNKNOWN or typed.low - slack <= value <= typed.high + slack


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_what_can_never_hold_never_does(seed: int) -> None:
    chance, where = Random(seed), scope()
    text = f"{numeric(chance, 2)} {chance.choice(['<', '<=', '>', '>=', '=='])} {numeric(chance, 2)}"

    Grammar(where, Spot(Node(text, 1, 1, text=text, inner=0), "when")).condition()

    if [one.message for one in where.report.found] != ["can never hold"]:
        return
    python = text.replace("s.", "")
    for _ in range(30):
        values = {name: chance.choice([*bounds, chance.uniform(*bounds)]) for name, bounds in FIELDS.items()}
        space = {"abs": abs, "min": min, "max": max, "round": round, "b": chance.random() < 0.5, **values}
        try:
            assert not eval(python, {"__builtins__": {}}, space), (text, values)
        except ZeroDivisionError:
            continue


@given(needs=GRAPHS)
def test_steps_come_after_those_they_need_when_the_cycles_are_cut(needs: dict[str, frozenset[str]]) -> None:
    known = {name: some & needs.keys() for name, some in needs.items()}
    left, cycles = cut_cycles(known)

    order = in_order(left)

    assert sorted(order) == sorted(needs)
    assert all(order.index(one) < order.index(name) for name, some in left.items() for one in some)
    for cycle in cycles:
        assert cycle[0] == cycle[-1]
        assert all(following in known[name] for name, following in itertools.pairwise(cycle))
    assert cycles or left == known
