"""Wherever the worker is killed while a subscriber walks the ladder and is restored, it comes to the same.

``make crash`` kills it at every boundary that matters in turn, all tests together at some of them.
"""

import asyncio
import os
import re
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from billing.period import Period
from billing.tasks.listing import TaskFilter
from billing.texts.text import TextStatus
from sandbox.judge.gather import gather
from sandbox.judge.judge import judge
from sandbox.sms.store import SMS_JOURNAL, texts
from sandbox.stack.temporal_server import TemporalServer
from sandbox.stand_ins.provisioning import told
from tests.bed import SOON_MINUTES, Bed, prepared_bed
from tests.crash import order_processes
from tests.crash.story import CrashBed
from tests.crash.supervisor import supervise
from tests.crash.worker import Boundaries
from tests.scenarios.subscriber_steps import NUMBER
from tests.scenarios.subscriber_stories import (
    a_service_is_paid_for_while_people_are_to_disconnect_it,
    a_service_is_suspended_and_paid_in_three_parts,
)

AT = os.environ.get("CRASH_AT")
_SHARE = 16
_PATIENCE_SECONDS = 240
_MATTERS = re.compile(
    r"ledger\.(restrict|ask_to_disconnect|begin_text|close_text|take_report|call_stands|note_call|services_of|"
    r"record_collection) |(texts|provisioning)\.|PaymentCollection|"
    r"(restrict_service|remind_customer|tell_broken_promise|send_notice|close_collection) "
)
"""Of the month before, and of digests, others tell."""


class Story(NamedTuple):
    """``states`` and ``tasks`` are what it comes to for the service, and for people."""

    happens: Callable[[Bed], Awaitable[None]]
    states: tuple[str, ...]
    tasks: tuple[tuple[str, str], ...] = ()


STORIES = {
    "in parts": Story(a_service_is_suspended_and_paid_in_three_parts, ("ordered", "active", "suspended", "active")),
    "to the end": Story(
        a_service_is_paid_for_while_people_are_to_disconnect_it,
        ("ordered", "active", "limited", "suspended", "active"),
        (("disconnect", "needless"),),
    ),
}


@pytest.mark.limit(7200 if AT is not None else 900)
@pytest.mark.parametrize("name", STORIES)
async def test_a_worker_killed_at_any_boundary_of_the_ladder_changes_nothing(
    name: str, server: TemporalServer, tmp_path: Path
) -> None:
    story = STORIES[name]
    expected, boundaries = await tell(story, server, tmp_path / "unharmed", "")
    assert expected["broken promises"] == []
    assert tuple(state for state, _, _ in expected["service"]) == story.states
    assert [state for _, state in expected["provisioning"]] == [*story.states[1:]], "told once of each"
    assert tuple(expected["tasks"]) == story.tasks
    chosen = _chosen(boundaries)
    print(f"\nsubscriber, {name}: {len(chosen)} of {len(boundaries)} boundaries")
    complaints, reached = [], 0
    for number, boundary in enumerate(chosen):
        outcome, passed = await tell(story, server, tmp_path / f"killed-{number}", boundary)
        reached += boundary in passed
        wrong = [f"{key}: {outcome[key]}, not {expected[key]}" for key in expected if outcome[key] != expected[key]]
        print(f"subscriber, {name}: killed {boundary}: {' '.join(wrong) or 'ok'}", flush=True)
        complaints += [f"killed {boundary}: {each}" for each in wrong]
    assert not complaints, "\n".join(complaints)
    assert reached >= len(chosen) * 2 // 3, "most boundaries have to be reached again"


def _chosen(boundaries: list[str]) -> list[str]:
    found = [each for each in boundaries if _MATTERS.search(each)]
    if AT is None:
        return found[datetime.now(UTC).toordinal() % _SHARE :: _SHARE]
    return [each for each in found if AT in each]


async def tell(story: Story, server: TemporalServer, folder: Path, fatal: str) -> tuple[dict[str, Any], list[str]]:
    """What the story came to, with the worker killed once at the boundary ``fatal``; and the boundaries."""
    async with (
        prepared_bed(server, folder, with_worker=False, digest_minutes=SOON_MINUTES) as prepared,
        asyncio.TaskGroup() as group,
    ):
        bed = CrashBed(prepared, task_queue=folder.name)
        arguments = (bed.settings, server.address, folder.name, 0)
        supervising = group.create_task(supervise(order_processes.working, arguments, fatal))
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await story.happens(bed)
                outcome = await _outcome(bed)
        finally:
            await bed.end_all()
        supervising.cancel()
    return outcome, Boundaries(folder / "worker").passed()


async def _outcome(bed: CrashBed) -> dict[str, Any]:
    await bed.digests()
    period = Period.at(bed.settings.now(), "Europe/Paris")
    evidence = await gather(bed.folder, bed.ledger, period)
    month = await bed.recorded("acme", period)
    collection = await bed.ledger.collection("acme", period)
    assert collection is not None
    calls = [call["event"]["data"] for call in told(bed.folder / "provisioning.jsonl") if not call["is_copy"]]
    mails = {mail.message_id: mail.headers["X-Billing-Ref"].partition("/")[0] for mail in bed.letters()}
    tasks = await bed.ledger.tasks(TaskFilter(customer_id="acme", open_only=False))
    return {
        "month": month.outcome,
        "collection": (collection.outcome, collection.reminders, collection.alerts),
        "diary": [(entry.number, entry.what) for entry in await bed.ledger.diary("acme", period)],
        "service": [(each.state, each.cause, each.call) for each in await bed.ledger.service_changes(NUMBER)],
        "provisioning": [(data["position"], data["state"]) for data in calls],
        "tasks": [(task.kind, task.end and task.end.outcome) for task in tasks],
        "texts": Counter((row.kind, _as_sent(row.status)) for row in await bed.ledger.texts("acme")),
        "texts at the vendor": Counter(text["id"] for text in texts(bed.folder / SMS_JOURNAL)).total(),
        "mails": Counter(mails.values()),
        "journal": Counter(str(transaction.cause) for transaction in await bed.ledger.transactions("acme")),
        "alerts": Counter(alert.kind for alert in await bed.ledger.alerts()),
        "broken promises": [check.wrong for check in judge(evidence) if not check.ok],
    }


def _as_sent(status: TextStatus) -> TextStatus:
    """A text that is looked up after its answer was lost has been delivered by then."""
    return TextStatus.SENT if status is TextStatus.DELIVERED else status
