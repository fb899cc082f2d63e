"""The language: pipeline and device files in, a plan out, or every problem that they have.

In:    paths, a `read(path) -> bytes`, the drivers by name.
Out:   a `Plan`, or `ConfigError` with `file:line:column: path: message (hint)` for each problem of each file.
Never: I/O of its own, a model file opened (they are only hashed), anything at run time: the daemon's control
process does not import it.
Start: compile.py; source.py (YAML), shape.py (sections), grammar.py (expressions), pipeline.py and device.py
(meaning).
"""

from .compile import check_pipeline, compile_device
from .problems import as_maps, as_text

__all__ = ["as_maps", "as_text", "check_pipeline", "compile_device"]
