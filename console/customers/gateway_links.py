"""Links by gateways for what a customer owes, made when they ask for one on their page.

Who pays by bill may also ask for a page of the processor that takes any card once.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime

from babel.dates import format_date

from billing.customers.customer import Customer
from billing.customers.ports import CustomerStore
from billing.errors import BillingError
from billing.payments.checkouts import LIFETIME_MAX, CheckoutRequest
from billing.payments.rails import Rail, RailKind
from billing.period import Period
from billing.receivables.journal import Subject
from services.checkouts import Checkouts
from wording.english import LOCALE

_log = logging.getLogger(__name__)


class GatewayLinks:
    def __init__(
        self, checkouts: Checkouts, ledger: CustomerStore, rails: Mapping[str, Rail], now: Callable[[], datetime]
    ) -> None:
        self._gateways = {name: rail.title or name for name, rail in rails.items() if rail.kind is RailKind.GATEWAY}
        self._links = {name: "card" for name, rail in rails.items() if rail.kind is RailKind.LINKS}
        self._checkouts = checkouts
        self._ledger = ledger
        self._now = now

    def titles(self, customer: Customer | None) -> dict[str, str]:
        """The ways to pay that are on offer, by rail."""
        return self._gateways if customer is None or customer.card else self._links | self._gateways

    @property
    def of_fees(self) -> dict[str, str]:
        """The ways to pay a fee, by rail: it is charged to no card on file."""
        return self._links | self._gateways

    async def open(self, rail: str, customer_id: str, period: Period) -> str:
        """The address of the gateway's page; "" if none can be opened now, for a reason that is logged."""
        customer = await self._ledger.customer(customer_id)
        if customer is None or rail not in self.titles(customer):
            return ""
        description = f"Invoice for {format_date(period.first_day, 'MMMM y', locale=LOCALE)}"
        return await self._opened(rail, customer_id, customer.payer_id, Subject.month(period), description)

    async def open_fee(self, rail: str, customer_id: str, subject: Subject, description: str) -> str:
        """As ``open``, of the fee of a service order; who has ordered it need not be a customer yet."""
        if rail not in self.of_fees:
            return ""
        customer = await self._ledger.customer(customer_id)
        return await self._opened(rail, customer_id, customer.payer_id if customer else None, subject, description)

    async def _opened(
        self, rail: str, customer_id: str, payer_id: str | None, subject: Subject, description: str
    ) -> str:
        request = CheckoutRequest(
            rail=rail,
            customer_id=customer_id,
            payer_id=payer_id,
            subject=subject,
            description=description,
            expires_at=self._now() + LIFETIME_MAX,
            by="the customer",
            reason="on their page",
        )
        try:
            return (await self._checkouts.open(request, self._now())).url or ""
        except BillingError as error:
            _log.warning("%s, %s: no link by %s: %s", customer_id, subject, rail, error)
            return ""
