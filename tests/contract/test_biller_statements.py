"""Two connections of a bank meet at every statement of a payment, and a payment breaks at every statement: one row, one
answer, and nothing is lost.
"""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from adapters.sql.ledger import SqlLedger
from billing.billers.biller import Answer, Answered, BillerPayment, Outcome
from billing.customers.account_numbers import AccountKey, personal_digest
from billing.errors import BillingError
from billing.events.event import Destination
from billing.receivables.payment_list import PaymentFilter
from tests.contract.biller_fixtures import NUMBER, PERSONAL, PERSONAL_SECRET, STRANGE, numbered
from tests.contract.ledger_fixtures import AT
from tests.contract.test_order_statements import MEET_SECONDS, Broken, before

KEYS = {
    "number": AccountKey(number=NUMBER),
    "person": AccountKey(personal=personal_digest(PERSONAL, PERSONAL_SECRET)),
    "nobody": AccountKey(number=STRANGE),
}


@pytest.fixture
async def books(ledger: SqlLedger) -> SqlLedger:
    """A ledger of a customer who owes 10.00 EUR."""
    await numbered(ledger)
    return ledger


@pytest.fixture
async def other(url: str) -> AsyncIterator[SqlLedger]:
    """Another process, so to say."""
    ledger = await SqlLedger.connect(url)
    yield ledger
    await ledger.close()


def written(outcome: Outcome) -> Answer:
    return Answer(outcome.code, f"{outcome.txn_id} {outcome.number} {outcome.code}".encode(), "text/plain")


async def pay(ledger: SqlLedger, place: int, whose: str, amount_minor: int = 100) -> Answered:
    txn_id = f"987654321098765{place:05}"  # 20 digits, more than 64 bits
    payment = BillerPayment("terminals", txn_id, KEYS[whose], amount_minor, "eur", AT, f"asked {amount_minor}")
    return await ledger.pay_account(payment, written, AT)


async def statements(ledger: SqlLedger, whose: str, amount_minor: int = 100) -> int:
    async with before(ledger, 0, lambda: None) as seen:
        await pay(ledger, 0, whose, amount_minor)
    return len(seen)


async def booked(ledger: SqlLedger) -> list[str]:
    rows = (await ledger.incoming_payments(PaymentFilter(rail="terminals"))).rows
    return sorted(row.reference[-5:] for row in rows)


@pytest.mark.parametrize("whose", ["number", "person"])
async def test_a_payment_asks_for_each_thing_once(books: SqlLedger, url: str, whose: str) -> None:
    """Ten statements and the commit: on PostgreSQL a round trip each, and each is what a bank waits for."""
    ledger = await SqlLedger.connect(url, (Destination.COLLECTION,))
    assert await statements(ledger, whose, 1000) == 10
    await ledger.close()


@pytest.mark.parametrize("whose", KEYS)
async def test_two_connections_meet_at_every_statement_and_get_one_answer(
    books: SqlLedger, other: SqlLedger, whose: str
) -> None:
    count = await statements(books, whose)
    for place in range(1, count + 1):
        loop, met, ended = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

        def meet() -> None:
            loop.call_soon_threadsafe(met.set)  # noqa: B023
            ended.wait(MEET_SECONDS)  # noqa: B023

        async def come() -> Answered:
            await met.wait()  # noqa: B023
            answer = await pay(other, place, whose)  # noqa: B023
            ended.set()  # noqa: B023
            return answer

        async def go() -> Answered:
            answer = await pay(books, place, whose)  # noqa: B023
            met.set()  # noqa: B023 - a payment that pays another thing may have fewer statements
            return answer

        async with before(books, place, meet):
            first, second = await asyncio.gather(go(), come())
        assert first.answer == second.answer
        assert first.is_new is not second.is_new
    expected = [] if whose == "nobody" else [f"{place:05}" for place in range(count + 1)]
    assert await booked(books) == expected


@pytest.mark.parametrize("whose", KEYS)
async def test_what_breaks_at_any_statement_leaves_nothing_and_is_done_by_its_repeat(
    books: SqlLedger, whose: str
) -> None:
    count, reached = await statements(books, whose), 0
    for place in range(1, count + 1):

        def die() -> None:
            raise Broken

        before_it = await books.balance("acme"), await booked(books)
        async with before(books, place, die) as seen:
            with suppress(Broken, BillingError):
                await pay(books, place, whose)
        if len(seen) < place:
            break  # a payment that pays another thing may have fewer statements
        reached = place
        assert (await books.balance("acme"), await booked(books)) == before_it
        first = await pay(books, place, whose)
        again = await pay(books, place, whose)
        assert (first.is_new, again.is_new, again.answer) == (True, False, first.answer)
    assert reached >= count - 3


async def test_another_sum_that_comes_at_once_gets_the_answer_of_the_first_and_is_told_once(
    books: SqlLedger, other: SqlLedger
) -> None:
    for place in range(1, 20):
        answers = await asyncio.gather(pay(books, place, "number"), pay(other, place, "number", 200))
        assert answers[0].answer == answers[1].answer
        assert {answer.differs for answer in answers if not answer.is_new} == {True}
    assert len(await booked(books)) == 19
    told = [alert.alert_id for alert in await books.alerts() if "terminals" in alert.text]
    assert len(told) == len(set(told)) == 19
