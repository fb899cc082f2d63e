"""The reference pages and schemas in docs/reference are what the code says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from ripieno.language.quantities import UNITS, read, show
from ripieno_daemon.cli import main
from ripieno_daemon.cli.author import reference

FOLDER = Path(__file__).parents[2] / "docs" / "reference"


def test_every_page_is_fresh() -> None:
    """If not: `make reference`."""
    assert list(reference.stale(FOLDER, reference.made())) == []
    assert {path.name for path in FOLDER.iterdir()} == set(reference.made())


def test_a_stale_or_missing_page_is_named_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Negative control."""
    for path in FOLDER.iterdir():
        (tmp_path / path.name).write_text(path.read_text().replace("unknown", "known"))
    (tmp_path / "commands.md").unlink()

    assert main(["reference", "--check", str(tmp_path), "--json", "-"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert {"commands.md", "pipeline.md"} <= set(told["stale"])
    assert main(["reference", "--write", str(tmp_path)]) == 0
    assert main(["reference", "--check", str(tmp_path)]) == 0


def test_links_of_the_pages_lead_somewhere() -> None:
    for page in FOLDER.glob("*.md"):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            assert (FOLDER / target).exists(), f"{page.name}: {target}"


def test_the_schema_command_prints_what_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "pipeline"]) == 0

    assert capsys.readouterr().out == (FOLDER / "pipeline.schema.json").read_text()


def test_a_folder_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reference", "--write", str(tmp_path / "no")]) == 2
    assert "no such folder" in capsys.readouterr().err


@pytest.mark.parametrize("kind", UNITS)
@pytest.mark.parametrize("number", [1, 2, 5, 10, 60, 90, 250, 1000, 3600, 86_400])
def test_a_quantity_is_shown_as_a_file_would_write_it(kind: str, number: int) -> None:
    for unit in UNITS[kind]:
        value = read(f"{number}{unit}", kind).value

        assert read(show(kind, value), kind).value == pytest.approx(value)
