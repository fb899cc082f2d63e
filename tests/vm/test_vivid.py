"""The tier `vm`: cameras on the kernel's own virtual V4L2 device, in a virtual machine that has this kernel module.

It takes two to five minutes, because QEMU emulates the processor, so it runs where it is asked for:

    apt install qemu-system-x86 busybox-static
    RIPIENO_VM=1 make test ARGS="tests/vm -s"
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from tiers import miss

from vm.machine import Missing, run

ROOT = Path(__file__).parents[2]
INSIDE = "tests/vm/vivid_inside.py"
SECONDS = 900
SCRIPT = f"""\
cd {ROOT}
export PATH={Path(sys.executable).parent}:/usr/bin:/bin HOME=/tmp PYTHONDONTWRITEBYTECODE=1
exec python -m pytest -s --color=no --timeout 600 {INSIDE}
"""


def is_wanted() -> bool:
    return os.environ.get("RIPIENO_VM") == "1" or "vm" in os.environ.get("RIPIENO_REQUIRE", "").split(",")


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 60)
def test_v4l2_keeps_its_promises_on_the_kernels_own_camera() -> None:
    if not is_wanted():
        pytest.skip(f"vm: takes minutes; RIPIENO_VM=1 runs {INSIDE} in a virtual machine")
    try:
        code, said = run(SCRIPT, ["vivid"], SECONDS)
    except Missing as missing:
        miss("vm", str(missing))
    print(said)

    assert code == 0, said
    assert "6 passed" in said


def test_a_script_that_fails_in_the_machine_fails_here() -> None:
    """Negative control, and that the machine's own exit code is the one that counts."""
    if not is_wanted():
        pytest.skip("vm: takes a minute; RIPIENO_VM=1 runs it")
    try:
        code, said = run("test -e /dev/video0 && exit 3\nexit 7\n", [], SECONDS)
    except Missing as missing:
        miss("vm", str(missing))

    assert code == 7, said
