"""Service accounts, those that changed last first; and the form that registers one.

::

    GET  /desk/subscribers                filters and page are in the query
    POST /desk/subscribers/-/register     registers an account, once for each form; "-" is no account's number
"""

import re
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from billing.errors import InvalidInput, NotFound
from billing.reviewers.users import Role
from billing.subscribers.ports import PAGE_SERVICES, ServiceFilter, Services
from billing.subscribers.service import ServiceState
from billing.subscribers.service_file import OPTIONAL, REQUIRED, ReadPhone, TypedService
from console.reviewers.page_frame import PageFrame
from console.reviewers.signed_in import Session, SignedIn, signed_in
from console.reviewers.subscribers.typed import Reviewer, change_id_of, reason_of
from console.web.forms import form_of, texts_in
from orders.procedures.procedure import Asked, Procedure
from wording.services import cause_words

_PAGE = re.compile(r"[1-9][0-9]{0,5}")
TONES = {
    ServiceState.ORDERED: "wait",
    ServiceState.ACTIVE: "good",
    ServiceState.LIMITED: "act",
    ServiceState.SUSPENDED: "bad",
    ServiceState.DISCONNECTED: "",
}


class AccountListPages:
    """``now`` returns the present instant."""

    def __init__(
        self,
        desk: PageFrame,
        ledger: Services,
        read_phone: ReadPhone,
        personal_secret: str,
        procedures: Mapping[str, Procedure],
        now: Callable[[], datetime],
    ) -> None:
        self._desk = desk
        self._for_newcomers = [each for each in procedures.values() if each.asks(Asked.SUBSCRIBER)]
        self._read_phone = read_phone
        self._personal_secret = personal_secret
        self._ledger = ledger
        self._now = now
        self.router = APIRouter(prefix="/desk/subscribers")
        self.router.add_api_route("", self.show, response_model=None)
        self.router.add_api_route("/-/register", self.register, methods=["POST"], response_model=None)
        self.router.add_api_route("/-/register", self.back, response_model=None, dependencies=[Depends(signed_in())])

    async def show(self, request: Request, session: SignedIn) -> Response:
        return await self._page(session, request.query_params)

    async def register(self, request: Request, session: Reviewer) -> Response:
        typed = texts_in(await form_of(request))
        given = TypedService(*(typed.get(name, "").strip() for name in (*REQUIRED, *OPTIONAL)))
        try:
            key = f"form {change_id_of(typed)}"
            wanted = given.new(self._read_phone, self._personal_secret, session.username, reason_of(typed), key)
            service = await self._ledger.register_service(wanted, self._now())
        except (InvalidInput, NotFound) as error:
            return await self._page(session, {}, typed, str(error))
        return RedirectResponse(f"/desk/subscribers/{service.number}", 303)

    def back(self) -> RedirectResponse:
        """To the page; this address is for the form only."""
        return RedirectResponse("/desk/subscribers", 303)

    async def _page(
        self, session: Session, query: Mapping[str, str], typed: Mapping[str, str] | None = None, refused: str = ""
    ) -> Response:
        wanted, number = read_filter(query), query.get("page", "")
        page = int(number) if _PAGE.fullmatch(number) else 1
        found = await self._ledger.services(wanted, PAGE_SERVICES, (page - 1) * PAGE_SERVICES)
        given = _query(wanted)
        values = {
            "wanted": wanted,
            "found": found,
            "filtered": bool(given),
            "states": list(ServiceState),
            "tones": TONES,
            "cause_words": cause_words,
            "link": lambda **changes: _link(given | changes),
            "page": page,
            "pages": max(1, -(-found.count // PAGE_SERVICES)),
            "first": (page - 1) * PAGE_SERVICES + 1,
            "typed": typed or {},
            "refused": refused,
            "new_id": uuid.uuid4().hex,
            "may_register": session.role.may(Role.REVIEWER),
            "for_newcomers": self._for_newcomers,
        }
        status = 409 if refused else 200
        return await self._desk.page("subscribers.html", session, values, section="subscribers", status=status)


def read_filter(query: Mapping[str, str]) -> ServiceFilter:
    """The filters of a query; values that it cannot have are left out, texts cut to what there can be."""
    state = query.get("state", "")
    return ServiceFilter(
        ServiceState(state) if state in list(ServiceState) else None,
        query.get("customer", "").strip()[:200] or None,
        query.get("search", "").strip()[:200],
    )


def _query(wanted: ServiceFilter) -> dict[str, str]:
    query = {"search": wanted.search, "state": wanted.state or "", "customer": wanted.customer_id or ""}
    return {name: value for name, value in query.items() if value}


def _link(query: Mapping[str, object]) -> str:
    given = urlencode({name: value for name, value in query.items() if value})
    return f"/desk/subscribers?{given}" if given else "/desk/subscribers"
