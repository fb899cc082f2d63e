"""`ripieno evaluate`: how good a bundle's model is on labelled pictures, run as the daemon would run it."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from .command import OK, Command
from .output import Progress, add_json, give


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", metavar="BUNDLE", help="the bundle's folder")
    parser.add_argument(
        "--data", metavar="DIR", required=True, help="a folder with labels.csv (columns file, class; split if wanted)"
    )
    parser.add_argument("--split", help="use only rows whose column split has this value")
    parser.add_argument("--model", help="the model's name, where the bundle has several")
    parser.add_argument("--runtime", choices=["litert", "tflite"], help="where not given, LiteRT if installed")
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    from ripieno_daemon.evaluation import evaluate

    progress = Progress()
    report = evaluate(
        arguments.bundle,
        arguments.data,
        arguments.split,
        arguments.model,
        arguments.runtime,
        lambda done, whole: progress.show(f"{done} of {whole} pictures"),
    )
    progress.clear()
    plain = report.to_plain()
    give(arguments, plain, _text(plain))
    return OK


def _text(report: Mapping[str, Any]) -> str:
    low, high = report["interval"]["balanced_accuracy"]
    lines = [
        f"{report['bundle']} {report['version']}, model {report['model']} on {report['runtime']}",
        f"{report['n']} pictures: accuracy {report['accuracy']:.3f}, balanced {report['balanced_accuracy']:.3f} "
        f"(95 %: {low:.3f} to {high:.3f}, {report['groups']} groups)",
    ]
    for label, row in zip(report["labels"], report["confusion"], strict=True):
        answers = "  ".join(f"{name} {count}" for name, count in zip(report["labels"], row, strict=True))
        lines.append(f"  {label:<10} answered as  {answers}")
    windows = [f"{k}: {share:.3f}" for k, share in report["windowed"].items() if share is not None]
    lines.append(f"right verdict by most of k pictures: {', '.join(windows)}")
    lines.append(f"invoke p50 {report['invoke_ms']['p50']:.2f} ms, p99 {report['invoke_ms']['p99']:.2f} ms")
    if report["unreadable"]:
        lines.append(f"{len(report['unreadable'])} unreadable, the first: {': '.join(report['unreadable'][0])}")
    return "\n".join(lines)


COMMAND = Command(
    "evaluate",
    "author",
    "measure a bundle's model on labelled pictures",
    "ripieno evaluate pipelines/bundles/quality-control --data pictures/ --split test",
    _arguments,
    _run,
)
