"""A whole update: planned, pulled, tried, kept or given up; cut by restarts; with the network off when it goes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

import pytest
from daemon.fleet.virtual import SeededEntropy, VirtualClock, run
from daemon.updates.cut_disk import CutDisk
from daemon.updates.releases import DEVICE, KEY, OTHER, POLICY, bundle_folder, packed, reversioned
from daemon.updates.test_power_cut import NAME, bring
from daemon.updates.test_trial import results

from ripieno_daemon.bundles.packed_file import PackedBundle, with_signature
from ripieno_daemon.fleet import MessageBroker, Sender, Topics
from ripieno_daemon.orders.executors import NotDone
from ripieno_daemon.trust import KeyRule, Policy
from ripieno_daemon.updates.executing import Applying, Cancelling, Planning
from ripieno_daemon.updates.over_broker import asking, serve, take_piece
from ripieno_daemon.updates.slots import Refused, Slots
from ripieno_daemon.updates.transfer import Transfer
from ripieno_daemon.updates.trial import Gates, Noted
from ripieno_daemon.updates.updater import IDLE, ON_TRIAL, PULLING, Updater
from ripieno_daemon.updates.verdict import CONTRACT, Failure, Verdict

T = TypeVar("T")
FLEET = "plant"
GATES = Gates(results=200, soak_s=30)


async def here(call: Callable[[], T]) -> T:
    return call()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[PackedBundle]:
    folder = tmp_path_factory.mktemp("releases")
    first = bundle_folder(folder / "first")
    return [packed(reversioned(first, folder / str(at), f"1.{at}.0"), at) for at in (1, 2, 3)]


class Site:
    """A device with release 1, a line that makes parts, and a console that serves the others."""

    def __init__(self, made: list[PackedBundle]) -> None:
        self.made, self.disk, self.clock = made, CutDisk(), VirtualClock()
        self.broker, self.entropy = MessageBroker(), SeededEntropy(5)
        self.told: list[Mapping[str, Any]] = []
        self.switches: list[tuple[str, int]] = []
        self.verdict, self.refusal, self.policy = Verdict(()), "", POLICY
        self.serves, self.bad = True, False
        slots = Slots(self.disk, NAME)
        slots.open()
        bring(slots, made[0])
        slots.set_factory(made[0].release.digest)

    def updater(self) -> Updater:
        """The daemon's process, begun anew."""
        topics, sender = Topics(FLEET, DEVICE), Sender(DEVICE, 1, self.clock, self.entropy)
        link = self.broker.client(DEVICE, self.clock, self.entropy)
        made = Updater(
            self.disk,
            NAME,
            DEVICE,
            policy=lambda: self.policy,
            transfer=lambda slots: Transfer(slots.store, asking(link, topics, sender), here, self.clock),
            switch=self.switch,
            test=self.test,
            away=here,
            clock=self.clock,
            tell=self.told.append,
            gates=GATES,
        )
        take = lambda _topic, payload, ack: take_piece(made.transfer, payload, ack)  # noqa: E731
        self.linking = lambda: link.run([topics.chunks], take, lambda: None, lambda _why: None)
        return made

    async def switch(self, why: str) -> str:
        self.switches.append((why, self.clock.monotonic_ns()))
        return self.refusal

    async def test(self, new: str, before: str, changes: float) -> Verdict:
        assert new.endswith("/files") and before.endswith("/files") and changes == 0.0
        return self.verdict

    async def line(self, updater: Updater) -> None:
        """A part every 100 ms; a bad release knows none of them."""
        for noted in results(3, 100_000):
            is_new = updater.slots.standing.active == self.made[1].release.digest
            updater.note(Noted(None, 0) if self.bad and is_new else noted)
            await self.clock.sleep(0.1)

    async def during(self, updater: Updater, work: Coroutine[Any, Any, T]) -> T:
        """Run the device, its line and the console while `work` does something."""
        console = self.broker.client("console-1", self.clock, self.entropy)
        sender = Sender("console-1", 1, self.clock, self.entropy)
        around = [updater.run(), self.linking(), self.line(updater)]
        if self.serves:
            around.append(serve(console, FLEET, sender, self.made))
        tasks = [asyncio.create_task(one) for one in around]
        try:
            await self.clock.sleep(30)  # what runs has a history
            return await work
        finally:
            for task in tasks:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(one, asyncio.CancelledError) for one in outcomes), outcomes

    def start(self, updater: Updater) -> str:
        """Start the device as after a boot; return the folder that runs."""

        async def work() -> str:
            return updater.start()

        return run(work())

    def update(self, updater: Updater, seconds: float = 120.0, at: int = 1) -> None:
        """Plan and apply release `at`, then let `seconds` pass."""

        async def work() -> None:
            bundle = self.made[at]
            planned = await updater.plan(bundle.release.digest, len(bundle.head))
            await updater.apply(planned["plan"])
            await self.clock.sleep(seconds)

        self.start(updater)
        run(self.during(updater, work()))

    @property
    def whats(self) -> list[str]:
        return [str(one["what"]) for one in self.told]


