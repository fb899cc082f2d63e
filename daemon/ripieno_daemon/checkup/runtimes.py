"""Each installed runtime runs a real model on its golden pictures, in a worker, as the daemon would."""

from __future__ import annotations

from collections.abc import AsyncIterator

from ripieno.errors import BundleError, ModelError, WorkerLost
from ripieno.models.runtimes import known_names
from ripieno_daemon.bundles import open_bundle
from ripieno_daemon.starter.write import BUNDLE, shipped
from ripieno_daemon.workers import Step, WorkerPool

from .finding import Finding, bad, good, warn

MEND = "pip install 'ripieno[litert]', or a release for this processor and Python"


async def runtimes() -> AsyncIterator[Finding]:
    """Try every runtime that an entry point names."""
    try:
        models = open_bundle(shipped(BUNDLE)).models
    except BundleError as error:
        yield bad("models", str(error), "install the wheel again")
        return
    works = 0
    failed: list[Finding] = []
    for name in known_names():
        said: list[str] = []
        pool = WorkerPool(models, {"look": Step(next(iter(models)), 1.0, "high")}, name, said.append)
        try:
            loaded = (await pool.start())["look"]
            works += 1
            yield good("models", f"{loaded.runtime} {loaded.version} gives what it should on the golden pictures")
        except (ModelError, WorkerLost) as error:
            failed.append(warn("models", f"{name}: {str(error).splitlines()[0]}", MEND))
        finally:
            await pool.stop()
    for one in failed:
        yield one if works else bad(one.about, one.text, one.mend)
