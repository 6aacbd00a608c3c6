"""A collection as it stands: its debts, what is due, what stops it. Its changes are in ``collection.py``."""

from datetime import datetime, timedelta

from billing.collections.debt import Debt
from billing.collections.stages import AllTried, CollectionStage, CollectionStep, DiaryEntry, Purpose, UnclearAnswer
from billing.customers.customer import Customer
from billing.model import Count, Few, Instant, Many
from billing.money import sums_text
from billing.period import Period
from billing.progress import Due, Durable, Stop

_BETWEEN_CONTACTS = timedelta(days=1)
"""Keeps the days that an outage has missed from all being made up at once."""
_URGENCY = list(CollectionStage)


class CollectionState(Durable):
    """``period`` is the month with which it began. Tries, reminders and what stops them are for the whole account."""

    customer: Customer
    debts: Few[Debt]
    since: Instant  # day 0 of the schedule
    contacts: Count = 0  # days of the schedule that have passed
    contacted_at: Instant | None = None
    reminders: Count = 0
    reminding: bool = False
    told_exhausted: bool = False
    counts_asked: Count = 0
    counts_done: Count = 0
    entries: Many[DiaryEntry] = ()
    entry_count: Count = 0

    # -- its debts

    def debt(self, period: Period) -> Debt | None:
        return next((debt for debt in self.debts if debt.period == period), None)

    @property
    def open_debts(self) -> tuple[Debt, ...]:
        """The oldest first."""
        return tuple(debt for debt in self.debts if not debt.settled)

    @property
    def untold(self) -> tuple[Debt, ...]:
        """Settled debts whose receipt and news are not sent yet."""
        return tuple(debt for debt in self.debts if debt.settled and not debt.told)

    @property
    def acting(self) -> Debt | None:
        """The debt whose payment is cancelled, tried or looked up next; while the brake is on, nothing is tried."""
        releasing = [debt for debt in self.open_debts if debt.release]
        trying = [debt for debt in self.open_debts if debt.attempt and (debt.looking or not self.brake)]
        looking = [debt for debt in self.open_debts if debt.looking]
        return next(iter(releasing or trying or looking), None)

    @property
    def concern(self) -> Debt:
        """The debt that a person has to look at first."""
        asking = (debt for debt in self.open_debts if debt.asks_for_person)
        return next(asking, None) or self.acting or (self.open_debts or self.debts)[0]

    @property
    def outcome(self) -> CollectionStage | None:
        if self.open_debts:
            return None
        is_given_up = any(debt.outcome is CollectionStage.WRITTEN_OFF for debt in self.debts)
        return CollectionStage.WRITTEN_OFF if is_given_up else CollectionStage.RECOVERED

    @property
    def closed_at(self) -> datetime | None:
        """When the last debt was settled; None while one is open."""
        return None if self.open_debts else max(debt.settled.at for debt in self.debts if debt.settled)

    @property
    def customer_id(self) -> str:
        return self.customer.customer_id

    @property
    def amount_due(self) -> tuple[int, str]:
        """What is owed in the currency of the oldest open debt."""
        debts = self.open_debts or self.debts
        currency = debts[0].currency
        return sum(debt.outstanding_minor for debt in debts if debt.currency == currency), currency

    @property
    def trail_count(self) -> int:
        return self.entry_count

    @property
    def outstanding(self) -> str:
        """What is still owed, by currency."""
        return sums_text((debt.outstanding_minor, debt.currency) for debt in self.open_debts)

    @property
    def counting(self) -> bool:
        """Whether the ledger is to be asked what is owed; not while the card's payment is cancelled for that."""
        is_releasing = any(debt.release and debt.release.purpose is Purpose.COUNT for debt in self.open_debts)
        return self.counts_asked > self.counts_done and not is_releasing

    def payable(self, debt: Debt) -> bool:
        """Whether the customer can pay ``debt`` by card now."""
        return debt.payable and not (self.failure or self.brake)

    # -- what is due

    def due(self, now: datetime) -> Due[CollectionStep]:
        if self.outcome is not None:
            return Due(CollectionStep.CLOSE, None, "close the collection")
        remind_at = self._alert_at(now)
        if remind_at is not None and now >= remind_at:
            return Due(CollectionStep.ALERT, None, "tell the reviewers")
        if self.counting:
            return Due(CollectionStep.COUNT, None, "ask the ledger what is still owed")
        if self.failure is not None:
            return Due(None, remind_at, "remind the reviewers")
        if debt := self.acting:
            return _next_of(debt)
        if self.untold:
            return Due(CollectionStep.SETTLE, None, "send the receipt")
        if self.brake:
            return Due(CollectionStep.AWAIT_RELEASE, None, "go on once the emergency brake is released")
        if self.reminding and self.halt is None:
            return Due(CollectionStep.REMIND, None, "remind the customer")
        if self.halt is not None or self._asking:
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
        is_tried = any(debt.retries_by_itself for debt in self.open_debts)
        return Due(None, contact_at, "try the card again" if is_tried else "remind the customer")

    def stage(self, now: datetime) -> CollectionStage:
        """Its outcome, or the most urgent stage of its open debts."""
        return self.outcome or min((self.stage_of(debt, now) for debt in self.open_debts), key=_URGENCY.index)

    def stage_of(self, debt: Debt, now: datetime) -> CollectionStage:
        if debt.settled:
            return debt.settled.outcome
        if debt.is_moving and self.trouble:
            return CollectionStage.UNRESOLVED
        if self.halt is not None or self.brake:
            return CollectionStage.HALTED
        if self.failure:
            return CollectionStage.AWAITING_PERSON
        if not debt.asks_for_person and self.exhausted(now):
            return CollectionStage.EXHAUSTED
        return debt.stage

    @property
    def unresolved(self) -> bool:
        """Whether a payment may have been made whose outcome is unknown: nothing else may be tried."""
        return self.trouble is not None and any(debt.is_moving for debt in self.open_debts)

    def exhausted(self, now: datetime) -> bool:
        """Whether all tries and reminders are used up: the customer can still pay, and people decide."""
        is_acting = self.reminding or any(debt.attempt or debt.release for debt in self.open_debts)
        busy = self.outcome or self.brake or is_acting
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
        if debt := self._asking:
            assert debt.answer is not None
            return UnclearAnswer(debt.answer)
        return None

    @property
    def _asking(self) -> Debt | None:
        return next((debt for debt in self.open_debts if debt.asks_for_person), None)

    @property
    def next_contact(self) -> datetime | None:
        """The next day of the schedule; None if there is none left."""
        days = self.customer.terms.dunning_days
        if self.contacts >= len(days):
            return None
        planned = self.since + timedelta(days=days[self.contacts])
        last = (self.contacted_at, *(debt.tried_at for debt in self.open_debts))
        return max([planned, *(instant + _BETWEEN_CONTACTS for instant in last if instant)])

    @property
    def give_up_at(self) -> datetime:
        """When tries and reminders end and people decide."""
        planned = self.since + timedelta(days=self.customer.terms.give_up_days)
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

    def news_of(self, debt: Debt) -> str:
        """The outcome of a debt, for the reviewers."""
        lines = [f"{debt.amount} of {self.customer_id}, {debt.period}: {debt.ending}"]
        entries = [entry for entry in self.entries if entry.month == debt.period]
        lines += [f"{entry.by or entry.title}: {entry.story}" for entry in entries[-1:]]
        return "\n".join(lines)


def _next_of(debt: Debt) -> Due[CollectionStep]:
    if debt.release:
        return Due(CollectionStep.RELEASE, None, "cancel the card's payment")
    if debt.attempt:  # with the brake on, only if a look-up is due: it comes before the try
        return Due(CollectionStep.TRY, None, debt.attempt.text)
    return Due(CollectionStep.LOOK_UP, None, "look the payment up")
