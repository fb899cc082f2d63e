"""JSON Schema (draft 2020-12) of pipeline and device files, from the classes that also check them.

It is for editors: it knows keys, types, choices and the form of quantities. What refers to what, bounds of quantities
and all that stands in expressions is for `ripieno check`.
"""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Mapping
from typing import Annotated, Any

from annotated_types import BaseMetadata, Ge, Gt, Le, Lt, MaxLen, MinLen

from ripieno.contracts.driver import Driver

from .describing import about, meaning_of, shown_default
from .device_file import DeviceFile
from .hints import hints_of, key_of, required_of
from .marks import AnyScalar, OneOrMany, Pattern
from .pipeline_file import PipelineFile
from .quantities import UNITS, AmountOf, Quantity
from .sections.words import Entries

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NAME = "^[A-Za-z][A-Za-z0-9_]{0,62}$"
Schema = dict[str, Any]

_NUMBER = r"[-+]?([0-9]+(\.[0-9]+)?|\.[0-9]+)([eE][-+]?[0-9]{1,3})?"
_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean"}


def pipeline_schema() -> Schema:
    """Return the schema of a pipeline.yaml."""
    return _Writer().whole(PipelineFile, "pipeline.yaml of a bundle")


def device_schema(drivers: Mapping[str, Driver]) -> Schema:
    """Return the schema of a device.yaml in which these drivers may be used."""
    writer = _Writer()
    whole = writer.whole(DeviceFile, "device.yaml")
    whole["properties"]["devices"]["additionalProperties"] = {
        "anyOf": [writer.device(drivers[name]) for name in sorted(drivers)]
    }
    for section in ("inputs", "outputs"):
        points = {drivers[name].point: None for name in sorted(drivers)}
        whole["properties"][section]["additionalProperties"] = {"anyOf": [writer.point(one) for one in points]}
    return whole


class _Writer:
    """Writes one schema; sections become definitions."""

    def __init__(self) -> None:
        self._defs: dict[str, Schema] = {}
        self._named: dict[str, type] = {}

    def whole(self, cls: type, title: str) -> Schema:
        """Return the schema of a file."""
        section = self._section(cls)
        return {"$schema": DIALECT, "title": title, **section, "$defs": self._defs}

    def device(self, driver: Driver) -> Schema:
        """Return the schema of a device with this driver."""
        section = self._section(driver.settings)
        own = {
            "driver": {"const": driver.name, "description": driver.summary},
            "interlock": {"type": "string", "description": "what outside keeps its outputs from harm"},
        }
        return {
            **section,
            "properties": {**own, **section["properties"]},
            "required": ["driver", *section.get("required", [])],
        }

    def point(self, cls: type) -> Schema:
        """Return the schema of an input or output that is bound to a device."""
        section = self._section(cls)
        own = {"device": {"type": "string", "description": "a name under devices"}}
        return {
            **section,
            "properties": {**own, **section["properties"]},
            "required": ["device", *section.get("required", [])],
        }

    def _section(self, cls: type) -> Schema:
        """Return the schema of a section."""
        fields = {key_of(field.name): field for field in dataclasses.fields(cls)}
        properties = {}
        for key, hint in hints_of(cls).items():
            value = self._value(hint)
            default = shown_default(fields[key], hint)
            properties[key] = value if default is None else {**value, "default": default}
        section: Schema = {"type": "object", "description": about(cls), "properties": properties}
        if required := [key for key in properties if key in required_of(cls)]:
            section["required"] = required
        return {**section, "additionalProperties": False}

    def _ref(self, cls: type) -> Schema:
        name = cls.__name__ if self._named.setdefault(cls.__name__, cls) is cls else f"{cls.__module__}.{cls.__name__}"
        if name not in self._defs:
            self._defs[name] = {}  # a section may hold itself
            self._defs[name] = self._section(cls)
        return {"$ref": f"#/$defs/{name}"}

    def _value(self, hint: Any) -> Schema:
        """Return the schema of a value."""
        extras = _own_extras(hint)
        inner = _bare(hint)
        description = meaning_of(hint)
        written = next((one for one in extras if isinstance(one, (Quantity, AmountOf))), None)
        entries = next((one for one in extras if isinstance(one, Entries)), None)
        if written is not None:
            schema = _quantity(written)
        elif any(isinstance(one, AnyScalar) for one in extras):
            schema = {"type": ["string", "number", "boolean"]}
        elif entries is not None:
            schema = self._entries(entries)
        else:
            schema = self._of(inner)
        if written is None and not isinstance(schema.get("type"), list):
            schema = {**schema, **_bounds(extras, schema)}
        if any(isinstance(one, OneOrMany) for one in extras):
            schema = {"anyOf": [schema, schema["items"]]}
        if description and "$ref" in schema:
            schema = {"allOf": [schema]}
        return {**schema, "description": description} if description else schema

    def _of(self, hint: Any) -> Schema:
        """Return the schema of a type without marks."""
        origin, args = typing.get_origin(hint), typing.get_args(hint)
        if origin is Annotated:
            return self._value(hint)
        if origin in (typing.Union, types.UnionType):
            some = [self._value(one) for one in args if one is not type(None)]
            return some[0] if len(some) == 1 else {"anyOf": some}
        if origin is typing.Literal:
            return {"const": args[0]} if len(args) == 1 else {"enum": list(args)}
        if origin is tuple and len(args) == 2 and args[1] is Ellipsis:
            return {"type": "array", "items": self._value(args[0])}
        if origin is tuple:
            return {
                "type": "array",
                "prefixItems": [self._value(one) for one in args],
                "items": False,
                "minItems": len(args),
            }
        if origin is Mapping:
            return {"type": "object", "additionalProperties": self._value(args[1])}
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            return self._ref(hint)
        return {"type": _PLAIN[hint]} if hint in _PLAIN else {}

    def _entries(self, entries: Entries) -> Schema:
        """Return the schema of a mapping of names to sections."""
        some = entries.of
        if isinstance(some, Mapping):
            classes = list(some.values())
        else:
            classes = list(some) if isinstance(some, tuple) else [some]
        values = [self._ref(cls) for cls in classes]
        if entries.short is not None:
            values.append(self._value(entries.short))
        each = values[0] if len(values) == 1 else {"anyOf": values}
        return {"type": "object", "propertyNames": {"pattern": NAME}, "additionalProperties": each}


