"""Wherever a process is killed while a subscriber is connected or disconnected, it comes to the same.

``make crash`` kills inbound, console and worker at every boundary in turn, all tests together at some of them.
"""

import asyncio
import os
import re
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from billing.customers.contact_hours import ContactHours
from sandbox.stack.ports import free_port
from sandbox.stack.stand_ins import serve
from sandbox.stack.temporal_server import TemporalServer
from sandbox.stand_ins.event_receiver import SECRET, receiver_app
from tests.bed import SOON_MINUTES, prepared_bed
from tests.crash import service_processes
from tests.crash.departments import departments
from tests.crash.service_outcome import comes_to
from tests.crash.service_stories import STORIES, Story
from tests.crash.story import CrashBed
from tests.crash.supervisor import supervise
from tests.crash.worker import Boundaries

AT = os.environ.get("CRASH_AT")
_SHARE = 24
_AT_ONCE = 2
_PATIENCE_SECONDS = 240
_ALL_DAY = ContactHours.read("mon-sun 00:00-23:59")
_MATTERS = re.compile(
    r"commit: (take order|claim task|keep a file|complete task|book payment|see what time|record the beginning|"
    r"keep the answer of provisioning|save a text|save what became)|before commit: (record the delivery|save a report)|"
    r"before telling |(texts|provisioning)\.|ServiceOrderFulfilment|(pass_time_of_order|look_up_service_order) "
)
"""Whatever else is reached is a look, at a clock's pleasure, the same as the next one, or of the month."""
_PROCESSES = {
    "inbound": service_processes.inbound,
    "console": service_processes.console,
    "worker": service_processes.working,
}


@pytest.mark.limit(3600 if AT is not None else 900)
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.procedure)
async def test_a_process_killed_at_any_boundary_changes_nothing(
    story: Story, server: TemporalServer, tmp_path: Path
) -> None:
    name = story.procedure
    expected, boundaries = await tell(story, server, tmp_path / f"{name}-0", "", "")
    assert {key: expected[key] for key in story.promised} == story.promised
    found = [(process, each) for process in _PROCESSES for each in boundaries[process] if _MATTERS.search(each)]
    chosen = _chosen(found)
    print(f"\n{name}: {len(chosen)} of {len(found)} boundaries")
    limit, reached = asyncio.Semaphore(_AT_ONCE), list[bool]()

    async def complaint(number: int, process: str, boundary: str) -> str:
        async with limit:
            began = time.monotonic()
            outcome, passed = await _told(story, server, tmp_path / f"{name}-{number}", process, boundary)
            reached.append(boundary in passed)
            keys = [key for key in expected | outcome if outcome.get(key) != expected.get(key)]
            wrong = [f"{key}: {outcome.get(key)}, not {expected.get(key)}" for key in keys]
            seconds = time.monotonic() - began
            print(f"{name}: {process} killed {boundary}: {'WRONG' if wrong else 'ok'} ({seconds:.1f} s)", flush=True)
            return "\n".join([f"{process} killed {boundary}:", *wrong]) if wrong else ""

    complaints = await asyncio.gather(*(complaint(number, *each) for number, each in enumerate(chosen, start=1)))
    if any(complaints):
        pytest.fail("\n\n".join(filter(None, complaints)), pytrace=False)
    assert sum(reached) >= len(chosen) * 2 // 3, "most boundaries have to be reached again"


async def _told(
    story: Story, server: TemporalServer, folder: Path, process: str, fatal: str
) -> tuple[dict[str, Any], list[str]]:
    """What it came to, or why it got stuck; and what that process has passed."""
    try:
        outcome, boundaries = await tell(story, server, folder, process, fatal)
    except ExceptionGroup as stuck:
        return {"stuck": "".join(traceback.format_exception(stuck))}, Boundaries(folder / process).passed()
    return outcome, boundaries[process]


def _chosen(found: list[tuple[str, str]]) -> list[tuple[str, str]]:
    if AT is None:
        return found[datetime.now(UTC).toordinal() % _SHARE :: _SHARE]
    return [(process, each) for process, each in found if AT in each]


async def tell(
    story: Story, server: TemporalServer, folder: Path, process: str, fatal: str
) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """The story with that process killed once at the boundary; what it came to, and the boundaries of each process.

    Raises an ``ExceptionGroup`` if it gets stuck.
    """
    number, customer_id = folder.name, f"dana-{folder.name}"
    ports = {"inbound": free_port(), "console": free_port()}
    folder.mkdir()
    async with (
        serve(receiver_app(folder / "events.jsonl")) as receiver,
        prepared_bed(
            server,
            folder,
            with_worker=False,
            digest_minutes=SOON_MINUTES,
            contact_hours=_ALL_DAY,
            events_url=f"http://127.0.0.1:{receiver}/events",
            events_secret=SecretStr(SECRET),
        ) as prepared,
        asyncio.TaskGroup() as group,
    ):
        bed = CrashBed(prepared, task_queue=folder.name)
        bed.orders.append(number)
        await story.prepare(bed, customer_id)
        arguments = (bed.settings, server.address, folder.name, ports)
        supervising = [
            group.create_task(supervise(run, arguments, fatal if name == process else ""))
            for name, run in _PROCESSES.items()
        ]
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS), departments(bed, number, **ports) as people:
                account = await story.happens(people, customer_id)
                outcome = await comes_to(bed, number, customer_id, account, with_bill=story.with_bill)
        finally:
            await bed.end_all()
        for task in supervising:
            task.cancel()
    return outcome, {name: Boundaries(folder / name).passed() for name in _PROCESSES}
