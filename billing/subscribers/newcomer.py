"""A service account that is registered in the same call as an order, with the person's number, if it is known."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from billing.customers.account_numbers import (
    PERSONAL_DIGITS,
    AccountNumber,
    PersonalKey,
    is_account_number,
    is_personal_number,
)
from billing.customers.channels import Phone
from billing.model import Few, Model
from billing.subscribers.place import Node, Tag
from billing.subscribers.service import NewService, ServiceAddress


def _genuine(number: str) -> str:
    if not is_account_number(number):
        raise ValueError("its last digit does not fit the others; leave it out for a new number")
    return number


def _personal(number: str) -> str:
    if not is_personal_number(number):
        raise ValueError("it has 12 digits, and the last one fits the others")
    return number


PersonalDigits = Annotated[str, StringConstraints(max_length=PERSONAL_DIGITS), AfterValidator(_personal)]


class _Newcomer(Model, extra="forbid"):
    number: Annotated[AccountNumber, AfterValidator(_genuine)] | None = None
    phone: Phone | None = None
    address: ServiceAddress | None = None
    node: Node | None = None
    tags: Annotated[Few[Tag], Field(max_length=20)] = ()


class NewSubscriber(_Newcomer):
    """As it is taken in: the personal number is a keyed digest by then."""

    personal: PersonalKey | None = None

    def service(self, customer_id: str, order_number: str, by: str) -> NewService:
        """The account, once for each order."""
        about = f"order {order_number}"
        return NewService(
            customer_id=customer_id,
            key=about,
            number=self.number,
            phone=self.phone,
            address=self.address,
            node=self.node,
            tags=self.tags,
            personal=self.personal,
            by=by,
            reason=about,
        )


class SubscriberBody(_Newcomer):
    """As another system sends it."""

    personal_number: PersonalDigits | None = None

    def keyed(self, secret: str) -> NewSubscriber:
        """Raises ``InvalidInput`` if personal numbers are not kept here."""
        key = PersonalKey.of(self.personal_number, secret) if self.personal_number else None
        return NewSubscriber(**{name: getattr(self, name) for name in _Newcomer.model_fields}, personal=key)
