"""Rails: the configured ways for money to arrive. Two banks that speak one dialect are two rails."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from billing.errors import InvalidInput
from billing.model import Line, Model

CARDS = "stripe"
"""The rail of the cards on file."""
RailName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$", max_length=40)]


class RailKind(StrEnum):
    CARDS = "cards"  # a processor's account: payments are made, looked up and given back there
    LINKS = "links"  # a processor's pages, each for one payment: customers get a link
    BY_HAND = "by_hand"  # people record what has arrived: a bank account, the cash desk


class Rail(Model):
    """A rail, by ``BILLING_RAILS``. ``title`` is what customers and accountants read ("": its name)."""

    kind: RailKind
    title: Line = ""


RAILS = {
    "stripe-link": Rail(kind=RailKind.LINKS, title="Payment link"),
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


def of_links(rails: dict[str, Rail]) -> str:
    """The name of the rail of payment links. Raises ``InvalidInput`` unless there is one."""
    names = [name for name, rail in rails.items() if rail.kind is RailKind.LINKS]
    if len(names) != 1:
        raise InvalidInput(
            f"{len(names)} rails are of kind {RailKind.LINKS}; payment links need one, such as stripe-link: "
            "set BILLING_RAILS"
        )
    return names[0]
