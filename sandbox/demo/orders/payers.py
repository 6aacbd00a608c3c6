"""What the buyers of the demo do: they pay in their browsers, on pages of the gateway and of Stripe, and at their bank.

Whose they are, and what for, is not told to anybody but the rails.
"""

from collections import defaultdict
from datetime import UTC, date, datetime
from typing import NamedTuple

from billing.errors import BillingError
from billing.money import parse_amount
from sandbox.bank.store import AccountLine
from sandbox.demo.bank_app import APP, pay_in_app
from sandbox.demo.orders.sample_orders import CURRENCY, SampleOrder
from sandbox.stack.stack import Stack
from sandbox.stand_ins.bank import Bank, Transfer
from sandbox.stand_ins.control import control, download, local_http
from sandbox.stand_ins.subscribers import SUBSCRIBERS, Subscribers
from sandbox.wayforpay.store import MERCHANT

GATEWAY = "wayforpay"
"""The rail."""


class BankFiles(NamedTuple):
    day: date
    statement: bytes
    register: bytes


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

    async def pay_in_app(self, order: SampleOrder, account: str, amount: str) -> str:
        """In the bank's app, by the account number; answers what it says."""
        self.clicked_at[order.number].append(datetime.now(UTC))
        return await pay_in_app(self._stack, account, amount)

    async def send_to_account(self, order: SampleOrder, amount: str) -> None:
        """With the order's number as the only hint."""
        sent = {"payer": order.name, "payer_account": "FR7630001007941234567890185", "text": f"Order {order.number}"}
        whose = {"customer_id": order.customer_id, "order": order.number}
        await control(self._stack.settings.sandbox_bank_port, "transfers", {**sent, **whose, "amount": amount})

    async def bank_files(self) -> BankFiles:
        """The bank passes on what its app has taken, net of its commission, and sends its files of the day."""
        port = self._stack.settings.sandbox_bank_port
        (line,) = await control(port, "settlements", {"rail": APP})
        day = AccountLine.model_validate(line).day
        statement = await download(port, f"statements?kind=mt940&day={day}")
        return BankFiles(day, statement, await download(port, f"registers/{APP}?day={day}"))

    def owns(self, order: SampleOrder, number: str) -> None:
        """By the company's contracts."""
        Subscribers(self._stack.settings.data_dir / SUBSCRIBERS).has(number, order.customer_id)

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
