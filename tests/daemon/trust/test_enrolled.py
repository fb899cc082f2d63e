"""What a device was given at its enrolment is read, or the file that is not what it should be is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from ripieno_daemon.ports import SystemClock
from ripieno_daemon.ports.clock_quality import PLAUSIBLE, SYNCHRONISED, clock_quality
from ripieno_daemon.trust import read_policy
from ripieno_daemon.trust.enrolled import MAX_POLICY_BYTES, NotEnrolled, read_enrolled
from ripieno_daemon.trust.founding import found


def test_the_files_of_an_enrolment_are_read(tmp_path: Path) -> None:
    fleet = found(tmp_path / "plant", "plant", ["localhost"], "127.0.0.1", 8883, SystemClock())
    folder = fleet.enrol("line-3")
    enrolled = read_enrolled(str(folder / "root.pub"), str(folder / "policy.signed"))

    assert enrolled.root_public == fleet.signer("root").public
    assert read_policy(enrolled.policy, enrolled.root_public, "plant").serial == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file or directory"),
        (b"", "1 to 65536 bytes are expected"),
        (b"ab" * 31, "64 hex letters of a public key"),
        (b"zz" * 32, "64 hex letters of a public key"),
        (b"\xff" * 64, "64 hex letters of a public key"),
        (b"ab" * MAX_POLICY_BYTES, "1 to 65536 bytes are expected"),
    ],
)
def test_a_file_that_is_something_else_is_named(tmp_path: Path, content: bytes | None, said: str) -> None:
    (tmp_path / "policy.signed").write_bytes(b"x")
    if content is not None:
        (tmp_path / "root.pub").write_bytes(content)

    with pytest.raises(NotEnrolled, match=said) as raised:
        read_enrolled(str(tmp_path / "root.pub"), str(tmp_path / "policy.signed"))
    assert str(tmp_path / "root.pub") in str(raised.value)


def test_the_kernel_says_whether_the_clock_is_disciplined() -> None:
    assert clock_quality() in (PLAUSIBLE, SYNCHRONISED)
