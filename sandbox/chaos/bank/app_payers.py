"""Customers and buyers who pay in the bank's app and at its terminals, by account number or by personal number.

The company's contracts say whose each number is, before it is given to anybody. The bank's own book has each payment
before we hear of it.
"""

import asyncio
from collections import Counter
from datetime import UTC, datetime

from billing.customers.account_numbers import personal_digest
from billing.money import plain_amount
from bootstrap import Adapters
from sandbox.bank.contracts import CONTRACTS, agree_with_the_bank
from sandbox.chaos.payers import patiently
from sandbox.chaos.plan import Plan
from sandbox.stack.ports import HOST
from sandbox.stand_ins.control import control
from sandbox.stand_ins.subscribers import SUBSCRIBERS, Subscribers, personal_number
from settings import Settings

CURRENCY = "eur"
"""The contracts' own; who owes in another one does not pay here."""
_AGAIN_SECONDS = 0.3
_SOON_SECONDS = 0.5
"""How long a payer looks at the app; the bank tells us in any case."""


class AppPayers:
    """``done`` counts payments by their rail."""

    def __init__(self, plan: Plan, settings: Settings, adapters: Adapters) -> None:
        self.done: Counter[str] = Counter()
        self._plan = plan
        self._settings = settings
        self._ledger = adapters.ledger
        self._subscribers = Subscribers(settings.data_dir / SUBSCRIBERS)
        self._numbers: dict[str, list[str]] = {}
        self._opening = asyncio.Lock()

    async def agree(self) -> None:
        """The bank knows where ``python -m inbound`` is, and asks again soon."""
        await agree_with_the_bank(self._settings, f"http://{HOST}:{self._settings.inbound_port}")
        await control(self._settings.sandbox_bank_port, "calls", {"interval_seconds": _AGAIN_SECONDS})

    async def pay(self, customer_id: str, amount_minor: int, about: str) -> None:
        draw = self._plan.draw("app", customer_id, about)
        rail = draw.choice(CONTRACTS).rail
        account = draw.choice(await self.numbers_of(customer_id))
        paid = {"rail": rail, "account": account, "sum": plain_amount(amount_minor, CURRENCY)}
        self.done[f"by {rail}"] += 1
        await control(self._settings.sandbox_bank_port, "payments", {**paid, "seconds": _SOON_SECONDS})

    def knows(self, customer_id: str, number: str) -> None:
        """The account number is on the customer's contract: they pay by it."""
        self._subscribers.has(number, customer_id)
        self._numbers[customer_id] = [number]

    async def numbers_of(self, customer_id: str) -> list[str]:
        """The account number; of some customers the personal number, too."""
        async with self._opening:
            if customer_id not in self._numbers:
                self._numbers[customer_id] = await self._opened(customer_id)
        return self._numbers[customer_id]

    async def _opened(self, customer_id: str) -> list[str]:
        """People open it; they repeat what an outage has stopped, and get the same number."""
        ledger, draw = self._ledger, self._plan.draw("personal", customer_id)
        account = await patiently(lambda: ledger.open_number(customer_id, None, "cleo", "chaos", _now()))
        self._subscribers.has(account.number, customer_id)
        if draw.random() >= 0.5:
            return [account.number]
        number = personal_number(draw.randint(0, 10**9 - 1))
        self._subscribers.has(number, customer_id, is_personal=True)
        digest = personal_digest(number, self._settings.personal_key)
        await patiently(lambda: ledger.keep_personal(customer_id, digest, number[-4:], "cleo", _now()))
        return [account.number, number]


def _now() -> datetime:
    return datetime.now(UTC)
