"""Small sealed bundles with a pipeline that compiles, packed and signed: what the tests of updates are about."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from daemon.workers.rig import BGR
from models.tiny_model import LABELS, tiny_model

from ripieno.models import Declaration, SealedModel, parse_manifest, render_manifest
from ripieno.models.manifest import SealedFile
from ripieno_daemon.bundles import seal
from ripieno_daemon.bundles.packed_file import PackedBundle, pack_bundle, with_signature
from ripieno_daemon.trust import KeyRule, Policy, Signer

KEY, OTHER = Signer.new(), Signer.new()
POLICY = Policy("plant", 1, {KEY.id: KeyRule("releaser", KEY.public, ("bundle",), ("*",))})
DEVICE = "line-1"

PIPELINE = """\
ripieno: 1
name: colours
version: {version}

inputs:
  top:       {{kind: frame, max_age: 200ms}}
  photo_eye: {{kind: edge}}
  belt:      {{kind: position, max_age: 500ms}}

outputs:
  gate: {{kind: pulse, safe: divert, before: 20mm, after: 25mm, late: 8mm, hold: 400ms}}

items:
  part: {{starts: photo_eye.rising, follows: belt, places: {{camera: 120mm, gate: 640mm}}, decide_before: gate}}

models:
  tiny: {{file: models/tiny.tflite, task: classify, labels: [{labels}], input: {{colour: rgb, resize: linear}}}}

steps:
  look: {{model: tiny, input: top, each: part, at: camera, within: 10mm, frames: every, deadline: {deadline}}}

rules:
  pass:
    each: part
    when: look.label == "green" and look.score >= {least}
    do: gate.open(part)
    else: divert
"""

CASES = b"""\
ripieno: 1
usual: {speed: 100, every: 500ms, answers: {look: {label: green, score: 0.95}}}

cases:
  a_green_part_passes:
    when: [{part: {}}]
    then: {verdicts: [good], acts: {gate: 1}}

  a_score_of_0_60_is_enough:
    when: [{part: {look: {score: 0.60}}}]
    then: {verdicts: [good]}
"""


def painted(folder: Path, colour: str, name: str) -> None:
    picture = np.full((24, 32, 3), BGR[colour], np.uint8)
    (folder / f"{name}.png").write_bytes(cv2.imencode(".png", picture)[1].tobytes())


def bundle_folder(
    folder: Path,
    version: str = "1.0.0",
    *,
    model: bytes | None = None,
    labels: tuple[str, ...] = LABELS,
    least: str = "0.50",
    deadline: str = "100ms",
    golden: Mapping[str, str] | None = None,
    extra: Mapping[str, bytes] | None = None,
) -> Path:
    """Write and seal a bundle. `golden`: name of a picture to its colour."""
    (folder / "models").mkdir(parents=True)
    (folder / "golden").mkdir()
    (folder / "models/tiny.tflite").write_bytes(tiny_model() if model is None else model)
    text = PIPELINE.format(version=version, labels=", ".join(labels), least=least, deadline=deadline)
    (folder / "pipeline.yaml").write_text(text)
    for name, colour in (golden or {f"{colour}-1": colour for colour in LABELS}).items():
        painted(folder / "golden", colour, name)
    for name, content in (extra or {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    seal(folder, [Declaration("tiny", "models/tiny.tflite", labels)], name="colours", version=version)
    return folder


def forged_model(folder: Path, model: bytes) -> None:
    """Put another model into a sealed bundle and change the manifest's digests, as a careless tool chain would."""
    (folder / "models/tiny.tflite").write_bytes(model)
    manifest = parse_manifest((folder / "manifest.json").read_bytes())
    digest = hashlib.sha256(model).hexdigest()
    sealed: SealedModel = manifest.models["tiny"]
    models = {"tiny": replace(sealed, spec=replace(sealed.spec, digest=digest))}
    files = {**manifest.files, "models/tiny.tflite": SealedFile(digest, len(model))}
    (folder / "manifest.json").write_bytes(render_manifest(replace(manifest, files=files, models=models)))


def packed(folder: Path, counter: int, changes: float = 0.0, *, sign: bool = True) -> PackedBundle:
    """Pack a folder beside itself, signed by KEY."""
    target = folder.with_name(f"{folder.name}-{counter}.bundle")
    made = pack_bundle(folder, target, counter, changes)
    return with_signature(target, KEY) if sign else made
