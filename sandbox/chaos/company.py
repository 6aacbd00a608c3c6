"""The company of a run: its customers with their cards, and the sheet of each month."""

import csv
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import httpx

from billing.collections.ports import CollectionStore
from billing.customers.customer import Customer
from billing.customers.ports import CustomerStore
from billing.invoices.month import Month
from billing.payments.payment import PaymentStatus
from billing.payments.ports import PaymentStore
from billing.period import Period
from sandbox.chaos.plan import Member, Plan
from sandbox.chaos.subscribers.subscriber_plan import is_subscriber, subscriber
from sandbox.judge.expected import FIRST_ROW, LATE
from sandbox.stack.sample import register_card, sheet_of
from sandbox.stand_ins.control import control
from sandbox.stand_ins.whole_file import write_csv


class _Ledger(CollectionStore, CustomerStore, PaymentStore, Protocol):
    """The part of the ledger that is used here."""


class Company:
    """Everybody outside of the product: customers, their banks, the people who keep the sheet."""

    def __init__(self, plan: Plan, folder: Path, stripe_port: int) -> None:
        self._members = plan.members()
        self._slow_banks = [member.customer_id for member in self._members if member.slow_bank]
        self._plan = plan
        self._folder = folder
        self._stripe_port = stripe_port
        self._unsorted: set[Period] = set()

    async def customers(self) -> list[Customer]:
        """All customers; each has a card on file, or is a subscriber who gets bills."""
        return [await self._registered(member) for member in self._members]

    async def _registered(self, member: Member) -> Customer:
        if is_subscriber(member.customer_id):
            return subscriber(member, self._plan.draw("subscriber", member.customer_id))
        customer = member.customer(
            *await register_card(f"http://127.0.0.1:{self._stripe_port}", member.email, member.card)
        )
        if member.slow_bank:
            await self._decide(f"cards/{customer.card_on_file.card_id}", "processing")
        return customer

    def write_sheet(self, period: Period, customers: Iterable[Customer]) -> None:
        """Once per month, with the current addresses of customers, as far as they have one."""
        path = sheet_of(self._folder, period)
        if path.exists():
            return
        emails = {customer.customer_id: customer.email for customer in customers if customer.email}
        sales = [
            (emails[member.customer_id], *row)
            for member in self._members
            if member.customer_id in emails
            for row in self._plan.sales(member.customer_id, member.currency, period)
        ]
        rows = [(*row, number) for number, row in enumerate(sales, start=2)]
        write_csv(path, [("email", "amount", "description", FIRST_ROW), *rows])
        self._unsorted.add(period)

    def sort_sheet(self, period: Period) -> None:
        """Once per month, by amount, as people do; late rows stay at the end."""
        path = sheet_of(self._folder, period)
        if period not in self._unsorted or not path.exists():
            return
        self._unsorted.remove(period)
        with path.open(newline="", encoding="utf-8") as file:
            header, *rows = csv.reader(file)
        rows.sort(key=lambda row: (LATE in row, "" if LATE in row else row[1]))
        write_csv(path, [header, *rows])

    def sell_late(self, month: Month) -> bool:
        """Perhaps adds a row after the month was drafted: whether it did."""
        customer = month.customer
        amount = self._plan.late_sale(customer.customer_id, customer.currency, month.period)
        sales = month.invoice.sales if month.invoice else None
        if amount is None or sales is None or not sales.emails:
            return False
        with sheet_of(self._folder, month.period).open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow((sales.emails[0], amount, LATE))
        return True

    async def banks_decide(self, ledger: _Ledger, periods: list[Period], step: int) -> None:
        """Slow banks decide after a while, and now and then a declined card works again."""
        for customer_id in self._slow_banks:
            for period in periods:
                for charge in await ledger.payments(customer_id, period):
                    draw = self._plan.draw("bank", step, customer_id)
                    if charge.status == PaymentStatus.PROCESSING and draw.random() < 0.4:
                        behaviour = draw.choice(("succeed", "succeed", "decline:insufficient_funds"))
                        await self._decide(f"payment_intents/{charge.payment_id}", behaviour)
        for collection in await ledger.debts(open_only=True):
            customer = await ledger.customer(collection.customer_id)
            if customer and customer.card and self._plan.draw("card", step, collection.customer_id).random() < 0.03:
                await self._decide(f"cards/{customer.card.card_id}", "succeed")

    async def _decide(self, path: str, behaviour: str) -> None:
        """A decision is final."""
        with suppress(httpx.HTTPStatusError):
            await control(self._stripe_port, path, {"behaviour": behaviour})
