"""The frame of the reviewers' pages: what every page shows, and refusals in the same look.

::

    desk = Desk(pages, ledger)
    return await desk.page("month.html", session, {"totals": totals}, section="month", period=period)

Templates extend ``desk.html``; they have the session, ``may(role)``, the brake while it is on, the period, ``now``, and
the filters of ``desk_wording.py``.
"""

from datetime import UTC, datetime

from fastapi.responses import HTMLResponse

from adapters.sql_ledger import SqlLedger
from billing.period import Period
from billing.users import Role
from console.desk_wording import FILTERS
from console.pages import Pages
from console.signed_in import Session


class Desk:
    def __init__(self, pages: Pages, ledger: SqlLedger) -> None:
        self._pages = pages
        self._ledger = ledger
        pages.add_filters(FILTERS)

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
            "now": datetime.now(UTC),
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

    async def current_period(self) -> Period:
        """The newest month that has drafts; before there is one, the newest there is, or this calendar month."""
        return await self._ledger.current_period() or Period.at(datetime.now(UTC), "UTC")
