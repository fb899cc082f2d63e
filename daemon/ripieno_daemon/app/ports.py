"""Everything outside of one running app."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ripieno.contracts.driver import Driver
from ripieno.contracts.ports import Broker, Clock, Entropy, Folder, Inference, Lines, Processes, Storage
from ripieno.contracts.site import Brokers, Files, Network
from ripieno.plan import PipelinePlan, Plan

from ..bundles import PlanModels
from ..doors import OpenDoors
from ..ledger.mending import Shelf

if TYPE_CHECKING:
    from ..trust.enrolled import Enrolled


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything outside. `inference` and `broker` make one for a plan.

    `broker` takes the number of this boot, and gives None where the plan names no broker. `enrolled`: whose orders are
    obeyed, None for nobody's; raises RipienoError. `shelf`: where a damaged ledger is set aside, None for nowhere: then
    it ends the start. `clock_quality`: 0 nobody knows the time, 1 plausible,
    2 synchronised.
    """

    clock: Clock
    entropy: Entropy
    lines: Lines
    folder: Folder
    storage: Storage
    drivers: Mapping[str, Driver]
    inference: Callable[[Plan, PipelinePlan, PlanModels, Callable[[str], None]], Inference]
    broker: Callable[[Plan, int], Broker | None]
    processes: Processes | None = None
    network: Network | None = None
    files: Files | None = None
    brokers: Brokers | None = None
    doors: OpenDoors | None = None
    enrolled: Callable[[Plan], Enrolled | None] = lambda plan: None
    clock_quality: Callable[[], int] = lambda: 1
    shelf: Shelf | None = None
    boot_id: Callable[[], str] = lambda: ""
