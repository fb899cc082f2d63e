"""An item that begins with a picture, as an X-ray study does: looked at, cross-referenced, and signed by a person."""

from __future__ import annotations

from dataclasses import replace

from engine.desk import S
from engine.plans import MS, rule
from engine.world import only

from ripieno import engine as rooms
from ripieno.engine import Effect, Engine, Event
from ripieno.plan import (
    And,
    AskStep,
    BookingEffect,
    Compare,
    Const,
    InputPlan,
    ItemPlan,
    LookupStep,
    ModelPlan,
    Operand,
    OutputPlan,
    PipelinePlan,
    StepPlan,
)
from ripieno.values import ItemId

ITEM = ItemId("study", 3, 1)
LABEL, AGE = Operand("step", "look", "label", "text"), Operand("step", "patient", "age", "number")
SIGNED, KEY = Operand("step", "doctor", "answer", "text"), Operand("input", "scans", "key", "text")
CLOSER = Operand("step", "closer", "label", "text")


def clinic() -> PipelinePlan:
    """Return the pipeline: what looks ill is looked at closer once the patient is known, and a doctor signs."""
    return PipelinePlan(
        name="clinic",
        version="1",
        bundle="",
        manifest_sha256="",
        inputs=(InputPlan("scans", "frame", 60 * S), InputPlan("patients", "record", 0, (("age", "number"),))),
        outputs=(OutputPlan("report", "report", "", ""),),
        items=(ItemPlan("study", "scans", "", (), "", 3_600 * S),),
        models=(ModelPlan("lung", "lung.tflite", "ab" * 32, "classify", ("normal", "pneumonia"), {}),),
        steps=(
            StepPlan("look", "lung", "scans", "study", "", 0.0, "every", "normal", 500 * MS),
            StepPlan(
                *("closer", "lung", "scans", "study", "", 0.0, "every", "normal", 500 * MS),
                when=And((Compare("==", LABEL, Const("pneumonia")), Compare("<", AGE, Const(6.0)))),
                needs=("look", "patient"),
            ),
        ),
        aggregates=(),
        rules=(
            rule(
                "signed",
                each="study",
                when=Compare("==", SIGNED, Const("sign")),
                verdict="reported",
                do=(BookingEffect("report", "write", (("finding", LABEL), ("closer", CLOSER), ("name", KEY))),),
            ),
        ),
        flow=(
            LookupStep("patient", "study", None, (), "patients", KEY, 2 * S, 0),
            AskStep(
                *("doctor", "study", None, ("look", "patient", "closer"), "doctor", "Is this right?"),
                *(("sign", "reject"), (("finding", LABEL),), 1_800 * S, "", "keep"),
            ),
        ),
    )


class Ward:
    """Makes events as a scanner, a model, a database and a doctor would."""

    def __init__(self) -> None:
        self.engine, self.t = Engine(clinic()), 0
        self.tell(rooms.Started(0, 0, ()))

    def tell(self, event: Event) -> list[Effect]:
        """Step the engine."""
        return self.engine.step(event)

    def scan(self, key: str = "patient-17", number: int = 1) -> list[Effect]:
        """A picture comes."""
        self.t += S
        return self.tell(rooms.FrameSeen(self.t, "scans", number, None, self.t, key=key, epoch=3, number=number))

    def answer(self, step: str, label: str) -> list[Effect]:
        """The model answers."""
        seen = rooms.ResultSeen(self.t, step, 1, ITEM, self.t, self.t, "good", label, 0.9, "", "ca", 1, 2)
        return self.tell(seen)

    def patient(self, age: float) -> list[Effect]:
        """The hospital's record comes."""
        return self.tell(rooms.RecordSeen(self.t, "patient", ITEM, True, (age,), self.t, "good", ""))


def test_a_picture_begins_a_study_under_its_own_name() -> None:
    ward = Ward()
    effects = ward.scan()

    assert [one.step for one in only(effects, rooms.Infer)] == ["look"]
    assert [one.key for one in only(effects, rooms.Look)] == ["patient-17"]
    assert ward.engine.counters["triggers"] == 1


def test_a_picture_that_comes_twice_is_one_study() -> None:
    ward = Ward()
    ward.scan()
    again = ward.scan(number=2)

    assert not only(again, rooms.Infer) and [one.why for one in only(again, rooms.Drop)] == ["foreign", "foreign"]


def test_the_picture_is_kept_for_the_step_that_waits_for_the_patient_and_let_go_after_it() -> None:
    ward = Ward()
    first = ward.scan()
    looked = ward.answer("look", "pneumonia")
    known = ward.patient(4.0)

    assert [(one.input, one.sequence) for one in only(first, rooms.Keep)] == [("scans", 1)]
    assert not only(looked, rooms.Infer)
    assert [one.step for one in only(known, rooms.Infer)] == ["closer"]
    assert len(only(known, rooms.Release)) == 1


def test_a_step_that_is_not_wanted_lets_the_picture_go_and_nobody_waits_for_it() -> None:
    ward = Ward()
    ward.scan()
    ward.answer("look", "pneumonia")
    effects = ward.patient(60.0)

    assert not only(effects, rooms.Infer) and len(only(effects, rooms.Release)) == 1
    assert len(only(effects, rooms.Ask)) == 1


def test_the_doctor_signs_and_the_report_names_what_was_seen() -> None:
    ward = Ward()
    ward.scan()
    ward.answer("look", "pneumonia")
    ward.patient(4.0)
    ward.answer("closer", "pneumonia")
    effects = ward.tell(rooms.Answered(ward.t, "doctor", ITEM, "sign", "Dr. Curie", ""))

    assert [one.verdict for one in only(effects, rooms.Decided)] == ["reported"]
    assert dict(only(effects, rooms.Book)[0].booking.fields) == {
        "finding": "pneumonia",
        "closer": "pneumonia",
        "name": "patient-17",
    }


def test_a_dark_picture_is_shown_to_no_model_and_the_study_goes_to_nobody_silently() -> None:
    ward = Ward()
    ward.t += S
    dark = rooms.FrameSeen(ward.t, "scans", 1, None, ward.t, "dark", "too dark", key="p", epoch=3, number=1)
    effects = ward.tell(dark)

    assert not only(effects, rooms.Infer)
    item = ward.engine.find(ITEM)
    assert item is not None and item.doubts["look"] == "too dark"


def test_a_study_whose_pictures_are_gone_after_a_restart_is_undecided_in_time() -> None:
    ward = Ward()
    ward.scan()
    engine = Engine(ward.engine.plan)
    engine.restore(ward.engine.state())
    engine.step(rooms.Started(ward.t + S, S, ()))
    effects = engine.step(rooms.Tick(ward.t + 3_600 * S))

    assert [one.verdict for one in only(effects, rooms.Decided)] == ["undecided"]
    assert replace(engine.plan) == ward.engine.plan
