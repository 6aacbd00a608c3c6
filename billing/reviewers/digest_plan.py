"""The value of the workflow that gathers alerts for a while, then sends them to the reviewers in one digest."""

from datetime import datetime, timedelta
from enum import StrEnum

from billing.model import Code, Few, Instant, Many, Model
from billing.progress import Due


class DigestStep(StrEnum):
    CLAIM = "claim"  # a digest of all alerts in the outbox
    TELL = "tell"
    END = "end"


class ClaimedDigest(Model):
    """The digest to send (None: there is none), its channels, and whether another one waits."""

    digest_id: Code | None = None
    channels: Few[Code] = ()
    more: bool = False


class DigestPlan(Model):
    """How long alerts are gathered (``interval_seconds``), until when this time, and the digest under way.

    ``unposted`` are digests, oldest first, whose mail is not sent yet, though other channels have worked.
    """

    interval_seconds: float
    due_at: Instant | None = None
    claimed: ClaimedDigest | None = None
    unposted: Many[Code] = ()

    def due(self, now: datetime) -> Due[DigestStep]:
        """The next step at ``now``; the end once nothing is left."""
        if self.claimed is not None:
            return Due(DigestStep.TELL, None, "tell the reviewers")
        if self.due_at is not None and now < self.due_at:
            return Due(None, self.due_at, "alerts are gathered")
        if self.due_at is not None:
            return Due(DigestStep.CLAIM, None, "claim the alerts")
        if self.unposted:
            return Due(None, None, "a mail is not sent yet")
        return Due(DigestStep.END, None, "the outbox is empty")

    def woken(self, now: datetime) -> "DigestPlan":
        """The outbox has a new alert."""
        return self if self.due_at else self.evolve(due_at=now + timedelta(seconds=self.interval_seconds))

    def told(self, now: datetime, is_told: bool) -> "DigestPlan":
        """The digest was sent (``is_told``), or no channel has worked, and it is claimed again later."""
        assert self.claimed is not None
        done = self.evolve(claimed=None)
        return done if is_told and not self.claimed.more else done.woken(now)

    def to_post(self, digest_id: str) -> "DigestPlan":
        """The mail of this digest is sent in the background."""
        return self.evolve(unposted=(*self.unposted, digest_id))

    def posted(self, digest_id: str) -> "DigestPlan":
        """The mail was sent, or its channel is no longer configured."""
        return self.evolve(unposted=tuple(waiting for waiting in self.unposted if waiting != digest_id))
