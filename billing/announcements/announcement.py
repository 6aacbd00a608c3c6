"""An announcement of planned works: what is told, to whom, who has approved it, and what became of it.

::

    draft -> approved: everybody concerned is written down, and told page by page
    draft -> withdrawn
    approved -> replaced: by a correction or a cancellation, which goes to those who were told, or still wait
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from billing.announcements.audience import Audience
from billing.customers.customer import Timezone
from billing.errors import InvalidInput
from billing.model import Author, Code, Count, Id, Instant, Kept, Line, Model, Who, Words
from billing.texts.text import Body, TextKind, TextStatus

LONGEST = timedelta(days=31)
REASON_MAX = 120
PAGE = 100
"""How many numbers are texted in one go."""


class AnnouncementKind(StrEnum):
    WORKS = "works"
    CORRECTION = "correction"
    CANCELLATION = "cancellation"

    @property
    def text_kind(self) -> TextKind:
        return _TEXTS[self]


_TEXTS = {
    AnnouncementKind.WORKS: TextKind.WORKS,
    AnnouncementKind.CORRECTION: TextKind.WORKS_CHANGED,
    AnnouncementKind.CANCELLATION: TextKind.WORKS_CANCELLED,
}


class AnnouncementState(StrEnum):
    DRAFT = "draft"
    APPROVED = "approved"
    WITHDRAWN = "withdrawn"
    REPLACED = "replaced"


class Works(Model):
    """What is done, from when until when; ``timezone`` is the company's, in which people read it."""

    starts_at: Instant
    ends_at: Instant
    timezone: Timezone
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=REASON_MAX), Kept]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.starts_at < self.ends_at <= self.starts_at + LONGEST:
            raise ValueError(f"works end after they begin, within {LONGEST.days} days")
        return self


class NewAnnouncement(Model):
    """An announcement to be written. ``key`` names it once: a repeat is the same one.

    ``reference`` is the number of whoever has sent it to us, and ``version`` the last that they sent; what corrects it
    has both. None: a person has written it.
    ``text`` is for whoever knows nothing of the works yet, ``news`` for whoever was told of them before; None: they are
    not told.
    """

    key: Code
    kind: AnnouncementKind = AnnouncementKind.WORKS
    works: Works
    audience: Audience
    text: Body | None
    news: Body | None = None
    created_by: Who
    reference: Code | None = None
    version: Count = 0


class Announcement(NewAnnouncement):
    """``corrects`` is the one that it replaces, ``replaced_by`` the one that replaces it; ``origin`` is the first."""

    number: Count
    corrects: Count | None = None
    origin: Count | None = None
    created_at: Instant
    approved_at: Instant | None = None
    approved_by: Author | None = None
    approved_why: Words | None = None
    ended_at: Instant | None = None
    ended_by: Author | None = None
    ended_why: Words | None = None
    replaced_by: Count | None = None

    @property
    def state(self) -> AnnouncementState:
        if self.ended_at is not None:
            return AnnouncementState.REPLACED if self.replaced_by is not None else AnnouncementState.WITHDRAWN
        return AnnouncementState.APPROVED if self.approved_at is not None else AnnouncementState.DRAFT

    @property
    def lane(self) -> str:
        """By which its pages keep their order with those of its corrections."""
        return f"announcement {self.origin or self.number}"

    def require_draft(self) -> None:
        """Raises ``InvalidInput``."""
        if self.state is not AnnouncementState.DRAFT:
            raise InvalidInput(f"announcement {self.number} is {self.state}: {_ADVICE[self.state]}")

    def may_be_followed_by(self, draft: NewAnnouncement) -> bool:
        """Whether its sender's works go on with ``draft``: approved ones are corrected."""
        is_told = self.state is AnnouncementState.APPROVED and self.kind is not AnnouncementKind.CANCELLATION
        return self.version < draft.version and not is_told

    def require_correctable(self, now: datetime) -> None:
        """Raises ``InvalidInput`` for one that nobody was told of, or that is over."""
        if self.state is not AnnouncementState.APPROVED or self.kind is AnnouncementKind.CANCELLATION:
            advice = f"correct {self.replaced_by} instead" if self.replaced_by else "nobody is to be told of it"
            raise InvalidInput(f"announcement {self.number} is {self.state}: {advice}")
        if self.works.ends_at <= now:
            raise InvalidInput(f"the works of announcement {self.number} are over; announce new ones")


_ADVICE = {
    AnnouncementState.APPROVED: "correct or cancel it instead",
    AnnouncementState.WITHDRAWN: "create another one",
    AnnouncementState.REPLACED: "see what has replaced it",
}


class RecipientState(StrEnum):
    WAITING = "waiting"
    SENDING = "sending"  # after a crash here, the text's own record says what became of it
    TOLD = "told"  # the vendor has it; how far it has come is in ``delivery``
    FAILED = "failed"  # the vendor has refused the number or the text
    EXCLUDED = "excluded"

    @property
    def is_open(self) -> bool:
        return self in (RecipientState.WAITING, RecipientState.SENDING)


class Exclusion(StrEnum):
    """Why somebody who is concerned is not told."""

    NO_NUMBER = "no_number"
    ERASED = "erased"
    DISCONNECTED = "disconnected"  # since the approval
    TOO_LATE = "too_late"  # the works were over
    REPLACED = "replaced"  # gets the correction only, or nothing of works that were cancelled


class Recipient(Model):
    """A service account that is concerned, the number that is told for it, and what became of that.

    ``again``: that number knew of the works before. ``why`` is an ``Exclusion``, or the vendor's word.
    """

    account: Code
    customer_id: Id
    recipient: Line | None
    again: bool
    state: RecipientState
    why: Code | None
    at: Instant
    delivery: TextStatus | None = None
    delivered_at: Instant | None = None


class Tally(Model):
    """How many accounts and numbers are in one state."""

    state: RecipientState
    why: Code | None
    delivery: TextStatus | None
    accounts: Count
    numbers: Count


class Progress(Model):
    """How far an announcement has come, in accounts and numbers."""

    tallies: Annotated[tuple[Tally, ...], Field(max_length=1000)] = ()

    def numbers(self, *states: RecipientState) -> int:
        return sum(each.numbers for each in self.tallies if each.state in states)

    @property
    def accounts(self) -> int:
        return sum(each.accounts for each in self.tallies)

    @property
    def is_done(self) -> bool:
        return not any(each.state.is_open for each in self.tallies)


class AnnouncementRow(Model):
    """An announcement in a list."""

    announcement: Announcement
    progress: Progress
