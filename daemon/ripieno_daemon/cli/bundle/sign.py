"""`ripieno bundle sign`: a key's signature over everything that a packed bundle holds."""

from __future__ import annotations

import argparse
from pathlib import Path

from ripieno.errors import BundleError

from ..command import OK, Command
from ..output import add_json, give


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help="what `ripieno bundle pack` wrote")
    parser.add_argument(
        "--key", metavar="KEY", required=True, help="an Ed25519 private key in PEM (`fleet key` makes one)"
    )
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    from ripieno_daemon.bundles.packed_file import with_signature
    from ripieno_daemon.trust import Signer

    key_file = Path(arguments.key)
    try:
        key = Signer.from_pem(key_file.read_bytes(), str(key_file))
    except OSError as error:
        raise BundleError(f"{key_file}: cannot be read: {error.strerror or error}") from error
    packed = with_signature(Path(arguments.file), key)
    result = {
        "file": arguments.file,
        "digest": packed.release.digest,
        "key": key.id,
        "signatures": sorted(packed.signatures),
    }
    give(arguments, result, f"{arguments.file}: signed by key {key.id}; {len(packed.signatures)} signatures in all")
    return OK


COMMAND = Command(
    "bundle sign",
    "author",
    "sign a packed bundle; devices load nothing that is not signed by a key of their policy",
    "ripieno bundle sign quality-control-7.bundle --key plant/keys/operator.pem",
    _arguments,
    _run,
)
