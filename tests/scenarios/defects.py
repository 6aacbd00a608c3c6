"""Defects that are planted into the real application: each function breaks one thing."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from activities import notices, payments
from adapters.mail.smtp_mail import SmtpMail
from adapters.sheets.google_sheets import GoogleSheetsSales
from adapters.stripe.payments import StripePayments
from billing.collections import commands as collection_review
from billing.collections.collection import Collection
from billing.collections.debt import Debt
from billing.commands import Command
from billing.customers.customer import Terms
from billing.errors import PaymentUnknown, SalesUnavailable
from billing.invoices import review
from billing.invoices.invoice import Invoice
from billing.invoices.month import Month
from billing.mails.mail import CustomerMail, CustomerMailKind, RenderedMail
from billing.payments.payment import ChargeResult, ChargeStatus, Payment, PaymentRequest
from billing.payments.ports import StillWanted
from billing.period import Period
from billing.reviewers.alerts import Alert
from billing.reviewers.digest import Digest
from billing.sales.sales import SalesSnapshot
from services.alerts import Alerts
from services.messages.customer_mails import CustomerMails
from services.sheet_comparison import LateItems, SheetComparer
from tests.bed import Bed
from tests.scenarios.stories import PERIOD


def charges_again_instead_of_looking_up(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    confirm = StripePayments.confirm

    async def again(self: StripePayments, payment: Payment, request: PaymentRequest, url: str = "") -> Payment:
        try:
            return await confirm(self, payment, request, url)
        except PaymentUnknown:
            request = request.evolve(key=f"{request.key}:again")
            return await confirm(self, await self.create(request), request, url)

    patch.setattr(StripePayments, "confirm", again)


def reads_the_amount_from_the_sheet_again(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    request_for = payments.request_for

    def from_sheet(month: Month) -> PaymentRequest:
        _, row = (bed.folder / "sheets" / "sales" / f"{month.period}.csv").read_text().splitlines()
        return request_for(month).evolve(amount_minor=int(row.split(",")[1]) * 100)

    patch.setattr(payments, "request_for", from_sheet)


def sends_no_notice(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    send = SmtpMail.send

    async def lose(self: SmtpMail, letter: CustomerMail, composed: RenderedMail, still_wanted: StillWanted) -> None:
        if letter.kind is not CustomerMailKind.NOTICE:
            await send(self, letter, composed, still_wanted)

    patch.setattr(SmtpMail, "send", lose)


def tells_reviewers_nothing(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    async def lose(self: SmtpMail, digest: Digest) -> None:
        return

    patch.setattr(SmtpMail, "tell", lose)


def alerts_nobody(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    async def forget(self: Alerts, alert: Alert) -> None:
        return

    patch.setattr(Alerts, "tell", forget)


def charges_too_soon(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    patch.setattr(Terms, "min_notice", property(lambda self: timedelta()))


def takes_a_failed_read_for_an_empty_sheet(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    read = GoogleSheetsSales.read

    async def empty(self: GoogleSheetsSales, period: Period) -> SalesSnapshot:
        try:
            return await read(self, period)
        except SalesUnavailable:
            return SalesSnapshot(sheet=period, digest="", rows=())

    patch.setattr(GoogleSheetsSales, "read", empty)


def halts_without_effect(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    patch.setattr(review, "_halt", lambda month, command, now: (month, "halted"))


def needs_no_approval(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    patch.setattr(Month, "_lacks_approval", lambda self, now: False)


def leaves_a_month_out(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    patch.setattr(Month, "next_month", lambda self: Month.open(self.customer, self.period.next().next()))


def bills_without_the_edit(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    patch.setattr(Invoice, "edited", lambda self, changes: self.evolve(version=self.version + 1))


def forgets_the_receipt(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    patch.setattr(notices, "_CLOSING", {})


def takes_a_decline_for_a_payment(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    charged = Month.charged

    def paid(self: Month, result: ChargeResult) -> Month:
        return charged(self, result.evolve(status=ChargeStatus.SUCCEEDED))

    patch.setattr(Month, "charged", paid)


def forgets_what_came_late(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    async def nothing(self: SheetComparer, month: Month, read_since: datetime) -> LateItems:
        return LateItems()

    patch.setattr(SheetComparer, "since", nothing)


def bills_at_once_what_came_late(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    """And again on the next invoice."""
    request_for = payments.request_for

    def with_late_sales(month: Month) -> PaymentRequest:
        request = request_for(month)
        return request.evolve(amount_minor=request.amount_minor + 123450) if month.period != PERIOD else request

    patch.setattr(payments, "request_for", with_late_sales)


def writes_nothing_off(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    patch.setattr(collection_review, "_released", lambda collection, debt, release: collection)


def counts_no_transfer(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    """The collection goes on with what it was told at its beginning."""
    patch.setattr(Debt, "counted", lambda self, *_: self)


def tries_what_is_halted(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    apply = collection_review._apply

    def without_hold(collection: Collection, command: Command, now: datetime) -> tuple[Collection, str]:
        decided, text = apply(collection, command, now)
        return decided.evolve(halt=None), text

    patch.setattr(collection_review, "_apply", without_hold)


def tells_nobody_what_is_halted(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    patch.setattr(Collection, "_alert_at", lambda self, now: None)


def reminds_twice_a_day(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    """Once for each month, say."""
    to_customer = CustomerMails.to_customer

    async def twice(
        self: CustomerMails, kind: CustomerMailKind, month: Month, number: int, *more: Any, **named: Any
    ) -> None:
        await to_customer(self, kind, month, number, *more, **named)
        if kind is CustomerMailKind.REMINDER:
            await to_customer(self, kind, month, number + 100, *more, **named)

    patch.setattr(CustomerMails, "to_customer", twice)
