"""The company of a run: its customers with their cards, and the sheet of each month."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import httpx

from billing.collections.ports import CollectionStore
from billing.customers.customer import Customer, Terms
from billing.customers.ports import CustomerStore
from billing.invoices.month import Month
from billing.payments.methods import CardOnFile
from billing.payments.payment import PaymentStatus
from billing.payments.ports import PaymentStore
from billing.period import Period
from bootstrap import SANDBOX_SHEET_ID
from sandbox.chaos.plan import Member, Plan
from sandbox.judge.expected import FIRST_ROW, LATE
from sandbox.stack.sample import register_card


class _Ledger(CollectionStore, CustomerStore, PaymentStore, Protocol):
    """What is needed of the ledger here."""


class Company:
    """Whoever is not ours: customers, their banks, the people who keep the sheet."""

    def __init__(self, plan: Plan, folder: Path, stripe_url: str) -> None:
        self._members = plan.members()
        self._slow_banks = [each.customer_id for each in self._members if each.slow_bank]
        self._plan = plan
        self._folder = folder
        self._stripe_url = stripe_url
        self._unsorted: set[Period] = set()

    async def customers(self) -> list[Customer]:
        """Everybody, with a card on file."""
        return [await self._registered(member) for member in self._members]

    async def _registered(self, member: Member) -> Customer:
        email = f"{member.customer_id}@example.com"
        payer_id, card_id = await register_card(self._stripe_url, email, member.card)
        if member.slow_bank:
            await self.tell_stripe(f"cards/{card_id}", {"behaviour": "processing"})
        return Customer(
            customer_id=member.customer_id,
            email=email,
            name=member.customer_id.title(),
            currency=member.currency,
            timezone=member.timezone,
            payment_method=CardOnFile(payer_id=payer_id, card_id=card_id),
            terms=Terms(review_mode=member.review_mode),
        )

    def write_sheet(self, period: Period, emails: Mapping[str, str]) -> None:
        """Once per month, with the addresses that customers (by id) have by then."""
        path = self._sheet(period)
        if path.exists():
            return
        sales = [
            (emails[member.customer_id], *row)
            for member in self._members
            if member.customer_id in emails
            for row in self._plan.sales(member.customer_id, member.currency, period)
        ]
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = [(*row, number) for number, row in enumerate(sales, start=2)]
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("email", "amount", "description", FIRST_ROW), *rows])
        self._unsorted.add(period)

    def sort_sheet(self, period: Period) -> None:
        """Once per month, by amount, as people do; what came late stays at the end."""
        path = self._sheet(period)
        if period not in self._unsorted or not path.exists():
            return
        self._unsorted.remove(period)
        with path.open(newline="", encoding="utf-8") as file:
            header, *rows = csv.reader(file)
        rows.sort(key=lambda row: (LATE in row, "" if LATE in row else row[1]))
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([header, *rows])

    def sell_late(self, month: Month) -> bool:
        """Perhaps something was sold that is typed only now, after the month was drafted: whether so."""
        customer = month.customer
        amount = self._plan.late_sale(customer.customer_id, customer.currency, month.period)
        if amount is None or month.invoice is None or month.invoice.sales is None:
            return False
        with self._sheet(month.period).open("a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow((month.invoice.sales.emails[0], amount, LATE))
        return True

    def _sheet(self, period: Period) -> Path:
        return self._folder / "sheets" / SANDBOX_SHEET_ID / f"{period}.csv"

    async def banks_decide(self, ledger: _Ledger, periods: list[Period], step: int) -> None:
        """Slow banks decide some time, and now and then a card that was declined is good again."""
        for customer_id in self._slow_banks:
            for period in periods:
                for charge in await ledger.payments(customer_id, period):
                    draw = self._plan.draw("bank", step, customer_id)
                    if charge.status == PaymentStatus.PROCESSING and draw.random() < 0.4:
                        behaviour = draw.choice(("succeed", "succeed", "decline:insufficient_funds"))
                        await self.tell_stripe(f"payment_intents/{charge.payment_id}", {"behaviour": behaviour})
        for owed in await ledger.collections(open_only=True):
            customer = await ledger.customer(owed.customer_id)
            if customer and self._plan.draw("card", step, owed.customer_id).random() < 0.03:
                await self.tell_stripe(f"cards/{customer.payment_method.card_id}", {"behaviour": "succeed"})

    async def tell_stripe(self, path: str, body: dict[str, object]) -> None:
        """What the bank or the world does, by the control surface of the stand-in."""
        async with httpx.AsyncClient(trust_env=False) as http:
            await http.post(f"{self._stripe_url}/_control/{path}", json=body)
