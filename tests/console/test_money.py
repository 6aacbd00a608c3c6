"""The desk's pages about money: found, recorded, assigned, given back, by two people above a limit."""

import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from billing.invoices.commands import Delivered
from billing.invoices.month import Month
from billing.receivables.incoming import IncomingPayment
from billing.receivables.journal import PaymentName
from billing.receivables.payment_list import PAGE_ROWS, PaymentFilter
from billing.reviewers.users import Role
from tests.console.months import AT, month, settings
from tests.console.people import Office, office, signed_in_at
from tests.console.reviewing import fields, readable

MONEY, RECORD, PAYMENT = "/desk/money", "/desk/money/record", "/desk/money/payment"
LATE = AT + timedelta(days=60)
UNKNOWN = IncomingPayment(
    rail="transfer",
    reference="77 /31?",
    customer_id=None,
    amount_minor=5000,
    currency="eur",
    paid_at=AT,
    payer="A. <Nowak>",
    by="ann",
    reason="no reference",
)
FORM = {
    "rail": "transfer",
    "reference": "8001",
    "amount": "50.00",
    "currency": "eur",
    "customer": "acme",
    "month": "",
    "payer": "Acme SA",
    "paid_on": "",
    "reason": "statement",
}


def announced(customer_id: str = "acme", amount_minor: int = 5000) -> Month:
    drafted = month(customer_id, amount_minor)
    return drafted.announcing(drafted.notice_at).delivered(Delivered(at=drafted.notice_at))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Office]:
    chosen = settings(tmp_path).model_copy(update={"four_eyes_above": {"eur": 10_000}})
    async with office(chosen) as opened:
        await opened.ledger.record(announced(), AT)
        await opened.ledger.record(announced("bolt"), AT)
        yield opened


class Person:
    def __init__(self, browser: httpx.AsyncClient) -> None:
        self.browser = browser

    async def page(self, path: str = MONEY, status: int = 200, **query: Any) -> str:
        answer = await self.browser.get(path, params=query)
        assert answer.status_code == status, readable(answer.text)
        return readable(answer.text)

    async def payment(self, reference: str = UNKNOWN.reference, rail: str = "transfer") -> str:
        return await self.page(PAYMENT, rail=rail, reference=reference)

    async def form(self, action: str, reference: str = UNKNOWN.reference) -> dict[str, Any]:
        answer = await self.browser.get(PAYMENT, params={"rail": "transfer", "reference": reference})
        found = fields(answer.text, f"{PAYMENT}/{action}")
        assert "instruction_id" in found, readable(answer.text)
        return found

    async def send(self, action: str, status: int = 303, reference: str = UNKNOWN.reference, **typed: str) -> str:
        """Fills in a form on a payment's page and sends it; the page that it leads to."""
        form = await self.form(action, reference) | {"reason": "asked by phone"} | typed
        return await self.post(f"{PAYMENT}/{action}", form, status)

    async def post(self, path: str, form: dict[str, Any], status: int = 303) -> str:
        answer = await self.browser.post(path, data=form)
        assert answer.status_code == status, readable(answer.text)
        return await self.page(answer.headers["location"]) if status == 303 else readable(answer.text)


@asynccontextmanager
async def signed_in(desk: Office, name: str = "ann", role: Role = Role.APPROVER) -> AsyncIterator[Person]:
    async with signed_in_at(desk.url, desk.ledger, name, role) as browser:
        yield Person(browser)


@pytest.fixture
async def ann(desk: Office) -> AsyncIterator[Person]:
    async with signed_in(desk) as person:
        yield person


def listed(page: str) -> list[str]:
    return re.findall(r"\b(r\d+|unknown)\b", page)


async def alerts(desk: Office) -> list[str]:
    return [alert.text for alert in await desk.ledger.alerts()]


# -- the list


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
        ({"reference": "7" * 300}, "reference: String should have at most 255 characters"),
        ({"customer": "nobody"}, "The ledger does not know nobody"),
        ({"month": "soon"}, "is not a period"),
        ({"rail": "stripe"}, "Nobody records payments of 'stripe' by hand"),
        ({"reason": ""}, "Say why"),
        ({"paid_on": "2999-01-01"}, "is still to come"),
        ({"payer": "A" * 600}, "payer: String should have at most 500 characters"),
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
    assert "The money is in the books" in page
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
    assert "8001 (transfer) is another payment already, 50.00 EUR of acme" in page


# -- assigned


async def test_unmatched_money_is_split_among_customers(desk: Office, ann: Person) -> None:
    await desk.ledger.book(UNKNOWN, LATE)
    page = await ann.send("assign", customer="acme", amount="30.00", month="2026-11")
    assert "Done. Assigned to acme." in page
    assert "Assigned by ann asked by phone" in page
    page = await ann.send("assign", customer="bolt")
    assert "Unmatched nothing" in page
    record = await desk.ledger.incoming_payment(UNKNOWN.name)
    assert record is not None
    assert record.parts == {"acme": 3000, "bolt": 2000}
    assert (await desk.ledger.balance("acme")).owed[0].amount_minor == 5000, "not due yet: paid whole or not at all"


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"amount": "50.01"}, "50.01 EUR cannot be assigned: 50.00 EUR of payment"),
        ({"amount": "0"}, "0.00 EUR cannot be assigned"),
        ({"amount": "x"}, "is not an amount in EUR"),
        ({"customer": "nobody"}, "The ledger does not know nobody"),
        ({"customer": ""}, "Name a customer"),
        ({"month": "2026-13"}, "is not a period"),
        ({"reason": " "}, "reason: String should have at least 1 character"),
    ],
)
async def test_what_cannot_be_assigned_is_said_and_kept_in_the_form(
    desk: Office, ann: Person, typed: dict[str, str], said: str
) -> None:
    await desk.ledger.book(UNKNOWN, LATE)
    form = await ann.form("assign") | {"customer": "acme", "reason": "asked by phone"} | typed
    answer = await ann.browser.post(f"{PAYMENT}/assign", data=form)
    assert answer.status_code == 422
    assert said in readable(answer.text)
    if "reason" not in typed:
        assert 'value="asked by phone"' in answer.text
    record = await desk.ledger.incoming_payment(UNKNOWN.name)
    assert record is not None
    assert record.unmatched_minor == 5000


