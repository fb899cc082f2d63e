"""Driver `http-records`: record inputs from an HTTP service that answers in JSON, one GET for each look-up.

GET /customers/4711 HTTP/1.1        200 {"name": "Ada", "account": {"balance": 12.5}}        404: no such record
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from annotated_types import MaxLen, MinLen, Predicate, doc

from ripieno.contracts.driver import Context, Device, Driver, Point
from ripieno.errors import DeviceError
from ripieno.values import Health, Record
from ripieno_drivers.http import Answer, HttpService, HttpSettings, Request, parse_template
from ripieno_drivers.payloads import ABSENT, BadPayload, gather, is_a_pointer, look, parse_pointer, read_document
from ripieno_drivers.unmoving import MovesNothing

HOLES: Final = ("key",)
NO_RECORD: Final = frozenset({204, 404, 410})
Pointer = Annotated[str, MaxLen(200), Predicate(is_a_pointer)]


@dataclass(frozen=True, kw_only=True)
class HttpRecordsPoint:
    """One record input: where a record is asked for, and where each field is in the answer."""

    path: Annotated[str, MaxLen(500), doc("behind the device's url; {key} stands for the key")]
    fields: Annotated[
        Mapping[Annotated[str, MinLen(1), MaxLen(128)], Pointer],
        MinLen(1),
        MaxLen(64),
        doc("field of the input: where it is in the record, as /account/balance (RFC 6901)"),
    ]
    record: Annotated[
        Pointer, doc("where the record is in the answer; a list there: none, one, or too many; empty: it is the answer")
    ] = ""

    def __post_init__(self) -> None:
        """Raises ValueError: the path is none, or has no place for the key."""
        if not parse_template(self.path, HOLES).holes:
            raise ValueError("`path` has no {key}: every key would find the same record")


class HttpRecords(MovesNothing):
    """One service. A look-up that cannot be answered fails at once or within the service's limits."""

    def __init__(self, settings: HttpSettings, context: Context) -> None:
        self._context, self._settings = context, settings
        self._points: dict[str, Point] = {one.name: one for one in context.points if one.kind == "record"}
        self._templates = {name: parse_template(one.settings.path, HOLES) for name, one in self._points.items()}
        self._ways = {
            name: {field: parse_pointer(at) for field, at in one.settings.fields.items()}
            for name, one in self._points.items()
        }
        self._service = HttpService(settings, context)
        self._said: set[tuple[str, str]] = set()

    async def run(self) -> None:
        """Serve until cancelled."""
        await self._service.run()

    async def look(self, input: str, key: str | float) -> Record:
        """Return the record under `key`."""
        service = self._service
        if input not in self._points:
            return _failed(f"{self._context.device} has no input {input!r}")
        if not service.is_reachable:
            return _failed(service.why)
        try:
            target = self._templates[input].fill({"key": _text(key)})
        except ValueError as error:
            return _failed(str(error))
        try:
            answer = await service.ask(Request("GET", target, (("Accept", "application/json"),)))
        except DeviceError as error:
            service.meant_nothing(str(error))
            return _failed(str(error))
        return self._read(input, key, answer)

    def _read(self, input: str, key: str | float, answer: Answer) -> Record:
        if answer.status in NO_RECORD:
            self._service.meant_something()
            return Record(False)
        if answer.status != 200:
            if answer.status in (401, 407):
                self._service.renew()
            where = f" to {answer.header('location')[:200]!r}: correct `url`" if 300 <= answer.status < 400 else ""
            self._service.meant_nothing(f"answers {answer}{where}")
            return _failed(f"the service answers {answer}{where}")
        try:
            found = self._found(input, key, answer)
        except BadPayload as error:
            self._service.meant_nothing(str(error))
            return _failed(str(error))
        self._service.meant_something()
        return found

    def _found(self, input: str, key: str | float, answer: Answer) -> Record:
        if coding := answer.header("content-encoding").lower().replace("identity", ""):
            raise BadPayload(f"the answer is packed ({coding[:40]}), and nobody asked for that")
        try:
            document = read_document(answer.body, self._settings.largest_bytes)
        except BadPayload as error:
            kind = answer.header("content-type")[:60]
            raise BadPayload(f"the answer ({kind or 'of no stated type'}): {error}") from None
        record = look(document, parse_pointer(self._points[input].settings.record))
        if isinstance(record, list):
            if len(record) > 1:
                return _failed(f"{len(record)} records under {key!r}; the key should be unique")
            record = record[0] if record else None
        if record is None or record is ABSENT:
            return Record(False)
        if not isinstance(record, dict):
            raise BadPayload("where the record should be is no JSON object; correct `record`")
        fields, faults = gather((field, look(record, way)) for field, way in self._ways[input].items())
        for fault in faults:
            told = (input, fault.split(" ")[0])
            if told not in self._said:
                self._said.add(told)
                self._context.say(f"{self._context.device}: {input}: {fault}")
        return Record(True, fields)


def _text(key: str | float) -> str:
    if isinstance(key, float):
        return str(int(key)) if key.is_integer() else repr(key)
    return str(key)


def _failed(why: str) -> Record:
    return Record(False, health=Health.FAILED, why=why)


def _open(settings: Any, context: Context) -> Device:
    return HttpRecords(settings, context)


DRIVER = Driver(
    name="http-records",
    summary="records looked up by GET at an HTTP service that answers in JSON",
    settings=HttpSettings,
    point=HttpRecordsPoint,
    inputs=frozenset({"record"}),
    outputs=frozenset(),
    pulse_contract="none",
    falls_safe=True,
    open=_open,
)
