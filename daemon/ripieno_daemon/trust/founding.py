"""The folder of a fleet, on the computer of who runs it: authority, keys, policy, the broker's files, one folder for
each device. Whoever has it commands the fleet.

    fleet.json              name, hosts, devices and their certificates' numbers
    authority/              ca.pem ca.key revoked.pem           signs certificates
    keys/                   root.pem (signs the policy) root.pub operator.pem (signs commands)
    policy.toml policy.signed
    broker/                 mosquitto.conf acl broker.pem broker.key ca.pem revoked.pem
    consumer/ registrar/ console-N/     NAME.pem NAME.key ca.pem
    devices/ID/             device.pem device.key ca.pem policy.signed root.pub: goes to the device, then away from here

A new folder is made beside its place and moved there whole. Files are 0600, folders 0700.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from getpass import getuser
from pathlib import Path
from typing import Any, Final

from ripieno.contracts.ports import Clock
from ripieno.errors import RipienoError

from ..fleet.topics import check_name
from . import broker_files, certificates, policy_text
from .certificates import Pair
from .keys import Signer
from .policy import KeyRule, Policy, read_policy, sign_policy

SERVER_DAYS: Final = 825
PEOPLE_DAYS: Final = 825
DEVICE_DAYS: Final = 397


class NoFleet(RipienoError):
    """A folder that is no fleet's, or cannot be one; the message names the mend."""


