"""A device file -> a plan: which machine serves which input and output, with settings as the drivers declare them."""

from __future__ import annotations

import dataclasses
import posixpath
from collections.abc import Mapping, Sequence
from typing import Any

from ripieno.contracts.driver import Driver, HasDirection, NamesFields
from ripieno.plan import BrokerPlan, DevicePlan, OrdersPlan, Plan, PointPlan, StoragePlan, TlsPlan, TrialPlan

from . import device_file as file
from .alarm_channels import read_channels
from .names import Names, check_name, entries
from .nearest import did_you_mean
from .pipeline import Compiled, compile_pipeline
from .plain import plain_fields, plain_point
from .problems import Problems, Report
from .recipes import chooser, read_recipes
from .seal import Read, Resolve, as_written
from .shape import build, is_mapping, join
from .source import Node, parse

FORMAT = 1
HAVE_FIELDS = ("reading", "record", "message")
Drivers = Mapping[str, Driver]


def compile_parts(
    path: str, content: bytes, read: Read, drivers: Drivers, problems: Problems, resolve: Resolve = as_written
) -> Plan | None:
    """Return the plan of a device, None after reporting why there is none."""
    report = problems.file(path)
    root = parse(content, report)
    if root is None:
        return None
    return _Compiler(path, read, drivers, problems, report, root, resolve).compile()


