"""No module outside a port touches a clock, randomness, a file, a socket or a process (DESIGN: determinism first)."""

from __future__ import annotations

import ast
from pathlib import Path

from architecture.imports import PACKAGES, ROOT, all_imports, modules

WORLD = {
    "time",
    "random",
    "socket",
    "subprocess",
    "secrets",
    "uuid",
    "select",
    "signal",
    "tempfile",
    "threading",
    "shutil",
}
CALLS = {"open", "input"}
OS_CALLS = {
    "urandom",
    "open",
    "read",
    "write",
    "unlink",
    "rename",
    "replace",
    "mkdir",
    "listdir",
    "scandir",
    "fork",
    "kill",
}
PATH_CALLS = {
    "read_text",
    "read_bytes",
    "write_text",
    "write_bytes",
    "unlink",
    "mkdir",
    "iterdir",
    "glob",
    "rglob",
    "touch",
}

# The ports, and what is a program of its own rather than a part of the daemon's control process.
PORTS = (
    "ripieno_daemon.ports",
    "ripieno_daemon.fleet.broker_",
    "ripieno_daemon.fleet.message_broker",
    "ripieno_daemon.workers.process",
    "ripieno_daemon.workers.child",
    "ripieno_daemon.workers.mapped",
    "ripieno_daemon.children.processes",
    "ripieno_daemon.childhood",
    "ripieno_daemon.workers.autopsy",
    "ripieno_daemon.processes.",
    "ripieno_daemon.bundles.files",
    "ripieno_daemon.trust.founding",
    "ripieno_daemon.trust.enrolled",
    "ripieno_daemon.compiling.child",
    "ripieno_daemon.evaluation",
    "ripieno_daemon.benches",
    "ripieno_daemon.scanning.",
    "ripieno_daemon.installing.",
    "ripieno_daemon.checkup.",
    "ripieno_daemon.starter.",
    "ripieno_daemon.backup.",
    "ripieno_daemon.cli",
    "ripieno_drivers.link.port",
    "ripieno_drivers.cameras.watching",
    "ripieno_drivers.conformance.stopwatch",
    "ripieno_drivers.cameras.capture.",
    "ripieno_sim.firmware.build",
    "ripieno_sim.firmware.outside",
    "ripieno_sim.line.ptys",
    "ripieno_sim.seeds",
    "ripieno_sim.stage",
)
# Built from a seed and handed in: the type is named, the module's own functions are not used.
SEEDED = "random.Random"


def trespasses(packages: dict[str, Path]) -> list[str]:
    """Return `file:line: what` for each touch of the world outside a port."""
    found = []
    for module, path in modules(packages):
        if module.startswith(PORTS):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
        seeded_only = _random_is_only_a_type(tree)
        for each in all_imports_of(module, path):
            root = each.target.split(".")[0]
            if root in WORLD and not (root == "random" and seeded_only):
                found.append(f"{name}:{each.line}: imports {root}")
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and (what := _forbidden(node)):
                found.append(f"{name}:{node.lineno}: calls {what}")
    return found


def all_imports_of(module: str, path: Path) -> list:
    from architecture.imports import imports_of

    return list(imports_of(module, path))


def _random_is_only_a_type(tree: ast.Module) -> bool:
    uses = [
        n
        for n in ast.walk(tree)
        if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name) and n.value.id == "random"
    ]
    calls = [
        n for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and n.func in uses
    ]
    return all(f"random.{use.attr}" == SEEDED for use in uses) and not calls


def _forbidden(call: ast.Call) -> str:
    function = call.func
    if isinstance(function, ast.Name) and function.id in CALLS:
        return function.id
    if isinstance(function, ast.Attribute):
        if isinstance(function.value, ast.Name) and function.value.id == "os" and function.attr in OS_CALLS:
            return f"os.{function.attr}"
        if function.attr in PATH_CALLS and _looks_like_a_path(function.value):
            return f"Path.{function.attr}"
    return ""


def _looks_like_a_path(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Path"


def test_only_ports_touch_the_world() -> None:
    assert trespasses(PACKAGES) == []


def test_a_trespass_is_named(tmp_path: Path) -> None:
    """Negative control: clock, randomness and files are each noticed."""
    bad = tmp_path / "ripieno"
    bad.mkdir()
    (bad / "sneaky.py").write_text(
        'import random\nimport time\n\nX = random.random()\nY = open("/etc/passwd")\n', encoding="utf-8"
    )

    found = trespasses({"ripieno": bad})

    assert [line.rpartition(": ")[2] for line in found] == ["imports random", "imports time", "calls open"]


def test_every_exempt_name_exists() -> None:
    """An exemption for a module that is gone would hide the next one of that name."""
    names = [module for module, _ in modules(PACKAGES)]
    assert [port for port in PORTS if not any(name.startswith(port) for name in names)] == []
    assert all_imports(PACKAGES)
