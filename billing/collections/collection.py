"""An amount that was not paid when it was due, as a value: what is tried next, what arrived, how it ends.

``Collection`` is the whole state of a ``PaymentCollection`` workflow, as ``Month`` is that of a month. It knows amounts
due, reminders, tries, payments that arrive, and how it is settled or given up; cards are one way to pay among others.
What people may do to it is in ``billing/collections/commands.py``.
"""

from datetime import datetime, timedelta

from billing.collections.collection_state import CollectionState
from billing.collections.stages import (
    CollectionStage,
    DiaryEntry,
    NewCardTry,
    Received,
    ScheduledTry,
    Settled,
    words_of,
)
from billing.invoices.month import Month
from billing.model import (
    Model,
    Url,
)
from billing.money import format_amount
from billing.payments.payment import ChargeResult, ChargeStatus
from billing.progress import Braked, Halted
from billing.trail import appended, carried_over

KEPT_ENTRIES = 50
"""How many entries of its diary a collection carries with it once the ledger has them."""


class Collection(CollectionState):
    """What a customer owes for a month, and every way in which that can change."""

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
            known = known.noted(result.at, None, asked.attempt.title, f"{asked.attempt.text}: {words_of(result)}")
        if result.status is ChargeStatus.SUCCEEDED:
            return known._paid(result)
        if self.release is not None and result.status is ChargeStatus.CANCELED:
            return known.evolve(answer=self.answer)._released(result.at)
        return known.evolve(reminding=isinstance(self.attempt, ScheduledTry) or self.reminding)

    def answered_customer(self, result: ChargeResult, asked: "Collection") -> "Collection":
        """The answer to the customer's own try, at our page."""
        return self.noted(result.at, "the customer", "pays", words_of(result)).answered(result, asked)

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
        assert outcome in (CollectionStage.RECOVERED, CollectionStage.WRITTEN_OFF)
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
