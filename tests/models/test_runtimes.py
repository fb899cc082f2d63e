"""Runtimes are found by name, and their errors are ours."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from models.test_chain import INSTALLED, needs_data
from models.tiny_model import tiny_model

from ripieno.errors import ModelError
from ripieno.models.runtimes import choose


def test_an_unknown_name_is_answered_with_the_names_that_exist() -> None:
    with pytest.raises(ModelError, match="unknown runtime 'onnx': there are litert, tflite"):
        choose("onnx")


def test_litert_is_preferred_where_it_is_installed() -> None:
    assert choose().name == INSTALLED[0]


@pytest.mark.parametrize("runtime", INSTALLED)
@pytest.mark.parametrize("content", [b"", b"a text file that is no model", tiny_model()[:400]])
def test_what_is_no_model_is_refused_in_one_sentence(runtime: str, content: bytes) -> None:
    if runtime == "tflite" and len(content) == 400:
        pytest.skip("tflite-runtime may die of a truncated file: that is tested in a worker")

    with pytest.raises(ModelError) as caught:
        choose(runtime).load(content, 1)

    assert "\n" not in str(caught.value)


@needs_data
@pytest.mark.parametrize("runtime", INSTALLED)
def test_published_models_that_must_fail_do(runtime: str) -> None:
    for path in sorted((Path(os.environ["RIPIENO_DATA"]) / "models/must_fail").glob("*.tflite")):
        with pytest.raises(ModelError):
            choose(runtime).load(path.read_bytes(), 1)
