"""`ripieno tell`: hand a message to an input of the running daemon; it answers when the message is durable."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from ..command import CALLED_WRONGLY, Command
from .local import add_where, ask_for_a_change

LARGEST_BYTES = 65_536


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("input", metavar="INPUT", help="a message input that is bound to a device with driver inbox")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--text", metavar="TEXT", help="the field `text`; - reads it from standard input")
    what.add_argument("--body", metavar="JSON", help="all fields, as a JSON object; - reads it from standard input")
    parser.add_argument("--key", default="", help="your own name for it: what is told twice under one key counts once")
    add_where(parser)


def _run(arguments: argparse.Namespace) -> int:
    try:
        body = _body(arguments)
    except ValueError as error:
        print(f"ripieno tell: {error}", file=sys.stderr)
        return CALLED_WRONGLY
    return ask_for_a_change(arguments, "tell", input=arguments.input, body=body, key=arguments.key)


def _body(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the fields. Raises ValueError with what is wrong."""
    given = arguments.text if arguments.text is not None else arguments.body
    if given == "-":
        given = sys.stdin.buffer.read(LARGEST_BYTES + 1).decode("utf-8", "surrogateescape")
    try:
        size = len((given + arguments.key).encode())
    except UnicodeEncodeError:
        raise ValueError("the message is not UTF-8") from None
    if size > LARGEST_BYTES:
        raise ValueError(f"the message has more than {LARGEST_BYTES} bytes")
    if arguments.text is not None:
        if not given.strip():
            raise ValueError("--text: the text is empty")
        return {"text": given.removesuffix("\n") if arguments.text == "-" else given}
    from ripieno_drivers.payloads import BadPayload, read_document

    try:
        body = read_document(given.encode(), LARGEST_BYTES)
    except BadPayload as error:
        raise ValueError(f"--body: {error}") from None
    if not isinstance(body, dict) or not body:
        raise ValueError('--body: an object with fields is expected, such as {"text": "...", "customer": 4711}')
    return body


COMMAND = Command(
    "tell",
    "daily",
    "hand a message to an input of the running daemon, and wait until it is durable",
    'ripieno tell asked --body \'{"text": "Where is my card?", "customer": 4711}\' --key mail-17',
    _arguments,
    _run,
)
