"""Small sealed bundles with a pipeline that compiles, packed and signed: what the tests of updates are about."""

from __future__ import annotations

import hashlib
import random
import shutil
import struct
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from daemon.workers.rig import BGR
from models.tiny_dense import DENSE
from models.tiny_model import FLOAT32, LABELS, SOFTMAX, Scalar, Table, Vector, _tensor, _write, tiny_model

from ripieno.models import Declaration, SealedModel, parse_manifest, render_manifest
from ripieno.models.manifest import SealedFile
from ripieno_daemon.bundles import digest_files, seal
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
    picture = np.full((24, 32, 3), {**BGR, "grey": (128, 128, 128)}[colour], np.uint8)
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


def always_sure(sure: int = 1) -> bytes:
    """Return a model of pictures that says one label with full confidence, whatever it is shown."""
    tensors = [
        _tensor("picture", [1, 8, 8, 3], FLOAT32, 0),
        _tensor("weights", [3, 192], FLOAT32, 1),
        _tensor("bias", [3], FLOAT32, 2),
        _tensor("sums", [1, 3], FLOAT32, 0),
        _tensor("scores", [1, 3], FLOAT32, 0),
    ]
    dense = Table([Scalar("I", 0), Vector("i", [0, 1, 2]), Vector("i", [3]), Scalar("B", 8), Table([Scalar("b", 0)])])
    soft = Table([Scalar("I", 1), Vector("i", [3]), Vector("i", [4]), Scalar("B", 9), Table([Scalar("f", 1.0)])])
    graph = Table([Vector("ref", tensors), Vector("i", [0]), Vector("i", [4]), Vector("ref", [dense, soft])])
    codes = [Table([Scalar("b", code), None, Scalar("i", 1), Scalar("i", code)]) for code in (DENSE, SOFTMAX)]
    bias = struct.pack("<3f", *(20.0 if at == sure else 0.0 for at in range(3)))
    buffers = [Table([None]), Table([Vector("B", bytes(3 * 192 * 4))]), Table([Vector("B", bias)])]
    model = Table([Scalar("I", 3), Vector("ref", codes), Vector("ref", [graph]), None, Vector("ref", buffers)])
    out = bytearray(b"\0\0\0\0TFL3")
    struct.pack_into("<I", out, 0, _write(out, model))
    return bytes(out) + bytes(-len(out) % 16)


def crashing(good: bytes) -> bytes:
    """Return a model that ends the process that loads it with tflite-runtime (SIGSEGV), found by changing bytes."""
    chance = random.Random(3)
    spoilt = bytearray(good)
    for _ in range(chance.choice([1, 4])):
        spoilt[chance.randrange(8, len(spoilt))] = chance.randrange(256)
    return bytes(spoilt)


def reversioned(first: Path, folder: Path, version: str, extra: Mapping[str, bytes] | None = None) -> Path:
    """Copy a sealed bundle as another version: sealing asks the models again, which takes seconds."""
    shutil.copytree(first, folder)
    sealed = parse_manifest((first / "manifest.json").read_bytes())
    text = (first / "pipeline.yaml").read_text()
    (folder / "pipeline.yaml").write_text(text.replace(f"version: {sealed.version}", f"version: {version}"))
    for name, content in (extra or {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    manifest = replace(sealed, version=version, files=digest_files(folder))
    (folder / "manifest.json").write_bytes(render_manifest(manifest))
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
