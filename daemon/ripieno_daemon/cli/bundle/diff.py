"""`ripieno bundle diff`: what one bundle changes of another, before it goes anywhere."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..command import NO, OK, Command
from ..output import add_json, give


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("before", metavar="BEFORE", help="a folder, or a packed bundle")
    parser.add_argument("after", metavar="AFTER", help="another")
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    from ripieno_daemon.bundles.differing import compare, side

    result = compare(side(Path(arguments.before)), side(Path(arguments.after)))
    give(arguments, result, _text(result))
    return OK if result["same"] else NO


def _text(result: dict[str, Any]) -> str:
    old, new = result["from"], result["to"]
    lines = [f"{old['name']} {old['version']} ({old['path']}) -> {new['name']} {new['version']} ({new['path']})"]
    if result["same"]:
        lines.append("nothing differs")
    for what, files in result["files"].items():
        lines += [f"  file {what}: {one['path']} ({one['bytes']:,} bytes)" for one in files]
    lines += [f"  model {one['model']}: {one['what']}" for one in result["models"]]
    lines += [f"  {line}" for line in result["pipeline"]]
    return "\n".join(lines)


COMMAND = Command(
    "bundle diff",
    "author",
    "list the files, models and rules that differ between two bundles; exit code 1 if any does",
    "ripieno bundle diff pipelines/bundles/quality-control quality-control-7.bundle",
    _arguments,
    _run,
)