async def test_money_assigned_to_somebody_elses_debt_is_credit_and_a_person_is_told(desk: Office, ann: Person) -> None:
    await desk.ledger.book(UNKNOWN, LATE)
    page = await ann.send("assign", customer="bolt", month="2026-12")
    assert "Bolt owes nothing for the month 2026-12" in page
    assert (await desk.ledger.balance("bolt")).credits == {"eur": -5000}
    assert any("bolt owes nothing" in text for text in await alerts(desk))


async def test_a_double_click_assigns_once(desk: Office, ann: Person) -> None:
    await desk.ledger.book(UNKNOWN, LATE)
    form = await ann.form("assign") | {"customer": "acme", "amount": "20", "reason": "asked"}
    for _ in range(2):
        await ann.post(f"{PAYMENT}/assign", form)
    record = await desk.ledger.incoming_payment(UNKNOWN.name)
    assert record is not None
    assert record.unmatched_minor == 3000


# -- given back


async def test_money_goes_back_by_hand_and_never_more_than_is_left(desk: Office, ann: Person) -> None:
    await ann.post(RECORD, FORM)
    page = await ann.send("refund", reference="8001", amount="20", refund_reference="9001")
    assert "Done. Given back as 9001." in page
    assert "Went back €20.00" in page
    page = await ann.send("refund", 422, reference="8001", amount="30.01", refund_reference="9002")
    assert "30.01 EUR cannot be given back: of payment 8001 (transfer) are left: 30.00 EUR acme" in page
    page = await ann.send("refund", 422, reference="8001", amount="1", refund_reference="9001")
    assert "9001 (transfer) is in the books already" in page
    page = await ann.send("refund", 422, reference="8001", amount="1", refund_reference=" ")
    assert "name the refund by the bank's reference" in page
    assert "refund of 8001" in await ann.payment("9001")


# -- two people


async def test_a_large_sum_is_proposed_by_one_and_confirmed_by_another(desk: Office, ann: Person) -> None:
    await desk.ledger.book(UNKNOWN.evolve(amount_minor=20_000), LATE)
    page = await ann.send("assign", customer="acme")
    assert "Proposed. It is more than one person decides" in page
    assert "You cannot confirm it: ann has proposed it" in page
    assert "Waits for a person 1" in await ann.page()
    (waiting,) = await desk.ledger.instructions()
    by_ann = {"rail": "transfer", "reference": UNKNOWN.reference, "reason": "mine"}
    page = await ann.post(f"{PAYMENT}/confirm", by_ann | {"instruction_id": waiting.instruction_id}, 422)
    assert "somebody else has to confirm it" in page
    async with signed_in(desk, "rob", Role.REVIEWER) as rob:
        assert "Confirm" not in await rob.payment()
    async with signed_in(desk, "bob") as bob:
        page = await bob.send("confirm", reason="compared")
        assert "Done. Assigned to acme" in page
        assert "confirmed by bob: compared" in page
        audit = await bob.page("/desk/audit")
    for words in ("propose to assign", "confirm", "assign payment", "compared"):
        assert words in audit
    assert "Waits for a person" not in await ann.page()


async def test_a_proposal_is_rejected_and_moves_nothing(desk: Office, ann: Person) -> None:
    await desk.ledger.book(UNKNOWN.evolve(amount_minor=20_000), LATE)
    await ann.send("refund", refund_reference="9001")
    (waiting,) = await desk.ledger.instructions()
    form = {"rail": "transfer", "reference": UNKNOWN.reference, "instruction_id": waiting.instruction_id}
    assert "Say why" in await ann.post(f"{PAYMENT}/reject", form, 422)
    page = await ann.post(f"{PAYMENT}/reject", form | {"reason": "not theirs"})
    assert "rejected by ann: not theirs" in page
    assert await desk.ledger.incoming_payment(PaymentName("transfer", "9001")) is None
    unknown = form | {"instruction_id": uuid.uuid4().hex, "reason": "x"}
    assert "There is no instruction" in await ann.post(f"{PAYMENT}/confirm", unknown, 422)


# -- one payment, one account


async def test_an_account_shows_what_is_owed_and_every_movement(desk: Office, ann: Person) -> None:
    page = await ann.page(f"{MONEY}/accounts/acme")
    assert "month 2026-11" in page
    assert "€50.00" in page
    assert "Notice" in page
    await ann.post(RECORD, FORM | {"amount": "60.00"})
    page = await ann.page(f"{MONEY}/accounts/acme")
    assert "Credit for the next draft" in page
    assert "8001" in page
    assert "ann: statement" in page
    assert "There is no such account" in await ann.page(f"{MONEY}/accounts/nobody", 404)


async def test_what_is_not_there_is_said(ann: Person) -> None:
    assert "There is no such payment" in await ann.page(PAYMENT, 404, rail="transfer", reference="none")
    assert "There is no such payment" in await ann.page(PAYMENT, 404)
    for action in ("assign", "refund", "confirm", "reject"):
        answer = await ann.browser.get(f"{PAYMENT}/{action}")
        assert (answer.status_code, answer.headers["location"]) == (303, MONEY)
