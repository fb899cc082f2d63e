"""The real ports of a daemon: what `ripieno run` hands to the app."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ripieno.contracts.ports import Broker, Inference
from ripieno.contracts.site import BrokerAddress, TopicBroker
from ripieno.plan import PipelinePlan, Plan
from ripieno_drivers.cameras.watching import FolderWatch
from ripieno_drivers.link.port import SerialLines

from .app import Ports
from .bundles import PlanModels
from .children import ChildProcesses
from .compiling.drivers import installed_drivers
from .doors import OpenDoors
from .ports import DiskFiles, DiskStorage, SystemClock, SystemEntropy, SystemNetwork
from .ports.clock_quality import clock_quality
from .ports.ledger_shelf import LedgerShelf
from .ports.own_process import boot_id
from .workers import WorkerPool
from .workers.process import Spawn, spawn_exec
from .workers.wanted import runtime_of, steps_of

if TYPE_CHECKING:
    from .trust.enrolled import Enrolled


def real_ports(plan: Plan, spawn: Spawn = spawn_exec) -> Ports:
    """Return the ports of this machine: its clock, disk, network, serial lines, folders, workers, brokers and doors.

    `spawn`: how workers are made.
    """
    clock, entropy, state = SystemClock(), SystemEntropy(), Path(plan.storage.state)
    return Ports(
        clock=clock,
        entropy=entropy,
        lines=SerialLines(),
        folder=FolderWatch(),
        storage=DiskStorage(state),
        drivers=installed_drivers(),
        inference=partial(worker_pool, spawn=spawn),
        broker=lambda plan, boot: real_broker(plan, boot, clock, entropy),
        processes=ChildProcesses(),
        network=SystemNetwork(state),
        files=DiskFiles(state),
        brokers=lambda address: site_broker(plan, address, clock, entropy),
        doors=OpenDoors(),
        enrolled=real_enrolled,
        clock_quality=clock_quality,
        shelf=LedgerShelf(state),
        boot_id=boot_id,
    )


def real_enrolled(plan: Plan) -> Enrolled | None:
    """Return whose orders the device file says are obeyed, None for nobody's. Raises NotEnrolled."""
    orders = plan.broker.orders
    if orders is None:
        return None
    from .trust.enrolled import read_enrolled

    return read_enrolled(orders.root, orders.policy)


def worker_pool(
    plan: Plan, pipeline: PipelinePlan, models: PlanModels, say: Callable[[str], None], spawn: Spawn = spawn_exec
) -> Inference:
    """Return the workers that the pipeline's steps need."""
    return WorkerPool(models.models, steps_of(pipeline), runtime_of(plan), say, spawn=spawn)


def site_broker(plan: Plan, address: BrokerAddress, clock: SystemClock, entropy: SystemEntropy) -> TopicBroker:
    """Return a device's own connection to a broker of the site."""
    from .fleet.broker_site import site_brokers

    return site_brokers(plan.device, Path(plan.storage.state), clock, entropy)(address)


def real_broker(plan: Plan, boot: int, clock: SystemClock, entropy: SystemEntropy) -> Broker | None:
    """Return the connection that the device file names, None for none. It leaves a will; the station tells the rest."""
    if plan.broker.transport == "none":
        return None
    from .fleet import Sender, Topics  # what a line without a broker never needs costs its start nothing
    from .fleet.message_broker import Will

    sender = Sender(plan.device, boot, clock, entropy)
    will = Will(Topics(plan.broker.fleet, plan.device).state, sender.wrap("state", {"online": False, "boot": boot}))
    if plan.broker.transport == "socket":
        from .fleet.broker_socket import SocketBroker

        return SocketBroker(Path(plan.broker.address), plan.device, clock, will=will)
    from .fleet.broker_mqtt import MqttBroker, MqttSettings, TlsFiles

    tls = plan.broker.tls
    files = TlsFiles(tls.ca, tls.certificate, tls.key) if tls is not None else None
    settings = MqttSettings(host=plan.broker.address, port=plan.broker.port, client_id=plan.device, tls=files)
    return MqttBroker(settings, clock, entropy, will=will)
