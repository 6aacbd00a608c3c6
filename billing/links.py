"""Links that customers get by mail: each opens the page of one customer's unpaid month, and nothing else."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from typing import NamedTuple

from billing.errors import InvalidInput
from billing.period import Period

_VERSION = "v1"
_SEPARATOR = "."


class PaymentLinks(NamedTuple):
    """``base_url`` is where the console is reached from outside; "" makes no links. ``secret`` signs them."""

    base_url: str
    secret: str

    def to(self, customer_id: str, period: Period, until: datetime) -> str:
        """The address of the customer's page for ``period``, good until then; the same for the same arguments."""
        return f"{self.base_url.rstrip('/')}/pay/{self.token(customer_id, period, until)}" if self.base_url else ""

    def token(self, customer_id: str, period: Period, until: datetime) -> str:
        """What the address ends with: who, which month, until when (Unix time), and the signature of these."""
        said = _SEPARATOR.join((_VERSION, customer_id, period, str(int(until.timestamp()))))
        return f"{said}{_SEPARATOR}{self._signature(said)}"

    def read(self, token: str, now: datetime) -> tuple[str, Period]:
        """Customer and period that a token is for. Raises ``InvalidInput`` for one that we did not make, or is old."""
        said, _, signature = token.rpartition(_SEPARATOR)
        if not token.isascii() or not hmac.compare_digest(signature, self._signature(said)):
            raise InvalidInput("this link is not valid; use the one in our last mail")
        _, customer_id, period, until = said.split(_SEPARATOR)
        if now >= datetime.fromtimestamp(int(until), UTC):
            raise InvalidInput("this link has expired; reply to our mail and we will send a new one")
        return customer_id, Period(period)

    def _signature(self, said: str) -> str:
        assert self.secret, "links that nobody signed open everybody's page"
        digest = hmac.new(self.secret.encode(), said.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def without_key(link: str) -> str:
    """A customer's link as it may be kept and shown to others: it leads to the page, but does not open it."""
    said, separator, _ = link.rpartition(_SEPARATOR)
    return f"{said}{separator}…" if link else ""
