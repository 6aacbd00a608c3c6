"""What happens to an order of the stand-in: it is paid or declined, expires, goes back. Each change is told."""

import secrets
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sandbox.wayforpay.store import Order, Store, signature

OK = 1100
REASONS = {OK: "Ok", 1101: "Declined To Card Issuer", 1124: "Expired", 1131: "In processing", 1138: "Refund in process"}
_CALLBACK = (
    "merchantAccount",
    "orderReference",
    "amount",
    "currency",
    "authCode",
    "cardPan",
    "transactionStatus",
    "reasonCode",
)
_PAYABLE = ("Created", "InProcessing", "Pending")


class Orders:
    """``on_change`` is called with each order that has changed, after that is in the journal."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.on_change: Callable[[Order], None] = lambda order: None

    def create(self, merchant: str, reference: str, amount: str, currency: str, **fields: Any) -> Order:
        """An order that nobody has paid yet. ``seconds``: how long it can be."""
        now, seconds = int(self.store.now()), fields.pop("seconds", 3600)
        order = {
            "merchant": merchant,
            "reference": reference,
            "amount": amount,
            "currency": currency,
            "created": now,
            "processed": now,
            "expires": now + seconds,
            "status": "Created",
            "reason_code": OK,
            "auth_code": None,
            "card": None,
            "refunded": "0",
            "returning": "0",
            "removed": False,
            "page": secrets.token_hex(12),
            "service_url": "",
            "return_url": "",
            "product": "",
            "typed": {},
            **fields,
        }
        return self.store.put_order(order)

    def pay(self, order: Order) -> Order:
        return self.change(order, "Approved", auth_code="541963", card="41****8217")

    def decline(self, order: Order) -> Order:
        return self.change(order, "Declined", 1101)

    def expire_due(self) -> None:
        """Ends what nobody has paid in time."""
        for order in list(self.store.orders.values()):
            if order["status"] == "Created" and not order["removed"] and self.store.now() >= order["expires"]:
                self.change(order, "Expired", 1124)

    def refund(self, order: Order, amount: str, is_processing: bool = False) -> Order:
        """Gives money back; or only begins to, while the shop's balance is too small."""
        if is_processing:
            waiting = Decimal(order["returning"]) + Decimal(amount)
            return self.change(order, "RefundInProcessing", 1138, returning=str(waiting))
        total = Decimal(order["refunded"]) + Decimal(amount)
        return self.change(order, "Refunded", refunded=str(total), last_refund=amount)

    def finish_refunds(self, order: Order) -> Order:
        """The shop's balance is large enough again."""
        total = Decimal(order["refunded"]) + Decimal(order["returning"])
        return self.change(order, "Refunded", refunded=str(total), last_refund=order["returning"], returning="0")

    def left(self, order: Order) -> Decimal:
        return Decimal(order["amount"]) - Decimal(order["refunded"]) - Decimal(order["returning"])

    def change(self, order: Order, status: str, reason_code: int = OK, **changes: Any) -> Order:
        now = int(self.store.now())
        changed = {**order, "status": status, "reason_code": reason_code, "processed": now, **changes}
        self.store.put_order(changed)
        self.on_change(changed)
        return changed


def is_payable(order: Order) -> bool:
    return order["status"] in _PAYABLE and not order["removed"]


def shown(order: Order, is_second_version: bool = True) -> Order:
    """The order as WayForPay describes it, with its signature. How much went back is not in a callback."""
    fields: Order = {
        "merchantAccount": order["merchant"],
        "orderReference": order["reference"],
        "amount": order["amount"],
        "currency": order["currency"],
        "authCode": order["auth_code"],
        "email": "payer@example.com",
        "phone": "380501234567",
        "createdDate": order["created"],
        "processingDate": order["processed"],
        "cardPan": order["card"],
        "cardType": "Visa",
        "issuerBankCountry": "Ukraine",
        "issuerBankName": "A bank",
        "transactionStatus": order["status"],
        "reason": REASONS.get(order["reason_code"], "Declined"),
        "reasonCode": order["reason_code"],
        "fee": 0,
        "paymentSystem": "card",
        "clientName": "Ann Payer",
    }
    if is_second_version and order["typed"]:
        fields["additionalFields"] = [{"name": name, "value": value} for name, value in order["typed"].items()]
    return {**fields, "merchantSignature": signature(fields[name] for name in _CALLBACK)}
