"""What each refusal calls for: every code that Stripe documents, and those that nobody has heard of."""

from datetime import UTC, datetime

import pytest

from billing.collections.dunning import FEW_TRIES, MAX_TRIES, REMEDIES, CardRemedy, remedy
from billing.customers.customer import Terms
from billing.payments.payment import ChargeResult, ChargeStatus

# https://docs.stripe.com/declines/codes, cards; with those that it listed in earlier years.
DOCUMENTED = frozenset(
    """
    authentication_not_handled authentication_required approve_with_id call_issuer card_not_supported
    card_velocity_exceeded currency_not_supported do_not_honor do_not_try_again duplicate_transaction expired_card
    fraudulent generic_decline incorrect_address incorrect_cvc incorrect_number incorrect_pin incorrect_zip
    insufficient_funds invalid_account invalid_amount invalid_cvc invalid_expiry_month invalid_expiry_year
    invalid_number invalid_pin issuer_not_available lost_card merchant_blacklist mobile_device_authentication_required
    new_account_information_available no_action_taken not_permitted offline_pin_required
    online_or_offline_pin_required pickup_card pin_try_exceeded processing_error reenter_transaction restricted_card
    revocation_of_all_authorizations revocation_of_authorization security_violation service_not_allowed stolen_card
    stop_payment_order testmode_decline transaction_not_allowed try_again_later withdrawal_count_limit_exceeded
    """.split()  # noqa: SIM905
)
# Error codes of https://docs.stripe.com/error-codes that refuse a card without a decline code.
WITHOUT_DECLINE_CODE = frozenset({"card_decline_rate_limit_exceeded", "card_declined", "live_mode_test_card"})
PERSONS = frozenset(
    {
        "duplicate_transaction",  # the same amount has been charged to the card just now: by whom?
        "invalid_amount",  # the bank does not take this amount: another try is another refusal
    }
)
NEVER_TRIED_AGAIN = [
    code for code, helps in REMEDIES.items() if helps in (CardRemedy.NEW_CARD, CardRemedy.AUTHENTICATE)
]


def declined(decline_code: str = "", code: str = "card_declined", advice_code: str = "") -> ChargeResult:
    return ChargeResult(
        status=ChargeStatus.DECLINED,
        at=datetime(2026, 11, 8, tzinfo=UTC),
        code=code,
        decline_code=decline_code,
        advice_code=advice_code,
    )


@pytest.mark.parametrize("code", sorted(DOCUMENTED | WITHOUT_DECLINE_CODE))
def test_documented_code_has_a_remedy_or_is_a_persons_on_purpose(code: str) -> None:
    assert (code in REMEDIES) != (code in PERSONS)
    assert (remedy(declined(code)) is CardRemedy.PERSON) == (code in PERSONS)


@pytest.mark.parametrize("code", REMEDIES)
def test_code_calls_for_the_same_with_or_without_a_decline_code(code: str) -> None:
    assert remedy(declined(code)) is remedy(declined("", code=code)) is REMEDIES[code]
    assert REMEDIES[code] is not CardRemedy.PERSON, "what is a person's is not in the table"


@pytest.mark.parametrize(
    ("code", "helps"),
    [
        ("insufficient_funds", CardRemedy.RETRY),
        ("processing_error", CardRemedy.RETRY),
        ("generic_decline", CardRemedy.RETRY_FEW),
        ("do_not_honor", CardRemedy.RETRY_FEW),
        ("expired_card", CardRemedy.NEW_CARD),
        ("stolen_card", CardRemedy.NEW_CARD),
        ("revocation_of_authorization", CardRemedy.NEW_CARD),
        ("authentication_required", CardRemedy.AUTHENTICATE),
    ],
)
def test_well_known_codes(code: str, helps: CardRemedy) -> None:
    assert remedy(declined(code)) is helps


def test_decline_code_says_more_than_the_error_code() -> None:
    assert remedy(declined("stolen_card", code="card_declined")) is CardRemedy.NEW_CARD
    assert remedy(declined("a_code_of_next_year", code="card_declined")) is CardRemedy.PERSON


@pytest.mark.parametrize("code", ["a_code_of_next_year", "Insufficient_Funds", ""])
def test_unknown_code_is_a_persons(code: str) -> None:
    assert remedy(declined(code, code=code)) is CardRemedy.PERSON


@pytest.mark.parametrize(
    ("advice", "helps"),
    [
        ("confirm_card_data", CardRemedy.NEW_CARD),
        ("do_not_try_again", CardRemedy.NEW_CARD),
        ("try_again_later", CardRemedy.RETRY),
    ],
)
@pytest.mark.parametrize("code", ["insufficient_funds", "do_not_honor", "invalid_amount", "a_code_of_next_year"])
def test_advice_of_the_bank_comes_first(code: str, advice: str, helps: CardRemedy) -> None:
    assert remedy(declined(code, advice_code=advice)) is helps


def test_unknown_advice_changes_nothing() -> None:
    assert remedy(declined("do_not_honor", advice_code="pray")) is CardRemedy.RETRY_FEW


@pytest.mark.parametrize("code", NEVER_TRIED_AGAIN)
def test_no_advice_makes_a_hard_decline_a_soft_one(code: str) -> None:
    assert remedy(declined(code, advice_code="try_again_later")) is REMEDIES[code]


@pytest.mark.parametrize(
    ("status", "helps"),
    [(ChargeStatus.AUTHENTICATION_REQUIRED, CardRemedy.AUTHENTICATE), (ChargeStatus.NEEDS_CARD, CardRemedy.NEW_CARD)],
)
def test_status_decides_whatever_the_codes_say(status: ChargeStatus, helps: CardRemedy) -> None:
    result = declined("insufficient_funds", advice_code="try_again_later").evolve(status=status)
    assert remedy(result) is helps


def test_limits_stay_below_those_of_the_card_networks() -> None:
    assert FEW_TRIES < MAX_TRIES <= 15
    longest = Terms(dunning_days=tuple(range(1, 8)))
    assert len(longest.dunning_days) < MAX_TRIES, "one try more than days, with the charge of the month"
