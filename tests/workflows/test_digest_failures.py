"""Digests when mail or a chat service fails: everybody is told once, later, and nobody holds up the others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client, Interceptor, OutboundInterceptor, StartWorkflowInput, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

from activities.alerts import DigestDelivery
from adapters.notify.apprise_alerts import AppriseAlerts
from billing.errors import AlertUnavailable
from billing.keys import digest_workflow_id
from billing.reviewers.digest_plan import DigestPlan
from bootstrap import connect_digests
from sandbox.stack.temporal_server import TemporalServer
from sandbox.stand_ins.mailbox import Mail
from tests.bed import SOON_MINUTES, Bed, prepared_bed
from tests.receiver import Receiver, receiver
from tests.workflows.digests import alerts_of, bed, by_id, digest_ids, report
from worker import create_worker
from workflows import options
from workflows.digest import ReviewerDigest

__all__ = ["bed", "receiver"]  # fixtures


async def posted(bed: Bed) -> list[Mail]:
    """The mails to the reviewers, once nothing is left to be told or mailed."""
    await bed.digests()
    await bed.client.get_workflow_handle(digest_workflow_id()).result()
    return bed.mails("reviewers@example.com")


@asynccontextmanager
async def told_by(server: TemporalServer, folder: Path, receiver: Receiver, **changes: Any) -> AsyncIterator[Bed]:
    """A bed whose reviewers are told by a web service too."""
    async with prepared_bed(server, folder, with_worker=False, digest_minutes=SOON_MINUTES) as bed:
        bed.settings = bed.settings.model_copy(update=changes)
        bed.adapters = replace(bed.adapters, others=(AppriseAlerts(receiver.address),))
        async with create_worker(bed.client, bed.settings, bed.adapters):
            yield bed
            await bed.end_all()


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


class Unreachable(Interceptor):
    """A Temporal server that starts nothing."""

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        class Failing(OutboundInterceptor):
            async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:
                raise RPCError("unreachable", RPCStatusCode.UNAVAILABLE, b"")

        return Failing(next)
