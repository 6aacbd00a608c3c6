"""ReviewerDigest: one durable workflow that tells the reviewers, in one message, what many alerts say."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.alerts import MAIL, ClaimedDigest, DigestActivities, DigestDelivery
    from billing.model import Code, Instant, Many, Model
    from workflows import options
    from workflows.failures import reason


class DigestPlan(Model):
    """How long alerts are gathered before they are told; the rest is carried to a run that goes on.

    ``unposted`` are digests that others were told, and whose mail has not left yet, the oldest first.
    """

    interval_seconds: float
    due_at: Instant | None = None
    unposted: Many[Code] = ()


@workflow.defn
class ReviewerDigest:
    """Waits a while, tells what is in the outbox by then, and ends when nothing is left.

    Whoever writes an alert rings afterwards, by signal-with-start. A ring that comes after the last look and before the
    end keeps the workflow from ending, because Temporal completes no workflow that has not seen all its signals; one
    that comes later starts the next. So no alert is forgotten.
    """

    @workflow.init
    def __init__(self, plan: DigestPlan) -> None:
        self._rung = False
        self._interval = timedelta(seconds=plan.interval_seconds)
        self._unposted = list(plan.unposted)
        self._posted = ""  # the last digest whose mail has left
        self._posting: asyncio.Task[None] | None = None

    @workflow.signal(dynamic=True, description="ring: there is something new in the outbox")
    def ring(self, name: str, payloads: Sequence[RawValue]) -> None:
        """Whatever is sent, and whatever with: a named handler would stop the workflow for an argument too many."""
        self._rung = True

    @workflow.run
    async def run(self, plan: DigestPlan) -> None:
        due_at = plan.due_at or workflow.now() + self._interval
        self._go_on_posting()
        while True:
            await self._gather(plan.evolve(due_at=due_at))
            self._rung = False
            try:
                claimed = await workflow.execute_activity_method(
                    DigestActivities.claim_digest, **options.with_summary(options.RECORD, "what is to be told")
                )
            except ActivityError as error:  # its answer cannot be read: what it has claimed is claimed again
                workflow.logger.warning("no digest: %s", reason(error))
                claimed = ClaimedDigest(more=True)
            told = not claimed.digest_id or await self._tell(claimed)
            if told and not claimed.more:
                await workflow.wait_condition(lambda: self._rung or not self._unposted)
                if not self._rung:
                    return
            due_at = workflow.now() + self._interval

    async def _gather(self, plan: DigestPlan) -> None:
        """Until it is time; thousands of rings meanwhile are more than one history should hold."""
        assert plan.due_at is not None
        enough = workflow.info().is_continue_as_new_suggested
        with suppress(asyncio.TimeoutError):
            await workflow.wait_condition(
                enough, timeout=max(timedelta(), plan.due_at - workflow.now()), timeout_summary="alerts are gathered"
            )
        if enough():
            workflow.continue_as_new(plan.evolve(unposted=tuple(self._unposted)))

    async def _tell(self, claimed: ClaimedDigest) -> bool:
        """By all channels at once, each on its own; False if nobody could be told: then the digest comes again."""
        others = [channel for channel in claimed.channels if channel != MAIL]
        if MAIL in claimed.channels and others:
            told = await self._tell_all(claimed.digest_id, others)
        else:
            told = await self._tell_by(claimed.channels, claimed.digest_id)
        if told:
            await workflow.execute_activity_method(
                DigestActivities.close_digest, claimed.digest_id, **options.with_summary(options.RECORD, "it was told")
            )
        return told

    async def _tell_all(self, digest_id: str, others: Sequence[str]) -> bool:
        """The same by mail and others, until one of them is told. A mail that takes longer leaves when it can."""
        self._unposted.append(digest_id)
        self._go_on_posting()
        while not (told := await self._tell_by(others, digest_id)) and digest_id in self._unposted:
            with suppress(asyncio.TimeoutError):
                await workflow.wait_condition(lambda: digest_id not in self._unposted, timeout=self._interval)
        return told or self._posted == digest_id

    def _go_on_posting(self) -> None:
        if self._unposted and (self._posting is None or self._posting.done()):
            self._posting = asyncio.create_task(self._post())

    async def _post(self) -> None:
        """The mails that have not left, one after the other; one that is no longer configured is passed over."""
        while self._unposted:
            if await self._tell_by([MAIL], self._unposted[0]):
                self._posted = self._unposted[0]
            del self._unposted[0]

    async def _tell_by(self, channels: Sequence[str], digest_id: str) -> bool:
        """Whether any was told. Mail is tried until it has left; another service only for a while."""
        return any(await asyncio.gather(*(self._tell_one(channel, digest_id) for channel in channels)))

    async def _tell_one(self, channel: str, digest_id: str) -> bool:
        config = options.NOTIFY_REVIEWERS if channel == MAIL else options.NOTIFY_OTHER_CHANNELS
        try:
            told = await workflow.execute_activity_method(
                DigestActivities.tell_digest,
                DigestDelivery(digest_id=digest_id, channel=channel),
                **options.with_summary(config, f"tell by {channel}"),
            )
        except ActivityError as error:
            workflow.logger.warning("a digest was not told by %s: %s", channel, reason(error))
            return False
        return told
