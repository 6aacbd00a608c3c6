"""The invariants of orders, over random streams of what people, three rails and the emergency brake do with them.

Money is neither lost nor made; each order is released once, and at a position of the journal where no more than its
tolerance was missing; what is released stays released; nothing is released that is halted, ended, or under the brake.
"""

import asyncio
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.sql.ledger import SqlLedger
from billing.errors import BrakeOn, InvalidInput
from billing.receivables.incoming import IncomingPayment, PaymentKind
from billing.receivables.journal import AccountKind, Subject, SubjectKind, Transaction
from orders.order import Order, OrderStanding
from orders.ports import OrderFilter
from tests.empty_ledger import empty_image
from tests.ordering import AT, BUYER, LATER, amend, back, cancel, halt, payment, request, resume, send_again
from tests.racing import ALL

RAILS = ("stripe-link", "transfer", "gateway")
places = st.sampled_from([0, 0, 1, 1, 2])
amounts = st.sampled_from([1, 1000, 2500, 3000, 7000, 9950, 10000, 15000])
STEPS = st.one_of(
    st.tuples(st.just("open"), places, amounts),
    st.tuples(st.just("open"), places, amounts),
    st.tuples(st.just("pay"), places, amounts),
    st.tuples(st.just("pay"), places, amounts),
    st.tuples(st.just("pay nothing in particular"), places, amounts),
    st.tuples(st.just("pay the rest"), places, amounts),
    st.tuples(st.just("pay the rest"), places, amounts),
    st.tuples(st.just("amend"), places, amounts),
    st.tuples(st.just("refund"), places, amounts),
    st.tuples(st.just("chargeback"), places, amounts),
    st.tuples(st.just("chargeback is won"), places, amounts),
    st.tuples(st.just("cancel"), places, amounts),
    st.tuples(st.just("expire"), places, amounts),
    st.tuples(st.just("halt"), places, amounts),
    st.tuples(st.just("resume"), places, amounts),
    st.tuples(st.just("brake"), places, amounts),
    st.tuples(st.just("brake"), places, amounts),
    st.tuples(st.just("accept"), places, amounts),
    st.tuples(st.just("reject"), places, amounts),
    st.tuples(st.just("send again"), places, amounts),
)
numbers = count(1)


