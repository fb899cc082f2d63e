"""Files that are pinned go on meaning what they meant: their plans, without what has its default.

`python -m language.test_golden`, in tests/, writes the plans anew.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from language.bundles import compiled

FOLDER = Path(__file__).parents[1] / "golden" / "language"
NAMES = ["quality-control", "everything"]


def plain(value: Any) -> Any:
    """Return a plan as JSON, without fields that have their default: new ones change nothing."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kept = {
            field.name: plain(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if getattr(value, field.name) != field.default and field.name not in ("bundle", "manifest_sha256", "sha256")
        }
        return {"_": type(value).__name__, **kept}
    if isinstance(value, (tuple, list)):
        return [plain(one) for one in value]
    return {key: plain(one) for key, one in value.items()} if isinstance(value, dict) else value


def text_of(name: str) -> str:
    return json.dumps(plain(compiled((FOLDER / f"{name}.yaml").read_text())), indent=1, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("name", NAMES)
def test_a_pinned_file_means_what_it_meant(name: str) -> None:
    assert text_of(name) == (FOLDER / f"{name}.plan.json").read_text()


def test_a_changed_file_means_something_else(tmp_path: Path) -> None:
    """Negative control."""
    changed = (FOLDER / "everything.yaml").read_text().replace("within: 10min", "within: 11min")

    assert json.dumps(plain(compiled(changed)), indent=1, ensure_ascii=False) + "\n" != text_of("everything")


if __name__ == "__main__":
    for each in NAMES:
        (FOLDER / f"{each}.plan.json").write_text(text_of(each))
