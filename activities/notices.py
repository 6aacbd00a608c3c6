"""Mails of a month: the charge notice, the mail that closes it, alerts to reviewers."""

import asyncio
from contextlib import suppress
from typing import Protocol

from temporalio import activity

from activities.brake import check_brake, check_brake_for
from activities.ledger import record
from billing.errors import BillingError, MailRefused, NoticeOutdated
from billing.invoices.commands import Delivered
from billing.invoices.month import Month
from billing.invoices.ports import MonthHistory, MonthStore
from billing.invoices.stages import Stage
from billing.invoices.versions import Correction
from billing.mails.corrections import correction
from billing.mails.mail import CustomerMailKind, MessageStore
from billing.money import format_amount
from billing.receivables.ports import Accounts
from billing.reviewers.alerts import of_drift, of_month, of_report
from billing.reviewers.ports import BrakeStore
from billing.sales.late_sales import in_words
from services import clock
from services.alerts import Alerts
from services.bills import Bills
from services.messages.customer_mails import CustomerMails
from services.shared_sales import since_notice
from services.sheet_comparison import SheetComparer

_CLOSING = {
    Stage.PAID: CustomerMailKind.RECEIPT,
    Stage.PAST_DUE: CustomerMailKind.DECLINE,
    Stage.AUTHENTICATION_REQUIRED: CustomerMailKind.DECLINE,
    Stage.NEEDS_CARD: CustomerMailKind.DECLINE,
    Stage.NOTHING_DUE: CustomerMailKind.NOTHING_DUE,
}
_CLOSE_SECONDS = 20.0
"""How long a bill that was sent waits for Temporal and the mail server before it returns."""
_LOOK_SECONDS = 20.0
"""How long a sent notice waits for the sheet before it is recorded."""
_UNCHARGED = (Stage.SKIPPED, Stage.NOTHING_DUE, Stage.CARRIED_FORWARD)


class _Ledger(Accounts, BrakeStore, MessageStore, MonthHistory, MonthStore, Protocol):
    """The stores it uses."""


