"""Releases of the shipped bundle that must not come to stay, each bad in one way; packed and signed."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from daemon.updates.releases import always_sure, crashing, painted
from models.test_chain import INSTALLED
from models.tiny_model import LOG, tiny_model

from ripieno.models import parse_manifest, render_manifest
from ripieno.models.manifest import SealedFile
from ripieno_daemon.bundles.packed_file import PackedBundle, open_packed, pack_bundle, with_signature, write_packed
from ripieno_daemon.bundles.release import PackedFile, Release, chunk_digests
from ripieno_daemon.trust import Signer
from ripieno_daemon.updates import verdict as names
from ripieno_sim.stage.fleet.releases import NAME, swap_labels, with_version
from ripieno_sim.stage.scene import bundle_path

MODEL = "models/bead.int8.tflite"
DEADLINE = "deadline: 100ms"
RUNTIME = "tflite" if "tflite" in INSTALLED else "auto"  # LiteRT survives every damaged model that was found


class Careless:
    """Somebody who makes releases. `releases` has each with the name that its self-test must give it."""

    def __init__(self, folder: Path, key: Signer) -> None:
        self._folder, self._key, self._counter = folder, key, 1

    def released(self, source: Path, changes: float = 0.0) -> PackedBundle:
        """Pack and sign a sealed folder; the counter rises."""
        self._counter += 1
        target = self._folder / f"{self._counter}.bundle"
        pack_bundle(source, target, self._counter, changes)
        return with_signature(target, self._key)

    def factory(self) -> PackedBundle:
        """What the device is delivered with."""
        return self.released(bundle_path(NAME))

    def good(self, version: str) -> PackedBundle:
        """The same models and rules under another version."""
        return self.released(with_version(bundle_path(NAME), self._folder / version, version))

    async def worse(self) -> PackedBundle:
        """Swapped labels that its author has vouched for: bad in use alone."""
        return self.released(await swap_labels(bundle_path(NAME), self._folder / "worse", "1.1.0"), 1.0)

    def all_bad(self) -> dict[str, tuple[PackedBundle, str]]:
        """Return each kind, and what its refusal must be called."""
        kinds: dict[str, tuple[Callable[[], PackedBundle], str]] = {
            "wrong shape": (lambda: self._forged("shape", self._tiny("shape"), tiny_model(size=4)), names.CONTRACT),
            "wrong quantisation": (
                lambda: self._forged("scale", self._tiny("scale"), tiny_model(scale=1 / 64)),
                names.CONTRACT,
            ),
            "swapped labels": (self._swapped, names.DECISIONS),
            "always sure": (
                lambda: self.released(self._with_model("sure", always_sure()), 1.0),
                names.CONSTANT,
            ),
            "slow": (
                lambda: self.released(
                    self._with_model("slow", tiny_model("float32", size=1500), (DEADLINE, "deadline: 1ms")), 1.0
                ),
                names.SLOW,
            ),
            "no number": (
                lambda: self.released(self._with_model("nan", tiny_model("float32", last=LOG)), 1.0),
                names.NOT_FINITE,
            ),
            "damaged file": (self._damaged, names.DAMAGED),
        }
        if RUNTIME == "tflite":
            kinds["crashing"] = (
                lambda: self._forged("crash", self._tiny("crash"), crashing(tiny_model())),
                names.CRASHED,
            )
        return {kind: (make(), name) for kind, (make, name) in kinds.items()}

    def _tiny(self, name: str) -> Path:
        return self._with_model(f"tiny-{name}", tiny_model())

    def _with_model(self, name: str, model: bytes, *changes: tuple[str, str]) -> Path:
        """Another model altogether, sealed with pictures that say nothing of its labels."""
        folder = Path(shutil.copytree(bundle_path(NAME), self._folder / name))
        (folder / MODEL).write_bytes(model)
        shutil.rmtree(folder / "golden")
        (folder / "golden").mkdir()
        for at, colour in enumerate(["grey"] * 3 if name == "nan" else ("red", "green", "blue")):
            painted(folder / "golden", colour, f"p{at}")
        text = (folder / "pipeline.yaml").read_text()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (folder / "pipeline.yaml").write_text(text)
        _seal(folder)
        return folder

    def _swapped(self) -> PackedBundle:
        folder = Path(shutil.copytree(bundle_path(NAME), self._folder / "swapped"))
        for at, picture in enumerate(sorted((folder / "golden").iterdir())):
            picture.rename(picture.with_name(f"p{at}.png"))
        text = (folder / "pipeline.yaml").read_text()
        (folder / "pipeline.yaml").write_text(text.replace("[normal, over, under]", "[under, over, normal]"))
        _seal(folder)
        return self.released(folder)

    def _forged(self, name: str, folder: Path, model: bytes) -> PackedBundle:
        """Another model under digests that fit, and tensors that do not: as a careless tool chain makes it."""
        (folder / MODEL).write_bytes(model)
        manifest = parse_manifest((folder / "manifest.json").read_bytes())
        digest = hashlib.sha256(model).hexdigest()
        sealed = manifest.models["bead"]
        models = {"bead": replace(sealed, spec=replace(sealed.spec, digest=digest))}
        files = {**manifest.files, MODEL: SealedFile(digest, len(model))}
        (folder / "manifest.json").write_bytes(render_manifest(replace(manifest, files=files, models=models)))
        return self.released(folder, 1.0)

    def _damaged(self) -> PackedBundle:
        """Signed as it is: every piece arrives as its index says, and the model is not the sealed one."""
        folder = Path(shutil.copytree(bundle_path(NAME), self._folder / "damaged"))
        content = bytearray((folder / MODEL).read_bytes())
        content[len(content) // 2] ^= 1
        (folder / MODEL).write_bytes(content)
        manifest = parse_manifest((folder / "manifest.json").read_bytes())
        contents = {path: (folder / path).read_bytes() for path in sorted({"manifest.json", *manifest.files})}
        listed = tuple(PackedFile(path, len(one), chunk_digests(one)) for path, one in contents.items())
        self._counter += 1
        release = Release(manifest.name, manifest.version, self._counter, 1.0, listed)
        held = {chunk: contents[path][at : at + size] for chunk, path, at, size in release.places()}
        target = self._folder / f"{self._counter}.bundle"
        from ripieno_daemon.bundles.signed import signature

        write_packed(target, release, {self._key.id: signature(release.index, self._key)}, held.__getitem__)
        return open_packed(target)


def _seal(folder: Path) -> None:
    words = [sys.executable, "-m", "ripieno_daemon", "bundle", "seal", str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
