"""The language: pipeline and device files in, a plan out, or every problem that they have.

In:    paths, a `read(path) -> bytes`, the drivers by name.
Out:   a `Plan`, or `ConfigError` with `file:line:column: path: message (hint)` for each problem of each file.
Never: I/O of its own, a model file opened (they are only hashed), anything at run time: the daemon's control
process does not import it.
Start: compile.py; pipeline.py and device.py bring together: source.py (YAML), shape.py and sections (keys),
       expressions, steps, rule_lines.py.
"""

from .compile import check_pipeline, compile_device
from .problems import as_maps, as_text

__all__ = ["as_maps", "as_text", "check_pipeline", "compile_device"]
