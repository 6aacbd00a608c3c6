"""Stories of the bank's app and terminals, for the judge to look at: who pays what, and how the bank misbehaves."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from billing.customers.account_numbers import personal_digest
from billing.receivables.instructions import InstructionKind
from billing.receivables.journal import PaymentName
from billing.receivables.payment_list import PaymentFilter
from bootstrap_registers import connect_register_desk
from bootstrap_statements import connect_statements
from orders.order import OrderStage
from sandbox.bank.contracts import agree_with_the_bank
from sandbox.stand_ins.control import control, download, local_http
from sandbox.stand_ins.subscribers import SUBSCRIBERS, Subscribers, personal_number
from sandbox.timeline import until
from services.statements import Upload
from tests.bed import PATIENCE_SECONDS, Bed, now
from tests.console.conftest import console
from tests.scenarios.money_stories import collections_are_told, instruct
from tests.scenarios.order_stories import everybody_is_told, order, until_it_is
from tests.scenarios.stories import an_uneventful_month, at_rest, the_card_is_declined

RAILS = ("bank-app", "terminals", "local-bank")


async def what_is_owed_is_paid_in_the_banks_app(bed: Bed) -> None:
    """By the number that the customer types, and exactly what the app has shown."""
    await the_card_is_declined(bed)
    await at_rest(bed)
    number = await subscribed(bed)
    async with the_bank_calls(bed) as browser:
        bill = await browser.post("/bank-app/bill", data={"account": number})
        assert "100.00 EUR" in bill.text, bill.text
        assert "Paid" in (await browser.post("/bank-app/payments", data={"account": number, "sum": "100.00"})).text
    await collections_are_told(bed)


async def the_bank_repeats_what_was_answered(bed: Bed) -> None:
    """At once over two connections, after a broken line, and for no reason: on every rail."""
    number = await subscribed(bed, await somebody(bed))
    async with the_bank_calls(bed):
        for rail in RAILS:
            for kind in ("twice", "break_line", "again"):
                await loses(bed, kind)
                await pays(bed, rail, number, "10.00")
        await everything_is_answered(bed)


async def the_bank_repeats_with_another_sum(bed: Bed) -> None:
    """It gets the first answer, and a person is told."""
    number = await subscribed(bed, await somebody(bed))
    async with the_bank_calls(bed):
        for rail in RAILS:
            await loses(bed, "other_sum")
            await pays(bed, rail, number, "10.00")
        await everything_is_answered(bed)
    assert len([text for text in await bed.alerted() if "10.00 EUR" in text]) == len(RAILS)


async def nobody_asks_before_an_account_is_paid_that_never_was(bed: Bed) -> None:
    await somebody(bed)
    async with the_bank_calls(bed):
        for rail in RAILS:
            await loses(bed, "without_check")
            assert (await pays(bed, rail, "3000007", "10.00"))["state"] == "refused"


async def a_personal_number_is_typed(bed: Bed) -> None:
    """In the app, where it is asked about and paid by; all that the console writes down is kept."""
    customer_id = await somebody(bed)
    await subscribed(bed, customer_id)
    number = await known_by_person(bed, customer_id)
    async with the_bank_calls(bed) as browser:
        for rail in RAILS:
            await browser.post(f"/{rail}/bill", data={"account": number})
            assert (await pays(bed, rail, number, "10.00"))["state"] == "taken"


async def an_order_is_paid_in_the_banks_app(bed: Bed) -> None:
    """In two parts, by its buyer's number; the second part is too much."""
    await order(bed)
    number = await subscribed(bed, "buyer")
    async with the_bank_calls(bed):
        for rail, amount in (("terminals", "40.00"), ("local-bank", "65.00")):
            assert (await pays(bed, rail, number, amount))["state"] == "taken"
        await until_it_is(bed, OrderStage.FULFILLED)
    await everybody_is_told(bed)


async def two_equal_payments_come_in_a_minute(bed: Bed) -> None:
    number = await subscribed(bed, await somebody(bed))
    async with the_bank_calls(bed):
        for _ in range(2):
            await pays(bed, "bank-app", number, "10.00")
    page = await bed.ledger.incoming_payments(PaymentFilter(rail="bank-app"))
    assert [row.amount_minor for row in page.rows] == [1000, 1000]


async def a_register_has_other_payments_than_we_have(bed: Bed) -> None:
    """One that we never heard of, one that was taken back; and it lacks one. People confirm what it has."""
    number = await subscribed(bed, await somebody(bed))
    async with the_bank_calls(bed):
        for rail in RAILS:
            lacking = await pays(bed, rail, number, "10.00")
            await control(bed.ports.bank, f"registers/{rail}", {"leave_out": [lacking["txn_id"]]})
            await pays(bed, rail, number, "11.00", is_told=False)
        back = await pays(bed, "bank-app", number, "12.00")
        await control(bed.ports.bank, "reversals", {"rail": "bank-app", "txn_id": back["txn_id"]})
    for rail in RAILS:
        await the_register_comes(bed, rail)


