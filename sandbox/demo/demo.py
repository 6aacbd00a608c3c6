"""The demo: one month of the sample customers in seconds, on the real server with its time skipped.

    demo = Demo(stack, client, ledger, show)
    async with demo.shown():
        await demo.until_review()
        await demo.until_closed()

Reviewers act by the real command line, in processes of their own. All workflows skip time in lock-step.
"""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol

import httpx
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import TimeSkipper, TimeSkippingConfig

from billing.completeness.report import FindingKind
from billing.errors import BillingError
from billing.invoices.invoice import Invoice
from billing.invoices.month import Month
from billing.invoices.ports import MonthStore
from billing.invoices.stages import Stage
from billing.reviewers.ports import AlertListing
from clients.start import handle_for
from sandbox.demo.show import Show
from sandbox.stack.sample import SAMPLE, correct_address, earliest_period, prepare_sample, sheet_of
from sandbox.stack.stack import ROOT, Stack
from sandbox.stand_ins.whole_file import write_whole
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
"""What keeps somebody from being charged by the time that reviewers have looked, and whom: coverage names each."""

_TIMEOUT_SECONDS = 60
_REFRESH_SECONDS = 0.3
_POLL_SECONDS = 0.02
_OVERSHOOT = timedelta(seconds=45)  # all work is done when a skip ends, or the server may skip on to the next timer
_HELD = TimeSkippingConfig(enabled=False, max_session_skip_count=100_000, disable_propagation=True)
_SLOW_STRIPE_SECONDS = 0.15
_PAYMENT = re.compile(rb'"id": "(pi_\w+)"')
_KILL_AT_PAYMENT = 6  # by then several customers of one time zone are being charged at once


class _Ledger(AlertListing, MonthStore, Protocol):
    """What is needed of the ledger here."""


