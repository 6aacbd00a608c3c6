"""When the reviewers are told: the value of the workflow that gathers alerts for a while, then tells them at once."""

from datetime import datetime, timedelta
from enum import StrEnum

from billing.model import Code, Few, Instant, Many, Model
from billing.progress import Due


class DigestStep(StrEnum):
    CLAIM = "claim"  # a digest of all alerts that nobody has told yet
    TELL = "tell"
    END = "end"


class ClaimedDigest(Model):
    """The digest to tell (None: there is none), by which channels, and whether another one waits."""

    digest_id: Code | None = None
    channels: Few[Code] = ()
    more: bool = False


class DigestPlan(Model):
    """How long alerts are gathered (``interval_seconds``), until when now, and what is under way.

    ``unposted`` are digests that others were told, and whose mail has not left yet, the oldest first.
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
            return Due(DigestStep.CLAIM, None, "look what there is to tell")
        if self.unposted:
            return Due(None, None, "a mail has not left yet")
        return Due(DigestStep.END, None, "nothing is left")

    def woken(self, now: datetime) -> "DigestPlan":
        """There is something new in the outbox."""
        return self if self.due_at else self.evolve(due_at=now + timedelta(seconds=self.interval_seconds))

    def told(self, now: datetime, is_told: bool) -> "DigestPlan":
        """What was claimed has been told, or nobody could be: then it comes again, as what is left does."""
        assert self.claimed is not None
        told = self.evolve(claimed=None)
        return told if is_told and not self.claimed.more else told.woken(now)

    def to_post(self, digest_id: str) -> "DigestPlan":
        """The mail of this digest leaves when it can."""
        return self.evolve(unposted=(*self.unposted, digest_id))

    def posted(self, digest_id: str) -> "DigestPlan":
        """Its mail has left, or nobody reads mail any more."""
        return self.evolve(unposted=tuple(waiting for waiting in self.unposted if waiting != digest_id))
