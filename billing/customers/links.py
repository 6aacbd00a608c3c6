"""Signed links for customers. Each opens one page until it expires; whoever holds it needs no login.

No link contains a name, an address or a card.
"""

import base64
import hashlib
import hmac
import re
from datetime import UTC, datetime
from typing import NamedTuple

from billing.customers.account_numbers import check_digit, is_account_number
from billing.errors import InvalidInput
from billing.period import Period

_PAYMENT = "payment1"
_CARD = "card1"
_INVITATION = "invitation1"
_REGISTRATION = "registration1"
_FEE = "fee1"
_SHORT = 16
"""Characters of a signature in a text, where each one costs: 96 bits, which nobody can guess."""
_SEPARATOR = "."
_IN_TEXTS = re.compile(r"(https?://\S*/(?:p|fee)/)\S+")
_OWN_PAGE = "own1"
_OWN_KEY = 10
"""Characters of a signature in the text of each bill: 50 bits, tried one by one at our door."""
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
"""Of base 32, without 0 and 1: neither is taken for a letter when an address is read out."""


class PageOwner(NamedTuple):
    """Whose page it is: the customer's with this ``account`` number, or with this id; the other is None."""

    account: str | None
    customer_id: str | None


class PaymentLinks(NamedTuple):
    """Links to the payment page. ``base_url`` is the console's public address ("": no links); ``secret`` signs them."""

    base_url: str
    secret: str

    def to(self, customer_id: str, period: Period, until: datetime) -> str:
        """The URL of the payment page for ``period``, valid until ``until``; "" without a ``base_url``."""
        return self._address("pay", self._signed(_PAYMENT, customer_id, period, until))

    def read(self, token: str, now: datetime) -> tuple[str, Period]:
        """The token's customer and period. Raises ``InvalidInput`` if it is forged or expired."""
        customer_id, period = self._opened(_PAYMENT, token, now)
        return customer_id, Period(period)

    def to_fee(self, number: str) -> str:
        """The URL of the page of a service order's fee, short enough for a text; "" without a ``base_url``.

        It has no date: once nothing is owed for the order, the page says so.
        """
        return self._address("fee", f"{number}{_SEPARATOR}{self._short(number)}")

    def read_fee(self, token: str) -> str:
        """The order's number. Raises ``InvalidInput`` if the token is forged."""
        number, _, signature = token.rpartition(_SEPARATOR)
        if not (token.isascii() and hmac.compare_digest(signature, self._short(number))):
            raise InvalidInput("this link is not valid; use the one in our message")
        return number

    def to_own_page(self, customer_id: str, account: str | None) -> str:
        """The URL of whoever has the account, so short that the text of a bill has room for it; "" without a
        ``base_url`` or a ``secret``.

        It names the account in as few letters as can be; without one, the customer. It has no date.
        """
        if not self.secret:
            return ""
        if account is not None and is_account_number(account) and not account.startswith("0"):
            return self._address("p", f"{_in_letters(int(account[:-1]))}{self._own_key(account)}")
        return self._address("p", f"{customer_id}{_SEPARATOR}{self._own_key(f'{_SEPARATOR}{customer_id}')}")

    def read_own_page(self, token: str) -> PageOwner:
        """Capital letters are as good. Raises ``InvalidInput`` if the token is forged."""
        name, key = token.lower()[:-_OWN_KEY], token.lower()[-_OWN_KEY:]
        is_customer = name.endswith(_SEPARATOR)
        named = f"{_SEPARATOR}{name[:-1]}" if is_customer else _account_in(name)
        if not (named and token.isascii() and hmac.compare_digest(key, self._own_key(named))):
            raise InvalidInput("this link is not valid; use the one in our message")
        return PageOwner(None, name[:-1]) if is_customer else PageOwner(named, None)

    def _own_key(self, name: str) -> str:
        digest = self._digest(f"{_OWN_PAGE}{_SEPARATOR}{name}")
        return base64.b32encode(digest).decode().lower()[:_OWN_KEY]

    def _short(self, number: str) -> str:
        return self._signature(f"{_FEE}{_SEPARATOR}{number}")[:_SHORT]

    def _address(self, page: str, token: str) -> str:
        return f"{self.base_url.rstrip('/')}/{page}/{token}" if self.base_url else ""

    def _signed(self, kind: str, *parts: str | datetime) -> str:
        texts = (str(int(part.timestamp())) if isinstance(part, datetime) else part for part in parts)
        text = _SEPARATOR.join((kind, *texts))
        return f"{text}{_SEPARATOR}{self._signature(text)}"

    def _opened(self, kind: str, token: str, now: datetime) -> list[str]:
        """The token's parts between kind and expiry. Raises ``InvalidInput`` if forged, expired or of another kind."""
        text, _, signature = token.rpartition(_SEPARATOR)
        is_ours = token.isascii() and hmac.compare_digest(signature, self._signature(text))
        if not is_ours or text.partition(_SEPARATOR)[0] != kind:
            raise InvalidInput("this link is not valid; use the one in our last mail")
        _, *parts, until = text.split(_SEPARATOR)
        if now >= datetime.fromtimestamp(int(until), UTC):
            raise InvalidInput("this link has expired; reply to our mail and we will send a new one")
        return parts

    def _signature(self, text: str) -> str:
        return base64.urlsafe_b64encode(self._digest(text)).decode().rstrip("=")

    def _digest(self, text: str) -> bytes:
        assert self.secret, "without a secret, anybody could forge a link to any page"
        return hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).digest()


