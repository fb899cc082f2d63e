"""What commands print: text for people, JSON for programs, progress on a terminal."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add `--json F` (a file, or - for standard output)."""
    parser.add_argument(
        "--json", metavar="FILE", help="write the result as JSON to FILE, or to standard output if FILE is -"
    )


def give(arguments: argparse.Namespace, result: dict[str, Any], text: str) -> None:
    """Write the result where it was asked for: JSON to a file or to standard output, else the text.

    With `--json -` only JSON goes to standard output, and the text to standard error.
    """
    target: str | None = arguments.json
    if target == "-":
        print(json.dumps(result, indent=2, ensure_ascii=False))
        return
    if target is not None:
        Path(target).write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    if text:
        print(text)


class Progress:
    """One line on standard error that is written over; nothing where that is no terminal."""

    def __init__(self) -> None:
        self._shown = False
        self._live = sys.stderr.isatty()

    def show(self, text: str) -> None:
        """Show how far it is."""
        if self._live:
            self._shown = True
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        """Print a line that stays."""
        self.clear()
        print(text, file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            self._shown = False
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