class Demo:
    """``now`` is the virtual instant that all customers have reached."""

    def __init__(self, stack: Stack, client: Client, ledger: _Ledger, show: Show, kills: bool = False) -> None:
        self.now = datetime.now(UTC)
        self.period = earliest_period(self.now)
        self._stack = stack
        self._client = client
        self._ledger = ledger
        self._show = show
        self._kills = kills
        self._skipper = TimeSkipper(client, config=_HELD)
        self._skipped_seconds = 0.0

    async def until_review(self) -> None:
        """Starts everybody, collects their sales, and lets the reviewers act on the drafts."""
        self._show.chapter(f"Start: {len(SAMPLE)} customers, one workflow each")
        roster = await prepare_sample(self._stack.settings.data_dir, self._stack.stripe_url, [self.period])
        if self._kills:
            self._kill("customers start without it")
        await self._type("start", "--from", roster.name, "--period", self.period, lines=slice(-1, None))
        if self._kills:
            await self._revive()
        months = await self.months()
        self._show.chapter("Collect: on the 1st, 02:00 in each customer's time zone, the sheet is read")
        await self.pass_until(max(month.import_at for month in months.values()) + timedelta(hours=2))
        await self._see(lambda months: all(month.invoice for month in months.values()), "all drafts")
        self._show.chapter("Monitor: reviewers look at the drafts")
        await self._review(await self.months())

    async def _review(self, months: dict[str, Month]) -> None:
        training = next(line for line in _invoice(months["bergson"]).lines if line.description == "Training")
        change = f"{training.line_id}=480.00"
        await asyncio.gather(
            self._type("edit", "bergson", "--by", "ann", "--reason", "typo, not 4800", "--change", change),
            self._type("halt", "kiwi", "--by", "ann", "--reason", "ask about the storage days"),
        )
        await self._type("skip", "pago", "--by", "bob", "--reason", "charter is disputed")
        await handle_for(self._client, PLANTED[FindingKind.NO_WORKFLOW]).terminate()
        self._show.tell("Meanwhile somebody terminates tanaka's workflow in the Temporal UI, by mistake.", style="red")

    async def until_closed(self) -> None:
        """Lets the rest of the month pass; every customer ends in the next one."""
        months = await self.months()
        if self._kills:
            self._kill("time goes on without it")
        await self._together(self.pass_until(self.now + timedelta(hours=22)), self._revive)
        self._show.chapter("Coverage: who is not charged, and why?")
        answer = await self._type("coverage", "--period", self.period, since="Findings", exit_code=1)
        self._check_named(answer)
        ribbon = _invoice(months["quito"]).problems[0]
        self._show.tell("They do what it says, and correct the address in the sheet.")
        correct_address(sheet_of(self._stack.settings.data_dir, self.period))
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
        self._show.chapter("Notify: on the 4th, 10:00, each customer is told amount and date")
        months = await self.months()
        await self.pass_until(max(month.notice_at for month in months.values()) + timedelta(hours=1))
        await self._see(lambda months: months["zurich"].alerts > 0, "the alert that zurich needs an approval")
        await self._type("approve", "zurich", "--by", "bob", "--reason", "as agreed", lines=slice(1))
        await self._see(
            lambda months: all(month.announced or month.outcome for month in months.values()), "all notices"
        )
        self._show.chapter("Last call, then charge: on the 8th, 10:00; a halt would still stop it")
        months = await self.months()
        await self._charge(max(month.charge_at for month in months.values() if not month.outcome))
        self._show.chapter("Close: outcomes are in the ledger, everybody continues as new into the next month")
        await self._chain_goes_on()
        await asyncio.gather(self._reviewers_are_told(), self._covered())

    async def _covered(self) -> None:
        """Exit code 0: everybody and every row is accounted for."""
        answer = await self._type("coverage", "--period", self.period, lines=slice(0))
        self._show.answer([answer[0], answer[-1]])

    def _check_named(self, answer: list[str]) -> None:
        """Raises ``BillingError`` unless coverage names exactly what was planted."""
        for kind, who in PLANTED.items():
            if not any(line.strip().startswith(kind) and who in line for line in answer):
                raise BillingError(f"coverage does not name {who}: {kind}")

    async def _charge(self, last: datetime) -> None:
        await self._together(self.pass_until(last), self._kill_while_charging)
        await self._see(lambda months: all(month.outcome for month in months.values()), "all outcomes")

    async def _chain_goes_on(self) -> None:
        """The closing mail comes after the outcome; a workflow in its next month has sent it."""

        async def all_gone_on() -> bool:
            handles = [handle_for(self._client, customer_id) for customer_id in STORY]
            months = await asyncio.gather(*(handle.query(MonthlyBilling.invoice) for handle in handles))
            return all(month.period > self.period for month in months)

        await self._until(all_gone_on, "the next month")

    async def _reviewers_are_told(self) -> None:
        """A digest comes a moment after what it tells of."""

        async def all_told() -> bool:
            return all(row.told_at for row in await self._ledger.alerts())

        await self._until(all_told, "the last digest to the reviewers")

    # -- looking

    async def months(self) -> dict[str, Month]:
        """Every customer's month as the ledger has it."""
        found = [await self._ledger.month(customer_id, self.period) for customer_id in STORY]
        return {name: month for name, month in zip(STORY, found, strict=True) if month is not None}

    @asynccontextmanager
    async def shown(self) -> AsyncIterator[None]:
        """Keeps the table up to date until the block ends."""
        showing = asyncio.create_task(self._keep_showing())
        try:
            yield
            self._show.step(self.now, await self.months())
        finally:
            showing.cancel()

    async def _keep_showing(self) -> None:
        while True:
            self._show.refresh(self.now, await self.months())
            await asyncio.sleep(_REFRESH_SECONDS)

    async def _see(self, holds: Callable[[dict[str, Month]], bool], what: str) -> None:
        async def seen() -> bool:
            return holds(await self.months())

        await self._until(seen, what)

    async def _until(self, holds: Callable[[], Awaitable[bool]], what: str) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                while True:
                    if await holds():
                        return
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise BillingError(f"the demo waited in vain for {what}; logs: {self._stack.worker.log.parent}") from None

    # -- time

    async def pass_until(self, instant: datetime) -> None:
        """Lets time pass, from one planned instant of any customer to the next."""
        while True:
            dues = [month.due(self.now).at for month in (await self.months()).values() if not month.outcome]
            await self.skip_to(min([due for due in dues if due and due > self.now] + [instant]) + _OVERSHOOT)
            if self.now >= instant:
                return

    async def skip_to(self, instant: datetime) -> None:
        """Moves all clocks to ``instant``, together: each customer's, and those of Stripe and of who looks on."""
        await self._set_clocks(instant)
        pace = asyncio.create_task(asyncio.sleep(0 if self._kills else self._show.pace_seconds))
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                await asyncio.gather(*(self._skip(customer_id, instant) for customer_id in STORY))
        except TimeoutError:
            raise BillingError(
                f"the clocks did not reach {instant:%Y-%m-%d %H:%M} UTC; logs: {self._stack.worker.log.parent}"
            ) from None
        self.now = instant
        self._show.step(self.now, await self.months())
        await pace

    async def _skip(self, customer_id: str, instant: datetime) -> None:
        handle = handle_for(self._client, customer_id)
        now = await self._skipper.get_current_time(handle)
        if instant > now:
            try:
                await self._skipper.fast_forward(handle, instant - now)
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:  # who does not run has no clock, and catches up later
                    raise

    async def _set_clocks(self, instant: datetime) -> None:
        """Stripe's is put forward; the console and the commands read how far their own is."""
        skipped = max((instant - datetime.now(UTC)).total_seconds(), self._skipped_seconds)
        await self._control_stripe("clock", advance_seconds=skipped - self._skipped_seconds)
        write_whole(self._stack.settings.skipped_file, str(skipped))
        self._skipped_seconds = skipped

    # -- acting

    async def _type(
        self, *arguments: str, lines: slice = slice(None), since: str = "", exit_code: int = 0
    ) -> list[str]:
        """Runs a command of the command line and answers what it says; shown are ``lines`` of it, or all ``since``."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(ROOT / "starter.py"),
            *arguments,
            cwd=self._stack.settings.data_dir,
            env={**os.environ, **self._stack.environment, "COLUMNS": "100", "NO_COLOR": "1"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            output, _ = await process.communicate()
        except asyncio.CancelledError:
            process.kill()
            raise
        answer = [line.rstrip() for line in output.decode().splitlines() if line.strip()]
        if process.returncode != exit_code:
            self._show.command(arguments, answer)
            raise BillingError(f"starter.py {arguments[0]} ended with exit code {process.returncode}: {answer[-1:]}")
        first = answer.index(since) if since in answer else 0
        self._show.command(arguments, answer[first:][lines])
        if exit_code:
            self._show.answer([f"exit code {exit_code}"])
        return answer

    # -- killing

    def _kill(self, meanwhile: str) -> None:
        self._stack.worker.kill()
        self._show.tell(f"The worker is killed (SIGKILL); {meanwhile}.", style="red")

    async def _revive(self) -> None:
        await self._stack.worker.start()
        self._show.tell("A new worker is there.", style="green")

    async def _together(self, passing: Awaitable[None], if_kills: Callable[[], Awaitable[None]]) -> None:
        """Time must not wait for a worker to come back: a clock waits for whatever the worker has to do."""
        await asyncio.gather(passing, *([if_kills()] if self._kills else []))

    async def _kill_while_charging(self) -> None:
        """Kills the worker between the creation of a payment and the answer to it."""
        journal = self._stack.settings.data_dir / "stripe.jsonl"
        await self._slow_stripe(_SLOW_STRIPE_SECONDS)
        before = journal.stat().st_size

        async def several_payments() -> bool:
            return len(set(_PAYMENT.findall(journal.read_bytes()[before:]))) >= _KILL_AT_PAYMENT

        await self._until(several_payments, "payments")
        self._kill("in the middle of a charge")
        await self._slow_stripe(0)
        await self._revive()
        self._show.tell("It takes over when the server misses the heartbeats of the old one: after 15 s.", style="dim")

    async def _slow_stripe(self, seconds: float) -> None:
        await self._control_stripe("latency", seconds=seconds)

    async def _control_stripe(self, what: str, **values: float) -> None:
        async with httpx.AsyncClient(trust_env=False) as http:
            (await http.post(f"{self._stack.stripe_url}/_control/{what}", json=values)).raise_for_status()


def _invoice(month: Month) -> Invoice:
    assert month.invoice is not None, f"{month.customer.customer_id} has no draft"
    return month.invoice
