"""Orders as people type them: amounts in major units, lines such as ``2 x Sign=90.00``, an expiry in days or as a date.

::

    request = TypedOrder("1042", "nowak", "A. Nowak", "eur", lines=("2 x Sign=90.00",), deposit="30").request(now)
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from pydantic import ValidationError

from billing.errors import InvalidInput
from billing.money import currency_code, parse_amount
from billing.validation import explain
from orders.order import Agreement, Buyer, OrderLine, OrderRequest

_QUANTITY = re.compile(r"(?P<quantity>[0-9]{1,7}) ?[x\u00d7] (?P<rest>.*)", re.DOTALL)
_DAYS = re.compile(r"([0-9]{1,4}) ?d")


class TypedOrder(NamedTuple):
    """As typed; "" for what was left out. ``digest`` is the file's, ``deposit`` a percentage."""

    number: str
    customer_id: str
    name: str
    currency: str
    lines: Sequence[OrderLine | str] = ()
    email: str = ""
    digest: str = ""
    deposit: str = ""
    tolerance: str = ""
    expires: str = ""

    def request(self, now: datetime, days: bool = True) -> OrderRequest:
        """The order; without ``days``, an expiry in days is refused. Raises ``InvalidInput``, which names the fault."""
        currency = currency_code(self.currency)
        lines = [typed_line(line, currency) if isinstance(line, str) else line for line in self.lines]
        if not lines:
            raise InvalidInput('the order has no lines; write each like --line "2 x Sign=90.00"')
        try:
            return OrderRequest(
                number=self.number.strip(),
                buyer=Buyer(customer_id=self.customer_id.strip(), name=self.name, email=self.email.strip() or None),
                currency=currency,
                agreed=Agreement(
                    lines=tuple(lines),
                    file_digest=self.digest.strip().lower() or None,
                    deposit_percent=percent(self.deposit),
                ),
                tolerance_minor=parse_amount(self.tolerance, currency) if self.tolerance.strip() else 0,
                expires_at=expiry(self.expires, now, days),
            )
        except ValidationError as error:
            raise InvalidInput(explain(error)) from None


def typed_line(text: str, currency: str) -> OrderLine:
    """``Sign=90.00``, or ``2 x Sign=90.00``, where the amount is for both."""
    rest, _, amount = text.rpartition("=")
    if not rest.strip():
        raise InvalidInput(f'{text!r} is not a line; write it like "2 x Sign=90.00", the amount for the whole quantity')
    match = _QUANTITY.fullmatch(rest.strip())
    return line_of(match["rest"] if match else rest, match["quantity"] if match else "1", amount, currency)


def line_of(description: str, quantity: str, amount: str, currency: str) -> OrderLine:
    """A line of three texts. Raises ``InvalidInput``."""
    if not quantity.strip().isdecimal():
        raise InvalidInput(f"quantity: {quantity!r} is not a whole number")
    amount_minor = parse_amount(amount.strip(), currency)
    try:
        return OrderLine(description=description, quantity=int(quantity), amount_minor=amount_minor)
    except ValidationError as error:
        raise InvalidInput(explain(error)) from None


def percent(text: str) -> int | None:
    """``30`` or ``30%``; "": there is no deposit."""
    number = text.strip().removesuffix("%").strip()
    if not number:
        return None
    if not (number.isascii() and number.isdecimal() and 1 <= int(number) <= 99):
        raise InvalidInput(f"deposit: {text!r} is not a percentage from 1 to 99")
    return int(number)


def expiry(text: str, now: datetime, days: bool = True) -> datetime | None:
    """``14d`` from now, a day such as ``2026-12-24`` (until its end in UTC), or an instant with its zone; "": never.

    Without ``days`` the first is refused: in a file it would mean another day whenever that is read.
    """
    typed = text.strip()
    if not typed:
        return None
    if match := _DAYS.fullmatch(typed.lower()):
        if not days:
            raise InvalidInput(f"expires: {text!r} would be another day at each reading; write it like 2026-12-24")
        return now + timedelta(days=int(match[1]))
    try:
        expires_at = datetime.fromisoformat(typed)
    except ValueError:
        raise InvalidInput(f"expires: {text!r} is no time; write it like 14d, or 2026-12-24") from None
    if len(typed) <= len("2026-12-24"):
        return _later(expires_at.replace(tzinfo=UTC) + timedelta(days=1), now, text)
    if expires_at.tzinfo is None:
        raise InvalidInput(f"expires: {text!r} has no zone; write it like 2026-12-24T12:00+01:00")
    return _later(expires_at.astimezone(UTC), now, text)


def _later(expires_at: datetime, now: datetime, text: str) -> datetime:
    if expires_at <= now:
        raise InvalidInput(f"expires: {text!r} is over already")
    return expires_at
