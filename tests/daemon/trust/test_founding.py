"""`fleet init` makes a fleet whole or not at all; enrolling again and decommissioning revoke what was given before."""

from __future__ import annotations

import json
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ripieno_daemon.cli import main
from ripieno_daemon.ports import SystemClock
from ripieno_daemon.trust import Signer, read_policy
from ripieno_daemon.trust.certificates import BadCertificate, read_certificate
from ripieno_daemon.trust.founding import FleetFolder, NoFleet, found


@pytest.fixture
def fleet(tmp_path: Path) -> FleetFolder:
    return found(tmp_path / "plant", "plant", ["localhost", "127.0.0.1"], "127.0.0.1", 8883, SystemClock())


def revoked(fleet: FleetFolder) -> set[int]:
    listed = x509.load_pem_x509_crl((fleet.root / "broker/revoked.pem").read_bytes())
    return {each.serial_number for each in listed}


def test_nobody_else_can_read_a_fleets_folder(fleet: FleetFolder) -> None:
    modes = {path.stat().st_mode & 0o077 for path in [fleet.root / "keys", *fleet.root.rglob("*")] if path.is_file()}

    assert modes == {0}


def test_a_device_gets_a_certificate_of_its_own_name_and_the_policy(fleet: FleetFolder) -> None:
    folder = fleet.enrol("line-3")
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    context.load_cert_chain(folder / "device.pem", folder / "device.key")

    assert read_certificate((folder / "device.pem").read_bytes()).name == "line-3"
    root = bytes.fromhex((folder / "root.pub").read_text())
    policy = read_policy((folder / "policy.signed").read_bytes(), root, "plant")
    assert policy.allows(fleet.signer("operator").id, "apply", "line-3")


def test_enrolling_again_revokes_the_earlier_certificate(fleet: FleetFolder) -> None:
    first = read_certificate((fleet.enrol("line-3") / "device.pem").read_bytes())
    second = read_certificate((fleet.enrol("line-3") / "device.pem").read_bytes())

    assert revoked(FleetFolder(fleet.root, SystemClock())) == {first.serial} != {second.serial}


def test_of_a_request_only_the_key_is_taken(fleet: FleetFolder) -> None:
    """A request that calls itself by another's name gets no other name than the operator gave."""
    key = ec.generate_private_key(ec.SECP256R1())
    asked = x509.CertificateSigningRequestBuilder().subject_name(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "consumer")])
    )
    request = asked.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    folder = fleet.enrol("line-4", request=request)

    given = x509.load_pem_x509_certificate((folder / "device.pem").read_bytes())
    assert given.public_key() == key.public_key() and not (folder / "device.key").exists()
    assert read_certificate((folder / "device.pem").read_bytes()).name == "line-4"
    with pytest.raises(BadCertificate, match="no certificate request"):
        fleet.enrol("line-5", request=b"-----BEGIN X-----")


@pytest.mark.parametrize("name", ["consumer", "console-1", "registrar", "all", "a/b", "+", ""])
def test_a_device_cannot_take_a_name_with_a_meaning(fleet: FleetFolder, name: str) -> None:
    with pytest.raises(NoFleet, match="name"):
        fleet.enrol(name)


def test_a_decommissioned_device_is_revoked_and_an_unknown_one_is_named(fleet: FleetFolder) -> None:
    told = read_certificate((fleet.enrol("line-3") / "device.pem").read_bytes())
    fleet.decommission("line-3")

    assert revoked(fleet) == {told.serial}
    assert not (fleet.root / "devices/line-3").exists()
    with pytest.raises(NoFleet, match="no device 'line-9'; there are line-3"):
        fleet.decommission("line-9")


def test_each_signing_of_the_policy_has_a_higher_serial_and_reaches_the_devices_folders(fleet: FleetFolder) -> None:
    folder = fleet.enrol("line-3")
    text = (fleet.root / "policy.toml").read_text()
    (fleet.root / "policy.toml").write_text(text.replace('kinds = ["*"]', 'kinds = ["status"]'))

    assert fleet.sign_policy() == 2
    policy = read_policy((folder / "policy.signed").read_bytes(), fleet.signer("root").public, "plant")
    assert not policy.allows(fleet.signer("operator").id, "apply", "line-3")


def test_a_folder_that_holds_something_is_not_touched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").write_text("dear to me")

    assert main(["fleet", "init", str(tmp_path)]) == 1
    assert "something is here already" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_the_command_line_founds_and_enrols(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "plant"
    assert main(["fleet", "init", str(root), "--json", "-"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert main(["fleet", "enrol", str(root), "--device", "line-3", "--json", "-"]) == 0
    enrolled = json.loads(capsys.readouterr().out)

    assert (told["fleet"], told["operator_key"]) == ("plant", FleetFolder(root, SystemClock()).signer("operator").id)
    assert "tls: {ca: /etc/ripieno/fleet/ca.pem" in enrolled["broker"]
    assert isinstance(FleetFolder(root, SystemClock()).signer("root"), Signer)
    assert main(["fleet", "enrol", str(tmp_path), "--device", "x"]) == 1
    assert "no fleet here" in capsys.readouterr().err


def test_a_key_of_one_more_person_is_made_once_and_its_lines_fit_the_policy(
    fleet: FleetFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "anna.pem"
    assert main(["fleet", "key", str(path)]) == 0
    lines = capsys.readouterr().out
    assert main(["fleet", "key", str(path)]) == 0 and capsys.readouterr().out == lines
    assert path.stat().st_mode & 0o077 == 0
    with (fleet.root / "policy.toml").open("a") as policy:
        policy.write(lines)

    assert fleet.sign_policy() == 2
    signed = read_policy((fleet.root / "policy.signed").read_bytes(), fleet.signer("root").public, "plant")
    key = fleet.signer(str(path)).id
    assert signed.allows(key, "status", "line-1") and not signed.allows(key, "stop", "line-1")
    assert main(["fleet", "key", str(tmp_path / "nowhere/x.pem")]) == 2
