"""Announcements of planned works, the newest first; and the form of another one, with its preview.

::

    GET  /desk/announcements
    POST /desk/announcements/-/write     "preview" shows whom it concerns; "create" writes it, once for each form
"""

import re
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from billing.announcements.announcement import AnnouncementState
from billing.announcements.ports import PAGE_ANNOUNCEMENTS, Announcements
from billing.announcements.preview import Preview
from billing.errors import InvalidInput
from billing.reviewers.users import Role
from billing.texts.text import price_words
from console.reviewers.announcements.typed import typed_audience, typed_works
from console.reviewers.page_frame import PageFrame
from console.reviewers.signed_in import Session, SignedIn, signed_in
from console.reviewers.subscribers.typed import Reviewer, change_id_of
from console.web.forms import form_of, texts_in
from services.announcements.desk import AnnouncementDesk
from wording.announcements import audience_words, progress_words, works_words

_PAGE = re.compile(r"[1-9][0-9]{0,5}")
TONES = {
    AnnouncementState.DRAFT: "act",
    AnnouncementState.APPROVED: "good",
    AnnouncementState.WITHDRAWN: "",
    AnnouncementState.REPLACED: "",
}
WORDS = {
    "audience_words": audience_words,
    "price_words": price_words,
    "progress_words": progress_words,
    "works_words": works_words,
}


class AnnouncementListPages:
    """``now`` returns the present instant."""

    def __init__(
        self, desk: PageFrame, ledger: Announcements, works: AnnouncementDesk, now: Callable[[], datetime]
    ) -> None:
        self._desk = desk
        self._ledger = ledger
        self._works = works
        self._now = now
        self.router = APIRouter(prefix="/desk/announcements")
        self.router.add_api_route("", self.show, response_model=None)
        self.router.add_api_route("/-/write", self.write, methods=["POST"], response_model=None)
        self.router.add_api_route("/-/write", self.back, response_model=None, dependencies=[Depends(signed_in())])

    async def show(self, request: Request, session: SignedIn) -> Response:
        return await self._page(session, request.query_params.get("page", ""))

    async def write(self, request: Request, session: Reviewer) -> Response:
        typed = texts_in(await form_of(request))
        try:
            works, audience = typed_works(typed, self._works.timezone), typed_audience(typed)
            if typed.get("do") != "create":
                seen = await self._works.preview(works, audience, self._now())
                return await self._page(session, typed=typed, seen=seen)
            key = f"form {change_id_of(typed)}"
            draft = await self._works.create(key, works, audience, session.username, self._now())
        except InvalidInput as error:
            return await self._page(session, typed=typed, refused=str(error))
        return RedirectResponse(f"/desk/announcements/{draft.number}", 303)

    def back(self) -> RedirectResponse:
        """To the page; this address is for the form only."""
        return RedirectResponse("/desk/announcements", 303)

    async def _page(
        self,
        session: Session,
        number: str = "",
        typed: Mapping[str, str] | None = None,
        seen: Preview | None = None,
        refused: str = "",
    ) -> Response:
        page = int(number) if _PAGE.fullmatch(number) else 1
        rows = await self._ledger.announcements(PAGE_ANNOUNCEMENTS + 1, (page - 1) * PAGE_ANNOUNCEMENTS)
        values: dict[str, object] = {
            **WORDS,
            "rows": rows[:PAGE_ANNOUNCEMENTS],
            "earlier": f"/desk/announcements?page={page - 1}" if page > 1 else "",
            "later": f"/desk/announcements?page={page + 1}" if len(rows) > PAGE_ANNOUNCEMENTS else "",
            "tones": TONES,
            "typed": typed or {},
            "seen": seen,
            "refused": refused,
            "timezone": self._works.timezone,
            "new_id": uuid.uuid4().hex,
            "may_write": session.role.may(Role.REVIEWER),
        }
        status = 409 if refused else 200
        return await self._desk.page("announcements.html", session, values, section="announcements", status=status)
