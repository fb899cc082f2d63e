"""A manifest is the same bytes for the same content, and nothing passes that differs from it."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ripieno.contracts.runtime import Tensor
from ripieno.errors import BundleError, ModelError
from ripieno.models import (
    Declaration,
    Golden,
    Manifest,
    SealedFile,
    SealedModel,
    TakesPicture,
    join,
    parse_manifest,
    render_manifest,
    verify_files,
)
from ripieno.models.spec import declaration_from_plain, spec_from_plain

FILES = {"pipeline.yaml": b"ripieno: 1\n", "models/bead.tflite": b"\x00\x01", "golden/a.png": b"png"}
TAKEN = Tensor("in", "int8", (1, 64, 96, 3), 1 / 255, -128)
GIVEN = Tensor("out", "int8", (1, 3), 1 / 256, -128)
DECLARED = Declaration("bead", "models/bead.tflite", ("normal", "over", "under"))


def manifest() -> Manifest:
    sealed = {path: SealedFile(hashlib.sha256(content).hexdigest(), len(content)) for path, content in FILES.items()}
    spec = join(DECLARED, sealed["models/bead.tflite"].sha256, [TAKEN], [GIVEN])
    model = SealedModel(
        "models/bead.tflite", spec, (Golden("golden/a.png", "over", (0.1, 0.8, 0.1)),), {"litert": "ab"}
    )
    return Manifest("quality-control", "1.0.0", sealed, {"bead": model})


def test_a_manifest_survives_being_written_and_read() -> None:
    rendered = render_manifest(manifest())

    assert parse_manifest(rendered) == manifest()
    assert render_manifest(parse_manifest(rendered)) == rendered


def test_files_as_sealed_pass() -> None:
    verify_files(manifest(), FILES.__getitem__, FILES)


@given(path=st.sampled_from(sorted(FILES)), bit=st.integers(0, 15))
def test_a_single_flipped_bit_is_refused_and_named(path: str, bit: int) -> None:
    content = bytearray(FILES[path])
    content[bit // 8 % len(content)] ^= 1 << bit % 8

    with pytest.raises(BundleError, match=f"{path}: expected sha256 .*, found .*ripieno bundle seal DIR"):
        verify_files(manifest(), {**FILES, path: bytes(content)}.__getitem__)


def test_a_missing_and_an_added_file_are_named_together() -> None:
    def read(path: str) -> bytes:
        if path == "golden/a.png":
            raise FileNotFoundError(path)
        return FILES[path]

    with pytest.raises(
        BundleError, match=r"golden/a.png: expected 3 bytes, found no such file; extra.py: found, but it is not sealed"
    ):
        verify_files(manifest(), read, [*FILES, "extra.py"])


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "a\\b"])
def test_a_path_that_leads_out_of_the_bundle_is_refused(path: str) -> None:
    bad = replace(manifest(), files={**manifest().files, path: SealedFile("00", 0)})

    with pytest.raises(BundleError, match="leads out of the bundle"):
        parse_manifest(render_manifest(bad))


@given(
    noise=st.one_of(st.binary(max_size=50), st.sampled_from([b"[]", b"{}", b'{"format": 2}', b"[" * 100_000, b"null"]))
)
def test_what_is_no_manifest_is_a_bundle_error(noise: bytes) -> None:
    with pytest.raises(BundleError):
        parse_manifest(noise)


def test_a_spec_survives_being_plain() -> None:
    spec = join(DECLARED, "ab", [TAKEN], [GIVEN])

    assert spec_from_plain(spec.to_plain()) == spec
    assert spec.takes == TakesPicture(pixel_range=(0.0, 1.0))


@pytest.mark.parametrize(
    ("taken", "given_", "message"),
    [
        (
            TAKEN,
            Tensor("out", "int8", (1, 4), 1 / 256, -128),
            r"expected an output of shape \[1, 3\] for 3 labels .*got \[1, 4\]",
        ),
        (
            Tensor("in", "int8", (1, 64, 96, 1), 1 / 255, -128),
            GIVEN,
            r"\[1, height, width, 3\] for colour rgb, got \[1, 64, 96, 1\]",
        ),
        (Tensor("in", "int16", (1, 64, 96, 3), 1 / 255, 0), GIVEN, "got in: int16"),
        (Tensor("in", "int8", (1, 64, 96, 3), 0.5, 3), GIVEN, "none of the usual pixel ranges"),
        (Tensor("in", "int8", (1, 64, 96, 3), 0.0, 0), GIVEN, "expected a scale above 0"),
    ],
)
def test_a_file_that_does_not_fit_its_declaration_is_refused(taken: Tensor, given_: Tensor, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        join(DECLARED, "ab", [taken], [given_])


def test_a_declaration_is_read_as_pipeline_yaml_has_it() -> None:
    plain = {"file": "models/bead.tflite", "task": "classify", "labels": ["normal", "over", "under"]}

    assert declaration_from_plain("bead", {**plain, "input": {"colour": "rgb", "resize": "linear"}}) == DECLARED
    with pytest.raises(ModelError, match=r"models\.bead: not a model declaration"):
        declaration_from_plain("bead", {**plain, "input": {"colour": "yellow"}})


def test_the_door_brings_neither_numpy_nor_opencv() -> None:
    """The control process opens this door and must stay small."""
    heavy = "numpy", "cv2", "yaml", "pydantic", "ai_edge_litert", "tflite_runtime"
    program = (
        "import sys, ripieno.models, ripieno_daemon.workers, ripieno_daemon.bundles, ripieno_daemon.evaluation;"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    environment = {"PYTHONPATH": ":".join(path for path in sys.path if path)}

    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
