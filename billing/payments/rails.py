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
    GATEWAY = "gateway"  # a shop at WayForPay: its pages, the links to them, and what payers do there by themselves
    BILLER = "biller"  # a contract with a bank: its app asks what an account owes, and tells what was paid
    STATEMENTS = "statements"  # a bank account of ours, by its statements
    BY_HAND = "by_hand"  # people record what has arrived: a bank account without statements, the cash desk


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
SANDBOX_RAILS = RAILS | {
    "wayforpay": Rail(kind=RailKind.GATEWAY, title="WayForPay"),
    "bank-app": Rail(kind=RailKind.BILLER, title="Bank's app"),
    "terminals": Rail(kind=RailKind.BILLER, title="Terminals"),
    "local-bank": Rail(kind=RailKind.BILLER, title="Local bank"),
    "bank": Rail(kind=RailKind.STATEMENTS, title="Bank account"),
}
"""Those of a sandbox that has configured none."""


def by_hand(rails: dict[str, Rail], name: str) -> str:
    """The name of a rail that people record. Raises ``InvalidInput`` for any other."""
    rail = rails.get(name)
    if rail is None or rail.kind is not RailKind.BY_HAND:
        names = ", ".join(known for known, each in rails.items() if each.kind is RailKind.BY_HAND)
        raise InvalidInput(f"payments on {name!r} are not recorded by hand; name one of: {names}, or set BILLING_RAILS")
    return name


def of_links(rails: dict[str, Rail], name: str = "") -> str:
    """The name of the rail of payment links: the one that is named, else the only one of its kind.

    Stripe's links come before a gateway's. Raises ``InvalidInput`` unless there is one.
    """
    kinds = {
        kind: [known for known, rail in rails.items() if rail.kind is kind]
        for kind in (RailKind.LINKS, RailKind.GATEWAY)
    }
    names = [known for of_kind in kinds.values() for known in of_kind]
    if name and name not in names:
        raise InvalidInput(f"{name!r} makes no payment links; name one of: {', '.join(names)}, or set BILLING_RAILS")
    if name:
        return name
    kind = RailKind.LINKS if kinds[RailKind.LINKS] or not kinds[RailKind.GATEWAY] else RailKind.GATEWAY
    of_kind = kinds[kind]
    if len(of_kind) != 1:
        advice = f"name one with --rail: {', '.join(of_kind)}, or set BILLING_RAILS"
        if not of_kind:
            advice = "payment links need one, such as stripe-link: set BILLING_RAILS"
        raise InvalidInput(f"{len(of_kind)} rails are of kind {kind}; {advice}")
    return of_kind[0]


def gateways(rails: dict[str, Rail]) -> list[str]:
    """The names of the rails that are shops at a gateway."""
    return [name for name, rail in rails.items() if rail.kind is RailKind.GATEWAY]


def statement_rails(rails: dict[str, Rail]) -> list[str]:
    """The names of the rails that are bank accounts with statements."""
    return [name for name, rail in rails.items() if rail.kind is RailKind.STATEMENTS]


def billers(rails: dict[str, Rail]) -> list[str]:
    """The names of the rails that are contracts with a bank's app."""
    return [name for name, rail in rails.items() if rail.kind is RailKind.BILLER]
