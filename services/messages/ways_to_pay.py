"""What customers are told about paying by themselves: on their page, and in the mails of a bill."""

from collections.abc import Mapping, Sequence

from billing.customers.account_numbers import AccountNumbers
from billing.customers.customer import Customer
from billing.customers.ways_to_pay import WaysToPay


class PaymentWays:
    """``apps`` are the titles of the rails of banks' apps, by the currency of their contracts; ``where`` a setting."""

    def __init__(self, ledger: AccountNumbers, apps: Mapping[str, Sequence[str]], where: str = "") -> None:
        self._ledger = ledger
        self._apps = apps
        self._where = where

    async def of(self, customer: Customer) -> WaysToPay:
        """Raises ``LedgerUnavailable``."""
        accounts = await self._ledger.numbers_of(customer.customer_id)
        number = next((account.number for account in accounts if account.closed_at is None), None)
        apps = tuple(self._apps.get(customer.currency, ())) if number else ()
        return WaysToPay(account=number, apps=apps, where="" if customer.card else self._where)

    def by_account(self, account: str | None, currency: str) -> WaysToPay:
        """As ``of``, of somebody who need not be a customer yet."""
        apps = tuple(self._apps.get(currency, ())) if account else ()
        return WaysToPay(account=account, apps=apps, where=self._where)
