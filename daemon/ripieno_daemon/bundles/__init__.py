"""Bundles: a folder with a pipeline and its models, sealed so that what runs is what was tested.

In:    a folder; the model declarations of its pipeline.
Out:   manifest.json (seal); the verified models with their places (open).
Never: a model file loaded in the calling process; a half-written manifest; a file used before its digest was compared.
Start: seal.py, opened.py; digests.py says which files belong to a bundle.
"""

from .digests import digest_files
from .inspect_model import Inspection, Inspector, inspect_model
from .opened import Bundle, PlanModels, open_bundle, open_bundles
from .seal import seal, seal_async

__all__ = [
    "Bundle",
    "Inspection",
    "Inspector",
    "PlanModels",
    "digest_files",
    "inspect_model",
    "open_bundle",
    "open_bundles",
    "seal",
    "seal_async",
]
