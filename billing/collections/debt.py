"""What one month left unpaid, and the card's payment of it. ``Collection`` has one for each month that is owed.

Changes return another value; the collection that holds the debt notes them in its diary.
"""

from datetime import datetime

from billing.collections.dunning import FEW_TRIES, MAX_TRIES, CardRemedy, remedy
from billing.collections.stages import (
    CollectionStage,
    NewCardTry,
    Purpose,
    Release,
    RequestedTry,
    ScheduledTry,
    Settled,
    Try,
)
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.model import Code, Count, Instant, Minor, Model, Number
from billing.money import format_amount
from billing.payments.methods import CardOnFile
from billing.payments.payment import ChargeResult, ChargeStatus
from billing.period import Period

_ENDINGS = {CollectionStage.RECOVERED: "recovered", CollectionStage.WRITTEN_OFF: "written off"}


class Debt(Model):
    period: Period
    amount_minor: Minor
    currency: Code
    opened_at: Instant  # when it was due
    method: CardOnFile | None = None  # the card of its payment at the processor; None: it was billed
    by_card: bool = True
    series: Count = 1  # of payments: see billing.keys.payment_key
    answer: ChargeResult | None = None  # the processor's last
    tries: Number = 0  # of this card on schedule, not those that people requested
    tried_at: Instant | None = None  # off-session
    attempt: Try | None = None  # under way
    looking: Number = 0  # look-ups requested since the last one began
    release: Release | None = None
    paid_otherwise_minor: Minor = 0  # by the ledger, when it was last asked; not by the card
    paid_by: Code | None = None  # the card's payment that has paid it
    untried_card: bool = False  # registered while people had halted the collection
    settled: Settled | None = None
    told: bool = False  # its receipt and the news of it are sent

    @classmethod
    def of(cls, month: Month) -> "Debt":
        """What ``month``, closed after a failed charge or with a bill, left unpaid; a bill from the day it is due."""
        assert month.invoice is not None
        assert month.closed is not None
        is_bill = month.outcome is Stage.BILLED
        assert month.notice if is_bill else month.closed.charge
        return cls(
            period=month.period,
            amount_minor=month.invoice.total_minor,
            currency=month.invoice.currency,
            opened_at=month.notice.charge_at if is_bill and month.notice else month.closed.at,
            method=None if is_bill else month.customer.card,
            by_card=not is_bill,
            series=month.series,
            answer=month.closed.charge,
        )

    # -- how it stands

    @property
    def outcome(self) -> CollectionStage | None:
        return self.settled.outcome if self.settled else None

    @property
    def outstanding_minor(self) -> int:
        """The open amount, in minor units; never negative."""
        return 0 if self.paid_by else self.amount_minor - self.paid_otherwise_minor

    @property
    def outstanding(self) -> str:
        return format_amount(self.outstanding_minor, self.currency)

    @property
    def amount(self) -> str:
        return format_amount(self.amount_minor, self.currency)

    @property
    def ending(self) -> str:
        """The outcome in words."""
        assert self.settled is not None
        return _ENDINGS[self.settled.outcome]

    @property
    def remedy(self) -> CardRemedy:
        """The remedy for the last decline; it means nothing unless ``by_card``."""
        return remedy(self.answer) if self.answer else CardRemedy.RETRY

    @property
    def retries_by_itself(self) -> bool:
        """Whether the card may be tried again on schedule."""
        if self.settled or not self.by_card or self.remedy not in (CardRemedy.RETRY, CardRemedy.RETRY_FEW):
            return False
        return self.tries < (FEW_TRIES if self.remedy is CardRemedy.RETRY_FEW else MAX_TRIES - 1)

    @property
    def asks_for_person(self) -> bool:
        """Whether the last answer is one for which no remedy is known."""
        is_waiting = not (self.settled or self.attempt or self.release)
        return is_waiting and self.by_card and self.remedy is CardRemedy.PERSON

    @property
    def is_moving(self) -> bool:
        """Whether its payment is being tried, looked up or cancelled."""
        return bool(self.attempt or self.looking or self.release)

    @property
    def is_uncounted(self) -> bool:
        """Whether the card can no longer pay, and the ledger has not said yet what is left."""
        return self.method is not None and not self.by_card and not self.paid_otherwise_minor

    @property
    def payable(self) -> bool:
        """Whether the customer can pay it by card: no other payment of it may be under way."""
        busy = self.settled or self.attempt or self.release
        return self.by_card and not busy and self.remedy is not CardRemedy.NEW_CARD

    @property
    def stage(self) -> CollectionStage:
        """Where it stands while nothing stops the account."""
        if self.settled:
            return self.settled.outcome
        if self.asks_for_person:
            return CollectionStage.AWAITING_PERSON
        if not self.by_card:
            return CollectionStage.AWAITING_PAYMENT
        waiting = {
            CardRemedy.NEW_CARD: CollectionStage.AWAITING_CARD,
            CardRemedy.AUTHENTICATE: CollectionStage.AWAITING_AUTHENTICATION,
        }
        return waiting.get(self.remedy, CollectionStage.COLLECTING)

    # -- what happens

    def scheduled(self, day: int) -> "Debt":
        """A day of the schedule has come: the card is tried, if that may help."""
        if not self.retries_by_itself:
            return self
        return self.evolve(attempt=ScheduledTry(day=day), tries=self.tries + 1)

    def requested(self, by: str) -> "Debt":
        """A person wants the card to be tried now."""
        return self.evolve(attempt=RequestedTry(by=by))

    def unbegun(self) -> "Debt":
        """A try stopped by the brake and then by a halt does not count; it is repeated after the resumption."""
        is_new = isinstance(self.attempt, NewCardTry)
        counted = int(isinstance(self.attempt, ScheduledTry))
        return self.evolve(attempt=None, untried_card=self.untried_card or is_new, tries=self.tries - counted)

    def with_card(self, method: CardOnFile, is_halted: bool) -> "Debt":
        """Another card of the same id at the processor: it is tried at once, or when the account is resumed."""
        attempt = NewCardTry() if not is_halted else None
        return self.evolve(method=method, attempt=attempt, untried_card=is_halted, tries=0)

    def to_look_up(self) -> "Debt":
        """Something may have changed at the processor: the payment is looked up, if a card can still pay."""
        return self.evolve(looking=self.looking + 1) if self.by_card and not self.settled else self

    def looked_up(self, requested: "Debt") -> "Debt":
        """The payment was looked up before the brake stopped the try of ``requested``."""
        return self if self.settled else self.evolve(looking=self.looking - requested.looking)

    def answered(self, result: ChargeResult, requested: "Debt", is_halted: bool) -> "Debt":
        """The processor's answer to the try, look-up or cancellation that ``requested`` had due."""
        later = self.attempt if isinstance(self.attempt, NewCardTry) and self.attempt != requested.attempt else None
        changed = self.evolve(
            answer=result,
            attempt=later,  # the answer is about the card before
            looking=self.looking - requested.looking,
            tried_at=result.at if requested.attempt else self.tried_at,
        )
        if result.status is ChargeStatus.SUCCEEDED:
            return changed.evolve(paid_by=result.payment_id).settle(CollectionStage.RECOVERED, result.at)
        if self.release is not None and result.status is ChargeStatus.CANCELED:
            return changed.evolve(answer=self.answer)._released(result.at, is_halted)
        return changed

    def _released(self, at: datetime, is_halted: bool) -> "Debt":
        """The card's payment is cancelled, so the purpose of its release is carried out."""
        assert self.release is not None
        free, release = self.evolve(release=None), self.release
        match release.purpose:
            case Purpose.NEW_CARD:
                assert release.method is not None
                return free._anew(release.method, is_halted)
            case Purpose.COUNT:
                return free.evolve(by_card=False, looking=0, attempt=None, untried_card=False)
            case Purpose.BILL:
                return free.evolve(by_card=False, method=None, looking=0, attempt=None, untried_card=False)
            case Purpose.WRITE_OFF:
                return free.settle(CollectionStage.WRITTEN_OFF, at)

    def counted(self, owed_minor: int, at: datetime, card: CardOnFile | None, is_halted: bool) -> "Debt":
        """The ledger says what is still owed. Less than before counts once the card can no longer pay.

        ``card`` is the one on file: it may pay what is wholly owed again, but nothing that was billed.
        """
        owed_minor = min(owed_minor, self.amount_minor)
        counted = self.evolve(paid_otherwise_minor=self.amount_minor - owed_minor)
        if owed_minor < self.outstanding_minor and self.by_card:
            is_given_up = self.release is not None and self.release.purpose is Purpose.WRITE_OFF
            if is_given_up and owed_minor:
                return counted  # the rest is given up
            reason = "money of another rail is in the books"
            return self.evolve(release=Release(by="billing", reason=reason, purpose=Purpose.COUNT))
        if not owed_minor:
            return counted.settle(CollectionStage.RECOVERED, at)
        is_whole_again = self.method is not None and not (self.by_card or counted.paid_otherwise_minor)
        return counted._anew(card, is_halted) if card and is_whole_again else counted

    def _anew(self, card: CardOnFile, is_halted: bool) -> "Debt":
        """All of it is owed again: ``card`` may pay it, by another payment, for that before is cancelled."""
        untried = self.answer and self.answer.evolve(attempt_id="")
        again = self.evolve(by_card=True, series=self.series + 1, answer=untried)
        return again if card.is_same(self.method) else again.with_card(card, is_halted)

    def settle(self, outcome: CollectionStage, at: datetime) -> "Debt":
        assert outcome in _ENDINGS
        assert self.settled is None
        return self.evolve(settled=Settled(outcome=outcome, at=at), attempt=None, looking=0)