class NoticeActivities:
    def __init__(
        self, mails: CustomerMails, alerts: Alerts, ledger: _Ledger, comparer: SheetComparer, bills: Bills
    ) -> None:
        self._alerts = alerts
        self._bills = bills
        self._comparer = comparer
        self._mails = mails
        self._ledger = ledger

    @activity.defn
    async def send_notice(self, month: Month) -> Delivered:
        """Sends the charge notice, or the bill; alerts the reviewers if the sheet has changed since the draft.

        A bill closes the month: what is owed is collected from then on. If that fails, the workflow does it.

        Raises ``MailRefused`` if the address takes no mail, ``NoticeOutdated`` if the charge date is now too soon,
        ``BrakeOn`` if the emergency brake is on. A repeat after a lost answer sends the same mail with the same
        Message-ID.
        """
        assert month.notice is not None
        if billed := await self._billed_before(month):
            return billed.evolve(closed=await self._closes(month.delivered(billed)))
        await self._ledger.record(month, clock.now())
        await check_brake_for(self._ledger, month)
        if clock.now() + month.customer.terms.min_notice > month.notice.charge_at:
            raise NoticeOutdated("the notice could not be sent in time for its charge date; another one follows")
        change = await self._correction(month, month.customer.email or "")
        if month.customer.card:
            await self._mails.to_customer(CustomerMailKind.NOTICE, month, month.notice.number, correction=change)
        else:
            await self._bills.send(month, change)
        delivered = await self._compared(month, Delivered(at=clock.now()))
        announced = month.delivered(delivered)
        if announced.is_closed:
            await record(self._ledger, announced)
            return delivered.evolve(closed=await self._closes(announced))
        await self._ledger.record(announced, delivered.at)
        return delivered

    async def _billed_before(self, month: Month) -> Delivered | None:
        """The delivery of an earlier attempt that was lost after it had recorded the bill."""
        recorded = None if month.customer.card else await self._ledger.month(month.customer_id, month.period)
        if recorded is None or recorded.closed is None or recorded.outcome is not Stage.BILLED:
            return None
        delivered = Delivered(at=recorded.closed.at, compared=True, drift=recorded.drift)
        return delivered if month.delivered(delivered) == recorded else None

    async def _closes(self, billed: Month) -> bool:
        """Does what follows from the bill; False if that fails, then the workflow does it."""
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                if billed.leaving or not await self._bills.collect(billed):
                    await self.close_month(billed)
        except Exception as error:  # any error: the bill was sent, and that has to be returned
            reason = error if isinstance(error, BillingError) else type(error).__name__
            activity.logger.warning("not closed with its bill: %s", reason)
            return False
        return True

    async def _compared(self, month: Month, delivered: Delivered) -> Delivered:
        """Adds how the sheet differs from the notice, and alerts the reviewers; unchanged if the sheet cannot be read.

        Neither stops the notice: changes that nobody applies before the charge are on the next invoice.
        """
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                comparison = await self._comparer.compare(month, since_notice(month, clock.now()))
        except (BillingError, TimeoutError) as error:
            activity.logger.warning("not compared with the sheet: %s", error)
            return delivered
        drift = in_words(comparison.changes, month.customer.currency) if comparison else None
        if drift:
            with suppress(BillingError):  # probably in the outbox; recorded with the month in any case
                await self._alerts.tell(of_drift(month, drift, clock.now()))
        return delivered.evolve(compared=True, drift=drift or None)

    @activity.defn
    async def close_month(self, month: Month) -> None:
        """Records the outcome, then sends the receipt or decline notice; a refused mail is recorded as failed.

        What is owed of a bill is collected; the receipt is for one that credit has paid.

        A customer with a notice of a charge that is not made is told so. Raises ``BrakeOn`` if a month without a charge
        is not closed yet and the emergency brake is on: its outcome may be wrong, too.
        """
        if month.outcome in (Stage.NOTHING_DUE, Stage.CARRIED_FORWARD) and month.closed and not month.closed.charge:
            recorded = await self._ledger.month(month.customer_id, month.period)
            if recorded is None or recorded.outcome is None:
                await check_brake(self._ledger)
        await record(self._ledger, month)
        await self._alert_balance(month)
        if month.outcome is Stage.BILLED:
            if not await self._bills.collect(month):
                await self._bills.thank(month)
            return
        kind = _CLOSING.get(month.outcome) if month.outcome else None
        withdrawn = await self._correction(month) if month.outcome in _UNCHARGED else None
        if withdrawn is not None:
            kind = CustomerMailKind.WITHDRAWN
        if kind is None or (kind is CustomerMailKind.NOTHING_DUE and not month.customer.terms.nothing_due_email):
            return
        unpaid = await self._bills.unpaid(month) if kind is CustomerMailKind.DECLINE else None
        try:
            await self._mails.to_customer(kind, month, 1, unpaid, withdrawn)
        except MailRefused as error:
            activity.logger.warning("closing mail refused: %s", error)

    async def _alert_balance(self, month: Month) -> None:
        """Alerts the reviewers to a balance that no next month carries forward."""
        if not month.leaving:
            return
        balance = await self._ledger.balance(month.customer_id)
        if balance.credits:
            amount = ", ".join(format_amount(minor, currency) for currency, minor in balance.credits.items())
            text = f"the account closes with a balance of {amount}, which nobody bills or pays back; settle it by hand"
            with suppress(BillingError):  # probably in the outbox
                await self._alerts.tell(of_report(month.customer_id, month.period, 1, text, clock.now()))

    async def _correction(self, month: Month, to: str = "") -> Correction | None:
        """The change since the last mail to the customer about this month."""
        if month.invoice is None:
            return None
        messages = await self._ledger.messages(month.customer_id, month.period)
        versions = await self._ledger.versions(month.customer_id, month.period) if messages else []
        return correction(month.invoice, messages, versions, to)

    @activity.defn
    async def alert_reviewers(self, month: Month) -> None:
        """Alerts the reviewers to ``month``, with the next digest."""
        now = clock.now()
        await self._ledger.record(month, now)
        await self._alerts.tell(of_month(month, now))
