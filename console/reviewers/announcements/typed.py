"""The form of planned works, as it was typed: kept on the page until it is written."""

from collections.abc import Mapping

from billing.announcements.announcement import Works
from billing.announcements.audience import Audience
from billing.announcements.typed import TypedAudience, TypedWorks


def typed_works(typed: Mapping[str, str], timezone: str, before: Works | None = None) -> Works:
    """``datetime-local`` fields have a T. Raises ``InvalidInput``."""
    return TypedWorks(*(typed.get(name, "") for name in ("starts", "ends", "works"))).works(timezone, before)


def typed_audience(typed: Mapping[str, str]) -> Audience:
    """Nodes, tags and accounts with spaces between them, an address in each line. Raises ``InvalidInput``."""
    nodes, tags = (typed.get(name, "").split() for name in ("nodes", "tags"))
    addresses = [line.strip() for line in typed.get("addresses", "").splitlines() if line.strip()]
    accounts = typed.get("accounts", "").split()
    return TypedAudience(nodes, tags, addresses, accounts, typed.get("everybody") == "1").audience()
