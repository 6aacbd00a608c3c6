"""What the texts of a line name, which sums a settlement fits, and that nothing is booked by its amount alone."""

# ruff: noqa: RUF001 - Cyrillic texts
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.receivables.journal import Balance, Outstanding, Subject
from billing.statements.keys import keyed
from billing.statements.matching import KnownPayer, LineFacts, Named, decide, owed_exactly
from billing.statements.outcomes import LineOutcome
from billing.statements.payouts import PayoutRule, Receipts, payout_of
from billing.statements.references import nobodys, references_of, without_personal_numbers
from billing.statements.statement import StatementLine

DAY, AT = date(2026, 11, 30), datetime(2026, 12, 1, tzinfo=UTC)
ORDER = Subject.order("1042")


def line(text: str = "", amount_minor: int = 10000, **changes: object) -> StatementLine:
    return StatementLine(booked_on=DAY, amount_minor=amount_minor, text=text).evolve(**changes)


@pytest.mark.parametrize(
    ("text", "orders"),
    [
        ("order 1042", {"1042"}),
        ("Оплата заказа № 1042", {"1042"}),
        ("счёт 7 от 28.11.2026", {"7"}),
        ("Rechnung Nr. 7", {"7"}),
        ("orders 1042, 1043 and 1044", {"1042", "1043", "1044"}),
        ("ORDER-1042/A", {"1042", "1042/A"}),
        ("order 1042-01", {"1042", "1042-01"}),
        ("INV-acme-2026-11", {"acme-2026", "acme-2026-11"}),
        ("дом № 12, кв. № 7", set()),
        ("договор № 1042 от 01.11.2026", set()),
        ("лицевой счет № 1042, перевод на счет 1043, р/счет 1044", set()),
        ("Musterstr. Nr. 12, 10115 Berlin", set()),
        ("Сумма 15000-00 тенге. Без НДС", set()),
        ("anna.berg@order-1042.kz", set()),
        ("за 1042.00 EUR, 1 042,00", set()),
    ],
)
def test_a_number_names_an_order_behind_a_word_only(text: str, orders: set[str]) -> None:
    assert references_of(line(text)).orders == orders


@pytest.mark.parametrize(
    ("text", "weak"),
    [
        ("договор № 1042 за 2026", {"1042"}),
        ("дом № 12, кв. № 7", set()),
        ("Сумма 15000-00 тенге, 1 042.00 EUR, 28.11.2026", set()),
        ("anna.berg@firm.kz", set()),
    ],
)
def test_other_numbers_may_name_an_order_and_amounts_days_years_and_addresses_do_not(text: str, weak: set[str]) -> None:
    assert {word for word in references_of(line(text)).weak if not word.isalpha()} == weak


def test_a_number_with_a_check_digit_and_an_id_with_a_sign_name_their_customer() -> None:
    assert references_of(line("za 79927\n398713")).accounts == {"79927398713"}
    assert references_of(line("phone 12344")).accounts == set()
    assert references_of(line("account no. 12344")).accounts == {"12344"}
    assert "acme-corp" in references_of(line("acme-corp")).customers
    assert "acme" in references_of(line("INV-acme-2026-11")).customers
    assert references_of(line("Anna Berg")).customers == set()
    assert references_of(line(" anna ")).customers == {"anna"}


def test_the_number_of_the_payers_document_names_nobody_unless_it_says_so() -> None:
    bare = references_of(line(number="1042", bank_reference="1043"))
    assert bare.papers == bare.words == {"1042", "1043"}
    assert references_of(line(number="ORDER-1042")).orders == {"1042"}


def named(*whom: Named, amount_minor: int = 10000) -> LineOutcome:
    facts = LineFacts(references_of(line()), named=frozenset(whom), balances={"b": owing(10000)}, currency="eur")
    return decide(line(amount_minor=amount_minor), facts).outcome


def test_a_weak_name_counts_alone_and_for_exactly_what_is_owed() -> None:
    order = Named("a", ORDER, is_weak=True, owed_minor=10000)
    assert named(order) is LineOutcome.BOOKED
    assert named(order, amount_minor=9900) is LineOutcome.UNMATCHED
    assert named(order, Named("a", Subject.order("7"), is_weak=True, owed_minor=500)) is LineOutcome.UNMATCHED
    assert named(order, Named("c", Subject.order("7"), is_weak=True)) is LineOutcome.BOOKED, "it owes nothing"
    assert named(Named("b", is_weak=True)) is LineOutcome.BOOKED
    assert named(order, Named("b", is_weak=True)) is LineOutcome.UNMATCHED


def test_a_month_is_named_and_a_day_is_not() -> None:
    assert references_of(line("Internet 2026-11")).months == {"2026-11"}
    assert references_of(line("Internet 2026-11-28")).months == set()


def test_a_long_text_names_a_limited_number_of_words() -> None:
    assert len(references_of(line(" ".join(f"w{number}" for number in range(600)))).customers) <= 200


def test_personal_numbers_keep_their_last_digits_only() -> None:
    assert without_personal_numbers("IIN 900101300007, card 900101300008") == "IIN ********0007, card 900101300008"
    assert without_personal_numbers("IIN 9001013\n00007 5") == "IIN 9001013\n00007 5", "thirteen digits"
    assert without_personal_numbers("IIN 9001013\n00007, A") == "IIN ********0007, A"
    assert nobodys("900101300007") == nobodys("IIN 900101300007").removeprefix("IIN ") == "********0007"
    assert nobodys("NB900101300007") == "NB900101300007", "a bank's own reference"


