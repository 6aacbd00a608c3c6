"""What could stop the reading of a gateway's list does not: odd rows, outages, clocks; and what is odd is told."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.errors import AlertUnavailable, PaymentRejected, PaymentUnknown, PaymentUnreadable
from tests.contract.gateway_fixtures import RAIL, Company, company, shop, stand

__all__ = ["company", "shop", "stand"]  # fixtures


@pytest.mark.parametrize("kind", ["unreadable", "refused", "unforeseen"])
async def test_one_that_cannot_be_looked_up_stops_no_other_and_is_told_once(
    company: Company, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    references = [await company.stand.pay_static("", amount) for amount in ("1.00", "2.00", "3.00")]
    await company.stand.control("orders", reference=references[1], refund="1.00")
    errors = {"unreadable": PaymentUnreadable, "refused": PaymentRejected, "unforeseen": RuntimeError}

    async def transaction(reference: str) -> Any:
        raise errors[kind](f"{reference}: odd")

    monkeypatch.setattr(company.shop, "transaction", transaction)
    for _ in range(3):
        await company.read()
    assert await company.booked() == [100, 300]
    assert len([text for text in await company.told() if references[1] in text]) == 1
    assert await company.ledger.read_until(RAIL) is not None


async def test_while_nobody_can_be_woken_everything_is_booked_and_kept_to_be_told(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    references = [await company.stand.pay_static("", amount) for amount in ("1.00", "2.00", "3.00")]
    await company.stand.control("orders", reference=references[0], list_row={"transactionStatus": "Invented"})

    async def wake() -> None:
        raise AlertUnavailable("Temporal is down")

    monkeypatch.setattr(company.alerts._digest, "wake", wake)
    await company.read()
    assert await company.booked() == [200, 300]
    assert await company.ledger.read_until(RAIL) is not None
    assert len([text for text in await company.told() if references[0] in text]) == 1


async def test_another_amount_by_a_known_reference_is_told_once(company: Company) -> None:
    reference = await company.stand.pay_static("", "5.00")
    await company.read()
    await company.stand.control("orders", reference=reference, list_row={"amount": "7.00"})
    for _ in range(3):
        await company.read()
    assert await company.booked() == [500]
    (text,) = [text for text in await company.told() if "7.00 EUR" in text]
    assert "5.00 EUR" in text
    assert reference in text


async def test_after_a_clock_that_was_a_year_ahead_reading_goes_on(company: Company) -> None:
    await company.reader.read(company.gateway, datetime.now(UTC) + timedelta(days=365))
    await company.stand.pay_static("", "5.00")
    await company.read()
    assert await company.booked() == [500]
    position = await company.ledger.read_until(RAIL)
    assert position is not None
    assert position < datetime.now(UTC) + timedelta(minutes=1)
    await company.stand.pay_static("", "6.00")
    await company.read()
    assert await company.booked() == [500, 600]


async def test_a_look_at_days_that_fails_holds_up_no_news(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    real, position = company.shop.transactions, datetime.now(UTC) - timedelta(minutes=5)
    await company.ledger.note_read_until(RAIL, position)
    await company.stand.pay_static("", "5.00")

    def transactions(since: datetime, until: datetime) -> Any:
        if until - since > timedelta(days=1):
            raise PaymentUnknown("too much")
        return real(since, until)

    monkeypatch.setattr(company.shop, "transactions", transactions)
    with pytest.raises(PaymentUnknown):
        await company.read()
    assert await company.booked() == [500]
    assert (await company.ledger.read_until(RAIL) or position) > position


async def test_days_in_which_the_first_looks_fail_are_read_once_they_work(company: Company) -> None:
    await company.stand.pay_static("", "5.00")
    await company.stand.fails("html_502", "TRANSACTION_LIST")
    now = datetime.now(UTC) + timedelta(seconds=1)
    with pytest.raises(PaymentUnknown):
        await company.reader.read(company.gateway, now)
    await company.reader.read(company.gateway, now + timedelta(days=3))
    assert await company.booked() == [500]
