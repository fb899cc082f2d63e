"""What a model's answer is worth: a fresh and healthy one is evidence, any other is unknown with its reason."""

from __future__ import annotations

from ripieno.plan import PipelinePlan, StepPlan
from ripieno.values import Health

from .. import events
from ..effects import Reported
from ..scene import Scene
from .boxes import BOX

SEEN = "_seen"  # beside a result's fields: what "changes" compares; no expression can name it

Fields = dict[str, object]


class Answers:
    """Reads the answers of all models, and reports those of steps that say so."""

    def __init__(self, plan: PipelinePlan, scene: Scene) -> None:
        self._scene = scene
        self._tasks = {model.name: model.task for model in plan.models}
        self._outputs = {model.name: model.labels for model in plan.models}
        self._digests = {model.name: model.sha256[:16] for model in plan.models}
        self._cropping = {step.crop for step in plan.steps if step.crop}
        self._oldest_ns = {
            step.name: scene.inputs[step.input].max_age_ns for step in plan.steps if step.input in scene.inputs
        }

    def model(self, step: StepPlan) -> str:
        """Return the short digest of the step's model."""
        return self._digests[step.model]

    def read(self, step: StepPlan, event: events.ResultSeen) -> tuple[Fields | None, str]:
        """Return the answer's fields, None with the reason where it is no evidence."""
        health, why = self._health(step, event)
        fields = self._fields(step, event) if health is Health.GOOD else None
        if step.report:
            self._report(step, event, health, why, fields)
        self._scene.counters["results" if fields else f"results_{health}"] += 1
        return fields, why

    def _health(self, step: StepPlan, event: events.ResultSeen) -> tuple[Health, str]:
        health = Health(event.health)
        if health is not Health.GOOD:
            return health, event.why
        if event.t - event.called_t > step.deadline_ns:
            return Health.LATE, f"the answer came after {(event.t - event.called_t) / 1e6:.0f} ms"
        age_ns = event.t - event.taken_t
        if age_ns > self._oldest_ns.get(step.name, age_ns):
            return Health.STALE, f"the picture was {age_ns / 1e6:.0f} ms old"
        return health, ""

    def _fields(self, step: StepPlan, event: events.ResultSeen) -> Fields:
        task = self._tasks[step.model]
        if task == "regress":
            return dict(zip(self._outputs[step.model], event.numbers, strict=True))
        fields: Fields = {"label": event.label, "score": event.score}
        if event.numbers:
            fields["margin"] = event.numbers[0]
        if task == "detect":
            fields["count"] = float(len(event.found))
            if step.name in self._cropping and event.found:
                fields[BOX] = list(event.found[0][2:])
        if step.report == "changes":
            fields[SEEN] = ", ".join(sorted(one[0] for one in event.found) or [event.label])
        return fields

    def _report(
        self, step: StepPlan, event: events.ResultSeen, health: Health, why: str, fields: Fields | None
    ) -> None:
        _, before = self._scene.latest.get(step.name, (0, {}))
        if step.report == "changes" and (before or {}).get(SEEN) == (fields or {}).get(SEEN) and before != {}:
            return
        found = event.found if fields is not None else ()
        label, score = (event.label, event.score) if fields is not None else ("", 0.0)
        count = len(found) if self._tasks[step.model] == "detect" else int(fields is not None)
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
                model=self._digests[step.model],
            )
        )
