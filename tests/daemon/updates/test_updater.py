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
from ripieno_daemon.updates.judging import Authority
from ripieno_daemon.updates.over_broker import asking, serve
from ripieno_daemon.updates.slots import Refused, Slots
from ripieno_daemon.updates.telling import CHANGED, GIVEN_UP
from ripieno_daemon.updates.trial import Gates, Noted
from ripieno_daemon.updates.updater import IDLE, ON_TRIAL, PULLING, TESTING
from ripieno_daemon.updates.updates import Updates
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
        self.serves, self.bad, self.test_s = True, False, 0.0
        slots = Slots(self.disk, NAME)
        slots.open()
        bring(slots, made[0])
        slots.set_factory(made[0].release.digest)

    def device(self) -> Updates:
        """The daemon's process, begun anew."""
        topics, sender = Topics(FLEET, DEVICE), Sender(DEVICE, 1, self.clock, self.entropy)
        link = self.broker.client(DEVICE, self.clock, self.entropy)
        made = self.updates = Updates(
            switch=self.switch,
            test=self.test,
            away=here,
            clock=self.clock,
            tell=lambda told: self.told.append(told) if told["what"] not in (CHANGED, GIVEN_UP) else None,
            gates=lambda: GATES,
        )
        made.add(self.disk, NAME)
        made.connected(asking(link, topics, sender), lambda: self.policy and Authority(self.policy, DEVICE))
        take = lambda _topic, payload, ack: made.take(payload, ack)  # noqa: E731
        self.linking = lambda: link.run([topics.chunks], take, lambda: None, lambda _why: None)
        return made

    async def switch(self, why: str, name: str, folder: str) -> str:
        """The line begins with what `current` leads to, unless it cannot."""
        self.switches.append((why, self.clock.monotonic_ns()))
        if self.refusal and self.made[0].release.digest not in folder:
            return self.refusal
        assert folder == f"bundles/{name}/{self.disk.target(f'bundles/{name}/current')}"
        self.updates.runs({name: folder.split("/")[3]}, {"look": name})
        return ""

    async def test(self, new: str, before: str, changes: float) -> Verdict:
        await self.clock.sleep(self.test_s)
        assert new.endswith("/files") and before.endswith("/files") and changes == 0.0
        return self.verdict

    async def line(self, updates: Updates) -> None:
        """A part every 100 ms; a bad release knows none of them."""
        for noted in results(3, 100_000):
            is_new = updates.by_name[NAME].slots.standing.active == self.made[1].release.digest
            updates.note("look", Noted(None, 0) if self.bad and is_new else noted)
            await self.clock.sleep(0.1)

    async def during(self, updates: Updates, work: Coroutine[Any, Any, T]) -> T:
        """Run the device, its line and the console while `work` does something."""
        console = self.broker.client("console-1", self.clock, self.entropy)
        sender = Sender("console-1", 1, self.clock, self.entropy)
        around = [updates.run(), self.linking(), self.line(updates)]
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

    def start(self, updates: Updates) -> str:
        """Start the device as after a boot; return the release that runs."""

        async def work() -> str:
            active = updates.by_name[NAME].start()
            updates.runs({NAME: active}, {"look": NAME})
            return active

        return run(work())

    def update(self, updater: Updates, seconds: float = 120.0, at: int = 1) -> None:
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
    updater = site.device()
    site.update(updater)

    assert site.whats == ["on trial", "confirmed"]
    standing = Slots(site.disk, NAME).open()
    assert (standing.confirmed, standing.previous) == (made[1].release.digest, made[0].release.digest)
    assert Slots(site.disk, NAME).floor == 2 and updater.by_name[NAME].phase == IDLE
    assert len(site.switches) == 1


def test_a_release_that_is_bad_in_use_is_given_up_without_a_network_within_a_second(made: list[PackedBundle]) -> None:
    site = Site(made)
    site.bad = True
    updater = site.device()

    async def work() -> None:
        planned = await updater.plan(made[1].release.digest, len(made[1].head))
        await updater.apply(planned["plan"])
        while updater.by_name[NAME].phase != ON_TRIAL:
            await site.clock.sleep(0.01)
        site.broker.stop()  # nobody is there any more
        trial = updater.by_name[NAME]._tryout.trial
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
    updater = site.device()
    site.update(updater)

    assert site.switches == [] and site.whats == ["refused"] and "contract: another shape" in site.told[0]["why"]
    assert site.disk.names(f"bundles/{NAME}/releases") == [made[0].release.digest]
    with pytest.raises(Refused, match="another shape"):
        site.update(site.device())


def test_a_release_that_the_line_cannot_start_is_reverted_and_the_link_points_back(made: list[PackedBundle]) -> None:
    site = Site(made)
    site.refusal = "device.yaml: no such output"
    site.update(site.device())

    assert site.whats == ["reverted"] and "no such output" in site.told[0]["why"]
    assert site.disk.target(f"bundles/{NAME}/current") == f"releases/{made[0].release.digest}/files"


@pytest.mark.parametrize("seconds", [0.005, 0.02, 5.0, 20.0])
def test_a_restart_goes_on_where_it_was(made: list[PackedBundle], seconds: float) -> None:
    """Cut while it is pulled, or on trial; the new process needs no new order, and no console once all is there."""
    site = Site(made)
    site.update(site.device(), seconds)
    site.serves = seconds < 1
    later = site.device()
    folder = site.start(later)
    run(site.during(later, site.clock.sleep(120)))

    assert site.whats[-1] == "confirmed"
    assert Slots(site.disk, NAME).open().confirmed == made[1].release.digest
    assert folder in (made[0].release.digest, made[1].release.digest)


