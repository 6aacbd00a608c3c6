"""ReviewerDigest: one durable workflow that sends the reviewers many alerts in one message."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.alerts import MAIL, DigestActivities, DigestDelivery
    from billing.reviewers.digest_plan import ClaimedDigest, DigestPlan, DigestStep
    from workflows import options
    from workflows.failures import reason
    from workflows.value_loop import ValueLoop


@workflow.defn
class ReviewerDigest(ValueLoop[DigestPlan, DigestStep]):
    """Gathers alerts for a while, sends those in the outbox as one digest, and ends when the outbox is empty.

    After an alert is written, signal-with-start wakes this workflow. A signal between its last look and its end keeps
    it running, because Temporal completes no workflow with an unhandled signal; a later one starts the next run. So no
    alert is lost.
    """

    @workflow.init
    def __init__(self, plan: DigestPlan) -> None:
        now = workflow.now()
        self._value = plan.woken(now) if plan.due(now).step is DigestStep.END else plan
        self._posted: str | None = None  # the last digest whose mail was sent
        self._posting: asyncio.Task[None] | None = None

    @workflow.signal(dynamic=True, description="wake: there is something new in the outbox")
    def wake(self, name: str, payloads: Sequence[RawValue]) -> None:
        """Takes any signal with any arguments: a named handler would block the workflow if there is one too many."""
        self._value = self._value.woken(workflow.now())

    @workflow.run
    async def run(self, plan: DigestPlan) -> None:
        self._go_on_posting()
        await self._loop()

    async def _do(self, step: DigestStep) -> None:
        match step:
            case DigestStep.CLAIM:
                await self._claim()
            case DigestStep.TELL:
                assert self._value.claimed is not None
                is_delivered = await self._deliver(self._value.claimed)
                self._value = self._value.told(workflow.now(), is_delivered)
            case DigestStep.END:
                self._ended = True

    async def _claim(self) -> None:
        self._value = self._value.evolve(due_at=None)
        try:
            claimed = await workflow.execute_activity_method(
                DigestActivities.claim_digest, **options.with_summary(options.RECORD, "claim the alerts")
            )
        except ActivityError as error:  # its answer cannot be read: the same alerts are claimed again
            workflow.logger.warning("no digest: %s", reason(error))
            claimed = ClaimedDigest(more=True)
        self._value = self._value.evolve(claimed=claimed)

    async def _deliver(self, claimed: ClaimedDigest) -> bool:
        """Sends the digest by all channels at once; False if none works: then it is sent again later."""
        if claimed.digest_id is None:
            return True
        services = [channel for channel in claimed.channels if channel != MAIL]
        if MAIL in claimed.channels and services:
            is_delivered = await self._deliver_to_all(claimed.digest_id, services)
        else:
            is_delivered = await self._deliver_by(claimed.channels, claimed.digest_id)
        if is_delivered:
            await workflow.execute_activity_method(
                DigestActivities.close_digest,
                claimed.digest_id,
                **options.with_summary(options.RECORD, "close the digest"),
            )
        return is_delivered

    async def _deliver_to_all(self, digest_id: str, services: Sequence[str]) -> bool:
        """Sends by mail and ``services`` until one has worked. A mail that takes longer goes on in the background."""
        self._value = self._value.to_post(digest_id)
        self._go_on_posting()
        pause = timedelta(seconds=self._value.interval_seconds)
        while not (is_delivered := await self._deliver_by(services, digest_id)) and digest_id in self._value.unposted:
            with suppress(asyncio.TimeoutError):
                await workflow.wait_condition(lambda: digest_id not in self._value.unposted, timeout=pause)
        return is_delivered or self._posted == digest_id

    def _go_on_posting(self) -> None:
        if self._value.unposted and (self._posting is None or self._posting.done()):
            self._posting = asyncio.create_task(self._post())

    async def _post(self) -> None:
        """Sends the waiting mails in turn; one whose channel is no longer configured is skipped."""
        while self._value.unposted:
            digest_id = self._value.unposted[0]
            if await self._deliver_by([MAIL], digest_id):
                self._posted = digest_id
            self._value = self._value.posted(digest_id)

    async def _deliver_by(self, channels: Sequence[str], digest_id: str) -> bool:
        """Whether any channel has worked. Mail is tried until it is sent, other services only for a while."""
        return any(await asyncio.gather(*(self._deliver_one(channel, digest_id) for channel in channels)))

    async def _deliver_one(self, channel: str, digest_id: str) -> bool:
        config = options.NOTIFY_REVIEWERS if channel == MAIL else options.NOTIFY_OTHER_CHANNELS
        try:
            return await workflow.execute_activity_method(
                DigestActivities.tell_digest,
                DigestDelivery(digest_id=digest_id, channel=channel),
                **options.with_summary(config, f"send by {channel}"),
            )
        except ActivityError as error:
            workflow.logger.warning("a digest was not sent by %s: %s", channel, reason(error))
            return False
