"""`ripieno evaluate`: how good a bundle's classifier is on labelled data, run as the daemon would run it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ..command import NO, OK, Command
from ..output import Progress, add_json, give

FEW_LABELS: Final = 12  # more do not fit a terminal as a table of confusion


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", metavar="BUNDLE", help="the bundle's folder")
    parser.add_argument(
        "--data",
        metavar="DIR",
        required=True,
        help="a folder with labels.csv, or a file for each split (test.csv); columns: file (a picture), text, or the "
        "fields of the model; class or category; split; group",
    )
    parser.add_argument("--split", help="use only rows whose column split has this value, or the file of this name")
    parser.add_argument("--model", help="the model's name, where the bundle has several")
    parser.add_argument("--runtime", choices=["litert", "tflite"], help="where not given, LiteRT if installed")
    parser.add_argument("--at-least", metavar="SHARE", type=share, help="exit code 1 if the accuracy is lower (0 to 1)")
    add_json(parser)


def share(written: str) -> float:
    share = float(written)
    if not 0 <= share <= 1:
        raise ValueError
    return share


def _run(arguments: argparse.Namespace) -> int:
    from ripieno_daemon.evaluation import evaluate

    progress = Progress()
    report = evaluate(
        arguments.bundle,
        arguments.data,
        arguments.split,
        arguments.model,
        arguments.runtime,
        lambda done, whole: progress.show(f"{done} of {whole}"),
    )
    progress.clear()
    plain = report.to_plain()
    give(arguments, plain, _text(plain))
    return NO if arguments.at_least is not None and report.accuracy < arguments.at_least else OK


def _text(report: Mapping[str, Any]) -> str:
    low, high = report["interval"]["balanced_accuracy"]
    lines = [
        f"{report['bundle']} {report['version']}, model {report['model']} on {report['runtime']}",
        f"{report['n']} answers: accuracy {report['accuracy']:.3f}, balanced {report['balanced_accuracy']:.3f} "
        f"(95 %: {low:.3f} to {high:.3f}, {report['groups']} groups)",
        *(_confusion(report) if len(report["labels"]) <= FEW_LABELS else _worst(report)),
    ]
    windows = [f"{k}: {share:.3f}" for k, share in report["windowed"].items() if share is not None]
    if windows:
        lines.append(f"right verdict by most of k pictures: {', '.join(windows)}")
    taken = [one for one in report["by_score"] if one["accuracy"] is not None]
    lines.append("taken from a score of  " + "  ".join(f"{one['at_least']:.2f}" for one in taken))
    lines.append("  share of answers     " + "  ".join(f"{one['share']:.2f}" for one in taken))
    lines.append("  accuracy of these    " + "  ".join(f"{one['accuracy']:.2f}" for one in taken))
    for what, times in (("to the tensor", report["decode_ms"]), ("invoke", report["invoke_ms"])):
        lines.append(f"{what} p50 {times['p50']:.2f} ms, p99 {times['p99']:.2f} ms")
    if report["unreadable"]:
        lines.append(f"{len(report['unreadable'])} unreadable, the first: {': '.join(report['unreadable'][0])}")
    return "\n".join(lines)


def _confusion(report: Mapping[str, Any]) -> Iterator[str]:
    for label, row in zip(report["labels"], report["confusion"], strict=True):
        answers = "  ".join(f"{name} {count}" for name, count in zip(report["labels"], row, strict=True))
        yield f"  {label:<10} answered as  {answers}"


def _worst(report: Mapping[str, Any]) -> Iterator[str]:
    yield f"{len(report['labels'])} labels; those missed most (all are in --json):"
    for one in report["worst"]:
        yield f"  {one['recall']:.2f} of {one['n']:<4} {one['label']}, taken for {one['taken_for']}"


COMMAND = Command(
    "evaluate",
    "author",
    "measure a bundle's classifier on labelled pictures, texts or numbers",
    "ripieno evaluate pipelines/bundles/quality-control --data pictures/ --split test",
    _arguments,
    _run,
)