class FleetFolder:
    """An existing folder. Opened with `open`, made with `found`."""

    def __init__(self, root: Path, clock: Clock) -> None:
        self.root, self._clock = root, clock
        try:
            self._state: dict[str, Any] = json.loads((root / "fleet.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise NoFleet(f"{root}: no fleet here (make one: ripieno fleet init {root})") from None
        except (OSError, ValueError) as error:
            raise NoFleet(f"{root}/fleet.json: {error}") from error

    @property
    def fleet(self) -> str:
        """The fleet's name: a level of its topics."""
        return str(self._state["fleet"])

    @property
    def hosts(self) -> Sequence[str]:
        """Where the broker is reached."""
        return list(self._state["hosts"])

    @property
    def port(self) -> int:
        """The broker's port."""
        return int(self._state["port"])

    @property
    def devices(self) -> Mapping[str, Mapping[str, Any]]:
        """Each device's {serial, until_s, revoked}."""
        return dict(self._state["devices"])

    def client(self, name: str) -> tuple[Path, Path, Path]:
        """Return the files (authority, certificate, key) of `consumer`, `registrar` or `console-N`."""
        folder = self.root / name
        return folder / "ca.pem", folder / f"{name}.pem", folder / f"{name}.key"

    def signer(self, name: str) -> Signer:
        """Return the key `root` or `operator`, or the one in a file."""
        path = Path(name) if "/" in name or name.endswith(".pem") else self.root / "keys" / f"{name}.pem"
        try:
            return Signer.from_pem(path.read_bytes(), str(path))
        except OSError as error:
            raise NoFleet(f"{path}: {error.strerror}") from error

    @property
    def root_public(self) -> bytes:
        """The public root key: enrolling and pushing work while `root.pem` lies in a drawer.

        Raises:
            NoFleet: keys/root.pub is not there or is none.
        """
        path = self.root / "keys" / "root.pub"
        try:
            return bytes.fromhex(path.read_text(encoding="ascii"))
        except (OSError, ValueError) as error:
            raise NoFleet(f"{path}: {error}") from error

    @property
    def policy(self) -> Policy:
        """The policy that was signed last.

        Raises:
            NoFleet: it cannot be read. BadSeal: the root key has not signed it.
        """
        path = self.root / "policy.signed"
        try:
            signed = path.read_bytes()
        except OSError as error:
            raise NoFleet(f"{path}: {error.strerror} (ripieno fleet policy {self.root})") from error
        return read_policy(signed, self.root_public, self.fleet)

    def enrol(self, device: str, days: int = DEVICE_DAYS, request: bytes | None = None) -> Path:
        """Return the new folder of a device; its earlier certificate is revoked. With `request` no key is made here.

        Raises:
            NoFleet: a name that stands for something else.
            BadCertificate: the request is none.
        """
        _check_device(device)
        authority, now_s = self._authority(), self._now_s()
        if request is None:
            pair = certificates.new_client(authority, device, now_s, days)
        else:
            pair = Pair(certificates.certify_request(authority, request, device, now_s, days), b"")
        told = certificates.read_certificate(pair.certificate)
        known = self._state["devices"].get(device)
        if known is not None and not known["revoked"]:
            self._state["revoked"].append(known["serial"])
        self._state["devices"][device] = {"serial": told.serial, "until_s": told.until_s, "revoked": False}
        files = {
            "ca.pem": authority.certificate,
            "device.pem": pair.certificate,
            "policy.signed": (self.root / "policy.signed").read_bytes(),
            "root.pub": self.root_public.hex().encode() + b"\n",
        }
        if pair.key:
            files["device.key"] = pair.key
        folder = self.root / "devices" / device
        shutil.rmtree(folder, ignore_errors=True)
        write_files(folder, files)
        self._save()
        return folder

    def broker_section(self, there: str) -> str:
        """Return the device file's section for a device whose files lie in the folder `there`."""
        return (
            f"broker: {{transport: mqtt, address: {self.hosts[0]}, port: {self.port}, fleet: {self.fleet},"
            f" tls: {{ca: {there}/ca.pem, certificate: {there}/device.pem, key: {there}/device.key}},"
            f" orders: {{root: {there}/root.pub, policy: {there}/policy.signed}}}}"
        )

    def decommission(self, device: str) -> None:
        """Revoke a device's certificate and forget its folder; the broker learns it from revoked.pem at its next start.

        Raises:
            NoFleet: there is no such device.
        """
        known = self._state["devices"].get(device)
        if known is None:
            raise NoFleet(f"{self.root}: no device {device!r}; there are {', '.join(self.devices) or 'none'}")
        if not known["revoked"]:
            self._state["revoked"].append(known["serial"])
            known["revoked"] = True
        shutil.rmtree(self.root / "devices" / device, ignore_errors=True)
        self._save()

    def sign_policy(self) -> int:
        """Sign policy.toml with a new serial and return that.

        Raises:
            ConfigError: with every problem of the file.
        """
        path = self.root / "policy.toml"
        serial = int(self._state["policy_serial"]) + 1
        policy = policy_text.read_text(
            path.read_text(encoding="utf-8"), str(path), self.fleet, serial, self._now_s() * 1_000_000
        )
        self._state["policy_serial"] = serial
        signed = sign_policy(policy, self.signer("root"))
        self._save()  # before the policy: a serial that nobody saw harms nobody, one used twice would
        write_files(self.root, {"policy.signed": signed})
        for device in self.devices:
            if (self.root / "devices" / device).is_dir():
                write_files(self.root / "devices" / device, {"policy.signed": signed})
        return serial

    def _authority(self) -> Pair:
        folder = self.root / "authority"
        try:
            return Pair((folder / "ca.pem").read_bytes(), (folder / "ca.key").read_bytes())
        except OSError as error:
            raise NoFleet(f"{error.filename}: {error.strerror}") from error

    def _save(self) -> None:
        revoked = certificates.revocation_list(self._authority(), self._state["revoked"], self._now_s())
        write_files(self.root, {"fleet.json": json.dumps(self._state, indent=2).encode() + b"\n"})
        for folder in ("authority", "broker"):
            write_files(self.root / folder, {"revoked.pem": revoked})

    def _now_s(self) -> int:
        return self._clock.wall_ns() // 1_000_000_000


def found(root: Path, fleet: str, hosts: Sequence[str], listen: str, port: int, clock: Clock) -> FleetFolder:
    """Make the folder of a new fleet.

    Raises:
        NoFleet: something is there already, or the name cannot be a level of a topic.
    """
    try:
        check_name(fleet)
    except ValueError as error:
        raise NoFleet(f"a fleet's name: {error}") from None
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise NoFleet(f"{root}: something is here already (name a new folder)")
    now_s = clock.wall_ns() // 1_000_000_000
    authority = certificates.new_authority(fleet, now_s)
    server = certificates.new_server(authority, hosts, now_s, SERVER_DAYS)
    revoked = certificates.revocation_list(authority, (), now_s)
    root_key, operator = Signer.new(), Signer.new()
    state = {"fleet": fleet, "hosts": list(hosts), "port": port, "devices": {}, "revoked": [], "policy_serial": 0}
    making = root.with_name(f"{root.name}.new")
    shutil.rmtree(making, ignore_errors=True)
    write_files(
        making / "authority", {"ca.pem": authority.certificate, "ca.key": authority.key, "revoked.pem": revoked}
    )
    public = root_key.public.hex().encode() + b"\n"
    write_files(making / "keys", {"root.pem": root_key.pem(), "root.pub": public, "operator.pem": operator.pem()})
    write_files(
        making / "broker",
        {
            "mosquitto.conf": broker_files.mosquitto_conf(root.absolute() / "broker", listen, port, getuser()).encode(),
            "acl": broker_files.access_list(fleet).encode(),
            "broker.pem": server.certificate,
            "broker.key": server.key,
            "ca.pem": authority.certificate,
            "revoked.pem": revoked,
        },
    )
    for name in (broker_files.CONSUMER, broker_files.REGISTRAR, *broker_files.CONSOLES):
        pair = certificates.new_client(authority, name, now_s, PEOPLE_DAYS)
        write_files(
            making / name, {f"{name}.pem": pair.certificate, f"{name}.key": pair.key, "ca.pem": authority.certificate}
        )
    rule = KeyRule("operator", operator.public, ("*",), ("*",))
    write_files(
        making,
        {
            "policy.toml": policy_text.write_text(fleet, [rule]).encode(),
            "fleet.json": json.dumps(state, indent=2).encode() + b"\n",
        },
    )
    FleetFolder(making, clock).sign_policy()
    if root.exists():
        root.rmdir()
    making.rename(root)
    return FleetFolder(root, clock)


def _check_device(device: str) -> None:
    try:
        check_name(device)
    except ValueError as error:
        raise NoFleet(f"a device's name: {error}") from None
    if device in broker_files.RESERVED:
        raise NoFleet(f"a device cannot be called {device!r}: the name has a meaning of its own")


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write each file whole or not at all: beside its place, synced, moved."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, content in files.items():
        beside = folder / f".{name}.new"
        fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(fd)
        beside.replace(folder / name)
