"""A scrape as Prometheus does it: over HTTP, from a real daemon, read by its own parser."""

from __future__ import annotations

import argparse
import asyncio
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from scenarios.serving import site

from ripieno_daemon.cli.running.metrics import server_for


@contextmanager
def served(socket: Path) -> Iterator[str]:
    server = server_for(argparse.Namespace(serve=("127.0.0.1", 0), socket=socket, state=None))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def get(url: str) -> tuple[int, str, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, "", error.read().decode()


def test_a_running_daemon_is_scraped(tmp_path: Path) -> None:
    async def look() -> dict[str, tuple[int, str, str]]:
        async with site(tmp_path) as line, line.daemon() as daemon:
            await daemon.until("ready")
            with served(daemon.socket) as url:
                return {
                    path: await asyncio.to_thread(get, url + path) for path in ("/metrics", "/healthz", "/readyz", "/x")
                }

    found = asyncio.run(look())

    status, kind, text = found["/metrics"]
    values = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert status == 200 and kind.startswith("text/plain; version=0.0.4")
    assert values["ripieno_device_up", "conveyor"] == 1
    assert values["ripieno_ready",] == 1
    assert values["ripieno_ledger_head",] > 0
    assert values["ripieno_resident_memory_bytes",] > 10_000_000
    assert (found["/healthz"][0], found["/readyz"][0], found["/x"][0]) == (200, 200, 404)


def test_without_a_daemon_it_is_not_healthy(tmp_path: Path) -> None:
    """Negative control: a probe that is always content would hide a dead daemon."""
    with served(tmp_path / "nobody.sock") as url:
        found = [get(url + path) for path in ("/healthz", "/readyz", "/metrics")]

    assert [status for status, _, _ in found] == [503, 503, 503]
    assert "no daemon answers" in found[0][2]
