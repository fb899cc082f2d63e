"""The sealed manifest of a bundle: which bytes belong to it, and what its models said when it was sealed.

`manifest.json` is canonical: UTF-8, sorted keys, two spaces, one newline at the end, floats as Python prints them; the
same manifest is the same bytes, so its own digest can be signed.

    {"format": 1, "name": ..., "version": ...,
     "files":  {path: {"sha256": hex, "bytes": n}},
     "models": {name: {"file": path, "sha256": hex, "task": ..., "labels": [...], "input": {...}, "tensors": {...},
                       "golden": [{"picture": path, "label": ..., "scores": [...]}], "fingerprint": {runtime: hex}}}}

A model that takes a text or numbers has "given" in the place of "picture".
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ripieno.errors import BundleError, ModelError

from .spec import ModelSpec, spec_from_plain
from .takes import TakesPicture

FORMAT: Final = 1
FILE_NAME: Final = "manifest.json"
GOLDEN_KEYS: Final = ("given", "picture")
MEND: Final = "seal it again with `ripieno bundle seal DIR` if you changed it, else get the bundle anew"


@dataclass(frozen=True, slots=True)
class SealedFile:
    """SHA-256 (hex) and size of one file."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Golden:
    """What the model said about a picture, text or vector of the bundle when it was sealed; scores in its order."""

    path: str
    label: str
    scores: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class SealedModel:
    """A model of the bundle. `fingerprint`: runtime name to numerics fingerprint on the machine that sealed it."""

    file: str
    spec: ModelSpec
    golden: tuple[Golden, ...] = ()
    fingerprint: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A sealed bundle. Paths are relative, with `/`."""

    name: str
    version: str
    files: Mapping[str, SealedFile]
    models: Mapping[str, SealedModel]


def render_manifest(manifest: Manifest) -> bytes:
    """Return the canonical bytes of a manifest."""
    models: dict[str, Any] = {}
    for name, model in manifest.models.items():
        plain = model.spec.to_plain()
        del plain["name"]
        plain["file"] = model.file
        key = GOLDEN_KEYS[isinstance(model.spec.takes, TakesPicture)]
        plain["golden"] = [{key: g.path, "label": g.label, "scores": list(g.scores)} for g in model.golden]
        plain["fingerprint"] = dict(model.fingerprint)
        models[name] = plain
    whole = {
        "format": FORMAT,
        "name": manifest.name,
        "version": manifest.version,
        "files": {path: {"sha256": file.sha256, "bytes": file.size} for path, file in manifest.files.items()},
        "models": models,
    }
    return (json.dumps(whole, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def parse_manifest(received: bytes, where: str = FILE_NAME) -> Manifest:
    """Return the manifest that stands in these bytes.

    Raises:
        BundleError: not JSON, another format, or not whole; names `where`.
    """
    try:
        whole = json.loads(received)
        if whole["format"] != FORMAT:
            raise BundleError(f"{where}: expected format {FORMAT}, found {whole['format']}")
        files = {str(path): SealedFile(str(f["sha256"]), int(f["bytes"])) for path, f in whole["files"].items()}
        models = {str(name): _model(str(name), plain) for name, plain in whole["models"].items()}
        manifest = Manifest(str(whole["name"]), str(whole["version"]), files, models)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, ModelError) as error:
        raise BundleError(f"{where}: not a whole manifest ({error}); {MEND}") from error
    for path in files:
        if path.startswith("/") or ".." in path.split("/") or "\\" in path or "\0" in path:
            raise BundleError(f"{where}: the path {path!r} leads out of the bundle")
    for name, model in models.items():
        if model.file not in files or files[model.file].sha256 != model.spec.digest:
            raise BundleError(f"{where}: model {name}: {model.file} is not sealed with the same digest; {MEND}")
    return manifest


def _model(name: str, plain: Mapping[str, Any]) -> SealedModel:
    spec = spec_from_plain({**plain, "name": name})
    key = GOLDEN_KEYS[isinstance(spec.takes, TakesPicture)]
    golden = tuple(
        Golden(str(g[key]), str(g["label"]), tuple(float(score) for score in g["scores"])) for g in plain["golden"]
    )
    prints = {str(runtime): str(digest) for runtime, digest in plain["fingerprint"].items()}
    return SealedModel(str(plain["file"]), spec, golden, prints)


def verify_files(manifest: Manifest, read: Callable[[str], bytes], present: Collection[str] | None = None) -> None:
    """Compare every sealed file with its digest, before anything of it is parsed or loaded.

    Args:
        read: gives the bytes of a path of the manifest; raises FileNotFoundError or another OSError.
        present: all paths of the bundle, where known: one that is not sealed is refused too.

    Raises:
        BundleError: names every file that differs, what was expected and what was found, and the mend.
    """
    wrong: list[str] = []
    for path, sealed in sorted(manifest.files.items()):
        try:
            content = read(path)
        except FileNotFoundError:
            wrong.append(f"{path}: expected {sealed.size} bytes, found no such file")
            continue
        except OSError as error:
            wrong.append(f"{path}: cannot be read: {error.strerror or error}")
            continue
        found = hashlib.sha256(content).hexdigest()
        if found != sealed.sha256:
            wrong.append(
                f"{path}: expected sha256 {sealed.sha256[:16]}... ({sealed.size} bytes), "
                f"found {found[:16]}... ({len(content)} bytes)"
            )
    if present is not None:
        wrong += [f"{path}: found, but it is not sealed" for path in sorted(set(present) - set(manifest.files))]
    if wrong:
        raise BundleError(f"bundle {manifest.name} {manifest.version}: " + "; ".join(wrong) + f"; {MEND}")
