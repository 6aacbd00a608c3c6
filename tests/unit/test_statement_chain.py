"""The chain of an account's files, and what two bank accounts in the settings have to differ in."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from billing.payments.rails import Rail, RailKind
from billing.statements.bank_account import BankAccount
from billing.statements.chain import gaps, parts_beside, parts_within, same_as
from billing.statements.outcomes import FileHead
from billing.statements.statement import FileFormat
from process.settings.checks import check_bank_accounts

AT = datetime(2026, 12, 1, tzinfo=UTC)


def file(since: int, until: int, opening: int | None, closing: int | None, lines: int = 1) -> FileHead:
    return FileHead(
        rail="bank",
        digest=f"{since} {until} {lines}",
        name="x",
        file_format=FileFormat.MT940,
        reading="mt940",
        currency="eur",
        since=date(2026, 11, since),
        until=date(2026, 11, until),
        opening_minor=opening,
        closing_minor=closing,
        lines=lines,
        by="ann",
        at=AT,
        done_at=AT,
    )


def test_files_that_follow_each_other_have_no_gap_in_whatever_order_they_came() -> None:
    days = [file(1, 1, 0, 5), file(2, 2, 5, 7), file(4, 6, 7, 9)]
    assert gaps(days) == gaps(days[::-1]) == []


def test_a_missing_day_is_a_gap_until_it_is_imported() -> None:
    days = [file(1, 1, 0, 5), file(4, 6, 7, 9)]
    (gap,) = gaps(days)
    assert gap == (date(2026, 11, 1), date(2026, 11, 4), 5, 7)
    assert gaps([*days, file(2, 3, 5, 7)]) == []


def test_a_longer_file_of_the_day_takes_the_place_of_the_shorter_and_other_formats_do_not_count() -> None:
    assert gaps([file(1, 1, 0, 5), file(1, 1, 0, 8, lines=2), file(2, 2, 8, 9), file(2, 2, None, None)]) == []


def test_a_day_in_parts_has_no_gap_and_a_part_that_is_missing_is_one() -> None:
    """In whatever order, and however many lines each part has."""
    morning, noon, evening = file(2, 2, 5, 9, lines=7), file(2, 2, 9, 7, lines=2), file(2, 2, 7, 8)
    around = [file(1, 1, 0, 5), file(3, 3, 8, 9)]
    assert gaps([*around, morning, noon, evening]) == gaps([evening, noon, *around, morning]) == []
    assert gaps([*around, morning, evening])[0] == (date(2026, 11, 2), date(2026, 11, 2), 5, 7)


def test_parts_of_a_day_are_beside_each_other_and_a_file_that_may_have_the_same_lines_is_not() -> None:
    first, second, third = (file(1, 1, *balances) for balances in ((0, 5), (5, 7), (7, 9)))
    first, second, third = (each.evolve(digest=str(i)) for i, each in enumerate((first, second, third)))
    files = [first, second, third]
    assert [parts_beside(each, files) for each in files] == [{"1", "2"}, {"0", "2"}, {"0", "1"}]
    assert parts_beside(file(1, 1, 0, 7), files) == {"2"}
    assert parts_beside(file(2, 2, 5, 8), files) == parts_beside(file(1, 1, 5, 5), [file(1, 1, 5, 8)]) == set()
    assert parts_beside(file(1, 1, 5, 8), [file(1, 1, 2, 3), file(1, 30, 0, 5)]) == set(), "by chance"


def test_a_longer_file_has_the_lines_of_those_that_begin_alike_and_one_with_the_same_balances_has_all() -> None:
    short, long, other = file(1, 1, 0, 5), file(1, 2, 0, 8, lines=3), file(1, 1, 1, 5)
    assert parts_within(long, [short, long, other]) == {short.digest}
    assert (
        parts_within(short, [long]) == parts_within(file(1, 2, 0, 8), [long.evolve(until=date(2026, 11, 2))]) == set()
    )
    assert same_as(file(1, 2, 0, 8), [short, long]) == long
    assert same_as(file(1, 2, 0, 8, lines=4), [long]) is None
    assert same_as(file(1, 2, 0, 8), [long.evolve(done_at=None)]) is None


RAILS = {
    "bank": Rail(kind=RailKind.STATEMENTS),
    "b2": Rail(kind=RailKind.STATEMENTS),
    "app": Rail(kind=RailKind.BILLER),
}


def account(number: str = "KZ1", **settlements: Any) -> BankAccount:
    given = {"account": number, "currency": "kzt", "timezone": "Asia/Almaty", "settlements": settlements}
    return BankAccount.model_validate(given)


@pytest.mark.parametrize(
    ("accounts", "why"),
    [
        ({"bank": account()}, "set BILLING_BANK_ACCOUNTS too"),
        ({"bank": account(), "b2": account("kz 1")}, "name one account"),
        ({"bank": account(), "b2": account("2"), "app": account("3")}, "names app, which is no rail"),
        ({"bank": account(), "b2": account("2", cash={"text": "x"})}, "cash, whose settlements b2 gets"),
        ({"bank": account(), "b2": account("2", bank={"text": "x"})}, "bank, whose settlements b2 gets"),
    ],
)
def test_accounts_that_do_not_fit_the_rails_are_refused(accounts: dict[str, BankAccount], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        check_bank_accounts(RAILS, accounts, False)


def test_a_settlement_has_to_be_known_by_something() -> None:
    with pytest.raises(ValueError, match="name the payer or words of the text"):
        account(app={"most_percent": "3"})
    check_bank_accounts(RAILS, {"bank": account(app={"payer": "Bank"}), "b2": account("2")}, False)
