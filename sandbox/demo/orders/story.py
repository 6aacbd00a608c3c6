"""The story of the dozen orders: how they are placed, paid, halted, changed and given back, and what operators type.

    story = OrderStory(stack, ledger, narrator)
    await story.play()

Real sockets and real processes: the worker and the console, the gateway's callbacks, Stripe's webhooks, production.
Operators use the real command line. No clock is skipped.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Protocol

from billing.completeness.report import FindingKind
from billing.errors import BillingError
from billing.receivables.payment_list import PaymentFilter
from billing.receivables.ports import PaymentListing
from billing.reviewers.ports import AlertListing
from orders.changes import Amend, Cancel, Change, Halt, Resume
from orders.order import OrderStage, OrderStanding
from sandbox.demo.bank_app import APP
from sandbox.demo.commands import Commands
from sandbox.demo.narrator import Narrator
from sandbox.demo.orders.payers import GATEWAY, Payers
from sandbox.demo.orders.sample_orders import (
    FROM_SHOP,
    GARCIA,
    HADDAD,
    JENSEN,
    KHAN,
    LINDQVIST,
    MOREAU,
    NOWAK,
    OKAFOR,
    ROSSI,
    SAMPLE_ORDERS,
    SILVA,
    TANAKA,
    WEBER,
    SampleOrder,
    write_order_file,
)
from sandbox.demo.web_shop import post_order
from sandbox.reviewers import alerts_are_sent
from sandbox.stack.sample import HEADER as SHEET_HEADER
from sandbox.stack.sample import earliest_period, sheet_of
from sandbox.stack.stack import Stack
from sandbox.stand_ins.seller import Seller
from sandbox.stand_ins.whole_file import write_csv
from sandbox.timeline import until

PLANTED = {
    FindingKind.UNRELEASED: f"order {MOREAU.number}",
    FindingKind.RELEASED_UNPAID: f"order {ROSSI.number}",
    FindingKind.ENDED_CREDIT: f"order {WEBER.number}",
    FindingKind.UNMATCHED: "35.00 EUR",
}
"""What coverage has to answer, before people act on it."""

_TIMEOUT_SECONDS = 60
_STRIPE = "stripe-link"
_ANN, _BOB = ("--by", "ann", "--reason"), ("--by", "bob", "--reason")


class _Ledger(AlertListing, PaymentListing, Protocol):
    """The part of the ledger that is looked at here."""

    async def order(self, number: str) -> OrderStanding | None: ...


class OrderStory:
    def __init__(self, stack: Stack, ledger: _Ledger, narrator: Narrator) -> None:
        self.period = earliest_period(datetime.now(UTC))
        self.payers = Payers(stack)
        self._stack = stack
        self._ledger = ledger
        self._narrator = narrator
        self._seller = Seller(stack.settings.data_dir / "seller.jsonl")
        self._type = Commands(stack, narrator).type

    async def play(self) -> None:
        write_csv(sheet_of(self._stack.settings.data_dir, self.period), [SHEET_HEADER])  # nobody is billed monthly
        await self.payers.prepare()
        await self._place()
        await self._pay_by_pages()
        await self._transfer()
        await self._pay_at_the_bank()
        await self._give_back()
        await self._cover()
        await self._close()

    async def standings(self) -> list[OrderStanding]:
        found = [await self._ledger.order(sample.number) for sample in SAMPLE_ORDERS]
        return [standing for standing in found if standing is not None]

    async def _place(self) -> None:
        self._narrator.chapter(f"Order: the shop sends {len(FROM_SHOP)} by signed HTTP, ann imports the others")
        for sample in SAMPLE_ORDERS:
            self._seller.places(sample.request)
        for sample in FROM_SHOP:
            await self._post(sample)
        file = write_order_file(self._stack.settings.data_dir)
        await self._type("orders", "import", file.name, "--by", "ann", lines=slice(-1, None))

    async def _post(self, sample: SampleOrder) -> None:
        taken = await post_order(self._stack, sample.request.model_dump_json(exclude_none=True).encode())
        self._narrator.tell(f"POST /orders {sample.number}: 201, {taken['price']}")

    async def _pay_by_pages(self) -> None:
        self._narrator.chapter("Pay: by the gateway's links and page, and by Stripe's links")
        (nowak, moreau, tanaka, rossi, haddad), *_ = await asyncio.gather(
            self._links((NOWAK, GATEWAY), (MOREAU, _STRIPE), (TANAKA, _STRIPE), (ROSSI, GATEWAY), (HADDAD, GATEWAY)),
            self._change(Halt, MOREAU, "halt", "the file looks wrong"),
            self._change(Cancel, WEBER, "cancel", "by mail"),
        )
        await self._amend(haddad)
        new = await self._link(HADDAD, GATEWAY)
        self._narrator.tell(
            "The buyers pay: most once and exactly; okafor too little, lindqvist too much, weber too late."
        )
        await asyncio.gather(
            self.payers.pay_link(NOWAK, nowak),
            self.payers.pay_link(MOREAU, moreau),
            self.payers.pay_link(TANAKA, tanaka),
            self.payers.pay_link(ROSSI, rossi),
            self.payers.pay_link(HADDAD, new),
            self.payers.pay_any_amount(OKAFOR, "60.00"),
            self.payers.pay_any_amount(LINDQVIST, "100.00"),
            self.payers.pay_any_amount(WEBER, "310.00"),
            self.payers.pay_any_amount(JENSEN, "270.00"),
        )
        await self._until_all(OrderStage.FULFILLED, NOWAK, TANAKA, ROSSI, HADDAD, LINDQVIST)
        await self._until_all(OrderStage.IN_PRODUCTION, JENSEN)
        await self._until(self._halted_is_paid, "the money of the halted order")
        await self._type("orders", "show", NOWAK.number, lines=slice(0, 3))

    async def _amend(self, old_link: str) -> None:
        agreed = HADDAD.agreed(3, "180.00")
        change = ("--line", f"3 x {HADDAD.product}=180.00")
        await self._change(Amend, HADDAD, "amend", "one more", *change, version=1, agreed=agreed)
        is_open = await self.payers.is_payable(old_link)
        self._narrator.tell(
            f"The link for 120.00 EUR {'can still be paid' if is_open else 'is closed at the gateway'}."
        )

    async def _transfer(self) -> None:
        self._narrator.chapter("Transfer: bob records another account's money; jensen pays the rest by Stripe's link")
        jensen, *_ = await asyncio.gather(
            self._link(JENSEN, _STRIPE),
            self._record(TANAKA, "20872", "45.50", "statement, line 2"),
            self._record(GARCIA, "20873", "35.00", "statement, line 3", is_named=False),
            self._record(SILVA, "20874", "50.00", "statement, line 4"),
        )
        await self.payers.pay_link(JENSEN, jensen)
        await self._until_all(OrderStage.FULFILLED, JENSEN)

    async def _pay_at_the_bank(self) -> None:
        self._narrator.chapter(
            "Bank: okafor pays the rest in its app, khan to its account; it sends its statement and its register"
        )
        contract = ("--by", "ann", "--reason", "contract 17")
        number = (await self._type("numbers", "open", OKAFOR.customer_id, *contract))[0].partition(":")[0]
        self.payers.owns(OKAFOR, number)
        shown = await self.payers.pay_in_app(OKAFOR, number, "30.00")
        self._narrator.tell(f"okafor types the number; the app asks us, and shows: {shown}. The app takes 30.00 EUR.")
        await self.payers.send_to_account(KHAN, "95.00")
        folder, bank = self._stack.settings.data_dir, await self.payers.bank_files()
        (folder / "statement.txt").write_bytes(bank.statement)
        (folder / "register.csv").write_bytes(bank.register)
        register = ("payments", "register", "register.csv", "--rail", APP, "--day", str(bank.day))
        await asyncio.gather(
            self._type("payments", "import", "statement.txt", "--by", "bob"), self._type(*register, "--by", "bob")
        )
        await self._until_all(OrderStage.FULFILLED, OKAFOR, KHAN)

    async def _give_back(self) -> None:
        self._narrator.chapter("Give back: rossi's money, after production has begun")
        await self._refund(ROSSI, "the buyer has complained")

    async def _cover(self) -> None:
        self._narrator.chapter("Coverage: paid and not released? Released and not paid? Money without an order?")
        answer = await self._type("coverage", "--period", self.period, since="Findings", exit_code=1)
        for kind, name in PLANTED.items():
            if not any(line.strip().startswith(kind) and name in line for line in answer):
                raise BillingError(f"coverage does not name {name}: {kind}")
        self._narrator.tell("They follow its advice; garcia has called, and rossi pays again.")
        self.payers.call("20873")
        whose = ("--order", GARCIA.number)
        await asyncio.gather(
            self._change(Resume, MOREAU, "resume", "the file is right"),
            self._type("payments", "assign", "transfer", "20873", *whose, *_BOB, "the sender has called"),
            self._refund(WEBER, "the order was cancelled"),
            self._record(ROSSI, "20901", "120.00", "statement, line 6"),
        )
        await self._until_all(OrderStage.FULFILLED, MOREAU, GARCIA)
        answer = await self._type("coverage", "--period", self.period, lines=slice(0))
        self._narrator.answer([answer[-1]])

    async def _close(self) -> None:
        self._narrator.chapter("Where the orders stand, and whether each rail's money is in the books")
        await asyncio.gather(
            self._type("orders", "list"), self._type("reconcile", "--period", self.period, lines=slice(-12, None))
        )
        await self._until(lambda: alerts_are_sent(self._ledger), "the last digest to the reviewers")

    # -- what operators type

    async def _link(self, sample: SampleOrder, rail: str) -> str:
        reason = "asked by phone"
        return (await self._type("orders", "link", sample.number, "--rail", rail, *_ANN, reason, lines=slice(1)))[0]

    async def _links(self, *wanted: tuple[SampleOrder, str]) -> list[str]:
        return await asyncio.gather(*(self._link(sample, rail) for sample, rail in wanted))

    async def _change(
        self, kind: type[Change], sample: SampleOrder, verb: str, reason: str, *options: str, **fields: object
    ) -> None:
        """Asked for by the seller's register first, so that the judge knows of it."""
        change = kind.model_validate({"change_id": f"{verb}-1", "by": "ann", "reason": reason, "via": "cli", **fields})
        self._seller.asks(sample.number, change)
        await self._type("orders", verb, sample.number, *options, *_ANN, reason)

    async def _record(
        self, sample: SampleOrder, reference: str, amount: str, reason: str, is_named: bool = True
    ) -> None:
        self.payers.transfer(sample, reference, amount, is_named)
        whose = ("--order", sample.number) if is_named else ("--payer", sample.name)
        money = ("--amount", amount, "--currency", "eur")
        await self._type("payments", "record", "transfer", reference, *money, *whose, *_BOB, reason)

    async def _refund(self, sample: SampleOrder, reason: str) -> None:
        """All that the buyer has paid by the gateway."""
        reference = await self._paid_by_gateway(sample)
        await self._type("payments", "refund", GATEWAY, reference, *_BOB, reason)

    # -- looking

    async def _until_all(self, stage: OrderStage, *samples: SampleOrder) -> None:
        """They stand there; a fulfilled order is paid, released and answered."""

        async def look() -> bool:
            found = [await self._ledger.order(sample.number) for sample in samples]
            return all(standing is not None and standing.stage is stage for standing in found)

        await self._until(look, f"{stage} of {', '.join(sample.number for sample in samples)}")

    async def _paid_by_gateway(self, sample: SampleOrder) -> str:
        """The reference of what they have paid there, once it is in the books."""
        wanted, found = PaymentFilter(rail=GATEWAY, customer_id=sample.customer_id), list[str]()

        async def look() -> bool:
            rows = (await self._ledger.incoming_payments(wanted)).rows
            found[:] = [row.reference for row in rows if row.amount_minor > 0]
            return bool(found)

        await self._until(look, f"the money of {sample.customer_id}")
        return found[0]

    async def _halted_is_paid(self) -> bool:
        standing = await self._ledger.order(MOREAU.number)
        return standing is not None and standing.owed_minor == 0

    async def _until(self, look: Callable[[], Awaitable[bool]], condition: str) -> None:
        try:
            await until(look, _TIMEOUT_SECONDS)
        except TimeoutError:
            logs = self._stack.worker.log.parent
            raise BillingError(f"the demo gave up waiting for {condition}; logs: {logs}") from None
