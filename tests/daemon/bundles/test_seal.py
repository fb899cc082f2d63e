"""Sealing and opening a bundle; nothing that a file holds harms the process that asks."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
from pathlib import Path

import pytest
from daemon.workers.rig import painted
from models.test_chain import INSTALLED
from models.tiny_model import LABELS, tiny_model

from ripieno.errors import BundleError, ModelError, WorkerLost
from ripieno.models import Declaration, parse_manifest, render_manifest
from ripieno_daemon.bundles import Inspector, open_bundle, seal

DECLARED = [Declaration("tiny", "models/tiny.tflite", LABELS)]
SHIPPED = Path(__file__).parents[3] / "pipelines/bundles/quality-control"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    (folder / "models").mkdir(parents=True)
    (folder / "golden").mkdir()
    (folder / "models/tiny.tflite").write_bytes(tiny_model())
    (folder / "pipeline.yaml").write_text("ripieno: 1\n")
    for colour in LABELS:
        painted(folder / "golden", colour, f"{colour}-1")
    return folder


def sealed(folder: Path) -> bytes:
    seal(folder, DECLARED, name="colours", version="1.0.0")
    return (folder / "manifest.json").read_bytes()


def test_a_sealed_bundle_opens_with_its_golden_answers(bundle: Path) -> None:
    written = sealed(bundle)

    opened = open_bundle(bundle)
    assert render_manifest(opened.manifest) == written
    assert [golden.label for golden in opened.models["tiny"].golden] == ["blue", "green", "red"]
    assert opened.models["tiny"].path == str(bundle / "models/tiny.tflite")
    assert len(opened.manifest.models["tiny"].fingerprint) == 1


def test_sealing_again_gives_the_same_bytes(bundle: Path) -> None:
    assert sealed(bundle) == sealed(bundle)


def test_dotfiles_and_caches_do_not_belong_to_a_bundle(bundle: Path) -> None:
    written = sealed(bundle)
    (bundle / ".draft").write_text("x")
    (bundle / "__pycache__").mkdir()
    (bundle / "__pycache__/a.pyc").write_text("x")

    open_bundle(bundle)
    assert sealed(bundle) == written


@pytest.mark.parametrize("path", ["models/tiny.tflite", "pipeline.yaml", "golden/red-1.png", "manifest.json"])
@pytest.mark.parametrize("spoil", ["flip", "truncate", "remove"])
def test_a_bundle_that_was_touched_does_not_open(bundle: Path, path: str, spoil: str) -> None:
    sealed(bundle)
    content = bytearray((bundle / path).read_bytes())
    if spoil == "remove":
        (bundle / path).unlink()
    elif spoil == "truncate":
        (bundle / path).write_bytes(content[: len(content) // 2])
    else:
        where = content.index(b'"sha256": "') + 11 if path == "manifest.json" else len(content) // 2
        content[where] ^= 1
        (bundle / path).write_bytes(content)

    with pytest.raises(BundleError, match="ripieno bundle seal DIR"):
        open_bundle(bundle)


def test_a_link_in_a_bundle_is_refused(bundle: Path) -> None:
    (bundle / "golden/link.png").symlink_to("/etc/hostname")

    with pytest.raises(BundleError, match="is a link"):
        sealed(bundle)


def test_a_golden_picture_that_is_named_for_another_label_is_refused(bundle: Path) -> None:
    painted(bundle / "golden", "red", "blue-2")

    with pytest.raises(
        ModelError, match=r"blue-2.png: golden input of model tiny: its name says blue, the model says red"
    ):
        sealed(bundle)
    assert not (bundle / "manifest.json").exists()


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (None, BundleError, "expected models/tiny.tflite, found no such file"),
        (b"", ModelError, r"not a TensorFlow Lite model: .*\(0 bytes\)"),
        (b"words, words, words", ModelError, "not a TensorFlow Lite model"),
        (tiny_model(channels=1), ModelError, r"expected an input of shape \[1, height, width, 3\]"),
    ],
)
def test_a_model_that_is_none_is_named_and_nothing_is_written(
    bundle: Path, content: bytes | None, error: type[Exception], message: str
) -> None:
    path = bundle / "models/tiny.tflite"
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)

    with pytest.raises(error, match=message):
        sealed(bundle)
    assert not (bundle / "manifest.json").exists()


def mutants(original: bytes, count: int) -> list[bytes]:
    """Flips, holes, cuts and swaps, the same ones every time."""
    source = random.Random(7)
    made: list[bytes] = []
    for number in range(count):
        mutant = bytearray(original)
        for _ in range(source.choice([1, 4, 32])):
            where = source.randrange(8, len(mutant))
            mutant[where] = source.randrange(256)
        if number % 4 == 1:
            del mutant[source.randrange(16, len(mutant)) :]
        elif number % 4 == 2:
            where = source.randrange(8, len(mutant))
            mutant[where : where + 64] = bytes(min(64, len(mutant) - where))
        made.append(bytes(mutant))
    return made


def real_model() -> bytes:
    """The published person detector where RIPIENO_DATA is set, else the bundle's own model, else a tiny one."""
    data = os.environ.get("RIPIENO_DATA")
    published = Path(data, "models/mlperf_tiny/vww_96_int8.tflite") if data else Path()
    own = SHIPPED / "models/bead.int8.tflite"
    found = [path for path in (published, own) if path.is_file()]
    return found[0].read_bytes() if found else tiny_model()


@pytest.mark.slow
@pytest.mark.parametrize("runtime", INSTALLED)
def test_300_damaged_models_are_looked_into_and_the_inspector_lives(tmp_path: Path, runtime: str) -> None:
    path = tmp_path / "mutant.tflite"
    outcomes: dict[str, int] = {}

    async def work() -> None:
        async with Inspector(runtime) as inspector:
            for mutant in mutants(real_model(), 300):
                path.write_bytes(mutant)
                try:
                    seen = await inspector.look(str(path))
                    assert seen.sha256 == hashlib.sha256(mutant).hexdigest()
                    outcome = "accepted"
                except ModelError as error:
                    assert "\n" not in str(error)
                    outcome = "died" if "the runtime died of" in str(error) else "refused"
                except WorkerLost:
                    outcome = "inspector lost"
                outcomes[outcome] = outcomes.get(outcome, 0) + 1

    asyncio.run(work())

    print(runtime, outcomes)
    assert "inspector lost" not in outcomes
    assert sum(outcomes.values()) == 300 and outcomes.get("refused", 0) + outcomes.get("died", 0) > 30


def test_the_shipped_bundle_is_as_sealed() -> None:
    assert parse_manifest((SHIPPED / "manifest.json").read_bytes()) == open_bundle(SHIPPED).manifest
