"""What a pipeline file declares of its models, before the bundle is sealed: all that sealing needs to know."""

from __future__ import annotations

from dataclasses import dataclass

from ripieno.errors import ConfigError
from ripieno.models import Declaration, declaration_from_plain

from . import pipeline_file as file
from .labels import labels_of
from .model_keys import check_model
from .pipeline import FILE_NAME
from .problems import Problems, TooManyProblems
from .seal import Read
from .sections.models import Model
from .shape import build, is_mapping
from .source import parse


@dataclass(frozen=True, slots=True)
class Declared:
    """Name, version and models of a bundle, as its author wrote them."""

    name: str
    version: str
    models: tuple[Declaration, ...]


def declared_models(bundle: str, read: Read) -> Declared:
    """Return what the bundle's pipeline file says of its models.

    Raises:
        ConfigError: the file cannot be read, or these parts of it have problems.
    """
    path = f"{bundle}/{FILE_NAME}"
    problems = Problems()
    report = problems.file(path)
    try:
        content = read(path)
    except OSError as error:
        report.add(0, 0, "", f"cannot be read: {error.strerror or error}", "a bundle is a folder with a pipeline.yaml")
        raise ConfigError(problems.ordered()) from error
    try:
        return _declared(bundle, read, content, problems)
    except TooManyProblems as error:
        raise ConfigError(problems.ordered()) from error


def _declared(bundle: str, read: Read, content: bytes, problems: Problems) -> Declared:
    report = problems.file(f"{bundle}/{FILE_NAME}")
    root = parse(content, report)
    whole = build(file.PipelineFile, root, "", report)[0] if root is not None else None
    models: list[Declaration] = []
    if root is not None and whole is not None and "models" in root.mapping:
        section = root.mapping["models"]
        if is_mapping(section, "models", report):
            for name, node in section.mapping.items():
                before = len(report.found)
                built, right = build(Model, node, f"models.{name}", report)
                if built is not None:
                    check_model(built, right, f"models.{name}", report)
                if built is not None and len(report.found) == before:
                    plain = _plain(node.plain())
                    try:
                        plain["labels"] = labels_of(built.labels, bundle, read)
                    except (OSError, ValueError) as error:
                        at = node.mapping["labels"]
                        report.add(at.line, at.column, f"models.{name}.labels", str(error))
                        continue
                    models.append(declaration_from_plain(name, plain))
    if whole is None or problems.ordered():
        raise ConfigError(problems.ordered())
    return Declared(whole.name, whole.version, tuple(models))


def _plain(value: object) -> dict[str, object]:
    assert isinstance(value, dict)
    return value
