"""Months of customers without a card: the notice is the bill, and closes the month; what is owed then is collected."""

from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.testing import ActivityEnvironment

from billing.collections.commands import WriteOff
from billing.collections.stages import CollectionStage
from billing.commands import Halt, Resume
from billing.customers.customer import CustomerChanges
from billing.invoices.commands import Delivered, Edit, UpdateCustomer
from billing.invoices.invoice import AddLine
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.mails.mail import CustomerMailKind, MessageRow
from billing.period import Period
from billing.receivables.incoming import IncomingPayment
from billing.receivables.journal import Subject
from services import clock
from tests.bed import OCTOBER, Bed
from tests.typed import typed as starter
from tests.workflows.test_closed_with_its_charge import notices

NOVEMBER = "2026-11"
OF_OCTOBER = Subject.month(Period(OCTOBER))
BY: dict[str, Any] = {"by": "ann", "reason": "as agreed"}


async def billed(bed: Bed, customer_id: str, **fields: Any) -> Month:
    """October of somebody who gets bills, once it is closed."""
    await bed.monitored(customer_id, payment_method={"kind": "bill"}, **fields)
    return await bed.closed(customer_id)


def money(customer_id: str, amount_minor: int, reference: str) -> IncomingPayment:
    return IncomingPayment(
        rail="transfer",
        reference=reference,
        customer_id=customer_id,
        subject=OF_OCTOBER,
        amount_minor=amount_minor,
        currency="eur",
        paid_at=datetime.now(UTC),
        **BY,
    )


async def mails_of(bed: Bed, customer_id: str) -> list[MessageRow]:
    return await bed.ledger.messages(customer_id, Period(OCTOBER))


async def kinds(bed: Bed, customer_id: str) -> list[CustomerMailKind]:
    return [row.kind for row in await mails_of(bed, customer_id)]


async def test_a_bill_closes_its_month_and_is_collected_from_the_day_it_is_due(bed: Bed) -> None:
    month = await billed(bed, "bill-due")
    assert month.outcome is Stage.BILLED
    assert month.closed
    assert month.notice
    assert month.notice.charge_at >= month.closed.at + month.customer.terms.min_notice
    collection = await bed.collects(lambda found: True, "bill-due")
    (debt,) = collection.debts
    assert (debt.method, debt.by_card, debt.amount_minor) == (None, False, 10_000)
    assert collection.since == month.notice.charge_at
    assert collection.stage(month.closed.at) is CollectionStage.AWAITING_PAYMENT
    balance = await bed.ledger.balance("bill-due")
    assert [(item.amount_minor, item.due_at) for item in balance.owed] == [(10_000, month.notice.charge_at)]
    (mail,) = await mails_of(bed, "bill-due")
    assert mail.subject.startswith("Bill for October 2026: €100.00, due on ")
    assert "card" not in mail.text
    assert "1 billed" in (await starter(bed, "coverage", "--period", OCTOBER))[1]


async def test_a_bill_that_is_paid_in_two_parts_before_it_is_due_has_one_receipt(bed: Bed) -> None:
    month = await billed(bed, "bill-parts")
    assert month.closed
    await bed.collects(lambda found: True, "bill-parts")
    await bed.ledger.book(money("bill-parts", 4_000, "first"), month.closed.at)
    await bed.collects(lambda found: found.open_debts[0].outstanding_minor == 6_000, "bill-parts")
    await bed.ledger.book(money("bill-parts", 6_500, "second"), month.closed.at)
    collection = await bed.collection_handle("bill-parts").result()
    assert collection.outcome is CollectionStage.RECOVERED
    assert sorted(await kinds(bed, "bill-parts")) == [CustomerMailKind.NOTICE, CustomerMailKind.RECEIPT]
    assert (await bed.ledger.balance("bill-parts")).owed_for(OF_OCTOBER, "eur") == 0


