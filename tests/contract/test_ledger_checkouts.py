"""Payment links in the ledger: one that is live for each subject, on SQLite and on PostgreSQL alike."""

from datetime import timedelta

import pytest

from adapters.sql.ledger import SqlLedger
from billing.errors import InvalidInput, NotFound
from billing.payments.checkouts import CheckoutPage, CheckoutRequest, CheckoutState
from billing.receivables.journal import Subject
from tests.contract.journal_fixtures import PAYMENT, announced, drafted, record
from tests.contract.ledger_fixtures import AT, NOVEMBER, leave, read, succeed
from tests.forks import Fork

WANTED = CheckoutRequest(
    rail="stripe-link",
    customer_id="acme",
    payer_id="cus_1",
    subject=Subject.month(NOVEMBER),
    description="Invoice for November 2026",
    expires_at=AT + timedelta(days=1),
    by="ann",
    reason="asked by phone",
)
PAGE = CheckoutPage(
    session_id="cs_test_1", state=CheckoutState.OPEN, url="https://pay.example/1", expires_at=AT + timedelta(hours=23)
)


async def test_a_link_is_for_what_is_owed_and_is_kept_until_it_ends(ledger: SqlLedger) -> None:
    await record(ledger, announced(drafted(1000)))
    begun = await ledger.begin_checkout(WANTED, AT)
    assert (begun.amount_minor, begun.currency, begun.state) == (1000, "eur", CheckoutState.OPENING)
    assert (begun.session_id, begun.url, begun.created_at) == (None, None, AT)
    assert begun.is_owed(await ledger.balance("acme"))
    await ledger.note_checkout(begun.checkout_id, CheckoutState.OPEN, AT, PAGE)
    opened = begun.seen(PAGE)
    again = WANTED.evolve(by="bob", reason="asked again")
    assert await ledger.begin_checkout(again, AT) == opened, "the live one is returned as it is"
    assert await ledger.live_checkouts() == [opened]
    assert await ledger.checkout_of("cs_test_1") == opened
    assert await ledger.checkout_of("cs_test_2") is None


@pytest.mark.parametrize("end", [CheckoutState.PAID, CheckoutState.ENDED])
async def test_a_link_that_is_over_stays_so_and_another_may_begin(ledger: SqlLedger, end: CheckoutState) -> None:
    await record(ledger, announced(drafted(1000)))
    first = await ledger.begin_checkout(WANTED, AT)
    await ledger.note_checkout(first.checkout_id, CheckoutState.OPEN, AT, PAGE)
    await ledger.note_checkout(first.checkout_id, end, AT, PAGE.evolve(state=end, url=None))
    await ledger.note_checkout(first.checkout_id, CheckoutState.OPEN, AT, PAGE)
    assert await ledger.live_checkouts() == []
    over = await ledger.checkout_of("cs_test_1")
    assert over is not None
    assert (over.state, over.url) == (end, None)
    second = await ledger.begin_checkout(WANTED, AT)
    assert second.checkout_id != first.checkout_id


async def test_links_of_other_subjects_and_customers_are_others(ledger: SqlLedger) -> None:
    month = announced(drafted(1000))
    await record(ledger, month)
    other = month.with_customer(month.customer.evolve(customer_id="other", email="bob@other.example"))
    await ledger.record(other, AT)
    await record(ledger, announced(drafted(700, period=NOVEMBER.next())))
    wanted = (WANTED, WANTED.evolve(customer_id="other"), WANTED.evolve(subject=Subject.month(NOVEMBER.next())))
    begun = [await ledger.begin_checkout(request, AT) for request in wanted]
    assert [link.amount_minor for link in begun] == [1000, 1000, 700]
    assert len(await ledger.live_checkouts()) == 3


async def test_what_a_link_cannot_take_is_said_and_nothing_kept(ledger: SqlLedger) -> None:
    with pytest.raises(NotFound, match="does not know acme"):
        await ledger.begin_checkout(WANTED, AT)
    await leave(ledger, "acme", 300, "eur")
    month = await record(ledger, drafted(1000, carried_minor=300))
    with pytest.raises(InvalidInput, match="acme, month 2026-11: there is no bill yet"):
        await ledger.begin_checkout(WANTED, AT)
    month = await record(ledger, announced(month))
    await ledger.save_payment(PAYMENT.evolve(amount_minor=1260), month.charge_at)
    with pytest.raises(InvalidInput, match=r"0.40 EUR cannot be paid by link, which takes 0.50 EUR to 9999999999.99"):
        await ledger.begin_checkout(WANTED, AT)
    await ledger.book(PAYMENT.incoming(AT).evolve(reference="pi_2", amount_minor=40), month.charge_at)
    with pytest.raises(InvalidInput, match=r"nothing is owed; see: .* customers show acme --statement"):
        await ledger.begin_checkout(WANTED, AT)
    assert await ledger.live_checkouts() == []


BEGIN = """
import asyncio, sys
from adapters.sql.ledger import SqlLedger
from billing.payments.checkouts import CheckoutRequest
async def main(url, request):
    ledger = await SqlLedger.connect(url)
    await ledger.ping()
    print("ready", flush=True)
    sys.stdin.readline()
    wanted = CheckoutRequest.model_validate_json(request)
    links = [ledger.begin_checkout(wanted.evolve(customer_id=f"c{n}"), wanted.expires_at) for n in range(50)]
    print(" ".join(link.checkout_id for link in await asyncio.gather(*links)))
    await ledger.close()
asyncio.run(main(*sys.argv[1:]))
"""


async def test_two_processes_at_once_begin_one_link(ledger: SqlLedger, url: str) -> None:
    month = announced(drafted(1000))
    for n in range(50):
        customer = month.customer.evolve(customer_id=f"c{n}", email=f"c{n}@a.example")
        await ledger.record(month.with_customer(customer), AT)
    first, second = await succeed(*(Fork(BEGIN, url, WANTED.model_dump_json()) for _ in range(2)))
    assert first == second
    assert read(url, "SELECT count(*) FROM checkouts") == [(50,)]
