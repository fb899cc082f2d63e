"""Reads the project's imports as text: which package uses which, and which module touches the world outside."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "ripieno": ROOT / "pipelines/ripieno",
    "ripieno_drivers": ROOT / "drivers/ripieno_drivers",
    "ripieno_daemon": ROOT / "daemon/ripieno_daemon",
    "ripieno_sim": ROOT / "firmware-sim/ripieno_sim",
}


@dataclass(frozen=True, slots=True)
class Import:
    """One import: the module that has it, what it names in full, and where it stands."""

    module: str
    target: str
    path: Path
    line: int
    at_top: bool

    def __str__(self) -> str:
        return (
            f"{self.path.relative_to(ROOT) if self.path.is_relative_to(ROOT) else self.path}:{self.line}: {self.target}"
        )


def modules(packages: dict[str, Path]) -> Iterator[tuple[str, Path]]:
    """Yield (dotted name, path) of every module of the packages."""
    for package, folder in packages.items():
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            yield ".".join([package, *(part for part in parts if part != "__init__")]), path


def imports_of(module: str, path: Path) -> Iterator[Import]:
    """Yield the imports of one module, relative ones made absolute, those under TYPE_CHECKING left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top = {id(node) for node in tree.body}
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module, alias.name, path, node.lineno, id(node) in top)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")
                parents = parents[: len(parents) - node.level + 1]
                base = ".".join([*parents, *([base] if base else [])])
            for alias in node.names:
                yield Import(module, f"{base}.{alias.name}", path, node.lineno, id(node) in top)


def all_imports(packages: dict[str, Path]) -> list[Import]:
    """Return every import of the packages."""
    return [each for module, path in modules(packages) for each in imports_of(module, path)]
