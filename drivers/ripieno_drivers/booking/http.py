"""Driver `http-booking`: each booking, message or report is one request, keyed by its act, to a service of the site.

    POST /bookings HTTP/1.1
    Idempotency-Key: part-00000007-12/stock/0
    Content-Type: application/json

    {"act": "part-00000007-12/stock/0", "output": "stock", "verb": "scrap", "fields": {"reason": "over"}}

It is sent again, with the same key, until an answer says what became of it: 2xx or 409 (it is there already): done. Any
other 4xx is a no to this very booking. Everything else is about the service, and the booking waits: 5xx, a redirect,
401 and 407 (our credentials), 408, 425 and 429 (not now), no answer. So the effect is there at least once, and once
where the service dedupes by the key.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from annotated_types import MaxLen, doc

from ripieno.contracts.driver import Context, Device, Driver, Point
from ripieno.errors import CommandRefused, DeviceError, LinkDown
from ripieno.values import Booking, Outcome, OutcomeKind
from ripieno_drivers.http import Answer, HttpService, HttpSettings, Request, parse_template
from ripieno_drivers.payloads import booking_document, header_value, plain_name, to_json
from ripieno_drivers.unmoving import MovesNothing

AGAIN_S: Final = (0.2, 1.0, 5.0, 15.0, 60.0)
MOST_REST_S: Final = 300.0
HOLES: Final = ("act", "output", "verb")
OUR_FAULT: Final = frozenset({401, 407, 408, 425, 429})
BUSY: Final = frozenset({429, 502, 503, 504})


class Verdict(enum.Enum):
    """What an answer says of a booking."""

    DONE = "done"
    REFUSED = "refused"
    AGAIN = "again"


def verdict(status: int) -> Verdict:
    """Return what a status says; RFC 9110 section 15, and 409 as services that know idempotency keys use it."""
    if 200 <= status < 300 or status == 409:
        return Verdict.DONE
    if 400 <= status < 500 and status not in OUR_FAULT:
        return Verdict.REFUSED
    return Verdict.AGAIN


@dataclass(frozen=True, kw_only=True)
class HttpBookingPoint:
    """One output: where its bookings are sent."""

    path: Annotated[
        str, MaxLen(500), doc("behind the device's url; {act}, {output} and {verb} stand for the booking's own")
    ]
    method: Annotated[Literal["POST", "PUT"], doc("PUT for a service that names a booking by its address")] = "POST"

    def __post_init__(self) -> None:
        """Raises ValueError: the path is none."""
        parse_template(self.path, HOLES)


class HttpBooking(MovesNothing):
    """One service. A booking that waits for it keeps no other waiting longer than its own request takes."""

    def __init__(self, settings: HttpSettings, context: Context) -> None:
        self._context = context
        self._points: dict[str, Point] = {point.name: point for point in context.points}
        self._service = HttpService(settings, context)

    async def run(self) -> None:
        """Serve until cancelled."""
        await self._service.run()

    async def book(self, booking: Booking) -> Outcome:
        """Send it until an answer says what became of it. Raises LinkDown: `run` has ended."""
        service, request, failures = self._service, self._request(booking), 0
        while True:
            await service.reached()
            wait_s = AGAIN_S[min(failures, len(AGAIN_S) - 1)]
            try:
                answer = await service.ask(request)
            except LinkDown:
                raise
            except DeviceError as error:
                service.meant_nothing(f"{error}; bookings wait")
                await service.pause(wait_s)
            else:
                if (found := self._judged(booking, answer)) is not None:
                    return found
                if answer.status in BUSY:
                    await service.rest(min(_retry_after_s(answer, wait_s), MOST_REST_S))
                else:
                    await service.pause(wait_s)
            failures += 1

    def _request(self, booking: Booking) -> Request:
        point = self._points.get(booking.output)
        if point is None:
            raise CommandRefused(f"{self._context.device} has no output {booking.output!r}")
        act = str(booking.act)
        names = {"act": plain_name(act), "output": booking.output, "verb": booking.verb}
        return Request(
            point.settings.method,
            parse_template(point.settings.path, HOLES).fill(names),
            (("Idempotency-Key", header_value(act)), ("Content-Type", "application/json")),
            to_json(booking_document(booking)),
            wants_body=False,
        )

    def _judged(self, booking: Booking, answer: Answer) -> Outcome | None:
        """Return the outcome that an answer means, None where the booking must be sent again."""
        now_ns = self._context.clock.monotonic_ns()
        match verdict(answer.status):
            case Verdict.DONE:
                self._service.meant_something()
                return Outcome(booking.act, OutcomeKind.EXECUTED, at_ns=now_ns)
            case Verdict.REFUSED:
                self._service.meant_something()
                why = f"the service refuses it: {answer}{_words(answer)}"
                self._context.say(f"{self._context.device}: {booking.act}: {why}; a person must look")
                return Outcome(booking.act, OutcomeKind.NOT_EXECUTED, why, at_ns=now_ns)
            case _:
                if answer.status in (401, 407):
                    self._service.renew()
                self._service.meant_nothing(f"answers {answer}{_mend(answer)}; bookings wait")
                return None


def _mend(answer: Answer) -> str:
    if 300 <= answer.status < 400:
        return f" to {answer.header('location')[:200]!r}: redirects are not followed, correct `url`"
    if answer.status in (401, 407):
        return ": correct the token"
    return ""


def _words(answer: Answer) -> str:
    """Return the beginning of what the service says in text, on one line."""
    text = " ".join(answer.body[:400].decode("utf-8", "replace").split())[:200]
    return f": {text}" if text.isprintable() and text else ""


def _retry_after_s(answer: Answer, otherwise_s: float) -> float:
    """Return the seconds of a Retry-After header; a date there is not read."""
    told = answer.header("retry-after").strip()
    return max(otherwise_s, float(told)) if told.isascii() and told.isdecimal() and len(told) < 6 else otherwise_s


def _open(settings: Any, context: Context) -> Device:
    return HttpBooking(settings, context)


DRIVER = Driver(
    name="http-booking",
    summary="requests to an HTTP service of the site, each act with its idempotency key",
    settings=HttpSettings,
    point=HttpBookingPoint,
    inputs=frozenset(),
    outputs=frozenset({"booking", "message", "report"}),
    pulse_contract="none",
    falls_safe=True,
    open=_open,
)