async def test_credit_pays_a_bill_and_nothing_is_collected(bed: Bed) -> None:
    await bed.monitored("bill-credit", payment_method={"kind": "bill"})
    await bed.ledger.book(money("bill-credit", 12_000, "early"), datetime.now(UTC))
    month = await bed.closed("bill-credit")
    assert month.outcome is Stage.BILLED
    assert await bed.ledger.debts(customer_id="bill-credit") == []
    assert (await bed.ledger.balance("bill-credit")).owed_for(OF_OCTOBER, "eur") == 0
    assert sorted(await kinds(bed, "bill-credit")) == [CustomerMailKind.NOTICE, CustomerMailKind.RECEIPT]
    _, output = await starter(bed, "reconcile", "--period", OCTOBER)
    assert "nobody collected it" not in output
    assert "1 paid" in (await starter(bed, "coverage", "--period", OCTOBER))[1]


async def test_a_part_that_came_before_the_bill_is_used_with_it(bed: Bed) -> None:
    await bed.monitored("bill-part", payment_method={"kind": "bill"})
    await bed.ledger.book(money("bill-part", 4_000, "early"), datetime.now(UTC))
    await bed.closed("bill-part")
    collection = await bed.collects(lambda found: found.debts[0].outstanding_minor == 6_000, "bill-part")
    assert len(collection.open_debts) == 1


async def test_a_bill_is_halted_and_edited_in_its_window(bed: Bed) -> None:
    month = await bed.monitored("bill-edit", payment_method={"kind": "bill"})
    await bed.command("bill-edit", Halt(**BY))
    await bed.skip_to("bill-edit", month.notice_at + timedelta(days=1))
    assert await kinds(bed, "bill-edit") == []
    lines = (AddLine(description="Router", amount_minor=2_000),)
    await bed.command("bill-edit", Edit(period=Period(OCTOBER), version=1, changes=lines, **BY))
    await bed.command("bill-edit", Resume(**BY))
    month = await bed.closed("bill-edit")
    assert (month.outcome, month.invoice and month.invoice.total_minor) == (Stage.BILLED, 12_000)
    assert await kinds(bed, "bill-edit") == [CustomerMailKind.NOTICE]


async def test_what_is_owed_for_a_bill_is_written_off(bed: Bed) -> None:
    await billed(bed, "bill-off")
    await bed.collects(lambda found: True, "bill-off")
    answer = await bed.tell(WriteOff(**BY), "bill-off")
    assert answer.accepted, answer.result
    collection = await bed.collection_handle("bill-off").result()
    assert collection.outcome is CollectionStage.WRITTEN_OFF
    assert (await bed.ledger.balance("bill-off")).owed == ()
    assert await kinds(bed, "bill-off") == [CustomerMailKind.NOTICE]


async def test_from_bills_to_a_card_and_back_between_months(bed: Bed) -> None:
    card = (await bed.customer("bill-card")).card_on_file
    bed.sales(NOVEMBER, ("bill-card@example.com", "50", "Tea"))
    await billed(bed, "bill-card")
    await bed.drafted("bill-card", NOVEMBER)
    changed = CustomerChanges(payment_method=card)
    assert (await bed.command("bill-card", UpdateCustomer(changes=changed, **BY))).accepted
    november = await bed.closed("bill-card")
    assert november.outcome is Stage.PAID
    (debt,) = (await bed.collection("bill-card")).open_debts
    assert (debt.period, debt.outstanding_minor) == (OCTOBER, 10_000)


async def test_a_bill_that_was_recorded_by_an_attempt_that_died_is_sent_once_and_collected(bed: Bed) -> None:
    month = await bed.monitored("bill-died", payment_method={"kind": "bill"})
    announced = month.announcing(month.notice_at)
    activities = notices(bed)

    async def attempt() -> Delivered:
        clock.begin()
        return await activities.send_notice(announced)

    first = await ActivityEnvironment().run(attempt)
    second = await ActivityEnvironment().run(attempt)
    assert (first.at, first.closed) == (second.at, second.closed)
    assert await kinds(bed, "bill-died") == [CustomerMailKind.NOTICE]
    assert len((await bed.collects(lambda found: True, "bill-died")).debts) == 1
