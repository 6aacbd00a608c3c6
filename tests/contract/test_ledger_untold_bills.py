"""Bills that are owed and that nobody was told of; on SQLite and on PostgreSQL alike."""

import pytest

from activities.completeness import CompletenessActivities
from adapters.sheets.no_sales import NoSales
from adapters.sql.ledger import SqlLedger
from billing.completeness.bill_check import UntoldBill, bill_findings
from billing.completeness.report import FindingKind
from billing.customers.channels import Channel
from billing.customers.customer import Terms
from billing.invoices.month import Month
from billing.mails.mail import CustomerMail, CustomerMailKind, MessageStatus
from billing.payments.methods import BillPayer
from billing.period import Period
from billing.texts.text import Delivery, TextKind, TextStatus
from services.shared_sales import SharedSales
from tests.contract.journal_fixtures import announced, invoice_of, record
from tests.contract.ledger_fixtures import ACME, AT, DECEMBER, LATER, NOVEMBER
from tests.contract.service_fixtures import payment
from tests.contract.test_ledger_texts import begin, report, text
from wording.remedies import command_line

TELLING = [TextStatus.SENDING, TextStatus.SENT, TextStatus.DELIVERED]
NOVEMBERS = UntoldBill(customer_id="acme", period=NOVEMBER, currency="eur", owed_minor=1000)


def billed(period: Period = NOVEMBER) -> Month:
    """A month that was closed with its bill."""
    by_bill = {"payment_method": BillPayer(), "phone": "+77012345678", "terms": Terms(bill_by=(Channel.SMS,))}
    month = announced(Month.open(ACME.evolve(currency="eur", **by_bill), period).drafted(invoice_of(1000)))
    assert month.closed is not None
    return month


async def mailed(ledger: SqlLedger, month: Month, kind: CustomerMailKind, status: MessageStatus) -> None:
    assert month.closed is not None
    letter = CustomerMail(kind=kind, message_id=f"<{kind}@billing>", to=ACME.mailbox, month=month)
    await ledger.save_message(letter, 1, status, month.closed.at)


async def texted(ledger: SqlLedger, status: TextStatus, name: str = "t1", **changes: object) -> None:
    await begin(ledger, text(name, **changes))
    if status is not TextStatus.SENDING:
        await ledger.close_text(name, status, LATER)


async def test_a_bill_whose_only_text_failed_is_found_with_what_is_left_of_it(ledger: SqlLedger) -> None:
    await record(ledger, billed())
    await texted(ledger, TextStatus.SENT)
    assert await ledger.untold_bills() == []
    await ledger.take_report("t1", report(Delivery.FAILED), LATER)
    assert await ledger.untold_bills() == [NOVEMBERS]
    await ledger.book(payment(400), LATER)
    (bill,) = await ledger.untold_bills()
    assert bill.owed_minor == 600
    (finding,) = bill_findings([bill])
    assert (finding.kind, finding.customer_id) == (FindingKind.UNTOLD_BILL, "acme")
    assert finding.text == "acme owes 6.00 EUR for 2026-11, and was told of it by no mail and no text"
    assert list(map(command_line, finding.remedies)) == ["python starter.py show acme --period 2026-11"]
    await ledger.book(payment(600, "2"), LATER)
    assert await ledger.untold_bills() == [], "it is paid"


async def test_a_bill_whose_record_is_gone_is_found_and_one_that_was_told_is_not(ledger: SqlLedger) -> None:
    await record(ledger, billed(), billed(DECEMBER))
    await texted(ledger, TextStatus.DELIVERED, period=DECEMBER)
    assert await ledger.untold_bills() == [NOVEMBERS]


@pytest.mark.parametrize("status", TextStatus)
async def test_a_text_that_may_have_come_tells_of_the_bill(ledger: SqlLedger, status: TextStatus) -> None:
    await record(ledger, billed())
    await texted(ledger, status)
    assert await ledger.untold_bills() == ([] if status in TELLING else [NOVEMBERS])


@pytest.mark.parametrize("status", MessageStatus)
async def test_a_mail_that_was_sent_tells_of_the_bill(ledger: SqlLedger, status: MessageStatus) -> None:
    await record(ledger, billed())
    await mailed(ledger, billed(), CustomerMailKind.NOTICE, status)
    assert await ledger.untold_bills() == ([] if status is MessageStatus.SENT else [NOVEMBERS])


async def test_whoever_was_reminded_since_knows_of_the_bill_and_by_an_earlier_reminder_does_not(
    ledger: SqlLedger,
) -> None:
    month = billed()
    await record(ledger, month)
    assert month.closed is not None
    reminder = {"kind": TextKind.REMINDER, "period": Period("2026-10")}
    await texted(ledger, TextStatus.SENT, "before", **reminder)
    assert month.closed.at > AT
    await mailed(ledger, month, CustomerMailKind.RECEIPT, MessageStatus.SENT)
    assert await ledger.untold_bills() == [NOVEMBERS]
    await texted(ledger, TextStatus.SENT, "since", **reminder, began_at=month.closed.at)
    assert await ledger.untold_bills() == []


async def test_a_mail_that_reminds_tells_of_the_bill(ledger: SqlLedger) -> None:
    await record(ledger, billed())
    await mailed(ledger, billed(), CustomerMailKind.WARNING, MessageStatus.SENT)
    assert await ledger.untold_bills() == []


async def test_coverage_names_an_untold_bill_in_whatever_month_it_looks_at(ledger: SqlLedger) -> None:
    await record(ledger, billed())
    check = CompletenessActivities(ledger, SharedSales(NoSales(), ledger), None, None, unseen="not here")
    for period in (NOVEMBER, DECEMBER):
        found = (await check.look(period)).findings
        assert [finding.matter for finding in found if finding.kind is FindingKind.UNTOLD_BILL] == [
            "untold bill acme 2026-11"
        ]