@given(st.integers(1, 10**9), st.booleans(), st.dictionaries(st.sampled_from(["a", "b"]), st.integers(0, 10**9)))
def test_nothing_is_booked_by_its_amount_alone(amount_minor: int, has_weak: bool, owed: dict[str, int]) -> None:
    balances = {who: owing(minor) for who, minor in owed.items() if minor}
    weak = frozenset({Named("a", ORDER, is_weak=True, owed_minor=amount_minor + 1)}) if has_weak else frozenset()
    paid = line(amount_minor=amount_minor)
    facts = LineFacts(references_of(paid), balances=balances, named=weak, currency="eur")
    assert decide(paid, facts).outcome is LineOutcome.UNMATCHED


def owing(*amounts: int) -> Balance:
    owed = tuple(
        Outstanding(subject=Subject.order(str(number)), currency="eur", amount_minor=minor, due_at=AT)
        for number, minor in enumerate(amounts)
    )
    return Balance(owed=owed, credits={})


def test_exactly_owed_is_everything_less_credit_or_one_thing_of_it() -> None:
    balance = owing(100, 250).evolve(credits={"eur": -50})
    assert owed_exactly(balance, "eur", 300) == (None,)
    assert owed_exactly(balance, "eur", 250) == (Subject.order("1"),)
    assert owed_exactly(balance, "eur", 350) is None
    assert owed_exactly(balance, "usd", 300) is None
    assert owed_exactly(owing(100, 100), "eur", 100) is None, "which of the two?"


def test_a_known_payer_is_not_asked_when_somebody_else_is_named() -> None:
    named = frozenset({Named("a", ORDER), Named("b")})
    facts = LineFacts(
        references_of(line()), named=named, payer=KnownPayer("a", True), balances={"a": owing(10000)}, currency="eur"
    )
    assert decide(line(), facts).outcome is LineOutcome.UNMATCHED


RULE = PayoutRule(text="settlement", most_percent="3")


@given(st.lists(st.integers(0, 10**7), min_size=9, max_size=9), st.integers(1, 10**7), st.integers(0, 10**7))
def test_a_settlement_never_keeps_more_than_it_may(days: list[int], net_minor: int, before_minor: int) -> None:
    by_day = {DAY - timedelta(days=7 - number): minor for number, minor in enumerate(days)}
    payout = payout_of(line(amount_minor=net_minor), "app", RULE, Receipts(by_day, sum(days) + before_minor))
    if payout is not None:
        gross = payout.net_minor + payout.fee_minor
        assert 0 <= payout.fee_minor <= gross * 3 / 100
        assert sum(entry.amount_minor for entry in payout.transaction("bank", "eur", "k", AT).entries) == 0


def test_a_settlement_fits_the_day_that_it_names_then_what_was_not_handed_over() -> None:
    friday, saturday, sunday = (DAY - timedelta(days=back) for back in (3, 2, 1))
    receipts = Receipts({friday: 10000, saturday: 10100, sunday: 10200}, 30300)
    named = payout_of(line("settlement for 27.11.2026", 10000), "app", RULE, receipts)
    assert named == ("app", 10000, 0)
    assert payout_of(line("settlement", 30000), "app", RULE, receipts) == ("app", 30000, 300)
    assert payout_of(line("settlement", 10100), "app", RULE, receipts) == ("app", 10100, 100)
    assert payout_of(line("settlement", 5000), "app", RULE, receipts) is None


def test_what_was_handed_over_is_not_handed_over_again() -> None:
    """Named again, or not named at all; and whatever was taken since."""
    before, since = DAY - timedelta(days=1), 50000
    receipts = Receipts({before: 10000}, since, after_minor=since)
    assert payout_of(line("settlement for 29.11.2026", 9800), "app", RULE, receipts) is None
    assert payout_of(line("settlement", 9800), "app", RULE, receipts) is None
    of_another = Receipts({before - timedelta(days=1): 10000, before: 10000}, 10000)
    assert payout_of(line("settlement for 28.11.2026", 9800), "app", RULE, of_another) is None
    assert payout_of(line("settlement of 28.02.2020", 9800), "app", RULE, of_another) == ("app", 9800, 200)


def test_a_settlement_of_several_days_that_it_names_is_their_sum() -> None:
    friday, saturday, sunday = (DAY - timedelta(days=back) for back in (3, 2, 1))
    receipts = Receipts({friday: 10000, saturday: 10100, sunday: 10200}, 30300)
    assert payout_of(line("settlement 27.11.2026-28.11.2026", 20000), "app", RULE, receipts) == ("app", 20000, 100)


LINES = st.builds(
    StatementLine,
    booked_on=st.just(DAY),
    amount_minor=st.sampled_from([100, 200]),
    bank_reference=st.sampled_from([None, "r1", "r2"]),
    number=st.sampled_from([None, "7"]),
    payer_account=st.sampled_from([None, "KZ1"]),
)


@given(st.lists(LINES, max_size=12), st.integers(0, 12))
def test_a_longer_file_has_the_keys_of_the_shorter_one_and_no_two_lines_have_one_key(
    lines: list[StatementLine], length: int
) -> None:
    keys = [each.key for each in keyed(lines)]
    assert [each.key for each in keyed(lines[:length])] == keys[:length]
    assert len(set(keys)) == len(lines)