class _Compiler:
    def __init__(
        self, path: str, read: Read, drivers: Drivers, problems: Problems, report: Report, root: Node, resolve: Resolve
    ) -> None:
        self._read, self._drivers, self._problems, self._report = read, drivers, problems, report
        self._resolve = resolve
        self._folder = posixpath.dirname(path)
        self._whole, self._root = build(file.DeviceFile, root, "", report)
        self._names = Names()
        self._points: dict[str, list[PointPlan]] = {}
        self._wanted: dict[str, tuple[str, str]] = {}  # name -> kind, section
        self._compiled: list[Compiled] = []

    def compile(self) -> Plan | None:
        self._compiled = pipelines = self._pipelines()
        for name, (_, place) in entries(self._root, "devices").items():
            check_name(name, place, f"devices.{name}", self._report, False)
            self._names.define("device", name, place, f"devices.{name}", self._report)
        self._want(pipelines)
        self._want_chooser()
        machines = {name: self._machine(name, node) for name, (node, _) in entries(self._root, "devices").items()}
        for section in ("inputs", "outputs"):
            if section in self._root.mapping:
                is_mapping(self._root.mapping[section], section, self._report)
            for name, (node, _) in entries(self._root, section).items():
                self._bind(section, name, node, machines)
            self._unbound(section, pipelines)
        channels = read_channels(self._root, machines, self._points, self._names, self._report)
        for name, lamps in channels.lamps.items():
            self._points.setdefault(name, []).extend(lamps)
        self._names.finish()
        devices = [self._device(name, one) for name, one in machines.items() if name not in channels.messages]
        apart = [self._device(name, machines[name], points) for name, points in channels.messages.items()]
        whole = self._whole
        self._modes()
        recipes = read_recipes(
            self._root, whole.recipes if whole else None, [one.plan for one in pipelines], self._report
        )
        if self._problems.ordered() or whole is None:
            return None
        return Plan(
            format=FORMAT,
            device=whole.device.id,
            site=whole.device.site,
            runtime=whole.runtime,
            pipelines=tuple(one.plan for one in pipelines if one.plan is not None),
            devices=tuple(one for one in devices if one is not None),
            broker=self._broker(whole.broker),
            on_bad_config=whole.on_bad_config,
            observe=self._observe(whole.mode),
            longest_override_ns=whole.longest_override,
            storage=StoragePlan(self._join(whole.storage.state), whole.storage.group_commit, whole.storage.quota),
            trial=TrialPlan(whole.trial.results, whole.trial.soak),
            recipes=recipes,
            alarms=channels.plan(whole.alarms, tuple(one for one in apart if one is not None)),
        )

    def _modes(self) -> None:
        """Hold the names of `mode` against the pipelines."""
        node, there = self._root.mapping.get("mode"), [one.name for one in self._compiled]
        if node is None or not isinstance(node.value, dict) or not there:
            return
        for name in node.mapping:
            if name not in there:
                line, column = node.keys[name]
                hint = did_you_mean(name, there)
                self._report.add(line, column, f"mode.{name}", f"there is no pipeline '{name}'", hint)

    def _observe(self, mode: str | Mapping[str, str]) -> tuple[str, ...]:
        names = [one.name for one in self._compiled]
        if isinstance(mode, str):
            return tuple(names) if mode == "observe" else ()
        return tuple(name for name in names if mode.get(name) == "observe")

    def _broker(self, broker: file.Broker) -> BrokerPlan:
        tls, orders = broker.tls, broker.orders
        return BrokerPlan(
            broker.transport,
            broker.address,
            broker.port,
            broker.fleet,
            broker.receipt,
            TlsPlan(*map(self._join, (tls.ca, tls.certificate, tls.key))) if tls else None,
            OrdersPlan(*map(self._join, (orders.root, orders.policy))) if orders else None,
        )

    def _join(self, path: str) -> str:
        return posixpath.normpath(posixpath.join(self._folder, path))

    def _pipelines(self) -> list[Compiled]:
        found: list[Compiled] = []
        node = self._root.mapping.get("pipelines")
        paths = (
            [one for one in node.value if isinstance(one.value, str)] if node and isinstance(node.value, tuple) else []
        )
        for at in paths[:50]:
            bundle = self._resolve(self._join(at.text))
            try:
                self._read(f"{bundle}/pipeline.yaml")
            except OSError as error:
                what = f"cannot read {bundle}/pipeline.yaml: {error.strerror or error}"
                self._report.add(at.line, at.column, "pipelines", what, "a path counts from this file")
                continue
            one = compile_pipeline(bundle, self._read, self._problems)
            if one is None:
                continue
            if any(one.name == other.name for other in found):
                self._report.add(at.line, at.column, "pipelines", f"pipeline '{one.name}' is given twice")
                continue
            found.append(one)
        return found

    def _want(self, pipelines: list[Compiled]) -> None:
        """Collect what the pipelines need; two pipelines may share an input, never an output."""
        by: dict[str, Compiled] = {}
        for one in pipelines:
            for section, points in (("inputs", one.inputs), ("outputs", one.outputs)):
                for name, (kind, place) in points.items():
                    report = self._problems.file(one.file)
                    first = self._wanted.get(name)
                    if first is not None and (section == "outputs" or first != (kind, section)):
                        what = (
                            f"pipeline '{by[name].name}' has {first[1].removesuffix('s')} '{name}' ({first[0]}) already"
                        )
                        report.add(*place, join(section, name), what, "give it another name")
                        continue
                    if first is not None and one.declared.get(name) != by[name].declared.get(name):
                        what = f"pipeline '{by[name].name}' declares this input in another way"
                        hint = "write it alike in both, or give it another name"
                        report.add(*place, join(section, name), what, hint)
                        continue
                    self._wanted[name], by[name] = (kind, section), one
                    self._names.define(section.removesuffix("s"), name, place, join(section, name), report)

    def _want_chooser(self) -> None:
        """The message that names the product is an input of the device, whether a pipeline has it or not."""
        chosen = chooser(self._root)
        if chosen is None:
            return
        name, field, at = chosen
        path, (kind, section) = "recipes.chosen_by", self._wanted.get(name, ("message", "inputs"))
        declared = next((one.declared[name] for one in self._compiled if name in one.declared), None)
        if not field:
            self._report.add(at.line, at.column, path, "should be INPUT.FIELD", f"{name}.product")
        elif (kind, section) != ("message", "inputs"):
            self._report.add(at.line, at.column, path, f"'{name}' is a {kind} {section.removesuffix('s')}, no message")
        elif declared is not None and (field, "text") not in declared.fields:
            texts = [one for one, type in declared.fields if type == "text"]
            what = f"the message '{name}' has no text '{field}'"
            self._report.add(at.line, at.column, path, what, did_you_mean(field, texts))
        elif declared is None and check_name(name, (at.line, at.column), path, self._report, False):
            self._wanted[name] = ("message", "inputs")
            self._names.define("input", name, (at.line, at.column), path, self._report)

    def _machine(self, name: str, node: Node) -> tuple[Driver, Any, str] | None:
        """Return the driver, its settings (None where they have problems) and the interlock."""
        path = f"devices.{name}"
        if not is_mapping(node, path, self._report):
            return None
        at = node.mapping.get("driver")
        driver = self._drivers.get(at.text) if at is not None else None
        if at is not None and driver is None and isinstance(at.value, str):
            hint = did_you_mean(at.text, self._drivers)
            self._report.add(at.line, at.column, f"{path}.driver", f"there is no driver '{at.text}'", hint)
        if driver is None:
            mine = {key: one for key, one in node.mapping.items() if key in ("driver", "interlock")}
            if at is None:
                build(file.Machine, node, path, self._report, [key for key in node.mapping if not _like(key, "driver")])
            else:
                build(file.Machine, dataclasses.replace(node, value=mine), path, self._report)
            return None
        fields = [one.name for one in dataclasses.fields(driver.settings)]
        machine, right = build(file.Machine, node, path, self._report, fields)
        rest = {key: one for key, one in right.mapping.items() if key not in ("driver", "interlock")}
        settings, _ = build(driver.settings, dataclasses.replace(right, value=rest), path, self._report)
        return driver, settings, machine.interlock if machine is not None else ""

    def _bind(
        self, section: str, name: str, node: Node, machines: Mapping[str, tuple[Driver, Any, str] | None]
    ) -> None:
        path, kind_of = join(section, name), section.removesuffix("s")
        place = self._root.mapping[section].keys[name]
        known = self._names.use(name, (kind_of,), place, path, self._report) if self._pipelines_known() else None
        if not is_mapping(node, path, self._report):
            return
        at = node.mapping.get("device")
        if at is None or not isinstance(at.value, str):
            build(file.Binding, node, path, self._report, [key for key in node.mapping if not _like(key, "device")])
            return
        if self._names.use(at.text, ("device",), (at.line, at.column), f"{path}.device", self._report) is None:
            return
        machine = machines.get(at.text)
        if machine is None:
            return
        driver, settings, interlock = machine
        before = len(self._report.found)
        fields = [one.name for one in dataclasses.fields(driver.point)]
        _, right = build(file.Binding, node, path, self._report, fields)
        rest = {key: one for key, one in right.mapping.items() if key != "device"}
        point, _ = build(driver.point, dataclasses.replace(right, value=rest), path, self._report)
        kind = self._wanted[name][0] if known else ""
        if not kind:
            return
        able = driver.inputs if section == "inputs" else driver.outputs
        if kind not in able:
            what = f"driver '{driver.name}' of device '{at.text}' cannot serve a {kind} {kind_of}"
            hint = f"its {section}: {', '.join(sorted(able)) or 'none'}"
            self._report.add(at.line, at.column, f"{path}.device", what, hint)
        why = _needs_interlock(driver, kind, settings, point)
        if why and not interlock:
            what = f"device '{at.text}' {why}, and '{name}' is a {kind}"
            hint = f'declare what does it: devices.{at.text}.interlock: "..."'
            self._report.add(at.line, at.column, f"{path}.device", what, hint)
        if point is None or len(self._report.found) > before:
            return
        if isinstance(point, HasDirection) and point.direction != kind_of:
            self._report.add(*place, path, f"is an {kind_of}, and its keys say that it is an {point.direction}")
            return
        if kind in HAVE_FIELDS and isinstance(point, NamesFields) and point.fields:
            self._fields(name, kind, point, place, path)
        one = PointPlan(name, kind, plain_point(point))
        for other in self._points.setdefault(at.text, []):
            if (other.kind, other.settings) == (one.kind, one.settings) and one.settings:
                self._report.add(*place, path, f"is the same {kind} of device '{at.text}' as '{other.name}'")
        self._points[at.text].append(one)

    def _fields(self, name: str, kind: str, point: NamesFields, place: tuple[int, int], path: str) -> None:
        """Hold what a point will report against what the pipelines want of this input."""
        declared = next((one.declared[name] for one in self._compiled if name in one.declared), None)
        if declared is None:
            return  # it names the product alone
        units = getattr(point, "units", {})
        for field, unit in declared.fields:
            if field not in point.fields:
                what = f"reports no '{field}', and the pipeline's {kind} has this field"
                self._report.add(*place, path, what, did_you_mean(field, point.fields))
            elif units.get(field, unit) != unit:
                what = f"reports '{field}' in {units[field]}, and the pipeline wants {unit}"
                self._report.add(*place, path, what, f"give `scales` that make it {unit}, and `units` that say so")

    def _pipelines_known(self) -> bool:
        return bool(self._wanted)

    def _unbound(self, section: str, pipelines: list[Compiled]) -> None:
        given = entries(self._root, section)
        at = self._root.keys.get(section, (self._root.line, self._root.column))
        for name, (kind, where) in self._wanted.items():
            if where == section and name not in given:
                wanting = (one for one in pipelines if name in (one.inputs if section == "inputs" else one.outputs))
                pipeline = next(wanting, None)
                who = f"pipeline '{pipeline.name}'" if pipeline is not None else "recipes.chosen_by"
                able = [
                    name
                    for name in self._drivers
                    if (one := self._drivers.get(name)) and kind in one.inputs | one.outputs
                ]
                what = f"missing key '{name}': {who} needs this {kind} {section.removesuffix('s')}"
                hint = f"drivers that serve a {kind}: {', '.join(sorted(able)) or 'none'}"
                self._report.add(*at, section, what, hint)

    def _device(
        self, name: str, machine: tuple[Driver, Any, str] | None, points: Sequence[PointPlan] | None = None
    ) -> DevicePlan | None:
        if machine is None or machine[1] is None:
            return None
        driver, settings, interlock = machine
        kept, places = plain_fields(settings)
        mine = self._points.get(name, ()) if points is None else points
        return DevicePlan(name, driver.name, kept, places, tuple(mine), interlock)


def _needs_interlock(driver: Driver, kind: str, settings: Any, point: Any) -> str:
    """Return why something outside must keep this output from harm, "" where the device does."""
    is_unknown = callable(driver.falls_safe) and (settings is None or point is None)  # they have problems of their own
    if kind in ("pulse", "setpoint") and not is_unknown and not driver.is_safe_alone(settings, point):
        return "does not fall safe by itself"
    if kind == "pulse" and driver.pulse_contract != "exactly-once":
        return f"does a pulse {driver.pulse_contract}"
    return ""


def _like(key: str, wanted: str) -> bool:
    return did_you_mean(key, [wanted]).startswith("did")
