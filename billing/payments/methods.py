"""Payment methods. A new one is a class here and a member of ``PaymentMethod``."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from billing.model import Model
from billing.money import MAX_AMOUNT_MINOR

ProcessorId = Annotated[str, StringConstraints(pattern=r"^[a-z]+_\w+$", max_length=255)]
"""The processor's id of a payer or a card; never a card number."""
Last4 = Annotated[str, StringConstraints(pattern=r"^([0-9]{4})?$", max_length=4)]
_MINIMUM_MINOR = {  # published by the processor
    **dict.fromkeys("usd ars aud brl cad chf cop eur idr ils inr jpy krw nzd php rub sgd zar".split(), 50),  # noqa: SIM905
    **dict.fromkeys(("pln", "ron", "aed", "myr"), 200),
    **dict.fromkeys(("sek", "nok"), 300),
    **dict.fromkeys(("mxn", "thb"), 1000),
    "gbp": 30,
    "bgn": 100,
    "czk": 1500,
    "dkk": 250,
    "hkd": 400,
    "huf": 17500,
}


class CardOnFile(Model):
    """A card that can be charged off-session. ``payer_id`` is the customer's id at the card's processor.

    ``last4`` are the last digits ("": unknown); the card's network may change them without changing the card.
    """

    kind: Literal["card"] = "card"
    payer_id: ProcessorId
    card_id: ProcessorId
    last4: Last4 = ""

    @staticmethod
    def minimum_minor(currency: str) -> int:
        """The smallest possible charge in minor units; 1 if the processor publishes no minimum."""
        return _MINIMUM_MINOR.get(currency, 1)

    @staticmethod
    def maximum_minor(currency: str) -> int:
        """The largest possible charge in minor units."""
        return MAX_AMOUNT_MINOR

    def is_same(self, other: "PaymentMethod | None") -> bool:
        """Whether both are one card, even if its digits have changed."""
        return isinstance(other, CardOnFile) and self.card_id == other.card_id


class BillPayer(Model):
    """Nothing is charged: the customer gets a bill, and pays it on any rail."""

    kind: Literal["bill"] = "bill"

    @staticmethod
    def minimum_minor(currency: str) -> int:
        """The smallest possible bill in minor units."""
        return 1

    @staticmethod
    def maximum_minor(currency: str) -> int:
        """The largest possible bill in minor units."""
        return MAX_AMOUNT_MINOR

    def is_same(self, other: "PaymentMethod | None") -> bool:
        """Whether the other one pays bills, too."""
        return isinstance(other, BillPayer)


PaymentMethod = Annotated[CardOnFile | BillPayer, Field(discriminator="kind")]
