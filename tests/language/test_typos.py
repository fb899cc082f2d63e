"""A typo in any key is reported where it stands, with the key that was meant."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from language.bench import DEVICE, DEVICE_FILE, PIPELINE_FILE, problems_of, shipped
from language.bundles import BUNDLES, EXAMPLES, example, told_of

from ripieno.errors import Problem
from ripieno.language.problems import Report
from ripieno.language.source import Node, parse

FREE = re.compile(r"rules\.[^.]+\Z")  # nothing names a rule: it may be called anything
GIVEN = re.compile(r"(fields|find|map|features|join|gives|route|show)\.[^.]+\Z|^(steps|inputs|outputs|models)\.[^.]+\Z")
LETTERS = "qjxz"


def keys_of(node: Node, path: str = "") -> list[tuple[str, str, int, int]]:
    """Return (path, key, line, column) of every key of a file."""
    found = []
    for key, value in node.mapping.items():
        here = f"{path}.{key}" if path else key
        found.append((here, key, *node.keys[key]))
        found += keys_of(value, here)
    for index, value in enumerate(node.value if isinstance(node.value, tuple) else ()):
        found += keys_of(value, f"{path}.{index}")
    return found


def mutations(key: str) -> list[str]:
    """Return one-letter typos: one more, one less, another, two swapped."""
    middle = len(key) // 2
    letter = next(letter for letter in LETTERS if letter not in key)
    swapped = key[: middle - 1] + key[middle] + key[middle - 1] + key[middle + 1 :] if middle else key
    made = [
        key[:middle] + letter + key[middle:],
        key[:middle] + key[middle + 1 :],
        key[:middle] + letter + key[middle + 1 :],
    ]
    return [one for one in [*made, swapped] if one and one != key]


def typos(text: str) -> list[tuple[str, str, str, int, str]]:
    """Return (path, key, typo, line, text with the typo)."""
    tree = parse(text.encode(), Report("file"))
    assert tree is not None
    lines = text.split("\n")
    found = []
    for path, key, line, column in keys_of(tree):
        for typo in mutations(key) if not FREE.match(path) else ():
            changed = lines[line - 1][: column - 1] + typo + lines[line - 1][column - 1 + len(key) :]
            found.append((path, key, typo, line, "\n".join([*lines[: line - 1], changed, *lines[line:]])))
    return found


def names_it(problem: Problem, file: str, line: int, key: str) -> bool:
    return problem.file == file and problem.line == line and f"did you mean '{key}" in problem.hint


@pytest.mark.parametrize(
    ("file", "text"), [(PIPELINE_FILE, shipped()), (DEVICE_FILE, DEVICE)], ids=["pipeline", "device"]
)
def test_at_least_95_in_100_typos_are_reported_on_their_line_with_the_key_that_was_meant(file: str, text: str) -> None:
    missed = []
    every = typos(text)
    for path, key, typo, line, changed in every:
        found = problems_of(pipeline=changed) if file == PIPELINE_FILE else problems_of(device=changed)
        assert found, f"{path}: {typo} passed"
        if not any(names_it(problem, file, line, key) for problem in found):
            missed.append(f"{path}: {typo}: {[str(one) for one in found][:3]}")

    assert len(every) > 100
    assert len(missed) <= len(every) * 0.05, "\n".join(missed)


@pytest.mark.parametrize("name", sorted(one.name for one in EXAMPLES.iterdir()))
def test_typos_of_the_files_that_teach_are_reported_on_their_line(name: str) -> None:
    """Every fourth: `python -m language.test_typos`, in tests/, counts them all."""
    text, files = example(name)
    every = [one for one in typos(text) if not free(text, one[0], one[1])][::4]

    missed = missed_in(every, files)

    assert len(missed) <= len(every) * 0.05, "\n".join(missed)


@pytest.mark.parametrize("path", BUNDLES, ids=[one.parent.name for one in BUNDLES])
def test_typos_of_the_bundles_that_ship_are_reported_on_their_line(path: Path) -> None:
    labels = {
        str(one.relative_to(path.parent)): one.read_bytes() for one in path.parent.rglob("*.txt") if one.is_file()
    }
    text = path.read_text()
    every = [one for one in typos(text) if not free(text, one[0], one[1])][::3]

    missed = missed_in(every, labels)

    assert len(missed) <= len(every) * 0.05, "\n".join(missed)


def free(text: str, path: str, key: str) -> bool:
    """Whether a name is the author's and nothing else in the file has it: it may be called anything."""
    is_shown = re.search(r"\.show\.[^.]+\Z", path) is not None
    return is_shown or (GIVEN.search(path) is not None and len(re.findall(rf"\b{key}\b", text)) == 1)


def missed_in(every: list[tuple[str, str, str, int, str]], files: dict[str, bytes]) -> list[str]:
    """Return the typos that are not told on their line with the key that was meant."""
    missed = []
    for path, key, typo, line, changed in every:
        told = told_of(changed, files)
        if not any(one.startswith(f"{line}:") and f"did you mean '{key}" in one for one in told):
            missed.append(f"{path}: {typo}: {told[:3]}")
    return missed


def test_a_typo_gives_few_problems_so_that_the_real_one_is_seen() -> None:
    counts = [len(problems_of(pipeline=changed)) for *_, changed in typos(shipped())]

    assert sum(count <= 2 for count in counts) >= 0.85 * len(counts)
    assert max(counts) <= 12


def test_all_typos_of_two_files_are_told_in_one_pass_in_the_order_of_the_files() -> None:
    pipeline = shipped().replace("max_age: 200ms", "max_agee: 200ms").replace("deadline: 100ms", "deadlin: 100ms")
    device = DEVICE.replace("baud:", "bud:").replace("quota:", "qota:")

    found = problems_of(pipeline, device)

    assert [one.hint for one in found] == [f"did you mean '{key}'?" for key in ("baud", "quota", "max_age", "deadline")]
    places = [(one.file, one.line, one.column) for one in found]
    assert all(left < right for left, right in itertools.pairwise([place[1:] for place in places[:2]]))


if __name__ == "__main__":
    files = [*BUNDLES, *sorted(EXAMPLES.glob("*/pipeline.yaml"))]
    total = silent = unknowable = 0
    for path in files:
        content = path.read_text()
        others = {str(one.relative_to(path.parent)): one.read_bytes() for one in path.parent.rglob("*.txt")}
        all_typos = [one for one in typos(content) if not free(content, one[0], one[1])]
        unknowable += len(typos(content)) - len(all_typos)
        not_told = missed_in(all_typos, others)
        total, silent = total + len(all_typos), silent + len(not_told)
        print(f"{path.parent.name}: {len(all_typos) - len(not_told)} of {len(all_typos)}", *not_told, sep="\n    ")
    print(f"{total - silent} of {total}, and {unknowable} in names that nothing else in their file has")
