"""How a customer pays. Another way to pay is another class here, and a member of ``PaymentMethod``."""

from typing import Annotated, Literal

from pydantic import StringConstraints

from billing import money
from billing.model import Model

ProcessorId = Annotated[str, StringConstraints(pattern=r"^[a-z]+_\w+$", max_length=255)]
"""The processor's name for a payer or a card. It is never a card number."""
Last4 = Annotated[str, StringConstraints(pattern=r"^([0-9]{4})?$", max_length=4)]
_MINIMUM_MINOR = {  # as the processor publishes them
    **dict.fromkeys(("usd", "eur", "aud", "brl", "cad", "chf", "inr", "jpy", "nzd", "sgd"), 50),
    **dict.fromkeys(("pln", "ron", "aed", "myr"), 200),
    **dict.fromkeys(("sek", "nok"), 300),
    "gbp": 30,
    "bgn": 100,
    "czk": 1500,
    "dkk": 250,
    "hkd": 400,
    "mxn": 1000,
    "huf": 17500,
    "thb": 1000,
}


class CardOnFile(Model):
    """A card that may be charged while its owner is away. ``payer_id`` is the customer at the card's processor.

    ``last4`` are the last digits ("": not known). The card's network may change them; the card remains the same.
    """

    kind: Literal["card"] = "card"
    payer_id: ProcessorId
    card_id: ProcessorId
    last4: Last4 = ""

    @staticmethod
    def minimum_minor(currency: str) -> int:
        """The least that a card can be charged, in minor units; 1 where the processor publishes none."""
        return _MINIMUM_MINOR.get(currency, 1)

    @staticmethod
    def maximum_minor(currency: str) -> int:
        """The most that a card can be charged at once: as much as an amount can be."""
        return money.maximum_minor(currency)

    def is_same(self, other: "PaymentMethod") -> bool:
        """Whether it is the same card, perhaps with other digits."""
        return self.card_id == other.card_id


PaymentMethod = CardOnFile
"""A union, told apart by ``kind`` (pydantic's ``Field(discriminator="kind")``) as soon as it has a second member."""
