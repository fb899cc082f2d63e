"""Sealing asks only for what the pipeline says of its models, before there is a manifest."""

from __future__ import annotations

import pytest
from language.bench import BUNDLE, PIPELINE_FILE, shipped

from ripieno.errors import ConfigError
from ripieno.language.declared import Declared, declared_models


def declared(text: str) -> Declared:
    return declared_models(BUNDLE, {PIPELINE_FILE: text.encode()}.__getitem__)


def test_name_version_and_models_are_read_though_a_rule_has_a_problem() -> None:
    found = declared(shipped().replace("look.score >=", "look.scroe >="))

    assert (found.name, found.version) == ("quality-control", "1.0.0")
    assert [(one.name, one.file, one.labels) for one in found.models] == [
        ("bead", "models/bead.int8.tflite", ("normal", "over", "under"))
    ]


def test_a_model_that_is_not_declared_well_is_told() -> None:
    with pytest.raises(ConfigError) as caught:
        declared(shipped().replace("task: classify", "task: guess"))

    assert [one.path for one in caught.value.problems] == ["models.bead.task"]
