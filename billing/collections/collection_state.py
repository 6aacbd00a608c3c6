"""A collection as it stands: its fields, what is due, what stops it. Its changes are in ``collection.py``."""

from datetime import datetime, timedelta

from billing.collections.dunning import FEW_TRIES, MAX_TRIES, CardRemedy, remedy
from billing.collections.stages import (
    AllTried,
    CollectionStage,
    CollectionStep,
    DiaryEntry,
    Received,
    Release,
    Settled,
    Try,
    UnclearAnswer,
)
from billing.customers.customer import Customer
from billing.model import Code, Count, Few, Instant, Many, Minor, Number
from billing.money import format_amount
from billing.payments.payment import ChargeResult
from billing.progress import Due, Durable, Stop

_BETWEEN_CONTACTS = timedelta(days=1)
"""Keeps the days that an outage has missed from all being made up at once."""


class CollectionState(Durable):
    customer: Customer
    amount_minor: Minor
    currency: Code
    opened_at: Instant
    by_card: bool = True
    series: Count = 1  # of payments: see billing.keys.payment_key
    answer: ChargeResult | None = None  # the processor's last
    tries: Number = 0  # of this card on schedule, not those that people requested
    contacts: Count = 0  # days of the schedule that have passed
    contacted_at: Instant | None = None
    tried_at: Instant | None = None  # off-session
    reminders: Count = 0
    reminding: bool = False
    attempt: Try | None = None  # under way
    looking: Number = 0  # look-ups requested since the last one began
    release: Release | None = None
    received: Few[Received] = ()
    told_exhausted: bool = False
    untried_card: bool = False  # registered while people had halted the collection
    closed: Settled | None = None
    entries: Many[DiaryEntry] = ()
    entry_count: Count = 0

    # -- what is due

    @property
    def outcome(self) -> CollectionStage | None:
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
        """The open amount, in minor units; never negative."""
        return max(0, self.amount_minor - sum(payment.amount_minor for payment in self.received))

    @property
    def outstanding(self) -> str:
        return format_amount(self.outstanding_minor, self.currency)

    @property
    def remedy(self) -> CardRemedy:
        """The remedy for the last decline; it means nothing unless ``by_card``."""
        return remedy(self.answer) if self.answer else CardRemedy.RETRY

    @property
    def retries_by_itself(self) -> bool:
        """Whether the card may be tried again on schedule."""
        if not self.by_card or self.remedy not in (CardRemedy.RETRY, CardRemedy.RETRY_FEW):
            return False
        return self.tries < (FEW_TRIES if self.remedy is CardRemedy.RETRY_FEW else MAX_TRIES - 1)

    @property
    def payable(self) -> bool:
        """Whether the customer can pay by card now: no other payment may be under way."""
        busy = self.closed or self.attempt or self.release or self.failure or self.brake
        return self.by_card and not busy and self.remedy is not CardRemedy.NEW_CARD

    def due(self, now: datetime) -> Due[CollectionStep]:
        if self.closed is not None:
            return Due(CollectionStep.CLOSE, None, "close the collection")
        remind_at = self._alert_at(now)
        if remind_at is not None and now >= remind_at:
            return Due(CollectionStep.ALERT, None, "tell the reviewers")
        if self.failure is not None:
            return Due(None, remind_at, "remind the reviewers")
        if self.release is not None:
            return Due(CollectionStep.RELEASE, None, "cancel the card's payment")
        if self.brake and not self.looking:
            return Due(CollectionStep.AWAIT_RELEASE, None, "go on once the emergency brake is released")
        if self.attempt:  # with the brake on, only if a look-up is due: it comes before the try
            return Due(CollectionStep.TRY, None, self.attempt.text)
        if self.looking:
            return Due(CollectionStep.LOOK_UP, None, "look the payment up")
        if self.reminding and self.halt is None:
            return Due(CollectionStep.REMIND, None, "remind the customer")
        if self.halt is not None or self._asks_for_person:
            return Due(None, remind_at, "remind the reviewers")
        return self._scheduled(now, remind_at)

    def _scheduled(self, now: datetime, remind_at: datetime | None) -> Due[CollectionStep]:
        """The next day of the schedule, or the end of it."""
        contact_at = self.next_contact
        if contact_at is None and self.exhausted(now):
            return Due(None, remind_at, "tell the reviewers")
        if contact_at is None:
            return Due(None, self.give_up_at, "end tries and reminders")
        if now >= contact_at:
            return Due(CollectionStep.CONTACT, None, "contact the customer")
        return Due(None, contact_at, "try the card again" if self.retries_by_itself else "remind the customer")

    def stage(self, now: datetime) -> CollectionStage:
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
            CardRemedy.NEW_CARD: CollectionStage.AWAITING_CARD,
            CardRemedy.AUTHENTICATE: CollectionStage.AWAITING_AUTHENTICATION,
        }
        return waiting.get(self.remedy, CollectionStage.COLLECTING)

    @property
    def unresolved(self) -> bool:
        """Whether a payment may have been made whose outcome is unknown: nothing else may be tried."""
        return bool(self.attempt or self.looking or self.release) and self.trouble is not None

    def exhausted(self, now: datetime) -> bool:
        """Whether all tries and reminders are used up: the customer can still pay, and people decide."""
        busy = self.closed or self.attempt or self.release or self.brake
        return not busy and self.next_contact is None and now >= self.give_up_at

    def waits_for(self, now: datetime) -> Stop | None:
        """The matter that needs a person before the collection can go on; None: nothing does."""
        if self.stopped or self.brake:
            return self.stopped or self.brake
        return AllTried(self.outstanding) if self.exhausted(now) else None

    @property
    def stopped(self) -> Stop | None:
        """Why the collection stands still, apart from the brake and used-up tries; None: it goes on."""
        if self.halt or self.trouble:
            return self.halt or self.trouble
        if self._asks_for_person:
            assert self.answer is not None
            return UnclearAnswer(self.answer)
        return None

    @property
    def _asks_for_person(self) -> bool:
        return self.by_card and self.remedy is CardRemedy.PERSON and not self.attempt and not self.release

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
        """When tries and reminders end and people decide."""
        planned = self.opened_at + timedelta(days=self.customer.terms.give_up_days)
        return max(planned, self.contacted_at + _BETWEEN_CONTACTS) if self.contacted_at else planned

    def _alert_at(self, now: datetime) -> datetime | None:
        """When the reviewers are alerted; None: nothing needs a person, or they know that people have to decide."""
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
        """The outcome, for the reviewers."""
        assert self.closed is not None
        amount = format_amount(self.amount_minor, self.currency)
        lines = [f"{amount} of {self.customer.customer_id}, {self.period}: {_ENDINGS[self.closed.outcome]}"]
        lines += [f"{entry.by or entry.title}: {entry.story}" for entry in self.entries[-1:]]
        return "\n".join(lines)


_ENDINGS = {CollectionStage.RECOVERED: "recovered", CollectionStage.WRITTEN_OFF: "written off"}
