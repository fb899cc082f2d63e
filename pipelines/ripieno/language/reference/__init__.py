"""The reference pages of the files, in Markdown, from the classes and tables that check them.

In:    the drivers that devices may have. Out: pages by file name; the same code gives the same text.
Never: a sentence that a class or a table can say itself.
Start: of_pipeline.py, of_device.py, of_expressions.py; markdown.py makes a table of a section.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ripieno.contracts.driver import Driver

from .markdown import table
from .of_device import device
from .of_expressions import expressions
from .of_pipeline import pipeline

MADE = "<!-- Made by `ripieno reference --write docs/reference` from the code. Changes here are lost. -->\n"


def pages(drivers: Mapping[str, Driver]) -> dict[str, str]:
    """Return the pages by file name."""
    return {
        "pipeline.md": page(pipeline()),
        "device.md": page(device(drivers)),
        "expressions.md": page(expressions()),
    }


def page(lines: Iterator[str]) -> str:
    """Return a page that says where it comes from."""
    return MADE + "\n" + "\n".join(lines).rstrip() + "\n"


__all__ = ["page", "pages", "table"]
