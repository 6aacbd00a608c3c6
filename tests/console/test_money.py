"""The desk's list of payments, the form that records one, and the page of an account."""

from datetime import timedelta
from typing import Any

import pytest

from adapters.sql.receivables import payment_list
from billing.receivables.payment_list import PAGE_ROWS, PaymentFilter
from billing.reviewers.users import Role
from tests.console.months import AT
from tests.console.paying import FORM, MONEY, PAYMENT, RECORD, UNKNOWN, Person, alerts, ann, desk, listed, signed_in
from tests.console.people import Office
from tests.console.reviewing import readable

__all__ = ["ann", "desk"]  # fixtures


async def test_payments_are_listed_with_the_unmatched_first_and_found(desk: Office, ann: Person) -> None:
    assert "No money has arrived yet" in await ann.page()
    await desk.ledger.book(UNKNOWN.evolve(reference="unknown"), AT)
    for number in range(3):
        payment = UNKNOWN.evolve(reference=f"r{number}", customer_id="acme", amount_minor=1250 + number, payer=None)
        await desk.ledger.book(payment, AT + timedelta(hours=number))
    assert listed(await ann.page()) == ["unknown", "r2", "r1", "r0"]
    queries: list[tuple[dict[str, Any], list[str]]] = [
        ({"search": "12.51"}, ["r1"]),
        ({"search": "nowak"}, ["unknown"]),
        ({"search": "acm"}, ["r2", "r1", "r0"]),
        ({"customer": "acme"}, ["r2", "r1", "r0"]),
        ({"unmatched": "1"}, ["unknown"]),
        ({"rail": "cash"}, []),
        ({"search": "x" * 5000, "page": "999999999999"}, []),
    ]
    for query, found in queries:
        assert listed(await ann.page(**query)) == found, query
    assert "No payment matches" in await ann.page(rail="cash")
    assert "A. <Nowak>" in await ann.page(), "shown as text, not as markup"


async def test_older_payments_are_a_page_away(desk: Office, ann: Person) -> None:
    for number in range(PAGE_ROWS + 2):
        payment = UNKNOWN.evolve(reference=f"r{number}", customer_id="acme", payer=None)
        await desk.ledger.book(payment, AT + timedelta(minutes=number))
    first, second = await ann.page(), await ann.page(page="2")
    assert listed(first)[0] == f"r{PAGE_ROWS + 1}"
    assert listed(second) == ["r1", "r0"]
    assert "Page 1 of 2" in first
    assert "There is no page 3" in await ann.page(page="3")


async def test_a_long_list_is_not_counted_to_its_end_and_has_pages_to_its_end(
    desk: Office, ann: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payment_list, "COUNTED_MOST", PAGE_ROWS)
    for number in range(PAGE_ROWS + 2):
        payment = UNKNOWN.evolve(reference=f"r{number}", customer_id="acme", payer=None)
        await desk.ledger.book(payment, AT + timedelta(minutes=number))
    first, second, third = [await ann.page(page=page) for page in ("1", "2", "3")]
    assert "100 of more than 100 Page 1 Next" in first
    assert listed(second) == ["r1", "r0"]
    assert "102 of 102 Previous Page 2 of 2" in second
    assert "There is no page 3" in third


async def test_who_may_not_sees_but_does_not_act(desk: Office) -> None:
    await desk.ledger.book(UNKNOWN, AT)
    async with signed_in(desk, "vic", Role.VIEWER) as vic:
        assert "Record a payment" not in await vic.page()
        shown = await vic.payment()
        assert "€50.00" in shown
        assert "Give back" not in shown
        for path in (RECORD, f"{PAYMENT}/assign", f"{PAYMENT}/refund", f"{PAYMENT}/confirm", f"{PAYMENT}/reject"):
            assert (await vic.browser.post(path, data=FORM)).status_code == 403
    async with signed_in(desk, "rob", Role.REVIEWER) as rob:
        shown = await rob.payment()
        assert "Assign" in shown
        assert "Give back" not in shown
        assert (await rob.browser.post(f"{PAYMENT}/refund", data=FORM)).status_code == 403
        del rob.browser.headers["X-CSRF-Token"]
        assert (await rob.browser.post(f"{PAYMENT}/assign", data=FORM)).status_code == 403
    assert len((await desk.ledger.incoming_payments(PaymentFilter())).rows) == 1


# -- recorded


