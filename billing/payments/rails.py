"""Rails: the configured ways for money to arrive. Two banks that speak one dialect are two rails."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from billing.errors import InvalidInput
from billing.model import Line, Model

RailName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=40)]


class RailKind(StrEnum):
    CARDS = "cards"  # a processor's account: payments are made, looked up and given back there
    BY_HAND = "by_hand"  # people record what has arrived: a bank account, the cash desk


class Rail(Model):
    """A rail, by ``BILLING_RAILS``. ``title`` is what customers and accountants read ("": its name)."""

    kind: RailKind
    title: Line = ""


BY_HAND_RAILS = {
    "transfer": Rail(kind=RailKind.BY_HAND, title="Bank transfer"),
    "cash": Rail(kind=RailKind.BY_HAND, title="Cash"),
}
"""Those of a company that has configured none."""


def by_hand(rails: dict[str, Rail], name: str) -> str:
    """The name of a rail that people record. Raises ``InvalidInput`` for any other."""
    rail = rails.get(name)
    if rail is None or rail.kind is not RailKind.BY_HAND:
        names = ", ".join(known for known, each in rails.items() if each.kind is RailKind.BY_HAND)
        raise InvalidInput(f"payments on {name!r} are not recorded by hand; name one of: {names}, or set BILLING_RAILS")
    return name
