"""Money that a person records by hand: what they type, on the command line or in the console's form, as a payment."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from billing.errors import InvalidInput
from billing.money import currency_code, parse_amount
from billing.payments.rails import Rail, by_hand
from billing.period import Period
from billing.receivables.incoming import IncomingPayment
from billing.receivables.journal import Subject

_AHEAD = timedelta(days=1)  # of UTC, somewhere on earth


class TypedPayment(NamedTuple):
    """As typed; "" for what was left out. ``paid_on`` is the day by the bank, such as 2026-12-03.

    It is for the ``month`` or for the ``order`` that it names; without either, for what fell due first.
    """

    rail: str
    reference: str
    amount: str
    currency: str
    by: str
    reason: str
    customer_id: str = ""
    month: str = ""
    payer: str = ""
    paid_on: str = ""
    order: str = ""

    def payment(self, rails: Mapping[str, Rail], now: datetime) -> IncomingPayment:
        """The payment; without a day, it was paid ``now``. Raises ``InvalidInput``, ``pydantic.ValidationError``."""
        currency = currency_code(self.currency)
        amount_minor = parse_amount(self.amount, currency)
        if amount_minor <= 0:
            raise InvalidInput(
                f"{self.amount.strip()} is no payment; what went back is recorded as a refund of its payment: "
                "python starter.py payments refund"
            )
        month, order = self.month.strip(), self.order.strip()
        if month and order:
            raise InvalidInput("a payment is for a month or for an order; record two payments, each with its part")
        if (month or order) and not self.customer_id.strip():
            raise InvalidInput(
                f"whose {'month' if month else 'order'} {month or order} does it pay? Name the customer too"
            )
        return IncomingPayment(
            rail=by_hand(dict(rails), self.rail),
            reference=reference_of(self.reference),
            customer_id=self.customer_id.strip() or None,
            subject=subject_of(month, order),
            amount_minor=amount_minor,
            currency=currency,
            paid_at=_instant(self.paid_on.strip(), now),
            payer=_one_line(self.payer) or None,
            by=self.by,
            reason=self.reason,
        )


def subject_of(month: str, order: str) -> Subject | None:
    """What money is for that names a month or an order; "" for either: it names none."""
    if order:
        return Subject.order(order)
    return Subject.month(Period(month)) if month else None


def reference_of(text: str) -> str:
    """A reference as it is kept, in one line. Raises ``InvalidInput`` if there is none."""
    reference = _one_line(text)
    if not reference:
        raise InvalidInput("the reference is empty; type the bank's, or the number of the receipt")
    return reference


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    if not line.isprintable():
        raise InvalidInput(f"{line[:40]!r} has invisible characters; type it again")
    return line


def _instant(day: str, now: datetime) -> datetime:
    """The beginning of that day in UTC."""
    if not day:
        return now
    try:
        paid_at = datetime.combine(date.fromisoformat(day), time(), UTC)
    except ValueError:
        raise InvalidInput(f"{day!r} is no day; write it like 2026-12-03") from None
    if paid_at > now + _AHEAD:
        raise InvalidInput(f"{day} is still to come; record the money once it is there")
    return paid_at
