"""``POST /announcements`` and ``GET /announcements/{number}``: the company's system hands planned works over.

Nobody is told before a person has approved them. docs/announcements.md is what the makers of that system read.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field, ValidationError

from billing.announcements.announcement import (
    Announcement,
    AnnouncementKind,
    AnnouncementState,
    Progress,
    RecipientState,
    Works,
)
from billing.announcements.audience import Audience
from billing.announcements.ports import Announcements
from billing.announcements.preview import Preview
from billing.errors import BillingError, InvalidInput, NotFound
from billing.model import Count, Instant, Line, Model, Why, Words
from billing.texts.text import price_words
from billing.validation import explain
from inbound.signed import Refused, Signed, fault, unavailable
from orders.order import OrderNumber
from services.announcements.desk import AnnouncementDesk
from services.announcements.sent import OtherContent, SentAnnouncements, SentWorks

_ACCOUNTS_MAX = "10,000 accounts may be listed, others named by node, tag or address"


class AudienceBody(Audience, extra="forbid"):
    """Whom works concern, as it is sent."""


class WorksBody(Model, extra="forbid"):
    """Planned works as they are sent; a greater ``version`` corrects a smaller one."""

    number: OrderNumber
    version: Annotated[Count, Field(ge=1)] = 1
    starts_at: Instant
    ends_at: Instant
    reason: Line
    audience: AudienceBody

    def sent(self, timezone: str) -> SentWorks:
        """Raises ``ValidationError``."""
        works = Works(starts_at=self.starts_at, ends_at=self.ends_at, timezone=timezone, reason=self.reason)
        return SentWorks(self.number, self.version, works, Audience.model_validate(dict(self.audience)))


class CancellationBody(Model, extra="forbid"):
    """The works of ``number`` are cancelled, or not meant any more."""

    number: OrderNumber
    reason: Why


class Concerned(Model):
    """What an approval would do now: whom it concerns, and what that costs."""

    accounts: Count
    customers: Count
    without_number: Count
    texts: Count
    segments: Count
    too_late: Count
    beyond_limit: Count
    cost: Words


class Told(Model):
    """How far it has come, in numbers; ``accounts`` are those that are concerned."""

    accounts: Count
    told: Count
    waiting: Count
    refused: Count
    excluded: Count


class WorksStatus(Model):
    """How planned works stand. ``announcement`` is our number of it, which people see.

    ``concerned`` is there before an approval; None with a ``hindrance``: as it is, it cannot be approved. ``told`` is
    there after it.
    """

    number: OrderNumber
    version: Count
    announcement: Count
    kind: AnnouncementKind
    state: AnnouncementState
    starts_at: Instant
    ends_at: Instant
    reason: Line
    text: Words | None
    concerned: Concerned | None = None
    hindrance: Words | None = None
    told: Told | None = None
    status_path: Words


class SentWorksRoutes:
    """Signed requests only, by the secrets of orders. Nothing here needs Temporal."""

    def __init__(
        self, ledger: Announcements, desk: AnnouncementDesk, secrets: Sequence[str], now: Callable[[], datetime]
    ) -> None:
        self._ledger = ledger
        self._desk = desk
        self._sent = SentAnnouncements(ledger, desk)
        self._signed = Signed(secrets)
        self._now = now
        self.router = APIRouter(prefix="/announcements")
        self.router.add_api_route("", self.take, methods=["POST"], response_model=None)
        self.router.add_api_route("/cancel", self.cancel, methods=["POST"], response_model=None)
        self.router.add_api_route("/{number}", self.show, methods=["GET"], response_model=None)

    async def take(self, request: Request) -> JSONResponse:
        """201 once the works are on record, 200 to a repeat; 409 if the number has another content, 422 for works that
        cannot be announced: they may concern nobody, or everybody.

        After 503, or without an answer, the same request is sent again: it takes effect once.
        """

        async def taken(text: str) -> tuple[str, int]:
            body = WorksBody.model_validate_json(text, strict=True)
            is_new = await self._sent.take(body.sent(self._desk.timezone), self._now())
            return body.number, 201 if is_new else 200

        return await self._answered(request, taken)

    async def cancel(self, request: Request) -> JSONResponse:
        """Those who were told learn that there are no works; who still waits is told nothing. A repeat is the same."""

        async def cancelled(text: str) -> tuple[str, int]:
            body = CancellationBody.model_validate_json(text, strict=True)
            await self._sent.cancel(body.number, body.reason, self._now())
            return body.number, 200

        return await self._answered(request, cancelled)

    async def show(self, request: Request, number: str) -> JSONResponse:
        """How the works stand; 404 if there are none. What is signed is the path, for there is no body."""
        try:
            self._signed.require_genuine_path(request)
            return JSONResponse(await self._status(number))
        except Refused as refused:
            return refused.answer()
        except NotFound as error:
            return fault(404, str(error))
        except BillingError as error:
            return unavailable(error)

    async def _answered(self, request: Request, do: Callable[[str], Awaitable[tuple[str, int]]]) -> JSONResponse:
        try:
            number, status = await do(await self._signed.text(request, _ACCOUNTS_MAX))
            return JSONResponse(await self._status(number), status)
        except Refused as refused:
            return refused.answer()
        except ValidationError as error:
            return fault(422, explain(error))
        except OtherContent as error:
            return fault(409, str(error))
        except NotFound as error:
            return fault(404, str(error))
        except InvalidInput as error:
            return fault(422, str(error))
        except BillingError as error:
            return unavailable(error)

    async def _status(self, number: str) -> dict[str, object]:
        last = await self._sent.known(number)
        status = _status_of(last)
        if last.state is not AnnouncementState.DRAFT:
            progress = await self._ledger.announcement_progress(last.number)
            status = status.evolve(told=_told(progress) if progress.tallies else None)
        else:
            try:
                seen = await self._desk.preview(last.works, last.audience, self._now())
                status = status.evolve(concerned=_concerned(seen))
            except InvalidInput as error:
                status = status.evolve(hindrance=str(error))
        return status.model_dump(mode="json", exclude_none=True)


def _status_of(last: Announcement) -> WorksStatus:
    assert last.reference is not None, "it was looked up by it"
    return WorksStatus(
        number=last.reference,
        version=last.version,
        announcement=last.number,
        kind=last.kind,
        state=last.state,
        starts_at=last.works.starts_at,
        ends_at=last.works.ends_at,
        reason=last.works.reason,
        text=last.news or last.text,
        status_path=f"/announcements/{last.reference}",
    )


def _concerned(seen: Preview) -> Concerned:
    return Concerned(
        accounts=seen.reach.accounts,
        customers=seen.reach.customers,
        without_number=seen.reach.without_number,
        texts=seen.reach.text_count,
        segments=seen.segments,
        too_late=seen.late,
        beyond_limit=seen.beyond_limit,
        cost=price_words(seen.cost_micros, seen.currency),
    )


def _told(progress: Progress) -> Told:
    return Told(
        accounts=progress.accounts,
        told=progress.numbers(RecipientState.TOLD),
        waiting=progress.numbers(RecipientState.WAITING, RecipientState.SENDING),
        refused=progress.numbers(RecipientState.FAILED),
        excluded=progress.numbers(RecipientState.EXCLUDED),
    )
