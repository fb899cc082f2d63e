"""The wheel, installed into an environment of its own: what needs the firmware builds it, with no checkout in sight."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from typing import Any

import pytest
from tiers import need

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    _run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], ROOT)
    return next(folder.glob("ripieno-*.whl"))


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with this wheel; what it depends on is seen in the one that runs the tests."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    _run([sys.executable, "-m", "venv", "--without-pip", str(folder)], folder.parent)
    words = ["install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check", str(wheel)]
    _run([sys.executable, "-m", "pip", "--python", str(folder / "bin/python"), *words], folder.parent)
    own = next(folder.glob("lib/python*/site-packages"))
    (own / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder


def _run(
    words: list[str], where: Path, environ: dict[str, str] | None = None, codes: tuple[int, ...] = (0,)
) -> subprocess.CompletedProcess[str]:
    said = subprocess.run(words, cwd=where, env=environ, capture_output=True, text=True, check=False)
    assert said.returncode in codes, said.stdout + said.stderr
    return said


def ripieno(environment: Path, where: Path, *words: str, codes: tuple[int, ...] = (0,)) -> dict[str, Any]:
    """Run a command in a folder that holds nothing; return its figures."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environ["XDG_CACHE_HOME"] = str(where.parent / "cache")
    said = _run([str(environment / "bin/ripieno"), *words, "--json", "-"], where, environ, codes)
    figures: dict[str, Any] = json.loads(said.stdout)
    return figures


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


def test_its_modules_are_the_wheels(environment: Path, empty: Path) -> None:
    """Else the other tests of this file would try the checkout."""
    ask = "import ripieno, ripieno_sim.firmware.build as b; print(ripieno.__file__, b.__file__, b._CHECKOUT)"
    found = _run([str(environment / "bin/python"), "-I", "-c", ask], empty).stdout.split()

    assert all(Path(each).is_relative_to(environment) for each in found)
    assert not Path(found[2]).exists()


@pytest.mark.slow
def test_the_firmware_is_soaked_from_its_own_sources(environment: Path, empty: Path) -> None:
    need("gcc", "make", "cc")
    call = ("sim", "link-soak", "--commands", "2000", "--mix", "everything", "--seed", "3", "--board", "c")
    figures = ripieno(environment, empty, *call)

    assert (figures["board"], figures["broken"]) == ("c", [])
    assert [figures[name] for name in ("doubled", "false_claims", "unresolved")] == [0, 0, 0]
    assert figures["executed"] > 400
    assert [path.name for path in empty.parent.glob("cache/ripieno/firmware-*/*.so")] == ["libripieno.so"]
    assert not list(environment.rglob("*.so")), "a build lies in the environment, where pip does not know of it"


@pytest.mark.slow
def test_the_demo_runs_on_the_firmware(environment: Path, empty: Path) -> None:
    need("gcc", "make", "cc")
    figures = ripieno(environment, empty, "demo", "--board", "host", "--parts", "60")

    assert figures["parts"] == 60
    assert figures["actuation"]["executed"] > 5


def test_the_bench_runs_on_the_firmware(environment: Path, empty: Path) -> None:
    """How good the figures are is the machine's business: exit 1 says that one missed its limit."""
    need("gcc", "make", "cc")
    call = ("bench", "link", "--baud", "1000000", "--target", "host", "--acts", "5", "--times", "1")
    figures = ripieno(environment, empty, *call, codes=(0, 1))

    assert figures["issue_to_pin_ms"]["p50"] > 0.25


def test_no_build_and_no_test_is_in_it(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()

    assert "ripieno_sim/firmware/source/core/board.c" in names
    assert [name for name in names if "/build/" in name or name.endswith((".so", ".bin", ".elf", ".o"))] == []
    assert [name for name in names if name.startswith("tests/") or "mutant" in name] == []


def test_another_version_of_the_sources_is_built_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """All files of a wheel have the same old time: make alone would take yesterday's build for today's."""
    from ripieno_sim.firmware import build

    sources = tmp_path / "source"
    sources.mkdir()
    (sources / "Makefile").write_text("virtual:\n\tcp version $(BUILD)/libripieno.so\n")
    (sources / "version").write_text("1")
    monkeypatch.setattr(build, "_CHECKOUT", tmp_path / "nowhere")
    monkeypatch.setattr(build, "_WHEEL", sources)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    need("gcc", "make", "cc")

    first = build.built("virtual")
    (sources / "version").write_text("2")
    second = build.built("virtual")

    assert (first.read_text(), second.read_text()) == ("1", "2")


def test_a_cache_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from ripieno_sim.firmware import BuildFailed, build

    need("gcc", "make", "cc")
    (tmp_path / "cache").write_text("a file in the way")
    (tmp_path / "source").mkdir()
    (tmp_path / "source/Makefile").touch()
    monkeypatch.setattr(build, "_CHECKOUT", tmp_path / "nowhere")
    monkeypatch.setattr(build, "_WHEEL", tmp_path / "source")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    with pytest.raises(BuildFailed, match="set XDG_CACHE_HOME"):
        build.built("virtual")
