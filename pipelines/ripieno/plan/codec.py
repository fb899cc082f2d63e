"""Plans as canonical msgpack: map keys sorted, floats as float64, no NaN. The same plan has the same bytes everywhere.

A dataclass becomes a map of its fields with its class name under "_". Tuples become arrays and come back as tuples.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
from typing import Any

import msgpack

from . import expressions, flow, tree
from .tree import AlarmsPlan, Plan

_CLASSES: dict[str, type] = {
    name: value
    for module in (expressions, flow, tree)
    for name, value in vars(module).items()
    if isinstance(value, type) and dataclasses.is_dataclass(value)
}
_PATHS = {
    ("PipelinePlan", "bundle"),
    ("StoragePlan", "state"),
    ("BrokerPlan", "address"),
    ("BrokerPlan", "port"),
    ("BrokerPlan", "receipt"),
    ("BrokerPlan", "tls"),
    ("BrokerPlan", "orders"),
    ("DevicePlan", "places"),
    ("RulePlan", "source"),
    ("Plan", "on_bad_config"),  # decides which plan runs, nothing within one
    ("Plan", "alarms"),
    ("Plan", "observe"),  # an event of its own tells the engine
    ("Plan", "longest_override_ns"),
    ("Plan", "trial"),
}
MAX_DEPTH = 100


class PlanDamaged(ValueError):
    """The bytes are not a plan of this format."""


def encode(plan: Plan) -> bytes:
    """Return the canonical bytes. Raises ValueError for a NaN or an object that is no plan value."""
    return _pack(_plain(plan, digesting=False))


def digest(plan: Plan) -> str:
    """Return the SHA-256 (hex) over the plan without paths and addresses: the same rules elsewhere have the same
    digest.
    """
    return hashlib.sha256(_pack(_plain(plan, digesting=True))).hexdigest()


def digest_of(encoded: bytes) -> str:
    """Return the digest of a plan from its bytes: the one that the release which made them gave it.

    `digest(decode(encoded))` is another one as soon as a release adds a field to what a plan is made of.

    Raises:
        PlanDamaged: the bytes are no map of maps.
    """
    try:
        value = msgpack.unpackb(encoded, raw=False, strict_map_key=True)
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise PlanDamaged(f"not a plan: {error}") from error
    return hashlib.sha256(_pack(_without_paths(value, 0))).hexdigest()


def _without_paths(value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise PlanDamaged("not a plan: too deep")
    if isinstance(value, list):
        return [_without_paths(one, depth + 1) for one in value]
    if isinstance(value, dict):
        kind = value.get("_", "")
        return {key: _without_paths(one, depth + 1) for key, one in value.items() if (kind, key) not in _PATHS}
    return value


def without_paths(plan: Plan) -> Plan:
    """Return the plan without paths, addresses and places, for the record; it has the same digest.

    Of a rule's source the file's name and line are kept.
    """
    replace = dataclasses.replace
    pipelines = tuple(
        replace(
            one,
            bundle="",
            rules=tuple(replace(rule, source=rule.source.rpartition("/")[2]) for rule in one.rules),
        )
        for one in plan.pipelines
    )
    return replace(
        plan,
        pipelines=pipelines,
        devices=tuple(replace(device, places={}) for device in plan.devices),
        broker=replace(plan.broker, address="", port=0, tls=None, orders=None),
        storage=replace(plan.storage, state=""),
        alarms=AlarmsPlan(),
    )


def decode(encoded: bytes) -> Plan:
    """Return the plan. Raises PlanDamaged."""
    try:
        plan = _typed(msgpack.unpackb(encoded, raw=False, strict_map_key=True), 0)
    except (ValueError, TypeError, KeyError, msgpack.UnpackException) as error:
        raise PlanDamaged(f"not a plan: {error}") from error
    if not isinstance(plan, Plan):
        raise PlanDamaged("not a plan: the outermost value is of another kind")
    return plan


def _pack(value: Any) -> bytes:
    packed = msgpack.packb(value, use_bin_type=True)
    assert isinstance(packed, bytes)
    return packed


def _plain(value: Any, digesting: bool) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kind = type(value).__name__
        fields = {
            field.name: _plain(getattr(value, field.name), digesting)
            for field in dataclasses.fields(value)
            if not (digesting and (kind, field.name) in _PATHS)
        }
        return {"_": kind, **dict(sorted(fields.items()))}
    if isinstance(value, (tuple, list)):
        return [_plain(item, digesting) for item in value]
    if isinstance(value, dict):
        return {key: _plain(value[key], digesting) for key in sorted(value)}
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a plan holds finite numbers only")
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return value
    raise ValueError(f"a plan cannot hold a {type(value).__name__}")


def _typed(value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise PlanDamaged("not a plan: too deep")
    if isinstance(value, list):
        return tuple(_typed(item, depth + 1) for item in value)
    if isinstance(value, dict):
        kind = value.pop("_", None)
        fields = {key: _typed(item, depth + 1) for key, item in value.items()}
        return fields if kind is None else _CLASSES[kind](**fields)
    return value
