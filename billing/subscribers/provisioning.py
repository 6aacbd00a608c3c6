"""What provisioning is told, by whatever way it is reached, and where its answers are kept."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from billing.events.event import OutgoingEvent
from billing.events.verdicts import Verdict
from billing.subscribers.service import CallState


class Provisioning(Protocol):
    async def tell(self, event_id: str, payload: Mapping[str, object]) -> Verdict:
        """Tells provisioning of a change; the same event again has no second effect where it knows its id.

        Raises ``ReceiverUnavailable`` if it has not answered, or asks to come back later: it may have been told.
        """


class ServiceCalls(Protocol):
    """The calls to provisioning, one for each change of an account."""

    async def call_stands(self, number: str, position: int) -> bool:
        """Whether this change is still to be told: a restriction is not, once something else has come after it."""

    async def note_call(
        self, number: str, position: int, state: CallState, text: str, at: datetime, told: OutgoingEvent | None = None
    ) -> None:
        """Keeps what became of a call; with it, ``told`` is delivered. What provisioning has taken stays so."""
