"""Which version of a runtime is installed, as its package says itself, else as it was installed."""

from __future__ import annotations

import importlib


def version_of(module: str, package: str) -> str:
    """Return the version. Raises ImportError or PackageNotFoundError where it is not installed."""
    told = getattr(importlib.import_module(module), "__version__", None)
    if isinstance(told, str) and told:
        return told
    from importlib import metadata  # here: see choose.py

    return metadata.version(package)
