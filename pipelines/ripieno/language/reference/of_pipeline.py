"""The page of pipeline.yaml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .. import pipeline_file, scanning, source
from ..describing import about, meaning_of
from ..hints import extras_of, hints_of
from ..problems import MOST_TOLD
from ..sections.words import Entries
from ..workflows import DEEPEST, MOST_STEPS
from .markdown import fields, inner, intro, name_of, section, table


def pipeline() -> Iterator[str]:
    """Yield the lines."""
    cls = pipeline_file.PipelineFile
    yield "# pipeline.yaml"
    yield ""
    yield from intro(
        about(cls)
        + " [pipelines.md](../pipelines.md) teaches it step by step; [expressions.md](expressions.md) says what "
        "can stand in conditions. Editors check a file as you write with [pipeline.schema.json](pipeline.schema.json); "
        "`ripieno check` says everything that is wrong in it."
    )
    yield (
        "Names are a letter, then letters, digits and `_`, 63 at most, without `__`. A quantity is a number with its "
        "unit: `60ms`, `5%`, `120mm`. YAML 1.2: only `true` and `false` are truth values; `on`, `no`, `yes` are texts. "
        "Anchors, aliases, tags and directives are refused."
    )
    yield ""
    yield from section(cls)
    for key, hint in hints_of(cls).items():
        entries = next((one for one in extras_of(hint) if isinstance(one, Entries)), None)
        if entries is None:
            continue
        yield f"## {key}"
        yield ""
        yield meaning_of(hint)[0].upper() + meaning_of(hint)[1:] + "."
        yield ""
        yield from _entries(key, entries)
    yield from _limits()


def _entries(key: str, entries: Entries) -> Iterator[str]:
    """Yield the classes of a section, each with those that it holds."""
    some = entries.of
    if isinstance(some, Mapping):
        kind = "kind: {}" if entries.by == "kind" else "{}"
        classes = [(kind.format(name), cls) for name, cls in some.items()]
    elif isinstance(some, tuple):
        classes = [(name_of(cls), cls) for cls in some]
    else:
        classes = [("", some)]
    for title, cls in classes:
        if title:
            yield f"### `{title}`" if isinstance(some, Mapping) else f"### {title}"
            yield ""
        yield from intro(about(cls))
        yield from fields(cls)
        yield from section(cls)
        yield from inner(cls)


def _limits() -> Iterator[str]:
    yield "## How much"
    yield ""
    rows = [
        (
            "a file",
            f"{source.MAX_BYTES} bytes, {scanning.MAX_NODES} values of {scanning.MAX_LETTERS} letters together, "
            f"{scanning.MAX_DEPTH} levels deep",
        ),
        ("a section", f"{pipeline_file.MOST} entries"),
        ("steps, with workflows unfolded", f"{MOST_STEPS}; workflows {DEEPEST} deep"),
        ("problems told of a file", str(MOST_TOLD)),
    ]
    yield from table(("of", "at most"), rows)
