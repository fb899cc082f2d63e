"""How one board differs from another."""

from dataclasses import dataclass

from ripieno_sim.board.channels import Channel

__all__ = ["BoardSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardSettings:
    """What is burnt in, soldered or glued on. `clock_start_us` is what the clock shows after each reset."""

    table: tuple[Channel, ...]
    device_uid: bytes = b"RIPIENO-SIM\0"
    fw_id: int = 0x0001_0000
    baud: int = 1_000_000
    sample_us: int = 20_000
    boot_us: int = 2_000
    watchdog_us: int = 500_000
    clock_start_us: int = 0
    drift_ppm: int = 0
    estop_input: int | None = 2

    @property
    def byte_ns(self) -> int:
        """How long one byte takes on the wire: 10 bits."""
        return 10_000_000_000 // self.baud
