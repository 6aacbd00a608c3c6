"""What the texts of a line name, which sums a settlement fits, and that nothing is booked by its amount alone."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.receivables.journal import Balance, Outstanding, Subject
from billing.statements.keys import keyed
from billing.statements.matching import KnownPayer, LineFacts, Named, decide, owed_exactly
from billing.statements.outcomes import LineOutcome
from billing.statements.payouts import PayoutRule, Receipts, payout_of
from billing.statements.references import references_of, without_personal_numbers
from billing.statements.statement import StatementLine

DAY, AT = date(2026, 11, 30), datetime(2026, 12, 1, tzinfo=UTC)
ORDER = Subject.order("1042")


def line(text: str = "", amount_minor: int = 10000, **changes: object) -> StatementLine:
    return StatementLine(booked_on=DAY, amount_minor=amount_minor, text=text).evolve(**changes)


@pytest.mark.parametrize(
    ("text", "words", "weak"),
    [
        ("order 1042", {"1042"}, set()),
        ("Оплата заказа № 1042", {"1042"}, set()),
        ("счёт 7 от 28.11.2026", {"7"}, set()),
        ("orders 1042, 1043 and 1044", {"1042", "1043", "1044"}, set()),
        ("INV-acme-2026-11", {"acme", "INV-acme"}, set()),
        ("acme-corp", {"acme-corp"}, set()),
        ("za 1042.00 EUR", set(), {"1042"}),
        ("договор 12 за 2026", set(), {"12", "2026"}),
        ("account 79927\n398713", {"79927398713"}, set()),
        ("1 042,00", set(), set()),
    ],
)
def test_words_are_found_and_amounts_and_days_name_nothing(text: str, words: set[str], weak: set[str]) -> None:
    found = references_of(line(text))
    assert words <= found.words
    assert not weak & found.words
    assert not {"1042.00", "042", "28", "11"} & found.words


def test_a_month_is_named_and_a_day_is_not() -> None:
    assert references_of(line("Internet 2026-11")).months == {"2026-11"}
    assert references_of(line("Internet 2026-11-28")).months == set()


def test_a_long_text_names_a_limited_number_of_words() -> None:
    assert len(references_of(line(" ".join(f"w{number}" for number in range(600)))).words) <= 200


def test_personal_numbers_keep_their_last_digits_only() -> None:
    assert without_personal_numbers("IIN 900101300007, card 900101300008") == "IIN ********0007, card 900101300008"


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
