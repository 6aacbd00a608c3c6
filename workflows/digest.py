"""ReviewerDigest: one durable workflow that tells the reviewers, in one message, what many alerts say."""

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
    """Waits a while, tells what is in the outbox then, and ends when nothing is left.

    Whoever writes an alert wakes it afterwards, by signal-with-start. A signal that comes after the last look and
    before the end keeps the workflow from ending, because Temporal completes no workflow that has not seen all its
    signals; one that comes later starts the next. So no alert is forgotten.
    """

    @workflow.init
    def __init__(self, plan: DigestPlan) -> None:
        now = workflow.now()
        self._value = plan.woken(now) if plan.due(now).step is DigestStep.END else plan
        self._posted: str | None = None  # the last digest whose mail has left
        self._posting: asyncio.Task[None] | None = None

    @workflow.signal(dynamic=True, description="wake: there is something new in the outbox")
    def wake(self, name: str, payloads: Sequence[RawValue]) -> None:
        """Whatever is sent, and whatever with: a named handler would stop the workflow for an argument too many."""
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
                is_told = await self._tell(self._value.claimed)
                self._value = self._value.told(workflow.now(), is_told)
            case DigestStep.END:
                self._ended = True

    async def _claim(self) -> None:
        self._value = self._value.evolve(due_at=None)
        try:
            claimed = await workflow.execute_activity_method(
                DigestActivities.claim_digest, **options.with_summary(options.RECORD, "what is to be told")
            )
        except ActivityError as error:  # its answer cannot be read: what it has claimed is claimed again
            workflow.logger.warning("no digest: %s", reason(error))
            claimed = ClaimedDigest(more=True)
        self._value = self._value.evolve(claimed=claimed)

    async def _tell(self, claimed: ClaimedDigest) -> bool:
        """By all channels at once, each on its own; False if nobody could be told: then the digest comes again."""
        if claimed.digest_id is None:
            return True
        others = [channel for channel in claimed.channels if channel != MAIL]
        if MAIL in claimed.channels and others:
            is_told = await self._tell_all(claimed.digest_id, others)
        else:
            is_told = await self._tell_by(claimed.channels, claimed.digest_id)
        if is_told:
            await workflow.execute_activity_method(
                DigestActivities.close_digest, claimed.digest_id, **options.with_summary(options.RECORD, "it was told")
            )
        return is_told

    async def _tell_all(self, digest_id: str, others: Sequence[str]) -> bool:
        """By mail and others, until one of them is told. A mail that takes longer leaves when it can."""
        self._value = self._value.to_post(digest_id)
        self._go_on_posting()
        pause = timedelta(seconds=self._value.interval_seconds)
        while not (is_told := await self._tell_by(others, digest_id)) and digest_id in self._value.unposted:
            with suppress(asyncio.TimeoutError):
                await workflow.wait_condition(lambda: digest_id not in self._value.unposted, timeout=pause)
        return is_told or self._posted == digest_id

    def _go_on_posting(self) -> None:
        if self._value.unposted and (self._posting is None or self._posting.done()):
            self._posting = asyncio.create_task(self._post())

    async def _post(self) -> None:
        """The mails that have not left, one after the other; one that is no longer configured is passed over."""
        while self._value.unposted:
            digest_id = self._value.unposted[0]
            if await self._tell_by([MAIL], digest_id):
                self._posted = digest_id
            self._value = self._value.posted(digest_id)

    async def _tell_by(self, channels: Sequence[str], digest_id: str) -> bool:
        """Whether any was told. Mail is tried until it has left; another service only for a while."""
        return any(await asyncio.gather(*(self._tell_one(channel, digest_id) for channel in channels)))

    async def _tell_one(self, channel: str, digest_id: str) -> bool:
        config = options.NOTIFY_REVIEWERS if channel == MAIL else options.NOTIFY_OTHER_CHANNELS
        try:
            return await workflow.execute_activity_method(
                DigestActivities.tell_digest,
                DigestDelivery(digest_id=digest_id, channel=channel),
                **options.with_summary(config, f"tell by {channel}"),
            )
        except ActivityError as error:
            workflow.logger.warning("a digest was not told by %s: %s", channel, reason(error))
            return False
