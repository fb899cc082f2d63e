"""`ripieno bundle seal`: writes the manifest that everything is compared with before it is loaded."""

from __future__ import annotations

import argparse
from pathlib import Path

from ripieno.errors import BundleError

from ..command import NO, OK, Command
from ..output import add_json, give


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", metavar="DIR", help="the bundle's folder, with pipeline.yaml in it")
    parser.add_argument("--runtime", choices=["litert", "tflite"], help="the runtime that looks at the golden inputs")
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    import asyncio

    from ripieno.language.declared import declared_models
    from ripieno_daemon.bundles import seal
    from ripieno_daemon.compiling import check

    bundle = Path(arguments.bundle)
    if not bundle.is_dir():
        raise BundleError(f"{bundle}: no such folder")
    declared = declared_models(str(bundle), lambda path: Path(path).read_bytes())
    manifest = seal(bundle, declared.models, name=declared.name, version=declared.version, runtime=arguments.runtime)
    problems = asyncio.run(check(str(bundle)))
    lines = [f"{bundle / 'manifest.json'}: {len(manifest.files)} files, {len(manifest.models)} models"]
    for name, model in manifest.models.items():
        lines.append(f"  {name}: {model.spec.digest[:16]}…, {len(model.golden)} golden inputs")
    lines += [str(problem) for problem in problems]
    result = {
        "manifest": str(bundle / "manifest.json"),
        "files": len(manifest.files),
        "models": {name: model.spec.digest for name, model in manifest.models.items()},
        "errors": [str(problem) for problem in problems],
    }
    give(arguments, result, "\n".join(lines))
    return NO if problems else OK


COMMAND = Command(
    "bundle seal",
    "author",
    "write a bundle's manifest: digests, tensors, and what its models say of the golden inputs",
    "ripieno bundle seal pipelines/bundles/quality-control",
    _arguments,
    _run,
)
