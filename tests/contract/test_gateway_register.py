"""The gateway's list held against its clearing account: what is certain is taken in, the rest is for people."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, time, timedelta

import pytest

from activities.registers.gateways import GatewayRegister
from activities.registers.processors import RegisterResult
from billing.accounting.discrepancy import DiscrepancyKind
from billing.payments.gateway import GatewayTransaction
from billing.period import Period
from billing.receivables.incoming import IncomingPayment
from tests.contract.gateway_fixtures import RAIL, Company, company, shop, stand

__all__ = ["company", "shop", "stand"]  # fixtures


async def compared(company: Company) -> RegisterResult:
    return await GatewayRegister(company.gateway, company.ledger).compare(Period.at(datetime.now(UTC), "UTC"))


def sums(result: RegisterResult) -> list[tuple[str, int | None, int]]:
    return [(total.currency, total.register_minor, total.clearing_minor) for total in result.rails]


async def test_what_agrees_is_no_finding(company: Company) -> None:
    await company.stand.pay(await company.open())
    await company.stand.pay_static("", "5.00", "UAH")
    await company.read()
    result = await compared(company)
    assert (result.findings, sums(result)) == ([], [("eur", 1000, 1000), ("uah", 500, 500)])


async def test_what_the_journal_lacks_is_taken_in(company: Company) -> None:
    link = await company.open()
    await company.stand.pay(link)
    await company.stand.control("orders", reference=link.checkout_id, refund="4.00")
    result = await compared(company)
    (finding,) = result.findings
    assert finding.repaired
    assert "the processor has 6.00 EUR" in finding.text
    assert await company.booked() == [-400, 1000]
    assert sums(result) == [("eur", 600, 600)]
    assert (await compared(company)).findings == []


async def test_a_refund_that_nobody_called_back_is_taken_in(company: Company) -> None:
    link = await company.open()
    await company.stand.pay(link)
    await company.read()
    await company.stand.control("orders", reference=link.checkout_id, refund="4.00")
    (finding,) = (await compared(company)).findings
    assert (finding.repaired, finding.kind) == (True, DiscrepancyKind.AMOUNT)
    assert await company.booked() == [-400, 1000]


async def test_what_only_the_journal_has_is_for_a_person(company: Company) -> None:
    invented = IncomingPayment(
        rail=RAIL,
        reference="nobody knows this",
        customer_id="acme",
        amount_minor=700,
        currency="eur",
        paid_at=datetime.now(UTC),
    )
    await company.ledger.book(invented, company.clock())
    result = await compared(company)
    (finding,) = result.findings
    assert not finding.repaired
    assert "the processor has nothing of nobody knows this" in finding.text
    assert sums(result) == [("eur", 0, 700)]


async def test_one_that_cannot_be_read_is_a_finding_and_the_others_are_compared(company: Company) -> None:
    first, second = [await company.stand.pay_static("", amount) for amount in ("1.00", "2.00")]
    await company.read()
    await company.stand.control("orders", reference=first, list_row={"amount": "much"})
    result = await compared(company)
    texts = [finding.text for finding in result.findings]
    assert any(first in text for text in texts)
    assert not any(second in text for text in texts)
    assert sums(result) == [("eur", 300, 300)], "its own state is asked for"


async def test_a_gateway_that_does_not_answer_is_a_finding(company: Company) -> None:
    await company.stand.fails("html_502", "TRANSACTION_LIST")
    (finding,) = (await compared(company)).findings
    assert finding.kind is DiscrepancyKind.FAILED
    assert "no answer from WayForPay" in finding.text


@pytest.mark.parametrize("status", ["Declined", "InProcessing", "Expired"])
async def test_attempts_that_brought_nothing_are_in_no_book(company: Company, status: str) -> None:
    link = await company.open()
    await company.stand.control("orders", reference=link.checkout_id, status=status)
    result = await compared(company)
    assert (result.findings, sums(result)) == ([], [])


async def test_a_refund_of_unknown_amount_that_cannot_be_looked_up_is_a_finding(company: Company) -> None:
    await company.stand.pay_static("", "2.00")
    link = await company.open()
    await company.stand.pay(link)
    await company.read()
    await company.stand.control("orders", reference=link.checkout_id, refund="4.00")
    await company.stand.control("refund-words", in_status="none")
    (finding,) = (await compared(company)).findings
    assert finding.kind is DiscrepancyKind.FAILED
    assert link.checkout_id in finding.text


async def test_a_refund_that_is_in_the_books_is_no_finding(company: Company) -> None:
    link = await company.open()
    await company.stand.pay(link)
    await company.stand.control("orders", reference=link.checkout_id, refund="4.00")
    await company.read()
    result = await compared(company)
    assert (result.findings, sums(result)) == ([], [("eur", 600, 600)])


async def test_a_payment_of_another_month_that_went_back_is_compared_in_its_own(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = await company.open()
    await company.stand.pay(link)
    await company.stand.control("orders", reference=link.checkout_id, refund="4.00")
    month, paid = Period.at(datetime.now(UTC), "UTC"), await company.shop.transaction(link.checkout_id)
    await company.gateway.take(paid, company.clock())
    created = datetime.combine(month.first_day, time(), UTC) - timedelta(hours=1)  # by which it is listed since

    async def transactions(since: datetime, until: datetime) -> AsyncIterator[GatewayTransaction]:
        yield paid.evolve(paid_at=created)

    monkeypatch.setattr(company.shop, "transactions", transactions)
    register = GatewayRegister(company.gateway, company.ledger)
    result = await register.compare(month.previous())
    assert (result.findings, sums(result)) == ([], [])
    assert sums(await register.compare(month)) == [("eur", 600, 600)]
