"""Models: what a model file promises, and the one chain from a picture, a text or numbers to a result.

In:    a ModelSpec, the bytes of its file, encoded pictures, texts in UTF-8, vectors of numbers.
Out:   Inferred values; sealed manifests.
Never: files, processes, a clock of its own; numpy at the import of this door (the control process has spec.py, takes.py
       and manifest.py alone).
Start: spec.py (what it is), takes.py (what it takes); chain.py is what a worker runs, with a feed for each kind of
       input; ngrams.py says what of a text is counted; runtimes/ hides TensorFlow Lite and LiteRT; manifest.py seals
       a bundle.
"""

from .joining import join
from .manifest import Golden, Manifest, SealedFile, SealedModel, parse_manifest, render_manifest, verify_files
from .spec import Declaration, ModelSpec, Task, declaration_from_plain, spec_from_plain
from .takes import Colour, Resize, Takes, TakesNumbers, TakesPicture, TakesText

__all__ = [
    "Colour",
    "Declaration",
    "Golden",
    "Manifest",
    "ModelSpec",
    "Resize",
    "SealedFile",
    "SealedModel",
    "Takes",
    "TakesNumbers",
    "TakesPicture",
    "TakesText",
    "Task",
    "declaration_from_plain",
    "join",
    "parse_manifest",
    "render_manifest",
    "spec_from_plain",
    "verify_files",
]
