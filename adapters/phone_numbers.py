"""Phone numbers as people type them, in E.164: ``e164("8 701 234 56 78", "KZ") == "+77012345678"``."""

import phonenumbers

from billing.errors import InvalidInput


def e164(text: str, region: str = "") -> str:
    """The number with its country; ``region``, such as ``KZ``, is that of numbers without one ("": none is taken).

    Raises ``InvalidInput`` for anything else, also for a number that no country has.
    """
    shown = f"{text[:40]!r}"
    try:
        number = phonenumbers.parse(text[:100], region or None)
    except phonenumbers.NumberParseException:
        needed = "" if region else ", such as +77012345678, or set BILLING_PHONE_REGION"
        raise InvalidInput(f"{shown} is not a phone number; write it with its country{needed}") from None
    if number.extension or not phonenumbers.is_valid_number(number):
        raise InvalidInput(f"{shown} is not a phone number of any country; compare its digits")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
