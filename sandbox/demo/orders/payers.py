"""What the buyers of the demo do: they pay in their browsers, on pages of the gateway and of Stripe, and at their bank.

Whose they are, and what for, is not told to anybody but the rails.
"""

from collections import defaultdict
from datetime import UTC, datetime

from billing.errors import BillingError
from billing.money import parse_amount
from sandbox.demo.orders.sample_orders import CURRENCY, SampleOrder
from sandbox.stack.stack import Stack
from sandbox.stand_ins.bank import Bank, Transfer
from sandbox.stand_ins.control import control, local_http
from sandbox.wayforpay.store import MERCHANT

GATEWAY = "wayforpay"
"""The rail."""


class Payers:
    """``clicked_at``: when each order's buyer has pressed the button, each time."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self.clicked_at: defaultdict[str, list[datetime]] = defaultdict(list)

    async def prepare(self) -> None:
        """The shop's settings at the gateway: where it calls back about payments on the page without an amount."""
        callbacks = {"url": f"{self._stack.console_url}/webhooks/wayforpay/{GATEWAY}"}
        await control(self._stack.settings.sandbox_wayforpay_port, "service-url", callbacks)

    async def pay_link(self, order: SampleOrder, url: str) -> None:
        """On the page of the link, whichever rail's. Raises ``BillingError`` if it cannot be paid."""
        form = (
            {"answer": "pay"}
            if url.startswith(self._stack.wayforpay_url)
            else {"answer": "pay", "card": "pm_card_visa"}
        )
        if (status := await self._post(order, url, form)) >= 400:
            raise BillingError(f"the page of order {order.number} answers {status}")

    async def is_payable(self, url: str) -> bool:
        async with local_http() as http:
            return (await http.get(url)).is_success

    async def pay_any_amount(self, order: SampleOrder, amount: str) -> None:
        """On the gateway's page where payers type order and amount."""
        form = {"order": order.number, "amount": amount, "currency": CURRENCY.upper()}
        await self._post(order, f"{self._stack.wayforpay_url}/static/{MERCHANT}", form)

    async def _post(self, order: SampleOrder, url: str, form: dict[str, str]) -> int:
        self.clicked_at[order.number].append(datetime.now(UTC))
        async with local_http() as http:
            return (await http.post(url, data=form)).status_code

    def transfer(self, order: SampleOrder, reference: str, amount: str, is_named: bool = True) -> None:
        """The money is on the company's account."""
        Bank(self._stack.settings.data_dir / "bank.jsonl").credit(
            Transfer(
                reference=reference,
                payer=order.name,
                amount_minor=parse_amount(amount, CURRENCY),
                currency=CURRENCY,
                sent_at=datetime.now(UTC),
                customer_id=order.customer_id,
                order=order.number,
                is_named=is_named,
            )
        )

    def call(self, reference: str) -> None:
        """The sender of a transfer without a name says that it is theirs."""
        Bank(self._stack.settings.data_dir / "bank.jsonl").claim(reference)
