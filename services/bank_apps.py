"""What customers are told about paying in a bank's app: on their page, and in the mails of a bill."""

from collections.abc import Mapping, Sequence

from billing.billers.by_app import ByApp
from billing.customers.account_numbers import AccountNumbers
from billing.customers.customer import Customer


class BankApps:
    """``titles`` are those of the rails of banks' apps, by the currency of their contracts."""

    def __init__(self, ledger: AccountNumbers, titles: Mapping[str, Sequence[str]]) -> None:
        self._ledger = ledger
        self._titles = titles

    async def of(self, customer: Customer) -> ByApp | None:
        """None without an app in their currency, or an account number. Raises ``LedgerUnavailable``."""
        apps = self._titles.get(customer.currency)
        if not apps:
            return None
        accounts = await self._ledger.numbers_of(customer.customer_id)
        numbers = (account.number for account in accounts if account.closed_at is None)
        number = next(numbers, None)
        return ByApp(number=number, apps=tuple(apps)) if number else None
