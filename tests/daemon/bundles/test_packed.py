"""Packing, signing, verifying and comparing bundles."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from daemon.updates.releases import DEVICE, KEY, OTHER, POLICY, bundle_folder, packed
from hypothesis import given, settings
from hypothesis import strategies as st

from ripieno.errors import BundleError, RipienoError
from ripieno_daemon.bundles.packed_file import check_contents, open_packed, pack_bundle, parse_head, with_signature
from ripieno_daemon.bundles.release import CHUNK_BYTES, PackedFile, Release, chunk_digests, parse_index
from ripieno_daemon.bundles.signed import accepted_signers
from ripieno_daemon.cli.main import main
from ripieno_daemon.packed import pack
from ripieno_daemon.trust import BadSeal, KeyRule, Policy


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    big = bytes(range(256)) * 300  # more than two chunks, and they repeat
    return bundle_folder(tmp_path_factory.mktemp("made") / "colours", extra={"notes/big.bin": big, "empty.txt": b""})


def test_the_same_folder_gives_the_same_bytes_and_all_of_it_comes_back(folder: Path, tmp_path: Path) -> None:
    first, second = pack_bundle(folder, tmp_path / "a", 1), pack_bundle(folder, tmp_path / "b", 1)

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert first.release.digest == second.release.digest
    assert first.size == (tmp_path / "a").stat().st_size
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert {one.path for one in first.release.files} == there
    assert all(first.file(path) == (folder / path).read_bytes() for path in there)
    assert max(first.release.chunks.values()) <= CHUNK_BYTES


def test_a_chunk_that_two_files_share_is_packed_once(tmp_path: Path) -> None:
    same = b"a" * CHUNK_BYTES * 3
    made = packed(bundle_folder(tmp_path / "x", extra={"one.bin": same, "two.bin": same}), 1)

    assert made.size < 2 * CHUNK_BYTES + 20_000
    check_contents(made)


def test_every_damage_and_cut_is_noticed_and_named(folder: Path, tmp_path: Path) -> None:
    whole = packed(folder, 3).path.read_bytes()
    path = tmp_path / "damaged.bundle"
    for at in [*range(400), *range(400, len(whole), 997)]:
        damaged = bytearray(whole)
        damaged[at] ^= 0x10
        path.write_bytes(damaged)
        with pytest.raises(RipienoError):
            bundle = open_packed(path)
            check_contents(bundle)
            accepted_signers(parse_head(bundle.head), POLICY, DEVICE)
    for size in (0, 7, 19, 200, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(BundleError, match=r"cut off|not a packed bundle"):
            open_packed(path)
    path.write_bytes(whole + b"!")
    with pytest.raises(BundleError, match="longer than it says"):
        open_packed(path)


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_noise_is_refused_with_one_kind_of_error(noise: bytes) -> None:
    for read in (parse_head, parse_index):
        with pytest.raises(RipienoError):
            read(noise)


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x", "a//b", ".hidden", "a/.git/x", "a\\b", "", "a\0"])
def test_a_path_that_leads_out_is_refused(path: str) -> None:
    files = tuple(
        sorted([PackedFile(path, 0, ()), PackedFile("manifest.json", 1, chunk_digests(b"x"))], key=lambda one: one.path)
    )

    with pytest.raises(BundleError):
        parse_index(Release("n", "1", 1, 0.0, files).index)


@pytest.mark.parametrize(
    "change",
    [{"counter": 0}, {"counter": True}, {"changes": 2.0}, {"changes": 0}, {"v": 2}, {"files": []}, {"more": 1}],
)
def test_an_index_that_says_something_odd_is_refused(change: dict[str, object]) -> None:
    plain = {"v": 1, "name": "n", "version": "1", "counter": 1, "changes": 0.0}
    listed = [["manifest.json", 1, chunk_digests(b"x")[0]]]
    parse_index(pack({**plain, "files": listed}, 10_000))

    with pytest.raises(BundleError):
        parse_index(pack({**plain, "files": listed, **change}, 10_000))


def test_only_keys_that_may_sign_bundles_for_this_device_count(folder: Path) -> None:
    unsigned = packed(folder, 4, sign=False)
    one = parse_head(with_signature(unsigned.path, KEY).head)
    both = parse_head(with_signature(unsigned.path, OTHER).head)
    rules = {
        KEY.id: KeyRule("a", KEY.public, ("bundle",), ("line-*",)),
        OTHER.id: KeyRule("b", OTHER.public, ("stop",), ("*",)),
    }
    policy = Policy("plant", 1, rules)
    two = Policy("plant", 1, {**rules, OTHER.id: KeyRule("b", OTHER.public, ("*",), ("*",))}, two=("bundle",))

    assert [rule.name for rule in accepted_signers(one, policy, "line-1")] == ["a"]
    assert {rule.name for rule in accepted_signers(both, two, "line-1")} == {"a", "b"}
    for head, judge, device, reason in [
        (parse_head(unsigned.head), policy, "line-1", "unsigned"),
        (one, policy, "press-1", "not-allowed"),
        (both, Policy("plant", 1, {OTHER.id: rules[OTHER.id]}), "line-1", "not-allowed"),
        (one, two, "line-1", "not-allowed"),
        (one, Policy("plant", 1, {}), "line-1", "unknown-key"),
    ]:
        with pytest.raises(BadSeal) as caught:
            accepted_signers(head, judge, device)
        assert caught.value.reason == reason


def test_the_commands_from_a_folder_to_what_a_device_takes(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, changed = tmp_path / "one.bundle", tmp_path / "changed"
    assert main(["fleet", "init", str(tmp_path / "plant"), "--host", "127.0.0.1"]) == 0
    assert main(["fleet", "enrol", "--device", "line-1", str(tmp_path / "plant")]) == 0
    device = str(tmp_path / "plant/devices/line-1")

    assert main(["bundle", "pack", str(folder), "--counter", "7", "-o", str(file)]) == 0
    assert main(["bundle", "verify", str(file), "--device", device]) == 1
    assert "nobody has signed it" in capsys.readouterr().out
    assert main(["bundle", "sign", str(file), "--key", str(tmp_path / "plant/keys/operator.pem")]) == 0
    assert main(["bundle", "verify", str(file), "--device", device]) == 0
    assert "signed by operator" in capsys.readouterr().out
    assert main(["bundle", "diff", str(folder), str(file)]) == 0
    bundle_folder(changed, "1.1.0", least="0.75", extra={"card.md": b"# card"})
    capsys.readouterr()
    assert main(["bundle", "diff", str(file), str(changed), "--json", "-"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert [one["path"] for one in told["files"]["new"]] == ["card.md"]
    assert any("rules.pass.text" in line and "0.75" in line for line in told["pipeline"])
    assert main(["bundle", "verify", str(folder / "nothing")]) == 1
    assert "cannot be read" in capsys.readouterr().err
