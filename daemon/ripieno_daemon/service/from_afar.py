"""What somebody far away may ask of the service, by kind of order: how it stands, and which plan runs.

`plan` says what the files on the device would change, with the digest of the plan that they make; `apply` carries that
digest and is declined where the files make another one by now. Of a release that is to be fetched both speak too.
`apply` of files and `restart` end the life of the app that was asked: their work is the service's, and the next life
tells what became of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from ripieno.errors import ConfigError, RipienoError
from ripieno.plan import Plan, digest, joined
from ripieno_daemon.bundles import open_bundles
from ripieno_daemon.orders.executors import Asked, Executor, NotDone, Status

from .difference import differences
from .recent import Recent

if TYPE_CHECKING:
    from .life import Life

BY = "the fleet"
Args = Mapping[str, Any]
Tell = Callable[[str], None]


class FromAfar:
    """The executors of one process; they outlive the lives of its apps."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._apply = Handover(lambda args: life.reload(BY, args["plan"]))
        self._restart = Handover(lambda args: life.restart(BY))

    def executors(self, plan: Plan) -> dict[str, Executor]:
        """Return them by kind of order, for a plan that is to run."""
        return {
            "status": Status(self._life.standing.report),
            "logs": Recent(plan.storage.state),
            "why": Asked.why(plan.storage.state),
            "check": Asked.check(self._life.device_file),
            "plan": self._plan,
            "apply": Applies(self._apply, self._life),
            "restart": self._restart,
            "self-test": self._self_test,
            **self._cancelling(),
        }

    def _cancelling(self) -> dict[str, Executor]:
        updates = self._life.updating.updates
        if updates is None:
            return {}
        from ripieno_daemon.updates.executing import Cancelling

        return {"cancel": Cancelling(updates)}

    async def _plan(self, args: Args, tell: Tell) -> Args:
        """Say what a release would change (its name has a colon: executing.py), or what the files here would."""
        if ":" not in args["bundle"]:
            return await self._compare(args, tell)
        updates = self._life.updating.updates
        if updates is None:
            raise NotDone("bundle", "this device takes no bundle from bundles/NAME/current; see docs/update.md")
        from ripieno_daemon.updates.executing import Planning

        return await Planning(updates)(args, tell)

    async def _compare(self, args: Args, tell: Tell) -> Args:
        before = self._life.standing.plan
        assert before is not None
        try:
            after = await self._life.compiled()
        except ConfigError as error:
            raise NotDone("files", "; ".join(str(problem) for problem in error.problems[:5])) from error
        names = [one.name for one in after.pipelines]
        if args["bundle"] not in names:
            raise NotDone("bundle", f"the device file names no {args['bundle'][:60]!r}; it names {', '.join(names)}")
        changed = differences(before, after)
        return {"plan": digest(after), "in_force": digest(before), "changed": changed}

    async def _self_test(self, args: Args, tell: Tell) -> Args:
        """Load every model once more, in workers of its own, and hold its answers to the golden inputs against the
        sealed ones. What runs is not touched.
        """
        plan = self._life.standing.plan
        assert plan is not None
        inference = self._life.ports_for(plan).inference(plan, joined(plan), open_bundles(plan), tell)
        try:
            loaded = await inference.start()
        finally:
            await inference.stop()
        return {
            step: {"model": one.model, "runtime": one.runtime, "version": one.version, "fingerprint": one.fingerprint}
            for step, one in sorted(loaded.items())
        }


class Applies:
    """`apply` of what was planned last: a release, which comes and is tried after the answer, or the files here."""

    def __init__(self, files: Handover, life: Life) -> None:
        self._files, self._life = files, life

    async def __call__(self, args: Args, tell: Tell) -> Args:
        """Begin it, or do it."""
        updates = self._life.updating.updates
        if updates is not None and updates.has_planned(args["plan"]):
            from ripieno_daemon.updates.executing import Applying

            return await Applying(updates)(args, tell)
        return await self._files(args, tell)

    async def resumed(self) -> Args | None:
        """See Outliving."""
        return await self._files.resumed()


class Handover:
    """An order whose work ends the life that asked for it (orders.executors.Outliving)."""

    def __init__(self, work: Callable[[Args], Awaitable[dict[str, Any]]]) -> None:
        self._work = work
        self._task: asyncio.Task[dict[str, Any]] | None = None

    async def __call__(self, args: Args, tell: Tell) -> Args:
        """Do it; whoever waits here may be gone before it is done."""
        self._task = asyncio.ensure_future(self._work(args))
        told = await asyncio.shield(self._task)
        self._task = None
        return _result(told)

    async def resumed(self) -> Args | None:
        """See Outliving."""
        task, self._task = self._task, None
        return None if task is None else _result(await asyncio.shield(task))


def _result(told: Mapping[str, Any]) -> Args:
    if told["ok"]:
        return {key: value for key, value in told.items() if key != "ok"}
    why = "; ".join([str(told["why"]), *told.get("problems", ())[:5]])
    if told.get("declined"):
        raise NotDone("plan", why)
    raise RipienoError(why)
