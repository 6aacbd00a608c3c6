"""One announcement of planned works: its preview before the approval, then how far it has come, and who was told.

::

    GET  /desk/announcements/{number}               ?state= and ?after= page through who is concerned
    POST /desk/announcements/{number}/approve       of so many texts as the page has shown
    POST /desk/announcements/{number}/correct
    POST /desk/announcements/{number}/cancel
"""

import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from billing.announcements.announcement import Announcement, AnnouncementKind, AnnouncementState, RecipientState
from billing.announcements.ports import PAGE_RECIPIENTS, Announcements
from billing.announcements.preview import Preview
from billing.errors import InvalidInput, NotFound
from billing.reviewers.users import Role
from billing.texts.text import masked_phone
from console.reviewers.announcements.announcement_list import TONES, WORDS
from console.reviewers.announcements.typed import typed_works
from console.reviewers.page_frame import DeskRefusal, PageFrame
from console.reviewers.signed_in import Session, SignedIn, signed_in
from console.reviewers.subscribers.typed import Reviewer, change_id_of, reason_of
from console.web.forms import form_of, texts_in
from services.announcements.desk import AnnouncementDesk
from wording.announcements import outcome_words

_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_Do = Callable[[Announcement, str, str, Mapping[str, str]], Awaitable[Announcement]]


class AnnouncementPages:
    """``now`` returns the present instant."""

    def __init__(
        self, desk: PageFrame, ledger: Announcements, works: AnnouncementDesk, now: Callable[[], datetime]
    ) -> None:
        self._desk = desk
        self._ledger = ledger
        self._works = works
        self._now = now
        self.router = APIRouter(prefix="/desk/announcements/{number}")
        self.router.add_api_route("", self.show, response_model=None)
        for action, do in (("approve", self._approve), ("correct", self._correct), ("cancel", self._cancel)):
            receive = self._receiver(action, do)
            self.router.add_api_route(f"/{action}", receive, methods=["POST"], response_model=None)
            self.router.add_api_route(f"/{action}", self.back, response_model=None, dependencies=[Depends(signed_in())])

    async def show(self, request: Request, number: str, session: SignedIn) -> Response:
        return await self._page(session, await self._known(number), request.query_params)

    def back(self, number: str) -> RedirectResponse:
        """To the page; an action's own address is for its form only."""
        return RedirectResponse(f"/desk/announcements/{number}", 303)

    def _receiver(self, action: str, do: _Do) -> Callable[..., Awaitable[Response]]:
        async def receive(request: Request, number: str, session: Reviewer) -> Response:
            announcement, typed = await self._known(number), texts_in(await form_of(request))
            try:
                done = await do(announcement, session.username, reason_of(typed), typed)
            except (InvalidInput, NotFound) as error:
                known = await self._known(number)
                return await self._page(session, known, {}, refused=action, why=str(error), typed=typed)
            return self.back(str(done.number))

        receive.__name__ = action
        return receive

    async def _approve(self, known: Announcement, by: str, why: str, typed: Mapping[str, str]) -> Announcement:
        texts = typed.get("texts", "")
        seen = int(texts) if re.fullmatch(r"[0-9]{1,9}", texts) else 0
        return await self._works.approve(known.number, by, why, self._now(), seen)

    async def _correct(self, known: Announcement, by: str, why: str, typed: Mapping[str, str]) -> Announcement:
        works = typed_works(typed, known.works.timezone, known.works)
        return await self._works.correct(known.number, f"form {change_id_of(typed)}", works, by, why, self._now())

    async def _cancel(self, known: Announcement, by: str, why: str, _: Mapping[str, str]) -> Announcement:
        return await self._works.cancel(known.number, f"cancel {known.number}", by, why, self._now())

    async def _known(self, number: str) -> Announcement:
        found = await self._ledger.announcement(int(number)) if _NUMBER.fullmatch(number) else None
        if found is None:
            here = "/desk/announcements", "To the announcements", "announcements"
            raise DeskRefusal(404, "There is no such announcement", "Look for it in the list.", *here)
        return found

    async def _preview(self, announcement: Announcement) -> tuple[Preview | None, str]:
        """What an approval would do now, or why there can be none."""
        if announcement.state is not AnnouncementState.DRAFT:
            return None, ""
        try:
            return await self._works.preview(announcement.works, announcement.audience, self._now()), ""
        except InvalidInput as error:
            return None, str(error)

    async def _page(
        self,
        session: Session,
        announcement: Announcement,
        query: Mapping[str, str],
        refused: str = "",
        why: str = "",
        typed: Mapping[str, str] | None = None,
    ) -> Response:
        state, number = query.get("state", ""), announcement.number
        wanted = RecipientState(state) if state in list(RecipientState) else None
        rows = await self._ledger.recipients(number, wanted, PAGE_RECIPIENTS + 1, query.get("after", "")[:100])
        seen, hindrance = await self._preview(announcement)
        zone, works = ZoneInfo(announcement.works.timezone), announcement.works
        values: dict[str, object] = {
            **WORDS,
            "announcement": announcement,
            "progress": await self._ledger.announcement_progress(number),
            "rows": rows[:PAGE_RECIPIENTS],
            "later": rows[PAGE_RECIPIENTS - 1].account if len(rows) > PAGE_RECIPIENTS else "",
            "wanted": wanted,
            "states": list(RecipientState),
            "seen": seen,
            "hindrance": hindrance,
            "outcome_words": outcome_words,
            "masked": masked_phone,
            "tone": TONES[announcement.state],
            "starts": f"{works.starts_at.astimezone(zone):%Y-%m-%dT%H:%M}",
            "ends": f"{works.ends_at.astimezone(zone):%Y-%m-%dT%H:%M}",
            "may_decide": session.role.may(Role.REVIEWER),
            "is_correctable": announcement.state is AnnouncementState.APPROVED
            and announcement.kind is not AnnouncementKind.CANCELLATION,
            "refused": refused,
            "why": why,
            "typed": typed or {},
            "new_id": uuid.uuid4().hex,
        }
        status = 409 if refused else 200
        return await self._desk.page("announcement.html", session, values, section="announcements", status=status)
