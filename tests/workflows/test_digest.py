"""Reviewers get one digest for many alerts, and no alert is forgotten, whatever fails and whenever it comes."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from adapters.mail.smtp_mail import SmtpMail
from adapters.sql.ledger import SqlLedger
from billing.commands import Halt
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.keys import digest_workflow_id
from bootstrap import connect_digest_trigger
from tests.bed import Bed
from tests.workflows.digests import PERIOD, alerts_of, bed, by_id, digest_ids, report

__all__ = ["bed"]  # fixture
ANN: dict[str, Any] = {"by": "ann", "reason": "checking"}


async def test_a_thousand_alerts_at_once_make_few_digests(bed: Bed) -> None:
    alerts = alerts_of(bed)
    await asyncio.gather(*(alerts.tell(report(number)) for number in range(1000)))
    mails = await bed.digests()
    counted = [int(mail.subject.split()[1].replace(",", "")) for mail in mails]
    assert sum(counted) == 1000
    assert len(mails) < 10
    assert len(by_id(mails)) == len(mails)
    assert max(map(len, (mail.text for mail in mails))) < 20_000


async def test_no_alert_is_forgotten_that_comes_as_the_last_digest_ends(bed: Bed) -> None:
    for number in range(20):
        await alerts_of(bed).tell(report(number))  # by a trigger of its own: signals of one process are spread
        await bed.digests()
    told = await bed.told()
    assert [number for number in range(20) if told.count(f": matter {number:04}") != 1] == []


@pytest.mark.parametrize(
    ("owner", "step"), [(SqlLedger, "claim_alerts"), (SmtpMail, "tell"), (SqlLedger, "close_digest")]
)
async def test_an_alert_that_comes_while_a_digest_is_told_is_in_the_next_one(
    bed: Bed, monkeypatch: pytest.MonkeyPatch, owner: type[Any], step: str
) -> None:
    original, late, is_told = getattr(owner, step), [report(2)], asyncio.Event()

    async def meanwhile(*arguments: Any) -> Any:
        answer = await original(*arguments)
        if late:
            await alerts_of(bed).tell(late.pop())
            is_told.set()
        return answer

    monkeypatch.setattr(owner, step, meanwhile)
    await alerts_of(bed).tell(report(1))
    async with asyncio.timeout(60):
        await is_told.wait()
    first, second = await bed.digests()
    assert "matter 0001" in first.text
    assert "matter 0002" in second.text
    assert "matter 0001" not in second.text


async def test_a_draft_is_told_although_the_attempt_that_recorded_it_has_died(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attempt before got no processor in time, was replaced, and committed while its successor read the sheet."""
    record_draft, before = SqlLedger.record_draft, timedelta(seconds=1)

    async def record_both(ledger: SqlLedger, month: Month, at: datetime) -> None:
        monkeypatch.setattr(SqlLedger, "record_draft", record_draft)
        assert month.invoice is not None
        earlier = month.invoice.evolve(imported_at=month.invoice.imported_at - before)
        await record_draft(ledger, month.evolve(invoice=earlier), at - before)
        await record_draft(ledger, month, at)

    monkeypatch.setattr(SqlLedger, "record_draft", record_both)
    month = await bed.monitored()
    assert month.invoice is not None
    assert "1 draft" in (await bed.told())
    assert (await bed.closed()).outcome is Stage.PAID


async def test_a_repeat_of_the_activity_is_told_once(bed: Bed) -> None:
    same = report(1)
    for _ in range(2):
        await alerts_of(bed).tell(same)
        assert (await bed.told()).count("matter 0001") == 1


async def test_what_a_crash_has_left_is_told_when_a_worker_starts(bed: Bed) -> None:
    await bed.ledger.save_alert(report(1))
    await bed.ledger.save_alert(report(2))
    await bed.ledger.claim_alerts("left")
    await bed.ledger.save_alert(report(3))
    await connect_digest_trigger(bed.settings, bed.client).wake()  # as worker.py does
    told = await bed.told()
    assert [told.count(f"matter 000{number}") for number in (1, 2, 3)] == [1, 1, 1]
    assert "left" in await digest_ids(bed)


async def test_hundreds_of_signals_are_one_digest(bed: Bed) -> None:
    bed.settings = bed.settings.model_copy(update={"digest_minutes": 0.1})
    await alerts_of(bed).tell(report(1))
    handle = bed.client.get_workflow_handle(digest_workflow_id())
    first_run = (await handle.describe()).run_id
    await asyncio.gather(*(handle.signal("wake") for _ in range(200)))  # before the digest goes out
    assert len(await bed.digests()) == 1
    assert (await handle.describe()).run_id != first_run, "a history that grows goes on as a new one"


async def test_drafts_are_told_in_one_line(bed: Bed) -> None:
    bed.sales(PERIOD, ("acme@example.com", "100", "Hosting"), ("beta@example.com", "50", "Hosting"))
    for name in ("acme", "beta"):
        await bed.start(await bed.customer(name), PERIOD)
    for name in ("acme", "beta"):
        await bed.drafted(name, PERIOD)
    told = await bed.told()
    assert "2026-10: 2 drafts; 150.00 EUR" in told or told.count("2026-10: 1 draft; ") == 2
    assert f"{bed.settings.links.base_url}/desk/2026-10/invoices" in told


async def test_reviewers_are_told_of_a_halt_before_it_delays_the_customer(bed: Bed) -> None:
    month = await bed.monitored()
    assert (await bed.command("acme", Halt(**ANN))).accepted
    await bed.skip_to("acme", month.notice_at - timedelta(hours=12))
    told = await bed.until("acme", lambda month: month.alerts == 2)
    assert told.alerted_at is not None
    assert told.alerted_at < month.notice_at
    assert "acme, 2026-10 (100.00 EUR): halted by ann: checking" in await bed.told()
