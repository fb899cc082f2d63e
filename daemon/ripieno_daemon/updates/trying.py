"""The child that tries a staged release: `python -m ripieno_daemon.updates.trying [--runtime R] NEW [BEFORE]`.

It opens the bundle in NEW, loads its models, asks them, runs the bundle's cases, and writes one msgpack map to stdout
(verdict.to_plain). BEFORE is the folder of the confirmed bundle: its golden inputs are shown to the new models too, and
what the pipelines *decide* about both answers is compared, not the numbers: two honest exports of one model differ in
every tensor, and what matters is the verdict. This process may die of a damaged model; nothing else does.
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgpack

from ripieno.contracts.runtime import Runtime
from ripieno.errors import BundleError, ConfigError, ModelError, RipienoError
from ripieno.language.pipeline import compile_pipeline
from ripieno.language.problems import Problems
from ripieno.models.chain import Chain
from ripieno.models.golden import golden_bytes
from ripieno.models.runtimes import choose
from ripieno.models.takes import TakesPicture
from ripieno.plan import PipelinePlan
from ripieno.values import Health, Inferred
from ripieno_daemon.bundles.files import read_bytes
from ripieno_daemon.bundles.opened import Bundle, open_bundle
from ripieno_daemon.ports import SystemClock
from ripieno_daemon.workers.parts import PooledModel
from ripieno_daemon.workers.served import allowed, read_model

from .decided import decisions
from .verdict import (
    CASES,
    CONSTANT,
    CONTRACT,
    DAMAGED,
    DECISIONS,
    GOLDEN,
    NOT_FINITE,
    PIPELINE,
    SLOW,
    Failure,
    Verdict,
    to_plain,
)

MEMORY_BYTES: Final = 2_000_000_000
PROCESSOR_S: Final = 60
TIMED_RUNS: Final = 9
DEADLINE_SHARE: Final = 0.5  # of a step's deadline may be spent in invoke: the rest is the camera's, the hop's, others'
PROBE_SIDE: Final = 64
LEAST_FOR_CONSTANT: Final = 3


def try_release(new: Path, before: Path | None, runtime_name: str | None, changes: float) -> Verdict:
    """Return what is wrong with the bundle in `new`; stops at the first kind of failure that makes others moot."""
    try:
        bundle = open_bundle(new)
    except BundleError as error:
        return Verdict((Failure(DAMAGED, str(error)),))
    problems = Problems()
    compiled = compile_pipeline(str(new), read_bytes, problems)
    if compiled is None or compiled.plan is None or problems.ordered():
        return Verdict(tuple(Failure(PIPELINE, str(one)) for one in problems.ordered()[:5]))
    runtime = choose(runtime_name)
    figures: dict[str, object] = {"runtime": runtime.name}
    failures: list[Failure] = []
    chains: dict[str, Chain] = {}
    for name, model in bundle.models.items():
        try:
            chains[name] = Chain(model.spec, runtime.load(read_model(_read, model), 1), SystemClock().monotonic_ns)
        except ModelError as error:
            failures.append(Failure(CONTRACT, f"model {name}: {error}"))
    if failures:
        return Verdict(tuple(failures), figures)
    for name, chain in chains.items():
        failures += _asked(name, chain, bundle.models[name])
        failures += _timed(name, chain, compiled.plan, figures)
    if before is not None and not failures:
        failures += _against(before, compiled.plan, chains, runtime, changes, figures)
    failures += _cases(new, figures)
    return Verdict(tuple(failures), figures)


def _asked(name: str, chain: Chain, model: PooledModel) -> Iterator[Failure]:
    """Show the golden inputs and probes: the sealed answers, finite numbers, and not always the same."""
    answers: set[bytes] = set()
    for case in model.golden:
        shown = case.path.rpartition("/")[2]
        answer = chain.run(golden_bytes(model.spec.takes, _read(case.path)))
        answers.add(chain.raw_output())
        if answer.result is None:
            kind = NOT_FINITE if answer.health is Health.NON_FINITE else GOLDEN
            yield Failure(kind, f"model {name}: golden input {shown}: {answer.why}")
            continue
        promised = shown.rpartition(".")[0].partition("-")[0]
        if promised in model.spec.labels and promised != answer.result.label:
            yield Failure(GOLDEN, f"model {name}: {shown} is named {promised}, the model says {answer.result.label}")
            continue
        apart = max((abs(a - b) for a, b in zip(answer.result.scores, case.scores, strict=False)), default=0.0)
        if answer.result.label != case.label or apart > allowed(model.spec):
            said = f"{answer.result.label} {max(answer.result.scores, default=0.0):.3f}"
            sealed = f"{case.label} {max(case.scores, default=0.0):.3f}"
            yield Failure(GOLDEN, f"model {name}: {shown}: sealed as {sealed}, now {said}")
    for what, probe in _probes(model):
        answer = chain.run(probe)
        answers.add(chain.raw_output())
        if answer.health is Health.NON_FINITE:
            yield Failure(NOT_FINITE, f"model {name}: {what}: {answer.why}")
    if len(answers) == 1 and len(model.golden) >= LEAST_FOR_CONSTANT:
        yield Failure(CONSTANT, f"model {name}: the same answer to {len(model.golden)} golden inputs, black and white")


def _timed(name: str, chain: Chain, plan: PipelinePlan, figures: dict[str, object]) -> Iterator[Failure]:
    times_us = sorted(chain.run_ramp() for _ in range(TIMED_RUNS))
    median_us = times_us[TIMED_RUNS // 2]
    figures[f"invoke_us.{name}"] = median_us
    for step in plan.steps:
        limit_us = DEADLINE_SHARE * step.deadline_ns / 1000
        if step.model == name and median_us > limit_us:
            yield Failure(
                SLOW,
                f"model {name}: {median_us / 1000:.1f} ms a picture here; step {step.name} has a deadline of "
                f"{step.deadline_ns / 1e6:g} ms, of which at most {DEADLINE_SHARE:.0%} is the model's",
            )


def _against(
    before: Path,
    plan: PipelinePlan,
    chains: dict[str, Chain],
    runtime: Runtime,
    changes: float,
    figures: dict[str, object],
) -> Iterator[Failure]:
    """Show the golden inputs of what ran before, and compare what both pipelines decide about both models' answers."""
    try:
        old = open_bundle(before)
        compiled = compile_pipeline(str(before), read_bytes, Problems())
        old_plan = None if compiled is None else compiled.plan
        loaded = {
            name: Chain(model.spec, runtime.load(read_model(_read, model), 1), lambda: 0)
            for name, model in old.models.items()
            if name in chains
        }
    except RipienoError as error:  # it is what runs, whatever is wrong with it; it cannot be a measure
        figures["compared"] = f"no: {error}"
        return
    if old_plan is None:
        figures["compared"] = "no: the pipeline before does not compile"
        return
    compared, changed = 0, []
    for name, chain in loaded.items():
        for content, shown in _comparable(old, name, chain, chains[name]):
            first, second = chain.run(content), chains[name].run(content)
            compared += 1
            if (was := decisions(old_plan, name, first)) != (now := decisions(plan, name, second)):
                changed.append(f"{shown}: {_told(first)} {was} -> {_told(second)} {now}")
    figures["compared"], figures["changed"] = compared, len(changed)
    if compared and len(changed) / compared > changes:
        yield Failure(
            DECISIONS,
            f"{len(changed)} of {compared} golden inputs of the confirmed bundle are decided otherwise, "
            f"{changes:.0%} are allowed (`bundle pack --changes`): {'; '.join(changed[:3])}",
        )


