"""The device rules, by udev's own check; before systemd 254 it has none: tests/systemd/nspawn has udev read them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tiers import find

RULES = Path(__file__).resolve().parents[2] / "systemd/udev/60-ripieno.rules"


def verified(rules: Path) -> subprocess.CompletedProcess[str]:
    program = find("udevadm")
    if program is None:
        pytest.skip("udevadm is not installed")
    if subprocess.run([program, "verify", "--help"], capture_output=True, check=False).returncode:
        pytest.skip("udevadm has no verify before systemd 254")
    return subprocess.run([program, "verify", str(rules)], capture_output=True, text=True, timeout=60, check=False)


def test_udev_accepts_the_rules() -> None:
    assert verified(RULES).returncode == 0


def test_udev_names_what_it_does_not_know(tmp_path: Path) -> None:
    """Negative control."""
    broken = tmp_path / "60-broken.rules"
    broken.write_text(RULES.read_text().replace("ATTRS{idVendor}", "ATTR_S{idVendor}"))

    assert verified(broken).returncode != 0


def test_the_rules_leave_real_modems_alone() -> None:
    """A gateway may need its modem: only vendors of adapters and boards are named, each once."""
    line = next(line for line in RULES.read_text().splitlines() if "ID_MM_DEVICE_IGNORE" in line)
    vendors = line.split('idVendor}=="')[1].split('"')[0].split("|")

    assert vendors and len(set(vendors)) == len(vendors)
    assert all(len(one) == 4 and int(one, 16) for one in vendors)
    modems = {"12d1", "1199", "2c7c", "1bc7", "19d2"}  # Huawei, Sierra, Quectel, Telit, ZTE
    assert not modems & set(vendors)
