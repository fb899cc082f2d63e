"""docs/models.md: what it shows is what is read."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ripieno.language.declared import declared_models
from ripieno.models import TakesNumbers, TakesPicture, TakesText, Task
from ripieno.models.golden import golden_bytes

PAGE = (Path(__file__).parents[2] / "docs/models.md").read_text(encoding="utf-8")
HEAD = "ripieno: 1\nname: shown\nversion: 1.0.0\ninputs:\n  top: {kind: frame, max_age: 1s}\n"


def shown(kind: str) -> str:
    found = re.search(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_models_that_are_shown_are_declared_as_the_page_says() -> None:
    store = {"b/pipeline.yaml": (HEAD + shown("yaml")).encode(), "b/models/labels.txt": b"card_lost\ncard_arrival\n"}

    bead, intent, wear = declared_models("b", store.__getitem__).models

    assert (bead.task, bead.takes) == (Task.CLASSIFY, TakesPicture())
    assert (intent.labels, intent.takes) == (("card_lost", "card_arrival"), TakesText())
    assert (wear.task, wear.order) == (Task.REGRESS, ("wear_um", "hours_left"))
    assert wear.takes == TakesNumbers(("current_mean", "vibration_rms"), (4.1, 0.0), (0.8, 1.0))


def test_the_golden_input_that_is_shown_is_read() -> None:
    text = shown("json")

    assert golden_bytes(TakesText(), text.encode()) == json.loads(text)["text"].encode()
