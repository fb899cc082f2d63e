"""Files made to hurt are one clear problem each, at once: parser events are looked at before anything is built."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from language import hostile
from language.bench import SHIPPED, check

from ripieno.language import pipeline_file, problems, scanning
from ripieno.language.problems import Report
from ripieno.language.source import parse

LIMIT_S = 0.1

HOSTILE = {
    "many opening brackets": (b"[" * 200_000, "is nested more than 40 deep"),
    "many opening braces": (b"{a: " * 50_000, "is nested more than 40 deep"),
    "deep blocks": (b"\n".join(b" " * n + b"a:" for n in range(600)), "is nested more than 40 deep"),
    "deep lists": (b"- " * 100_000, "is nested more than 40 deep"),
    "an alias bomb": (b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "an anchor (&a) is not allowed"),
    "an alias": (b"a: *b\n", "an alias (*b) is not allowed"),
    "an anchor as key": (b"&a b: c\n", "an anchor (&a) is not allowed"),
    "a tag": (b"a: !!python/object/apply:os.system [ls]\n", "a tag (!...) is not allowed"),
    "a local tag": (b"a: !x 5\n", "a tag (!...) is not allowed"),
    "a tag on a mapping": (b"!!map {a: 1}\n", "a tag (!...) is not allowed"),
    "a directive": (b"%YAML 1.1\n---\na: 1\n", "has a directive"),
    "a tag directive": (b"%TAG ! tag:x,2000:\n---\na: 1\n", "has a directive"),
    "two documents": (b"a: 1\n---\nb: 2\n", "has more than one document"),
    "too large": (b"a: b\n" * 60_000, "is too large: 300000 bytes"),
    "too many values": (b"[" + b"1," * 100_000 + b"1]", "has more than 6000 values"),
    "long conditions": (
        b"rules:\n" + b"".join(b"  r%d: {when: '%s'}\n" % (n, b" and ".join([b"a.x > 1"] * 18)) for n in range(400)),
        "has more than 64000 letters in its values",
    ),
    "a list as a key": (b"? [a, b]\n: 1\n", "a key should be a word"),
    "no UTF-8": (b"a: \xff\xfe\n", "is not UTF-8 text"),
    "a NUL": (b"a: \x00\n", "is not valid YAML"),
    "nothing": (b"", "is empty"),
    "only a comment": (b"# nothing\n", "is empty"),
    "an open quote": (b'a: "' + b"x" * 100_000, "is not valid YAML"),
    "colons": (b"a: " * 80_000, "is not valid YAML"),
    "question marks": (b"? " * 100_000, "is nested more than 40 deep"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_one_problem_within_100_ms(name: str) -> None:
    encoded, message = HOSTILE[name]
    report = Report("hostile.yaml")

    began_s = time.process_time()
    tree = parse(encoded, report)
    took_s = time.process_time() - began_s

    assert tree is None
    assert len(report.found) == 1
    assert message in report.found[0].message
    assert took_s < LIMIT_S


def test_a_hostile_pipeline_file_is_refused_by_the_check_with_its_one_problem() -> None:
    assert [one.message for one in check(b"[" * 200_000)] == ["is nested more than 40 deep"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", "on"),
        ("no", "no"),
        ("yes", "yes"),
        ("off", "off"),
        ("y", "y"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("12", 12),
        ("-12", -12),
        ("+5", 5),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("012", 12),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2026-01-01", "2026-01-01"),
        ("0x1F", "0x1F"),
        ('"true"', "true"),
        ("'5'", "5"),
    ],
)
def test_plain_words_follow_yaml_1_2(text: str, value: object) -> None:
    tree = parse(f"a: {text}\n".encode(), Report("file"))

    assert tree is not None
    assert tree.plain() == {"a": value}
    assert type(tree.mapping["a"].value) is type(value)


@pytest.mark.parametrize("text", [".inf", "-.inf", ".nan", "1e999", "9" * 19, "-" + "9" * 400])
def test_a_number_that_is_not_finite_or_too_long_is_a_problem_at_its_place(text: str) -> None:
    report = Report("file")

    parse(f"a:\n  b: {text}\n".encode(), report)

    assert [(one.line, one.column) for one in report.found] == [(2, 6)]


def test_a_key_given_twice_names_the_first_place() -> None:
    report = Report("file.yaml")

    parse(b"a: 1\nb: 2\na: 3\n", report)

    assert str(report.found[0]) == "file.yaml:3:1: a: is given twice (first on line 1)"


def test_generated_files_are_refused_at_once_and_in_little_memory_or_are_bounded() -> None:
    """A sample: `python -m language.hostile 10000`, in tests/, runs all. Slow machines get three times as long here."""
    command = [sys.executable, "-m", "language.hostile", "330", "--seed", "7", "--limit-ms", "300"]

    ran = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False)

    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["files"] == 330


def test_without_its_bounds_a_huge_file_is_found_to_cost_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: the check above can fail."""
    rules = "".join(f"  r{n}: {{whn: a.x > {n}, do: o.send()}}\n" for n in range(4_000))
    content = (hostile.HEAD + "rules:\n" + rules).encode()
    held = hostile.check("huge", content)
    for module, bound in (
        (scanning, "MAX_NODES"),
        (scanning, "MAX_LETTERS"),
        (pipeline_file, "MOST"),
        (problems, "MOST_TOLD"),
    ):
        monkeypatch.setattr(module, bound, 10**9)

    free = hostile.check("huge", content)

    assert free.took_s > 10 * held.took_s
    assert "refused after" in free.wrong


def test_the_shipped_pipeline_has_no_problem() -> None:
    assert check(SHIPPED.read_text()) == ()
