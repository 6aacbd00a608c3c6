"""The status of workflows, and the remedies for one that stands still."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

from billing.keys import collection_id, workflow_id
from billing.period import Period
from billing.remedies import Remedy, RemedyAction


class ChainStatus(StrEnum):
    """A workflow's status in Temporal."""

    RUNNING = "running"
    PAUSED = "paused"  # by a person, in Temporal itself
    FAILING = "failing"  # its code fails or stalls, and Temporal keeps retrying it
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
    TERMINATED = "terminated"
    TIMED_OUT = "timed out"
    ABSENT = "absent"  # never started, or closed longer ago than Temporal's retention
    UNKNOWN = "unknown"  # a status of a newer server

    @property
    def is_open(self) -> bool:
        """Whether the workflow can continue; meanwhile no other can be started under its id."""
        return self in (ChainStatus.RUNNING, ChainStatus.PAUSED, ChainStatus.FAILING, ChainStatus.UNKNOWN)

    @property
    def stands_still(self) -> bool:
        """Whether the workflow is open without making progress."""
        return self.is_open and self is not ChainStatus.RUNNING

    @property
    def words(self) -> str:
        """The predicate of a sentence about the workflow."""
        return _WORDS.get(self, f"was {self}")


_WORDS = {
    ChainStatus.RUNNING: "runs",
    ChainStatus.PAUSED: "is paused in Temporal",
    ChainStatus.FAILING: "keeps failing until a worker runs corrected code",
    ChainStatus.COMPLETED: "has ended",
    ChainStatus.FAILED: "has failed for good",
    ChainStatus.ABSENT: "does not exist",
    ChainStatus.UNKNOWN: "is in a state that this release does not know",
}


class Chain(NamedTuple):
    """An open workflow. ``customer_id`` "": without a customer."""

    workflow_id: str
    kind: str  # the workflow type
    status: ChainStatus
    customer_id: str = ""


class OpenChains(NamedTuple):
    """The open monthly workflows: each customer's own, and ``strays``, whose id is not their customer's."""

    own: Mapping[str, ChainStatus]
    strays: tuple[Chain, ...] = ()


class StoppedCollection(NamedTuple):
    """A collection that is open in the ledger, and whose workflow is closed, paused or failing."""

    customer_id: str
    period: Period
    status: ChainStatus

    @property
    def text(self) -> str:
        return f"{self.customer_id}, {self.period} is not collected: its workflow {self.status.words}"

    @property
    def remedy(self) -> Remedy:
        if self.status.is_open:
            return release(collection_id(self.customer_id), self.status)
        return RemedyAction.RECONCILE.of(period=self.period)


class Standstill(NamedTuple):
    """The workflow status of each open month that makes no progress; ``unseen``: why Temporal could not be asked.

    ``collections`` are those of the same period.
    """

    customers: Mapping[str, ChainStatus]
    unseen: str = ""
    collections: tuple[StoppedCollection, ...] = ()


class Chains(Protocol):
    """The workflows in Temporal. Every method raises ``TemporalUnavailable``; lists can be some seconds old."""

    async def listed(self) -> OpenChains: ...

    async def standing_still(self) -> list[Chain]:
        """The open workflows of every kind that are paused or failing."""

    async def status(self, customer_id: str) -> ChainStatus:
        """The current status of the customer's monthly workflow."""

    async def stopped_collections(self, owed: Sequence[tuple[str, Period]]) -> list[StoppedCollection]:
        """Those of the collections (customer and period), which are open in the ledger, that make no progress."""


def release(chain: str, status: ChainStatus) -> Remedy:
    """The remedy for the open workflow ``chain`` that stands still."""
    action = {ChainStatus.PAUSED: RemedyAction.UNPAUSE_WORKFLOW, ChainStatus.FAILING: RemedyAction.SHOW_WORKFLOW}
    return Remedy(action=action.get(status, RemedyAction.DESCRIBE_WORKFLOW), workflow_id=chain)


def end(chain: str) -> Remedy:
    return Remedy(action=RemedyAction.TERMINATE_WORKFLOW, workflow_id=chain)


def restart(customer_id: str, status: ChainStatus) -> Remedy:
    """The remedy for a customer's workflow that is closed or stands still."""
    if status.is_open:
        return release(workflow_id(customer_id), status)
    return RemedyAction.RESTART.of(customer_id)
