"""A console serves what it pushes, to whom it pushes: a request for anything else is left to whoever serves that."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from daemon.fleet.virtual import SeededEntropy, VirtualClock, run
from daemon.updates.releases import bundle_folder, packed, reversioned

from ripieno_daemon.bundles.packed_file import PackedBundle
from ripieno_daemon.console import Console, Serving
from ripieno_daemon.fleet import MessageBroker, Sender, Topics, decode
from ripieno_daemon.trust import Signer
from ripieno_daemon.updates.depot import Depot
from ripieno_daemon.updates.pieces import BLOCK, GET, NONE, Get


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[PackedBundle]:
    folder = tmp_path_factory.mktemp("releases")
    first = bundle_folder(folder / "first")
    return [packed(reversioned(first, folder / str(at), f"1.{at}.0"), at) for at in (1, 2)]


async def asked(made: list[PackedBundle], device: str, digest: str, serving: Any) -> list[str]:
    """Ask as `device` for the head of a release; return the types of what came back."""
    clock, entropy, broker = VirtualClock(), SeededEntropy(1), MessageBroker()
    client = broker.client("console-1", clock, entropy)
    console = Console(client, "plant", "console-1", clock, entropy, [Signer.new()], serving.hear)
    link, topics, came = broker.client(device, clock, entropy), Topics("plant", device), []

    def take(_topic: str, payload: bytes, ack: Any) -> None:
        ack()
        came.append(decode(payload).type)

    tasks = [
        asyncio.create_task(console.run("get")),
        asyncio.create_task(serving.run(console)),
        asyncio.create_task(link.run([topics.chunks], take, lambda: None, lambda _why: None)),
    ]
    await asyncio.sleep(1)
    body = Get(bytes.fromhex(digest), 0, 100).to_plain()
    await link.publish(topics.wanted_chunks, Sender(device, 1, clock, entropy).wrap(GET, body))
    await asyncio.sleep(1)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return came


def test_a_device_that_is_pushed_to_gets_what_is_pushed_and_no_word_on_anything_else(made: list[PackedBundle]) -> None:
    pushed, other = made

    def serving() -> Serving:
        return Serving([pushed], ["line-1"])

    assert run(asked(made, "line-1", pushed.release.digest, serving())) == [BLOCK]
    assert run(asked(made, "line-2", pushed.release.digest, serving())) == []
    assert run(asked(made, "line-1", other.release.digest, serving())) == []


def test_negative_control_a_depot_alone_tells_the_device_of_another_push_that_nobody_has_it(
    made: list[PackedBundle], tmp_path: Path
) -> None:
    """Five such answers end an update: two operators would end each other's."""

    class Careless(Serving):
        def hear(self, device: str, what: str, envelope: Any) -> None:
            if envelope.type == GET:
                self._depot.take(device, envelope.body)

    assert isinstance(Careless([made[0]], ["line-1"])._depot, Depot)
    assert run(asked(made, "line-2", made[1].release.digest, Careless([made[0]], ["line-1"]))) == [NONE]
