"""`ripieno scan`: the serial ports and cameras of this machine, and how to name them in a device file."""

from __future__ import annotations

import argparse
import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ripieno.errors import DeviceError
from ripieno_daemon.ports import SystemClock, SystemEntropy
from ripieno_daemon.scanning import CAMERA, SERIAL, USUAL_BAUDS, Answer, Found, found, holders, probe

from ..command import OK, Command
from ..output import Progress, add_json, give


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--probe",
        action="store_true",
        help="ask each serial port that is free for a board (some devices restart when their port is opened)",
    )
    parser.add_argument("--baud", type=int, action="append", help="a speed to ask at; may be given more than once")
    parser.add_argument("--dev", type=Path, default=Path("/dev"), help="where devices are (default /dev)")
    parser.add_argument("--proc", type=Path, default=Path("/proc"), help="where processes are (default /proc)")
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    progress = Progress()
    told = []
    for each in found(arguments.dev):
        taken_by = holders(arguments.proc, each.node)
        entry: dict[str, Any] = {**asdict(each), "name": each.name, "note": each.note, "taken_by": taken_by}
        if arguments.probe and each.kind == SERIAL:
            progress.show(f"asking {each.name}")
            entry |= _asked(each, taken_by, tuple(arguments.baud or USUAL_BAUDS))
        told.append(entry | {"device_yaml": _device_yaml(each, entry)})
    progress.clear()
    give(arguments, {"devices": told}, "\n".join(map(_text, told)) or "no serial port and no camera was found")
    return OK


def _asked(each: Found, taken_by: list[str], bauds: tuple[int, ...]) -> dict[str, Any]:
    """Return what a port answers; one that is taken is not asked."""
    from ripieno_drivers.link.port import SerialLines

    if taken_by:
        return {"answer": None, "not_asked": f"taken by {', '.join(taken_by)}"}
    try:
        answer = asyncio.run(probe(each.node, SerialLines(), SystemClock(), SystemEntropy(), bauds))
    except DeviceError as error:
        return {"answer": None, "not_asked": str(error)}
    return {"answer": None if answer is None else _plain(answer)}


def _plain(answer: Answer) -> dict[str, Any]:
    if answer.board is None:
        return {"baud": answer.baud, "says": answer.says}
    board = answer.board
    return {
        "baud": answer.baud,
        "driver": "link",
        "uid": board.device_uid.hex(),
        "config_crc": board.config_crc,
        "fw_id": board.fw_id,
        "last_cmd_id": board.last_cmd_id,
    }


def _device_yaml(each: Found, entry: dict[str, Any]) -> str:
    """Return the settings that name this device, as they stand in a device file."""
    if each.kind == CAMERA:
        return f"device: {each.name}"
    answer = entry.get("answer") or {}
    if "uid" not in answer:
        return f"port: {each.name}"
    return (
        f'driver: link, port: {each.name}, baud: {answer["baud"]}, uid: "{answer["uid"]}", '
        f"config_crc: {answer['config_crc']}"
    )


def _text(entry: dict[str, Any]) -> str:
    lines = [f"{entry['kind']}  {entry['name']}" + (f"  -> {entry['node']}" if entry["name"] != entry["node"] else "")]
    if entry["taken_by"]:
        lines.append(f"    in use by {', '.join(entry['taken_by'])}")
    if entry["note"]:
        lines.append(f"    {entry['note']}")
    if "answer" in entry:
        lines.append(f"    {_answered(entry)}")
    return "\n".join([*lines, f"    {{{entry['device_yaml']}}}"])


def _answered(entry: dict[str, Any]) -> str:
    answer = entry["answer"]
    if answer is None:
        return f"not asked: {entry['not_asked']}" if "not_asked" in entry else "no board answers"
    if "says" in answer:
        return f"no board, but text at {answer['baud']} baud: {answer['says']}"
    return f"a board answers at {answer['baud']} baud: uid {answer['uid']}, firmware {answer['fw_id']:#010x}"


COMMAND = Command(
    "scan",
    "daily",
    "list the serial ports and cameras of this machine, and how to name them in a device file",
    "ripieno scan --probe        (asks each free port for a board, 1 s each)",
    _arguments,
    _run,
)
