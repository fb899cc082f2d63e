"""Bundles in memory, with a seal that fits whatever their pipeline declares; their models are a few bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ripieno.errors import ConfigError
from ripieno.language.declared import declared_models
from ripieno.language.pipeline import compile_pipeline
from ripieno.language.problems import Problems
from ripieno.plan import PipelinePlan

HERE = "site/bundles/desk"
EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "pipelines"
ROOT = Path(__file__).parents[2]
BUNDLES = sorted([*ROOT.glob("pipelines/bundles/*/pipeline.yaml"), *ROOT.glob("tests/bundles/*/pipeline.yaml")])
MODEL = b"not looked into"


def files_of(pipeline: str, files: Mapping[str, bytes] | None = None) -> dict[str, bytes]:
    """Return the files of a sealed bundle; unsealed where its models cannot be read."""
    store = {f"{HERE}/pipeline.yaml": pipeline.encode()}
    store |= {f"{HERE}/{name}": content for name, content in (files or {}).items()}
    models: dict[str, dict[str, Any]] = {}
    try:
        declared = declared_models(HERE, store.__getitem__).models
    except (ConfigError, KeyError):
        declared = ()
    for one in declared:
        store[f"{HERE}/{one.file}"] = MODEL
        models[one.name] = {"file": one.file, "task": str(one.task), "labels": list(one.labels)}
        if one.order:
            models[one.name]["outputs"] = list(one.order)
        if str(one.task) == "detect":
            models[one.name]["threshold"] = one.threshold
    sealed = {
        path.removeprefix(f"{HERE}/"): {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        for path, content in store.items()
    }
    store[f"{HERE}/manifest.json"] = json.dumps({"format": 1, "files": sealed, "models": models}).encode()
    return store


def compiled(pipeline: str, files: Mapping[str, bytes] | None = None) -> PipelinePlan:
    """Return the plan of a pipeline; raises ConfigError."""
    problems = Problems()
    found = compile_pipeline(HERE, _reader(files_of(pipeline, files)), problems)
    if found is None or found.plan is None or problems.ordered():
        raise ConfigError(problems.ordered())
    return found.plan


def told_of(pipeline: str, files: Mapping[str, bytes] | None = None) -> list[str]:
    """Return the problems of a pipeline as a person reads them: `line:column: path: message (hint)`."""
    problems = Problems()
    compile_pipeline(HERE, _reader(files_of(pipeline, files)), problems)
    return [str(one).replace(f"{HERE}/pipeline.yaml:", "") for one in problems.ordered()]


def example(name: str) -> tuple[str, dict[str, bytes]]:
    """Return the pipeline of an example of the docs, and the other files of its folder."""
    folder = EXAMPLES / name
    others = {
        one.name: one.read_bytes() for one in sorted(folder.iterdir()) if one.is_file() and one.name != "pipeline.yaml"
    }
    return (folder / "pipeline.yaml").read_text(), others


def _reader(store: Mapping[str, bytes]) -> Callable[[str], bytes]:
    def read(path: str) -> bytes:
        if path not in store:
            raise FileNotFoundError(2, "No such file or directory")
        return store[path]

    return read
