"""A policy says who may ask what; only the root key's is one, and what is wrong in its file is named with its place."""

from __future__ import annotations

import pytest

from ripieno.errors import ConfigError
from ripieno_daemon.packed import pack, unpack
from ripieno_daemon.trust import BadSeal, KeyRule, Policy, Signer, read_policy, seal
from ripieno_daemon.trust.policy import sign_policy
from ripieno_daemon.trust.policy_text import read_text, write_text
from ripieno_daemon.trust.sealed import POLICY

ROOT, ANNA, BEN = Signer.new(), Signer.new(), Signer.new()
RULES = (
    KeyRule("anna", ANNA.public, ("*",), ("line-*",), 10),
    KeyRule("ben", BEN.public, ("status", "stop"), ("line-3",)),
)


def policy(serial: int = 3) -> Policy:
    return Policy("plant", serial, {ANNA.id: RULES[0], BEN.id: RULES[1]}, ("apply",))


@pytest.mark.parametrize(
    ("key", "kind", "device", "allowed"),
    [
        (ANNA, "apply", "line-3", True),
        (ANNA, "apply", "oven", False),
        (BEN, "stop", "line-3", True),
        (BEN, "apply", "line-3", False),
        (BEN, "status", "line-4", False),
        (ROOT, "status", "line-3", False),
    ],
)
def test_a_key_may_ask_what_its_rule_covers(key: Signer, kind: str, device: str, allowed: bool) -> None:
    read = read_policy(sign_policy(policy(), ROOT), ROOT.public, "plant")

    assert read.allows(key.id, kind, device) is allowed


def test_two_keys_are_needed_where_the_policy_says_so() -> None:
    read = read_policy(sign_policy(policy(), ROOT), ROOT.public, "plant")

    assert (read.keys_needed("apply"), read.keys_needed("status"), read.serial) == (2, 1, 3)


def test_a_policy_of_another_key_or_fleet_is_none() -> None:
    with pytest.raises(BadSeal, match="lists none of these"):
        read_policy(sign_policy(policy(), ANNA), ROOT.public, "plant")
    with pytest.raises(BadSeal, match="a policy of fleet 'plant'; this is 'other'"):
        read_policy(sign_policy(policy(), ROOT), ROOT.public, "other")


def test_a_policy_with_more_rights_than_were_signed_is_none() -> None:
    """Negative control of the signature: the same bytes unchanged are read."""
    signed = sign_policy(policy(), ROOT)
    body = unpack(signed, 100_000)
    body["p"] = body["p"].replace(b"status", b"apply*")

    read_policy(signed, ROOT.public, "plant")
    with pytest.raises(BadSeal, match="does not fit these bytes"):
        read_policy(pack(body, 100_000), ROOT.public, "plant")


@pytest.mark.parametrize(
    "plain", [{}, {"v": 2}, [], {"v": 1, "fleet": "plant", "serial": 0, "issued": 0, "two": [], "keys": []}]
)
def test_signed_nonsense_is_refused_too(plain: object) -> None:
    packed = pack(seal(POLICY, pack(plain, 1000), [ROOT]), 2000)

    with pytest.raises(BadSeal):
        read_policy(packed, ROOT.public, "plant")


def test_a_written_file_reads_as_the_same_policy() -> None:
    assert read_text(write_text("plant", RULES), "policy.toml", "plant", 3).keys == policy().keys


def test_every_problem_of_a_file_is_told_at_once() -> None:
    text = write_text("plant", RULES).replace("kinds = [", "kind = [", 1).replace("per_minute = 60", "per_minute = 0")

    with pytest.raises(ConfigError) as raised:
        read_text(text, "policy.toml", "plant", 1)

    assert [str(problem) for problem in raised.value.problems] == [
        "policy.toml: key 1.kind: unknown (there are devices, kinds, name, per_minute, public)",
        'policy.toml: key 1.kinds: should be a list such as ["*"]',
        "policy.toml: key 2.per_minute: should be 1 to 100000",
    ]
