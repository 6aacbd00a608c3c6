"""The emergency brake: pulled by a reviewer, released by an administrator, each in two steps.

::

    GET  /desk/brake            whether it is on, since when and why; charges under way; its history
    POST /desk/brake/pull       first asks, then (with ``confirm``) pulls; a repeat changes nothing
    POST /desk/brake/release    first says what goes on and when, then (with ``confirm``) releases it; as above

It is one row of the ledger, which every workflow reads before it announces or charges anything.
"""

from datetime import UTC, datetime
from typing import Annotated, Protocol

from fastapi import APIRouter, Depends, Form
from fastapi.responses import RedirectResponse, Response

from billing.customers.ports import CustomerNames
from billing.model import Code
from billing.reviewers.ports import BrakeControl, BrakeStore
from billing.reviewers.users import Role
from console.reviewers.page_frame import PageFrame
from console.reviewers.signed_in import Session, SignedIn, signed_in

_REASON_MAX = 1000
_SHOWN = 100
_PAGE = "/desk/brake"

Reviewer = Annotated[Session, Depends(signed_in(Role.REVIEWER))]
Administrator = Annotated[Session, Depends(signed_in(Role.ADMINISTRATOR))]
Reason = Annotated[str, Form(max_length=10_000)]  # a longer one than _REASON_MAX is refused on the page
Confirm = Annotated[Code, Form()]


class _Ledger(BrakeControl, BrakeStore, CustomerNames, Protocol): ...


class BrakePages:
    def __init__(self, ledger: _Ledger, desk: PageFrame) -> None:
        self._ledger = ledger
        self._desk = desk
        self.router = APIRouter(prefix=_PAGE)
        self.router.add_api_route("", self.show, response_model=None)
        self.router.add_api_route("/pull", self.pull, methods=["POST"], response_model=None)
        self.router.add_api_route("/release", self.release, methods=["POST"], response_model=None)
        for step in ("/pull", "/release"):
            self.router.add_api_route(step, self.back, response_model=None, dependencies=[Depends(signed_in())])

    async def show(self, session: SignedIn) -> Response:
        return await self._page(session)

    async def pull(self, session: Reviewer, reason: Reason = "", confirm: Confirm = "") -> Response:
        why = reason.strip()
        if not 0 < len(why) <= _REASON_MAX:
            return await self._page(session, reason, wrong="pull", status=422)
        if confirm != "yes":
            return await self._page(session, why, asks=True)
        await self._ledger.pull_brake(session.username, why, "console", datetime.now(UTC))
        return self.back()

    async def release(
        self, session: Administrator, reason: Reason = "", confirm: Confirm = "", pull: Confirm = ""
    ) -> Response:
        """``pull`` is the number of the one that was confirmed: another one is asked about anew."""
        why = reason.strip()
        if not 0 < len(why) <= _REASON_MAX:
            return await self._page(session, reason, wrong="release", status=422)
        brake = await self._ledger.brake()
        if brake is not None and brake.on and (confirm != "yes" or pull != str(brake.number)):
            return await self._page(session, why, asks=True)
        await self._ledger.release_brake(session.username, why, "console", datetime.now(UTC))
        return self.back()

    def back(self) -> RedirectResponse:
        return RedirectResponse(_PAGE, 303)

    async def _page(
        self, session: Session, reason: str = "", asks: bool = False, wrong: str = "", status: int = 200
    ) -> Response:
        """``asks``: whether to show the second step; ``wrong``: the form with a bad reason."""
        hold, now = await self._ledger.held_by_brake() if asks else None, datetime.now(UTC)
        under_way = await self._ledger.under_way()
        values: dict[str, object] = {
            "brakes": await self._ledger.brakes(),
            "under_way": under_way[:_SHOWN],
            "names": await self._ledger.names({row.customer_id for row in under_way[:_SHOWN]}),
            "count": len(under_way),
            "reason": reason,
            "asks": asks,
            "hold": hold,
            "earliest": hold.earliest(now) if hold else None,
            "wrong": wrong,
        }
        return await self._desk.page("brake.html", session, values, section="brake", status=status)