def test_a_trial_that_takes_the_device_down_each_time_is_given_up(made: list[PackedBundle]) -> None:
    site = Site(made)
    site.update(site.device(), 5.0)
    folders = [site.start(site.device()) for _ in range(4)]

    assert [folder == made[1].release.digest for folder in folders] == [True, True, False, False]
    assert site.whats[-1] == "reverted" and "no verdict after 3 starts" in str(site.told[-1]["why"])


def test_an_update_that_is_still_being_pulled_can_be_cancelled(made: list[PackedBundle]) -> None:
    site = Site(made)
    updater = site.device()

    async def work() -> None:
        planned = await updater.plan(made[1].release.digest, len(made[1].head))
        site.broker.stop()
        await updater.apply(planned["plan"])
        await site.clock.sleep(1)
        assert updater.by_name[NAME].phase == PULLING
        assert updater.by_name[NAME].cancel() == made[1].release.digest
        await site.clock.sleep(5)

    site.start(updater)
    run(site.during(updater, work()))

    assert site.whats == ["cancelled"] and updater.by_name[NAME].phase == IDLE
    assert site.disk.names(f"bundles/{NAME}/incoming") == []
    assert updater.report()[NAME]["last"]["what"] == "cancelled" and updater.report()[NAME]["arriving"] == ""


def test_the_order_cancel_names_a_release_by_its_digest(made: list[PackedBundle]) -> None:
    site = Site(made)
    updater = site.device()
    cancel, wanted = Cancelling(updater), {"id": bytes.fromhex(made[1].release.digest)}

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
        assert updater.report()[NAME]["arriving"] == made[1].release.digest
        assert await refused({"id": b""}) == "unknown" and await refused({"id": bytes(32)}) == "unknown"
        assert await cancel(wanted, lambda _text: None) == {"was": PULLING, "release": made[1].release.digest}
        site.broker.start()
        await site.clock.sleep(5)
        planned = await updater.plan(made[1].release.digest, len(made[1].head))
        await updater.apply(planned["plan"])
        while updater.by_name[NAME].phase != ON_TRIAL:
            await site.clock.sleep(0.1)
        updater.by_name[NAME]._tryout.is_switching = True  # it can no more be said which of the two runs
        assert await refused(wanted) == "phase"

    site.start(updater)
    run(site.during(updater, work()))

    assert site.whats == ["cancelled", "on trial"]


def test_an_update_that_is_tested_or_on_trial_can_be_cancelled_too(made: list[PackedBundle]) -> None:
    """While it is tested nothing has changed yet; on trial the old release runs again."""
    for phase, seconds, whats in ((TESTING, 2.0, ["cancelled"]), (ON_TRIAL, 9.0, ["on trial", "reverted"])):
        site = Site(made)
        site.test_s = 5.0
        updates = site.device()

        async def work(
            phase: str = phase, seconds: float = seconds, site: Site = site, device: Updates = updates
        ) -> None:
            planned = await device.plan(made[1].release.digest, len(made[1].head))
            await device.apply(planned["plan"])
            await site.clock.sleep(seconds)
            assert device.by_name[NAME].phase == phase
            cancel = {"id": bytes.fromhex(made[1].release.digest)}
            assert (await Cancelling(device)(cancel, lambda _text: None))["was"] == phase
            await site.clock.sleep(5)

        site.start(updates)
        run(site.during(updates, work()))

        assert site.whats == whats and updates.by_name[NAME].phase == IDLE
        assert Slots(site.disk, NAME).open().active == made[0].release.digest
        assert site.disk.names(f"bundles/{NAME}/releases") == [made[0].release.digest]


def test_what_had_come_is_tested_after_a_kill_without_a_network(made: list[PackedBundle]) -> None:
    site = Site(made)
    site.test_s = 1e9
    site.update(site.device(), 5.0)
    site.test_s, site.serves = 0.0, False
    assert site.disk.names(f"bundles/{NAME}/incoming") == []
    later = site.device()
    site.start(later)
    run(site.during(later, site.clock.sleep(120)))

    assert site.whats == ["on trial", "confirmed"]


def test_a_trial_whose_release_does_not_run_is_never_kept(made: list[PackedBundle]) -> None:
    """A device file that names another folder, or the plan that worked last: its results are not the release's."""
    site = Site(made)
    site.update(site.device(), 5.0)
    later = site.device()

    async def work() -> None:
        later.by_name[NAME].start()
        later.runs({}, {"look": NAME})
        await site.during(later, site.clock.sleep(60))

    run(work())

    assert site.whats == ["on trial", "reverted"] and "of another place" in str(site.told[-1]["why"])
    assert Slots(site.disk, NAME).open().active == made[0].release.digest


def test_what_must_not_come_in_is_refused_when_it_is_planned(made: list[PackedBundle]) -> None:
    site = Site(made)
    updater = site.device()

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
    updater = site.device()

    async def work() -> None:
        planned = await updater.plan(made[1].release.digest, len(made[1].head))
        site.broker.stop()
        await updater.apply(planned["plan"])
        await site.clock.sleep(1)

    site.start(updater)
    run(site.during(updater, work()))
    site.broker.start()
    site.policy = Policy("plant", 2, {OTHER.id: KeyRule("b", OTHER.public, ("*",), ("*",))})
    later = site.device()
    site.start(later)
    run(site.during(later, site.clock.sleep(60)))

    assert site.whats == ["refused"] and "unknown-key" in site.told[0]["why"]
    assert Slots(site.disk, NAME).open().active == made[0].release.digest


def test_the_orders_plan_and_apply_carry_the_hash_and_say_why_not(made: list[PackedBundle]) -> None:
    site = Site(made)
    updater = site.device()
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
        site.update(site.device())
    site.made = [made[0], with_signature(made[1].path, OTHER), made[2]]
    site.update(site.device())

    assert site.whats == ["on trial", "confirmed"]
