"""The signature of an event: HMAC-SHA256 over ``{timestamp}.{body}``, in the header ``Billing-Signature``.

::

    Billing-Signature: t=1796720400,v1=5257a869…,v1=8a1c02f4…

One ``v1`` for each secret: while a secret is replaced there are two, and a receiver that knows either is served.
docs/events.md shows receivers how to verify it.
"""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

HEADER = "Billing-Signature"


def signed(body: bytes, secrets: Sequence[str], at: datetime) -> str:
    """The header's value. ``at`` is the instant of sending: a receiver refuses a request that is older than minutes."""
    seconds = int(at.timestamp())
    digests = (hmac.new(secret.encode(), b"%d." % seconds + body, hashlib.sha256).hexdigest() for secret in secrets)
    return ",".join((f"t={seconds}", *(f"v1={digest}" for digest in digests)))
