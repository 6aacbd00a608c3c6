"""How long a payment link lives, as it is typed."""

import re
from datetime import timedelta

from billing.errors import InvalidInput
from billing.payments.checkouts import LIFETIME_MAX, LIFETIME_MIN


def lifetime(text: str) -> timedelta:
    """``24h`` or ``90m``. Raises ``InvalidInput``."""
    match = re.fullmatch(r"(\d{1,4})([hm])", text.strip().lower())
    found = timedelta(**{"hours" if match[2] == "h" else "minutes": int(match[1])}) if match else timedelta()
    if not LIFETIME_MIN <= found <= LIFETIME_MAX:
        raise InvalidInput(f"--expires-in {text!r} is not between 1h and 24h; write it like 24h or 90m")
    return found
