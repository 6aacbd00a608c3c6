"""The desk's upload of bank statements: what became of each line, and what is refused."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from billing.receivables.incoming import IncomingPayment
from billing.receivables.journal import AccountKind
from billing.receivables.payment_list import PaymentFilter
from billing.reviewers.users import Role
from billing.statements.statement import FILE_MAX_BYTES
from bootstrap_statements import SANDBOX_ACCOUNT
from tests import statement_samples as samples
from tests.console.paying import LATE, MONEY, Person, ann, desk, signed_in
from tests.console.people import Office
from tests.console.reviewing import fields, readable

__all__ = ["ann", "desk"]  # fixtures

IMPORT = f"{MONEY}/import"


def statement(*documents: str, **balances: str) -> bytes:
    balances = {"opening": "", "closing": ""} | balances
    return samples.one_c(*documents, **balances).replace(samples.OWN, SANDBOX_ACCOUNT).encode("cp1251")


async def upload(person: Person, content: bytes, status: int = 200, name: str = "day.txt", **typed: str) -> str:
    page = await person.browser.get(IMPORT)
    form: dict[str, Any] = {**fields(page.text, IMPORT), **typed}
    answer = await person.browser.post(IMPORT, data=form, files={"file": (name, content)})
    assert answer.status_code == status, readable(answer.text)
    return readable(answer.text)


async def test_a_statement_is_imported_once_and_shows_what_became_of_its_lines(desk: Office, ann: Person) -> None:
    content = statement(
        samples.one_c_document("77", "50.00", "acme"), samples.one_c_document("78", "5.00", "<b>who</b>")
    )
    rehearsed = await upload(ann, content, rehearse="1")
    assert "Nothing was booked yet" in rehearsed
    assert (await desk.ledger.balance("acme")).owed != ()
    page = await upload(ann, content)
    assert "Imported. day.txt: 2 lines" in page
    assert "<b>who</b>" in page, "shown as text, not as markup"
    assert (await desk.ledger.balance("acme")).owed == ()
    again = await upload(ann, content, name="renamed.txt")
    assert "2 known before" in again
    assert "Every line was known before" in again
    assert "by ann" in again
    assert "Import a statement" in await ann.page()


async def test_what_is_no_statement_is_refused_in_words_and_leaves_no_trace(desk: Office, ann: Person) -> None:
    foreign = samples.one_c(samples.one_c_document("1", "5.00", "x")).encode()
    for content, why in (
        (b"", "The file is empty"),
        (foreign, "is the statement of account"),
        (statement(samples.one_c_document("1", "5.00", "x"))[:-20], "cut off"),
        (statement(samples.one_c_document("1", "5.00", "x"), opening="1.00", closing="7.00"), "do not add up"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "declares a document type or entities"),
        (b"a;b\n1;2\n", "--map date="),
    ):
        assert why in await upload(ann, content, 422), why
    assert "maps nothing" in await upload(ann, b"a;b\n1;2\n", 422, map="nonsense")
    assert "is no bank account" in await upload(ann, foreign, 422, rail="cash")
    assert await desk.ledger.statement_files() == []


async def test_a_large_file_is_read_and_one_that_is_too_large_is_not(desk: Office, ann: Person) -> None:
    padded = statement(samples.one_c_document("1", "5.00", "x")).replace(b"\r", b"") + b"\n" * 3_000_000
    assert "Imported" in await upload(ann, padded)
    assert "a statement 20 MB at most" in await upload(ann, b"x" * (FILE_MAX_BYTES + 1), 422)
    answer = await ann.browser.post(IMPORT, content=b"x" * 22_000_000, headers={"content-type": "text/plain"})
    assert answer.status_code == 413


async def test_whoever_may_not_record_money_does_not_import(desk: Office) -> None:
    async with signed_in(desk, "vic", Role.VIEWER) as vic:
        assert "Import a statement" not in await vic.page()
        assert (await vic.browser.get(IMPORT)).status_code == 403
        assert (await vic.browser.post(IMPORT, files={"file": ("a", b"b")})).status_code == 403


async def test_a_payout_that_fitted_nothing_is_settled_by_an_approver_on_its_page(desk: Office, ann: Person) -> None:
    receipt: dict[str, Any] = {
        "customer_id": None,
        "amount_minor": 10_000,
        "currency": "eur",
        "paid_at": LATE - timedelta(days=2),
    }
    await desk.ledger.book(IncomingPayment(rail="bank-app", reference="1", **receipt), LATE)
    async with signed_in(desk, "bob") as bob:
        await upload(bob, statement(samples.one_c_document("9", "90.00", "settlement bank-app")))
    (row,) = (await desk.ledger.incoming_payments(PaymentFilter(rail="bank", unmatched=True))).rows
    here = f"{MONEY}/payment?{urlencode({'rail': row.rail, 'digest': row.digest})}"
    form = {"rail": row.rail, "digest": row.digest, "of": "bank-app", "fee": "10.00", "reason": "a dear month"}
    settle = f"{MONEY}/payment/settle"
    assert "Payout of a rail" in await ann.page(here)
    for wrong, why in (
        ({"fee": "10.01"}, "ank-app has 100.00 EUR that"),
        ({"of": "cash"}, "hands over nothing"),
        ({"fee": "x"}, "is not an amount"),
        ({"reason": " "}, "Say why"),
    ):
        assert why in await ann.post(settle, form | wrong, 422), why
    async with signed_in(desk, "eve", Role.REVIEWER) as eve:
        assert "Payout of a rail" not in await eve.page(here)
        assert (await eve.browser.post(settle, data=form)).status_code == 403
    page = await ann.post(settle, form)
    assert "Unmatched nothing" in page
    assert "Settled by ann a dear month" in page
    assert await ann.post(settle, form) == page, "a double click changes nothing"
    sums = {(total.kind, total.rail): total.closing_minor for total in await desk.ledger.trial_balance()}
    assert sums[AccountKind.CLEARING, "bank-app"] == 0
    assert sums[AccountKind.FEE, "bank-app"] == 1000