async def the_statement_repeats_what_the_app_has_told(bed: Bed) -> None:
    """A rail is passed on line by line, the others in one sum each, one of them net of commission; others pay, too.

    All of it a day late. The day comes in several formats, and longer.
    """
    number = await subscribed(bed, await somebody(bed))
    async with the_bank_calls(bed):
        for rail in RAILS:
            for amount in ("10.00", "20.00"):
                await pays(bed, rail, number, amount)
    await control(bed.ports.bank, "days", {"late": 1})
    await settled(bed, "terminals", one_by_one=True)
    await the_statement_comes(bed, "mt940", "1c", late=1)
    for rail in ("bank-app", "local-bank"):
        await settled(bed, rail)
    for amount in ("70.00", "70.00"):
        await arrives(bed, amount, customer_id="acme", text=f"Account {number}")
    await arrives(bed, "5.00", text="Thank you", is_named=False)
    await the_statement_comes(bed, "mt940", "camt053", "camt054", late=1)


async def two_equal_transfers_come_in_a_statement(bed: Bed) -> None:
    """And the sender of a third one calls."""
    number = await subscribed(bed, await somebody(bed))
    for _ in range(2):
        await arrives(bed, "30.00", customer_id="acme", text=f"Account {number}")
    line = await arrives(bed, "31.00", customer_id="acme", is_named=False)
    await the_statement_comes(bed, "camt053")
    await control(bed.ports.bank, "claims", {"reference": line["reference"]})
    await instruct(bed, InstructionKind.ASSIGN, PaymentName.of("bank", line["reference"]), customer_id="acme")


# -- who does it


async def arrives(bed: Bed, amount: str, **fields: Any) -> Any:
    """Money on the company's account, from one and the same payer."""
    payer = {"amount": amount, "payer": "A. Nowak", "payer_account": "FR7630001007941234567890185"}
    return await control(bed.ports.bank, "transfers", payer | fields)


async def settled(bed: Bed, rail: str, one_by_one: bool = False) -> None:
    assert await control(bed.ports.bank, "settlements", {"rail": rail, "one_by_one": one_by_one})


async def the_statement_comes(bed: Bed, *kinds: str, late: int = 0) -> None:
    """Of today, or of so many days later, in these formats."""
    statements, at = connect_statements(bed.settings, bed.ledger), now() + timedelta(days=late)
    day = at.astimezone(ZoneInfo("Europe/Paris")).date()
    for kind in kinds:
        content = await download(bed.ports.bank, f"statements?kind={kind}&day={day}")
        await statements.take(Upload(f"{kind}.txt", content), "ann", at)


async def the_register_comes(bed: Bed, rail: str) -> None:
    """Of today, twice; people confirm what can be booked of it."""
    desk = connect_register_desk(bed.settings, bed.ledger)
    day = desk.terms(rail).day_of(now())
    for name in ("register.csv", "again.csv"):
        content = await download(bed.ports.bank, f"registers/{rail}?day={day}")
        await desk.take(rail, day, name, content, "ann", now(), ["original=original"])
    async for row in desk.to_book(rail, day):
        await desk.confirm(rail, row.reference, "ann", "by the register", now())


async def somebody(bed: Bed) -> str:
    """A customer whose month is paid."""
    await an_uneventful_month(bed)
    return "acme"


async def subscribed(bed: Bed, customer_id: str = "acme") -> str:
    """The customer's new account number."""
    account = await bed.ledger.open_number(customer_id, None, "ann", "contract 17", now())
    Subscribers(bed.folder / SUBSCRIBERS).has(account.number, customer_id)
    return account.number


async def known_by_person(bed: Bed, customer_id: str) -> str:
    """The customer's personal number, which we know now, too."""
    number = personal_number(26_500_123)
    Subscribers(bed.folder / SUBSCRIBERS).has(number, customer_id, is_personal=True)
    digest = personal_digest(number, bed.settings.personal_key)
    await bed.ledger.keep_personal(customer_id, digest, number[-4:], "ann", now())
    return number


@asynccontextmanager
async def the_bank_calls(bed: Bed) -> AsyncIterator[Any]:
    """A console that the bank asks and tells; yields a browser at the bank's pages."""
    with logged_as_a_process(bed):
        async with console(bed) as desk, local_http(base_url=f"http://127.0.0.1:{bed.ports.bank}") as browser:
            await agree_with_the_bank(bed.settings, desk.links.base_url)
            await control(bed.ports.bank, "calls", {"interval_seconds": 0.1})
            yield browser


@contextmanager
def logged_as_a_process(bed: Bed) -> Iterator[None]:
    """What the console logs is in a file, where the judge looks."""
    folder = bed.folder / "logs"
    folder.mkdir(exist_ok=True)
    handler, log = logging.FileHandler(folder / "console.log"), logging.getLogger()
    level = log.level
    handler.addFilter(lambda record: not record.name.startswith("httpx"))  # the bank's, which is in this process, too
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.setLevel(level)
        log.removeHandler(handler)
        handler.close()


async def loses(bed: Bed, kind: str) -> None:
    """The bank loses its head about the next payment."""
    await control(bed.ports.bank, "calls/faults", {"kind": kind})


async def pays(bed: Bed, rail: str, account: str, amount: str, **more: Any) -> Any:
    return await control(bed.ports.bank, "payments", {"rail": rail, "account": account, "sum": amount, **more})


async def everything_is_answered(bed: Bed) -> None:
    async def look() -> bool:
        return not (await control(bed.ports.bank, "payments", method="GET"))["busy"]

    await until(look, PATIENCE_SECONDS)