async def test_a_payment_is_recorded_once_however_often_the_form_is_sent(desk: Office, ann: Person) -> None:
    for _ in range(2):
        page = await ann.post(RECORD, FORM | {"month": "2026-11", "paid_on": "2026-11-02"})
        assert "Payment 8001" in page
        assert "acme receivable, month 2026-11 €50.00" in page
    assert await alerts(desk) == []
    assert "Nothing is owed on either side" in await ann.page(f"{MONEY}/accounts/acme")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"amount": "0"}, "0 is no payment"),
        ({"amount": str(2**53 + 1)}, "is more than any amount"),
        ({"amount": "12,50"}, "write it like 1234.50"),
        ({"currency": "xxx"}, "not a currency"),
        ({"reference": " "}, "The reference is empty"),
        ({"reference": "7" * 300}, "Reference: String should have at most 255 characters"),
        ({"customer": "nobody"}, "The ledger does not know nobody"),
        ({"month": "soon"}, "is not a period"),
        ({"rail": "stripe"}, "Payments on 'stripe' are not recorded by hand"),
        ({"reason": ""}, "Say why"),
        ({"paid_on": "2999-01-01"}, "is still to come"),
        ({"payer": "A" * 600}, "Payer: String should have at most 500 characters"),
    ],
)
async def test_what_cannot_be_recorded_is_said_and_kept_in_the_form(
    desk: Office, ann: Person, typed: dict[str, str], said: str
) -> None:
    answer = await ann.browser.post(RECORD, data=FORM | {"payer": "Acme SA"} | typed)
    assert answer.status_code == 422
    assert said in readable(answer.text)
    if "payer" not in typed:
        assert 'value="Acme SA"' in answer.text
    assert (await desk.ledger.incoming_payments(PaymentFilter())).rows == ()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"currency": "usd"}, "who is billed in EUR: no draft will use it"),
        ({"month": "2026-12"}, "Acme owes nothing for the month 2026-12"),
        ({"customer": ""}, "nobody knows whose it is"),
    ],
)
async def test_money_in_doubt_is_in_the_books_and_a_person_is_told(
    desk: Office, ann: Person, typed: dict[str, str], said: str
) -> None:
    page = await ann.post(RECORD, FORM | typed, 200)
    assert "The money is booked. Please check:" in page
    assert said in page
    assert len((await desk.ledger.incoming_payments(PaymentFilter())).rows) == 1
    assert any(said.removeprefix("Acme ") in text for text in await alerts(desk))


async def test_the_same_money_under_another_reference_is_booked_and_told(desk: Office, ann: Person) -> None:
    await ann.post(RECORD, FORM)
    page = await ann.post(RECORD, FORM | {"reference": "8002"}, 200)
    assert "is equal to 8001 (transfer), booked before" in page
    assert len((await desk.ledger.incoming_payments(PaymentFilter())).rows) == 2
    assert any("is equal to 8001" in text for text in await alerts(desk))


async def test_another_payment_under_a_known_reference_is_refused(ann: Person) -> None:
    await ann.post(RECORD, FORM)
    page = await ann.post(RECORD, FORM | {"amount": "51"}, 422)
    assert "8001 (transfer) is another payment already, of 50.00 EUR" in page


# -- one payment, one account


async def test_an_account_shows_what_is_owed_and_every_movement(desk: Office, ann: Person) -> None:
    page = await ann.page(f"{MONEY}/accounts/acme")
    assert "month 2026-11" in page
    assert "€50.00" in page
    assert "Notice" in page
    await desk.ledger.open_number("acme", "1000009", "ann", "contract 17", AT)
    assert "account number 1000009" in await ann.page(f"{MONEY}/accounts/acme")
    await ann.post(RECORD, FORM | {"amount": "60.00"})
    page = await ann.page(f"{MONEY}/accounts/acme")
    assert "Credit for the next draft" in page
    assert "8001" in page
    assert "ann: statement" in page
    assert "There is no such account" in await ann.page(f"{MONEY}/accounts/nobody", 404)


async def test_what_is_not_there_is_said(ann: Person) -> None:
    assert "There is no such payment" in await ann.page(PAYMENT, 404, rail="transfer", digest="none")
    assert "There is no such payment" in await ann.page(PAYMENT, 404)
    for action in ("assign", "refund", "confirm", "reject"):
        answer = await ann.browser.get(f"{PAYMENT}/{action}")
        assert (answer.status_code, answer.headers["location"]) == (303, MONEY)
