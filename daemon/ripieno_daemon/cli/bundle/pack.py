"""`ripieno bundle pack`: a sealed bundle as one file that can be signed, carried and pushed."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..command import OK, Command
from ..output import add_json, give


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", metavar="DIR", help="the folder of a sealed bundle")
    parser.add_argument(
        "--counter",
        type=_counter,
        required=True,
        metavar="N",
        help="number of this release, higher than of every release before: a device never goes back below it",
    )
    parser.add_argument(
        "--changes",
        type=_share,
        default=0.0,
        metavar="SHARE",
        help="share of the golden inputs of the release before that this one may decide otherwise (0..1, usual 0)",
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="the file (usual: NAME-VERSION.bundle)")
    add_json(parser)


def _counter(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 2**53:
        raise argparse.ArgumentTypeError(f"a counter is a whole number from 1 on, got {text}")
    return value


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"a share is 0 to 1, got {text}")
    return value


def _run(arguments: argparse.Namespace) -> int:
    from ripieno_daemon.bundles.opened import open_bundle
    from ripieno_daemon.bundles.packed_file import ENDING, pack_bundle

    folder = Path(arguments.bundle)
    manifest = open_bundle(folder).manifest
    target = Path(arguments.output or f"{manifest.name}-{manifest.version}{ENDING}")
    packed = pack_bundle(folder, target, arguments.counter, arguments.changes)
    release = packed.release
    result = {
        "file": str(target),
        "digest": release.digest,
        "name": release.name,
        "version": release.version,
        "counter": release.counter,
        "bytes": packed.size,
        "files": len(release.files),
        "chunks": len(release.chunks),
    }
    text = (
        f"{target}: {release.name} {release.version}, release {release.counter}, {packed.size:,} bytes, "
        f"{len(release.files)} files in {len(release.chunks)} chunks\n"
        f"  {release.digest}\n"
        f"  not signed yet: ripieno bundle sign {target} --key FLEET/keys/operator.pem"
    )
    give(arguments, result, text)
    return OK


COMMAND = Command(
    "bundle pack",
    "author",
    "put a sealed bundle into one file, for devices to be updated with",
    "ripieno bundle pack pipelines/bundles/quality-control --counter 7 -o quality-control-7.bundle",
    _arguments,
    _run,
)
