"""Random streams of orders, payments, amendments, ends, disputes and refunds, also such as are asked for first: after
each step the judge's books have every entry of the journal, every release was due, and everything due is released.
"""

from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.sql.ledger import SqlLedger
from billing.errors import InvalidInput
from billing.receivables.incoming import IncomingPayment, PaymentKind
from billing.receivables.instructions import Instruction, InstructionKind, InstructionRequest
from billing.receivables.journal import Cause, PaymentName
from orders.order import ReleaseKind
from sandbox.judge.books import Books
from sandbox.judge.facts import Facts
from sandbox.judge.orders.asked_refunds import asked_refunds
from sandbox.judge.orders.order_evidence import owners_of, read_orders, unpaid_entries
from sandbox.judge.orders.promises import unreleased, untold_people, wrongly_released
from sandbox.judge.rails.registers import Arrival, Registers, Step
from tests.ordering import AT, amend, cancel, halt, payment, request, resume
from tests.racing import ALL

STEPS = 40
_CAUSES = {PaymentKind.REFUND: Cause.REFUND, PaymentKind.CHARGEBACK: Cause.CHARGEBACK}


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[SqlLedger]:
    ledger = await SqlLedger.connect(f"sqlite:///{tmp_path / 'ledger.db'}", ALL)
    await ledger.migrate()
    yield ledger
    await ledger.close()


