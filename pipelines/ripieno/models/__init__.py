"""Models: what a model file promises, and the one chain from encoded picture to result.

In:    a ModelSpec, the bytes of its file, encoded pictures.
Out:   Inferred values; sealed manifests.
Never: files, processes, a clock of its own; numpy at the import of this door (the control process has spec.py and
       manifest.py alone).
Start: spec.py; chain.py is what a worker runs; runtimes/ hides TensorFlow Lite and LiteRT; manifest.py seals a bundle.
"""

from .manifest import Golden, Manifest, SealedFile, SealedModel, parse_manifest, render_manifest, verify_files
from .spec import Colour, Declaration, ModelSpec, Resize, Task, declaration_from_plain, spec_from_plain

__all__ = [
    "Colour",
    "Declaration",
    "Golden",
    "Manifest",
    "ModelSpec",
    "Resize",
    "SealedFile",
    "SealedModel",
    "Task",
    "declaration_from_plain",
    "parse_manifest",
    "render_manifest",
    "spec_from_plain",
    "verify_files",
]
