"""The tiers of this folder: `cc` (make and a C compiler) and `qemu` (QEMU and a compiler for the Cortex-M3)."""

from tiers import miss

from ripieno_sim.firmware import ToolMissing
from ripieno_sim.firmware.build import require


def need_tools(tier: str, *programs: str) -> None:
    """Skip the calling test, saying what to install; fail it where the tier is required."""
    for program in programs:
        try:
            require(program, f"for the tier {tier}")
        except ToolMissing as missing:
            miss(tier, str(missing))
