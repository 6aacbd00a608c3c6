"""How customers can pay by themselves, whatever else is tried."""

from billing.customers.account_numbers import AccountNumber
from billing.model import Few, Line, Model, Words


class WaysToPay(Model):
    """By which ``account`` number (None: they have none), in which ``apps``, and ``where`` else ("": nothing is said).

    ``apps`` are the titles of the rails of banks' apps whose contracts are in the customer's currency; () without an
    account number. ``where`` is a setting, for customers without a card.
    """

    account: AccountNumber | None = None
    apps: Few[Line] = ()
    where: Words = ""
