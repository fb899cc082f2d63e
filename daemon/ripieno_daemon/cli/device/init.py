"""`ripieno init`: a device file and a first pipeline, from a few answers."""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import asdict
from pathlib import Path

from ripieno_daemon.scanning import CAMERA, SERIAL, Found, found
from ripieno_daemon.starter import Choice, write

from ..command import CALLED_WRONGLY, OK, Command
from ..output import add_json, give

TOPIC = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dir", metavar="DIR", type=Path, default=Path("/etc/ripieno"), help="default /etc/ripieno")
    parser.add_argument("--state", metavar="DIR", type=Path, help="where state is kept (default: state/ in DIR)")
    parser.add_argument("--id", help="the device's name in its fleet (default: this machine's)")
    parser.add_argument("--site", help="where it stands (default: local)")
    parser.add_argument(
        "--port", help="the board's serial port (`ripieno scan` lists them); without one: a simulated line"
    )
    parser.add_argument("--camera", metavar="DIR", type=Path, help="the folder that the camera writes into")
    parser.add_argument(
        "--yes", action="store_true", help="ask nothing: what no option says is as the defaults have it"
    )
    parser.add_argument("--dev", type=Path, default=Path("/dev"), help=argparse.SUPPRESS)
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    if not arguments.yes and not sys.stdin.isatty():
        print("ripieno init: asks questions, and there is no terminal; give --yes for the defaults", file=sys.stderr)
        return CALLED_WRONGLY
    attached = found(arguments.dev)
    choice = _choice(arguments, attached)
    if not (TOPIC.fullmatch(choice.device) and TOPIC.fullmatch(choice.site)):
        print("ripieno init: --id and --site are letters, digits and _ . - (at most 63)", file=sys.stderr)
        return CALLED_WRONGLY
    arguments.dir.mkdir(parents=True, exist_ok=True)
    written = write(arguments.dir, choice)
    told = [f"wrote {written.device_file}", f"wrote {written.bundle}"]
    told += ["no machine is named: it runs on a simulated line"] if not choice.port else []
    told += ["", "next:", f"  ripieno check {arguments.dir}", f"  ripieno run --device {written.device_file}"]
    give(arguments, {**asdict(written), "simulated": not choice.port, "found": list(choice.found)}, "\n".join(told))
    return OK


def _choice(arguments: argparse.Namespace, attached: list[Found]) -> Choice:
    ports = [each for each in attached if each.kind == SERIAL]
    folder = arguments.dir.absolute()
    device = arguments.id or _answer(arguments, "name of this device", _own_name())
    site = arguments.site or _answer(arguments, "where it stands", "local")
    port = arguments.port
    if port is None:
        for each in ports:
            print(f"  a port: {each.name}")
        port = _answer(arguments, "the board's serial port (empty: a simulated line)", "")
    state = (arguments.state or folder / "state").absolute()
    line = str(state / "simulated")
    camera = arguments.camera
    if camera is None and port:
        camera = Path(_answer(arguments, "the folder that the camera writes into", "/var/spool/ripieno/top"))
    return Choice(
        device=device,
        site=site,
        bundle="pipelines/quality-control",
        state=str(state),
        port=port,
        camera=str(camera) if camera is not None else f"{line}/camera",
        line=line,
        found=tuple(_said(each) for each in attached if each.name != port),
    )


def _said(each: Found) -> str:
    if each.kind == CAMERA:
        return f"camera {each.name}: {{driver: v4l2, device: {each.name}}}"
    return f"serial port {each.name}: {{driver: link, port: {each.name}}}"


def _answer(arguments: argparse.Namespace, question: str, usual: str) -> str:
    if arguments.yes:
        return usual
    return input(f"{question} [{usual}]: ").strip() or usual


def _own_name() -> str:
    name = Path("/proc/sys/kernel/hostname").read_text(encoding="utf-8").strip()
    return re.sub(r"[^A-Za-z0-9_.-]", "-", name)[:63].lstrip("_.-") or "device-1"


COMMAND = Command(
    "init",
    "daily",
    "write a device file and a first pipeline, from a few answers",
    "ripieno init --yes --dir line-1        (then: ripieno run --device line-1/device.yaml)",
    _arguments,
    _run,
)
