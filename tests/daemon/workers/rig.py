"""Pools over tiny models, for the tests of workers, bundles and evaluation."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
from models.tiny_model import LABELS, tiny_model

from ripieno.contracts.runtime import Tensor
from ripieno.models import Declaration, join
from ripieno_daemon.workers import PooledModel

TAKEN = Tensor("picture", "int8", (1, 8, 8, 3), 1 / 255, -128)
GIVEN = Tensor("scores", "int8", (1, 3), 1 / 256, -128)
BGR = {"red": (0, 0, 255), "green": (0, 255, 0), "blue": (255, 0, 0)}


def pooled_tiny(folder: Path, name: str = "tiny") -> PooledModel:
    """Write a tiny model and return it as a pool takes it."""
    content = tiny_model()
    path = folder / f"{name}.tflite"
    path.write_bytes(content)
    spec = join(Declaration(name, path.name, LABELS), hashlib.sha256(content).hexdigest(), [TAKEN], [GIVEN])
    return PooledModel(spec, str(path))


def painted(folder: Path, colour: str, name: str | None = None) -> str:
    """Write a picture of one colour; return its path."""
    path = folder / f"{name or colour}.png"
    path.write_bytes(cv2.imencode(".png", np.full((24, 32, 3), BGR[colour], np.uint8))[1].tobytes())
    return str(path)