class Links(PaymentLinks):
    """Payment links, and links for new cards, invitations and registrations."""

    def to_card(self, customer_id: str, until: datetime) -> str:
        """The URL where the customer registers another card."""
        return self._address("card", self._signed(_CARD, customer_id, until))

    def read_card(self, token: str, now: datetime) -> str:
        """The customer's id. Raises ``InvalidInput`` as ``read`` does."""
        return self._opened(_CARD, token, now)[0]

    def to_invitation(self, currency: str, timezone: str, until: datetime) -> str:
        """The URL where a new customer registers, to be billed in this currency and time zone."""
        zone = base64.urlsafe_b64encode(timezone.encode()).decode().rstrip("=")
        return self._address("register", self._signed(_INVITATION, currency, zone, until))

    def read_invitation(self, token: str, now: datetime) -> tuple[str, str]:
        """The invitation's currency and time zone. Raises ``InvalidInput`` as ``read`` does."""
        currency, zone = self._opened(_INVITATION, token, now)
        return currency, base64.urlsafe_b64decode(zone + "=" * (-len(zone) % 4)).decode()

    def to_registration(self, registration_id: str, until: datetime) -> str:
        """The URL of a registration in progress: its next step, or its status."""
        return self._address("registration", self._signed(_REGISTRATION, registration_id, until))

    def read_registration(self, token: str, now: datetime) -> str:
        """The registration's id. Raises ``InvalidInput`` as ``read`` does."""
        return self._opened(_REGISTRATION, token, now)[0]


def _in_letters(number: int) -> str:
    """The number in base 32; 0 is ""."""
    return _in_letters(number // 32) + _LETTERS[number % 32] if number else ""


def _account_in(letters: str) -> str:
    """The account number, with its check digit, of which these are the letters; "" if there can be none."""
    number = 0
    for letter in letters[:20]:
        place = _LETTERS.find(letter)
        if place < 0:
            return ""
        number = number * 32 + place
    account = f"{number}{check_digit(str(number))}"
    return account if _in_letters(number) == letters and is_account_number(account) else ""


def without_key(link: str) -> str:
    """The link without its signature, safe to store and show: it no longer opens the page."""
    unsigned, separator, _ = link.rpartition(_SEPARATOR)
    return f"{unsigned}{separator}…" if link else ""


def without_keys(text: str) -> str:
    """A text without what opens the pages that it has links to."""
    return _IN_TEXTS.sub(r"\1…", text)
