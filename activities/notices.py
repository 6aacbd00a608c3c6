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
from billing.reviewers.alerts import of_drift, of_month, of_report
from billing.reviewers.ports import BrakeStore
from billing.sales.late_sales import in_words
from services import clock
from services.alerts import Alerts
from services.customer_mails import CustomerMails
from services.shared_sales import since_notice
from services.sheet_comparison import SheetComparer

_CLOSING = {
    Stage.PAID: CustomerMailKind.RECEIPT,
    Stage.PAST_DUE: CustomerMailKind.DECLINE,
    Stage.AUTHENTICATION_REQUIRED: CustomerMailKind.DECLINE,
    Stage.NEEDS_CARD: CustomerMailKind.DECLINE,
    Stage.NOTHING_DUE: CustomerMailKind.NOTHING_DUE,
}
_LOOK_SECONDS = 20.0
"""How long a notice that has left waits for the sheet, before it is on record."""
_UNCHARGED = (Stage.SKIPPED, Stage.NOTHING_DUE, Stage.CARRIED_FORWARD)


class _Ledger(BrakeStore, MessageStore, MonthHistory, MonthStore, Protocol):
    """What is needed of the ledger here."""


class NoticeActivities:
    def __init__(self, letters: CustomerMails, alerts: Alerts, ledger: _Ledger, comparing: SheetComparer) -> None:
        self._alerts = alerts
        self._comparing = comparing
        self._letters = letters
        self._ledger = ledger

    @activity.defn
    async def send_notice(self, month: Month) -> Delivered:
        """Tells the customer what will be charged and when; and the reviewers, if the sheet says otherwise by now.

        Raises ``MailRefused`` if the address takes no mail, ``NoticeOutdated`` if its charge date is too soon by now,
        ``BrakeOn`` if the emergency brake stops it.
        A repeat after a lost answer sends the same mail with the same Message-ID again.
        """
        assert month.notice is not None
        await self._ledger.record(month, clock.now())
        await check_brake_for(self._ledger, month)
        if clock.now() + month.customer.terms.min_notice > month.notice.charge_at:
            raise NoticeOutdated("the notice could not be handed over in time for its charge date; another one follows")
        corrects = await self._correction(month, month.customer.email)
        await self._letters.to_customer(CustomerMailKind.NOTICE, month, month.notice.number, correction=corrects)
        delivered = await self._compared(month, Delivered(at=clock.now()))
        await self._ledger.record(month.delivered(delivered), delivered.at)
        return delivered

    async def _compared(self, month: Month, delivered: Delivered) -> Delivered:
        """With what the sheet says and the notice did not, of which reviewers are told; unchanged if it cannot be read.

        Neither stops the notice: what nobody takes in before the charge is on the next invoice.
        """
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                comparison = await self._comparing.compare(month, since_notice(month, clock.now()))
        except (BillingError, TimeoutError) as error:
            activity.logger.warning("not compared with the sheet: %s", error)
            return delivered
        drift = in_words(comparison.changes, month.customer.currency) if comparison else None
        if drift:
            with suppress(BillingError):  # in the outbox, most likely; and on record with the month
                await self._alerts.tell(of_drift(month, drift, clock.now()))
        return delivered.evolve(compared=True, drift=drift or None)

    @activity.defn
    async def close_month(self, month: Month) -> None:
        """Records the outcome, then sends the receipt or decline notice; one that is refused is on record as failed.

        Who was told of a charge that is not made after all is told that. Raises ``BrakeOn`` if a month without a charge
        has not been closed yet and the emergency brake is on: what it came to may be wrong, too.
        """
        if month.outcome in (Stage.NOTHING_DUE, Stage.CARRIED_FORWARD) and month.closed and not month.closed.charge:
            known = await self._ledger.month(month.customer.customer_id, month.period)
            if known is None or known.outcome is None:
                await check_brake(self._ledger)
        await record(self._ledger, month)
        await self._tell_what_is_left(month)
        kind = _CLOSING.get(month.outcome) if month.outcome else None
        withdrawn = await self._correction(month) if month.outcome in _UNCHARGED else None
        if withdrawn is not None:
            kind = CustomerMailKind.WITHDRAWN
        if kind is None or (kind is CustomerMailKind.NOTHING_DUE and not month.customer.terms.nothing_due_email):
            return
        try:
            await self._letters.to_customer(kind, month, 1, correction=withdrawn)
        except MailRefused as error:
            activity.logger.warning("closing mail refused: %s", error)

    async def _tell_what_is_left(self, month: Month) -> None:
        """The reviewers, of a balance that no next month takes over."""
        if month.leaving and month.balance_forward_minor:
            amount = format_amount(month.balance_forward_minor, month.customer.currency)
            text = f"the account closes with a balance of {amount}, which nobody bills or pays back; settle it by hand"
            with suppress(BillingError):  # in the outbox, most likely
                now = clock.now()
                await self._alerts.tell(of_report(month.customer.customer_id, month.period, 1, text, now))

    async def _correction(self, month: Month, to: str = "") -> Correction | None:
        """What the ledger knows that the customer was told of this month, and what has changed since."""
        if month.invoice is None:
            return None
        whose = month.customer.customer_id, month.period
        messages = await self._ledger.messages(*whose)
        versions = await self._ledger.versions(*whose) if messages else []
        return correction(month.invoice, messages, versions, to)

    @activity.defn
    async def alert_reviewers(self, month: Month) -> None:
        """Tells the reviewers, with the next digest, what waits for them in ``month``."""
        now = clock.now()
        await self._ledger.record(month, now)
        await self._alerts.tell(of_month(month, now))
