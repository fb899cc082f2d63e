"""The real ports of a daemon: what `ripieno run` hands to the app."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ripieno.contracts.ports import Broker, Inference
from ripieno.plan import PipelinePlan, Plan
from ripieno_drivers.cameras.watching import FolderWatch
from ripieno_drivers.link.port import SerialLines

from .app import Ports
from .bundles import Bundle
from .compiling.drivers import installed_drivers
from .ports import DiskStorage, SystemClock, SystemEntropy
from .workers import WorkerPool
from .workers.wanted import runtime_of, steps_of


def real_ports(plan: Plan) -> Ports:
    """Return the ports of this machine: its clock, disk, serial lines, folders, workers and broker."""
    clock, entropy = SystemClock(), SystemEntropy()
    return Ports(
        clock=clock,
        entropy=entropy,
        lines=SerialLines(),
        folder=FolderWatch(),
        storage=DiskStorage(Path(plan.storage.state)),
        drivers=installed_drivers(),
        inference=worker_pool,
        broker=lambda plan, say: real_broker(plan, clock, entropy, say),
    )


def worker_pool(plan: Plan, pipeline: PipelinePlan, bundle: Bundle, say: Callable[[str], None]) -> Inference:
    """Return the workers that the pipeline's steps need."""
    return WorkerPool(bundle.models, steps_of(pipeline), runtime_of(plan), say)


def real_broker(
    plan: Plan, clock: SystemClock, entropy: SystemEntropy, say: Callable[[str], None]
) -> Broker | None:
    """Return the connection that the device file names, None for none."""
    if plan.broker.transport == "none":
        return None
    if plan.broker.transport == "socket":
        from .fleet.broker_socket import SocketBroker

        return SocketBroker(plan.broker.address, plan.device, clock, entropy)
    from .fleet.broker_mqtt import MqttBroker

    return MqttBroker(plan.broker.address, plan.broker.port, plan.device, clock, entropy)
