"""The calls of WayForPay's API: CREATE_INVOICE, REMOVE_INVOICE, CHECK_STATUS, TRANSACTION_LIST and REFUND."""

import re
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, Field

from sandbox.stand_ins.faults import Fault, FaultRules
from sandbox.wayforpay.orders import OK, Orders, is_payable, shown
from sandbox.wayforpay.store import MERCHANT, Order, signature

FORMAT, WRONG_DATE, DUPLICATE, FORGED = 1109, 1115, 1112, 1113
NOT_ALLOWED, NOT_FOUND, TOO_MUCH = 1123, 1127, 1128
WINDOW_SECONDS = 31 * 24 * 60 * 60
_AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,2})?")


class RefundPlan(Fault):
    """What becomes of the next refunds: a refusal with this code; 1138: it waits for the shop's balance."""

    code: int = Field(ge=1000, le=9999)


class RefundPlans(BaseModel):
    plans: list[RefundPlan]


class RefundWords(BaseModel, extra="forbid"):
    """What answers say of how much went back: the sum, the last refund only, or nothing at all.

    The vendor's documents name no such field for the list.
    """

    in_list: Literal["sum", "last", "none"] = "none"
    in_status: Literal["sum", "last", "none"] = "sum"


class Refused(Exception):
    """An answer with another reason code than ``OK``."""

    def __init__(self, code: int, reason: str, **fields: Any) -> None:
        super().__init__(reason)
        self.answer = {"reasonCode": code, "reason": reason, **fields}


class Calls:
    def __init__(self, orders: Orders) -> None:
        self.refund_plans = FaultRules[RefundPlan]()
        self.refund_words = RefundWords()
        self._orders = orders
        self._store = orders.store

    def answer(self, call: str, body: Order, base_url: str) -> Order:
        self._orders.expire_due()
        calls = {
            "CREATE_INVOICE": lambda: self._create_invoice(body, base_url),
            "REMOVE_INVOICE": lambda: self._remove_invoice(body),
            "CHECK_STATUS": lambda: self._check_status(body),
            "TRANSACTION_LIST": lambda: self._transaction_list(body),
            "REFUND": lambda: self._refund(body),
        }
        try:
            if call not in calls:
                raise Refused(FORMAT, "Wrong transactionType")
            if not str(body.get("merchantAccount", "")).startswith(MERCHANT):
                raise Refused(FORGED, "Invalid signature")
            return calls[call]()
        except Refused as refused:
            return refused.answer

    def offer(self, body: Order) -> Order:
        """A new order by a purchase, of a form, JSON or an invoice. Raises ``Refused``."""
        products = [body.get(name) or [] for name in ("productName", "productCount", "productPrice")]
        named = ("merchantAccount", "merchantDomainName", "orderReference", "orderDate", "amount", "currency")
        self._verify(body, *(body.get(name) for name in named), *(item for items in products for item in items))
        amount, reference = str(body.get("amount", "")), str(body.get("orderReference") or "")
        if not _AMOUNT.fullmatch(amount) or not Decimal(amount) or not reference or not products[0]:
            raise Refused(FORMAT, "Wrong format")
        if (body["merchantAccount"], reference) in self._store.orders:
            raise Refused(DUPLICATE, "Duplicate Order ID")
        return self._orders.create(
            body["merchantAccount"],
            reference,
            amount,
            str(body["currency"]),
            seconds=int(body.get("orderTimeout") or 3600),
            service_url=body.get("serviceUrl") or "",
            return_url=body.get("returnUrl") or "",
            product=str(products[0][0]),
        )

    def _create_invoice(self, body: Order, base_url: str) -> Order:
        order = self.offer(body)
        url = f"{base_url}/invoice/{order['page']}"
        return {"reasonCode": OK, "reason": "Ok", "invoiceUrl": url, "qrCode": ""}

    def _remove_invoice(self, body: Order) -> Order:
        order = self._known(body, body.get("merchantAccount"), body.get("orderReference"))
        if order["removed"]:
            raise Refused(NOT_FOUND, "Order Not Found")
        if not is_payable(order):
            raise Refused(NOT_ALLOWED, "Invoice cannot be removed")
        self._store.put_order({**order, "removed": True})
        return {"reasonCode": OK, "reason": "Ok"}

    def _check_status(self, body: Order) -> Order:
        order = self._known(body, body.get("merchantAccount"), body.get("orderReference"))
        if order["removed"] and order["status"] == "Created":
            raise Refused(NOT_FOUND, "Order Not Found")
        return shown(order, body.get("apiVersion") == 2) | _returned(order, self.refund_words.in_status)

    def _transaction_list(self, body: Order) -> Order:
        begin, end = body.get("dateBegin"), body.get("dateEnd")
        self._verify(body, body.get("merchantAccount"), begin, end)
        if not isinstance(begin, int) or not isinstance(end, int) or not 0 <= end - begin <= WINDOW_SECONDS:
            raise Refused(WRONG_DATE, "Wrong date")
        rows = [
            {"transactionType": "PURCHASE", **shown(order, body.get("apiVersion") == 2)}
            | _returned(order, self.refund_words.in_list)
            | order.get("list_row", {})
            for order in self._store.orders.values()
            if order["merchant"] == body["merchantAccount"] and begin <= order["created"] <= end
            if order["status"] != "Created"
        ]
        for row in rows:
            row.pop("merchantSignature", None)
        return {"reasonCode": OK, "reason": "Ok", "transactionList": rows}

    def _refund(self, body: Order) -> Order:
        named = ("merchantAccount", "orderReference", "amount", "currency")
        order = self._known(body, *(body.get(name) for name in named))
        plan, amount = self.refund_plans.firing(lambda plan: True), str(body.get("amount", ""))
        is_paid = order["status"] in ("Approved", "Refunded", "RefundInProcessing")
        if plan is not None and plan.code != 1138:
            return _refunded(order, "Declined", plan.code)
        if not is_paid or body.get("currency") != order["currency"]:
            return _refunded(order, "Declined", NOT_ALLOWED)
        if not _AMOUNT.fullmatch(amount) or not 0 < Decimal(amount) <= self._orders.left(order):
            return _refunded(order, "Declined", TOO_MUCH)
        changed = self._orders.refund(order, amount, is_processing=plan is not None)
        return _refunded(order, changed["status"], OK if plan is None else 1138)

    def _known(self, body: Order, *signed: object) -> Order:
        self._verify(body, *signed)
        order = self._store.orders.get((body["merchantAccount"], str(body.get("orderReference"))))
        if order is None:
            raise Refused(NOT_FOUND, "Order Not Found")
        return order

    def _verify(self, body: Order, *signed: object) -> None:
        if body.get("merchantSignature") != signature(signed):
            raise Refused(FORGED, "Invalid signature")


def _returned(order: Order, words: str) -> Order:
    amounts = {"sum": order["refunded"], "last": order.get("last_refund", "0")}
    return {"refundAmount": amounts[words]} if words in amounts else {}


def _refunded(order: Order, status: str, code: int) -> Order:
    fields = {
        "merchantAccount": order["merchant"],
        "orderReference": order["reference"],
        "transactionStatus": status,
        "reasonCode": code,
    }
    return {**fields, "reason": "Ok" if code == OK else "Declined", "merchantSignature": signature(fields.values())}
