"""How a workflow stands: whether it goes on by itself, and what to do about one that does not."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple, Protocol

from billing.keys import workflow_id
from billing.remedies import Remedy, RemedyAction


class ChainStatus(StrEnum):
    """What Temporal says of a workflow."""

    RUNNING = "running"
    PAUSED = "paused"  # by a person, in Temporal itself
    FAILING = "failing"  # its code fails or stalls; Temporal tries again and again
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
    TERMINATED = "terminated"
    TIMED_OUT = "timed out"
    ABSENT = "absent"  # never started, or closed so long ago that Temporal has forgotten it
    UNKNOWN = "unknown"  # a newer server has a word for it that this release lacks

    @property
    def is_open(self) -> bool:
        """Whether it may go on: another one under the same id cannot be started."""
        return self in _OPEN

    @property
    def stands_still(self) -> bool:
        """Open, and nothing is announced or charged all the same."""
        return self.is_open and self is not ChainStatus.RUNNING

    @property
    def words(self) -> str:
        """What is the matter with it, as a sentence that begins with the workflow goes on."""
        return _WORDS.get(self, f"was {self}")


_OPEN = (ChainStatus.RUNNING, ChainStatus.PAUSED, ChainStatus.FAILING, ChainStatus.UNKNOWN)

_WORDS = {
    ChainStatus.RUNNING: "runs",
    ChainStatus.PAUSED: "is paused in Temporal",
    ChainStatus.FAILING: "fails again and again until a worker runs mended code",
    ChainStatus.COMPLETED: "has ended",
    ChainStatus.FAILED: "has failed for good",
    ChainStatus.ABSENT: "does not exist",
    ChainStatus.UNKNOWN: "is in a state that this release does not know",
}


class Chain(NamedTuple):
    """An open workflow. ``customer_id`` "": of nobody; ``period``: the month that is collected, None of other kinds."""

    workflow_id: str
    kind: str  # the name of the workflow's type
    status: ChainStatus
    customer_id: str = ""
    period: str | None = None


class OpenChains(NamedTuple):
    """The open monthly workflows: each customer's own, and ``strays``, which have another id than the customer's."""

    own: Mapping[str, ChainStatus]
    strays: tuple[Chain, ...] = ()


class Standstill(NamedTuple):
    """Customers with an open month that nothing happens to, and how its workflow stands; or why that is ``unseen``."""

    customers: Mapping[str, ChainStatus]
    unseen: str = ""


class Chains(Protocol):
    """The workflows, as Temporal knows them. Raises ``TemporalUnavailable``."""

    async def listed(self) -> OpenChains:
        """The open monthly workflows, by a list that may be some seconds old."""

    async def standing_still(self) -> list[Chain]:
        """Open workflows of every kind that are paused or fail, by such a list."""

    async def status(self, customer_id: str) -> ChainStatus:
        """How the customer's monthly workflow stands right now."""


def release(chain: str, status: ChainStatus) -> Remedy:
    """What to do about an open workflow with the id ``chain`` that stands still."""
    action = {ChainStatus.PAUSED: RemedyAction.UNPAUSE_WORKFLOW, ChainStatus.FAILING: RemedyAction.SHOW_WORKFLOW}
    return Remedy(action=action.get(status, RemedyAction.DESCRIBE_WORKFLOW), workflow_id=chain)


def end(chain: str) -> Remedy:
    return Remedy(action=RemedyAction.TERMINATE_WORKFLOW, workflow_id=chain)


def restart(customer_id: str, status: ChainStatus) -> Remedy:
    """What to do about a customer's workflow that does not go on."""
    if status.is_open:
        return release(workflow_id(customer_id), status)
    return RemedyAction.RESTART.of(customer_id)