class Stream:
    """What happens to one buyer, at random."""

    def __init__(self, ledger: SqlLedger, folder: Path, seed: int) -> None:
        self.ledger = ledger
        self.folder = folder
        self.random = Random(seed)
        self.registers = Registers()
        self.orders: list[str] = []
        self.payments: list[IncomingPayment] = []
        self.gone: list[tuple[IncomingPayment, PaymentKind, int]] = []  # what of a payment went back, and how
        self.asked: list[Instruction] = []  # refunds that are open
        self.numbers = count(1)
        self.at = AT
        self.done: list[str] = []

    async def step(self) -> None:
        actions = [
            self.open,
            self.pay,
            self.pay,
            self.pay,
            self.pay_whatever,
            self.go_back,
            self.come_back,
            self.ask_for_refund,
            self.decide_on_refund,
            self.change,
        ]
        self.at += timedelta(minutes=2)
        action = self.random.choice(actions) if self.orders else self.open
        self.done.append(action.__name__)
        try:
            await action()
        except InvalidInput as refused:
            self.done.append(f"refused: {refused}")

    def amount(self) -> int:
        return self.random.choice((500, 3000, 5000, 7000, 10000, 12345))

    async def open(self) -> None:
        number = f"o{next(self.numbers)}"
        deposit, expiry = self.random.choice((None, None, 30)), self.random.choice((None, AT + timedelta(days=1)))
        tolerance = self.random.choice((0, 0, 100))
        wanted = request(number, 10000, deposit_percent=deposit, expires_at=expiry, tolerance_minor=tolerance)
        await self.ledger.open_order(wanted, self.at)
        self.orders.append(number)

    async def pay(self) -> None:
        await self.arrive(self.random.choice(self.orders))

    async def pay_whatever(self) -> None:
        """Whatever fell due first."""
        await self.arrive(None)

    async def arrive(self, number: str | None) -> None:
        given = payment(self.amount(), f"p{next(self.numbers)}", number)
        arrival = Arrival(
            given.rail, given.reference, "buyer", f"order {number}" if number else "", given.amount_minor, "eur"
        )
        self.registers.arrivals[arrival.name] = arrival
        self.payments.append(given)
        await self.ledger.book(given, self.at)

    async def go_back(self) -> None:
        if self.payments:
            original, kind = self.random.choice(self.payments), self.random.choice(list(_CAUSES))
            so_far = sum(minor for *of, minor in self.gone if of == [original, kind])
            if minor := min(self.amount(), original.amount_minor - so_far):
                self.gone.append((original, kind, minor))
                await self.reverse(original, kind, -minor)

    async def come_back(self) -> None:
        """A dispute is won, or a refund comes to nothing."""
        if self.gone:
            await self.reverse(*self.gone.pop(self.random.randrange(len(self.gone))))

    async def reverse(self, original: IncomingPayment, kind: PaymentKind, minor: int) -> None:
        reference = f"r{next(self.numbers)}"
        back = original.evolve(reference=reference, kind=kind, amount_minor=minor, original=original.name)
        self.registers.steps[back.name] = Step(reference, original.name, _CAUSES[kind], minor)
        await self.ledger.book(back, self.at)

    async def ask_for_refund(self) -> None:
        """Its money is reserved from then on."""
        if self.payments:
            original = self.random.choice(self.payments)
            amount = self.random.choice(("", "5", "30"))
            asked = InstructionRequest(
                instruction_id=f"i{next(self.numbers)}",
                kind=InstructionKind.REFUND,
                payment=original.name,
                amount=amount,
                by_hand=True,
                by="ann",
                reason="asked by phone",
                via="test",
            )
            self.asked.append(await self.ledger.instruct(asked, {}, self.at))

    async def decide_on_refund(self) -> None:
        if not self.asked:
            return
        asked, reference = self.random.choice(self.asked), f"r{next(self.numbers)}"
        if self.random.random() < 0.5:
            await self.ledger.reject(asked.instruction_id, "bob", "not now", self.at)
        else:
            await self.ledger.confirm(asked.instruction_id, "bob", "given back", self.at, reference, by_hand=True)
            original = next(each for each in self.payments if each.name == asked.payment)
            self.gone.append((original, PaymentKind.REFUND, asked.amount_minor))
            name = PaymentName.of(asked.payment.rail, reference)
            self.registers.steps[name] = Step(reference, asked.payment, Cause.REFUND, -asked.amount_minor)
        self.asked.remove(asked)

    async def change(self) -> None:
        number, change_id = self.random.choice(self.orders), f"c{next(self.numbers)}"
        standing = await self.ledger.order(number)
        assert standing is not None
        what = self.random.choice(("amend", "amend", "cancel", "halt", "resume", "expire", "answer"))
        self.done.append(what)
        match what:
            case "amend":
                version, deposit = standing.order.version, standing.order.agreed.deposit_percent
                wanted = amend(self.amount(), version, change_id, deposit_percent=deposit)
                await self.ledger.change_order(number, wanted, self.at)
            case "cancel":
                await self.ledger.change_order(number, cancel(change_id), self.at)
            case "halt":
                await self.ledger.change_order(number, halt(change_id), self.at)
            case "resume":
                await self.ledger.change_order(number, resume(change_id), self.at)
            case "expire":
                await self.ledger.expire_order(number, AT + timedelta(days=2))
            case "answer" if standing.order.releases:
                await self.ledger.note_answer(number, ReleaseKind.PRODUCTION, True, "made", self.at)

    async def wrong(self) -> list[str]:
        owners = await owners_of(self.ledger)
        orders = await read_orders(self.folder, self.ledger, owners, await unpaid_entries(self.ledger), [])
        refunds = await asked_refunds(self.ledger, self.registers.arrivals)
        facts = Facts({}, set(), set(), orders.facts("buyer"), refunds)
        books = Books("buyer", "eur", await self.ledger.transactions("buyer"), self.registers, facts)
        alerts = await self.ledger.alerts()
        evidence: Any = SimpleNamespace(orders=orders, alerts=alerts, registers=self.registers, positions={})
        return [*books.end(), *wrongly_released(evidence), *unreleased(evidence), *untold_people(evidence)]


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_happens_to_orders_the_judge_has_every_entry(
    ledger: SqlLedger, tmp_path: Path, seed: int
) -> None:
    stream = Stream(ledger, tmp_path, seed)
    for _ in range(STEPS):
        await stream.step()
        assert await stream.wrong() == [], stream.done