class Stream:
    """A buyer with up to three orders, and our own account of their money."""

    def __init__(self, ledger: SqlLedger) -> None:
        self.ledger = ledger
        self.buyer = BUYER.evolve(customer_id=f"b{next(numbers)}")
        self.payments: list[IncomingPayment] = []
        self.gone: list[IncomingPayment] = []
        self.taken: Counter[str] = Counter()  # by rail, net of what went back
        self.known: dict[str, Order] = {}
        self.is_braked = False

    def number(self, place: int) -> str:
        return f"{self.buyer.customer_id}-{place}"

    async def step(self, what: str, place: int, amount_minor: int) -> None:
        before = dict(self.known)
        with suppress(InvalidInput, BrakeOn):
            await self._do(what, place, amount_minor)
        await self.check(before)

    async def _do(self, what: str, place: int, amount_minor: int) -> None:
        number, change_id = self.number(place), str(next(numbers))
        known = self.known.get(number)
        match what:
            case "open" if known is None:
                tolerance = 50 if amount_minor > 50 else 0
                deposit = 30 if place == 1 and amount_minor >= 1000 else None
                wanted = request(
                    number, amount_minor, buyer=self.buyer, tolerance_minor=tolerance, deposit_percent=deposit
                )
                await self.ledger.open_order(wanted.evolve(expires_at=LATER if place == 2 else None), AT)
            case "pay":
                await self.book(amount_minor, RAILS[place], number)
            case "pay the rest" if known is not None:
                standing = await self.ledger.order(number)
                if standing and standing.owed_minor:
                    await self.book(standing.owed_minor, RAILS[place], number)
            case "pay nothing in particular":
                await self.book(amount_minor, RAILS[place], None)
            case "refund" | "chargeback" if self.payments:
                original = self.payments[place % len(self.payments)]
                kind = PaymentKind.REFUND if what == "refund" else PaymentKind.CHARGEBACK
                so_far = (each for each in self.gone if (each.original, each.kind) == (original.name, kind))
                left = original.amount_minor + sum(each.amount_minor for each in so_far)
                if left > 0:  # what was charged back may be refunded, too
                    gone = back(min(left, amount_minor), original, kind).evolve(reference=f"back {change_id}")
                    await self.move(gone)
                    self.gone.append(gone)
            case "chargeback is won" if self.gone:
                lost = self.gone.pop()
                await self.move(lost.evolve(reference=f"won {change_id}", amount_minor=-lost.amount_minor))
            case "brake" if self.is_braked:
                await self.ledger.release_brake("ann", "over", "test", AT)
                self.is_braked = False
                for other in self.known:
                    await self.ledger.release_due(other, AT)
            case "brake":
                await self.ledger.pull_brake("ann", "a drill", "test", AT)
                self.is_braked = True
            case _ if known is not None:
                await self.change(what, number, known, amount_minor, change_id)

    async def change(self, what: str, number: str, known: Order, amount_minor: int, change_id: str) -> None:
        changes: dict[str, Any] = {
            "amend": amend(amount_minor, known.version, change_id, deposit_percent=known.agreed.deposit_percent),
            "cancel": cancel(change_id),
            "halt": halt(change_id),
            "resume": resume(change_id),
            "send again": send_again(change_id),
        }
        if what in changes:
            answers = [await self.ledger.change_order(number, changes[what], AT) for _ in range(2)]
            assert answers[0] == answers[1], "a repeat has another answer"
        elif what == "expire":
            await self.ledger.expire_order(number, LATER)
        elif what in ("accept", "reject"):
            for release in known.releases:
                await self.ledger.note_answer(number, release.kind, what == "accept", "text", AT)

    async def book(self, amount_minor: int, rail: str, number: str | None) -> None:
        given = payment(amount_minor, str(next(numbers)), number, customer_id=self.buyer.customer_id, rail=rail)
        self.payments.append(given)
        await self.move(given)

    async def move(self, given: IncomingPayment) -> None:
        assert [await self.ledger.book(given, AT) for _ in range(2)] == [True, False]
        self.taken[given.rail] += given.amount_minor

    # -- what holds after every step

    async def check(self, before: dict[str, Order]) -> None:
        transactions = await self.ledger.transactions(self.buyer.customer_id)
        books: Counter[tuple[AccountKind, str]] = Counter()
        for transaction in transactions:
            for entry in transaction.entries:
                books[entry.account.kind, entry.account.rail or ""] += entry.amount_minor
        assert sum(books.values()) == 0
        for rail in RAILS:
            assert books[AccountKind.CLEARING, rail] == self.taken[rail], "the rail's register"
        for place in range(3):
            if (standing := await self.ledger.order(self.number(place))) is not None:
                self.known[self.number(place)] = standing.order
                await self.check_order(standing, before.get(self.number(place)), transactions)
        released = [order for order in self.known.values() if all(map(order.release, order.kinds))]
        tolerance, forgiven = sum(order.tolerance_minor for order in released), books[AccountKind.WRITTEN_OFF, ""]
        assert 0 <= forgiven <= tolerance, "no more is given up than the tolerance"
        balance, billed = await self.ledger.balance(self.buyer.customer_id), books[AccountKind.BILLED, ""]
        in_force = sum(order.price_minor for order in self.known.values() if order.end is None)
        assert -billed == in_force, "what is billed is what is agreed and not ended"
        owed = sum(item.amount_minor for item in balance.owed)
        left = in_force - sum(self.taken.values()) - forgiven
        assert owed + balance.carried_minor("eur") == left, "money was lost or made"
        page = await self.ledger.orders(OrderFilter(customer_id=self.buyer.customer_id))
        for row in page.rows:
            listed = await self.ledger.order(row.number)
            assert listed is not None
            assert (row.stage, row.owed_minor) == (listed.stage, listed.owed_minor), "the list is behind"

    async def check_order(self, standing: OrderStanding, before: Order | None, transactions: list[Transaction]) -> None:
        order = standing.order
        assert 0 <= standing.given_up_minor <= standing.owed_minor <= order.price_minor
        if order.end is not None:
            assert not order.releases
            assert standing.owed_minor == 0
        for known in before.releases if before else ():
            now = order.release(known.kind)
            assert now is not None, "what was released is no more"
            assert now.evolve(answer=None) == known.evolve(answer=None)
        if before and len(order.releases) > len(before.releases):
            assert not self.is_braked, "released under the brake"
            assert order.halt is None
        for release in order.releases:
            assert release.version == order.version
            assert order.missing_minor(release.kind, release.owed_minor) == 0, "released unpaid"
            assert await self.owed_at(order, release.position) == release.owed_minor, "not what the journal says"
        if order.halt is None and order.end is None and not self.is_braked:
            assert list(order.due_releases(standing.owed_minor)) == [], "paid and not released"
        log = [
            entry.text.partition(",")[0]
            for entry in await self.ledger.order_log(order.number)
            if entry.what == "released"
        ]
        assert sorted(log) == sorted(release.kind for release in order.releases), "released twice"

    async def owed_at(self, order: Order, position: int) -> int:
        """What the journal said at that position, by its own rows."""
        pages = self.ledger.journal(AT - timedelta(days=1), LATER + timedelta(days=1))
        name = str(Subject(kind=SubjectKind.ORDER, name=order.number))
        return sum(
            [
                row.amount_minor
                async for page in pages
                for row in page
                if (row.kind, row.subject) == (AccountKind.RECEIVABLE, name) and row.number <= position
            ]
        )


@settings(
    max_examples=40,
    deadline=timedelta(minutes=1),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=st.lists(STEPS, max_size=20))
def test_whatever_happens_an_order_is_released_once_and_never_unpaid(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]]
) -> None:
    asyncio.run(_live(tmp_path_factory.mktemp("orders"), steps))


def test_a_refund_owes_an_order_again_that_credit_of_the_same_payment_has_paid_meanwhile(tmp_path: Path) -> None:
    steps = [
        *(("pay nothing in particular", 0, 1), ("open", 0, 1), ("pay", 1, 1000), ("refund", 0, 1)),
        *(("open", 1, 1000), ("refund", 1, 1), ("refund", 1, 1000)),
    ]
    asyncio.run(_live(tmp_path, steps))


async def _live(folder: Path, steps: list[tuple[str, int, int]]) -> None:
    ledger = await SqlLedger.connect(f"sqlite:///{folder / 'ledger.db'}", ALL)
    (folder / "ledger.db").write_bytes(empty_image())
    stream = Stream(ledger)
    for step in steps:
        await stream.step(*step)
    await ledger.close()
