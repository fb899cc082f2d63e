"""An order is done at most once, by who may ask for it, in its time; everything else is refused with a reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgpack
import pytest
from daemon.fleet.virtual import run
from daemon.orders.kit import ANNA, BEN, ROOT, STRANGER, Device, Operator, policy

from ripieno_daemon.fleet import decode
from ripieno_daemon.orders import Address, NotDone, Order, pack_order
from ripieno_daemon.packed import pack
from ripieno_daemon.trust import KeyRule, Policy, Signer, seal
from ripieno_daemon.trust.policy import sign_policy
from ripieno_daemon.trust.sealed import DESIRED

HOUR_US = 3_600_000_000


def play(folder: Path, body: Callable[[Device, Operator], Any], **more: Any) -> Any:
    async def scene() -> Any:
        device = Device(folder, **more)
        await device.start()
        try:
            return await body(device, Operator(device))
        finally:
            await device.kill()

    return run(scene())


def test_an_order_is_done_and_answered_and_its_end_recorded(tmp_path: Path) -> None:
    async def body(device: Device, operator: Operator) -> None:
        order = operator.order("settings", args={"values": {"speed": 3}})
        answer = await device.give(operator.message(order))

        assert answer == {"id": order.id, "kind": "settings", "state": "DONE", "result": {"count": 1}}
        assert device.done == [("settings", {"values": {"speed": 3}})]
        assert device.acked == 1
        assert device.ended == [{"order": order.id.hex(), "kind": "settings", "state": "DONE"}]

    play(tmp_path, body)


def test_a_duplicate_gets_the_stored_answer_also_after_its_expiry_and_a_restart(tmp_path: Path) -> None:
    async def body(device: Device, operator: Operator) -> None:
        message = operator.ask("restart")
        first = await device.give(message)
        second = await device.give(message, 20)
        await device.restart()
        third = await device.give(message)

        assert first == second == third and first["state"] == "DONE"
        assert len(device.done) == 1

    play(tmp_path, body)


def test_a_duplicate_that_comes_while_the_first_is_done_gets_one_answer(tmp_path: Path) -> None:
    async def body(device: Device, operator: Operator) -> None:
        message = operator.ask("restart")
        device.take(message)
        device.take(message)
        await device.give(message)

        assert len(device.done) == len(device.answers) == 1 and device.acked == 3

    play(tmp_path, body)


Make = Callable[[Device, Operator], bytes]
NOW: dict[str, Make] = {
    "unknown-key": lambda d, o: o.ask("status", STRANGER),
    "not-allowed": lambda d, o: o.ask("settings", BEN, args={"values": {}}),
    "two-keys": lambda d, o: o.ask("apply", args={"plan": "x"}),
    "target": lambda d, o: o.ask(to={"line-2": d.address}),
    "epoch": lambda d, o: o.ask(to={"line-1": Address(b"another!", d.boot)}),
    "boot": lambda d, o: o.ask(to={"line-1": Address(d.address.epoch, d.boot + 1)}),
    "expired": lambda d, o: shifted(o, -11_000_000),
    "early": lambda d, o: shifted(o, 6_000_000),
    "window": lambda d, o: longer(o, "restart", 10_000_001),
    "arguments": lambda d, o: o.ask("settings", args={"values": 3}),
    "kind": lambda d, o: o.ask("dance"),
    "forged": lambda d, o: forged(o),
    "unsigned": lambda d, o: o._sender.wrap("command", {"p": pack_order(o.order()), "s": []}),
    "type": lambda d, o: o.message(o.order(), type="batch"),
    "version": lambda d, o: o.sealed(msgpack.packb({"v": 2})),
    "format": lambda d, o: o.sealed(b"\xc1 no msgpack"),
    "depth": lambda d, o: o.sealed(msgpack.packb({"v": 1, "args": nested(40)})),
    "elements": lambda d, o: o.sealed(msgpack.packb({"v": 1, "args": [[0] * 15_000] * 2})),
    "size": lambda d, o: o._sender.wrap("command", {"p": bytes(66_000), "s": []}),
    "key": lambda d, o: o.sealed(b"\x82\xa1v\x01\xa1v\x01"),
}


def shifted(operator: Operator, by_us: int) -> bytes:
    order = operator.order()
    return operator.message(
        replace(order, not_before_us=order.not_before_us + by_us, expires_us=order.expires_us + by_us)
    )


def longer(operator: Operator, kind: str, us: int) -> bytes:
    order = operator.order(kind)
    return operator.message(replace(order, expires_us=order.not_before_us + us))


def forged(operator: Operator) -> bytes:
    """The right key's signature over another order."""
    body = dict(decode(operator.ask("status")).body)
    return operator._sender.wrap("command", {**body, "p": pack_order(operator.order("restart"))})


def nested(depth: int) -> object:
    return [nested(depth - 1)] if depth else 0


