"""A collection's changes: tries, reminders, payments that arrive, and its outcome.

``Collection`` is the whole state of a ``PaymentCollection`` workflow, as ``Month`` is that of a month. People's
commands are in ``billing/collections/commands.py``.
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
from billing.model import Model, Url
from billing.money import format_amount
from billing.payments.payment import ChargeResult, ChargeStatus
from billing.progress import Braked, Halted
from billing.trail import appended, carried_over

KEPT_ENTRIES = 50
"""The entries of its diary that a collection keeps once the ledger has them."""


class Collection(CollectionState):
    @classmethod
    def open(cls, month: Month) -> "Collection":
        """The collection of what ``month``, closed after a failed charge, left unpaid."""
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
        """A day of the schedule has come: the card is tried if that may help, else the customer is reminded."""
        days = self.customer.terms.dunning_days
        passed = sum(1 for day in days if now >= self.opened_at + timedelta(days=day))
        contacts = max(passed, self.contacts + 1)
        if self.retries_by_itself:
            attempt = ScheduledTry(day=days[contacts - 1])
            return self._changed(contacts=contacts, contacted_at=now, attempt=attempt, tries=self.tries + 1)
        return self._changed(contacts=contacts, contacted_at=now, reminding=True)

    def answered(self, result: ChargeResult, requested: "Collection") -> "Collection":
        """The processor's answer to the try, look-up or cancellation that ``requested`` had due."""
        if self.closed is not None:
            return self
        is_news = bool(requested.attempt or self.trouble)
        later = self.attempt if isinstance(self.attempt, NewCardTry) and self.attempt != requested.attempt else None
        changed = self._changed(
            answer=result,
            attempt=later,  # the answer is about the card before
            looking=self.looking - requested.looking,
            trouble=None,
            tried_at=result.at if requested.attempt else self.tried_at,
            alerted_at=None if is_news else self.alerted_at,
        )
        if attempt := requested.attempt:
            changed = changed.noted(result.at, None, attempt.title, f"{attempt.text}: {words_of(result)}")
        if result.status is ChargeStatus.SUCCEEDED:
            return changed._paid(result)
        if self.release is not None and result.status is ChargeStatus.CANCELED:
            return changed.evolve(answer=self.answer)._released(result.at)
        return changed.evolve(reminding=isinstance(self.attempt, ScheduledTry) or self.reminding)

    def answered_customer(self, result: ChargeResult, requested: "Collection") -> "Collection":
        """The answer to the customer's own payment, at our page."""
        return self.noted(result.at, "the customer", "payment", words_of(result)).answered(result, requested)

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
        """The card's payment is cancelled, so the purpose of its release is carried out."""
        assert self.release is not None
        free, release = self.evolve(release=None), self.release
        if release.customer is not None:
            untried = free.answer and free.answer.evolve(attempt_id="")
            return free.evolve(customer=release.customer, series=self.series + 1, answer=untried).with_new_card()
        if release.received is None:
            return free.close(CollectionStage.WRITTEN_OFF, at)
        paid = free.evolve(by_card=False, looking=0, received=(*self.received, release.received))
        return paid if paid.outstanding_minor else paid.close(CollectionStage.RECOVERED, at)

    def with_new_card(self) -> "Collection":
        """The customer has another card: it is tried at once, or when a halted collection is resumed."""
        halted = self.halt is not None
        attempt = NewCardTry() if self.by_card and not halted else None
        return self._changed(attempt=attempt, untried_card=self.by_card and halted, tries=0, trouble=self.outage)

    def reminded(self) -> "Collection":
        """The reminder was sent."""
        alerted_at = None if self.outage else self.alerted_at
        return self._changed(reminding=False, reminders=self.reminders + 1, trouble=self.failure, alerted_at=alerted_at)

    def to_look_up(self) -> "Collection":
        """Something may have changed at the processor: the payment is looked up, if a card can still pay."""
        return self._changed(looking=self.looking + 1) if self.by_card and not self.closed else self

    def alerted(self, now: datetime, is_told: bool = True) -> "Collection":
        return self._changed(
            alerted_at=now if self.waits_for(now) else None,
            alerts=self.alerts + 1,
            told_exhausted=self.told_exhausted or (is_told and self.exhausted(now) and not self.stopped),
        )

    def reachable(self) -> "Collection":
        """An outage of the ledger alone is over."""
        pending = self.attempt or self.looking or self.release or self.reminding
        return self._changed(trouble=None, alerted_at=None) if self.outage and not pending else self

    def adopt(self, record: "Collection") -> "Collection":
        """The ledger's ``record``; halted if this run has taken commands since.

        Their answers may not hold any more, and to repeat a command unasked may cost somebody money.
        """
        record = record.recorded(record.entry_count)
        last = max((entry.at for entry in record.entries), default=record.opened_at)
        later = [entry for entry in self.entries if entry.by and entry.accepted and entry.at > last]
        for entry in later:
            fields = entry.model_dump(include={"at", "by", "text", "via", "reason"})
            record = record.noted(**fields, event=f"lost: {entry.what}", accepted=False)
        if not later or record.closed:
            return record
        reason = f"{later[-1].by} spoke to a run that had been reset; look at the diary, and repeat the command"
        return record._changed(halt=Halted(by="billing", reason=reason, at=later[-1].at), alerted_at=None)

    def braked(self, text: str) -> "Collection":
        if self.closed is not None:
            return self
        stopped = self._changed(brake=Braked(text=text), trouble=self.failure)
        return stopped.unbegun() if stopped.halt is not None else stopped

    def looked_up(self, requested: "Collection") -> "Collection":
        """The payment was looked up before the brake stopped the try of ``requested``."""
        return self if self.closed else self._changed(looking=self.looking - requested.looking)

    def brake_released(self, now: datetime) -> "Collection":
        return self._changed(brake=None) if self.brake else self

    def unbegun(self) -> "Collection":
        """A try stopped by the brake and then by a halt does not count; it is repeated after the resumption."""
        is_new = isinstance(self.attempt, NewCardTry)
        counted = int(isinstance(self.attempt, ScheduledTry))
        return self.evolve(attempt=None, untried_card=self.untried_card or is_new, tries=self.tries - counted)

    def close(self, outcome: CollectionStage, at: datetime) -> "Collection":
        assert outcome in (CollectionStage.RECOVERED, CollectionStage.WRITTEN_OFF)
        assert self.closed is None
        over = {"attempt": None, "looking": 0, "reminding": False, "trouble": None, "halt": None, "brake": None}
        return self._changed(closed=Settled(outcome=outcome, at=at), **over)

    def noted(self, at: datetime, by: str | None, event: str, text: str, **more: object) -> "Collection":
        """Adds an entry to the diary; ``by`` None: the application."""
        entry = DiaryEntry.model_validate(
            {"number": self.entry_count + 1, "at": at, "by": by, "what": event, "text": text, **more}
        )
        return self._changed(entries=appended(self.entries, entry), entry_count=entry.number)

    def recorded(self, count: int) -> "Collection":
        return self.evolve(entries=tuple(carried_over(self.entries, count, KEPT_ENTRIES)))


class PayOnSession(Model):
    """A customer at our page wants to pay; the bank's page sends them back to ``return_url``."""

    collection: Collection
    return_url: Url


class PaidOnSession(Model):
    """The processor's answer; the customer has to authenticate at ``redirect_url``, unless it is None."""

    result: ChargeResult
    redirect_url: Url | None = None
