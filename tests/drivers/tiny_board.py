"""A board of a hundred lines for the driver's own tests: it answers as it is told to. The real one is ripieno_sim's."""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections.abc import Callable

from ripieno.errors import DeviceError
from ripieno_drivers.link import codec
from ripieno_drivers.link.messages import Status

DELAY_S = 0.001


class TinyBoard:
    """Remembers commands; `answer` decides what becomes of a new ACT. `deaf` and `mute` cut one direction."""

    def __init__(self, epoch: int = 0xE0C0, uid: bytes = b"tiny-board-1") -> None:
        self.epoch, self.uid, self.config_crc, self.proto = epoch, uid, 0x1234, 1
        self.boot_id = self.session = 1
        self.last_cmd_id = 0
        self.commands: dict[int, tuple[int, int]] = {}
        self.executed: list[int] = []
        self.received: list[codec.Frame] = []
        self.answer: Callable[[int, bytes], Status | None] = lambda cmd_id, args: Status.DONE
        self.count, self.state, self.armed, self.estop = 1000, 4, 0, False
        self.deaf = self.mute = False
        self.channels, self.pongs = 0b11, True
        self.send: Callable[[bytes], None] = lambda wire: None
        self.clock_ahead_us = 77_000_000
        self._nonce = 0
        self._reset_session()

    def _reset_session(self) -> None:
        self._decoder = codec.Decoder()
        self.token = 0
        self._expected = self._next = 0

    def reset(self, epoch: int | None = None) -> None:
        """Boot again; another `epoch` means that the journal is lost."""
        self.boot_id += 1
        self._nonce = 0
        self._reset_session()
        self.armed = 0
        if epoch is not None:
            self.epoch, self.last_cmd_id = epoch, 0
            self.commands.clear()
        self._emit(codec.BOOT, struct.pack("<IB", self.boot_id, 2))

    def feed(self, wire: bytes) -> None:
        if self.deaf:
            return
        for body in self._decoder.feed(wire):
            frame = codec.open_body(body, self.token) if body else None
            if frame is not None:
                self.received.append(frame)
                self._take(frame)

    def event(self, kind: int, source: int = 0, number: int = 0, value: int = 0) -> None:
        self._emit(codec.EVENT, struct.pack("<BBIiIi", kind, source, self._now(), self.count, number, value))

    def done(self, cmd_id: int, status: Status, type_: int = codec.DONE) -> None:
        """Say (and remember) what became of a command."""
        _, crc = self.commands.get(cmd_id, (0, 0))
        if status is not Status.NONE:
            self.commands[cmd_id] = (status, crc)
        if status in (Status.NONE, Status.FORGOTTEN):
            crc = 0
        self._emit(type_, struct.pack("<IBIIi", cmd_id, status, crc, self._now(), self.count))

    def sample(self) -> None:
        fields = (self._now(), self.count, 7, self.state, self.armed, 0, 0)
        self._emit(codec.SAMPLE, struct.pack("<IiIHHHH", *fields))

    def _now(self) -> int:
        return int(asyncio.get_running_loop().time() * 1e6) + self.clock_ahead_us & 0xFFFFFFFF

    def _emit(self, type_: int, payload: bytes) -> None:
        seq = 0
        if type_ in codec.RELIABLE:
            seq, self._next = self._next, (self._next + 1) & 0xFF
        if not self.mute:
            self.send(codec.encode(type_, seq, self._expected, payload, self.token))

    def _take(self, frame: codec.Frame) -> None:
        if frame.type == codec.HELLO:
            (nonce,) = struct.unpack_from("<I", frame.payload, 2)
            if nonce != self._nonce:
                self._nonce, self.session = nonce, self.session + 1
                self._reset_session()
                self.token = 0xABC000 + self.session
            head = struct.pack("<BBHI12s", self.proto, 16, self.state, nonce, self.uid)
            numbers = (self.boot_id, self.token, self.last_cmd_id, self.epoch, self._now(), self.count, 7, 1)
            tail = struct.pack("<IIIIIiII", *numbers) + struct.pack("<IBB", self.config_crc, 1, 8)
            self._emit(codec.WELCOME, head + tail)
            return
        if frame.type in codec.RELIABLE:
            if frame.seq != self._expected:
                self._emit(codec.ACK, b"")
                return
            self._expected = (self._expected + 1) & 0xFF
            self._emit(codec.ACK, b"")
        match frame.type:
            case codec.PING if self.pongs:
                tag = frame.payload[:4]
                self._emit(codec.PONG, tag + struct.pack("<IiHH", self._now(), self.count, self.state, self.armed))
                self.sample()
            case codec.ACT:
                self._act(frame.payload)
            case codec.QUERY:
                (cmd_id,) = struct.unpack("<I", frame.payload)
                self.done(cmd_id, Status(self.commands.get(cmd_id, (Status.NONE, 0))[0]), codec.STATUS)
            case codec.CANCEL:
                (cmd_id,) = struct.unpack("<I", frame.payload)
                if self.commands.get(cmd_id, (0, 0))[0] == Status.PENDING:
                    self.done(cmd_id, Status.CANCELLED)
            case codec.ARM:
                (mask,) = struct.unpack("<H", frame.payload)
                self.armed |= mask & self.channels
                self.event(4, 0, self.armed)
            case codec.ESTOP:
                self.armed, self.state = 0, self.state | 3
                self._emit(codec.ESTOP, frame.payload)

    def _act(self, payload: bytes) -> None:
        (cmd_id,) = struct.unpack_from("<I", payload)
        assert cmd_id > self.last_cmd_id, "ids must rise"
        self.last_cmd_id = cmd_id
        self.commands[cmd_id] = (Status.PENDING, zlib.crc32(payload[4:]))
        status = self.answer(cmd_id, payload[4:])
        if status is Status.DONE:
            self.executed.append(cmd_id)
        if status is not None:
            self.done(cmd_id, status)


class TinyLine:
    def __init__(self, lines: TinyLines, on_bytes: Callable[[bytes], None], on_lost: Callable[[str], None]) -> None:
        self._lines, self._on_bytes, self.on_lost = lines, on_bytes, on_lost
        self.closed = False

    def write(self, data: bytes) -> int:
        taken = data[: self._lines.takes]
        if taken:
            self._lines.written.append(taken)
            asyncio.get_running_loop().call_later(DELAY_S, self._lines.board.feed, taken)
        return len(taken)

    def close(self) -> None:
        self.closed = True

    def deliver(self, wire: bytes) -> None:
        asyncio.get_running_loop().call_later(DELAY_S, lambda: self.closed or self._on_bytes(wire))


class TinyLines:
    """A `Lines` with one board behind it. `takes`: bytes that a write accepts; `missing`: the port is not there."""

    def __init__(self, board: TinyBoard) -> None:
        self.board = board
        self.takes = 1 << 20
        self.missing = False
        self.opened = 0
        self.written: list[bytes] = []
        self.line: TinyLine | None = None

    async def open(
        self, port: str, baud: int, on_bytes: Callable[[bytes], None], on_lost: Callable[[str], None]
    ) -> TinyLine:
        if self.missing:
            raise DeviceError(f"{port}: no such port")
        self.opened += 1
        self.line = TinyLine(self, on_bytes, on_lost)
        self.board.send = self.line.deliver
        return self.line
