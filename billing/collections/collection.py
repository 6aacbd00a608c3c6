"""An amount that was not paid when it was due, as a value: what is tried next, what arrived, how it ends.

``Collection`` is the whole state of a ``PaymentCollection`` workflow, as ``Month`` is that of a month. It knows amounts
due, reminders, tries, payments that arrive, and how it is settled or given up; cards are one way to pay among others.
What people may do to it is in ``billing/collections/commands.py``.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, ClassVar, Literal, NamedTuple

from pydantic import Field

from billing.collections.dunning import FEW_TRIES, MAX_TRIES, Remedy, remedy
from billing.commands import Refusal
from billing.customers.customer import Customer
from billing.invoices.month import Month
from billing.model import (
    Code,
    Count,
    Few,
    Id,
    Instant,
    Line,
    Many,
    Measured,
    Minor,
    Model,
    Number,
    Url,
    Who,
    Why,
    Words,
    cut,
)
from billing.money import format_amount
from billing.payments.payment import ChargeResult, ChargeStatus
from billing.progress import Braked, Due, Durable, Halted, Stop
from billing.trail import appended, carried_over

KEPT_ENTRIES = 50
"""How many entries of its diary a collection carries with it once the ledger has them."""

_BETWEEN_CONTACTS = timedelta(days=1)
"""After an outage the days that were missed do not all come at once."""


class CollectionStage(StrEnum):
    """Where a collection stands, as people see it (search attribute ``BillingStage``)."""

    COLLECTING = "Collecting"
    AWAITING_CARD = "AwaitingCard"
    AWAITING_AUTHENTICATION = "AwaitingAuthentication"
    AWAITING_PAYMENT = "AwaitingPayment"
    UNRESOLVED = "Unresolved"
    HALTED = "Halted"
    AWAITING_PERSON = "AwaitingPerson"
    EXHAUSTED = "Exhausted"
    RECOVERED = "Recovered"
    WRITTEN_OFF = "WrittenOff"


class CollectionStep(StrEnum):
    """What the workflow has to do next."""

    AWAIT_RELEASE = "await release"
    CONTACT = "contact"
    TRY = "try"
    LOOK_UP = "look up"
    RELEASE = "release"
    REMIND = "remind"
    ALERT = "alert"
    CLOSE = "close"


class ScheduledTry(Model):
    """The card is tried because a day of the schedule has come."""

    kind: Literal["scheduled"] = "scheduled"
    title: ClassVar[str] = "tried on schedule"
    day: Count

    @property
    def text(self) -> str:
        return f"day {self.day}"


class RequestedTry(Model):
    """The card is tried because a person asked for it."""

    kind: Literal["requested"] = "requested"
    title: ClassVar[str] = "tried on request"
    by: Who

    @property
    def text(self) -> str:
        return f"asked for by {self.by}"


class NewCardTry(Model):
    """The card is tried because it is a new one."""

    kind: Literal["new_card"] = "new_card"
    title: ClassVar[str] = "tried a new card"

    @property
    def text(self) -> str:
        return "new card"


Try = Annotated[ScheduledTry | RequestedTry | NewCardTry, Field(discriminator="kind")]


class UnclearAnswer(NamedTuple):
    """The processor's answer says neither that it is paid nor what would help."""

    answer: ChargeResult

    @property
    def text(self) -> str:
        if self.answer.status is not ChargeStatus.DECLINED:
            return f"the payment is {self.answer.status}; look it up at the processor, try it again or write it off"
        code = _code(self.answer) or "no code"
        return f"the card was declined with {code}, which we do not know; ask the customer, or try it again"


class AllTried(NamedTuple):
    """Everything that happens by itself has happened."""

    outstanding: str

    @property
    def text(self) -> str:
        return f"{self.outstanding} are still owed after all tries and reminders; agree on it, or write it off"


class Received(Model):
    """Money that arrived: by the card (``reference`` is the payment's id), or otherwise (a person says so)."""

    reference: Id
    amount_minor: Minor
    at: Instant


class Release(Model):
    """The card's payment is to be given up, so that nobody pays twice, and then this happens: money that ``received``
    otherwise is counted, or the ``customer`` goes on with another card and id, or else the rest is written off.
    """

    by: Who
    reason: Why
    received: Received | None = None
    customer: Customer | None = None


