"""ReviewerDigest: one durable workflow that tells the reviewers, in one message, what many alerts say."""

import asyncio
from contextlib import suppress
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.alerts import MAIL, Claimed, DigestActivities, Telling
    from billing.model import Instant, Model
    from workflows import options
    from workflows.failures import reason


class DigestPlan(Model):
    """How long alerts are gathered before they are told; ``due_at`` is carried to a run that goes on."""

    interval_seconds: float
    due_at: Instant | None = None


@workflow.defn
class ReviewerDigest:
    """Waits a while, tells what is in the outbox by then, and ends when nothing is left.

    Whoever writes an alert rings afterwards, by signal-with-start. A ring that comes after the last look and before the
    end keeps the workflow from ending, because Temporal completes no workflow that has not seen all its signals; one
    that comes later starts the next. So no alert is forgotten.
    """

    def __init__(self) -> None:
        self._rung = False

    @workflow.signal(description="There is something new in the outbox")
    def ring(self) -> None:
        self._rung = True

    @workflow.run
    async def run(self, plan: DigestPlan) -> None:
        interval = timedelta(seconds=plan.interval_seconds)
        due_at = plan.due_at or workflow.now() + interval
        while True:
            await self._gather(plan.evolve(due_at=due_at))
            self._rung = False
            claimed = await workflow.execute_activity_method(
                DigestActivities.claim_digest, **options.for_step(options.RECORD, "what is to be told")
            )
            told = not claimed.digest_id or await self._tell(claimed)
            if told and not claimed.more and not self._rung:
                return
            due_at = workflow.now() + interval

    async def _gather(self, plan: DigestPlan) -> None:
        """Until it is time; thousands of rings meanwhile are more than one history should hold."""
        assert plan.due_at is not None
        enough = workflow.info().is_continue_as_new_suggested
        with suppress(asyncio.TimeoutError):
            await workflow.wait_condition(
                enough, timeout=max(timedelta(), plan.due_at - workflow.now()), timeout_summary="alerts are gathered"
            )
        if enough():
            workflow.continue_as_new(plan)

    async def _tell(self, claimed: Claimed) -> bool:
        """By all channels at once, each on its own; False if nobody could be told: then the digest comes again."""
        told = await asyncio.gather(*(self._tell_by(channel, claimed.digest_id) for channel in claimed.channels))
        if any(told):
            await workflow.execute_activity_method(
                DigestActivities.close_digest, claimed.digest_id, **options.for_step(options.RECORD, "it was told")
            )
        return any(told)

    async def _tell_by(self, channel: str, digest_id: str) -> bool:
        """Mail is tried until it has left; another service only for a while, so that it cannot hold the mails up."""
        config = options.TELL if channel == MAIL else options.TELL_OTHERS
        try:
            await workflow.execute_activity_method(
                DigestActivities.tell_digest,
                Telling(digest_id=digest_id, channel=channel),
                **options.for_step(config, f"tell by {channel}"),
            )
        except ActivityError as error:
            workflow.logger.warning("a digest was not told by %s: %s", channel, reason(error))
            return False
        return True
