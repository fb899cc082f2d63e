"""The way of an item: begun by an edge, seen by a model, decided by a rule, let through by an act, closed when its
way is known.

Undecided never passes (invariant 5): without an act an item is diverted, so everything that goes wrong here ends in
"no act".
"""

from __future__ import annotations

from typing import Any

import msgpack

from ripieno.plan import AggregateRef, BookingEffect, Operand, PipelinePlan, PulseEffect, RulePlan, StepPlan
from ripieno.values import UNKNOWN, Act, Booking, Health, ItemId, OutcomeKind, Pulse, Trigger, Verdict

from . import events
from .effects import Alarm, Book, Closed, Decided, Drop, Fire, Infer, Operands, Reported
from .items import MAX_OPEN, Item, ItemBook
from .scene import Condition, Scene
from .sight import Sight
from .steering import Steering

SEEN = "_seen"  # beside a result's fields: what "changes" compares; no expression can name it
MAX_MISSED = 10_000  # parts that one jump of the edge counter may stand for; more is a broken counter


class Passage:
    """All items of a pipeline, and the rules with `each`."""

    def __init__(self, plan: PipelinePlan, scene: Scene, steering: Steering) -> None:
        self._scene, self._steering = scene, steering
        self._books = {item.name: ItemBook(item) for item in plan.items}
        self._by_start = {item.starts.split(".")[0]: self._books[item.name] for item in plan.items}
        self._by_position = {item.follows: self._books[item.name] for item in plan.items}
        self._steps = {step.name: step for step in plan.steps}
        self._models = {model.name: model.sha256[:16] for model in plan.models}
        self._detecting = {model.name for model in plan.models if model.task == "detect"}
        self.sight = Sight(scene)
        self._now_rules = {name: [r for r in plan.rules if r.each == name and not r.after] for name in self._books}
        self._end_rules = {name: [r for r in plan.rules if r.each == name and r.after] for name in self._books}
        self._when = {rule.name: Condition(rule.when) for rule in plan.rules if rule.each}
        self._fields = {
            (rule.name, index, name): Condition(tree)
            for rule in plan.rules
            if rule.each
            for index, effect in enumerate(rule.do)
            if isinstance(effect, BookingEffect)
            for name, tree in effect.fields
        }
        self._bookings: dict[str, Booking] = {}

    def undecided(self) -> int:
        """Return how many open items have no verdict yet."""
        return sum(1 for book in self._books.values() for item in book if not item.verdict)

    def find(self, item_id: ItemId) -> Item | None:
        """Return an item that is under way."""
        book = self._books.get(item_id.kind)
        return None if book is None else book.find(item_id)

    # --- what happens -------------------------------------------------------------------------------------------

    def edge(self, event: events.EdgeSeen) -> None:
        """Begin an item at a starting edge; items whose edges were missed are begun, and undecided, before it."""
        book = self._by_start.get(event.input)
        if book is None or not event.rising:
            return
        self._reach(book, event.epoch, event.number - 1, "its photo-eye edge was not received")
        if event.number > book.last_number:
            known = not book.count(event.number)
            self._scene.counters["triggers"] += 1
            if known:
                pass  # adopted: its act was under way before its edge was counted
            elif event.position_mm is None:
                item = book.begin(event.number, 0.0, event.t)
                self._decide(book, item, Verdict.UNDECIDED, "", "the belt's position is unknown", ())
                self._close(book, item, "diverted", "the belt's position is unknown")
            elif len(book) >= MAX_OPEN:
                raise OverflowError(f"more than {MAX_OPEN} open items of kind {book.plan.name}")
            else:
                book.begin(event.number, event.position_mm, event.t)
        if event.position_mm is not None:
            self._moved(book, event.position_mm)

    def position(self, event: events.PositionSeen) -> None:
        """Take the belt's position: items that passed their last chance are undecided, those that left are closed."""
        book = self._by_position.get(event.input)
        if book is None:
            return
        self._reach(book, event.epoch, event.edges, "its photo-eye edge was not received")
        self._moved(book, event.position_mm)

    def frame(self, event: events.FrameSeen) -> None:
        """Match a frame with its item by position and ask the model; a frame of nobody is dropped and counted.

        A picture that is known to be bad is shown to no model: its answer is unknown at once.
        """
        health, why_bad = self.sight.judge(event)
        for step in self._steps.values():
            if step.input != event.input:
                continue
            if not step.each:
                self._ask(step, event, None, health, why_bad)
                continue
            book, item = self._books[step.each], None
            if event.position_mm is not None:
                item = book.at_place(step.place, event.position_mm, step.match_mm)
            why = "foreign" if item is None else "duplicate" if step.name in item.called else ""
            if item is None or why:
                self._scene.counters[f"frames_{why}"] += 1
                self._scene.effects.append(Drop(event.input, event.sequence, why))
                continue
            item.called.append(step.name)
            self._ask(step, event, item.id, health, why_bad)

    def _ask(self, step: StepPlan, event: events.FrameSeen, item: ItemId | None, health: Health, why: str) -> None:
        if health is Health.GOOD:
            self._scene.effects.append(Infer(step.name, event.input, event.sequence, item, event.taken_t))
            return
        self._scene.effects.append(Drop(event.input, event.sequence, health.value))
        t, bad = event.t, health.value
        self.result(
            events.ResultSeen(t, step.name, event.sequence, item, event.taken_t, t, bad, "", 0.0, why, "", 0, 0)
        )

    def result(self, event: events.ResultSeen) -> None:
        """Take a model's answer: a fresh and healthy one is evidence, any other is unknown with its reason."""
        step = self._steps[event.step]
        health, why = self._health(step, event)
        fields = self._fields_of(step, event) if health is Health.GOOD else None
        if step.report:
            self._report(step, event, health, why, fields)
        self._scene.counters["results" if fields else f"results_{health}"] += 1
        self._scene.latest[event.step] = (event.taken_t, fields)
        self._steering.sample(event.step, fields)
        book = self._books.get(step.each)
        item = book.find(event.item) if book is not None and event.item is not None else None
        if book is not None and item is not None:
            if item.verdict:
                self._scene.counters["results_after_verdict"] += 1
            else:
                item.results[event.step] = UNKNOWN if fields is None else fields
                item.picture_digest = event.picture_digest
                item.why = why
                self._judge(book, item)
        self._steering.look(event.t)

    def _fields_of(self, step: StepPlan, event: events.ResultSeen) -> dict[str, object]:
        fields: dict[str, object] = {"label": event.label, "score": event.score}
        if step.model in self._detecting:
            fields["count"] = float(len(event.found))
        if step.report == "changes":
            fields[SEEN] = ", ".join(sorted(one[0] for one in event.found) or [event.label])
        return fields

    def _report(
        self, step: StepPlan, event: events.ResultSeen, health: Health, why: str, fields: dict[str, object] | None
    ) -> None:
        _, before = self._scene.latest.get(step.name, (0, {}))
        if step.report == "changes" and (before or {}).get(SEEN) == (fields or {}).get(SEEN) and before != {}:
            return
        found = event.found if fields is not None else ()
        label, score = (event.label, event.score) if fields is not None else ("", 0.0)
        count = len(found) if step.model in self._detecting else int(fields is not None)
        self._scene.counters["reported"] += 1
        self._scene.effects.append(
            Reported(
                step=step.name,
                sequence=event.sequence,
                taken_t=event.taken_t,
                health=health.value,
                why=why,
                label=label,
                score=score,
                count=count,
                found=found,
                picture_digest=event.picture_digest,
                model=self._models[step.model],
            )
        )

    def settled(self, event: events.ActSettled) -> None:
        """Take the outcome of an act; one that nobody waits for any more changes nothing."""
        if self._bookings.pop(f"{event.cause}/{event.output}/{event.index}", None) is not None:
            self._scene.counters[f"bookings_{event.kind}"] += 1
            return
        book, item = self._item_of(event.cause)
        if book is None or item is None or item.act != "open":
            self._scene.counters["outcomes_unexpected"] += 1
            return
        item.act = event.kind
        self._scene.counters[f"acts_{event.kind}"] += 1
        if event.kind == OutcomeKind.EXECUTED:
            self._close(book, item, "passed", "")
            return
        if event.kind == OutcomeKind.IN_DOUBT:
            self._scene.effects.append(Alarm("act-in-doubt", f"{event.cause}: {event.output}: {event.why}"))
        way = "in-doubt" if event.kind == OutcomeKind.IN_DOUBT else "diverted"
        self._close(book, item, way, event.why)

    def recover(self, in_flight: tuple[tuple[str, str, int, bytes], ...]) -> None:
        """After a start: acts that were never sent are settled, sent ones of steps that were not committed are
        adopted.
        """
        known = {(cause, output, index) for cause, output, index, _ in in_flight}
        for book in self._books.values():
            for item in book:
                if item.act == "open" and (str(item.id), book.plan.decide_before, 0) not in known:
                    item.act = OutcomeKind.NOT_EXECUTED
                    self._scene.counters[f"acts_{OutcomeKind.NOT_EXECUTED}"] += 1
                    self._close(book, item, "diverted", "the daemon ended before the act was sent")
                item.called = [step for step in item.called if step in item.results]
        for cause, output, _, note in in_flight:
            self._adopt(cause, output, note)
        self._scene.effects += [Book(booking) for booking in self._bookings.values()]  # deduped by the act's id

    # --- what follows from it -----------------------------------------------------------------------------------

    def next_position_mm(self) -> float | None:
        """Return the position at which the first open item loses its last chance, or leaves."""
        due: list[float] = []
        for book in self._books.values():
            for item in book:
                due.append(item.start_mm + (self._leave_mm(book) if item.verdict else self._decide_mm(book)))
                if not item.verdict:
                    break
        return min(due, default=None)

    def state(self) -> list[Any]:
        """Return what a snapshot keeps."""
        bookings = [[[*b.act], b.verb, [[*field] for field in b.fields]] for b in self._bookings.values()]
        return [{name: book.state() for name, book in self._books.items()}, bookings]

    def restore(self, state: list[Any]) -> None:
        """Take back what `state` returned."""
        books, bookings = state
        self._bookings = {
            str(Act(*act)): Booking(Act(*act), act[1], verb, tuple((name, value) for name, value in fields))
            for act, verb, fields in bookings
        }
        for name, book in self._books.items():
            book.restore(books[name])

    def _reach(self, book: ItemBook, epoch: int, upto: int, why: str) -> None:
        """Bring the book to `upto` edges of `epoch`: those it did not see are undecided items."""
        if book.epoch != epoch:
            first = book.epoch is None
            # At the first contact ever, what passed before is nobody's; after a board lost its memory, its count
            # began at 0.
            left = book.change_epoch(epoch, max(upto, 0) if first else 0)
            for item in left:
                self._give_up(book, item, "the board lost its memory")
        missed = upto - book.last_number
        if missed > MAX_MISSED:
            text = f"{book.plan.name}: the edge counter jumped by {missed}; only {MAX_MISSED} items are counted"
            self._scene.effects.append(Alarm("edge-counter-jumped", text))
            book.last_number = upto - MAX_MISSED
        for number in range(book.last_number + 1, upto + 1):
            self._scene.counters["triggers"] += 1
            if not book.count(number):
                continue  # adopted
            item = book.begin(number, 0.0, self._scene.t)
            self._decide(book, item, Verdict.UNDECIDED, "", why, ())
            self._close(book, item, "diverted", why)

    def _moved(self, book: ItemBook, position_mm: float) -> None:
        decide_mm, leave_mm = self._decide_mm(book), self._leave_mm(book)
        for item in book:
            if item.start_mm + decide_mm > position_mm:
                break
            if not item.verdict:
                seen = "no frame of it came" if not item.called else "no answer came in time"
                self._decide(book, item, Verdict.UNDECIDED, "", item.why or seen, ())
            if item.act != "open" and item.start_mm + leave_mm <= position_mm:
                self._close(book, item, "diverted", item.why)

    def _judge(self, book: ItemBook, item: Item) -> None:
        """Let every rule of this item see what is known; the one that decides gives the verdict."""
        for rule in self._now_rules[book.plan.name]:
            condition = self._when[rule.name]
            value, operands = condition.value(lambda read: self._operand(item, read))
            if value is UNKNOWN and not self._all_answered(condition, item):
                continue
            seen = self._scene.operands(condition.reads, operands)
            if rule.verdict:
                self._verdict(book, item, rule, value, seen)
            elif value is True:
                self._book(item, rule)

    def _verdict(self, book: ItemBook, item: Item, rule: RulePlan, value: object, seen: Operands) -> None:
        if item.verdict:
            return
        if value is UNKNOWN:
            self._decide(book, item, Verdict.UNDECIDED, rule.name, item.why or "an operand is unknown", seen)
        elif value is False:
            self._decide(book, item, Verdict.DEFECTIVE, rule.name, "", seen)
        else:
            self._decide(book, item, Verdict.GOOD, rule.name, "", seen)
            for index, effect in enumerate(rule.do):
                if isinstance(effect, PulseEffect):
                    self._fire(book, item, rule, effect, index)
            self._book(item, rule)

    def _fire(self, book: ItemBook, item: Item, rule: RulePlan, effect: PulseEffect, index: int) -> None:
        output = self._scene.outputs[effect.output]
        item.act = "open"
        self._scene.counters["acts_intended"] += 1
        pulse = Pulse(
            Act(str(item.id), output.name, index),
            output.name,
            1.0,
            Trigger.POSITION,
            item.start_mm + book.places[output.name] - output.before_mm,
            output.late_mm,
            output.hold_ns / 1e9,
            output.before_mm + output.after_mm,
        )
        note = msgpack.packb([rule.name, Verdict.GOOD.value, item.start_mm], use_bin_type=True)
        self._scene.effects.append(Fire(pulse, note))

    def _decide(self, book: ItemBook, item: Item, verdict: Verdict, rule: str, why: str, operands: Operands) -> None:
        item.verdict, item.why = verdict.value, why
        self._scene.counters[verdict.value] += 1
        model = next((self._models[self._steps[step].model] for step in item.called if step in self._steps), "")
        self._scene.effects.append(Decided(item.id, verdict.value, rule, why, operands, item.picture_digest, model))
        self._steering.decided()

    def _close(self, book: ItemBook, item: Item, way: str, why: str) -> None:
        book.close(item)
        self._scene.counters[way.replace("-", "_")] += 1
        self._scene.effects.append(Closed(item.id, way, why))
        for rule in self._end_rules[book.plan.name]:
            if rule.after.split(".")[-1] != way:
                continue
            value, _ = self._when[rule.name].value(lambda read: self._operand(item, read))
            if value is True:
                self._book(item, rule)

    def _give_up(self, book: ItemBook, item: Item, why: str) -> None:
        if not item.verdict:
            self._decide(book, item, Verdict.UNDECIDED, "", why, ())
        if item.act != "open":
            self._close(book, item, "diverted", why)
            return
        # Its pulse may have begun before the board lost its memory: nobody can say, so nobody claims it (LINK rule 4).
        self._scene.counters[f"acts_{OutcomeKind.IN_DOUBT}"] += 1
        self._scene.effects.append(Alarm("act-in-doubt", f"{item.id}: {why}"))
        self._close(book, item, "in-doubt", why)

    def _book(self, item: Item, rule: RulePlan) -> None:
        for index, effect in enumerate(rule.do):
            if not isinstance(effect, BookingEffect):
                continue
            fields = []
            for name, _ in effect.fields:
                value, _ = self._fields[rule.name, index, name].value(lambda read: self._operand(item, read))
                fields.append((name, None if value is UNKNOWN else value))
            act = Act(str(item.id), effect.output, index)
            self._bookings[str(act)] = Booking(act, effect.output, effect.verb, tuple(fields))
            self._scene.counters["bookings"] += 1
            self._scene.effects.append(Book(self._bookings[str(act)]))

    def _adopt(self, cause: str, output: str, note: bytes) -> None:
        """Take an act whose intent is durable though the step that made it is not: it must never be made again."""
        kind, _, rest = cause.partition("-")
        book = self._books.get(kind)
        if book is None or output != book.plan.decide_before:
            return
        epoch, _, number_text = rest.rpartition("-")
        item_id = ItemId(kind, int(epoch, 16), int(number_text))
        if book.epoch is None:
            book.epoch = item_id.epoch
        item = book.find(item_id)
        if item is None and (item_id.epoch != book.epoch or book.knows(item_id.number)):
            return  # closed before the crash; only the slot in the intent file was left
        if item is not None and item.act:
            return  # the step that made it is committed: its outcome is waited for
        rule, verdict, start_mm = msgpack.unpackb(note, raw=False)
        if item is None:
            item = book.begin(item_id.number, start_mm, self._scene.t)
        item.act = "open"
        self._scene.counters["acts_intended"] += 1
        if not item.verdict:
            self._decide(book, item, Verdict(verdict), rule, "known from the act's intent after a crash", ())

    def _health(self, step: StepPlan, event: events.ResultSeen) -> tuple[Health, str]:
        health = Health(event.health)
        if health is not Health.GOOD:
            return health, event.why
        age_ns = event.t - event.taken_t
        if event.t - event.called_t > step.deadline_ns:
            return Health.LATE, f"the answer came after {(event.t - event.called_t) / 1e6:.0f} ms"
        if age_ns > self._scene.inputs[step.input].max_age_ns:
            return Health.STALE, f"the picture was {age_ns / 1e6:.0f} ms old"
        return health, ""

    def _operand(self, item: Item, read: Operand | AggregateRef) -> object:
        if isinstance(read, Operand) and read.source == "step":
            return item.operand(read.name, read.field)
        return self._scene.look_up(read)

    def _all_answered(self, condition: Condition, item: Item) -> bool:
        return all(
            read.name in item.results for read in condition.reads if isinstance(read, Operand) and read.source == "step"
        )

    def _item_of(self, cause: str) -> tuple[ItemBook | None, Item | None]:
        for book in self._books.values():
            kind, _, rest = cause.partition("-")
            if kind == book.plan.name:
                epoch, _, number = rest.rpartition("-")
                return book, book.find(ItemId(kind, int(epoch, 16), int(number)))
        return None, None

    def _decide_mm(self, book: ItemBook) -> float:
        output = self._scene.outputs.get(book.plan.decide_before)
        return book.places[book.plan.decide_before] - (output.before_mm if output else 0.0)

    def _leave_mm(self, book: ItemBook) -> float:
        output = self._scene.outputs.get(book.plan.decide_before)
        return book.places[book.plan.decide_before] + (output.after_mm + output.late_mm if output else 0.0)
