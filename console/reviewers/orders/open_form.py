"""What was typed to open an order, as a request: the form has what the procedure asks for."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from billing.customers.account_numbers import is_account_number
from billing.customers.customer import Customer
from billing.errors import InvalidInput
from billing.subscribers.service_file import ReadPhone
from billing.tasks.forms import TEXT_MAX
from inbound.service_orders import Newcomers, ServiceBody
from orders.order import Buyer
from orders.procedures.procedure import Asked, Procedure
from orders.service.asked import Unfit
from orders.service.numbers import number_from
from orders.service.service_order import ServiceRequest

VALUES = (Asked.TARIFF, Asked.ADDRESS, Asked.DATE, Asked.CATEGORY, Asked.TEXT)
PERSON = ("customer", "name", "email", "phone", "new_account", "personal_number")
"""Of somebody who is connected."""
_SHAPES: dict[str, tuple[str, Callable[[str], object], str]] = {
    "number": (
        "order number",
        re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}").fullmatch,
        "is none; write up to 60 letters, digits, dots and dashes, such as CRM-77",
    ),
    "customer": (
        "customer",
        re.compile(r"[a-z0-9][a-z0-9_-]{0,63}").fullmatch,
        "is no id; write small letters, digits and dashes, such as dana-7",
    ),
    "account": ("account", is_account_number, "is no account number; look for it at Subscribers"),
}
"""What a text has to look like, and what to write instead."""
FIELDS = ("number", "account", *map(str, VALUES), *PERSON, "currency", "timezone")


class OpenForm:
    """``typed`` by the names in ``FIELDS``; ``read_phone`` raises ``InvalidInput``."""

    def __init__(self, procedure: Procedure, typed: Mapping[str, str], change_id: str, read_phone: ReadPhone) -> None:
        self._procedure = procedure
        self._typed = {name: typed.get(name, "").strip() for name in FIELDS}
        self._change_id = change_id
        self._read_phone = read_phone

    def request(self, customer: Customer | None, personal_secret: str, newcomers: Newcomers) -> ServiceRequest:
        """The request; of a ``customer`` who is billed already, in their currency.

        Raises ``InvalidInput`` and ``pydantic.ValidationError``.
        """
        if problems := list(self._problems()):
            raise Unfit("; ".join(problems))
        body: dict[str, Any] = {
            "number": self._typed["number"] or number_from(self._change_id),
            "procedure": self._procedure.name,
            **self._said(*(name for name in (Asked.ACCOUNT, *VALUES) if self._procedure.asks(name))),
        }
        if customer is not None:
            body |= {"currency": customer.currency, "timezone": customer.timezone}
        else:
            body |= self._said("currency", "timezone")
        if self._procedure.asks(Asked.SUBSCRIBER) and self._typed["customer"]:
            body |= {"buyer": self._buyer(), "subscriber": self._subscriber()}
        return ServiceBody.model_validate(body).request(personal_secret, newcomers)

    def _said(self, *names: str) -> dict[str, str]:
        return {str(name): text for name in names if (text := self._typed[name])}

    def _problems(self) -> Iterator[str]:
        """What no request may say, by the labels of the form."""
        for name, (label, fits, advice) in _SHAPES.items():
            if (text := self._typed[name]) and not fits(text):
                yield f"{label}: {text[:40]!r} {advice}"
        if len(text := self._typed[Asked.TEXT]) > TEXT_MAX:
            yield f"the text has {len(text):,} characters; at most {TEXT_MAX:,} are taken"

    def _buyer(self) -> dict[str, str]:
        given = self._said("name", "email")
        return {"customer_id": self._typed["customer"], "name": self._typed["customer"]} | given

    def _subscriber(self) -> dict[str, str]:
        given = self._said("address", "personal_number")
        if number := self._typed["new_account"]:
            given["number"] = number
        if phone := self._typed["phone"]:
            given["phone"] = self._phone(phone)
        return given

    def _phone(self, typed: str) -> str:
        try:
            return self._read_phone(typed)
        except InvalidInput as error:
            raise Unfit(f"phone: {error}") from None


def person_of(buyer: Buyer) -> dict[str, str]:
    """The fields of the form about somebody who is known."""
    return {"customer": buyer.customer_id, "name": buyer.name, "email": buyer.email or ""}