def _comparable(old: Bundle, name: str, first: Chain, second: Chain) -> Iterator[tuple[bytes, str]]:
    if type(first.spec.takes) is not type(second.spec.takes):
        return
    for case in old.models[name].golden:
        yield golden_bytes(first.spec.takes, _read(case.path)), case.path.rpartition("/")[2]


def _told(answer: Inferred) -> str:
    if answer.result is None:
        return str(answer.health)
    return f"{answer.result.label} {max(answer.result.scores, default=0.0):.2f}"


def _cases(bundle: Path, figures: dict[str, object]) -> Iterator[Failure]:
    """Run the bundle's own cases, where it has some."""
    from ripieno_daemon.casework import load, run

    if not any(path.startswith("cases/") for path in open_bundle(bundle).manifest.files):
        figures["cases"] = 0
        return
    try:
        result = run(load(bundle))
    except ConfigError as error:
        yield from (Failure(CASES, str(one)) for one in error.problems[:5])
        return
    figures["cases"] = len(result.outcomes)
    failed = [one for one in result.outcomes if not one.passed]
    yield from (Failure(CASES, f"{one.case.name}: {'; '.join(one.failures)}") for one in failed[:5])


def _probes(model: PooledModel) -> Iterator[tuple[str, bytes]]:
    """Yield inputs at the ends of what a picture can be: black, white, and noise that is the same every time."""
    if not isinstance(model.spec.takes, TakesPicture):
        return
    import cv2
    import numpy as np

    size = PROBE_SIDE * PROBE_SIDE * 3
    noise = b"".join(hashlib.sha256(at.to_bytes(4, "big")).digest() for at in range(-(-size // 32)))[:size]
    shape = (PROBE_SIDE, PROBE_SIDE, 3)
    for what, picture in (
        ("a black picture", np.zeros(shape, np.uint8)),
        ("a white picture", np.full(shape, 255, np.uint8)),
        ("noise", np.frombuffer(noise, np.uint8).reshape(shape)),
    ):
        yield what, cv2.imencode(".png", picture)[1].tobytes()


_read: Callable[[str], bytes] = read_bytes


def main(words: list[str]) -> int:
    """Try, and write the verdict."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runtime")
    parser.add_argument("--changes", type=float, default=0.0)
    parser.add_argument("new", type=Path)
    parser.add_argument("before", type=Path, nargs="?")
    arguments = parser.parse_args(words)
    for kind, bound in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, PROCESSOR_S),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        resource.setrlimit(kind, (bound if hard == resource.RLIM_INFINITY else min(bound, hard), hard))
    verdict = try_release(arguments.new, arguments.before, arguments.runtime, arguments.changes)
    sys.stdout.buffer.write(msgpack.packb(to_plain(verdict), use_bin_type=True))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
