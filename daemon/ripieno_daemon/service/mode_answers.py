"""The requests that change modes, from the local socket: observe, act, manual, bypass, auto."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from ripieno.errors import CommandRefused
from ripieno_daemon.conducting.mode_desk import Change, ModeDesk

if TYPE_CHECKING:
    from .standing import Standing

Asked = dict[str, Any]
LONGEST_WHY = 300


def changes(standing: Standing) -> dict[str, Callable[[Asked, str], Awaitable[Asked]]]:
    """Return what answers each request."""

    def answers(ask: Callable[[ModeDesk, Asked, str, str], Awaitable[str]]) -> Callable[[Asked, str], Awaitable[Asked]]:
        async def answer(asked: Asked, by: str) -> Asked:
            modes = standing.app.modes if standing.app is not None else None
            if modes is None:
                return {"ok": False, "why": f"no device is open ({standing.phase})"}
            try:
                said = await ask(modes, asked, by, _text(asked, "why")[:LONGEST_WHY])
            except CommandRefused as error:
                return {"ok": False, "why": str(error)}
            finally:
                standing.show()
            return {"ok": True, "text": said, "modes": modes.report()}

        return answer

    return {
        "observe": answers(lambda modes, asked, by, why: modes.observe(_text(asked, "pipeline"), by, why)),
        "act": answers(lambda modes, asked, by, why: modes.act(_text(asked, "pipeline"), by, why)),
        "manual": answers(
            lambda modes, asked, by, why: modes.manual(
                _text(asked, "output"), _text(asked, "to"), _seconds(asked), by, why
            )
        ),
        "bypass": answers(lambda modes, asked, by, why: modes.bypass(_text(asked, "output"), _seconds(asked), by, why)),
        "auto": answers(lambda modes, asked, by, why: modes.auto(_text(asked, "output"), by, why)),
    }


def notice(standing: Standing, change: Change) -> None:
    """An override is an alarm while it lasts, and tells of its end where nobody ended it."""
    override = change.override
    if not change.is_over:
        standing.alarm(override.how, override.output, str(override))
        return
    standing.over(override.how, override.output)
    if change.expired:
        standing.alarm("expired", override.output, change.expired, lasts=False)


def in_words(modes: Mapping[str, Any] | None) -> str:
    """Return what of the modes belongs into the one line for people, "" where all pipelines act."""
    if not modes or not modes["observes"]:
        return ""
    return " (observes only)" if not modes["acts"] else f" ({', '.join(modes['observes'])} observes only)"


def _text(asked: Asked, name: str) -> str:
    return str(asked.get(name) or "")


def _seconds(asked: Asked) -> float | None:
    for_s = asked.get("for_s")
    if for_s is None or (isinstance(for_s, (int, float)) and not isinstance(for_s, bool)):
        return for_s
    raise CommandRefused(f"for_s is a number of seconds (got {str(for_s)[:40]!r})")
