"""The pages of banks' registers: what is open of a day, and people who book it or leave it out."""

from datetime import date

from billing.reviewers.users import Role
from bootstrap_registers import connect_register_desk
from settings import Settings
from tests.console.paying import Person, alerts, ann, desk, signed_in
from tests.console.people import Office

__all__ = ["ann", "desk"]  # fixtures

PAGE = "/desk/money/registers"
DAY = date(2026, 11, 20)
HERE = f"{PAGE}/bank-app/{DAY}"
BOOK = {"reference": "101", "reason": "by the register", "seen": "2550"}
FILE = b"txn_id,account,sum,txn_date\n101,1000009,25.50,2026-11-20 12:00:00\n102,1000009,4.00,2026-11-20 12:01:00\n"


async def take(desk: Office) -> None:
    from tests.contract.ledger_fixtures import LATER

    await desk.ledger.open_number("acme", "1000009", "ann", "contract", LATER)
    registers = connect_register_desk(Settings(_env_file=None), desk.ledger)
    await registers.take("bank-app", DAY, "r.csv", FILE, "ann", LATER)


async def test_a_missing_payment_is_booked_and_another_left_out_by_people_who_say_why(
    desk: Office, ann: Person
) -> None:
    assert "No register yet" in await ann.page(PAGE)
    await take(desk)
    assert "to be looked at 2 missing (29.50 EUR)" in await ann.page(PAGE)
    assert "Payment 101 missing The register has it, the journal does not." in await ann.page(HERE)
    page = await ann.post(f"{HERE}/confirm", BOOK)
    assert "Payment 101" not in page
    assert "1 confirmed (25.50 EUR), 1 missing (4.00 EUR)" in page
    again = await ann.post(f"{HERE}/confirm", BOOK)
    assert again == page, "a double click changes nothing"
    page = await ann.post(f"{HERE}/reject", {"reference": "102", "reason": "the bank's test"})
    assert "Nothing is open" in page
    assert any("ann leaves 4.00 EUR" in text for text in await alerts(desk))
    assert (await desk.ledger.balance("acme")).credits["eur"] <= -2550


async def test_what_cannot_be_done_is_said(desk: Office, ann: Person) -> None:
    await take(desk)
    page = await ann.post(f"{HERE}/confirm", BOOK | {"reason": " "}, 422)
    assert "Nothing was changed. Say why" in page
    page = await ann.post(f"{HERE}/confirm", BOOK | {"reference": "4711"}, 422)
    assert "No register of bank-app has 4711" in page
    page = await ann.post(f"{HERE}/confirm", BOOK | {"seen": "1000"}, 422)
    assert "has changed since: the register has 25.50 EUR now; look at it again" in page
    assert "The page is too old" in await ann.post(f"{HERE}/confirm", BOOK | {"seen": ""}, 422)
    for path in (f"{PAGE}/cash/{DAY}", f"{PAGE}/bank-app/tomorrow", f"{PAGE}/bank-app/0001-01-01"):
        assert "There is no such register" in await ann.page(path, 404)


async def test_older_days_are_on_pages_of_their_own(desk: Office, ann: Person) -> None:
    from tests.contract.ledger_fixtures import LATER

    registers = connect_register_desk(Settings(_env_file=None), desk.ledger)
    for number in range(1, 16):
        content = f"txn_id,account,sum,txn_date\n{number},1000009,1.00,2026-11-{number:02}\n".encode()
        await registers.take("bank-app", date(2026, 11, number), f"{number}.csv", content, "ann", LATER)
    page = await ann.page(PAGE)
    assert "2026-11-15" in page
    assert "2026-11-01" not in page
    older = await ann.page(f"{PAGE}?before=2026-11-02")
    assert "2026-11-01" in older
    assert "2026-11-15" not in older
    assert "2026-11-15" in await ann.page(f"{PAGE}?before=tomorrow")


async def test_a_reviewer_sees_it_and_only_an_approver_books(desk: Office) -> None:
    await take(desk)
    async with signed_in(desk, "eve", Role.REVIEWER) as eve:
        assert "Book it" not in await eve.page(HERE)
        answer = await eve.browser.post(f"{HERE}/confirm", data=BOOK)
        assert answer.status_code == 403
    assert (
        await desk.ledger.register_day(
            connect_register_desk(Settings(_env_file=None), desk.ledger).terms("bank-app"), DAY
        )
    ).open
