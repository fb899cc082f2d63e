"""One look for all who want the same: a model is asked once about a picture, however many steps want its answer.

Two pipelines on one device often look at the same picture with the same model. The first call is made; the others get
its answer. Only good answers are remembered, and only of the last few pictures.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping, Sequence

from ripieno.engine import Infer
from ripieno.plan import StepPlan
from ripieno.values import Health, Inferred

from .calls import Call

REMEMBERED = 32

_Key = tuple[str, str, int, int, tuple[float, ...] | None]


class Sharing:
    """The calls that are under way and the answers just given, by what is looked at with what.

    Args:
        steps: of the plan; only those that look at one input with one model can share.
        models: digest of each model.
        put: makes a call.
        answer: takes an answer.
    """

    def __init__(
        self,
        steps: Sequence[StepPlan],
        models: Mapping[str, str],
        put: Callable[[Call], None],
        answer: Callable[[Call, Inferred], None],
    ) -> None:
        self._put, self._answer = put, answer
        looks = {step.name: (models[step.model], step.input, step.tiles) for step in steps if step.input}
        common = Counter(looks.values())
        self._models = {name: look[0] for name, look in looks.items() if common[look] > 1}
        self._wanted: dict[_Key, list[Call]] = {}
        self._known: OrderedDict[_Key, Inferred] = OrderedDict()
        self.shared = 0

    def put(self, call: Call) -> None:
        """Make a call, or wait for one that is under way, or answer at once."""
        key = self._key(call.infer)
        if key is None:
            self._put(call)
        elif key in self._wanted:
            self.shared += 1
            self._wanted[key].append(call)
        elif key in self._known:
            self.shared += 1
            self._answer(call, self._known[key])
        else:
            self._wanted[key] = []
            self._put(call)

    def answered(self, call: Call, inferred: Inferred) -> None:
        """Take an answer, and give it to all who want it."""
        key = self._key(call.infer)
        others = self._wanted.pop(key, []) if key is not None else []
        if key is not None and inferred.health is Health.GOOD:
            self._known[key] = inferred
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        for one in (call, *others):
            self._answer(one, inferred)

    def _key(self, infer: Infer) -> _Key | None:
        model = self._models.get(infer.step)
        return None if model is None else (model, infer.input, infer.sequence, infer.taken_t, infer.box)
