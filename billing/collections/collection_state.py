"""A collection as it stands: its debts, what is due, what stops it. Its changes are in ``collection.py``."""

from datetime import datetime

from billing.collections.debt import Debt
from billing.collections.on_ladder import OnLadder
from billing.collections.stages import AllTried, CollectionStage, CollectionStep, DiaryEntry, Purpose, UnclearAnswer
from billing.customers.ladder import Rung, RungAction
from billing.model import Count, Many
from billing.money import sums_text
from billing.period import Period
from billing.progress import Due, Stop

_TITLES = {
    RungAction.TRY: "try the card again",
    RungAction.REMIND: "remind the customer",
    RungAction.WARN: "warn the customer",
    RungAction.LIMIT: "limit the service",
    RungAction.SUSPEND: "suspend the service",
    RungAction.DISCONNECT: "ask for the service to be disconnected",
}
_URGENCY = list(CollectionStage)


class CollectionState(OnLadder):
    """``period`` is the month with which it began. Tries, reminders and what stops them are for the whole account."""

    told_exhausted: bool = False
    counts_asked: Count = 0
    counts_done: Count = 0
    entries: Many[DiaryEntry] = ()
    entry_count: Count = 0

    # -- its debts

    def debt(self, period: Period) -> Debt | None:
        return next((debt for debt in self.debts if debt.period == period), None)

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
    def promise_text(self) -> str:
        """The promise that stands, and what is owed."""
        assert self.promise is not None
        return f"{self.promise.by} promised payment by {self.promise.until}; {self.outstanding} are owed"

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
            return self._waiting(remind_at, "remind the reviewers")
        if debt := self.acting:
            return _next_of(debt)
        if self.untold:
            return Due(CollectionStep.SETTLE, None, "send the receipt")
        if self.promise and now >= self.promise.ends_at:
            return Due(CollectionStep.BREAK_PROMISE, None, "tell that the promise was not kept")
        if self.brake:
            return Due(CollectionStep.AWAIT_RELEASE, None, "go on once the emergency brake is released")
        if self.reminding and self.halt is None:
            return self._under_way(now)
        if self.halt is not None or self._asking:
            return self._waiting(remind_at, "remind the reviewers")
        return self._scheduled(now, remind_at)

    def _under_way(self, now: datetime) -> Due[CollectionStep]:
        """The rung that was begun, within contact hours."""
        if (allowed_at := self.in_hours(now)) > now:
            return self._waiting(allowed_at, self._title(self.rung))
        step = CollectionStep.RESTRICT if self.rung.action.restricts else CollectionStep.REMIND
        return Due(step, None, self._title(self.rung))

    def _scheduled(self, now: datetime, remind_at: datetime | None) -> Due[CollectionStep]:
        """The next rung of the ladder, or the end of it."""
        contact_at, rung = self.next_contact, self.next_rung
        if contact_at is None or rung is None:
            if self.exhausted(now):
                return self._waiting(remind_at, "tell the reviewers")
            return self._waiting(self.give_up_at, "end tries and reminders")
        contact_at = self.in_hours(max(now, contact_at))
        if now >= contact_at:
            return Due(CollectionStep.CONTACT, None, "contact the customer")
        return self._waiting(contact_at, self._title(rung))

    def _waiting(self, at: datetime | None, what: str) -> Due[CollectionStep]:
        if self.promise and (at is None or at > self.promise.ends_at):
            return Due(None, self.promise.ends_at, "the day ends by which payment is promised")
        return Due(None, at, what)

    def _title(self, rung: Rung) -> str:
        is_tried = not self.reminding and any(debt.retries_by_itself for debt in self.open_debts)
        action = RungAction.REMIND if rung.action is RungAction.TRY and not is_tried else rung.action
        return _TITLES[action]

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
        busy = self.outcome or self.brake or self.promise or is_acting
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

    def _alert_at(self, now: datetime) -> datetime | None:
        """When the reviewers are alerted; None: nothing needs a person, or they know that people have to decide."""
        if not self.waits_for(now) or (self.brake and not self.stopped):
            return None
        if self.alerted_at is None:
            return now
        if self.stopped:
            return self.alerted_at + self.customer.terms.reminder
        if self.alerted_at < self.give_up_at:  # they were told of another end, before some of it was settled
            return now
        return None if self.told_exhausted else self.alerted_at + self.customer.terms.reminder

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
