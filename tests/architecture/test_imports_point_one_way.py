"""ripieno <- ripieno_drivers <- ripieno_daemon; the simulation knows none of them, except its stage."""

from __future__ import annotations

from pathlib import Path

from architecture.imports import PACKAGES, Import, all_imports

MAY_USE = {
    "ripieno": set[str](),
    "ripieno_drivers": {"ripieno"},
    "ripieno_daemon": {"ripieno", "ripieno_drivers"},
    "ripieno_sim": set[str](),
}
STAGE = "ripieno_sim.stage"
APP = "ripieno_daemon.app"
# itself, what starts it, and what hands it the real ports
KNOW_APP = (APP, "ripieno_daemon.cli.device.run", "ripieno_daemon.wiring", "ripieno_daemon.service")


def strays(packages: dict[str, Path]) -> list[Import]:
    """Return the imports that point the wrong way."""
    found = []
    for each in all_imports(packages):
        ours, theirs = each.module.split(".")[0], each.target.split(".")[0]
        on_stage = each.module.startswith(STAGE)
        if theirs in PACKAGES and theirs != ours and theirs not in MAY_USE[ours] and not on_stage:
            found.append(each)
        if ours == "ripieno_sim" and each.target.startswith(STAGE) and not on_stage:
            found.append(each)
        if each.target.startswith(APP) and not on_stage and not each.module.startswith(KNOW_APP):
            found.append(each)
    return found


def test_imports_point_one_way() -> None:
    assert [str(each) for each in strays(PACKAGES)] == []


def test_a_stray_import_is_named_by_file_and_line(tmp_path: Path) -> None:
    """Negative control: the check can fail."""
    bad = tmp_path / "ripieno"
    bad.mkdir()
    (bad / "sneaky.py").write_text('"""Sneaky."""\n\nfrom ripieno_daemon import ledger\n')

    found = strays({"ripieno": bad})

    assert [(each.target, each.line) for each in found] == [("ripieno_daemon.ledger", 3)]
