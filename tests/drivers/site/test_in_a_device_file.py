"""The site's drivers in a device file: compiled, packed, read back and opened; mistakes told with their place."""

from __future__ import annotations

from pathlib import Path

import pytest
from scenarios.desk import make

from ripieno.contracts.driver import Point
from ripieno.errors import ConfigError
from ripieno.language import compile_device
from ripieno.plan import Plan, decode, encode
from ripieno_daemon.compiling.drivers import installed_drivers

from .contexts import Told, context


def compiled(path: Path) -> Plan:
    return compile_device(str(path), lambda name: Path(name).read_bytes(), installed_drivers())


def test_settings_survive_the_plans_bytes_and_open_their_devices(tmp_path: Path) -> None:
    plan, drivers = decode(encode(compiled(make(tmp_path, 8080, 1883)))), installed_drivers()
    opened = {}
    for device in plan.devices:
        driver = drivers[device.driver]
        points = [Point(one.name, one.kind, driver.point(**one.settings)) for one in device.points]
        own = driver.settings(**device.settings, **device.places)
        opened[device.name] = driver.open(own, context(Told(), tmp_path, points))

    assert sorted(opened) == ["broker", "counter", "crm", "log", "office", "stock", "web"]
    stock = next(one for one in plan.devices if one.name == "stock")
    assert set(stock.places) >= {"url", "token_file"}, "where it is, and its secrets, are no part of the plan's digest"
    assert "url" not in stock.settings


@pytest.mark.parametrize(
    ("right", "mistake", "told"),
    [
        ("active: active}", "activ: active}", "inputs.customers: reports no 'active', and the pipeline's record has"),
        ("fields: {owner: /holder/name}", "fields: {owner: holder}", "inputs.accounts.fields.owner: should"),
        (
            "fields: {owner: /holder/name}",
            "fields: {other: /x}",
            "reports no 'owner', and the pipeline",
        ),
        ('path: "/accounts/{key}"', 'path: "/accounts"', "inputs.accounts: `path` has no {key}"),
        (
            "listen: desk/asked",
            "listen: desk/asked, fields: {text: /t}",
            "reports no 'customer', and the",
        ),
        ("listen: desk/asked", "send: desk/asked", "inputs.heard: is an input, and its keys say that it is an output"),
        ("send: desk/answers", "listen: desk/answers", "outputs.answer: is an output, and its keys say"),
        ("put: letters", "take: letters", "outputs.letter: is an output, and its keys say"),
        ("put: letters", "put: ../letters", "outputs.letter: `take` and `put` lead into the device's folder"),
        ("send: desk/answers", "send: desk/+", "outputs.answer: `send`: 'desk/+' is no single topic"),
        ("device: stock,", "device: crm,", "driver 'sqlite-records' of device 'crm' cannot serve a message output"),
        ("driver: inbox", "driver: inbocks", "there is no driver 'inbocks'"),
        ('url: "http://127.0.0.1:8080/api"', 'url: "http://stock.site/api"', "a token would be readable on the way"),
        ("told:      {device: counter}", "told: {device: crm}", "cannot serve a message input"),
    ],
)
def test_mistakes_are_told_at_their_place(tmp_path: Path, right: str, mistake: str, told: str) -> None:
    path = make(tmp_path, 8080, 1883)
    text = path.read_text()
    assert text.count(right) >= 1
    path.write_text(text.replace(right, mistake, 1))

    with pytest.raises(ConfigError) as refused:
        compiled(path)

    said = [f"{one.path}: {one.message} ({one.hint})" for one in refused.value.problems]
    assert any(told in one for one in said), said
    assert all(one.line for one in refused.value.problems)
