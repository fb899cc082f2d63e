"""The device files that the documents show are the ones that compile, and say of every setting what it is."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from scenarios.desk import PIPELINE, make

from ripieno.language import compile_device
from ripieno.plan import Plan
from ripieno_daemon.compiling.drivers import installed_drivers

DOCS = Path(__file__).parents[3] / "docs"
PAGES = ("records.md", "messages.md", "outputs.md")
DRIVERS = ("sqlite-records", "http-records", "http-booking", "sqlite-booking", "mqtt-messages", "files", "inbox")


def blocks(page: str, name: str) -> list[Any]:
    """Return the YAML blocks of a page that begin with this file's name."""
    found = re.findall(r"```yaml\n# (\S+)\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    return [yaml.safe_load(text) for file, text in found if file == name]


def shown() -> dict[str, Any]:
    """Return the device file that the pages show together."""
    whole: dict[str, Any] = {
        "ripieno": 1,
        "device": {"id": "desk-1"},
        "pipelines": ["bundles/desk"],
        "storage": {"state": "state"},
    }
    for page in PAGES:
        for block in blocks(page, "device.yaml"):
            for section, entries in block.items():
                whole.setdefault(section, {}).update(
                    {name: own for name, own in entries.items() if name not in whole.get(section, {})}
                )
    return whole


def compiled(folder: Path, whole: dict[str, Any]) -> Plan:
    path = make(folder, 1, 1)
    path.write_text(yaml.safe_dump(whole))
    return compile_device(str(path), lambda name: Path(name).read_bytes(), installed_drivers())


def test_the_device_files_of_the_pages_compile_together(tmp_path: Path) -> None:
    plan = compiled(tmp_path, shown())

    assert {device.driver for device in plan.devices} == set(DRIVERS)
    assert sum(len(device.points) for device in plan.devices) == 9


def test_what_the_pages_declare_is_what_the_desk_has() -> None:
    desk = yaml.safe_load(PIPELINE)
    for page in PAGES:
        for block in blocks(page, "pipeline.yaml"):
            for section in ("inputs", "outputs"):
                for name, own in block.get(section, {}).items():
                    assert desk[section][name] == own, (page, name)


@pytest.mark.parametrize("name", DRIVERS)
def test_every_setting_is_told_on_a_page(name: str) -> None:
    driver, pages = installed_drivers()[name], "\n".join((DOCS / page).read_text() for page in PAGES)
    for cls in (driver.settings, driver.point):
        for field in dataclasses.fields(cls):
            assert f"`{field.name}`" in pages or f"`{field.name}:" in pages, f"{name}: {field.name}"
