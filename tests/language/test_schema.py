"""The schemas for editors: valid themselves, they take every file that compiles and refuse what has another shape."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from language.bench import DEVICE, DRIVERS, PINNED
from language.bundles import BUNDLES, EXAMPLES, example
from language.test_typos import typos

from ripieno.language.hints import hints_of, required_of
from ripieno.language.problems import Report
from ripieno.language.schema import device_schema, pipeline_schema
from ripieno.language.sections.steps import STEPS
from ripieno.language.source import parse
from ripieno_daemon.compiling.drivers import installed_drivers
from ripieno_daemon.starter.text import Choice, device_text

PIPELINES = [PINNED, *BUNDLES, *sorted(EXAMPLES.glob("*/pipeline.yaml"))]


def plain(text: str) -> Any:
    tree = parse(text.encode(), Report("file"))
    assert tree is not None
    return tree.plain()


def errors(schema: dict[str, Any], text: str) -> list[str]:
    return [f"{one.json_path}: {one.message}" for one in Draft202012Validator(schema).iter_errors(plain(text))]


@pytest.mark.parametrize("schema", [pipeline_schema(), device_schema(DRIVERS)], ids=["pipeline", "device"])
def test_a_schema_is_one(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("path", PIPELINES, ids=[one.parent.name for one in PIPELINES])
def test_it_takes_every_pipeline_that_ships_or_teaches(path: Path) -> None:
    assert errors(pipeline_schema(), path.read_text()) == []


@pytest.mark.parametrize("port", ["", "/dev/serial/by-id/x"])
def test_it_takes_the_device_file_that_is_written_for_a_beginner(port: str) -> None:
    choice = Choice("a", "b", "/bundle", "/state", port, "/camera", "/line")

    assert errors(device_schema(installed_drivers()), device_text(choice)) == []
    assert errors(device_schema(DRIVERS), DEVICE) == []


def test_the_beginners_file_with_an_unknown_driver_is_refused() -> None:
    """Negative control."""
    choice = Choice("a", "b", "/bundle", "/state", "", "/camera", "/line")

    assert errors(device_schema(installed_drivers()), device_text(choice).replace("driver: link", "driver: lnk"))


@pytest.mark.parametrize("name", ["evidence", "service-desk", "second-look"])
def test_a_misspelt_key_of_a_section_is_refused(name: str) -> None:
    """Names that the author gave may be anything, so only keys of the language are misspelt here."""
    keys = {key for cls in STEPS.values() for key in hints_of(cls)} | {"kind", "max_age", "starts", "do", "after_gap"}
    schema, every = pipeline_schema(), typos(example(name)[0])
    of_the_language = [one for one in every if one[1] in keys and one[0].count(".") == 2][::3]

    passed = [f"{path}: {typo}" for path, _, typo, _, changed in of_the_language if not errors(schema, changed)]

    assert len(of_the_language) > 20
    assert passed == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("max_age: 5s", "max_age: 5"),
        ("max_age: 5s", "max_age: 5 mm"),
        ("kind: reading", "kind: frame"),
        ("for: 10s", "for: [10s]"),
        ("version: 1.0.0", "version: 1.0"),
        ("  oven:", "  'o n':"),
    ],
)
def test_a_value_of_another_shape_is_refused(right: str, wrong: str) -> None:
    pipeline = example("watch")[0]
    assert right in pipeline

    assert errors(pipeline_schema(), pipeline.replace(right, wrong, 1))


def test_every_key_says_what_it_means() -> None:
    silent = [
        f"{name}.{key}"
        for name, section in {"PipelineFile": pipeline_schema(), **pipeline_schema()["$defs"]}.items()
        for key, value in section["properties"].items()
        if key != "kind" and not value.get("description")
    ]

    assert silent == []


def test_what_a_section_needs_is_required() -> None:
    sections = pipeline_schema()["$defs"]

    assert (
        set(sections["WindowStep"]["required"])
        == required_of(STEPS["window"])
        == {"window", "last", "every", "features"}
    )
    assert sections["WindowStep"]["properties"]["min"]["default"] == 1
    assert sections["MessageInput"]["properties"]["max_age"]["default"] == "1h"
