"""The way of an item that moves: begun by an edge, seen by a model, decided by a rule, let through by an act, closed
when its way is known.

Undecided never passes (invariant 5): without an act an item is diverted, so everything that goes wrong here ends in
"no act".
"""

from __future__ import annotations

import msgpack

from ripieno.plan import Operand, PipelinePlan, PulseEffect, RulePlan, StepPlan
from ripieno.values import UNKNOWN, Act, OutcomeKind, Pulse, Trigger, Verdict

from . import events
from .bookings import Bookings
from .books import Books
from .condition import Condition
from .effects import Alarm, Closed, Decided, Fire, Operands, Withheld
from .items import MAX_OPEN, Item, ItemBook, item_of
from .recipes import Recipes
from .scene import Scene
from .steering import Steering
from .steps.answers import Answers
from .steps.flow import Flow

BACK_MM = 1.0  # the count's grain, and a belt that swings back when it stops
LOST = "the board lost its position"
ELSEWHERE = ("withheld: observe", "withheld: manual")  # its output is somebody else's, who may have let it through
MAX_MISSED = 10_000  # parts that one jump of the edge counter may stand for; more is a broken counter


class Passage:
    """All items of a pipeline that move, and their rules."""

    def __init__(
        self,
        plan: PipelinePlan,
        scene: Scene,
        steering: Steering,
        flow: Flow,
        bookings: Bookings,
        answers: Answers,
        recipes: Recipes,
    ) -> None:
        self._scene, self._steering, self._flow = scene, steering, flow
        self._bookings, self._answers, self._recipes = bookings, answers, recipes
        self.books = Books(plan)
        rules = [rule for rule in plan.rules if rule.each in self.books]
        kinds = [book.plan.name for book in self.books]
        self._now_rules = {name: [r for r in rules if r.each == name and not r.after] for name in kinds}
        self._end_rules = {name: [r for r in rules if r.each == name and r.after] for name in kinds}

    def at(self, step: StepPlan, position_mm: float | None) -> Item | None:
        """Return the item that a frame of this step shows, by where the belt was."""
        if position_mm is None:
            return None
        return self.books[step.each].at_place(step.place, position_mm, step.match_mm)

    def judge(self, item: Item) -> None:
        """Let every rule of this item see what is known; the one that decides gives the verdict."""
        self._judge(self.books[item.id.kind], item)

    # --- what happens -------------------------------------------------------------------------------------------

    def edge(self, event: events.EdgeSeen) -> None:
        """Begin an item at a starting edge; items whose edges were missed are begun, and undecided, before it."""
        book = self.books.by_start.get(event.input)
        if book is None or not event.rising:
            return
        self._reach(book, event.epoch, event.number - 1, "its photo-eye edge was not received")
        if event.position_mm is not None:
            self._place(book, event.position_mm)
        if event.number > book.last_number:
            known = not book.count(event.number)
            self._scene.counters["triggers"] += 1
            if known:
                pass  # adopted: its act was under way before its edge was counted
            elif event.position_mm is None:
                item = book.begin(event.number, 0.0, event.t)
                item.recipe = self._scene.recipe
                self._decide(item, Verdict.UNDECIDED, "", "the belt's position is unknown", ())
                self._close(item, "diverted", "the belt's position is unknown")
            elif len(book) >= MAX_OPEN:
                raise OverflowError(f"more than {MAX_OPEN} open items of kind {book.plan.name}")
            else:
                self._begun(book.begin(event.number, event.position_mm, event.t))
        if event.position_mm is not None:
            self._moved(book, event.position_mm)

    def position(self, event: events.PositionSeen) -> None:
        """Take the belt's position: items that passed their last chance are undecided, those that left are closed."""
        book = self.books.by_position.get(event.input)
        if book is None:
            return
        self._reach(book, event.epoch, event.edges, "its photo-eye edge was not received")
        self._place(book, event.position_mm)
        self._moved(book, event.position_mm)

    def reconnected(self) -> None:
        """A device has come back: a board that was reset may have lost its count of the belt."""
        for book in self.books:
            book.is_in_doubt = True

    def settled(self, event: events.ActSettled) -> None:
        """Take the outcome of an act; one that nobody waits for any more changes nothing."""
        item_id = item_of(event.cause)
        item = self.books.find(item_id) if item_id is not None else None
        if item is None or item.act != "open":
            self._scene.counters["outcomes_unexpected"] += 1
            return
        item.act = event.kind
        self._scene.counters[f"acts_{event.kind}"] += 1
        if event.kind == OutcomeKind.EXECUTED:
            self._close(item, "passed", "")
            return
        if event.kind == OutcomeKind.IN_DOUBT:
            self._scene.effects.append(Alarm("act-in-doubt", f"{event.cause}: {event.output}: {event.why}"))
        way = "in-doubt" if event.kind == OutcomeKind.IN_DOUBT else "diverted"
        self._close(item, way, event.why)

    def recover(self, in_flight: tuple[tuple[str, str, int, bytes], ...]) -> None:
        """After a start: acts that were never sent are settled, sent ones of steps that were not committed are
        adopted.
        """
        known = {cause for cause, output, _, _ in in_flight if output in self.books.gates}
        for item in self.books.items():
            if item.act == "open" and str(item.id) not in known:
                item.act = OutcomeKind.NOT_EXECUTED
                self._scene.counters[f"acts_{OutcomeKind.NOT_EXECUTED}"] += 1
                self._close(item, "diverted", "the daemon ended before the act was sent")
                continue
            self._flow.resume(item)
        for cause, output, _, note in in_flight:  # first: what an intent says of an item was decided before
            self._adopt(cause, output, note)
        for book in self.books:
            for item in book:
                if not item.verdict:
                    self._flow.advance(item)
                    self._judge(book, item)

    def tell(self) -> None:
        """Tell which items a change of the plan ended."""
        ended, self.books.ended = self.books.ended, []
        for item, why in ended:
            self._give_up(item, why)

    # --- what follows from it -----------------------------------------------------------------------------------

    def next_position_mm(self) -> float | None:
        """Return the position at which the first open item loses its last chance, or leaves."""
        due: list[float] = []
        for book in self.books:
            for item in book:
                due.append(item.start_mm + (self._leave_mm(book) if item.verdict else self._decide_mm(book)))
                if not item.verdict:
                    break
        return min(due, default=None)

    def _reach(self, book: ItemBook, epoch: int, upto: int, why: str) -> None:
        """Bring the book to `upto` edges of `epoch`: those it did not see are undecided items."""
        if book.epoch != epoch:
            first = book.epoch is None
            # At the first contact ever, what passed before is nobody's; after a board lost its memory, its count
            # began at 0.
            left = book.change_epoch(epoch, max(upto, 0) if first else 0)
            for item in left:
                self._give_up(item, "the board lost its memory")
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
            item.recipe = self._scene.recipe
            self._decide(item, Verdict.UNDECIDED, "", why, ())
            self._close(item, "diverted", why)

    def _place(self, book: ItemBook, position_mm: float) -> None:
        """Note where the belt is. Behind a reset, a count that is further back began anew: the places of the items
        under way mean nothing any more, and they would stand before all that come. An act under way gets its outcome
        of the board.
        """
        before, was_in_doubt = book.position_mm, book.is_in_doubt
        book.position_mm, book.is_in_doubt = position_mm, False
        if not was_in_doubt or before is None or position_mm >= before - BACK_MM:
            return
        for item in book:
            if item.act == "open":
                continue
            if not item.verdict:
                self._decide(item, Verdict.UNDECIDED, "", LOST, ())
            self._close(item, "diverted", LOST)

    def _moved(self, book: ItemBook, position_mm: float) -> None:
        decide_mm, leave_mm = self._decide_mm(book), self._leave_mm(book)
        for item in book:
            if item.start_mm + decide_mm > position_mm:
                break
            if not item.verdict:
                seen = "no frame of it came" if not item.called else "no answer came in time"
                self._decide(item, Verdict.UNDECIDED, "", item.why or seen, ())
            if item.act != "open" and item.start_mm + leave_mm <= position_mm:
                self._close(item, "withheld" if item.act in ELSEWHERE else "diverted", item.why)

    def _begun(self, item: Item) -> None:
        item.recipe = self._scene.recipe
        if why := self._recipes.wrong(item.recipe):
            self._decide(item, Verdict.UNDECIDED, "", why, ())

    def _judge(self, book: ItemBook, item: Item) -> None:
        for rule in self._now_rules[book.plan.name]:
            condition = self._recipes.condition(rule.name, item.recipe)
            value, operands = condition.value(self._flow.look_up(item))
            if value is UNKNOWN and not self._all_answered(condition, item):
                continue
            if rule.verdict:
                self._verdict(book, item, rule, value, self._scene.operands(condition.reads, operands, item))
            elif value is True:
                self._act(item, rule)

    def _verdict(self, book: ItemBook, item: Item, rule: RulePlan, value: object, seen: Operands) -> None:
        if item.verdict:
            return
        if value is UNKNOWN:
            self._decide(item, Verdict.UNDECIDED, rule.name, item.why or "an operand is unknown", seen)
        elif value is False:
            self._decide(item, Verdict.DEFECTIVE, rule.name, "", seen)
        else:
            self._decide(item, Verdict.GOOD, rule.name, "", seen)
            for index, effect in enumerate(rule.do):
                if isinstance(effect, PulseEffect):
                    self._fire(book, item, rule, effect, index)
            self._act(item, rule)

    def _act(self, item: Item, rule: RulePlan) -> None:
        """Want a rule's bookings, once for each item."""
        if rule.name not in item.fired and self._bookings.book(
            str(item.id), rule, self._flow.look_up(item), item.spent
        ):
            item.fired.append(rule.name)

    def _fire(self, book: ItemBook, item: Item, rule: RulePlan, effect: PulseEffect, index: int) -> None:
        output, act = self._scene.outputs[effect.output], Act(str(item.id), effect.output, index)
        if (how := self._scene.taken.get(output.name)) is not None:
            item.act = item.why = f"withheld: {how}"
            self._scene.counters[f"withheld_{how}"] += 1
            self._scene.effects.append(Withheld(act, output.name, effect.verb, rule.name, how))
            return
        item.act = "open"
        self._scene.counters["acts_intended"] += 1
        pulse = Pulse(
            act,
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

    def _decide(self, item: Item, verdict: Verdict, rule: str, why: str, operands: Operands) -> None:
        item.verdict, item.why = verdict.value, why
        self._scene.counters[verdict.value] += 1
        steps = (self._flow.steps.get(name) for name in item.called)
        model = next((self._answers.model(step) for step in steps if isinstance(step, StepPlan)), "")
        self._scene.effects.append(
            Decided(item.id, verdict.value, rule, why, operands, item.picture_digest, model, "", item.recipe)
        )
        self._steering.decided()

    def _close(self, item: Item, way: str, why: str) -> None:
        self._flow.release(item)
        self.books.close(item)
        self._scene.counters[way.replace("-", "_")] += 1
        self._scene.effects.append(Closed(item.id, way, why))
        for rule in self._end_rules.get(item.id.kind, ()):
            if rule.after.split(".")[-1] != way:
                continue
            value, _ = self._recipes.condition(rule.name, item.recipe).value(self._flow.look_up(item))
            if value is True:
                self._act(item, rule)

    def _give_up(self, item: Item, why: str) -> None:
        if not item.verdict:
            self._decide(item, Verdict.UNDECIDED, "", why, ())
        if item.act != "open":
            self._close(item, "diverted", why)
            return
        # Its pulse may have begun before the board lost its memory: nobody can say, so nobody claims it (LINK rule 4).
        self._scene.counters[f"acts_{OutcomeKind.IN_DOUBT}"] += 1
        self._scene.effects.append(Alarm("act-in-doubt", f"{item.id}: {why}"))
        self._close(item, "in-doubt", why)

    def _adopt(self, cause: str, output: str, note: bytes) -> None:
        """Take an act whose intent is durable though the step that made it is not: it must never be made again."""
        item_id = item_of(cause)
        book = self.books.home(item_id.kind) if item_id is not None else None
        if item_id is None or output not in self.books.gates:
            return
        item = self.books.find(item_id) or self.books.recall(item_id)
        if item is not None and item.act:
            return  # the step that made it is committed: its outcome is waited for
        rule, verdict, start_mm = msgpack.unpackb(note, raw=False)
        if item is None:
            if book is None:
                return  # nothing counts such items any more
            if book.epoch is None:
                book.epoch = item_id.epoch
            if item_id.epoch != book.epoch or book.knows(item_id.number):
                return  # closed before the crash; only the slot in the intent file was left
            item = self.books.begin(book, item_id, start_mm, self._scene.t)
        item.act = "open"
        self._scene.counters["acts_intended"] += 1
        if not item.verdict:
            self._decide(item, Verdict(verdict), rule, "known from the act's intent after a crash", ())

    def _all_answered(self, condition: Condition, item: Item) -> bool:
        return all(
            read.name in item.results
            for read in condition.reads
            if isinstance(read, Operand) and read.name in self._flow.steps
        )

    def _decide_mm(self, book: ItemBook) -> float:
        output = self._scene.outputs.get(book.plan.decide_before)
        return book.places[book.plan.decide_before] - (output.before_mm if output else 0.0)

    def _leave_mm(self, book: ItemBook) -> float:
        output = self._scene.outputs.get(book.plan.decide_before)
        return book.places[book.plan.decide_before] + (output.after_mm + output.late_mm if output else 0.0)
