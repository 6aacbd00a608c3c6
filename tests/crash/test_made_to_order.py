"""Wherever the console or the worker is killed while an order is taken in, paid in two parts, released and made, the
order comes to the same. ``make crash`` kills them at every boundary in turn, all tests together at some of them.
"""

import asyncio
import os
import re
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from billing.events.signature import HEADER, signed
from bootstrap import SANDBOX_ORDERS_SECRET
from orders.order import OrderRequest, OrderStage
from sandbox.judge.gather import gather
from sandbox.judge.judge import judge
from sandbox.judge.rails.gateway_register import GATEWAY
from sandbox.stack.ports import free_port
from sandbox.stack.temporal_server import TemporalServer
from sandbox.stand_ins.control import control, local_http
from sandbox.stand_ins.production import jobs
from sandbox.stand_ins.seller import Seller
from sandbox.timeline import until
from sandbox.wayforpay.store import MERCHANT
from tests.bed import SOON_MINUTES, Bed, prepared_bed
from tests.crash import order_processes
from tests.crash.supervisor import supervise
from tests.crash.worker import Boundaries
from tests.ordering import BUYER, request

AT = os.environ.get("CRASH_AT")
_SHARE = 6
_PATIENCE_SECONDS = 180
_POLL_SECONDS = 0.05
_MATTERS = re.compile(
    r"ledger\.(open_order|customer_of|book|incoming_payment|order|note_answer|event_is_done) |production\.release|"
    r"(before|after) OrderFulfilment"
)
"""Whatever else is reached is a look, at a clock's pleasure."""
_PROCESSES = {"console": order_processes.console, "worker": order_processes.working}


async def made_to_order(bed: Bed, wanted: OrderRequest, port: int) -> None:
    """Two payers type the number at the gateway, one after the other."""
    Seller(bed.folder / "seller.jsonl").places(wanted)
    callbacks = f"http://127.0.0.1:{port}/webhooks/wayforpay/{GATEWAY}"
    await control(bed.ports.wayforpay, "service-url", {"url": callbacks})
    await control(bed.ports.wayforpay, "callbacks", {"interval_seconds": 0.2})
    await _placed(wanted, f"http://127.0.0.1:{port}/orders")
    for amount in ("40.00", "60.00"):
        async with local_http() as http:
            form = {"order": wanted.number, "amount": amount, "currency": "EUR"}
            await http.post(f"http://127.0.0.1:{bed.ports.wayforpay}/static/{MERCHANT}", data=form)

    async def is_over() -> bool:
        standing = await bed.ledger.order(wanted.number)
        counts = (await control(bed.ports.wayforpay, "callbacks", method="GET"))["counts"]
        waiting = [event async for page in bed.ledger.outgoing_events(undelivered_only=True) for event in page]
        is_made = standing is not None and standing.stage is OrderStage.FULFILLED
        return is_made and not counts.get("pending") and not waiting

    await until(is_over, _PATIENCE_SECONDS)


async def _placed(wanted: OrderRequest, url: str) -> None:
    """The seller's system sends the order until it is answered."""
    body = wanted.model_dump_json().encode()
    while True:
        headers = {HEADER: signed(body, [SANDBOX_ORDERS_SECRET], datetime.now(UTC)), "Content-Type": "application/json"}
        with suppress(httpx.HTTPError):
            async with local_http() as http:
                if (await http.post(url, content=body, headers=headers)).is_success:
                    return
        await asyncio.sleep(_POLL_SECONDS)


@pytest.mark.limit(3600 if AT is not None else 900)
async def test_a_console_or_a_worker_killed_at_any_boundary_changes_nothing(
    server: TemporalServer, tmp_path: Path
) -> None:
    expected, boundaries = await tell(server, tmp_path / "unharmed", "", "")
    assert expected["broken promises"] == []
    assert expected["releases"] == [("production", 1, 0)]
    assert expected["made"] == [("production", 1)]
    chosen = _chosen([(process, each) for process in _PROCESSES for each in boundaries[process]])
    complaints, reached = [], 0
    for number, (process, boundary) in enumerate(chosen):
        outcome, passed = await tell(server, tmp_path / f"killed-{number}", process, boundary)
        reached += boundary in passed[process]
        wrong = [f"{key}: {outcome[key]}, not {expected[key]}" for key in expected if outcome[key] != expected[key]]
        print(f"made to order: {process} killed {boundary}: {'WRONG' if wrong else 'ok'}")
        complaints += [f"{process} killed {boundary}: {each}" for each in wrong]
    assert not complaints, "\n".join(complaints)
    assert reached >= len(chosen) * 2 // 3, "most boundaries have to be reached again"


def _chosen(boundaries: list[tuple[str, str]]) -> list[tuple[str, str]]:
    found = [(process, each) for process, each in boundaries if _MATTERS.search(each)]
    if AT is None:
        return found[datetime.now(UTC).toordinal() % _SHARE :: _SHARE]
    return [(process, each) for process, each in found if AT in each]


async def tell(
    server: TemporalServer, folder: Path, process: str, fatal: str
) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """The story with that process killed once at the boundary; what it came to, and the boundaries of each process."""
    wanted, port = request(f"made-{folder.name}"), free_port()
    async with prepared_bed(server, folder, with_worker=False, digest_minutes=SOON_MINUTES) as bed:
        bed.orders.append(wanted.number)
        async with asyncio.TaskGroup() as group:
            arguments = (bed.settings, server.address, folder.name, port)
            supervising = [
                group.create_task(supervise(run, arguments, fatal if name == process else ""))
                for name, run in _PROCESSES.items()
            ]
            await made_to_order(bed, wanted, port)
            outcome = await _outcome(bed, wanted.number)
            for task in supervising:
                task.cancel()
    return outcome, {name: Boundaries(folder / name).passed() for name in _PROCESSES}


async def _outcome(bed: Bed, number: str) -> dict[str, Any]:
    standing = await bed.ledger.order(number)
    assert standing is not None
    transactions = await bed.ledger.transactions(BUYER.customer_id)
    begun = [job["event"]["data"] for job in jobs(bed.folder / "production.jsonl").values()]
    return {
        "stage": standing.stage,
        "owed": standing.owed_minor,
        "releases": [(str(each.kind), each.version, each.owed_minor) for each in standing.order.releases],
        "made": [(data["kind"], data["version"]) for data in begun],
        "journal": Counter(str(transaction.cause) for transaction in transactions),
        "log": [entry.what for entry in await bed.ledger.order_log(number)],
        "alerts": [alert.text for alert in await bed.ledger.alerts()],
        "broken promises": [check.wrong for check in judge(await gather(bed.folder, bed.ledger)) if not check.ok],
    }
