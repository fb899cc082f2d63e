"""A service desk, built by hand: what the compile step would write for questions that are answered or routed."""

from __future__ import annotations

from dataclasses import replace

from engine.plans import MS, rule

from ripieno import engine as rooms
from ripieno.engine import Effect, Engine, Event
from ripieno.plan import (
    And,
    AskStep,
    BookingEffect,
    Compare,
    Const,
    Find,
    FindStep,
    InputPlan,
    ItemPlan,
    LookupStep,
    ModelPlan,
    OneOf,
    Operand,
    OutputPlan,
    PipelinePlan,
    RouteStep,
    StepPlan,
)
from ripieno.values import Health, ItemId

S = 1_000 * MS
TEXT = Operand("input", "asked", "text", "text")
CUSTOMER = Operand("input", "asked", "customer", "number")
INTENT, SCORE = Operand("step", "intent", "label", "text"), Operand("step", "intent", "score", "number")
FOUND = Operand("step", "customer", "found", "bool")
BRANCH, ANSWER = Operand("step", "way", "branch", "text"), Operand("step", "helper", "answer", "text")


def service(**changes: object) -> PipelinePlan:
    """Return the pipeline: known intents of known customers are answered, the others are asked of an agent."""
    sure = And((Compare(">=", SCORE, Const(0.8)), Compare("==", FOUND, Const(True))))
    plan = PipelinePlan(
        name="service",
        version="1",
        bundle="",
        manifest_sha256="",
        inputs=(
            InputPlan("asked", "message", 3_600 * S, (("text", "text"), ("customer", "number"))),
            InputPlan("customers", "record", 0, (("name", "text"), ("balance", "number"))),
        ),
        outputs=(OutputPlan("reply", "message", "", ""), OutputPlan("desk", "booking", "", "")),
        items=(ItemPlan("question", "asked", "", (), "", 120 * S),),
        models=(ModelPlan("intent", "intent.tflite", "cd" * 32, "classify", ("refund", "card"), {}),),
        steps=(StepPlan("intent", "intent", "", "question", "", 0.0, "every", "normal", 500 * MS, of=(TEXT,)),),
        aggregates=(),
        rules=(
            rule(
                "answer",
                each="question",
                when=Compare("==", BRANCH, Const("answer")),
                verdict="answered",
                do=(BookingEffect("reply", "send", (("intent", INTENT),)),),
            ),
            rule(
                "by_person",
                each="question",
                when=OneOf(ANSWER, ("refund", "explain")),
                verdict="answered",
                do=(BookingEffect("reply", "send", (("intent", ANSWER),)),),
            ),
            rule(
                "left_over",
                each="question",
                after="question.undecided",
                do=(BookingEffect("desk", "task", (("why", Const("undecided")),)),),
            ),
        ),
        flow=(
            FindStep("said", "question", None, (), TEXT, (Find("amount", "money"), Find("account", "digits", 8, 12))),
            LookupStep("customer", "question", None, (), "customers", CUSTOMER, 2 * S, 0),
            RouteStep(
                "way",
                "question",
                None,
                ("intent", "customer"),
                (("answer", sure), ("person", Const(True))),
                "person",
            ),
            AskStep(
                "helper",
                "question",
                Compare("==", BRANCH, Const("person")),
                ("way",),
                "agent",
                "What shall we answer?",
                ("refund", "explain", "leave"),
                (("text", TEXT), ("amount", Operand("step", "said", "amount", "number"))),
                60 * S,
                "",
                "keep",
            ),
        ),
    )
    return replace(plan, **changes)  # type: ignore[arg-type]


class Bench:
    """Makes events as customers, models, databases and agents would."""

    def __init__(self, plan: PipelinePlan | None = None) -> None:
        self.engine = Engine(plan or service())
        self.t = 0
        self.log: list[Event] = []
        self.tell(rooms.Started(0, 0, ()))

    def tell(self, event: Event) -> list[Effect]:
        """Step the engine, and remember."""
        self.log.append(event)
        return self.engine.step(event)

    def ask(self, number: int, text: str | None = "where is my refund of $12.50?", key: str = "") -> list[Effect]:
        """Customer 7 asks something."""
        self.t += S
        return self.tell(rooms.MessageSeen(self.t, "asked", key or f"m{number}", 3, number, (text, 7.0), self.t))

    def intent(self, number: int, label: str, score: float, health: Health = Health.GOOD) -> list[Effect]:
        """The model answers."""
        return self.tell(
            rooms.ResultSeen(
                *(self.t, "intent", 0, self.item(number), self.t, self.t, health.value, label, score),
                *("", "beef", 1, 2),
            )
        )

    def record(self, number: int, found: bool = True, health: Health = Health.GOOD) -> list[Effect]:
        """The database answers."""
        fields = ("Ada", 12.0) if found else (None, None)
        return self.tell(
            rooms.RecordSeen(self.t, "customer", self.item(number), found, fields, self.t, health.value, "")
        )

    def person(self, number: int, answer: str) -> list[Effect]:
        """An agent answers."""
        return self.tell(rooms.Answered(self.t, "helper", self.item(number), answer, "Grace", ""))

    def pass_s(self, seconds: float) -> list[Effect]:
        """Time goes on, with a tick at each of the engine's deadlines."""
        end, effects = self.t + int(seconds * S), []
        while (due := self.engine.next_deadline()) is not None and due <= end:
            self.t = max(due, self.t)
            effects += self.tell(rooms.Tick(self.t))
        self.t = end
        return effects

    def item(self, number: int) -> ItemId:
        """Return the identity of the question that came as this number."""
        return ItemId("question", 3, number)
