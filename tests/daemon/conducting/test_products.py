"""Another product, chosen on the running line: by a person, from afar, by a message; durable before it is confirmed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from daemon.conducting import test_booking_waits
from daemon.conducting.test_booking_waits import PIPELINE, conducted, told
from language.bundles import compiled

from ripieno.errors import CommandRefused
from ripieno.plan import InputPlan, PipelinePlan, Recipe
from ripieno.values import Message
from ripieno_daemon.conducting.conductor import Conductor
from ripieno_daemon.conducting.products import Products
from ripieno_daemon.ledger import Ledger
from ripieno_daemon.orders.executors import NotDone
from ripieno_daemon.remote.choosing import Choosing


def plan() -> PipelinePlan:
    """Return a desk with two products, and a scanner that names them."""
    one = compiled(PIPELINE)
    scanner = InputPlan("scanner", "message", 0, (("product", "text"),))
    recipes = (Recipe("letters", one.rules), Recipe("parcels", one.rules))
    return replace(one, inputs=(*one.inputs, scanner), recipes=recipes, chosen_by="scanner.product")


def on_the_line(folder: Path, work: Callable[[Conductor, Ledger], Awaitable[Any]]) -> Any:
    with mock.patch.object(test_booking_waits, "compiled", lambda _: plan()):
        return conducted(folder, lambda conductor, ledger, device: work(conductor, ledger))


def recipe_of_the_next(conductor: Conductor, key: str) -> str:
    """Let a question come, and return the recipe under which it began."""
    found: list[str] = []
    real = conductor.engine.standing.judge
    with mock.patch.object(
        conductor.engine.standing, "judge", lambda item, late=False: (found.append(item.recipe), real(item, late))
    ):
        told(conductor, key)
    return found[0]


def test_what_is_confirmed_is_durable_and_in_force(tmp_path: Path) -> None:
    async def work(conductor: Conductor, ledger: Ledger) -> None:
        products = Products(conductor, ledger)
        assert products.report() == {"recipe": "", "wrong": "", "products": ["letters", "parcels"]}
        said = await products.choose("parcels", "Grace")
        assert said == "items that begin from now on are decided by recipe 'parcels'"
        assert ledger.head()[0] == ledger.next_id - 1, "a restart knows it"
        assert recipe_of_the_next(conductor, "mail-1") == "parcels"
        assert "; those before by 'parcels'" in await products.choose("letters", "Grace")

    on_the_line(tmp_path, work)


def test_one_that_there_is_not_changes_nothing(tmp_path: Path) -> None:
    async def work(conductor: Conductor, ledger: Ledger) -> None:
        before = ledger.next_id
        with pytest.raises(CommandRefused, match="there is no recipe 'parcel'; there is letters, parcels"):
            await Products(conductor, ledger).choose("parcel", "Grace")
        with pytest.raises(NotDone, match="there is no recipe") as declined:
            await Choosing(lambda: conductor, ledger)({"recipe": "parcel"}, lambda _: None)
        assert (declined.value.reason, ledger.next_id) == ("recipe", before)

    on_the_line(tmp_path, work)


def test_an_order_from_afar_says_what_it_did(tmp_path: Path) -> None:
    async def work(conductor: Conductor, ledger: Ledger) -> None:
        said: list[str] = []
        done = await Choosing(lambda: conductor, ledger)({"recipe": "letters"}, said.append)
        assert done == {"recipe": "letters"} and "recipe 'letters'" in said[0]
        assert conductor.engine.scene.recipe == "letters"

    on_the_line(tmp_path, work)


def test_a_scanner_chooses(tmp_path: Path) -> None:
    async def work(conductor: Conductor, ledger: Ledger) -> None:
        conductor.arrive(Message("scanner", "scan-1", {"product": "parcels"}, 1, 1))
        assert recipe_of_the_next(conductor, "mail-1") == "parcels"
        conductor.arrive(Message("scanner", "scan-2", {"product": "crates"}, 2, 2))
        assert Products(conductor, ledger).report() == {
            "recipe": "crates",
            "wrong": "there is no recipe 'crates'",
            "products": ["letters", "parcels"],
        }
        await asyncio.sleep(0)

    on_the_line(tmp_path, work)


def test_a_device_without_recipes_says_so(tmp_path: Path) -> None:
    async def work(conductor: Conductor, ledger: Ledger, device: Any) -> None:
        assert Products(conductor, ledger).report() is None
        with pytest.raises(CommandRefused, match="the device file has no recipes"):
            await Products(conductor, ledger).choose("parcels", "Grace")

    conducted(tmp_path, work)
