"""The demo: one month of the sample customers in seconds, on the real server with skipped time.

    demo = Demo(stack, client, ledger, show)
    async with demo.shown():
        await demo.until_review()
        await demo.until_closed()

Reviewers use the real command line, in processes of their own. All workflows skip time in lock-step.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from temporalio.client import Client

from billing.collections.stages import CollectionStage
from billing.completeness.report import FindingKind
from billing.errors import BillingError
from billing.invoices.invoice import Invoice
from billing.invoices.month import Month
from billing.invoices.ports import MonthStore
from billing.invoices.stages import Stage
from billing.keys import collection_id, workflow_id
from billing.reviewers.ports import AlertListing
from clients.collection_commands import collection_handle
from clients.start import handle_for
from sandbox.demo.commands import Commands
from sandbox.demo.show import Show
from sandbox.demo.transfers import AFTER_DECLINE, TOO_MUCH, SampleTransfer
from sandbox.reviewers import alerts_are_sent
from sandbox.stack.sample import SAMPLE, correct_address, earliest_period, prepare_sample, sheet_of
from sandbox.stack.stack import Stack
from sandbox.stand_ins.control import control
from sandbox.timeline import OVERSHOOT, SharedClock, Timeline, until
from workflows.monthly_billing import MonthlyBilling

STORY = dict.fromkeys((sample.customer_id for sample in SAMPLE), Stage.PAID) | {
    "pago": Stage.SKIPPED,
    "lima": Stage.NOTHING_DUE,
    "denver": Stage.PAST_DUE,
    "london": Stage.CARRIED_FORWARD,
}
"""How the month ends for each customer."""

PLANTED = {
    FindingKind.NO_WORKFLOW: "tanaka",
    FindingKind.UNCLAIMED: "billing@bergsen.example",
    FindingKind.UNREADABLE: "quito",
    FindingKind.HALTED: "kiwi",
}
"""What still keeps a customer from being charged after the review, and whom: coverage names each."""

_TIMEOUT_SECONDS = 60
_REFRESH_SECONDS = 0.3
_SLOW_STRIPE_SECONDS = 0.15
_PAYMENT = re.compile(rb'"id": "(pi_\w+)"')
_KILL_AT_PAYMENT = 6  # by then several customers of one time zone are being charged at once


class _Ledger(AlertListing, MonthStore, Protocol):
    """The part of the ledger that is used here."""


@dataclass
class Demo:
    """The story. All customers share ``clock``; with ``kills``, the worker is killed again and again."""

    stack: Stack
    client: Client
    ledger: _Ledger
    show: Show
    kills: bool = False

    def __post_init__(self) -> None:
        settings = self.stack.settings
        self.clock = SharedClock(Timeline(self.client), settings.sandbox_stripe_port, settings.skipped_file)
        self.period = earliest_period(self.clock.now)
        self._type = Commands(self.stack, self.show).type

    async def until_review(self) -> None:
        """Starts all customers, imports their sales, and lets the reviewers act on the drafts."""
        self.show.chapter(f"Start: {len(SAMPLE)} customers, one workflow each")
        roster = await prepare_sample(self.stack.settings.data_dir, self.stack.stripe_url, [self.period])
        if self.kills:
            self._kill("customers start without it")
        await self._type("start", "--from", roster.name, "--period", self.period, lines=slice(-1, None))
        if self.kills:
            await self._revive()
        months = await self.months()
        self.show.chapter("Import: on the 1st, 02:00 in each customer's time zone, the sheet is read")
        await self.pass_until(max(month.import_at for month in months.values()) + timedelta(hours=2))
        await self._see(lambda months: all(month.invoice for month in months.values()), "all drafts")
        self.show.chapter("Monitor: reviewers look at the drafts")
        await self._review(await self.months())

    async def _review(self, months: dict[str, Month]) -> None:
        training = next(line for line in _invoice(months["bergson"]).lines if line.description == "Training")
        change = f"{training.line_id}=480.00"
        await asyncio.gather(
            self._type("edit", "bergson", "--by", "ann", "--reason", "typo, not 4800", "--change", change),
            self._type("halt", "kiwi", "--by", "ann", "--reason", "ask about the storage days"),
        )
        await self._type("skip", "pago", "--by", "bob", "--reason", "charter is disputed")
        await handle_for(self.client, PLANTED[FindingKind.NO_WORKFLOW]).terminate()
        self.show.tell("Meanwhile tanaka's workflow is terminated in the Temporal UI, by mistake.", style="red")

    async def until_closed(self) -> None:
        """Lets the rest of the month pass; all customers end in the next one."""
        months = await self.months()
        if self.kills:
            self._kill("time goes on without it")
        await self._together(self.pass_until(self.clock.now + timedelta(hours=22)), self._revive)
        self.show.chapter("Coverage: who is not charged, and why?")
        answer = await self._type("coverage", "--period", self.period, since="Findings", exit_code=1)
        self._check_named(answer)
        ribbon = _invoice(months["quito"]).problems[0]
        self.show.tell("They follow its advice, and correct the address in the sheet.")
        correct_address(sheet_of(self.stack.settings.data_dir, self.period))
        await asyncio.gather(
            self._type("start", "tanaka", lines=slice(-1, None)),
            self._type(
                "refresh", "bergson", "--by", "ann", "--reason", "the address was mistyped", lines=slice(-1, None)
            ),
            self._type(
                "edit", "quito", "--by", "bob", "--reason", "it is 12.50", "--change", f"{ribbon.line_id}=12.50"
            ),
            self._type("resume", "kiwi", "--by", "ann", "--reason", "the customer confirms"),
        )
        await self._covered()
        self.show.chapter("Notify: on the 4th, 10:00, each customer learns amount and date")
        months = await self.months()
        await self.pass_until(max(month.notice_at for month in months.values()) + timedelta(hours=1))
        await self._see(lambda months: months["zurich"].alerts > 0, "the alert that zurich needs an approval")
        await self._type("approve", "zurich", "--by", "bob", "--reason", "as agreed", lines=slice(1))
        await self._see(
            lambda months: all(month.announced or month.outcome for month in months.values()), "all notices"
        )
        self.show.chapter("Transfer: acme pays by bank before the charge, and too much")
        await self._transfer(TOO_MUCH)
        self.show.chapter("Last call, then charge: on the 8th, 10:00; a halt would still stop it")
        months = await self.months()
        await self._charge(max(month.charge_at for month in months.values() if not month.outcome))
        self.show.chapter("Close: outcomes are in the ledger, all workflows continue as new into the next month")
        await self._chain_goes_on()
        self.show.chapter("Collect: denver's card was declined, so denver pays by bank; the card is left alone")
        await self.clock.pass_to(self.clock.now, [collection_id(AFTER_DECLINE.customer_id)])  # it begins in real time
        await self._transfer(AFTER_DECLINE)
        await self._recovers(AFTER_DECLINE.customer_id)
        self.show.chapter("Reconcile: is what each rail has taken in the books, to the cent?")
        await self._type("reconcile", "--period", self.period)
        alerts_sent = self._until(lambda: alerts_are_sent(self.ledger), "the last digest to the reviewers")
        await asyncio.gather(alerts_sent, self._covered())

    async def _covered(self) -> None:
        """Exit code 0: all customers and all rows are accounted for."""
        answer = await self._type("coverage", "--period", self.period, lines=slice(0))
        self.show.answer([answer[0], answer[-1]])

    def _check_named(self, answer: list[str]) -> None:
        """Raises ``BillingError`` unless coverage names exactly what was planted."""
        for kind, name in PLANTED.items():
            if not any(line.strip().startswith(kind) and name in line for line in answer):
                raise BillingError(f"coverage does not name {name}: {kind}")

    async def _charge(self, last: datetime) -> None:
        await self._together(self.pass_until(last), self._kill_while_charging)
        await self._see(lambda months: all(month.outcome for month in months.values()), "all outcomes")

    async def _chain_goes_on(self) -> None:
        """The closing mail comes after the outcome; a workflow in its next month has sent it."""

        async def all_gone_on() -> bool:
            handles = [handle_for(self.client, customer_id) for customer_id in STORY]
            months = await asyncio.gather(*(handle.query(MonthlyBilling.invoice) for handle in handles))
            return all(month.period > self.period for month in months)

        await self._until(all_gone_on, "the next month")

    async def _recovers(self, customer_id: str) -> None:
        """The collection has ended: nothing is owed any more, and the receipt is sent."""
        with self._patience(f"gave up waiting for the end of {customer_id}'s collection"):
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                collection = await collection_handle(self.client, customer_id).result()
        if collection.outcome is not CollectionStage.RECOVERED:
            raise BillingError(f"the collection of {customer_id} ended as {collection.outcome}")

    # -- looking

    async def months(self) -> dict[str, Month]:
        """Every customer's month as the ledger has it."""
        months = {customer_id: await self.ledger.month(customer_id, self.period) for customer_id in STORY}
        return {customer_id: month for customer_id, month in months.items() if month is not None}

    @asynccontextmanager
    async def shown(self) -> AsyncIterator[None]:
        """Keeps the table up to date until the block ends."""
        showing = asyncio.create_task(self._keep_showing())
        try:
            yield
            self.show.step(self.clock.now, await self.months())
        finally:
            showing.cancel()

    async def _keep_showing(self) -> None:
        while True:
            self.show.refresh(self.clock.now, await self.months())
            await asyncio.sleep(_REFRESH_SECONDS)

    async def _see(self, holds: Callable[[dict[str, Month]], bool], condition: str) -> None:
        async def look() -> bool:
            return holds(await self.months())

        await self._until(look, condition)

    async def _until(self, look: Callable[[], Awaitable[bool]], condition: str) -> None:
        with self._patience(f"gave up waiting for {condition}"):
            await until(look, _TIMEOUT_SECONDS)

    @contextmanager
    def _patience(self, failure: str) -> Iterator[None]:
        try:
            yield
        except TimeoutError:
            raise BillingError(f"the demo {failure}; logs: {self.stack.worker.log.parent}") from None

    # -- time

    async def pass_until(self, instant: datetime) -> None:
        """Lets time pass, from one planned instant of any customer to the next."""
        while self.clock.now < instant:
            now, months = self.clock.now, (await self.months()).values()
            dues = [month.due(now).at for month in months if not month.outcome]
            await self._skip_to(min([due for due in dues if due and due > now] + [instant]) + OVERSHOOT)

    async def _skip_to(self, instant: datetime) -> None:
        """Moves all clocks to ``instant``, together: each customer's, Stripe's, and that of consoles and commands."""
        pace = asyncio.create_task(asyncio.sleep(0 if self.kills else self.show.pace_seconds))
        with self._patience(f"could not bring the clocks to {instant:%Y-%m-%d %H:%M} UTC"):
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                await self.clock.pass_to(instant, map(workflow_id, STORY))
        self.show.step(self.clock.now, await self.months())
        await pace

    # -- acting

    async def _transfer(self, transfer: SampleTransfer) -> None:
        """The money arrives at the bank, and a reviewer records it."""
        transfer.arrive(self.stack.settings.data_dir, self.period, self.clock.now)
        await self._type(*transfer.command(self.period))

    # -- killing

    def _kill(self, meanwhile: str) -> None:
        self.stack.worker.kill()
        self.show.tell(f"The worker is killed (SIGKILL); {meanwhile}.", style="red")

    async def _revive(self) -> None:
        await self.stack.worker.start()
        self.show.tell("A new worker is there.", style="green")

    async def _together(self, passing: Awaitable[None], if_kills: Callable[[], Awaitable[None]]) -> None:
        """Time and a restart go on side by side: a clock stands still while work waits for a worker."""
        await asyncio.gather(passing, *([if_kills()] if self.kills else []))

    async def _kill_while_charging(self) -> None:
        """Kills the worker between the creation of a payment and the answer to it."""
        journal = self.stack.settings.data_dir / "stripe.jsonl"
        await self._slow_stripe(_SLOW_STRIPE_SECONDS)
        size = journal.stat().st_size

        async def several_payments() -> bool:
            return len(set(_PAYMENT.findall(journal.read_bytes()[size:]))) >= _KILL_AT_PAYMENT

        await self._until(several_payments, "payments")
        self._kill("in the middle of a charge")
        await self._slow_stripe(0)
        await self._revive()
        self.show.tell("It takes over when the server misses the heartbeats of the old one: after 15 s.", style="dim")

    async def _slow_stripe(self, seconds: float) -> None:
        await control(self.stack.settings.sandbox_stripe_port, "latency", {"seconds": seconds})


def _invoice(month: Month) -> Invoice:
    assert month.invoice is not None, f"{month.customer.customer_id} has no draft"
    return month.invoice
