"""Wherever the worker is killed while a subscriber is billed, warned, suspended and restored, it comes to the same.

``make crash`` kills it at every boundary that matters in turn, all tests together at some of them.
"""

import asyncio
import os
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from billing.period import Period
from billing.texts.text import TextStatus
from sandbox.judge.gather import gather
from sandbox.judge.judge import judge
from sandbox.sms.store import SMS_JOURNAL, texts
from sandbox.stack.temporal_server import TemporalServer
from sandbox.stand_ins.provisioning import told
from tests.bed import SOON_MINUTES, prepared_bed
from tests.crash import order_processes
from tests.crash.story import CrashBed
from tests.crash.supervisor import supervise
from tests.crash.worker import Boundaries
from tests.scenarios.subscriber_stories import NUMBER, a_service_is_suspended_and_paid_in_three_parts

AT = os.environ.get("CRASH_AT")
_SHARE = 16
_PATIENCE_SECONDS = 240
_MATTERS = re.compile(
    r"ledger\.(restrict|begin_text|close_text|take_report|call_stands|note_call|services_of|record_collection) |"
    r"(texts|provisioning)\.|(restrict_service|remind_customer|send_notice|close_collection) |PaymentCollection"
)
"""Of the month before, and of digests, others tell."""


@pytest.mark.limit(3600 if AT is not None else 900)
async def test_a_worker_killed_at_any_boundary_of_the_ladder_changes_nothing(
    server: TemporalServer, tmp_path: Path
) -> None:
    expected, boundaries = await tell(server, tmp_path / "unharmed", "")
    assert expected["broken promises"] == []
    assert [state for state, _, _ in expected["service"]] == ["ordered", "active", "suspended", "active"]
    chosen = _chosen(boundaries)
    print(f"\nsubscriber: {len(chosen)} of {len(boundaries)} boundaries")
    complaints, reached = [], 0
    for number, boundary in enumerate(chosen):
        outcome, passed = await tell(server, tmp_path / f"killed-{number}", boundary)
        reached += boundary in passed
        wrong = [f"{key}: {outcome[key]}, not {expected[key]}" for key in expected if outcome[key] != expected[key]]
        print(f"subscriber: killed {boundary}: {'WRONG' if wrong else 'ok'}")
        complaints += [f"killed {boundary}: {each}" for each in wrong]
    assert not complaints, "\n".join(complaints)
    assert reached >= len(chosen) * 2 // 3, "most boundaries have to be reached again"


def _chosen(boundaries: list[str]) -> list[str]:
    found = [each for each in boundaries if _MATTERS.search(each)]
    if AT is None:
        return found[datetime.now(UTC).toordinal() % _SHARE :: _SHARE]
    return [each for each in found if AT in each]


async def tell(server: TemporalServer, folder: Path, fatal: str) -> tuple[dict[str, Any], list[str]]:
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
                await a_service_is_suspended_and_paid_in_three_parts(bed)
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
    return {
        "month": month.outcome,
        "collection": (collection.outcome, collection.reminders, collection.alerts),
        "diary": [(entry.number, entry.what) for entry in await bed.ledger.diary("acme", period)],
        "service": [(each.state, each.cause, each.call) for each in await bed.ledger.service_changes(NUMBER)],
        "provisioning": [(data["position"], data["state"]) for data in calls],
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
