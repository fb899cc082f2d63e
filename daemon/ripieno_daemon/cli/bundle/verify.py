"""`ripieno bundle verify`: whether a bundle is whole, as sealed, and signed by who may."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ripieno.errors import BundleError

from ..command import NO, OK, Command
from ..output import add_json, give


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", metavar="BUNDLE", help="a packed bundle, or the folder of a sealed one")
    parser.add_argument(
        "--device", metavar="DIR", help="the enrolled folder of a device (root.pub, policy.signed): may it load this?"
    )
    parser.add_argument("--fleet", metavar="NAME", help="the fleet's name in that policy (usual: what the policy says)")
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    path = Path(arguments.bundle)
    if path.is_dir():
        return _folder(arguments, path)
    from ripieno_daemon.bundles.packed_file import check_contents, open_packed

    packed = open_packed(path)
    check_contents(packed)
    release = packed.release
    result: dict[str, Any] = {
        "bundle": str(path),
        "digest": release.digest,
        "name": release.name,
        "version": release.version,
        "counter": release.counter,
        "order": f"{release.digest}:{len(packed.head)}",
        "files": len(release.files),
        "signatures": sorted(packed.signatures),
    }
    lines = [
        f"{path}: whole and as sealed: {release.name} {release.version}, release {release.counter}",
        f"  to plan it: ripieno fleet cmd FLEET DEVICE plan bundle={result['order']}",
    ]
    answer = OK
    if arguments.device is None:
        result["accepted_by"] = None
        signed = ", ".join(sorted(packed.signatures)) or "none"
        lines.append(f"  signatures: {signed} (--device DIR says whether a device takes it)")
    else:
        result["accepted_by"], why = _accepted(packed, Path(arguments.device), arguments.fleet)
        answer = OK if result["accepted_by"] else NO
        lines.append(
            f"  the device takes it: signed by {', '.join(result['accepted_by'])}"
            if not why
            else f"  REFUSED by the device: {why}"
        )
        result["why"] = why
    give(arguments, result, "\n".join(lines))
    return answer


def _accepted(packed: Any, folder: Path, fleet: str | None) -> tuple[list[str], str]:
    from ripieno_daemon.bundles.packed_file import parse_head
    from ripieno_daemon.bundles.signed import accepted_signers
    from ripieno_daemon.trust import BadSeal, read_policy
    from ripieno_daemon.trust.enrolled import read_enrolled
    from ripieno_daemon.trust.policy import fleet_in

    enrolled = read_enrolled(str(folder / "root.pub"), str(folder / "policy.signed"))
    try:
        policy = read_policy(enrolled.policy, enrolled.root_public, fleet or fleet_in(enrolled.policy))
        rules = accepted_signers(parse_head(packed.head), policy, folder.absolute().name)
    except BadSeal as error:
        return [], str(error)
    return [rule.name for rule in rules], ""


def _folder(arguments: argparse.Namespace, path: Path) -> int:
    from ripieno_daemon.bundles.opened import open_bundle

    if arguments.device is not None:
        raise BundleError(f"{path}: a folder carries no signature; pack it first (`ripieno bundle pack {path}`)")
    manifest = open_bundle(path).manifest
    result = {"bundle": str(path), "name": manifest.name, "version": manifest.version, "files": len(manifest.files)}
    give(arguments, result, f"{path}: as sealed: {manifest.name} {manifest.version}, {len(manifest.files)} files")
    return OK


COMMAND = Command(
    "bundle verify",
    "author",
    "say whether a bundle is whole and as sealed, and whether a device would take it",
    "ripieno bundle verify quality-control-7.bundle --device plant/devices/line-1",
    _arguments,
    _run,
)
