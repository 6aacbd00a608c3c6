"""Phone numbers as people type them."""

import pytest

from adapters.phone_numbers import e164
from billing.errors import InvalidInput


@pytest.mark.parametrize(
    ("typed", "region"),
    [
        ("+7 701 234-56-78", ""),
        ("+77012345678", "UA"),
        ("8 (701) 234 56 78", "KZ"),
        ("87012345678", "KZ"),
        ("7012345678", "KZ"),
        ("tel:+7-701-234-56-78", ""),
    ],
)
def test_a_number_is_kept_with_its_country(typed: str, region: str) -> None:
    assert e164(typed, region) == "+77012345678"


def test_another_country_has_other_rules() -> None:
    assert e164("050 123 45 67", "UA") == "+380501234567"


@pytest.mark.parametrize("typed", ["87012345678", "", "ann", "7" * 200])
def test_without_a_country_it_is_refused_with_what_to_write(typed: str) -> None:
    with pytest.raises(InvalidInput, match=r"\+77012345678, or set BILLING_PHONE_REGION"):
        e164(typed)


@pytest.mark.parametrize("typed", ["+7701234567", "+999123456789", "701234567890", "+77012345678 ext. 5"])
def test_a_number_that_no_country_has_is_refused(typed: str) -> None:
    with pytest.raises(InvalidInput, match="phone number"):
        e164(typed, "KZ")
