"""Wherever in a month the worker is killed, the month comes to the same.

``make crash`` kills it at every boundary in turn, ``make crash AT=charge_card`` at those with such a name. All tests
together (``make test``) try a fourteenth of them, another one each day.
"""

import asyncio
import os
import time
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from billing.collections.stages import CollectionStage
from billing.invoices.commands import Edit
from billing.invoices.invoice import ChangeLine
from billing.invoices.stages import Stage
from billing.period import Period
from sandbox.stack.temporal_server import TemporalServer
from tests.crash.story import CrashBed, Story, tell

AT = os.environ.get("CRASH_AT")
_SHARE = 14
_BEGINNING = "before MonthlyBilling initialize_workflow 1"
_CHARGE = "before charge_card 1"
_AT_ONCE = 3
_TAIL_LINES = 20


async def paid(bed: CrashBed, name: str, card: str = "pm_card_visa") -> Period:
    """A month with two lines; one of them is edited while reviewers look at the draft."""
    customer = await bed.customer(name, card=card)
    period = (await bed.start(customer)).period
    assert period is not None
    bed.sales(period, (customer.mailbox, "100", "Hosting"), (customer.mailbox, "20.50", "Support"))
    await bed.skip_to(name, (await bed.month(name)).import_at)
    await bed.drafted(name, period)
    await bed.digests()
    cheaper = (ChangeLine(line_id="row-2", amount_minor=9000),)
    await bed.command(
        name, Edit(by="ann", reason="as agreed", command_id="ann-1", period=period, version=1, changes=cheaper)
    )
    await bed.closed(name, period)
    return period


async def recovered(bed: CrashBed, name: str) -> Period:
    """The same, but the card is declined, also when it is tried again on day 3; on day 5 it pays."""
    period = await paid(bed, name, card="pm_card_chargeCustomerFailInsufficientFunds")
    await bed.skip_collection(timedelta(days=3, minutes=1), name)
    reminded = await bed.collects(lambda found: found.reminders == 1, name)
    await bed.behaves(reminded.customer, "succeed")
    await bed.skip_collection(timedelta(days=2), name)
    await bed.collection_handle(name).result()
    return period


DECLINED, SUCCEEDED = ("failed", 11050), ("succeeded", 11050)
IN_TIME = {
    "outcome": Stage.PAID,
    "collected": None,
    "attempts at Stripe": [SUCCEEDED],
    "payments at Stripe": [SUCCEEDED],
    "mails": {"notice": 1, "receipt": 1},
    "reviewers are told": [("reviewers@example.com", "PERIOD: 1 draft, 1 unusual; 120.50 EUR")],
    "broken promises": [],
}
LATE = {
    "outcome": Stage.PAST_DUE,
    "collected": (CollectionStage.RECOVERED, 2, 1, 0),
    "attempts at Stripe": [DECLINED, DECLINED, SUCCEEDED],
    "payments at Stripe": [SUCCEEDED],
    "mails": {"notice": 1, "decline": 1, "reminder": 1, "receipt": 1},
    "reviewers are told": [
        ("reviewers@example.com", "NAME, PERIOD: 110.50 EUR of NAME, PERIOD: recovered; paid: pi"),
        ("reviewers@example.com", "PERIOD: 1 draft, 1 unusual; 120.50 EUR"),
    ],
    "broken promises": [],
}


@pytest.mark.limit(3600 if AT is not None else 600)
@pytest.mark.parametrize(
    ("story", "since", "promised"),
    [(paid, _BEGINNING, IN_TIME), (recovered, _CHARGE, LATE)],
    ids=["paid", "recovered"],
)
async def test_a_worker_killed_at_any_boundary_changes_nothing(
    story: Story, since: str, promised: dict[str, Any], server: TemporalServer, tmp_path: Path
) -> None:
    told = story.__name__
    expected, boundaries = await tell(story, server, tmp_path / f"{told}-unharmed")
    assert {key: expected[key] for key in promised} == promised
    boundaries = boundaries[boundaries.index(since) :]
    chosen = _chosen(boundaries)
    print(f"\n{told}: {len(chosen)} of {len(boundaries)} boundaries")
    limit = asyncio.Semaphore(_AT_ONCE)

    async def complaint(number: int, boundary: str) -> str:
        async with limit:
            began = time.monotonic()
            wrong = await _difference(expected, story, server, tmp_path / f"{told}-{number}", boundary)
            print(f"{told}: {boundary}: {'WRONG' if wrong else 'ok'} ({time.monotonic() - began:.1f} s)")
            return wrong

    complaints = await asyncio.gather(*(complaint(n, boundary) for n, boundary in enumerate(chosen)))
    if any(complaints):
        pytest.fail("\n\n".join(filter(None, complaints)), pytrace=False)


def _chosen(boundaries: list[str]) -> list[str]:
    if AT is None:
        return boundaries[datetime.now(UTC).toordinal() % _SHARE :: _SHARE]
    return [boundary for boundary in boundaries if AT in boundary]


async def _difference(
    expected: dict[str, Any], story: Story, server: TemporalServer, folder: Path, boundary: str
) -> str:
    """How the month came to something else than ``expected`` when the worker died at ``boundary``; or ""."""
    try:
        outcome, passed = await tell(story, server, folder, fatal=boundary)
    except ExceptionGroup as stuck:
        wrong = ["".join(traceback.format_exception(stuck))]
    else:
        wrong = [f"{key}: {outcome[key]}, not {expected[key]}" for key in expected if outcome[key] != expected[key]]
        if boundary not in passed:
            wrong.append("the boundary was never reached, so nothing was killed")
    if not wrong:
        return ""
    log = (folder / "worker.log").read_text().splitlines()[-_TAIL_LINES:]
    return "\n".join([f"killed {boundary}:", *wrong, "the worker's log ends with:", *log])
