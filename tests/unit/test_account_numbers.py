"""Numbers that payers type: which can be one, whose digest is kept, how a name is masked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.customers.account_numbers import (
    AccountKey,
    PersonalKey,
    account_key,
    check_digit,
    checked_number,
    is_account_number,
    is_personal_number,
    masked_name,
    new_number,
    personal_digest,
)
from billing.errors import InvalidInput

SECRET = "s" * 32
PERSONAL = "900101300007"
"""Made by the rule: nobody's. Its check digit takes the first row of weights."""
SECOND_PASS = "900101310506"


@given(st.text("0123456789", min_size=4, max_size=19))
def test_any_mistyped_digit_is_noticed(digits: str) -> None:
    number = digits + check_digit(digits)
    for place, digit in enumerate(number):
        mistyped = f"{number[:place]}{(int(digit) + 1) % 10}{number[place + 1 :]}"
        assert not is_account_number(mistyped)


def test_a_given_number_can_be_typed_and_is_no_personal_number() -> None:
    numbers = {new_number() for _ in range(1000)}
    assert len(numbers) == 1000
    assert all(is_account_number(number) and len(number) == 10 for number in numbers)


@pytest.mark.parametrize("text", ["", "1", "1000008", "12345678901", "١٢٣٤٥", "1000009 ", "-1000009", "1" * 40])
def test_what_is_no_account_number(text: str) -> None:
    assert not is_account_number(text)


def test_who_types_a_number_is_told_what_is_wrong_with_it() -> None:
    assert checked_number("1000 009") == "1000009"
    with pytest.raises(InvalidInput, match="its last digit does not fit"):
        checked_number("1000008")
    with pytest.raises(InvalidInput, match="is a personal number"):
        checked_number(PERSONAL)
    with pytest.raises(InvalidInput, match="5 to 20 digits"):
        checked_number("acme")


def test_twelve_digits_are_a_personal_number_by_their_last_one_whatever_date_they_have() -> None:
    assert is_personal_number(PERSONAL)
    assert is_personal_number(SECOND_PASS)  # the first row of weights leaves 10
    assert not is_account_number(PERSONAL)
    assert not is_personal_number("900101300008")
    assert not is_personal_number(PERSONAL[:-1])
    assert not is_personal_number("٩" * 12)


def test_a_personal_number_is_looked_up_by_a_digest_that_needs_the_key() -> None:
    key = account_key(PERSONAL, SECRET)
    assert key == AccountKey(personal=personal_digest(PERSONAL, SECRET))
    assert PERSONAL not in str(key)
    assert account_key(PERSONAL, "t" * 32) != key
    assert account_key(PERSONAL, "") is None
    assert account_key("1000009", SECRET) == AccountKey(number="1000009")
    assert account_key("1000008", SECRET) is None


@pytest.mark.parametrize(
    ("digits", "secret", "advice"),
    [
        (PERSONAL, "", "set BILLING_PERSONAL_SECRET first"),
        ("900101300008", SECRET, "12 digits"),
        ("", SECRET, "12 digits"),
    ],
)
def test_what_cannot_be_kept_as_a_personal_number_is_refused_without_it(digits: str, secret: str, advice: str) -> None:
    with pytest.raises(InvalidInput, match=advice) as refused:
        PersonalKey.of(digits, secret)
    assert "9001013" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "masked"), [("Ann Smith", "A*** S."), ("Ann Mary Smith", "A*** S."), ("Acme", "A***"), ("  ", "?***")]
)
def test_a_masked_name_tells_its_owner_and_nobody_else(name: str, masked: str) -> None:
    assert masked_name(name) == masked
