"""The frame of the reviewers' pages: what every page shows, and refusals in the same look.

::

    desk = Desk(pages, ledger, settings.now)
    return await desk.page("month.html", session, {"totals": totals}, section="month", period=period)

Templates extend ``desk.html``; they have the session, ``may(role)``, the brake while it is on, the period, ``now``, and
the filters of ``wording.py`` and ``remedies.py``.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from fastapi.responses import HTMLResponse

from billing.errors import InvalidInput
from billing.invoices.ports import Periods
from billing.period import Period
from billing.reviewers.ports import BrakeStore
from billing.reviewers.users import Role
from console.reviewers.remedies import REMEDY_FILTERS
from console.reviewers.signed_in import Session
from console.reviewers.wording import FILTERS
from console.web.pages import Pages
from wording.english import one_line


class _Ledger(BrakeStore, Periods, Protocol):
    """What is needed of the ledger here."""


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
        """A page for who is signed in; ``section`` is the entry of the navigation that it belongs to."""
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

    async def message(
        self,
        session: Session,
        title: str,
        *paragraphs: str,
        status: int = 200,
        back: str = "/desk",
        back_label: str = "To the current month",
        section: str = "",
        period: Period | None = None,
    ) -> HTMLResponse:
        """A page of a few sentences, and where to go on."""
        values: dict[str, object] = {"title": title, "paragraphs": paragraphs, "back": back, "back_label": back_label}
        return await self.page("desk_message.html", session, values, section=section, period=period, status=status)

    async def picker(self, period: Period) -> dict[str, object]:
        """What the picker of periods shows: those of the ledger, and this one."""
        periods = sorted({period, *await self._ledger.periods()}, reverse=True)
        place = periods.index(period)
        return {
            "periods": periods,
            "later": periods[place - 1] if place else None,
            "earlier": periods[place + 1] if place + 1 < len(periods) else None,
        }

    async def no_such_month(self, session: Session, text: str) -> HTMLResponse:
        return await self.message(
            session,
            "There is no such month",
            f"“{one_line(text)[:40]}” is no month. Write it as year and month, such as 2026-11.",
            status=404,
        )

    async def empty_month(self, session: Session, period: Period, picker: dict[str, object]) -> HTMLResponse:
        """A month that the ledger has nothing of; ``picker`` leads on."""
        known = await self._ledger.current_period()
        values = picker | {"known": known}
        return await self.page("empty.html", session, values, section="month", period=period)

    @staticmethod
    def period(text: str) -> Period | None:
        """The month that an address names, if it names one, and there is one before it to compare with."""
        try:
            return Period(text).previous().next()
        except InvalidInput:
            return None

    async def current_period(self) -> Period:
        """The newest month that has drafts; before there is one, the newest there is, or this calendar month."""
        return await self._ledger.current_period() or Period.at(self._now(), "UTC")
