"""The policy as a person writes it: policy.toml beside the fleet's keys."""

from __future__ import annotations

import base64
import binascii
import tomllib
from collections.abc import Sequence
from typing import Any, Final

from ripieno.errors import ConfigError, Problem

from .keys import PUBLIC_BYTES, key_id
from .policy import MAX_KEYS, MAX_PER_MINUTE, KeyRule, Policy

_KEY: Final = {"name", "public", "kinds", "devices", "per_minute"}
_TOP: Final = {"two_keys", "key"}


def write_text(fleet: str, rules: Sequence[KeyRule]) -> str:
    """Return a policy file with these keys."""
    lines = [
        f"# Who may ask what of which device of fleet {fleet}. After a change: ripieno fleet policy FOLDER",
        "# kinds: status logs snapshot why check self-test plan apply cancel settings recipe asks answer restart",
        "#        observe act manual bypass auto",
        "#        safe stop policy, desired (fleet set), bundle (who may sign a release)",
        "# A pattern is a name, or its beginning with * behind it.",
        "",
        'two_keys = []                # kinds that need the signatures of two keys, such as ["apply", "policy"]',
    ]
    for rule in rules:
        lines += [
            "",
            "[[key]]",
            f'name = "{rule.name}"',
            f'public = "{base64.b64encode(rule.public).decode()}"',
            f"kinds = {_list(rule.kinds)}",
            f"devices = {_list(rule.devices)}",
            f"per_minute = {rule.per_minute}",
        ]
    return "\n".join([*lines, ""])


def read_text(text: str, name: str, fleet: str, serial: int, issued_us: int = 0) -> Policy:
    """Return the policy that a file says.

    Raises:
        ConfigError: with every problem at once; `name` is the file's.
    """
    try:
        plain = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([Problem(name, 0, 0, "", f"not TOML: {error}")]) from None
    problems: list[Problem] = []

    def wrong(path: str, message: str, hint: str = "") -> None:
        problems.append(Problem(name, 0, 0, path, message, hint))

    for key in plain.keys() - _TOP:
        wrong(key, "unknown", f"there are {', '.join(sorted(_TOP))}")
    two = plain.get("two_keys", [])
    if not _is_texts(two):
        wrong("two_keys", 'should be a list such as ["apply"]')
    listed = plain.get("key", [])
    if not isinstance(listed, list) or not 0 < len(listed) <= MAX_KEYS:
        wrong("key", f"1 to {MAX_KEYS} [[key]] sections are expected")
        listed = []
    rules = [rule for number, each in enumerate(listed, 1) if (rule := _rule(each, f"key {number}", wrong))]
    for rule in rules:
        if sum(rule.public == other.public for other in rules) > 1:
            wrong(rule.name, "this key stands more than once")
    if problems:
        raise ConfigError(problems)
    return Policy(fleet, serial, {key_id(rule.public): rule for rule in rules}, tuple(two), issued_us)


def _rule(plain: Any, path: str, wrong: Any) -> KeyRule | None:
    if not isinstance(plain, dict):
        wrong(path, "should be a [[key]] section")
        return None
    for key in plain.keys() - _KEY:
        wrong(f"{path}.{key}", "unknown", f"there are {', '.join(sorted(_KEY))}")
    try:
        public = base64.b64decode(str(plain.get("public", "")), validate=True)
    except (binascii.Error, ValueError):
        public = b""
    if len(public) != PUBLIC_BYTES:
        wrong(f"{path}.public", f"should be {PUBLIC_BYTES} bytes in base64", "`ripieno fleet key` prints it")
    for list_name in ("kinds", "devices"):
        if not _is_texts(plain.get(list_name)):
            wrong(f"{path}.{list_name}", 'should be a list such as ["*"]')
    per_minute = plain.get("per_minute", 60)
    if type(per_minute) is not int or not 0 < per_minute <= MAX_PER_MINUTE:
        wrong(f"{path}.per_minute", f"should be 1 to {MAX_PER_MINUTE}")
    if not isinstance(plain.get("name"), str):
        wrong(f"{path}.name", "is missing")
    if len(public) != PUBLIC_BYTES or not _is_texts(plain.get("kinds")) or not _is_texts(plain.get("devices")):
        return None
    return KeyRule(str(plain.get("name")), public, tuple(plain["kinds"]), tuple(plain["devices"]), per_minute)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _list(words: Sequence[str]) -> str:
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"
