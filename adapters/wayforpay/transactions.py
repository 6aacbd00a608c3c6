"""What WayForPay says of one order, in a callback, an answer or its list: one translation for all three."""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from adapters.wayforpay.bodies import Fields, text_of
from billing.errors import InvalidInput
from billing.model import LINE_MAX
from billing.money import currency_code, parse_amount
from billing.payments.gateway import GatewayState, GatewayTransaction

STATES = {
    "Created": GatewayState.CREATED,
    "InProcessing": GatewayState.PENDING,
    "Pending": GatewayState.PENDING,
    "WaitingAuthComplete": GatewayState.PENDING,
    "Approved": GatewayState.APPROVED,
    "Declined": GatewayState.OVER,
    "Expired": GatewayState.OVER,
    "Refunded": GatewayState.GOING_BACK,
    "Voided": GatewayState.GOING_BACK,
    "RefundInProcessing": GatewayState.GOING_BACK,
}
GONE_BACK = ("Refunded", "Voided")
_PAYMENTS = ("", "PURCHASE", "CHARGE", "AUTH", "SETTLE", "CREATE_INVOICE", "INVOICE")
"""Types of transactions by which money comes. A refund that is a row of its own in the list only says: look it up."""
_VOIDED, _RETURNING = "Voided", "RefundInProcessing"
_AMOUNT = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,6})?", re.ASCII)
_SECONDS = re.compile(r"[0-9]{1,11}", re.ASCII)
_REFERENCE_MAX = 200
_TYPED = ("additionalFields", "clientFields", "customFields")
"""Where apiVersion 2 has what the payer typed: as pairs of name and value, or as an object."""


def transaction_of(rail: str, fields: Fields, order_field: str, says_returned: bool) -> GatewayTransaction:
    """The transaction in ``fields``; ``says_returned``: a source that also tells how much has gone back.

    Raises ``InvalidInput`` for what is of no known form.
    """
    code, reference = text_of(fields, "transactionStatus"), reference_of(fields)
    state = STATES.get(code)
    if state is None:
        raise InvalidInput(f"{reference}: its state is not one that WayForPay documents")
    currency = currency_code(text_of(fields, "currency"))
    amount_minor = _minor(text_of(fields, "amount"), currency)
    returned = text_of(fields, "refundAmount") if says_returned else ""
    returned_minor: int | None = _minor(returned, currency) if returned else None
    if says_returned and returned_minor is None:
        returned_minor = {_VOIDED: amount_minor, _RETURNING: 0}.get(code)
    if text_of(fields, "transactionType").upper() not in _PAYMENTS:
        state, returned_minor = GatewayState.GOING_BACK, None
    return GatewayTransaction(
        rail=rail,
        reference=reference,
        state=state,
        code=code,
        amount_minor=amount_minor,
        currency=currency,
        paid_at=_paid_at(fields, state),
        returned_minor=returned_minor,
        is_returning=code == _RETURNING,
        order_number=typed_number(fields, order_field),
    )


def reference_of(fields: Fields) -> str:
    """The order reference, literally. Raises ``InvalidInput`` without one."""
    reference = text_of(fields, "orderReference")
    if not reference or reference != reference.strip() or len(reference) > _REFERENCE_MAX:
        raise InvalidInput("there is no order reference, or it is too long")
    return reference


def typed_number(fields: Fields, order_field: str) -> str | None:
    """What the payer has typed into the field of that name, or into the only one there is."""
    typed = {name: value.strip() for name, value in _typed(fields) if value.strip()}
    if order_field and isinstance(alone := fields.get(order_field), str):
        typed.setdefault(order_field, alone.strip())
    number = typed.get(order_field) if order_field else next(iter(typed.values())) if len(typed) == 1 else None
    return number[:LINE_MAX] if number else None


def _typed(fields: Fields) -> list[tuple[str, str]]:
    pairs: list[tuple[Any, Any]] = []
    for source in _TYPED:
        match fields.get(source):
            case dict() as found:
                pairs += found.items()
            case list() as found:
                pairs += [(item.get("name"), item.get("value")) for item in found if isinstance(item, dict)]
    texts = [(name, value) for name, value in pairs if isinstance(name, str) and isinstance(value, str)]
    return [(name, value) for name, value in texts if text_is_plain(value)]


def text_is_plain(text: str) -> bool:
    try:
        return "\0" not in text and bool(text.encode() or True)
    except UnicodeEncodeError:
        return False


def _minor(amount: str, currency: str) -> int:
    if not _AMOUNT.fullmatch(amount):
        raise InvalidInput("its amount is none that WayForPay writes")
    return parse_amount(Decimal(amount), currency)


def _paid_at(fields: Fields, state: GatewayState) -> datetime:
    """Of money that goes back, the processing date is that of the refund."""
    names = ("createdDate", "processingDate") if state is GatewayState.GOING_BACK else ("processingDate", "createdDate")
    seconds = next((text for name in names if _SECONDS.fullmatch(text := text_of(fields, name)) and int(text)), "")
    if not seconds:
        raise InvalidInput("it has no date")
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        raise InvalidInput("its date is none") from None
