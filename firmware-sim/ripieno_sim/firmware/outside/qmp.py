"""QEMU's machine protocol, as much of it as a board needs: commands, their answers, and events by name."""

import asyncio
import json
import socket
from collections.abc import Mapping
from typing import Any, Self

__all__ = ["Qmp", "QmpRefused"]


class QmpRefused(Exception):
    """QEMU did not do what it was told; the message holds its reason."""


class Qmp:
    """One connection. Answers come in the order of the commands; events are kept."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.events: list[str] = []
        self._reader, self._writer = reader, writer
        self._one_at_a_time = asyncio.Lock()

    @classmethod
    async def over(cls, ours: socket.socket) -> Self:
        """Greet QEMU at the other end of a socket, which is then ours to close by `close`."""
        reader, writer = await asyncio.open_connection(sock=ours)
        qmp = cls(reader, writer)
        await reader.readline()
        await qmp.execute("qmp_capabilities")
        return qmp

    async def execute(self, command: str, arguments: Mapping[str, Any] | None = None) -> Any:
        """Return what a command gives.

        Raises:
            QmpRefused: QEMU says no, or has gone.
        """
        async with self._one_at_a_time:
            said = {"execute": command} | ({"arguments": dict(arguments)} if arguments else {})
            self._writer.write(json.dumps(said).encode() + b"\n")
            await self._writer.drain()
            while line := await self._reader.readline():
                heard = json.loads(line)
                if "event" in heard:
                    self.events.append(str(heard["event"]))
                elif "error" in heard:
                    raise QmpRefused(f"{command}: {heard['error'].get('desc')}")
                elif "return" in heard:
                    return heard["return"]
        raise QmpRefused(f"{command}: QEMU has gone")

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()
