"""A collection's changes: debts that join, tries, reminders, payments that arrive, and its end.

``Collection`` is the whole state of a ``PaymentCollection`` workflow, as ``Month`` is that of a month. People's
commands are in ``billing/collections/commands.py``.
"""

from collections.abc import Sequence
from datetime import datetime

from billing.collections.debt import Debt
from billing.collections.stages import OWN_PAYMENT, Counted, Purpose, ScheduledTry, words_of
from billing.collections.walk import Walk
from billing.customers.contact_hours import ContactHours
from billing.customers.ladder import Rung
from billing.invoices.month import Month
from billing.model import Model, Url
from billing.payments.payment import ChargeResult, ChargeStatus
from billing.period import Period
from billing.progress import Braked, Halted
from billing.trail import carried_over

KEPT_ENTRIES = 50
"""The entries of its diary that a collection keeps once the ledger has them."""
KEPT_SETTLED = 24
"""The settled debts that it keeps once their news is told, so that a debt that is reported again is known."""


class Collection(Walk):
    @classmethod
    def open(cls, month: Month, ladder: Sequence[Rung] = (), hours: ContactHours | None = None) -> "Collection":
        """The collection of what ``month``, which has closed, left unpaid.

        The ladder is that of the customer's terms, else ``ladder``, walked within ``hours``; without one, it is the
        days of the terms.
        """
        debt, rungs = Debt.of(month), month.customer.terms.ladder or tuple(ladder)
        fields = {"customer": month.customer, "period": month.period, "debts": (debt,), "since": debt.opened_at}
        if not rungs:
            return cls.model_validate(fields)
        assert month.closed is not None
        opened = cls.model_validate({**fields, "ladder": rungs, "hours": hours})
        return opened.evolve(**opened._starting(debt.opened_at, month.closed.at))

    def to_count(self) -> "Collection":
        """Money has been booked or has gone back: the ledger is asked what is still owed."""
        return self if self.outcome else self._changed(counts_asked=self.counts_asked + 1)

    def counted(self, answer: Counted, requested: "Collection") -> "Collection":
        """The ledger's answer. If less is owed and a card could still pay, its payment is cancelled and asked again.

        That also ends a failure: perhaps nothing is left to be charged.
        """
        outage_is_over = None if self.outage else self.alerted_at
        changed = self._changed(counts_done=requested.counts_asked, trouble=self.failure, alerted_at=outage_is_over)
        for debt in self.open_debts:
            if debt.by_card and debt.period in answer.charged:
                counted = debt.to_look_up()
            else:
                owed_minor = answer.owed_minor.get(debt.period, debt.outstanding_minor)
                counted = debt.counted(owed_minor, answer.at, self.customer.card, self.halt is not None)
            if counted.release != debt.release:
                changed = changed.with_debt(counted, trouble=None).to_count()
            elif counted != debt:
                changed = changed.with_debt(counted)
            if counted.outstanding_minor != debt.outstanding_minor:
                text = f"{debt.outstanding} were owed, {counted.outstanding} are owed now"
                changed = changed.noted(answer.at, None, "counted", text, month=debt.period)
        return changed

    def uncounted(self, requested: "Collection") -> "Collection":
        """The ledger's answer was no use: it is asked again when a person resumes, or when more money is booked."""
        return self._changed(counts_done=requested.counts_asked)

    # -- its debts

    def owing(self, debt: Debt, now: datetime) -> "Collection":
        """Another month is not paid either, of which the customer has just heard; one that is known changes nothing.

        It joins the schedule. If no day of that is left, or everything was settled, the schedule begins again from it.
        """
        if self.debt(debt.period) is not None:
            return self
        debts = tuple(sorted((*self.debts, debt), key=lambda owed: owed.period))
        if self.outcome is None and self.next_contact is not None:
            return self._changed(debts=debts, contacted_at=now)
        begun = self._starting(debt.opened_at, max(now, debt.opened_at) if self.open_debts else now)
        if self.ladder:  # else the last reminder, which is being sent, is about the new debt, too
            begun["reminding"] = False
        return self._changed(debts=debts, contacted_at=now, told_exhausted=False, **begun)

    def told(self, requested: "Collection") -> "Collection":
        """Receipts and news of the debts that were settled in ``requested`` are sent."""
        periods = {debt.period for debt in requested.untold}
        return self._each(lambda debt: debt.evolve(told=True) if debt.period in periods else debt)

    # -- what happens

    def answered(self, result: ChargeResult, requested: "Collection", period: Period | None = None) -> "Collection":
        """The processor's answer to the try, look-up or cancellation that ``requested`` had due.

        ``period`` is the debt of the customer's own payment; None: the one whose payment was due.
        """
        asked = requested.debt(period) if period else requested.acting
        debt = self.debt(asked.period) if asked else None
        if asked is None or debt is None or debt.settled:
            return self
        alerted_at = None if asked.attempt or self.trouble else self.alerted_at
        changed = self.with_debt(
            debt.answered(result, asked, self.halt is not None), trouble=None, alerted_at=alerted_at
        )
        if attempt := asked.attempt:
            text = f"{attempt.text}: {words_of(result)}"
            changed = changed.noted(result.at, None, attempt.title, text, month=debt.period)
        if result.status is ChargeStatus.SUCCEEDED:
            changed = changed.noted(result.at, None, "paid", result.payment_id, month=debt.period)
            if debt.release is not None:
                changed = changed.noted(result.at, None, "paid by card", _paid_all_the_same(debt), month=debt.period)
        return changed

    def answered_customer(self, result: ChargeResult, requested: "Collection", period: Period) -> "Collection":
        """The answer to the customer's own payment of ``period``, at our page."""
        noted = self.noted(result.at, "the customer", OWN_PAYMENT, words_of(result), month=period)
        return noted.answered(result, requested, period)

    def to_look_up(self, period: Period) -> "Collection":
        """Something may have changed at the processor: the payment is looked up, if a card can still pay."""
        debt = self.debt(period)
        changed = debt and debt.to_look_up()
        return self if changed is None or changed is debt else self.with_debt(changed)

    def looked_up(self, requested: "Collection") -> "Collection":
        """The payment was looked up before the brake stopped the try of ``requested``."""
        asked = requested.acting
        debt = asked and self.debt(asked.period)
        return self.with_debt(debt.looked_up(asked)) if asked and debt and not debt.settled else self

    def alerted(self, now: datetime, is_told: bool = True) -> "Collection":
        return self._changed(
            alerted_at=now if self.waits_for(now) else None,
            alerts=self.alerts + 1,
            told_exhausted=self.told_exhausted or (is_told and self.exhausted(now) and not self.stopped),
        )

    def reachable(self) -> "Collection":
        """An outage of the ledger alone is over."""
        pending = self.reminding or self.counting or self.untold or any(debt.is_moving for debt in self.open_debts)
        return self._changed(trouble=None, alerted_at=None) if self.outage and not pending else self

    def adopt(self, record: "Collection") -> "Collection":
        """The ledger's ``record``; halted if this run has taken commands since.

        Their answers may not hold any more, and to repeat a command unasked may cost somebody money. Months that have
        joined since stay, and the ledger is asked what is owed.
        """
        record = record.recorded(record.entry_count).to_count()
        newest = max(debt.period for debt in record.debts)
        for debt in self.open_debts:
            record = record.owing(debt, debt.opened_at) if debt.period > newest else record
        last = max((entry.at for entry in record.entries), default=record.since)
        later = [entry for entry in self.entries if entry.by and entry.accepted and entry.at > last]
        for entry in later:
            fields = entry.model_dump(include={"at", "by", "text", "via", "reason", "month"})
            record = record.noted(**fields, event=f"lost: {entry.what}", accepted=False)
        if not later or record.outcome is not None:
            return record
        reason = f"{later[-1].by} spoke to a run that had been reset; look at the diary, and repeat the command"
        return record._changed(halt=Halted(by="billing", reason=reason, at=later[-1].at), alerted_at=None)

    # -- the emergency brake

    def braked(self, text: str) -> "Collection":
        if self.outcome is not None:
            return self
        stopped = self._changed(brake=Braked(text=text), trouble=self.failure)
        return stopped.unbegun() if stopped.halt is not None else stopped

    def brake_released(self, now: datetime) -> "Collection":
        return self._changed(brake=None) if self.brake else self

    def unbegun(self) -> "Collection":
        """Tries stopped by the brake and then by a halt do not count; they are repeated after the resumption."""
        is_contact = any(isinstance(debt.attempt, ScheduledTry) for debt in self.open_debts)
        return self.with_open_debts(Debt.unbegun, reminding=self.reminding and not is_contact)

    # -- the diary

    def recorded(self, count: int) -> "Collection":
        told = [debt.period for debt in self.debts if debt.settled and debt.told]
        dropped = set(told[:-KEPT_SETTLED])
        return self.evolve(
            entries=tuple(carried_over(self.entries, count, KEPT_ENTRIES)),
            debts=tuple(debt for debt in self.debts if debt.period not in dropped),
        )


def _paid_all_the_same(debt: Debt) -> str:
    assert debt.release is not None
    if debt.release.purpose is Purpose.BILL:
        return "the card has paid before it was taken away"
    if debt.release.purpose is Purpose.COUNT:
        return "the card has paid beside another rail; what is too much is credit"
    return f"{debt.release.by} wanted to give it up, but the card has paid"


class PayOnSession(Model):
    """A customer at our page wants to pay ``period``; the bank's page sends them back to ``return_url``."""

    collection: Collection
    period: Period
    return_url: Url


class PaidOnSession(Model):
    """The processor's answer; the customer has to authenticate at ``redirect_url``, unless it is None."""

    result: ChargeResult
    redirect_url: Url | None = None
