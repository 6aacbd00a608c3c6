"""What a processor has on record of one payment goes to the ledger, to the reviewers and to the collection."""

from contextlib import suppress
from typing import Protocol

from billing.accounting.reversals import in_words
from billing.collections.ports import Collections, CollectionStore
from billing.errors import InvalidInput, PaymentBusy, PaymentForbidden, PaymentMismatch, PaymentUnknown
from billing.invoices.month import Month
from billing.invoices.ports import MonthStore
from billing.payments.payment import Payment, PaymentStatus, Reversal
from billing.payments.ports import PaymentBooks, PaymentRecords
from billing.period import Period
from billing.reviewers.alerts import of_report
from services import clock
from services.alerts import Alerts
from services.checkouts import LinkBooks, take_in

PROCESSOR_DOWN = (PaymentUnknown, PaymentBusy, PaymentForbidden)
"""No other look-up would succeed."""


class _Ledger(CollectionStore, LinkBooks, MonthStore, PaymentBooks, Protocol):
    """The stores it uses."""


class PaymentIntake:
    """Every method may be called again after any failure."""

    def __init__(self, records: PaymentRecords, ledger: _Ledger, alerts: Alerts, collections: Collections) -> None:
        self._records = records
        self._ledger = ledger
        self._alerts = alerts
        self._collections = collections

    async def take_in(self, payment_id: str) -> str:
        """Takes in the processor's present record of a payment; returns in words what was done.

        Saves its status, refunds and disputes, alerts the reviewers to new ones, and makes a collection look it up.
        """
        return await self.take(await self._records.payment(payment_id))

    async def take(self, payment: Payment) -> str:
        """As ``take_in``, with the record as it was just read."""
        if payment.by_link:
            return "; ".join([str(payment.status), *_named(await self.reversals(payment))])
        month = await self.month_of(payment)
        if month is None:
            return "not a payment of ours"
        done = [str(payment.status)]
        try:
            await self._ledger.save_payment(payment, clock.now())
        except PaymentMismatch as error:  # a second payment, which will never be confirmed: reconciliation reports it
            done.append(str(error))
        done += _named(await self.reversals(payment))
        collection = await self._ledger.collection(payment.customer_id, month.period)
        debt = collection.debt(month.period) if collection else None
        if debt is not None and not debt.settled:
            last_attempt = debt.answer.attempt_id if debt.answer else ""
            if payment.status is PaymentStatus.SUCCEEDED or payment.attempt_id != last_attempt:
                reason = f"{payment.payment_id} is {payment.status}"
                if await self._collections.look_up(payment.customer_id, month.period, reason):
                    done.append("the collection looks it up")
        return "; ".join(done)

    async def reversals(self, payment: Payment) -> list[Reversal]:
        """Takes in refunds and disputes of the payment, after what a link has brought; returns those that are new.

        Alerts the reviewers before it saves: an interrupted alert is repeated, a saved one is not.
        """
        if payment.by_link:
            await take_in(self._ledger, payment, clock.now())
        customer_id, period = payment.customer_id, Period(payment.period)
        rows = await self._ledger.reversals(period, customer_id)
        known = {(row.reversal_id, row.code, row.amount_minor) for row in rows}
        reversals = await self._records.reversals(payment.payment_id)
        news = [item for item in reversals if (item.reversal_id, item.code, item.amount_minor) not in known]
        for number, reversal in enumerate(news, start=len(rows) + 1):
            text = in_words(reversal, payment)
            await self._alerts.tell(of_report(customer_id, period, number, text, clock.now()))
        await self._ledger.save_reversals(payment, reversals, clock.now())
        return news

    async def month_of(self, payment: Payment) -> Month | None:
        """The payment's month; None for a payment that is not ours, or whose metadata are invalid."""
        if not payment.key or not payment.customer_id:
            return None
        with suppress(InvalidInput):
            return await self._ledger.month(payment.customer_id, Period(payment.period))
        return None


def _named(news: list[Reversal]) -> list[str]:
    return [f"{reversal.kind} {reversal.reversal_id}: {reversal.code}" for reversal in news]
