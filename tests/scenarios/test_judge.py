"""The judge names what a broken build does: defects planted into the real application, one at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

import adapters.sql.ledger
from activities import notices, payments
from adapters.mail.smtp_mail import SmtpMail
from adapters.sheets.google_sheets import GoogleSheetsSales
from adapters.sql.payments import collections
from adapters.sql.receivables import incoming, journal
from adapters.stripe.payments import StripePayments
from billing.collections import commands as collection_review
from billing.collections.collection import Collection
from billing.collections.commands import WriteOff
from billing.commands import Command, Halt
from billing.customers.customer import ReviewMode, Terms
from billing.customers.schedule import Schedule
from billing.errors import PaymentUnknown, SalesUnavailable
from billing.invoices import review
from billing.invoices.commands import Edit
from billing.invoices.invoice import ChangeLine, Invoice
from billing.invoices.month import Month
from billing.mails.mail import CustomerMail, CustomerMailKind
from billing.payments.payment import ChargeResult, ChargeStatus, Payment, PaymentRequest
from billing.payments.ports import StillWanted
from billing.period import Period
from billing.receivables.incoming import IncomingPayment
from billing.receivables.journal import Balance, Cause, Subject, Transaction
from billing.reviewers.alerts import Alert
from billing.reviewers.digest import Digest
from billing.sales.sales import SalesSnapshot
from bootstrap import connect_checkouts
from sandbox.judge.expected import LATE
from sandbox.judge.gather import gather
from sandbox.judge.judge import PromiseResult, judge
from services import checkouts
from services.alerts import Alerts
from services.checkouts import LinkBooks
from services.customer_mails import CustomerMails
from services.sheet_comparison import LateItems, SheetComparer
from tests.bed import Bed, now
from tests.paying import link_for, pay_by

ANN: dict[str, Any] = {"by": "ann", "reason": "review"}
SEPTEMBER, PERIOD = Period("2026-09"), Period("2026-10")

Story = Callable[[Bed], Awaitable[None]]
Plant = Callable[[pytest.MonkeyPatch, Bed], None]


# -- what happens


async def an_uneventful_month(bed: Bed) -> None:
    await bed.monitored()
    await bed.announced()
    await bed.closed()


async def the_answer_to_the_charge_is_lost(bed: Bed) -> None:
    await bed.stripe_fault(path="/confirm$", kind="drop_after")
    await an_uneventful_month(bed)


async def the_sheet_changes_for_a_while(bed: Bed) -> None:
    await bed.monitored()
    await bed.announced()
    bed.sales(PERIOD, ("acme@example.com", "250", "Sale 1"))
    await bed.closed()
    bed.sales(PERIOD, ("acme@example.com", "100", "Sale 1"))


async def the_charge_is_planned_for_the_day_after_the_notice(bed: Bed) -> None:
    await bed.monitored(terms=Terms(schedule=Schedule(charge_days=1)))
    await bed.announced()
    await bed.closed()


async def the_sheet_is_down_for_a_moment(bed: Bed) -> None:
    await bed.sheets_fault(path="/values/", kind="status", status=503, times=2)  # one would not agree with the next
    await bed.monitored()
    await bed.closed("acme", PERIOD)


async def a_reviewer_halts_and_leaves(bed: Bed) -> None:
    await bed.monitored()
    month = await bed.announced()
    assert (await bed.command("acme", Halt(**ANN))).accepted
    await bed.skip_to("acme", month.charge_at)
    await bed.until("acme", lambda month: month.alerts > 0 or month.period != PERIOD)


async def nobody_approves(bed: Bed) -> None:
    month = await bed.monitored(terms=Terms(review_mode=ReviewMode.APPROVE))
    await bed.skip_to("acme", month.notice_at)
    month = await bed.until("acme", lambda month: month.alerts > 0 or month.announced)
    if month.announced:
        await bed.closed()


async def a_reviewer_edits(bed: Bed) -> None:
    await bed.monitored()
    change = ChangeLine(line_id="row-2", amount_minor=9000)
    assert (await bed.command("acme", Edit(**ANN, period=PERIOD, version=1, changes=(change,)))).accepted
    await bed.announced()
    await bed.closed()


async def a_reviewer_edits_after_the_notice(bed: Bed) -> None:
    await bed.monitored()
    await bed.announced()
    change = ChangeLine(line_id="row-2", amount_minor=9000)
    assert (await bed.command("acme", Edit(**ANN, period=PERIOD, version=1, changes=(change,)))).accepted
    await bed.until("acme", lambda month: month.announced)
    await bed.closed()


async def the_card_is_declined(bed: Bed) -> None:
    await bed.monitored(card="pm_card_chargeCustomerFail")
    await bed.announced()
    await bed.closed()


async def what_is_owed_is_written_off(bed: Bed) -> None:
    await the_card_is_declined(bed)
    await say_of_what_is_owed(bed, WriteOff(**ANN))


async def what_is_owed_is_transferred(bed: Bed) -> None:
    await the_card_is_declined(bed)
    await at_rest(bed)
    now = datetime.now(UTC)
    transfer = IncomingPayment(
        rail="transfer",
        reference="bank 1",
        customer_id="acme",
        subject=Subject.month(PERIOD),
        amount_minor=10000,
        currency="eur",
        paid_at=now,
        **ANN,
    )
    assert await bed.ledger.book(transfer, now)
    await bed.collects(lambda found: found.entry_count > 0)
    await at_rest(bed)


async def the_customer_is_reminded(bed: Bed) -> None:
    await the_card_is_declined(bed)
    await at_rest(bed)
    await bed.skip_collection(timedelta(days=4))
    await at_rest(bed)


async def what_is_owed_is_paid_by_link(bed: Bed) -> None:
    """On the way the link before it is declined, too."""
    await the_card_is_declined(bed)
    await at_rest(bed)
    link = await link_for(bed, period=PERIOD)
    await pay_by(link, "pm_card_chargeCustomerFail")
    await pay_by(link)
    await connect_checkouts(bed.settings, bed.adapters).look_up(str(link.session_id), now())


async def nobody_may_try_what_is_owed(bed: Bed) -> None:
    await the_card_is_declined(bed)
    await say_of_what_is_owed(bed, Halt(**ANN))
    for days in (4, 2):
        await bed.skip_collection(timedelta(days=days))
        await at_rest(bed)


async def say_of_what_is_owed(bed: Bed, command: Command) -> None:
    await at_rest(bed)
    assert (await bed.tell(command, period=PERIOD)).accepted
    await at_rest(bed)


async def at_rest(bed: Bed) -> None:
    """Until the collection is settled and has said so, or waits for what is yet to come; and the ledger knows."""

    def rests(found: Collection) -> bool:
        return found.outcome is not None or found.due(found.alerted_at or found.since).step is None

    while True:
        found = await bed.collects(rests)
        known = await bed.ledger.collection("acme", PERIOD)
        if found.outcome is not None:
            await bed.collection_handle().result()
            return
        if known is not None and known.revision == found.revision:
            return
        await asyncio.sleep(0.02)


async def a_small_amount_is_carried_forward(bed: Bed) -> None:
    await bed.monitored(sales=("0.30",), period=SEPTEMBER)
    bed.sales(PERIOD, ("acme@example.com", "10", "Hosting"))
    await bed.closed()
    await bed.drafted("acme", PERIOD)
    await bed.announced()
    await bed.closed()


async def a_sale_comes_late(bed: Bed) -> None:
    """After the draft of September, which is charged without it; reviewers are told, and October has it."""
    await bed.monitored(period=SEPTEMBER)
    bed.sales(SEPTEMBER, ("acme@example.com", "100", "Sale 1"), ("acme@example.com", "1234.50", LATE))
    bed.sales(PERIOD, ("acme@example.com", "10", "Hosting"))
    await bed.announced()
    await bed.closed("acme", SEPTEMBER)
    await bed.drafted("acme", PERIOD)
    await bed.announced()
    await bed.closed()


async def the_reply_to_the_receipt_is_lost(bed: Bed) -> None:
    await bed.monitored()
    await bed.announced()
    await bed.mail_faults({"action": "drop_reply", "recipient": "acme@example.com"})
    await bed.closed()


# -- what is broken


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

    async def lose(self: SmtpMail, letter: CustomerMail, still_wanted: StillWanted) -> None:
        if letter.kind is not CustomerMailKind.NOTICE:
            await send(self, letter, still_wanted)

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


def forgets_the_balance(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    patch.setattr(Balance, "carried_minor", lambda self, currency: 0)


def posts_all_but(cause: Cause) -> Plant:
    def plant(patch: pytest.MonkeyPatch, bed: Bed) -> None:
        post = journal.post

        def without(connection: Connection, posted: Iterable[Transaction]) -> None:
            post(connection, [transaction for transaction in posted if transaction.cause is not cause])

        for module in (journal, incoming, adapters.sql.ledger, collections):
            patch.setattr(module, "post", without)

    plant.__name__ = f"posts_no_{cause}"
    return plant


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


def tries_what_is_halted(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    apply = collection_review._apply

    def without_hold(collection: Collection, command: Command, now: datetime) -> tuple[Collection, str]:
        decided, text = apply(collection, command, now)
        return decided.evolve(halt=None), text

    patch.setattr(collection_review, "_apply", without_hold)


def tells_nobody_what_is_halted(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    patch.setattr(Collection, "_alert_at", lambda self, now: None)


def takes_links_for_cards(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    incoming_of = Payment.incoming
    patch.setattr(Payment, "incoming", lambda self, at: incoming_of(self, at).evolve(rail="stripe"))


def books_no_link(patch: pytest.MonkeyPatch, bed: Bed) -> None:
    async def forget(ledger: LinkBooks, payment: Payment, now: datetime) -> bool:
        return False

    patch.setattr(checkouts, "take_in", forget)


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


DEFECTS: list[tuple[Story, Plant, str]] = [
    (the_answer_to_the_charge_is_lost, charges_again_instead_of_looking_up, "nobody is charged twice"),
    (the_sheet_changes_for_a_while, reads_the_amount_from_the_sheet_again, "charges equal the sheet"),
    (an_uneventful_month, sends_no_notice, "no charge without an earlier notice"),
    (the_charge_is_planned_for_the_day_after_the_notice, charges_too_soon, "no charge without an earlier notice"),
    (the_sheet_is_down_for_a_moment, takes_a_failed_read_for_an_empty_sheet, "every customer has one outcome"),
    (a_reviewer_halts_and_leaves, halts_without_effect, "nothing is charged that was skipped, halted"),
    (a_reviewer_halts_and_leaves, tells_reviewers_nothing, "every customer is in the next month"),
    (a_reviewer_halts_and_leaves, alerts_nobody, "every customer is in the next month"),
    (an_uneventful_month, tells_reviewers_nothing, "everything that reviewers were to be told"),
    (nobody_approves, needs_no_approval, "every command took effect"),
    (an_uneventful_month, leaves_a_month_out, "every customer is in the next month"),
    (a_reviewer_edits, bills_without_the_edit, "charges equal the sheet"),
    (an_uneventful_month, forgets_the_receipt, "every outcome is told"),
    (the_card_is_declined, takes_a_decline_for_a_payment, "every customer has one outcome"),
    (a_small_amount_is_carried_forward, forgets_the_balance, "charges equal the sheet"),
    (a_small_amount_is_carried_forward, posts_all_but(Cause.DRAFT), "the journal has every movement"),
    (a_small_amount_is_carried_forward, posts_all_but(Cause.CARRY), "charges equal the sheet"),
    (a_reviewer_edits_after_the_notice, posts_all_but(Cause.VOID), "the journal has every movement"),
    (an_uneventful_month, posts_all_but(Cause.PAYMENT), "the journal has every movement"),
    (what_is_owed_is_written_off, posts_all_but(Cause.WRITE_OFF), "the journal has every movement"),
    (a_sale_comes_late, forgets_what_came_late, "charges equal the sheet"),
    (a_sale_comes_late, bills_at_once_what_came_late, "charges equal the sheet"),
    (what_is_owed_is_written_off, writes_nothing_off, "every command took effect"),
    (what_is_owed_is_transferred, writes_nothing_off, "every command took effect"),
    (what_is_owed_is_paid_by_link, takes_links_for_cards, "the journal has every movement"),
    (what_is_owed_is_paid_by_link, books_no_link, "the journal has every movement"),
    (nobody_may_try_what_is_owed, tries_what_is_halted, "every command took effect"),
    (the_customer_is_reminded, reminds_twice_a_day, "nobody is reminded of what they owe twice"),
    (nobody_may_try_what_is_owed, tells_nobody_what_is_halted, "every customer is in the next month"),
]


@pytest.mark.parametrize("story", {story: None for story, _, _ in DEFECTS}, ids=lambda story: story.__name__)
async def test_the_judge_finds_nothing_wrong_with_the_real_build(bed: Bed, story: Story) -> None:
    await story(bed)
    assert await _broken(bed) == []


@pytest.mark.parametrize(("story", "plant", "broken"), DEFECTS, ids=lambda value: getattr(value, "__name__", ""))
async def test_the_judge_names_the_defect_of_a_build_that(
    bed: Bed, monkeypatch: pytest.MonkeyPatch, story: Story, plant: Plant, broken: str
) -> None:
    plant(monkeypatch, bed)
    await story(bed)
    found = await _broken(bed)
    assert any(check.name.startswith(broken) for check in found), found


async def _broken(bed: Bed) -> list[PromiseResult]:
    await bed.digests()
    begun = {row.period for row in await bed.ledger.invoices()}
    evidence = await gather(bed.folder, bed.ledger, *(period for period in (SEPTEMBER, PERIOD) if period in begun))
    return [check for check in judge(evidence) if not check.ok]
