"""Reviewers get one digest for many alerts, and no alert is forgotten, whatever fails and whenever it comes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import Client, Interceptor, OutboundInterceptor, StartWorkflowInput, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

from activities.alerts import DigestDelivery
from adapters.mail.smtp_mail import SmtpMail
from adapters.notify.apprise_alerts import AppriseAlerts
from adapters.sql.ledger import SqlLedger
from billing.commands import Halt
from billing.errors import AlertUnavailable
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.keys import digest_workflow_id
from billing.period import Period
from billing.reviewers.alerts import Alert, of_report
from billing.reviewers.digest_plan import DigestPlan
from bootstrap import connect_alerts, connect_digest_trigger, connect_digests
from sandbox.stack.temporal_server import TemporalServer
from sandbox.stand_ins.mailbox import Mail
from services.alerts import Alerts
from tests.bed import SOON_MINUTES, Bed, prepared_bed
from tests.receiver import Receiver, receiver
from worker import create_worker
from workflows import options
from workflows.digest import ReviewerDigest

__all__ = ["receiver"]  # fixture

PERIOD = Period("2026-10")
ANN: dict[str, Any] = {"by": "ann", "reason": "checking"}


@pytest_asyncio.fixture
async def bed(server: TemporalServer, tmp_path: Path) -> AsyncIterator[Bed]:
    """One whose reviewers are told soon."""
    async with prepared_bed(server, tmp_path, digest_minutes=SOON_MINUTES) as prepared:
        yield prepared


def report(number: int) -> Alert:
    return of_report(f"customer-{number:04}", PERIOD, 1, f"matter {number:04}", datetime.now(UTC))


def alerts_of(bed: Bed, client: Client | None = None) -> Alerts:
    return connect_alerts(bed.settings, bed.adapters, connect_digest_trigger(bed.settings, client or bed.client))


async def digest_ids(bed: Bed) -> set[str]:
    return {row.digest_id or "" for row in await bed.ledger.alerts()}


async def posted(bed: Bed) -> list[Mail]:
    """The mails to the reviewers, once nothing is left to be told or mailed."""
    await bed.digests()
    await bed.client.get_workflow_handle(digest_workflow_id()).result()
    return bed.mails("reviewers@example.com")


def by_id(mails: list[Mail]) -> dict[str, str]:
    return {mail.message_id: mail.text for mail in mails}


@asynccontextmanager
async def told_by(server: TemporalServer, folder: Path, receiver: Receiver, **changes: Any) -> AsyncIterator[Bed]:
    """A bed whose reviewers are told by a web service too."""
    async with prepared_bed(server, folder, with_worker=False, digest_minutes=SOON_MINUTES) as bed:
        bed.settings = bed.settings.model_copy(update=changes)
        bed.adapters = replace(bed.adapters, others=(AppriseAlerts(receiver.address),))
        async with create_worker(bed.client, bed.settings, bed.adapters):
            yield bed
            await bed.end_all()


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


async def test_a_mail_whose_reply_was_lost_is_the_same_mail_and_the_others_are_not_told_again(
    server: TemporalServer, tmp_path: Path, receiver: Receiver
) -> None:
    async with told_by(server, tmp_path, receiver) as bed:
        await bed.mail_faults({"action": "drop_reply", "times": 2}, {"action": "defer", "times": 1})
        await alerts_of(bed).tell(report(1))
        mails = await posted(bed)
        assert len(mails) >= 3
        assert len(by_id(mails)) == 1
        assert len(receiver.bodies) == 1
        assert "matter 0001" in receiver.bodies[0]["message"]


async def test_a_service_that_fails_is_tried_again_without_another_mail(
    server: TemporalServer, tmp_path: Path, receiver: Receiver
) -> None:
    async with told_by(server, tmp_path, receiver) as bed:
        receiver.failures = 2
        await alerts_of(bed).tell(report(1))
        assert len(await posted(bed)) == 1
        assert (receiver.refused, len(receiver.bodies)) == (2, 1)


async def test_without_an_address_a_service_alone_is_told(
    server: TemporalServer, tmp_path: Path, receiver: Receiver
) -> None:
    async with told_by(server, tmp_path, receiver, reviewers_email="") as bed:
        await alerts_of(bed).tell(report(1))
        assert await bed.digests() == []
        assert len(receiver.bodies) == 1


async def test_a_digest_that_nobody_could_be_told_comes_again(
    server: TemporalServer, tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(options.NOTIFY_OTHER_CHANNELS, "schedule_to_close_timeout", timedelta(seconds=1))
    async with told_by(server, tmp_path, receiver, reviewers_email="") as bed:
        receiver.failures = 3
        await alerts_of(bed).tell(report(1))
        await bed.digests()
        assert (receiver.refused, len(receiver.bodies)) == (3, 1)
        assert len(await digest_ids(bed)) == 1


async def test_a_mail_that_cannot_leave_does_not_hold_up_what_others_are_told(
    server: TemporalServer, tmp_path: Path, receiver: Receiver
) -> None:
    async with told_by(server, tmp_path, receiver) as bed:
        await bed.mail_faults({"action": "refuse", "times": 1000})
        for number in (1, 2):
            await alerts_of(bed).tell(report(number))
            async with asyncio.timeout(30):
                while len(receiver.bodies) < number or not all(row.told_at for row in await bed.ledger.alerts()):
                    await asyncio.sleep(0.05)
        assert [f"matter 000{number}" in receiver.bodies[-1]["message"] for number in (1, 2)] == [False, True]
        assert bed.mails("reviewers@example.com") == []
        await bed.mail_faults()
        assert [mail.text.count("matter 000") for mail in await posted(bed)] == [1, 1]


async def test_a_mail_that_has_not_left_goes_on_in_the_run_that_follows(bed: Bed) -> None:
    await bed.ledger.save_alert(report(1))
    await bed.ledger.claim_alerts("told by chat")
    await bed.ledger.close_digest("told by chat", datetime.now(UTC))
    plan = DigestPlan(interval_seconds=0.1, unposted=("told by chat",))
    await bed.client.start_workflow(ReviewerDigest.run, plan, id=digest_workflow_id(), task_queue=options.TASK_QUEUE)
    assert [mail.text.count("matter 0001") for mail in await posted(bed)] == [1]


async def test_what_a_worker_has_no_channel_for_is_not_told(
    server: TemporalServer, tmp_path: Path, receiver: Receiver
) -> None:
    """A digest was claimed before the only service was exchanged for a mail address."""
    async with told_by(server, tmp_path, receiver, reviewers_email="") as bed:
        digests = connect_digests(
            bed.settings.model_copy(update={"reviewers_email": "reviewers@example.com"}), bed.adapters
        )
        assert await ActivityEnvironment().run(digests.tell_digest, DigestDelivery(digest_id="none", channel="other 2"))
        await bed.ledger.save_alert(report(1))
        await bed.ledger.claim_alerts("claimed")
        assert not await ActivityEnvironment().run(
            digests.tell_digest, DigestDelivery(digest_id="claimed", channel="other 2")
        )


async def test_a_mailbox_that_refuses_is_told_once_it_is_mended(bed: Bed) -> None:
    await bed.mail_faults({"action": "refuse", "recipient": "reviewers@example.com", "times": 3})
    await alerts_of(bed).tell(report(1))
    assert len(await bed.digests()) == 1


async def test_with_nobody_to_tell_nothing_is_gathered(bed: Bed) -> None:
    bed.settings = bed.settings.model_copy(update={"reviewers_email": ""})
    await alerts_of(bed).tell(report(1))
    assert await bed.ledger.alerts() == []


async def test_an_alert_whose_signal_fails_fails_and_is_told_by_the_repeat(bed: Bed) -> None:
    client = Client(**bed.client.config() | {"interceptors": [Unreachable()]})
    with pytest.raises(AlertUnavailable) as failed:
        await alerts_of(bed, client).tell(report(1))
    assert failed.value.retryable
    await alerts_of(bed).tell(report(1))
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


class Unreachable(Interceptor):
    """A Temporal server that starts nothing."""

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        class Failing(OutboundInterceptor):
            async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:
                raise RPCError("unreachable", RPCStatusCode.UNAVAILABLE, b"")

        return Failing(next)
