"""Which rows of a file of customers are about the same person or card."""

from billing.customers.address import email_key
from billing.customers.customer import Customer, Party
from billing.errors import InvalidInput


class Owners:
    """The customers read so far: a file's are started together, so the ledger cannot find duplicates among them."""

    def __init__(self) -> None:
        self._lines: dict[str, int] = {}
        self._numbers: dict[str, str] = {}
        self._owners: dict[tuple[str, str], str] = {}

    def take(self, line: int, customer: Party, token: str, numbers: tuple[str, ...]) -> None:
        """Raises ``InvalidInput``, taking nothing, for a duplicate."""
        customer_id = customer.customer_id
        if customer_id in self._lines:
            raise InvalidInput(f"{customer_id} is already in line {self._lines[customer_id]}")
        keys = {"email": email_key(customer.email)} if customer.email else {}
        if token:
            keys["card"] = token
        if isinstance(customer, Customer) and (card := customer.card):
            keys |= {"card": card.card_id, "Stripe customer": card.payer_id}
        for name, key in keys.items():
            if owner := self._owners.get((name, key)):
                ambiguous = "; sales rows could not be told apart" if name == "email" else ""
                raise InvalidInput(f"its {name} is also that of {owner}{ambiguous}")
        for number in numbers:
            if owner := self._numbers.get(number):
                raise InvalidInput(f"its account number is also that of {owner}")
        self._lines[customer_id] = line
        self._numbers |= dict.fromkeys(numbers, customer_id)
        self._owners |= dict.fromkeys(keys.items(), customer_id)
