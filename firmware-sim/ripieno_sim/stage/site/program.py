"""The process of a simulated line: says a word when the port is there, and ends when its daemon does."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

from .running import CAMERA, Site, SiteSettings


def main(line: socket.socket, memory: int, arguments: list[str]) -> int:
    """Run until the other end of `line` is closed."""
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    return asyncio.run(_serve(line, SiteSettings(folder, folder / CAMERA, seed=int(arguments[1]))))


async def _serve(line: socket.socket, settings: SiteSettings) -> int:
    site = Site(settings)
    running = asyncio.create_task(site.run(), name="line")
    line.setblocking(False)
    loop = asyncio.get_running_loop()
    opened = asyncio.ensure_future(site.is_open.wait())
    await asyncio.wait({running, opened}, return_when=asyncio.FIRST_COMPLETED)
    opened.cancel()
    if not running.done():
        await loop.sock_sendall(line, b"there")
        closed = asyncio.ensure_future(loop.sock_recv(line, 100))
        await asyncio.wait({running, closed}, return_when=asyncio.FIRST_COMPLETED)
        closed.cancel()
    running.cancel()
    results = await asyncio.gather(running, return_exceptions=True)
    if isinstance(results[0], Exception):
        raise results[0]
    return 0
