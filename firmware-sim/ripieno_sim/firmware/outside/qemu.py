"""The firmware's Cortex-M3 image in QEMU (machine mps2-an385): UART0 is the link, UART1 the plant bus."""

import asyncio
import secrets
import socket
from collections.abc import Callable
from pathlib import Path

from ripieno_sim.firmware.build import require
from ripieno_sim.firmware.outside.host import BoardDied
from ripieno_sim.firmware.outside.qmp import Qmp
from ripieno_sim.firmware.outside.wires import Wire

__all__ = ["QEMU", "QemuBoard"]

QEMU = "qemu-system-arm"
STRAPPED_AT = 0x2000_0000  # port/mps2/controller.c: seed, baud, its complement
_MASK32 = 0xFFFF_FFFF


class QemuBoard:
    """QEMU on two wires. A warm reset is QMP's system_reset, a cold one another QEMU with another seed in its RAM.

    Args:
        link, bus: its wires.
        baud: of the link.
        image: the build.

    Raises:
        ToolMissing: no QEMU.
    """

    def __init__(self, link: Wire, bus: Wire, baud: int, image: Path) -> None:
        self._program = require(QEMU, "to run the firmware's image")
        self._image = image
        self._link, self._bus, self._baud = link, bus, baud
        self._process: asyncio.subprocess.Process | None = None
        self._wanted_down = False
        self.qmp: Qmp | None = None

    async def live(self, fell: Callable[[], None]) -> None:
        """Run until cancelled; see OutsideBoard."""
        while True:
            ours, theirs = socket.socketpair()
            with theirs:
                self._process = process = await self._spawn(theirs)
            try:
                self.qmp = await Qmp.over(ours)
                _, words = await process.communicate()
            finally:
                if self.qmp is not None:
                    self.qmp.close()
                if process.returncode is None:
                    process.kill()
                    await process.wait()
            fell()
            if not self._wanted_down:
                raise BoardDied(f"QEMU ended with status {process.returncode}: {words.decode().strip()}")
            self._wanted_down = False

    async def reset(self, *, keep_ram: bool = True) -> None:
        """Reset the controller; see OutsideBoard."""
        if keep_ram and self.qmp is not None:
            await self.qmp.execute("system_reset")
        elif self._process is not None and self._process.returncode is None:
            self._wanted_down = True
            self._process.kill()

    async def _spawn(self, qmp: socket.socket) -> asyncio.subprocess.Process:
        wires = {"link": self._link.far_fd, "bus": self._bus.far_fd, "qmp": qmp.fileno()}
        strapped = (secrets.randbits(32), self._baud, self._baud ^ _MASK32)
        arguments = ["-M", "mps2-an385", "-kernel", str(self._image), "-display", "none", "-monitor", "none"]
        for place, word in enumerate(strapped):
            arguments += ["-device", f"loader,addr={STRAPPED_AT + 4 * place:#x},data={word:#x},data-len=4"]
        for name, fd in wires.items():
            arguments += ["-chardev", f"socket,id={name},fd={fd}"]
        arguments += ["-serial", "chardev:link", "-serial", "chardev:bus", "-mon", "chardev=qmp,mode=control"]
        return await asyncio.create_subprocess_exec(
            self._program,
            *arguments,
            pass_fds=tuple(wires.values()),
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
