"""Banks' registers: the days that have come, and one day, where people book what is missing, or leave it out.

::

    GET  /desk/money/registers                          the last days, and how they stand now; ?before=2026-11-13
    GET  /desk/money/registers/{rail}/{day}             its lines that are open
    POST /desk/money/registers/{rail}/{day}/confirm     books a line; again changes nothing
    POST /desk/money/registers/{rail}/{day}/reject      leaves a line as it is, with a reason
"""

import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from billing.errors import BillingError, InvalidInput
from billing.registers.ports import DAYS_SHOWN
from billing.registers.register import RegisterRow
from billing.reviewers.users import Role
from billing.validation import plain
from console.reviewers.page_frame import DeskRefusal, PageFrame
from console.reviewers.signed_in import Session, SignedIn, signed_in
from console.web.forms import form_of, texts_in
from services.registers.desk import RegisterDesk

Approver = Annotated[Session, Depends(signed_in(Role.APPROVER))]
SHOWN = 200
_PAGE = "/desk/money/registers"
_MINOR = re.compile(r"-?[0-9]{1,18}", re.ASCII)
_Decide = Callable[[str, str, str, str, datetime], Awaitable[RegisterRow]]


class RegisterPages:
    """``now`` returns the present instant."""

    def __init__(self, desk: PageFrame, registers: RegisterDesk, now: Callable[[], datetime]) -> None:
        self._desk = desk
        self._registers = registers
        self._now = now
        self.router = APIRouter(prefix=_PAGE)
        self.router.add_api_route("", self.show, response_model=None)
        self.router.add_api_route("/{rail}/{day}", self.day, response_model=None)
        for receive in (self.confirm, self.reject):
            path = f"/{{rail}}/{{day}}/{receive.__name__}"
            self.router.add_api_route(path, receive, methods=["POST"], response_model=None)

    async def show(self, session: SignedIn, before: str = "") -> Response:
        days = await self._registers.days(before=_day(before))
        is_full = len({each.day for each in days}) == DAYS_SHOWN
        values: dict[str, object] = {"days": days, "before": before, "older": days[-1].day if is_full else None}
        return await self._desk.page("registers.html", session, values, section="money")

    async def day(self, rail: str, day: str, session: SignedIn) -> Response:
        return await self._page(session, rail, day)

    async def confirm(self, request: Request, rail: str, day: str, session: Approver) -> Response:
        """Books what was on the page: another amount since is refused."""
        seen = texts_in(await form_of(request)).get("seen", "")

        async def book(rail: str, reference: str, by: str, reason: str, at: datetime) -> RegisterRow:
            if not _MINOR.fullmatch(seen):
                raise InvalidInput("the page is too old; look at the line again")
            return await self._registers.confirm(rail, reference, by, reason, at, int(seen))

        return await self._decide(book, request, rail, day, session)

    async def reject(self, request: Request, rail: str, day: str, session: Approver) -> Response:
        return await self._decide(self._registers.reject, request, rail, day, session)

    async def _decide(self, decide: _Decide, request: Request, rail: str, day: str, session: Session) -> Response:
        typed = texts_in(await form_of(request))
        reason, reference = typed.get("reason", "").strip(), typed.get("reference", "")[:255]
        try:
            if not 0 < len(reason) <= 1000:
                raise InvalidInput("say why, in up to 1,000 characters: it goes into the audit trail")
            await decide(rail, reference, session.username, reason, self._now())
        except BillingError as error:
            if error.retryable:
                raise
            return await self._page(session, rail, day, plain(error), 422)
        return RedirectResponse(f"{_PAGE}/{rail}/{day}", 303)

    async def _page(self, session: Session, rail: str, day: str, wrong: str = "", status: int = 200) -> Response:
        try:
            of = date.fromisoformat(day)
            lines = await self._registers.lines(rail, of, limit=SHOWN)
            found = await self._registers.day(rail, of)
        except (ValueError, InvalidInput):
            text = "Look for its rail and day in the list."
            raise DeskRefusal(404, "There is no such register", text, _PAGE, "To the registers", "money") from None
        values: dict[str, object] = {"found": found, "lines": lines, "wrong": wrong}
        return await self._desk.page("register_day.html", session, values, section="money", status=status)


def _day(text: str) -> date | None:
    """None for anything else: then the newest days are shown."""
    with suppress(ValueError):
        return date.fromisoformat(text)
    return None