def test_a_good_release_is_pulled_tried_and_kept(made: list[PackedBundle]) -> None:
    site = Site(made)
    updater = site.updater()
    site.update(updater)

    assert site.whats == ["on trial", "confirmed"]
    standing = Slots(site.disk, NAME).open()
    assert (standing.confirmed, standing.previous) == (made[1].release.digest, made[0].release.digest)
    assert Slots(site.disk, NAME).floor == 2 and updater.phase == IDLE
    assert len(site.switches) == 1


def test_a_release_that_is_bad_in_use_is_given_up_without_a_network_within_a_second(made: list[PackedBundle]) -> None:
    site = Site(made)
    site.bad = True
    updater = site.updater()

    async def work() -> None:
        planned = await updater.plan(made[1].release.digest, len(made[1].head))
        await updater.apply(planned["plan"])
        while updater.phase != ON_TRIAL:
            await site.clock.sleep(0.01)
        site.broker.stop()  # nobody is there any more
        trial = updater._trial
        assert trial is not None
        while trial.ended is None:
            await site.clock.sleep(0.01)
        verdict_ns = site.clock.monotonic_ns()
        while len(site.switches) < 2:
            await site.clock.sleep(0.01)
        assert site.switches[1][1] - verdict_ns <= 1_000_000_000
        await site.clock.sleep(1)

    site.start(updater)
    run(site.during(updater, work()))

    assert site.whats == ["on trial", "reverted"] and "results are unknown" in site.told[-1]["why"]
    slots = Slots(site.disk, NAME)
    assert slots.open().active == made[0].release.digest and slots.floor == 1


def test_a_release_that_fails_its_self_test_never_reaches_the_line(made: list[PackedBundle]) -> None:
    site = Site(made)
    site.verdict = Verdict((Failure(CONTRACT, "another shape"),))
    updater = site.updater()
    site.update(updater)

    assert site.switches == [] and site.whats == ["refused"] and "contract: another shape" in site.told[0]["why"]
    assert site.disk.names(f"bundles/{NAME}/releases") == [made[0].release.digest]
    with pytest.raises(Refused, match="another shape"):
        site.update(site.updater())


def test_a_release_that_the_line_cannot_start_is_reverted_and_the_link_points_back(made: list[PackedBundle]) -> None:
    site = Site(made)
    site.refusal = "device.yaml: no such output"
    site.update(site.updater())

    assert site.whats == ["reverted"] and "no such output" in site.told[0]["why"]
    assert site.disk.target(f"bundles/{NAME}/current") == f"releases/{made[0].release.digest}/files"


@pytest.mark.parametrize("seconds", [0.005, 0.02, 5.0, 20.0])
def test_a_restart_goes_on_where_it_was(made: list[PackedBundle], seconds: float) -> None:
    """Cut while it is pulled, or on trial; the new process needs no new order, and no console once all is there."""
    site = Site(made)
    site.update(site.updater(), seconds)
    site.serves = seconds < 1
    later = site.updater()
    folder = site.start(later)
    run(site.during(later, site.clock.sleep(120)))

    assert site.whats[-1] == "confirmed"
    assert Slots(site.disk, NAME).open().confirmed == made[1].release.digest
    assert folder.split("/")[3] in (made[0].release.digest, made[1].release.digest)


def test_a_trial_that_takes_the_device_down_each_time_is_given_up(made: list[PackedBundle]) -> None:
    site = Site(made)
    site.update(site.updater(), 5.0)
    folders = [site.start(site.updater()) for _ in range(4)]

    assert [folder.split("/")[3] == made[1].release.digest for folder in folders] == [True, True, False, False]
    assert site.whats[-1] == "reverted" and "no verdict after 3 starts" in str(site.told[-1]["why"])


def test_an_update_that_is_still_being_pulled_can_be_cancelled(made: list[PackedBundle]) -> None:
    site = Site(made)
    updater = site.updater()

    async def work() -> None:
        planned = await updater.plan(made[1].release.digest, len(made[1].head))
        site.broker.stop()
        await updater.apply(planned["plan"])
        await site.clock.sleep(1)
        assert updater.phase == PULLING
        assert updater.cancel() == made[1].release.digest
        await site.clock.sleep(5)

    site.start(updater)
    run(site.during(updater, work()))

    assert site.whats == ["cancelled"] and updater.phase == IDLE
    assert site.disk.names(f"bundles/{NAME}/incoming") == []
    assert updater.status()["last"]["what"] == "cancelled" and updater.status()["arriving"] == ""


