"""The remedy for a declined card: try it again, ask for another one, let the customer authenticate, or ask a person.

Sources: Stripe's documentation of decline codes and of advice codes; the limits of Visa and Mastercard on repeated
tries (no more than 15 in 30 days; ours are at most 8 in all).
"""

from enum import StrEnum

from billing.payments.payment import ChargeResult, ChargeStatus

MAX_TRIES = 8
FEW_TRIES = 2


class CardRemedy(StrEnum):
    RETRY = "retry"  # time: the same card may work in a few days
    RETRY_FEW = "retry_few"  # perhaps time: the bank does not say why, and counts tries
    NEW_CARD = "new_card"  # only another card: this one is never tried again
    AUTHENTICATE = "authenticate"  # the customer, at the bank's page
    PERSON = "person"  # a code that we do not know


_RETRY = """
    approve_with_id insufficient_funds issuer_not_available processing_error reenter_transaction try_again_later
    card_velocity_exceeded withdrawal_count_limit_exceeded
"""
_RETRY_FEW = """
    call_issuer card_decline_rate_limit_exceeded card_declined do_not_honor generic_decline no_action_taken
    not_permitted service_not_allowed transaction_not_allowed
"""
_NEW_CARD = """
    card_not_supported currency_not_supported do_not_try_again expired_card fraudulent incorrect_address
    incorrect_cvc incorrect_number incorrect_pin incorrect_zip invalid_account invalid_cvc invalid_expiry_month
    invalid_expiry_year invalid_number invalid_pin live_mode_test_card lost_card merchant_blacklist
    new_account_information_available offline_pin_required online_or_offline_pin_required pickup_card
    pin_try_exceeded restricted_card revocation_of_all_authorizations revocation_of_authorization security_violation
    stolen_card stop_payment_order testmode_decline
"""
_AUTHENTICATE = """
    authentication_not_handled authentication_required mobile_device_authentication_required
    payment_intent_authentication_failure
"""

REMEDIES = {
    **dict.fromkeys(_RETRY.split(), CardRemedy.RETRY),
    **dict.fromkeys(_RETRY_FEW.split(), CardRemedy.RETRY_FEW),
    **dict.fromkeys(_NEW_CARD.split(), CardRemedy.NEW_CARD),
    **dict.fromkeys(_AUTHENTICATE.split(), CardRemedy.AUTHENTICATE),
}
"""By decline code, or by error code where there is no decline code."""

_ADVICE = {
    "confirm_card_data": CardRemedy.NEW_CARD,
    "do_not_try_again": CardRemedy.NEW_CARD,
    "try_again_later": CardRemedy.RETRY,
}


def remedy(result: ChargeResult) -> CardRemedy:
    """The remedy for ``result``. The bank's advice comes first, but never makes a hard decline a soft one.

    An unknown code needs a person: a wrong guess costs fines of the card networks, or a customer.
    """
    if result.status is ChargeStatus.AUTHENTICATION_REQUIRED:
        return CardRemedy.AUTHENTICATE
    if result.status is ChargeStatus.NEEDS_CARD:
        return CardRemedy.NEW_CARD
    by_code = REMEDIES.get(result.decline_code or result.code, CardRemedy.PERSON)
    if by_code in (CardRemedy.NEW_CARD, CardRemedy.AUTHENTICATE):
        return by_code
    return _ADVICE.get(result.advice_code, by_code)