@pytest.mark.parametrize("reason", NOW)
def test_what_should_not_be_done_is_refused_with_its_reason_and_acknowledged(tmp_path: Path, reason: str) -> None:
    """It must not come again for ever; and the next good order is done."""

    async def body(device: Device, operator: Operator) -> None:
        answer = await device.give(NOW[reason](device, operator))
        good = await device.give(operator.ask())

        assert device.desk.counts[reason] == 1
        assert answer.get("reason", "size") == reason and answer.get("state", "REFUSED") == "REFUSED"
        assert device.done == [("status", {})] and good["state"] == "DONE"
        assert device.acked == 2

    play(tmp_path, body)


def test_two_keys_together_may_do_what_one_may_not(tmp_path: Path) -> None:
    carl = Signer.new()

    async def body(device: Device, operator: Operator) -> None:
        await device.kill()
        await device.start(policy(2, **{carl.id: KeyRule("carl", carl.public, ("apply",), ("*",))}))
        order = operator.order("apply", args={"plan": "x"})

        assert (await device.give(operator.message(order, ANNA, BEN)))["reason"] == "two-keys"
        assert (await device.give(operator.ask("apply", ANNA, carl, args={"plan": "x"})))["state"] == "DONE"

    play(tmp_path, body)


def test_what_was_refused_once_is_not_done_when_it_comes_again(tmp_path: Path) -> None:
    """Refused for want of turns; a minute later it would be accepted, and somebody kept it."""

    async def body(device: Device, operator: Operator) -> None:
        for _ in range(6):
            await device.give(operator.ask("status", BEN), 0.1)
        order = operator.order("status")
        message = operator.message(replace(order, expires_us=order.not_before_us + 300_000_000), BEN)
        refused = await device.give(message, 0.1)
        again = await device.give(message, 60)

        assert refused["reason"] == again["reason"] == "rate" and len(device.done) == 6
        assert (await device.give(operator.ask("status", BEN)))["state"] == "DONE"

    play(tmp_path, body)


def test_an_older_order_of_a_key_is_refused_and_the_number_is_each_keys_own(tmp_path: Path) -> None:
    async def body(device: Device, operator: Operator) -> None:
        early, late = operator.ask(), operator.ask()
        await device.give(late)

        assert (await device.give(early))["reason"] == "order"
        assert (await device.give(operator.ask("status", BEN, seq=1)))["state"] == "DONE"

    play(tmp_path, body)


def test_an_id_that_another_order_had_is_refused(tmp_path: Path) -> None:
    async def body(device: Device, operator: Operator) -> None:
        order = operator.order()
        await device.give(operator.message(order))
        answer = await device.give(operator.message(replace(order, kind="restart", seq=order.seq + 1)))

        assert answer["reason"] == "id-reused" and device.done == [("status", {})]

    play(tmp_path, body)


def test_a_wiped_device_refuses_what_was_recorded_before(tmp_path: Path) -> None:
    async def body(device: Device, operator: Operator) -> None:
        message = operator.ask("restart")
        await device.give(message, 0.1)
        await device.wipe()
        device.boot = 1

        assert (await device.give(message))["reason"] == "epoch" and len(device.done) == 1

    play(tmp_path, body)


def test_without_a_clock_questions_are_answered_and_nothing_is_changed(tmp_path: Path) -> None:
    async def body(device: Device, operator: Operator) -> None:
        device.quality = 0

        assert (await device.give(operator.ask("settings", args={"values": {}})))["reason"] == "clock"
        assert (await device.give(operator.ask("restart")))["reason"] == "clock"
        assert (await device.give(operator.ask("status")))["state"] == "DONE"

    play(tmp_path, body)