def test_the_order_cancel_takes_back_what_is_pulled_by_its_digest_and_nothing_later(made: list[PackedBundle]) -> None:
    site = Site(made)
    updater = site.updater()
    cancel, wanted = Cancelling(lambda: [updater]), {"id": bytes.fromhex(made[1].release.digest)}

    async def refused(args: Mapping[str, bytes]) -> str:
        with pytest.raises(NotDone) as caught:
            await cancel(args, lambda _text: None)
        return caught.value.reason

    async def work() -> None:
        assert await refused(wanted) == "unknown"
        planned = await updater.plan(made[1].release.digest, len(made[1].head))
        site.broker.stop()
        await updater.apply(planned["plan"])
        await site.clock.sleep(1)
        assert updater.status()["arriving"] == made[1].release.digest
        assert await refused({"id": b""}) == "unknown" and await refused({"id": bytes(32)}) == "unknown"
        assert await cancel(wanted, lambda _text: None) == {"was": PULLING, "release": made[1].release.digest}
        site.broker.start()
        await site.clock.sleep(5)
        planned = await updater.plan(made[1].release.digest, len(made[1].head))
        await updater.apply(planned["plan"])
        while updater.phase != ON_TRIAL:
            await site.clock.sleep(0.1)
        assert await refused(wanted) == "phase"

    site.start(updater)
    run(site.during(updater, work()))

    assert site.whats == ["cancelled", "on trial"]


def test_what_must_not_come_in_is_refused_when_it_is_planned(made: list[PackedBundle]) -> None:
    site = Site(made)
    updater = site.updater()

    async def refused(bundle: PackedBundle, digest: str = "") -> str:
        with pytest.raises(Refused) as caught:
            await updater.plan(digest or bundle.release.digest, len(bundle.head))
        return caught.value.reason

    async def work() -> None:
        assert await refused(made[0]) == "same"
        site.policy = Policy("plant", 2, {OTHER.id: KeyRule("b", OTHER.public, ("*",), ("*",))})
        assert await refused(made[1]) == "unknown-key"
        site.policy = Policy("plant", 2, {KEY.id: KeyRule("a", KEY.public, ("bundle",), ("press-*",))})
        assert await refused(made[1]) == "not-allowed"
        site.policy = POLICY
        with pytest.raises(Refused, match="plan it again"):
            await updater.apply("00" * 32)
        await updater.plan(made[1].release.digest, len(made[1].head))
        planned = await updater.plan(made[2].release.digest, len(made[2].head))
        assert planned["files"] == {"new": [], "gone": [], "changed": ["manifest.json", "pipeline.yaml"]}
        assert planned["signed_by"] == ["releaser"]

    site.start(updater)
    run(site.during(updater, work()))
    assert site.told == [] and site.switches == []


def test_a_key_that_is_taken_out_of_the_policy_stops_what_is_still_arriving(made: list[PackedBundle]) -> None:
    site = Site(made)
    updater = site.updater()

    async def work() -> None:
        planned = await updater.plan(made[1].release.digest, len(made[1].head))
        site.broker.stop()
        await updater.apply(planned["plan"])
        await site.clock.sleep(1)

    site.start(updater)
    run(site.during(updater, work()))
    site.broker.start()
    site.policy = Policy("plant", 2, {OTHER.id: KeyRule("b", OTHER.public, ("*",), ("*",))})
    later = site.updater()
    site.start(later)
    run(site.during(later, site.clock.sleep(60)))

    assert site.whats == ["refused"] and "unknown-key" in site.told[0]["why"]
    assert Slots(site.disk, NAME).open().active == made[0].release.digest


def test_the_orders_plan_and_apply_carry_the_hash_and_say_why_not(made: list[PackedBundle]) -> None:
    site = Site(made)
    updater = site.updater()
    plan, apply = Planning(updater), Applying(updater)

    async def refused(doing: Planning | Applying, args: Mapping[str, str]) -> str:
        with pytest.raises(NotDone) as caught:
            await doing(args, lambda _text: None)
        return caught.value.reason

    async def work() -> None:
        bundle = made[1]
        for odd in ("", "x:1", "ab" * 32, f"{'ab' * 32}:-1", f"{'AB' * 32}:5", f"{'ab' * 32}:9999999999"):
            assert await refused(plan, {"bundle": odd}) == "arguments"
        assert await refused(plan, {"bundle": f"{made[0].release.digest}:{len(made[0].head)}"}) == "same"
        assert await refused(apply, {"plan": "00"}) == "plan"
        planning = asyncio.create_task(
            plan({"bundle": f"{bundle.release.digest}:{len(bundle.head)}"}, lambda _text: None)
        )
        await asyncio.sleep(0)
        assert await refused(plan, {"bundle": f"{bundle.release.digest}:{len(bundle.head)}"}) == "busy"
        planned = await planning
        begun = await apply({"plan": planned["plan"]}, lambda _text: None)
        assert begun == {"release": bundle.release.digest, "phase": PULLING}
        assert await refused(apply, {"plan": planned["plan"]}) == "busy"
        await site.clock.sleep(120)

    site.start(updater)
    run(site.during(updater, work()))
    assert site.whats == ["on trial", "confirmed"]


def test_two_keys_where_the_policy_wants_two(made: list[PackedBundle]) -> None:
    site = Site(made)
    rules = {key.id: KeyRule(name, key.public, ("bundle",), ("*",)) for name, key in (("a", KEY), ("b", OTHER))}
    site.policy = Policy("plant", 2, rules, two=("bundle",))
    with pytest.raises(Refused, match="2 are needed"):
        site.update(site.updater())
    site.made = [made[0], with_signature(made[1].path, OTHER), made[2]]
    site.update(site.updater())

    assert site.whats == ["on trial", "confirmed"]
