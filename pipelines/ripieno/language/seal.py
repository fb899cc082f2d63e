"""The sealed manifest of a bundle: is each file the one that was sealed, and what does it say of the models.

A model is hashed here, never opened.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from ripieno.models.takes import takes_from_plain, takes_to_plain
from ripieno.plan import ModelPlan

from .problems import Report
from .sections.models import Model, ModelInput
from .shape import join
from .source import Node

FORMAT = 1
FILE_NAME = "manifest.json"
MAX_BYTES = 4_000_000
Read = Callable[[str], bytes]
Resolve = Callable[[str], str]


def as_written(path: str) -> str:
    """Take every folder for what it says (a Resolve)."""
    return path


class Seal:
    """The manifest of one bundle. `sha256` is that of its own bytes, "" where there is no usable one."""

    def __init__(self, bundle: str, read: Read, report: Report) -> None:
        self._bundle, self._read = bundle, read
        self._mend = f"ripieno bundle seal {bundle}"
        self._entries: Mapping[str, Any] = {}
        self._files: Mapping[str, Any] = {}
        self.sha256 = ""
        self._open(report)

    def check_file(self, path: str, content: bytes, place: Node, at: str, report: Report) -> bool:
        """Whether a file of the bundle has the bytes that were sealed."""
        if not self.sha256:
            return False
        sealed = self._files.get(path)
        expected = sealed.get("sha256") if isinstance(sealed, dict) else None
        found = hashlib.sha256(content).hexdigest()
        if expected == found:
            return True
        if expected is None:
            report.add(place.line, place.column, at, f"{path} is not in the manifest", self._mend)
        else:
            size = sealed.get("bytes") if isinstance(sealed, dict) else "?"
            what = f"{path} is not what was sealed: expected sha256 {str(expected)[:16]}... ({size} bytes), "
            what += f"found {found[:16]}... ({len(content)} bytes)"
            report.add(place.line, place.column, at, what, f"{self._mend}, if the change is meant")
        return False

    def model(self, name: str, model: Model, node: Node, path: str, report: Report) -> ModelPlan | None:
        """Return the plan of a model after comparing the pipeline, the manifest and the file."""
        place = node.mapping.get("file", node)
        at = join(path, "file")
        if not _is_inside(model.file):
            report.add(place.line, place.column, at, f"'{model.file}' leads out of the bundle")
            return None
        try:
            content = self._read(f"{self._bundle}/{model.file}")
        except OSError as error:
            report.add(place.line, place.column, at, f"cannot read {model.file}: {error.strerror or error}")
            return None
        if not self.check_file(model.file, content, place, at, report):
            return None
        entry = self._entries.get(name)
        if not isinstance(entry, dict):
            report.add(node.line, node.column, path, f"model '{name}' is not in the manifest", self._mend)
            return None
        if not self._agrees(model, entry, node, path, report):
            return None
        digest = hashlib.sha256(content).hexdigest()
        return ModelPlan(name, model.file, digest, model.task, tuple(model.labels), _plain(entry))

    def _open(self, report: Report) -> None:
        file = f"{self._bundle}/{FILE_NAME}"
        try:
            content = self._read(file)
        except FileNotFoundError:
            report.add(0, 0, "", f"is not sealed: there is no {FILE_NAME}", self._mend)
            return
        except OSError as error:
            report.add(0, 0, "", f"cannot read {file}: {error.strerror or error}")
            return
        why = ""
        try:
            whole = json.loads(content) if len(content) <= MAX_BYTES else None
            if not isinstance(whole, dict) or not isinstance(whole.get("files"), dict):
                why = "it has no files" if whole is not None else f"it has more than {MAX_BYTES} bytes"
            elif whole.get("format") != FORMAT:
                why = f"expected format {FORMAT}, found {whole.get('format')!r:.40}"
            elif not isinstance(whole.get("models"), dict):
                why = "it has no models"
            else:
                _plain(whole)
                self._files, self._entries = whole["files"], whole["models"]
                self.sha256 = hashlib.sha256(content).hexdigest()
        except (ValueError, RecursionError) as error:
            why = " ".join(str(error).split())[:120]
        if why:
            report.add(0, 0, "", f"{FILE_NAME} cannot be used: {why}", self._mend)

    def _agrees(self, model: Model, entry: Mapping[str, Any], node: Node, path: str, report: Report) -> bool:
        pairs: list[tuple[str, object, object]] = [
            ("file", model.file, entry.get("file")),
            ("task", model.task, entry.get("task")),
            ("labels", list(model.labels), entry.get("labels")),
        ]
        if model.threshold is not None and model.task == "detect":
            pairs.append(("threshold", model.threshold, entry.get("threshold")))
        if model.outputs is not None and model.task != "classify":
            pairs.append(("outputs", list(model.outputs), entry.get("outputs")))
        sealed = entry.get("input")
        if isinstance(sealed, dict):
            taken = _taken(model.input)
            both = [key for key in taken if key in sealed]
            kinds = [key for key in ("text", "vector") if (key in taken) != (key in sealed)]
            pairs += [(f"input.{key}", taken.get(key), sealed.get(key)) for key in (*both, *kinds)]
        good = True
        for key, here, there in pairs:
            if here != there:
                place = node.mapping.get(key.partition(".")[0], node)
                what = f"differs from what was sealed: {_shown(here)} here, {_shown(there)} in the manifest"
                report.add(place.line, place.column, join(path, key), what, f"{self._mend}, if the change is meant")
                good = False
        return good


def _taken(declared: ModelInput) -> dict[str, Any]:
    """Return what the manifest should have under `input`, without what is left to the tensors."""
    plain = takes_to_plain(takes_from_plain(asdict(declared)))
    return {key: value for key, value in plain.items() if key != "range" or value}


def _is_inside(path: str) -> bool:
    return (
        not path.startswith("/") and not any(part in ("", ".", "..") for part in path.split("/")) and "\\" not in path
    )


def _shown(value: object) -> str:
    if value is None:
        return "none"
    return ", ".join(map(str, value[:10])) if isinstance(value, list) else str(value)


def _plain(value: Any, depth: int = 0) -> Any:
    """Return a copy with plain values only. Raises ValueError for what a plan cannot hold."""
    if depth > 20:
        raise ValueError("it is nested too deep")
    if isinstance(value, dict):
        if "_" in value:
            raise ValueError("it has a key '_'")
        return {key: _plain(one, depth + 1) for key, one in value.items()}
    if isinstance(value, list):
        return tuple(_plain(one, depth + 1) for one in value)
    if isinstance(value, float) and value - value != 0:
        raise ValueError("it has a number that is not finite")
    return value
