"""What breaks: processes are killed and come back, services answer nonsense, the ledger is locked, the sheet is away.

async with havoc.during(storm):
    ...  # time passes
"""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

import httpx

from bootstrap import SANDBOX_SHEET_ID
from sandbox.chaos.plan import WEBHOOKS, FaultPlan, Kill, Rule
from sandbox.chaos.stalls import put_stall, take_stall
from sandbox.stack.processes import Child, ChildFailedError
from sandbox.stack.stack import Stack

_CREATION = b'"path": "/v1/payment_intents",'
_POLL_SECONDS = 0.02


class FaultInjector:
    """``figures`` counts what has been done; ``replaced`` are workers that ended although nobody told them to."""

    def __init__(self, stack: Stack, workers: list[Child]) -> None:
        self.figures: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.replaced: list[str] = []
        self._stack = stack
        self._workers = workers
        self._reviving: dict[int, asyncio.Task[None]] = {}
        self._folder = stack.settings.data_dir
        settings = stack.settings
        self._urls = [
            f"http://127.0.0.1:{port}" for port in (settings.sandbox_stripe_port, settings.sandbox_sheets_port)
        ]
        self._mail_url = f"http://127.0.0.1:{settings.sandbox_mail_port}"

    @asynccontextmanager
    async def throughout(self, seed: int) -> AsyncIterator[None]:
        """While the block runs, webhooks come twice, late, reordered or never; the stand-ins draw by ``seed``."""
        async with _control_surfaces() as http:
            webhooks = f"{self._urls[0]}/_control/webhooks"
            for url in (f"{webhooks}/faults/seed", *(f"{url}/_control/faults/seed" for url in self._urls)):
                await _post(http, url, {"seed": seed})
            for rule in WEBHOOKS:
                await _post(http, f"{webhooks}/faults", rule)
            yield
            rules: list[Rule] = (await http.get(webhooks)).json()["faults"]
            self.faults.update({f"webhook {rule['kind']}": rule["fired"] for rule in rules})

    @asynccontextmanager
    async def during(self, storm: FaultPlan) -> AsyncIterator[None]:
        """Breaks things while the block runs; then all services are well, and what was killed is on its way back."""
        async with _control_surfaces() as http:
            for url, rules in zip(self._urls, (storm.stripe, storm.sheets), strict=True):
                for rule in rules:
                    await _post(http, f"{url}/_control/faults", rule)
            await _post(http, f"{self._mail_url}/_control/mail-faults", storm.mail)
            self.faults.update(f"mail {rule['action']} (set)" for rule in storm.mail)
            await _post(http, f"{self._urls[0]}/_control/latency", {"seconds": storm.latency_seconds})
            for place, seconds in storm.stalls.items():
                put_stall(self._folder, place, seconds)
            over = asyncio.Event()
            async with asyncio.TaskGroup() as group:
                for breaking in self._breaking(storm, over):
                    group.create_task(breaking)
                try:
                    yield
                finally:
                    over.set()
            await self._calm(http)
            self.faults.update(f"stall in {place}" for place in storm.stalls if not take_stall(self._folder, place))

    async def passed(self) -> None:
        """Until everything that was killed is back."""
        await asyncio.gather(*self._reviving.values())

    def _breaking(self, storm: FaultPlan, over: asyncio.Event) -> list[Coroutine[Any, Any, None]]:
        doing = [self._kill_worker(kill, over) for kill in storm.kills]
        if storm.server_dies_after_seconds is not None:
            doing.append(self._kill_server(storm.server_dies_after_seconds, over))
        if storm.ledger_locked_seconds:
            doing.append(self._lock_ledger(storm.ledger_locked_seconds))
        if storm.no_worksheet:
            doing.append(self._take_worksheets_away(over))
        return doing

    async def _calm(self, http: httpx.AsyncClient) -> None:
        for url in self._urls:
            rules: list[Rule] = (await http.get(f"{url}/_control/faults")).json()
            self.faults.update({_name(rule): rule["fired"] for rule in rules if rule["fired"]})
            (await http.delete(f"{url}/_control/faults")).raise_for_status()
        await _post(http, f"{self._mail_url}/_control/mail-faults", [])
        await _post(http, f"{self._urls[0]}/_control/latency", {"seconds": 0})

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
            self.figures["worker_kills"] += 1
            self.figures["kills_between_creation_and_confirmation"] += at_payment
            self._reviving[kill.worker] = asyncio.create_task(_revive(worker, kill.down_seconds))

    async def _next_payment(self, over: asyncio.Event) -> bool:
        """Whether Stripe made a payment, which waits for its confirmation now, before time has passed."""
        journal = self._folder / "stripe.jsonl"
        seen = journal.stat().st_size
        while not over.is_set():
            if _CREATION in _from(journal, seen):
                return True
            await asyncio.sleep(_POLL_SECONDS)
        return False

    async def _kill_server(self, after_seconds: float, over: asyncio.Event) -> None:
        await _wait(over, after_seconds)
        if not over.is_set():
            self._stack.server.kill()
            self.figures["server_restarts"] += 1
            await self._stack.server.start()

    # -- files

    async def _lock_ledger(self, seconds: float) -> None:
        """Writers wait, and after ten seconds are told that the ledger is busy."""
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


def _control_surfaces() -> httpx.AsyncClient:
    """A connection for each request: a service may close one that was idle just when it is used again."""
    return httpx.AsyncClient(trust_env=False, timeout=10, limits=httpx.Limits(max_keepalive_connections=0))


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
    service = "sheets" if "v4" in rule["path"] else "stripe"
    status = f" {rule['status']}" if rule["kind"] == "status" else ""
    return f"{service} {'cached ' if rule['cached'] else ''}{rule['kind']}{status}"


def _from(path: Path, offset: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read()


async def _post(http: httpx.AsyncClient, url: str, body: object) -> None:
    (await http.post(url, json=body)).raise_for_status()
