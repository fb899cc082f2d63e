"""The compile child answers with a plan or with problems; one that dies is a problem too, and harms nobody."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from language.bench import BUNDLE, DEVICE, sealed, shipped

import ripieno_daemon
from ripieno.errors import ConfigError
from ripieno_daemon.compiling import check, compile_in_child, parent

ROOTS = [str(Path(ripieno_daemon.__file__).parents[1]), *(path for path in sys.path if path)]


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A device file with its bundle on disk, and the stand-in drivers installed as entry points."""
    for name, content in sealed(shipped()).items():
        file = tmp_path / name.replace("site/", "")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    (tmp_path / "device.yaml").write_text(DEVICE)
    info = tmp_path / "plugins" / "stand_in-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stand-in\nVersion: 1\n")
    points = "[ripieno.drivers]\nboard = stand_in:BOARD\nfolder = stand_in:FOLDER\nbroken = stand_in:NOTHING\n"
    (info / "entry_points.txt").write_text(points)
    module = "from language.bench import DRIVERS\nBOARD = DRIVERS['board']\nFOLDER = DRIVERS['folder']\n"
    (tmp_path / "plugins" / "stand_in.py").write_text(module)
    monkeypatch.setenv("PYTHONPATH", ":".join([str(tmp_path / "plugins"), *ROOTS]))
    return tmp_path / "device.yaml"


def test_the_child_compiles_a_device_file(device: Path) -> None:
    plan = asyncio.run(compile_in_child(str(device)))

    assert [one.name for one in plan.pipelines] == ["quality-control"]
    assert plan.pipelines[0].bundle == str(device.parent / BUNDLE.removeprefix("site/"))


def test_every_problem_of_the_files_comes_back_as_it_was(device: Path) -> None:
    device.write_text(DEVICE.replace("baud:", "bud:").replace("quota: 2GB", "quota: 2"))

    with pytest.raises(ConfigError) as caught:
        asyncio.run(compile_in_child(str(device)))

    assert [(one.line, one.path) for one in caught.value.problems] == [
        (6, "devices.conveyor.bud"),
        (16, "storage.quota"),
    ]


def test_check_takes_a_device_file_a_bundle_and_a_pipeline_file(device: Path) -> None:
    bundle = device.parent / "bundles" / "quality-control"

    assert asyncio.run(check(str(device))) == []
    assert asyncio.run(check(str(bundle))) == []
    assert asyncio.run(check(str(bundle / "pipeline.yaml"))) == []
    (bundle / "pipeline.yaml").write_text(shipped().replace("max_age: 200ms", "max_age: 200"))
    assert [one.path for one in asyncio.run(check(str(bundle)))] == ["inputs.top.max_age"]


def test_a_file_that_is_not_there_is_one_problem(tmp_path: Path) -> None:
    found = asyncio.run(check(str(tmp_path / "none.yaml")))

    assert [one.message for one in found] == ["cannot be read: No such file or directory"]


def test_a_driver_that_cannot_be_loaded_harms_only_those_who_use_it(device: Path) -> None:
    device.write_text(DEVICE.replace("driver: board", "driver: broken"))

    found = asyncio.run(check(str(device)))

    assert any(one.path == "devices.conveyor.driver" for one in found)


@pytest.mark.parametrize(
    ("what_happens", "told"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "the compile step died: it was ended by SIGSEGV"),
        ("sys.exit(3)", "the compile step died: it ended with status 3"),
        ("sys.stdout.write('hello')", "the compile step wrote something else than an answer"),
        (
            "sys.stdout.buffer.write(bytes([0x81, 0xA4]) + b'plan' + bytes([0xC4, 1, 7]))",
            "the compile step wrote a damaged plan",
        ),
        ("__import__('time').sleep(60)", "the compile step took longer than 1 s"),
    ],
)
def test_a_child_that_dies_is_a_problem_that_says_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what_happens: str, told: str
) -> None:
    (tmp_path / "sick_child.py").write_text(f"import os, signal, sys\n{what_happens}\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(parent, "CHILD", "sick_child")

    with pytest.raises(ConfigError) as caught:
        asyncio.run(compile_in_child("device.yaml", timeout_s=1.0 if "sleep" in what_happens else 15.0))

    assert caught.value.problems[0].message.startswith(told)
    assert caught.value.problems[0].file == "device.yaml"


def heavy_after(code: str) -> str:
    """Return which heavy modules these imports bring in."""
    code += "; print([name for name in ('yaml', 'pydantic', 'numpy', 'ripieno.language') if name in sys.modules])"
    environment = {"PYTHONPATH": ":".join(ROOTS)}
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    return said.stdout.strip()


def test_the_daemons_side_imports_neither_yaml_nor_pydantic() -> None:
    code = "import sys, ripieno_daemon.compiling"

    assert heavy_after(code) == "[]"


def test_rules_import_neither_yaml_nor_pydantic() -> None:
    code = "import sys, ripieno.rules, ripieno.plan"

    assert heavy_after(code) == "[]"
