"""`ripieno schema pipeline|device`: a JSON Schema for editors."""

from __future__ import annotations

import argparse
import json

from ..command import OK, Command


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", choices=["pipeline", "device"], help="which file it describes")


def _run(arguments: argparse.Namespace) -> int:
    from ripieno.language.schema import device_schema, pipeline_schema
    from ripieno_daemon.compiling.drivers import installed_drivers

    schema = pipeline_schema() if arguments.file == "pipeline" else device_schema(installed_drivers())
    print(json.dumps(schema, indent=2, ensure_ascii=False))
    return OK


COMMAND = Command(
    "schema",
    "author",
    "print the JSON Schema of a pipeline or device file; of a device with the drivers that are installed",
    "ripieno schema pipeline > pipeline.schema.json",
    _arguments,
    _run,
)
