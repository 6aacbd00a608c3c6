"""The frame of the reviewers' pages: navigation, the brake, and refusals in the same look.

::

    desk = PageFrame(pages, ledger, settings.now)
    return await desk.page("month.html", session, {"totals": totals}, section="month", period=period)

Templates extend ``desk.html``; they have the session, ``may(role)``, the brake while it is on, the period, ``now``, and
the filters of ``wording.py`` and ``remedies.py``.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Protocol

from fastapi import Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from billing.errors import InvalidInput
from billing.invoices.ports import Periods
from billing.period import Period
from billing.reviewers.ports import BrakeStore
from billing.reviewers.users import Role
from console.reviewers.remedies import REMEDY_FILTERS
from console.reviewers.signed_in import Session, session_of
from console.reviewers.wording import FILTERS
from console.web.pages import Pages
from wording.english import one_line


class _Ledger(BrakeStore, Periods, Protocol): ...


class DeskRefusal(Exception):
    """Answered by a page of two sentences in the frame, with a link to ``back``."""

    def __init__(
        self,
        status: int,
        title: str,
        text: str,
        back: str = "/desk",
        back_label: str = "To the current month",
        section: str = "",
    ) -> None:
        super().__init__(title)
        self.status, self.section = status, section
        self.values: dict[str, object] = {"title": title, "text": text, "back": back, "back_label": back_label}


def no_such_month(text: str) -> DeskRefusal:
    shown = one_line(text)[:40]
    explanation = f"“{shown}” is no month. Write it as year and month, such as 2026-11."
    return DeskRefusal(404, "There is no such month", explanation)


def read_period(text: str) -> Period | None:
    """The month that an address names; None unless there is one, and one before it to compare with."""
    try:
        return Period(text).previous().next()
    except InvalidInput:
        return None


def _named_month(period: str) -> Period:
    if (month := read_period(period)) is None:
        raise no_such_month(period)
    return month


NamedMonth = Annotated[Period, Depends(_named_month)]
"""The month in the address, after the session among the parameters. Raises ``DeskRefusal`` if it is none."""


class PageFrame:
    def __init__(self, pages: Pages, ledger: _Ledger, now: Callable[[], datetime]) -> None:
        self._pages = pages
        self._ledger = ledger
        self._now = now
        pages.add_filters({**FILTERS, **REMEDY_FILTERS})

    async def page(
        self,
        template: str,
        session: Session,
        values: dict[str, object],
        *,
        section: str = "",
        period: Period | None = None,
        status: int = 200,
    ) -> HTMLResponse:
        """A page for the user of ``session``; ``section`` is its entry in the navigation."""
        brake = await self._ledger.brake()
        frame = {
            "session": session,
            "may": lambda role: session.role.may(Role(role)),
            "brake": brake if brake and brake.on else None,
            "section": section,
            "period": period or await self.current_period(),
            "now": self._now(),
        }
        return self._pages.page(template, frame | values, status)

    def handle_refusals(self, app: FastAPI) -> None:
        """Makes pages of ``DeskRefusal``."""

        @app.exception_handler(DeskRefusal)
        async def refused(request: Request, error: DeskRefusal) -> Response:
            session = await session_of(request)
            if session is None:  # ended since the request began
                return RedirectResponse("/login", 303)
            period = read_period(request.path_params.get("period", ""))
            return await self.page(
                "desk_message.html", session, error.values, section=error.section, period=period, status=error.status
            )

    async def picker(self, period: Period) -> dict[str, object]:
        """The values of the picker of periods: those of the ledger, and this one."""
        periods = sorted({period, *await self._ledger.periods()}, reverse=True)
        place = periods.index(period)
        return {
            "periods": periods,
            "later": periods[place - 1] if place else None,
            "earlier": periods[place + 1] if place + 1 < len(periods) else None,
        }

    async def empty_month(self, session: Session, period: Period, picker: dict[str, object]) -> HTMLResponse:
        """A month of which the ledger has nothing; ``picker`` leads to others."""
        values = picker | {"known": await self._ledger.current_period()}
        return await self.page("empty.html", session, values, section="month", period=period)

    async def current_period(self) -> Period:
        """The newest month that has drafts; before there is one, the newest there is, or this calendar month."""
        return await self._ledger.current_period() or Period.at(self._now(), "UTC")