def test_a_clock_before_what_was_signed_is_not_believed(tmp_path: Path) -> None:
    """An hour behind the policy's signature: the windows mean nothing."""

    async def body(device: Device, operator: Operator) -> None:
        await device.kill()
        await device.start(policy(2, issued_us=device.clock.wall_ns() // 1000 + HOUR_US))

        assert (await device.give(operator.ask("restart")))["reason"] == "clock"

    play(tmp_path, body)


def test_an_order_for_others_on_the_topic_for_all_is_counted_and_not_answered(tmp_path: Path) -> None:
    async def body(device: Device, operator: Operator) -> None:
        device.take(operator.ask(to={"line-2": device.address}), to_all=True)
        both = operator.ask(to={"line-1": device.address, "line-2": Address(b"another!")})
        device.take(both, to_all=True)
        await device.clock.sleep(1)

        assert [answer["state"] for answer in device.answers] == ["DONE"]
        assert device.desk.counts["target"] == 1

    play(tmp_path, body)


def test_an_order_that_expires_while_it_waits_is_not_begun(tmp_path: Path) -> None:
    async def body(device: Device, operator: Operator) -> None:
        device.takes_s = 8
        device.take(operator.ask("restart"))
        device.take(operator.ask("restart", max_ms=20_000))
        await device.clock.sleep(0.1)
        device.takes_s = 8
        late = operator.order("restart")
        device.take(operator.message(late))
        await device.clock.sleep(40)

        assert [answer["state"] for answer in device.answers] == ["DONE", "DONE", "EXPIRED"]
        assert len(device.done) == 2

    play(tmp_path, body)


def test_an_actuation_that_takes_too_long_is_unknown_and_a_question_has_failed(tmp_path: Path) -> None:
    async def body(device: Device, operator: Operator) -> None:
        device.takes_s = 5

        assert (await device.give(operator.ask("restart", max_ms=1000), 2))["state"] == "UNKNOWN"
        assert (await device.give(operator.ask("status", max_ms=1000), 2))["state"] == "FAILED"

    play(tmp_path, body)


def test_cancel_takes_away_what_waits_and_questions_that_run_but_nothing_half_done(tmp_path: Path) -> None:
    async def body(device: Device, operator: Operator) -> None:
        device.takes_s = 5
        running, waiting, question = operator.order("restart"), operator.order("restart"), operator.order("status")
        for order in (running, waiting, question):
            device.take(operator.message(order))
        await device.clock.sleep(0.5)
        for order in (running, waiting, question):
            await device.give(operator.ask("cancel", args={"id": order.id}), 0.2)
        cancelled = {answer["id"]: answer["state"] for answer in device.answers if answer["state"] == "CANCELLED"}
        refused = [answer["reason"] for answer in device.answers if answer["state"] == "REFUSED"]
        await device.clock.sleep(10)

        assert cancelled == {waiting.id: "CANCELLED", question.id: "CANCELLED"} and refused == ["begun"]
        assert sorted(kind for kind, _ in device.done) == ["restart", "status"]
        assert {answer["id"]: answer["state"] for answer in device.answers}[running.id] == "DONE"

    play(tmp_path, body)


class ForAgents:
    """An executor of `answer`: question `open` is for agents, any other is gone."""

    def __init__(self) -> None:
        self.answered: list[Mapping[str, Any]] = []

    def role(self, args: Mapping[str, Any]) -> str:
        return "agent" if args.get("id") == "open" else ""

    async def __call__(self, args: Mapping[str, Any], _tell: Any) -> Mapping[str, Any]:
        if not self.role(args):
            raise NotDone("question", "it is not open any more")
        self.answered.append(args)
        return {}


def test_a_key_may_answer_for_one_role_alone(tmp_path: Path) -> None:
    foreman = Signer.new()
    kinds = {"a": (ANNA, ("answer",)), "b": (BEN, ("answer.agent",)), "c": (foreman, ("answer.foreman", "status"))}
    rules = {key.id: KeyRule(name, key.public, of, ("*",)) for name, (key, of) in kinds.items()}

    async def body(device: Device, operator: Operator) -> None:
        await device.kill()
        await device.start(sign_policy(Policy("plant", 1, rules), ROOT))
        executor = ForAgents()
        device.desk._doing._executors["answer"] = executor

        async def answer(key: Signer, question: str) -> tuple[str, str]:
            order = operator.order("answer", args={"id": question, "answer": "yes", "as": "x"})
            told = await device.give(operator.message(order, key))
            return told["state"], told.get("reason", "")

        assert await answer(ANNA, "open") == ("DONE", "")
        assert await answer(BEN, "open") == ("DONE", "")
        assert await answer(foreman, "open") == ("REFUSED", "not-allowed")
        assert await answer(STRANGER, "open") == ("REFUSED", "unknown-key")
        assert await answer(BEN, "gone") == ("REFUSED", "question"), "who may answer some role is told what is wrong"
        assert (await device.give(operator.ask("status", BEN)))["reason"] == "not-allowed"
        assert len(executor.answered) == 2

    play(tmp_path, body)


def test_what_is_no_order_is_cancelled_by_who_knows_it(tmp_path: Path) -> None:
    """An update goes on after its order was answered: the desk has no order to take back."""

    async def body(device: Device, operator: Operator) -> None:
        update = b"u" * 32

        async def cancel(args: Mapping[str, Any], _tell: Any) -> Mapping[str, Any]:
            if args["id"] != update:
                raise NotDone("unknown", "no such update")
            return {"was": "pulling"}

        assert (await device.give(operator.ask("cancel", args={"id": update})))["reason"] == "unknown"
        device.desk._doing._cancel_elsewhere = cancel
        assert (await device.give(operator.ask("cancel", args={"id": update})))["result"] == {"was": "pulling"}
        assert (await device.give(operator.ask("cancel", args={"id": bytes(16)})))["reason"] == "unknown"

    play(tmp_path, body)


def test_a_bug_in_an_executor_is_an_answer_and_the_desk_lives(tmp_path: Path) -> None:
    async def body(device: Device, operator: Operator) -> None:
        async def broken(*_: Any) -> Any:
            raise ZeroDivisionError("oh")

        device.desk._doing._executors["status"] = broken
        answer = await device.give(operator.ask())

        assert (answer["state"], answer["text"]) == ("FAILED", "ZeroDivisionError: oh")
        assert (await device.give(operator.ask("restart")))["state"] == "DONE"

    play(tmp_path, body)


def test_a_result_too_large_to_send_is_an_answer_that_says_so(tmp_path: Path) -> None:
    async def body(device: Device, operator: Operator) -> None:
        async def large(*_: Any) -> Any:
            return {"picture": bytes(300_000)}

        async def kept_short(*_: Any) -> Any:
            return {"picture": bytes(100_000)}

        device.desk._doing._executors["status"] = large
        assert "at most" in (await device.give(operator.ask()))["text"]
        device.desk._doing._executors["status"] = kept_short
        message = operator.ask()
        assert len((await device.give(message))["result"]["picture"]) == 100_000
        assert "sent once and not kept" in (await device.give(message))["text"]

    play(tmp_path, body)


def test_a_newer_policy_takes_its_place_also_after_a_restart_and_an_older_one_does_not(tmp_path: Path) -> None:
    async def body(device: Device, operator: Operator) -> None:
        carl = Signer.new()
        newer = policy(5, **{carl.id: KeyRule("carl", carl.public, ("status",), ("line-1",))})

        assert (await device.give(operator.ask("status", carl)))["reason"] == "unknown-key"
        assert (await device.give(operator.ask("policy", args={"signed": newer})))["result"] == {"serial": 5}
        assert (await device.give(operator.ask("policy", args={"signed": policy(4)})))["reason"] == "serial"
        forged = pack(seal("ripieno/policy/v1", b"x", [ANNA]), 1000)
        assert (await device.give(operator.ask("policy", args={"signed": forged})))["reason"] == "unknown-key"
        await device.restart()
        assert device.desk.birth()["policy"] == 5
        assert (await device.give(operator.ask("status", carl)))["state"] == "DONE"

    play(tmp_path, body)


def test_a_signature_over_something_else_than_a_command_is_none(tmp_path: Path) -> None:
    async def body(device: Device, operator: Operator) -> None:
        body = seal(DESIRED, pack_order(operator.order("restart")), [ANNA])
        answer = await device.give(operator._sender.wrap("command", body))

        assert answer["reason"] == "forged" and not device.done

    play(tmp_path, body)


def test_orders_are_refused_while_too_many_wait(tmp_path: Path) -> None:
    async def body(device: Device, operator: Operator) -> None:
        device.takes_s = 5
        messages = [operator.ask("restart") for _ in range(70)]
        for message in messages:
            device.take(message)
        await device.clock.sleep(1)

        assert [answer["reason"] for answer in device.answers] == ["busy"] * len(device.answers)
        assert 4 <= len(device.answers) <= 6

    play(tmp_path, body)


def test_orders_wait_for_a_disk_that_refuses_and_are_not_acknowledged(tmp_path: Path) -> None:
    from ripieno.errors import StorageError

    async def body(device: Device, operator: Operator) -> None:
        journal = device.desk._journal
        right = journal.receive

        async def refused(_entries: Any) -> Any:
            raise StorageError("full")

        journal.receive = refused  # type: ignore[method-assign]
        message = operator.ask("restart")
        assert await device.give(message, 2) == {} and device.acked == 0 and not device.done
        journal.receive = right  # type: ignore[method-assign]
        await device.clock.sleep(2)

        assert device.acked == 1 and len(device.done) == 1
        assert sum("ALARM" in text for text in device.said) == 1

    play(tmp_path, body)


def test_a_question_is_answered_though_the_disk_refuses(tmp_path: Path) -> None:
    from ripieno.errors import StorageError

    async def body(device: Device, operator: Operator) -> None:
        async def refused(_entries: Any) -> Any:
            raise StorageError("full")

        right = device.desk._journal.receive
        device.desk._journal.receive = refused  # type: ignore[method-assign]
        message = operator.ask("status")
        assert (await device.give(message))["state"] == "DONE" and device.acked == 0
        device.take(message)
        device.desk._journal.receive = right  # type: ignore[method-assign]
        await device.clock.sleep(3)

        assert device.done == [("status", {})] and device.acked == 2

    play(tmp_path, body)


def test_an_order_is_no_larger_than_a_command_may_be() -> None:
    order = Order(bytes(16), "status", {f"line-{n:04}": Address(bytes(8), 2**32) for n in range(2000)}, 1, 2, 3)

    assert len(pack_order(order)) < 60 * 1024
