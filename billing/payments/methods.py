"""How a customer pays. Another way to pay is another class here, and a member of ``PaymentMethod``."""

from typing import Annotated, ClassVar, Literal

from pydantic import StringConstraints

from billing.model import Model
from billing.payments.limits import CARD_LIMITS, ChargeLimits

ProcessorId = Annotated[str, StringConstraints(pattern=r"^[a-z]+_\w+$", max_length=255)]
"""The processor's name for a payer or a card. It is never a card number."""
Last4 = Annotated[str, StringConstraints(pattern=r"^([0-9]{4})?$", max_length=4)]


class CardOnFile(Model):
    """A card that may be charged while its owner is away. ``payer_id`` is the customer at the card's processor.

    ``last4`` are the last digits ("": not known). The card's network may change them; the card remains the same.
    """

    limits: ClassVar[ChargeLimits] = CARD_LIMITS

    kind: Literal["card"] = "card"
    payer_id: ProcessorId
    card_id: ProcessorId
    last4: Last4 = ""

    def is_same(self, other: "PaymentMethod") -> bool:
        """Whether it is the same card, perhaps with other digits."""
        return self.card_id == other.card_id


PaymentMethod = CardOnFile
"""A union, told apart by ``kind`` (pydantic's ``Field(discriminator="kind")``) as soon as it has a second member."""
