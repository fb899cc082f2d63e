"""A port: real serial lines. pyserial opens and configures; reading and writing go through the loop, on the bare
descriptor.

pyserial's own write can spin for ever on a full buffer (pyserial issue 280), and it leaves BRKINT and IGNPAR as it
finds them: here a
break arrives as one 0x00, which the protocol takes as a delimiter (docs/link-protocol.md section 1).
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Final

import serial
from serial.rs485 import RS485Settings

from ripieno.contracts.ports import Line
from ripieno.errors import DeviceError
from ripieno_drivers.serial_line.framing import EIGHT_N_ONE, Framing

from .names import Rotation, is_pattern

READ_BYTES: Final = 4096
_IFLAG, _OFLAG, _CFLAG, _LFLAG, _CC = 0, 1, 2, 3, 6
"""Places in what tcgetattr returns."""


class SerialLine:
    """An open serial port. Made by SerialLines."""

    def __init__(self, port: serial.Serial, on_bytes: Callable[[bytes], None], on_lost: Callable[[str], None]) -> None:
        self._serial = port
        self._fd: int = port.fileno()
        self._on_bytes = on_bytes
        self._on_lost = on_lost
        self._is_open = True
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._fd, self._read)

    def write(self, data: bytes) -> int:
        """Return how many bytes the driver took; 0 when its buffer is full or the line is gone."""
        if not self._is_open or not data:
            return 0
        try:
            return os.write(self._fd, data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as error:
            self._lose(error.strerror or str(error))
            return 0

    def close(self) -> None:
        """Give the port back; nothing is called afterwards. Bytes that the driver still holds are thrown away: a
        closing
        tty would wait up to 30 s for them.
        """
        if not self._is_open:
            return
        self._is_open = False
        self._loop.remove_reader(self._fd)
        for leave in (
            lambda: termios.tcflush(self._fd, termios.TCOFLUSH),
            lambda: fcntl.ioctl(self._fd, termios.TIOCNXCL),
            self._serial.close,
        ):
            try:
                leave()
            except (OSError, termios.error):
                pass  # the device may be gone already

    def _read(self) -> None:
        try:
            received = os.read(self._fd, READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lose(error.strerror or str(error))
            return
        if received:
            self._on_bytes(received)
        else:
            self._lose("unplugged")  # a descriptor at its end stays readable: without this the loop would spin

    def _lose(self, why: str) -> None:
        if self._is_open:
            port = self._serial.port
            self.close()
            self._loop.call_soon(self._on_lost, f"{port}: {why}")


class SerialLines:
    """The `Lines` of a real machine: 8N1 where nothing else is asked for, no flow control, exclusively ours."""

    def __init__(self) -> None:
        self._rotation = Rotation()

    async def open(
        self, port: str, baud: int, on_bytes: Callable[[bytes], None], on_lost: Callable[[str], None]
    ) -> Line:
        """Open a port, of those that match a pattern the next one that is free; raises DeviceError with the port's
        name and the mend.
        """
        if not is_pattern(port):
            return await self.open_framed(port, baud, EIGHT_N_ONE, on_bytes, on_lost)
        refusal = DeviceError(f"{port}: no port has such a name; plug the board in")
        for name in self._rotation.order(port, [str(found) for found in Path(port).parent.glob(Path(port).name)]):
            try:
                line = await self.open_framed(name, baud, EIGHT_N_ONE, on_bytes, on_lost)
            except DeviceError as error:
                refusal = error
            else:
                self._rotation.tried(port, name)
                return line
        raise refusal

    async def open_framed(
        self, port: str, baud: int, framing: Framing, on_bytes: Callable[[bytes], None], on_lost: Callable[[str], None]
    ) -> Line:
        """Open a port with this framing; raises DeviceError also where the port cannot turn an RS-485 line round."""
        try:
            opened = serial.Serial(port, baud, timeout=0, exclusive=True)
        except ValueError as error:
            raise DeviceError(f"{port}: {error}; set another baud rate") from error
        except OSError as error:  # serial.SerialException is one
            raise DeviceError(f"{port}: {_mend(error)}") from error
        try:
            _make_raw(opened.fileno(), framing)
        except (OSError, termios.error) as error:
            opened.close()
            raise DeviceError(f"{port}: no serial port: {error}") from error
        if (turned := framing.rs485) is not None:
            try:
                opened.rs485_mode = RS485Settings(
                    turned.rts_on_send, not turned.rts_on_send, False, turned.before_ms / 1000, turned.after_ms / 1000
                )
            except (OSError, ValueError) as error:
                opened.close()
                raise DeviceError(
                    f"{port}: cannot turn an RS-485 line round: {error}; set `rs485: adapter` if the adapter does it"
                ) from error
        try:
            opened.set_low_latency_mode(True)
        except (OSError, ValueError, NotImplementedError):
            pass  # not every driver knows it; an FTDI adapter without it adds up to 16 ms to each reply
        return SerialLine(opened, on_bytes, on_lost)


def control_flags(found: int, framing: Framing) -> int:
    """Return termios' c_cflag for a framing; what else was found (the speed) stays."""
    off = termios.CSIZE | termios.PARENB | termios.PARODD | termios.CSTOPB | termios.CRTSCTS | termios.HUPCL
    flags = found & ~off | termios.CREAD | termios.CLOCAL
    flags |= termios.CS7 if framing.data_bits == 7 else termios.CS8
    flags |= {"none": 0, "even": termios.PARENB, "odd": termios.PARENB | termios.PARODD}[framing.parity]
    return flags | (termios.CSTOPB if framing.stop_bits == 2 else 0)


def _make_raw(fd: int, framing: Framing) -> None:
    """Every flag as we need it, whatever was found; the speed stays as pyserial set it."""
    attributes = termios.tcgetattr(fd)
    attributes[_IFLAG] = 0  # no IGNBRK, BRKINT, PARMRK: a break is read as one 0x00
    attributes[_OFLAG] = 0
    attributes[_LFLAG] = 0
    if framing.parity != "none":
        attributes[_IFLAG] = termios.INPCK  # without PARMRK a byte of wrong parity is read as 0x00: the checks find it
    attributes[_CFLAG] = control_flags(attributes[_CFLAG], framing)
    attributes[_CC][termios.VMIN] = 1  # with 0, "nothing yet" could not be told from a hang-up
    attributes[_CC][termios.VTIME] = 0
    termios.tcsetattr(fd, termios.TCSANOW, attributes)
    fcntl.ioctl(fd, termios.TIOCEXCL)
    os.set_blocking(fd, False)


def _mend(error: OSError) -> str:
    number = error.errno
    if number in (errno.ENOENT, errno.ENXIO, errno.ENODEV):
        return "no such port; plug the board in, or look in /dev/serial/by-id for its name"
    if number in (errno.EACCES, errno.EPERM):
        return "may not be opened; add the daemon's user to the group that owns it (often dialout)"
    if number in (errno.EBUSY, errno.EAGAIN):
        return "taken by another program; stop that one (ModemManager and a second daemon are common)"
    return f"cannot be opened: {error}"
