"""What production is asked, by whatever way it is reached, and what it answers."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from billing.events.event import OutgoingEvent
from billing.events.verdicts import Verdict
from billing.reviewers.ports import BrakeStore
from orders.events import ReleaseData
from orders.order import Order, ReleaseKind


class Production(Protocol):
    async def release(self, event_id: str, payload: Mapping[str, object], data: ReleaseData) -> Verdict:
        """Tells production of a release: the same event again has no second effect where production knows its id.

        Raises ``ReceiverUnavailable`` if it has not answered, or asks to come back later: it may have been told.
        """


class ReleaseAnswers(BrakeStore, Protocol):
    """Where answers are kept."""

    async def order_under_brake(self, number: str) -> tuple[Order | None, bool]:
        """The order, and whether the emergency brake is on."""

    async def note_answer(
        self,
        number: str,
        kind: ReleaseKind,
        accepted: bool,
        text: str,
        at: datetime,
        told: OutgoingEvent | None = None,
    ) -> None:
        """As in ``OrderStore``."""
