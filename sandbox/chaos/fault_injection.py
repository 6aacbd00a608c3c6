"""What breaks: processes are killed and come back, services answer nonsense, the ledger is locked, the sheet is away.

async with fault_injector.during(fault_plan):
    ...  # time passes
"""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

from bootstrap_adapters import SANDBOX_SHEET_ID
from sandbox.chaos.orders.plan import BANK_CALLS, CALLBACKS, NO_FAULTS, OrderFaults
from sandbox.chaos.plan import WEBHOOKS, FaultPlan, Kill, Rule
from sandbox.chaos.stalls import put_stall, take_stall
from sandbox.stack.processes import Child, ChildFailedError
from sandbox.stack.stack import Stack
from sandbox.stand_ins.control import control
from sandbox.stand_ins.provisioning import switched

_CREATION = b'"path": "/v1/payment_intents",'
_POLL_SECONDS = 0.02
_SERVICES = {
    "/v4/": "sheets",
    "/events": "events",
    "^/api/": "gateway",
    "^/releases": "production",
    "^/rest/": "texts",
    "^/services": "provisioning",
}
"""By the path of a rule; Stripe's differ."""


class FaultInjector:
    """``kills`` and ``faults`` count what has been done; ``replaced`` are workers that ended although nothing killed
    them.
    """

    def __init__(self, stack: Stack, workers: list[Child], inbound: Child, receiver_port: int) -> None:
        self.kills: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.replaced: list[str] = []
        self._stack = stack
        self._workers = workers
        self._inbound = inbound
        self._reviving: dict[int, asyncio.Task[None]] = {}
        self._folder = stack.settings.data_dir
        self._stripe = stack.settings.sandbox_stripe_port
        self._sheets = stack.settings.sandbox_sheets_port
        self._mail = stack.settings.sandbox_mail_port
        self._receiver = receiver_port
        self._gateway = stack.settings.sandbox_wayforpay_port
        self._production = stack.settings.sandbox_production_port
        self._bank = stack.settings.sandbox_bank_port
        self._texts = stack.settings.sandbox_sms_port
        self._provisioning = stack.settings.sandbox_provisioning_port
        services = (self._gateway, self._production, self._texts, self._provisioning)
        self._breakable = (self._stripe, self._sheets, self._receiver, *services)

    @asynccontextmanager
    async def throughout(self, seed: int) -> AsyncIterator[None]:
        """While the block runs, webhooks come twice, late, reordered or never; the stand-ins draw by ``seed``."""
        for port in self._breakable:
            await control(port, "faults/seed", {"seed": seed})
        await control(self._stripe, "webhooks/faults/seed", {"seed": seed})
        await control(self._gateway, "callbacks/faults/seed", {"seed": seed})
        for rule in WEBHOOKS:
            await control(self._stripe, "webhooks/faults", rule)
        for rule in CALLBACKS:
            await control(self._gateway, "callbacks/faults", rule)
        await control(self._bank, "calls/faults/seed", {"seed": seed})
        for rule in BANK_CALLS:
            await control(self._bank, "calls/faults", rule)
        yield
        rules: list[Rule] = (await control(self._stripe, "webhooks", method="GET"))["faults"]
        self.faults.update({f"webhook {rule['kind']}": rule["fired"] for rule in rules})
        rules = await control(self._gateway, "callbacks/faults", method="DELETE")
        self.faults.update({f"callback {rule['kind']}": rule["fired"] for rule in rules})
        rules = await control(self._bank, "calls/faults", method="DELETE")
        self.faults.update({f"bank {rule['kind']}": rule["fired"] for rule in rules})

    @asynccontextmanager
    async def during(self, fault_plan: FaultPlan, of_orders: OrderFaults = NO_FAULTS) -> AsyncIterator[None]:
        """Breaks things while the block runs; then all services are well, and what was killed is on its way back."""
        services = (
            (self._stripe, fault_plan.stripe),
            (self._sheets, fault_plan.sheets),
            (self._receiver, fault_plan.events),
            (self._gateway, of_orders.gateway),
            (self._production, of_orders.production),
            (self._texts, fault_plan.texts),
            (self._provisioning, fault_plan.provisioning),
        )
        for port, rules in services:
            for rule in rules:
                await control(port, "faults", rule)
        await control(self._mail, "mail-faults", fault_plan.mail)
        self.faults.update(f"mail {rule['action']} (set)" for rule in fault_plan.mail)
        await control(self._stripe, "latency", {"seconds": fault_plan.latency_seconds})
        for place, seconds in fault_plan.stalls.items():
            put_stall(self._folder, place, seconds)
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for fault in self._faults_of(fault_plan, over):
                group.create_task(fault)
            if of_orders.console_dies_after_seconds is not None:
                group.create_task(self._kill_answering(self._stack.console, of_orders.console_dies_after_seconds, over))
            if of_orders.inbound_dies_after_seconds is not None:
                group.create_task(self._kill_answering(self._inbound, of_orders.inbound_dies_after_seconds, over))
            try:
                yield
            finally:
                over.set()
        await self._clear()
        stalls = (place for place in fault_plan.stalls if not take_stall(self._folder, place))
        self.faults.update(f"stall in {place}" for place in stalls)

    async def revived(self) -> None:
        """Until every worker that was killed is back."""
        await asyncio.gather(*self._reviving.values())

    def _faults_of(self, fault_plan: FaultPlan, over: asyncio.Event) -> list[Coroutine[Any, Any, None]]:
        faults = [self._kill_worker(kill, over) for kill in fault_plan.kills]
        if fault_plan.server_dies_after_seconds is not None:
            faults.append(self._kill_server(fault_plan.server_dies_after_seconds, over))
        if fault_plan.ledger_locked_seconds:
            faults.append(self._lock_ledger(fault_plan.ledger_locked_seconds))
        if fault_plan.no_worksheet:
            faults.append(self._take_worksheets_away(over))
        if fault_plan.forgotten is not None:
            faults.append(self._forget_account(fault_plan.forgotten, over))
        return faults

    async def _clear(self) -> None:
        for port in self._breakable:
            rules: list[Rule] = await control(port, "faults", method="GET")
            self.faults.update({_name(rule): rule["fired"] for rule in rules if rule["fired"]})
            await control(port, "faults", method="DELETE")
        await control(self._mail, "mail-faults", [])
        await control(self._stripe, "latency", {"seconds": 0})

    # -- processes

    async def _kill_worker(self, kill: Kill, over: asyncio.Event) -> None:
        """Meanwhile the other one works, unless it is dead too."""
        at_payment = kill.at_payment and await self._next_payment(over)
        if not kill.at_payment:
            await _wait(over, kill.after_seconds)
        is_back = kill.worker not in self._reviving or self._reviving[kill.worker].done()
        if is_back and not over.is_set():
            worker = self._workers[kill.worker]
            if not worker.running:
                self.replaced.append(worker.name)
            worker.kill()
            self.kills["worker_kills"] += 1
            self.kills["kills_between_creation_and_confirmation"] += at_payment
            self._reviving[kill.worker] = asyncio.create_task(_revive(worker, kill.down_seconds))

    async def _next_payment(self, over: asyncio.Event) -> bool:
        """Whether Stripe creates a payment, which is still to be confirmed, before the time is over."""
        journal = self._folder / "stripe.jsonl"
        size = journal.stat().st_size
        while not over.is_set():
            if _CREATION in _read_from(journal, size):
                return True
            await asyncio.sleep(_POLL_SECONDS)
        return False

    async def _kill_server(self, after_seconds: float, over: asyncio.Event) -> None:
        await _wait(over, after_seconds)
        if not over.is_set():
            self._stack.server.kill()
            self.kills["server_restarts"] += 1
            await self._stack.server.start()

    async def _kill_answering(self, process: Child, after_seconds: float, over: asyncio.Event) -> None:
        """With whatever callback, webhook, order or bank's call it is about to answer."""
        await _wait(over, after_seconds)
        process.kill()
        self.kills[f"{process.name}_kills"] += 1
        await _revive(process, 0.0)

    async def _forget_account(self, share: float, over: asyncio.Event) -> None:
        """Provisioning answers 200, with an error inside."""
        numbers = sorted(switched(self._folder / "provisioning.jsonl"))
        if not numbers:
            return
        forgotten = {"number": numbers[int(share * len(numbers))]}
        await control(self._provisioning, "unknown", forgotten)
        self.faults["account forgotten"] += 1
        await over.wait()
        await control(self._provisioning, "known", forgotten)

    # -- files

    async def _lock_ledger(self, seconds: float) -> None:
        """Writers wait, and learn after ten seconds that the ledger is busy."""
        with closing(sqlite3.connect(self._folder / "ledger.db", timeout=30)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            self.faults["ledger locked"] += 1
            await asyncio.sleep(seconds)
            connection.rollback()

    async def _take_worksheets_away(self, over: asyncio.Event) -> None:
        sheets, away = (self._folder / "sheets" / name for name in (SANDBOX_SHEET_ID, "away"))
        sheets.rename(away)
        try:
            self.faults["worksheets missing"] += 1
            await over.wait()
        finally:
            away.rename(sheets)


async def _wait(over: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(over.wait(), seconds)


async def _revive(worker: Child, after_seconds: float) -> None:
    """Starts it, again and again while the server is not there."""
    await asyncio.sleep(after_seconds)
    while not worker.running:
        with suppress(ChildFailedError):
            await worker.start()


def _name(rule: Rule) -> str:
    service = _SERVICES.get(rule["path"], "stripe")
    status = f" {rule['status']}" if rule["kind"] == "status" else ""
    return f"{service} {'cached ' if rule['cached'] else ''}{rule['kind']}{status}"


def _read_from(path: Path, offset: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read()
