"""By which number a customer pays in banks' apps, and in which."""

from billing.customers.account_numbers import AccountNumber
from billing.model import Few, Line, Model


class ByApp(Model):
    """``apps`` are the titles of the rails whose contracts are in the customer's currency; there is one at least."""

    number: AccountNumber
    apps: Few[Line]
