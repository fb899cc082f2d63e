"""`ripieno reference`: the reference pages and schemas, made from the code or compared with it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from ripieno.errors import ConfigError, Problem

from ..command import NO, OK, Command
from ..commands_page import commands_page
from ..output import add_json, give

OURS = ("ripieno_drivers.", "ripieno_sim.", "ripieno_daemon.")


def _arguments(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--write", metavar="DIR", help="write the pages into this folder")
    which.add_argument("--check", metavar="DIR", help="say which pages of this folder are not what the code says")
    add_json(parser)


def made() -> dict[str, str]:
    """Return the pages by file name: with our own drivers and commands, whatever else is installed."""
    from importlib import metadata

    from ripieno.language.reference import page, pages
    from ripieno.language.schema import device_schema, pipeline_schema
    from ripieno_daemon.compiling.drivers import GROUP, installed_drivers

    own = {point.name for point in metadata.entry_points(group=GROUP) if point.value.startswith(OURS)}
    installed = installed_drivers()
    drivers = {name: installed[name] for name in sorted(own)}
    schemas = {"pipeline.schema.json": pipeline_schema(), "device.schema.json": device_schema(drivers)}
    return {
        **pages(drivers),
        "commands.md": page(commands_page(OURS)),
        **{name: json.dumps(one, indent=2, ensure_ascii=False) + "\n" for name, one in schemas.items()},
    }


def stale(folder: Path, pages: dict[str, str]) -> Iterator[str]:
    """Yield the names of the pages that the folder does not have as they should be."""
    for name, text in pages.items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            yield name


def _run(arguments: argparse.Namespace) -> int:
    pages = made()
    folder = Path(arguments.write or arguments.check)
    if not folder.is_dir():
        raise ConfigError([Problem(str(folder), 0, 0, "", "no such folder")])
    old = list(stale(folder, pages))
    if arguments.write:
        for name in old:
            (folder / name).write_text(pages[name], encoding="utf-8")
        text = "\n".join([*(f"{folder / name}: written" for name in old), f"{len(pages)} pages, {len(old)} changed"])
        give(arguments, {"folder": str(folder), "pages": list(pages), "written": old}, text)
        return OK
    mend = f"ripieno reference --write {folder}"
    text = "\n".join([*(f"{folder / name}: is not what the code says" for name in old), mend if old else "all fresh"])
    give(arguments, {"folder": str(folder), "pages": list(pages), "stale": old}, text)
    return NO if old else OK


COMMAND = Command(
    "reference",
    "author",
    "write the reference pages of the files and commands, or say which are out of date",
    "ripieno reference --check docs/reference",
    _arguments,
    _run,
)
