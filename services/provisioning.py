"""Tells provisioning of each change of a service account, in order for each account, and keeps what it answers."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from billing.errors import ReceiverUnavailable
from billing.events.event import EventType, OutgoingEvent
from billing.events.verdicts import Verdict, answer_text
from billing.reviewers.service_alerts import of_late_restore, of_refused_call
from billing.subscribers.events import ServiceData
from billing.subscribers.provisioning import Provisioning, ServiceCalls
from billing.subscribers.service import CallState
from billing.tasks.ports import TaskOpener
from billing.tasks.task import NewTask, TaskKind
from services.alerts import Alerts

RESTORED_WITHIN = timedelta(hours=3)
_SWITCHED_WITHIN = timedelta(days=1)  # by people, for whoever does not wait for it


class ServiceSender:
    """``EventSender`` for service accounts: asks until provisioning has taken the change.

    A restriction is looked at once more in the ledger just before it is told, and dropped if it is not true any more.
    People hear of a refusal, and of a restore that takes longer than ``restored_within``.
    """

    def __init__(
        self,
        ledger: ServiceCalls,
        provisioning: Provisioning,
        alerts: Alerts,
        restored_within: timedelta = RESTORED_WITHIN,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._ledger = ledger
        self._provisioning = provisioning
        self._alerts = alerts
        self._restored_within = restored_within
        self._clock = clock

    async def send(self, event: OutgoingEvent) -> bool:
        """Raises ``ReceiverUnavailable``; provisioning may know of the change all the same."""
        data = ServiceData.model_validate(event.payload["data"])
        if not await self._ledger.call_stands(data.number, data.position):
            await self._note(data, CallState.SUPERSEDED, "not true any more: not told", event)
            return True
        try:
            await self._tell(data, event)
        except ReceiverUnavailable as error:
            await self._tell_if_late(data, event, str(error))
            raise
        return True

    async def _tell(self, data: ServiceData, event: OutgoingEvent) -> None:
        verdict = await self._provisioning.tell(event.event_id, event.payload)
        text = answer_text(verdict.text)
        if verdict.accepted:
            await self._note(data, CallState.DONE, text, event)
            return
        await self._note(data, CallState.REFUSED, text)
        await self._alerts.tell(of_refused_call(event.customer_id or "", data, text, self._clock()))
        raise ReceiverUnavailable(f"provisioning refuses: {text or 'without a reason'}")

    async def _note(self, data: ServiceData, state: CallState, text: str, told: OutgoingEvent | None = None) -> None:
        await self._ledger.note_call(data.number, data.position, state, text, self._clock(), told)

    async def _tell_if_late(self, data: ServiceData, event: OutgoingEvent, fault: str) -> None:
        now = self._clock()
        if event.type == EventType.SERVICE_RESTORED and now - event.created_at > self._restored_within:
            await self._alerts.tell(of_late_restore(event.customer_id or "", data, event.created_at, fault, now))


class PeopleAsProvisioning:
    """``Provisioning`` where none is set: a task is opened, once for each change."""

    def __init__(self, tasks: TaskOpener, restored_within: timedelta = RESTORED_WITHIN) -> None:
        self._tasks = tasks
        self._restored_within = restored_within

    async def tell(self, event_id: str, payload: Mapping[str, object]) -> Verdict:
        data, now = ServiceData.model_validate(payload["data"]), datetime.now(UTC)
        is_restored = payload["type"] == EventType.SERVICE_RESTORED
        task = await self._tasks.open_task(
            NewTask(
                kind=TaskKind.PROVISION,
                key=event_id,
                customer_id=str(payload["customer_id"]),
                account=data.number,
                values={"state": data.state, "cause": data.cause},
                due_at=now + (self._restored_within if is_restored else _SWITCHED_WITHIN),
            ),
            now,
        )
        return Verdict(accepted=True, text=f"task {task.number}, because BILLING_PROVISIONING_URL is not set")