class DiaryEntry(Measured):
    """A line of the diary: what happened, or a person's command and what became of it. ``by`` None: the application."""

    number: Count
    at: Instant
    by: Who | None = None
    what: Line
    via: Code | None = None  # where a command was given
    reason: Words | None = None
    text: Words
    accepted: bool = True
    refusal: Refusal | None = None
    command_id: Code = ""
    content: Code = ""  # the command's fingerprint

    @property
    def title(self) -> str:
        return f"{self.what} ({self.via})" if self.via else self.what

    @property
    def story(self) -> str:
        return f"{self.reason}: {self.text}" if self.reason else self.text

    def in_short(self) -> "DiaryEntry":
        """The same with little of its words."""
        return self.evolve(text=cut(self.text, 100), reason=self.reason and cut(self.reason, 100))


class Settled(Model):
    """How and when it ended."""

    outcome: CollectionStage
    at: Instant


class Collection(Durable):
    """What a customer owes for a month."""

    customer: Customer
    amount_minor: Minor
    currency: Code
    opened_at: Instant
    by_card: bool = True
    series: Count = 1  # of payments: see billing.keys.payment_key
    answer: ChargeResult | None = None  # the processor's last
    tries: Number = 0  # with this card, without those that people asked for
    contacts: Count = 0  # days of the schedule that have passed
    contacted_at: Instant | None = None
    tried_at: Instant | None = None  # with nobody at our page
    reminders: Count = 0
    reminding: bool = False
    attempt: Try | None = None  # the card is tried now
    looking: Number = 0  # how often it was said, since the last look, that something may have changed at the processor
    release: Release | None = None
    received: Few[Received] = ()
    told_exhausted: bool = False
    untried_card: bool = False  # registered while people had halted the collection
    closed: Settled | None = None
    entries: Many[DiaryEntry] = ()
    entry_count: Count = 0

    @classmethod
    def open(cls, month: Month) -> "Collection":
        """What ``month``, which was not paid, leaves to be collected."""
        assert month.invoice is not None
        assert month.closed is not None
        assert month.closed.charge is not None
        return cls(
            customer=month.customer,
            period=month.period,
            amount_minor=month.invoice.total_minor,
            currency=month.invoice.currency,
            opened_at=month.closed.at,
            series=month.series,
            answer=month.closed.charge,
        )

    # -- what is due

    @property
    def outcome(self) -> CollectionStage | None:
        """How it ended; None: it has not."""
        return self.closed.outcome if self.closed else None

    @property
    def customer_id(self) -> str:
        return self.customer.customer_id

    @property
    def amount_due(self) -> tuple[int, str]:
        return self.outstanding_minor, self.currency

    @property
    def trail_count(self) -> int:
        return self.entry_count

    @property
    def outstanding_minor(self) -> int:
        """What is still owed, in minor units; never negative."""
        return max(0, self.amount_minor - sum(payment.amount_minor for payment in self.received))

    @property
    def outstanding(self) -> str:
        return format_amount(self.outstanding_minor, self.currency)

    @property
    def remedy(self) -> Remedy:
        """What would help; of no meaning if it is not paid by card."""
        return remedy(self.answer) if self.answer else Remedy.RETRY

    @property
    def retries_by_itself(self) -> bool:
        """Whether the card may be tried again with nobody asking for it."""
        if not self.by_card or self.remedy not in (Remedy.RETRY, Remedy.RETRY_FEW):
            return False
        return self.tries < (FEW_TRIES if self.remedy is Remedy.RETRY_FEW else MAX_TRIES - 1)

    @property
    def payable(self) -> bool:
        """Whether the customer can pay by card right now: nothing else may be moving the money."""
        busy = self.closed or self.attempt or self.release or self.failure or self.brake
        return self.by_card and not busy and self.remedy is not Remedy.NEW_CARD

    def due(self, now: datetime) -> Due[CollectionStep]:
        """The next step at ``now``. Pure: the same collection and instant always give the same step."""
        if self.closed is not None:
            return Due(CollectionStep.CLOSE, None, "close the collection")
        remind_at = self._alert_at(now)
        if remind_at is not None and now >= remind_at:
            return Due(CollectionStep.ALERT, None, "tell the reviewers")
        if self.failure is not None:
            return Due(None, remind_at, "remind the reviewers")
        if self.release is not None:
            return Due(CollectionStep.RELEASE, None, "give the card's payment up")
        if self.brake and not self.looking:
            return Due(CollectionStep.AWAIT_RELEASE, None, "go on once the emergency brake is released")
        if self.attempt:  # under the brake too if something has happened: the payment is looked up before it is tried
            return Due(CollectionStep.TRY, None, self.attempt.text)
        if self.looking:
            return Due(CollectionStep.LOOK_UP, None, "look the payment up")
        if self.reminding and self.halt is None:
            return Due(CollectionStep.REMIND, None, "remind the customer")
        if self.halt is not None or self._asks_for_person:
            return Due(None, remind_at, "remind the reviewers")
        return self._scheduled(now, remind_at)

    def _scheduled(self, now: datetime, remind_at: datetime | None) -> Due[CollectionStep]:
        """The next day of the schedule, or what follows once there is none left."""
        contact_at = self.next_contact
        if contact_at is None and self.exhausted(now):
            return Due(None, remind_at, "tell the reviewers")
        if contact_at is None:
            return Due(None, self.give_up_at, "give up")
        if now >= contact_at:
            return Due(CollectionStep.CONTACT, None, "contact the customer")
        return Due(None, contact_at, "try the card again" if self.retries_by_itself else "remind the customer")

    def stage(self, now: datetime) -> CollectionStage:
        """Where the collection stands at ``now``."""
        if self.closed is not None:
            return self.closed.outcome
        if self.unresolved:
            return CollectionStage.UNRESOLVED
        if self.halt is not None or self.brake:
            return CollectionStage.HALTED
        if self.failure or self._asks_for_person:
            return CollectionStage.AWAITING_PERSON
        if self.exhausted(now):
            return CollectionStage.EXHAUSTED
        if not self.by_card:
            return CollectionStage.AWAITING_PAYMENT
        waiting = {
            Remedy.NEW_CARD: CollectionStage.AWAITING_CARD,
            Remedy.AUTHENTICATE: CollectionStage.AWAITING_AUTHENTICATION,
        }
        return waiting.get(self.remedy, CollectionStage.COLLECTING)

    @property
    def unresolved(self) -> bool:
        """Money may be moving, and it is not known whether it did: nothing else may be tried."""
        return bool(self.attempt or self.looking or self.release) and self.trouble is not None

    def exhausted(self, now: datetime) -> bool:
        """Everything that happens by itself has happened: the customer can still pay, and people decide."""
        busy = self.closed or self.attempt or self.release or self.brake
        return not busy and self.next_contact is None and now >= self.give_up_at

    def waits_for(self, now: datetime) -> Stop | None:
        """What a person has to see to before the collection can go on; None: nothing."""
        if self.stopped or self.brake:
            return self.stopped or self.brake
        return AllTried(self.outstanding) if self.exhausted(now) else None

    @property
    def stopped(self) -> Stop | None:
        """The same, leaving aside the brake, and that all tries and reminders may have been used up."""
        if self.halt or self.trouble:
            return self.halt or self.trouble
        if self._asks_for_person:
            assert self.answer is not None
            return UnclearAnswer(self.answer)
        return None

    @property
    def _asks_for_person(self) -> bool:
        return self.by_card and self.remedy is Remedy.PERSON and not self.attempt and not self.release

    @property
    def next_contact(self) -> datetime | None:
        """The next day of the schedule; None if there is none left."""
        days = self.customer.terms.dunning_days
        if self.contacts >= len(days):
            return None
        planned = self.opened_at + timedelta(days=days[self.contacts])
        return max([planned, *(last + _BETWEEN_CONTACTS for last in (self.contacted_at, self.tried_at) if last)])

    @property
    def give_up_at(self) -> datetime:
        """When people decide, if nothing has helped."""
        planned = self.opened_at + timedelta(days=self.customer.terms.give_up_days)
        return max(planned, self.contacted_at + _BETWEEN_CONTACTS) if self.contacted_at else planned

    def _alert_at(self, now: datetime) -> datetime | None:
        """When the reviewers are told of what waits for them; None: nothing does, or they know and it is theirs."""
        if not self.waits_for(now) or (self.brake and not self.stopped):
            return None
        if self.alerted_at is None:
            return now
        if self.stopped:
            return self.alerted_at + self.customer.terms.reminder
        if self.told_exhausted:
            return None
        return self.alerted_at + self.customer.terms.reminder if self.alerted_at >= self.give_up_at else now

    @property
    def news(self) -> str:
        """How it ended, for the reviewers."""
        assert self.closed is not None
        amount = format_amount(self.amount_minor, self.currency)
        lines = [f"{amount} of {self.customer.customer_id}, {self.period}: {_ENDINGS[self.closed.outcome]}"]
        lines += [f"{entry.by or entry.title}: {entry.story}" for entry in self.entries[-1:]]
        return "\n".join(lines)

    # -- what happens

    def contacting(self, now: datetime) -> "Collection":
        """A day of the schedule has come: the card is tried if that may help, and else the customer is reminded."""
        days = self.customer.terms.dunning_days
        passed = sum(1 for day in days if now >= self.opened_at + timedelta(days=day))
        contacts = max(passed, self.contacts + 1)
        if self.retries_by_itself:
            attempt = ScheduledTry(day=days[contacts - 1])
            return self._changed(contacts=contacts, contacted_at=now, attempt=attempt, tries=self.tries + 1)
        return self._changed(contacts=contacts, contacted_at=now, reminding=True)

    def answered(self, result: ChargeResult, asked: "Collection") -> "Collection":
        """The processor's answer to what ``asked`` had tried, looked up or given up."""
        if self.closed is not None:
            return self
        is_news = bool(asked.attempt or self.trouble)
        later = self.attempt if isinstance(self.attempt, NewCardTry) and self.attempt != asked.attempt else None
        known = self._changed(
            answer=result,
            attempt=later,  # this answer is of the card before
            looking=self.looking - asked.looking,
            trouble=None,
            tried_at=result.at if asked.attempt else self.tried_at,
            alerted_at=None if is_news else self.alerted_at,
        )
        if asked.attempt:
            known = known.noted(result.at, None, asked.attempt.title, f"{asked.attempt.text}: {_words(result)}")
        if result.status is ChargeStatus.SUCCEEDED:
            return known._paid(result)
        if self.release is not None and result.status is ChargeStatus.CANCELED:
            return known.evolve(answer=self.answer)._released(result.at)
        return known.evolve(reminding=isinstance(self.attempt, ScheduledTry) or self.reminding)

    def answered_customer(self, result: ChargeResult, asked: "Collection") -> "Collection":
        """The answer to the customer's own try, at our page."""
        return self.noted(result.at, "the customer", "pays", _words(result)).answered(result, asked)

    def _paid(self, result: ChargeResult) -> "Collection":
        received = Received(reference=result.payment_id, amount_minor=self.amount_minor, at=result.at)
        paid = self.evolve(received=(*self.received, received)).noted(result.at, None, "paid", result.payment_id)
        if self.release is not None:
            text = f"{self.release.by} wanted to give it up, but the card has paid"
            if also := self.release.received:
                amount = format_amount(also.amount_minor, self.currency)
                text += f": refund {amount}, which has also arrived as {also.reference}"
            paid = paid.noted(result.at, None, "paid by card", text)
        return paid.close(CollectionStage.RECOVERED, result.at)

    def _released(self, at: datetime) -> "Collection":
        """No card can pay any more, so what was waiting for that happens."""
        assert self.release is not None
        free, then = self.evolve(release=None), self.release
        if then.customer is not None:
            untried = free.answer and free.answer.evolve(attempt_id="")
            return free.evolve(customer=then.customer, series=self.series + 1, answer=untried).with_new_card()
        if then.received is None:
            return free.close(CollectionStage.WRITTEN_OFF, at)
        paid = free.evolve(by_card=False, looking=0, received=(*self.received, then.received))
        return paid if paid.outstanding_minor else paid.close(CollectionStage.RECOVERED, at)

    def with_new_card(self) -> "Collection":
        """The customer's card is another one now: it is tried at once, or once people resume what they halted."""
        halted = self.halt is not None
        attempt = NewCardTry() if self.by_card and not halted else None
        return self._changed(attempt=attempt, untried_card=self.by_card and halted, tries=0, trouble=self.outage)

    def reminded(self) -> "Collection":
        """The customer has been written to."""
        alerted_at = None if self.outage else self.alerted_at
        return self._changed(reminding=False, reminders=self.reminders + 1, trouble=self.failure, alerted_at=alerted_at)

    def to_look_up(self) -> "Collection":
        """Somebody says that something has changed at the processor: it is asked, if a card can still pay."""
        return self._changed(looking=self.looking + 1) if self.by_card and not self.closed else self

    def alerted(self, now: datetime, is_told: bool = True) -> "Collection":
        """Reviewers were told what waits for them, if it still does; or that failed, and comes again later."""
        return self._changed(
            alerted_at=now if self.waits_for(now) else None,
            alerts=self.alerts + 1,
            told_exhausted=self.told_exhausted or (is_told and self.exhausted(now) and not self.stopped),
        )

    def reachable(self) -> "Collection":
        """The ledger answers: an outage that held up nothing else is over."""
        pending = self.attempt or self.looking or self.release or self.reminding
        return self._changed(trouble=None, alerted_at=None) if self.outage and not pending else self

    def adopt(self, known: "Collection") -> "Collection":
        """The collection as the ledger has it, for a run that was reset; halted if people said something to this run.

        What they were told may not be so any more, and saying it twice may cost somebody money.
        """
        known = known.recorded(known.entry_count)
        last = max((entry.at for entry in known.entries), default=known.opened_at)
        later = [entry for entry in self.entries if entry.by and entry.accepted and entry.at > last]
        for entry in later:
            said = entry.model_dump(include={"at", "by", "text", "via", "reason"})
            known = known.noted(**said, what=f"lost: {entry.what}", accepted=False)
        if not later or known.closed:
            return known
        reason = f"what {later[-1].by} said was said to a run that had been reset; look at the diary, and say it again"
        return known._changed(halt=Halted(by="billing", reason=reason, at=later[-1].at), alerted_at=None)

    def braked(self, text: str) -> "Collection":
        if self.closed is not None:
            return self
        stopped = self._changed(brake=Braked(text=text), trouble=self.failure)
        return stopped.unbegun() if stopped.halt is not None else stopped

    def looked_up(self, asked: "Collection") -> "Collection":
        """The payment was looked up before the brake stopped the try of ``asked``."""
        return self if self.closed else self._changed(looking=self.looking - asked.looking)

    def brake_released(self, now: datetime) -> "Collection":
        """The brake is off."""
        return self._changed(brake=None) if self.brake else self

    def unbegun(self) -> "Collection":
        """A try that the brake has stopped, and then people: it does not count, and comes again once they resume."""
        is_new = isinstance(self.attempt, NewCardTry)
        counted = int(isinstance(self.attempt, ScheduledTry))
        return self.evolve(attempt=None, untried_card=self.untried_card or is_new, tries=self.tries - counted)

    def close(self, outcome: CollectionStage, at: datetime) -> "Collection":
        """It is settled or given up, once and for all."""
        assert outcome in _ENDINGS
        assert self.closed is None
        over = {"attempt": None, "looking": 0, "reminding": False, "trouble": None, "halt": None, "brake": None}
        return self._changed(closed=Settled(outcome=outcome, at=at), **over)

    def noted(self, at: datetime, by: str | None, what: str, text: str, **more: object) -> "Collection":
        """Adds a line to the diary; ``by`` is None for what the application did."""
        entry = DiaryEntry.model_validate(
            {"number": self.entry_count + 1, "at": at, "by": by, "what": what, "text": text, **more}
        )
        return self._changed(entries=appended(self.entries, entry), entry_count=entry.number)

    def recorded(self, count: int) -> "Collection":
        """The ledger has the first ``count`` entries: of those, only the newest are carried on."""
        return self.evolve(entries=tuple(carried_over(self.entries, count, KEPT_ENTRIES)))


class PayOnSession(Model):
    """A customer who is there wants to pay; ``return_url`` is where the bank's page sends them back to."""

    collection: Collection
    return_url: Url


class PaidOnSession(Model):
    """What came of it; they have to go to ``redirect_url`` to authenticate, unless it is None."""

    result: ChargeResult
    redirect_url: Url | None = None


_ENDINGS = {CollectionStage.RECOVERED: "recovered", CollectionStage.WRITTEN_OFF: "written off"}


def _code(result: ChargeResult) -> str:
    return result.decline_code or result.code


def _words(result: ChargeResult) -> str:
    return f"{result.status} {_code(result)}".strip()
