"""A sealed bundle, opened: every digest compared first, then the models with their places for a pool."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ripieno.errors import BundleError
from ripieno.models.manifest import FILE_NAME, MEND, Manifest, SealedModel, parse_manifest, verify_files
from ripieno.plan import Plan
from ripieno_daemon.workers.parts import GoldenCase, PooledModel

from .files import read_bytes, walk


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle whose files are what its manifest says; `models` is what a WorkerPool takes."""

    folder: Path
    manifest: Manifest
    models: Mapping[str, PooledModel]


def open_bundle(folder: Path | str) -> Bundle:
    """Return a verified bundle.

    Raises:
        BundleError: not sealed, or a file differs, is missing or was added; names each and the mend.
    """
    place = Path(folder).absolute()
    paths = [path for path in walk(place) if path != FILE_NAME]
    try:
        received = read_bytes(place / FILE_NAME)
    except FileNotFoundError as error:
        raise BundleError(f"{place}: expected {FILE_NAME}, found none: the bundle is not sealed; {MEND}") from error
    except OSError as error:
        raise BundleError(f"{place / FILE_NAME}: cannot be read: {error.strerror or error}") from error
    manifest = parse_manifest(received, str(place / FILE_NAME))
    verify_files(manifest, lambda path: read_bytes(place / path), paths)
    return Bundle(place, manifest, {name: pooled(place, model) for name, model in manifest.models.items()})


@dataclass(frozen=True, slots=True)
class PlanModels:
    """The models of all bundles of a plan, named as in its joined pipeline; what a WorkerPool takes."""

    models: Mapping[str, PooledModel]


def open_bundles(plan: Plan) -> PlanModels:
    """Open every bundle of a plan.

    Raises:
        BundleError: as open_bundle; or a bundle is not the one that the plan was made from.
    """
    found: dict[str, PooledModel] = {}
    for pipeline in plan.pipelines:
        bundle = open_bundle(pipeline.bundle)
        before = f"{pipeline.name}/" if len(plan.pipelines) > 1 else ""
        for model in pipeline.models:
            sealed = bundle.manifest.models.get(model.name)
            if sealed is None or sealed.spec.digest != model.sha256:
                what = f"model {model.name} is not the one that the plan was made with; start again"
                raise BundleError(f"{bundle.folder}: {what}")
            found[f"{before}{model.name}"] = bundle.models[model.name]
    return PlanModels(found)


def pooled(folder: Path, model: SealedModel) -> PooledModel:
    """Return a sealed model with the absolute places of its file and golden inputs."""
    golden = tuple(GoldenCase(str(folder / g.path), g.label, g.scores) for g in model.golden)
    return PooledModel(model.spec, str(folder / model.file), golden)
