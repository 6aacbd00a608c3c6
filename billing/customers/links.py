"""Links for customers: each opens what it was made for, until it expires, and nothing else.

A link is signed and needs no login: who has it may use it. None of them carries a name, an address or a card.
"""

import base64
import hashlib
import hmac
from datetime import UTC, datetime
from typing import NamedTuple

from billing.errors import InvalidInput
from billing.period import Period

_PAYMENT = "payment1"
_CARD = "card1"
_INVITATION = "invitation1"
_REGISTRATION = "registration1"
_SEPARATOR = "."


class PaymentLinks(NamedTuple):
    """``base_url`` is where the console is reached from outside; "" makes no links. ``secret`` signs them."""

    base_url: str
    secret: str

    def to(self, customer_id: str, period: Period, until: datetime) -> str:
        """The address of the customer's page for ``period``, good until then; the same for the same arguments."""
        return self._address("pay", self.token(customer_id, period, until))

    def token(self, customer_id: str, period: Period, until: datetime) -> str:
        """What the address ends with: who, which month, until when (Unix time), and the signature of these."""
        return self._signed(_PAYMENT, customer_id, period, until)

    def read(self, token: str, now: datetime) -> tuple[str, Period]:
        """Customer and period that a token is for. Raises ``InvalidInput`` for one that we did not make, or is old."""
        customer_id, period = self._opened(_PAYMENT, token, now)
        return customer_id, Period(period)

    def _address(self, page: str, token: str) -> str:
        return f"{self.base_url.rstrip('/')}/{page}/{token}" if self.base_url else ""

    def _signed(self, kind: str, *said: str | datetime) -> str:
        parts = (str(int(part.timestamp())) if isinstance(part, datetime) else part for part in said)
        text = _SEPARATOR.join((kind, *parts))
        return f"{text}{_SEPARATOR}{self._signature(text)}"

    def _opened(self, kind: str, token: str, now: datetime) -> list[str]:
        """What the token says, without the instant until which it is good. One of another kind is not valid."""
        text, _, signature = token.rpartition(_SEPARATOR)
        is_ours = token.isascii() and hmac.compare_digest(signature, self._signature(text))
        if not is_ours or text.partition(_SEPARATOR)[0] != kind:
            raise InvalidInput("this link is not valid; use the one in our last mail")
        _, *said, until = text.split(_SEPARATOR)
        if now >= datetime.fromtimestamp(int(until), UTC):
            raise InvalidInput("this link has expired; reply to our mail and we will send a new one")
        return said

    def _signature(self, said: str) -> str:
        assert self.secret, "links that nobody signed open everybody's page"
        digest = hmac.new(self.secret.encode(), said.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


class Links(PaymentLinks):
    """The same, and the links by which customers register: a card, or themselves."""

    __slots__ = ()

    def to_card(self, customer_id: str, until: datetime) -> str:
        """The address where the customer registers another card."""
        return self._address("card", self._signed(_CARD, customer_id, until))

    def read_card(self, token: str, now: datetime) -> str:
        """The customer. Raises ``InvalidInput`` as ``read`` does."""
        return self._opened(_CARD, token, now)[0]

    def to_invitation(self, currency: str, timezone: str, until: datetime) -> str:
        """The address where somebody registers who is to be billed in this currency, on this zone's clock."""
        zone = base64.urlsafe_b64encode(timezone.encode()).decode().rstrip("=")
        return self._address("register", self._signed(_INVITATION, currency, zone, until))

    def read_invitation(self, token: str, now: datetime) -> tuple[str, str]:
        """Currency and zone. Raises ``InvalidInput`` as ``read`` does."""
        currency, zone = self._opened(_INVITATION, token, now)
        return currency, base64.urlsafe_b64decode(zone + "=" * (-len(zone) % 4)).decode()

    def to_registration(self, registration_id: str, until: datetime) -> str:
        """The address of a registration that was begun: where it goes on, and says how it stands."""
        return self._address("registration", self._signed(_REGISTRATION, registration_id, until))

    def read_registration(self, token: str, now: datetime) -> str:
        """Its id. Raises ``InvalidInput`` as ``read`` does."""
        return self._opened(_REGISTRATION, token, now)[0]


def without_key(link: str) -> str:
    """A customer's link as it may be kept and shown to others: it leads to the page, but does not open it."""
    said, separator, _ = link.rpartition(_SEPARATOR)
    return f"{said}{separator}…" if link else ""