def _quantity(mark: Quantity | AmountOf) -> Schema:
    kinds = (mark.kind,) if isinstance(mark, Quantity) else mark.kinds
    units = [re.escape(unit) for kind in kinds for unit in UNITS.get(kind, ())]
    words = ["[A-Za-z]+"] if "count" in kinds else sorted(units, key=len, reverse=True)
    return {"type": "string", "pattern": f"^\\s*{_NUMBER}\\s*({'|'.join(words)})\\s*$"}


def _bounds(extras: list[Any], schema: Schema) -> Schema:
    """Return the bounds that a schema can say."""
    found: Schema = {}
    kind = schema.get("type")
    lengths = {"string": "Length", "array": "Items", "object": "Properties"}
    for extra in extras:
        match extra:
            case Gt():
                found["exclusiveMinimum"] = extra.gt
            case Ge():
                found["minimum"] = extra.ge
            case Lt():
                found["exclusiveMaximum"] = extra.lt
            case Le():
                found["maximum"] = extra.le
            case MinLen() if kind in lengths:
                found[f"min{lengths[kind]}"] = extra.min_length
            case MaxLen() if kind in lengths:
                found[f"max{lengths[kind]}"] = extra.max_length
            case Pattern():
                found["pattern"] = f"^(?:{extra.expression})$"
    return found


def _own_extras(hint: Any) -> list[Any]:
    """Return the metadata that stands at a hint itself, flat."""
    found: list[Any] = []
    while typing.get_origin(hint) is Annotated:
        found += hint.__metadata__
        hint = hint.__origin__
    flat: list[Any] = []
    for one in found:
        flat += list(one) if isinstance(one, BaseMetadata) and isinstance(one, typing.Iterable) else [one]
    return flat


def _bare(hint: Any) -> Any:
    while typing.get_origin(hint) is Annotated:
        hint = hint.__origin__
    return hint
