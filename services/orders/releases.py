"""Hands releases over to production, and keeps what it answers; nothing while the emergency brake is on."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from billing.errors import BrakeOn, NotFound, ReceiverUnavailable
from billing.events.event import OutgoingEvent
from billing.events.verdicts import Verdict, answer_text
from orders.alerts import of_release
from orders.events import ReleaseData
from orders.order import Answered, Order, Rejected, ReleaseKind
from orders.production import Production, ReleaseAnswers
from services.alerts import Alerts
from wording.orders import release_title

SOON = timedelta(seconds=2)
_RETRY = timedelta(minutes=1)
"""Between two looks whether a shipment may leave: after a rejection, people decide when."""


class ReleaseSender:
    """``EventSender`` for releases. The answer is kept, and the event is done, in one transaction: without it,
    production is asked again, with the same id.
    """

    def __init__(self, ledger: ReleaseAnswers, production: Production) -> None:
        self._ledger = ledger
        self._production = production

    async def send(self, event: OutgoingEvent) -> bool:
        """Raises ``BrakeOn`` and ``ReceiverUnavailable``; production may know of the release all the same.

        What is rejected waits for a person, and what has ended is not asked for any more: neither is sent.
        The answer is True if the delivery is recorded with what production has answered.
        """
        data = ReleaseData.model_validate(event.payload["data"])
        order, is_braked = await self._ledger.order_under_brake(data.number)
        if is_braked:
            held = BrakeOn("the emergency brake is on: nothing is released until it is off")
            held.retry_after = SOON  # it is not even claimed before
            raise held
        if not _is_wanted(data, order):
            return False
        verdict = await self._production.release(event.event_id, event.payload, data)
        text = answer_text(verdict.text)
        await self._ledger.note_answer(data.number, data.kind, verdict.accepted, text, datetime.now(UTC), event)
        return True

    async def is_held(self) -> bool:
        """Whether releases wait, and are not even claimed."""
        brake = await self._ledger.brake()
        return brake is not None and brake.on


def _is_wanted(data: ReleaseData, order: Order | None) -> bool:
    """Raises ``ReceiverUnavailable`` for a shipment of what production has not agreed to make."""
    if order is None:
        raise NotFound(f"order {data.number} is not in the ledger, which was restored perhaps; open it again")
    release, first = order.release(data.kind), order.release(ReleaseKind.PRODUCTION)
    if order.end is not None or (release is not None and isinstance(release.answer, Rejected)):
        return False
    if data.kind is ReleaseKind.SHIPMENT and not (first and isinstance(first.answer, Answered)):
        waits = ReceiverUnavailable(f"the shipment of order {data.number} waits: production has not agreed to it yet")
        waits.retry_after = _RETRY
        raise waits
    return True


class ReviewersAsProduction:
    """``Production`` where none is set: the reviewers are told, once for each release. ``has_reviewers``: there are."""

    def __init__(self, alerts: Alerts, has_reviewers: bool) -> None:
        self._alerts = alerts
        self._has_reviewers = has_reviewers

    async def release(self, event_id: str, payload: Mapping[str, object], data: ReleaseData) -> Verdict:
        if not self._has_reviewers:
            raise ReceiverUnavailable(
                "nobody can be told of a release: set BILLING_PRODUCTION_URL or BILLING_REVIEWERS_EMAIL"
            )
        now = datetime.now(UTC)
        text = f"{release_title(data)}. Tell production; with BILLING_PRODUCTION_URL it is told at once"
        await self._alerts.tell(of_release(data, text, now))
        return Verdict(accepted=True, text="told to the reviewers, because BILLING_PRODUCTION_URL is not set")
