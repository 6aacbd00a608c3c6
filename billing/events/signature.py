"""The signature of an event: HMAC-SHA256 over ``{timestamp}.{body}``, in the header ``Billing-Signature``.

::

    Billing-Signature: t=1796720400,v1=5257a869…,v1=8a1c02f4…

One ``v1`` for each secret: while a secret is replaced there are two, and a receiver that knows either is served.
docs/events.md shows receivers how to verify it. What others send to us (docs/orders.md) is signed alike.
"""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta

from billing.errors import InvalidInput

HEADER = "Billing-Signature"
TOLERANCE = timedelta(minutes=5)
"""How old a request may be, and how far a sender's clock may run ahead."""
_DIGITS_MAX = 12


def signed(body: bytes, secrets: Sequence[str], at: datetime) -> str:
    """The header's value. ``at`` is the instant of sending: a receiver refuses a request that is older than minutes."""
    seconds = int(at.timestamp())
    digests = (hmac.new(secret.encode(), b"%d." % seconds + body, hashlib.sha256).hexdigest() for secret in secrets)
    return ",".join((f"t={seconds}", *(f"v1={digest}" for digest in digests)))


def require_genuine(body: bytes, header: str, secrets: Sequence[str], now: datetime) -> None:
    """Raises ``InvalidInput`` unless ``header`` signs the body by one of the secrets, within ``TOLERANCE`` of ``now``.

    Without secrets nothing is genuine: anybody could compute a signature by an empty one.
    """
    fields = [part.strip().partition("=")[::2] for part in header.split(",")]
    times = [value for name, value in fields if name == "t"]
    if len(times) != 1 or not (times[0].isascii() and times[0].isdigit()) or len(times[0]) > _DIGITS_MAX:
        raise InvalidInput(f"the header {HEADER} is missing or is none; write it as t=SECONDS,v1=HEXADECIMAL")
    if abs(int(now.timestamp()) - int(times[0])) > TOLERANCE.total_seconds():
        raise InvalidInput(f"signed more than 5 minutes ago, or ahead: t is {times[0]}, now is {int(now.timestamp())}")
    expected = [
        hmac.new(secret.encode(), times[0].encode() + b"." + body, hashlib.sha256) for secret in secrets if secret
    ]
    given = [value.encode() for name, value in fields if name == "v1"]
    matches = [hmac.compare_digest(one.hexdigest().encode(), other) for one in expected for other in given]
    if not any(matches):
        raise InvalidInput("not signed with our secret, or not over these bytes")
