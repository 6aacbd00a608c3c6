"""WayForPay's signatures: HMAC-MD5 of literal values joined by semicolons, in hexadecimal digits.

sign("secret", ["test_merch_n1", "DH783023"])
"""

import hashlib
import hmac
from collections.abc import Iterable


def sign(secret: str, values: Iterable[str]) -> str:
    """Values are signed as they are written: 999.00 and 999 differ. Raises ``UnicodeEncodeError``."""
    return hmac.new(secret.encode(), ";".join(values).encode(), hashlib.md5).hexdigest()


def is_signed(secret: str, values: Iterable[str], signature: str) -> bool:
    """Takes the same time whatever is wrong. Without a secret nothing is signed: anybody could sign with none."""
    return bool(secret) and hmac.compare_digest(sign(secret, values).encode(), signature.lower().encode())
