"""Compiling: a device file becomes a plan in a child process, so that the daemon never holds YAML or pydantic.

In:    the path of a device file (or, for a check, of a bundle or a pipeline file).
Out:   a `Plan`, or `ConfigError` with every problem; a child that dies is one too, and says how.
Never: the language imported by this package's door; a model file opened.
Start: parent.py (what the daemon calls), child.py (what runs apart), drivers.py (which drivers exist).
"""

from .parent import check, compile_in_child, compile_with_sources

__all__ = ["check", "compile_in_child", "compile_with_sources"]
