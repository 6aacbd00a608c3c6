"""Who is concerned by planned works: service accounts by node, tag, address or number.

Whoever matches anything of it is concerned. Nobody, and everybody, are asked about: most likely they were not meant.
"""

from typing import Annotated

from pydantic import Field

from billing.customers.account_numbers import AccountNumber
from billing.errors import InvalidInput
from billing.model import Code, Count, Few, Line, Many, Model
from billing.subscribers.place import Node, Tag
from billing.tasks.areas import address_key


class Audience(Model):
    """``addresses`` are parts of addresses, by whole words. ``everybody``: a person has said that all are meant."""

    nodes: Few[Node] = ()
    tags: Few[Tag] = ()
    addresses: Few[Line] = ()
    accounts: Many[AccountNumber] = ()
    everybody: bool = False

    @property
    def address_keys(self) -> tuple[str, ...]:
        return tuple(map(address_key, self.addresses))

    def require_somebody(self) -> None:
        """Raises ``InvalidInput`` for an audience that says nothing, or has an address without words."""
        if not (self.nodes or self.tags or self.addresses or self.accounts or self.everybody):
            raise InvalidInput("who is concerned? give a node, a tag, an address or accounts, or say everybody")
        if not all(self.address_keys):
            raise InvalidInput("an address has no words; write a part of one, such as Abay Ave. 1")


class Reach(Model):
    """How many an audience has, of what is connected: accounts, customers, and numbers that texts go to.

    ``all_accounts`` are those of everybody. ``without_number``: customers of whom no number is known; ``doubtful``:
    whose number took no text lately. ``texts`` by the time zone of those who get them. ``unknown``: accounts that were
    listed, and are not connected.
    """

    accounts: Count
    all_accounts: Count
    customers: Count
    without_number: Count
    doubtful: Count
    texts: Annotated[dict[Code, Count], Field(max_length=600)]
    unknown: Few[AccountNumber] = ()

    @property
    def text_count(self) -> int:
        return sum(self.texts.values())

    def require_meant(self, audience: Audience) -> None:
        """Raises ``InvalidInput`` for nobody, for everybody who was not meant, and for accounts that are not there."""
        if self.unknown:
            raise InvalidInput(f"not connected: {', '.join(self.unknown[:10])}; take them off the list")
        if not self.accounts:
            raise InvalidInput("this concerns nobody: no connected account has such a node, tag or address")
        if self.accounts == self.all_accounts and not audience.everybody:
            raise InvalidInput(
                f"this concerns everybody, all {self.accounts:,} accounts; if that is meant, say everybody "
                "(--everybody in a command)"
            )
