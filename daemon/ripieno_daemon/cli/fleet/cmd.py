"""`ripieno fleet cmd`: ask one device to do something, and wait for its answer."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..command import NO, OK, Command
from ..output import Progress, add_json, give
from .connection import add_fleet, add_keys, with_console, wrongly
from .show import plain

if TYPE_CHECKING:
    from ripieno_daemon.console import Console

SHOWN_BYTES = 64


def _arguments(parser: argparse.ArgumentParser) -> None:
    from ripieno_daemon.orders.kinds import KINDS

    add_fleet(parser)
    parser.add_argument("device", metavar="DEVICE")
    parser.add_argument("kind", metavar="KIND", help=f"one of {', '.join(KINDS)}")
    parser.add_argument(
        "args", metavar="NAME=VALUE", nargs="*", help="its arguments; @FILE takes a file's content, {...} is JSON"
    )
    parser.add_argument(
        "--valid", type=float, metavar="S", help="seconds for which it may be begun (default 30, or less)"
    )
    parser.add_argument("--save", metavar="FILE", help="where the picture of a `snapshot` goes")
    add_keys(parser)
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    from ripieno_daemon.orders.kinds import KINDS

    kind = KINDS.get(arguments.kind)
    if kind is None:
        return wrongly(arguments, f"there is no kind {arguments.kind!r}; there are {', '.join(KINDS)}")
    try:
        args = {name: _value(name, text, {**kind.must, **kind.may}) for name, text in map(_split, arguments.args)}
    except (ValueError, OSError) as error:
        return wrongly(arguments, str(error))
    problem = kind.problem(args)
    if problem:
        return wrongly(arguments, problem)
    return order(arguments, arguments.kind, args, arguments.valid)


def order(arguments: argparse.Namespace, kind: str, args: dict[str, Any], valid_s: float | None) -> int:
    """Connect, send one order and give its answer; exit code 0 only if it was done."""

    async def work(console: Console) -> int:
        await console.ready(device=arguments.device)
        return await ask_and_tell(console, arguments, kind, args, valid_s)

    return with_console(arguments, work)


async def ask_and_tell(
    console: Console, arguments: argparse.Namespace, kind: str, args: dict[str, Any], valid_s: float | None
) -> int:
    """Send one order and give its answer; exit code 0 only if it was done."""
    progress = Progress()
    answer = await console.ask(
        arguments.device,
        kind,
        args,
        valid_s=valid_s,
        on_progress=lambda text: progress.show(f"{arguments.device}: {text}"),
    )
    progress.clear()
    told = plain(_kept(dict(answer), getattr(arguments, "save", None)))
    text = f"{arguments.device} {kind}: {told['state']}"
    if told.get("reason"):
        text += f" ({told['reason']}): {told.get('text', '')}"
    if told.get("result"):
        text += "\n" + json.dumps(told["result"], indent=2, ensure_ascii=False)
    give(arguments, {"device": arguments.device, **told}, text)
    return OK if told["state"] == "DONE" else NO


def _kept(answer: dict[str, Any], save: str | None) -> dict[str, Any]:
    """Return an answer with its bytes in a file, or with how many there are: nobody reads 200 kB of hex."""
    result = answer.get("result")
    if not isinstance(result, dict):
        return answer
    kept = dict(result)
    for name, value in result.items():
        if isinstance(value, bytes) and len(value) > SHOWN_BYTES:
            if save is not None:
                Path(save).write_bytes(value)
            kept[name] = save or f"{len(value)} bytes (--save FILE keeps them)"
    return {**answer, "result": kept}


def _split(word: str) -> tuple[str, str]:
    name, equals, text = word.partition("=")
    if not equals:
        raise ValueError(f"{word!r} should be NAME=VALUE")
    return name, text


def _value(name: str, text: str, kinds: dict[str, type]) -> Any:
    wanted = kinds.get(name, str)
    if text.startswith("@"):
        content = Path(text[1:]).read_bytes()
        return content if wanted is bytes else _value(name, content.decode(), kinds)
    try:
        if wanted is bytes:
            return bytes.fromhex(text)
        if wanted is int:
            return int(text)
        return json.loads(text) if wanted is dict else text
    except ValueError as error:
        raise ValueError(f"{name}: {text!r} is no {wanted.__name__} ({error})") from None


COMMAND = Command(
    "fleet cmd",
    "operate",
    "ask a device to do something (status, why, apply, stop ...) with a signed order, and wait for its answer",
    "ripieno fleet cmd plant line-3 why id='part 12'",
    _arguments,
    _run,
)
