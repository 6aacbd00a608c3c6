"""ServiceOrderFulfilment: one durable workflow for each service order, for what hangs on time."""

from collections.abc import Sequence
from typing import Any, Never

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.orders import OrderTurn
    from activities.service_orders import ServiceOrderActivities
    from billing.progress import Due
    from orders.service.fulfilment import ServiceFulfilment, ServiceFulfilmentStep
    from orders.service.service_order import ServiceStanding
    from orders.service.summary import service_summary
    from workflows import options
    from workflows.cancellation import despite_cancellation
    from workflows.failures import reason
    from workflows.value_loop import ValueLoop
    from workflows.visibility import AMOUNT_MINOR, STAGE, of_service_order


@workflow.defn
class ServiceOrderFulfilment(ValueLoop[ServiceFulfilment, ServiceFulfilmentStep]):
    """Has the ledger see what time has done of the order: an expiry, a date, a late task.

    The ledger has the truth, and leads the order on with each task and payment: after each change a signal (``told``)
    says how it stands by now. A request to cancel the workflow has no effect: cancel the order.
    """

    @workflow.init
    def __init__(self, value: ServiceFulfilment) -> None:
        self._value = value
        self._shown = (value.stage, value.standing.owed_minor)

    @workflow.run
    async def run(self, value: ServiceFulfilment) -> ServiceFulfilment:
        """Ends once the procedure has come to its end."""
        await despite_cancellation(self._loop(), lambda: None)
        return self._value

    @workflow.signal(dynamic=True, description="told: how the order stands in the ledger by now")
    def told(self, name: str, payloads: Sequence[RawValue]) -> None:
        """Takes any signal; one that cannot be read is told again with the next change."""
        for value in payloads[:1]:
            try:
                standing = workflow.payload_converter().from_payload(value.payload, ServiceStanding)
            except Exception as error:  # a converter may raise anything for input of any kind
                workflow.logger.warning("a signal %s cannot be read: %s", name, type(error).__name__)
            else:
                self._value = self._value.told(standing)

    @workflow.query(description="The order as it stands")
    def order(self) -> ServiceFulfilment:
        return self._value

    def _look(self) -> Due[ServiceFulfilmentStep]:
        """The next step; also shows the order in the Temporal UI."""
        shown = (self._value.stage, self._value.standing.owed_minor)
        if shown != self._shown:
            workflow.upsert_search_attributes([STAGE.value_set(shown[0]), AMOUNT_MINOR.value_set(shown[1])])
            self._shown = shown
        workflow.set_current_details(service_summary(self._value))
        return super()._look()

    def _continue_with(self, value: ServiceFulfilment) -> Never:
        workflow.continue_as_new(value, search_attributes=of_service_order(value.standing))

    async def _do(self, step: ServiceFulfilmentStep) -> None:
        match step:
            case ServiceFulfilmentStep.PASS_TIME:
                await self._ask(ServiceOrderActivities.pass_time_of_order, "what time has done")
            case ServiceFulfilmentStep.LOOK_UP:
                await self._ask(ServiceOrderActivities.look_up_service_order, "how the order stands")
            case ServiceFulfilmentStep.END:
                await workflow.wait_condition(workflow.all_handlers_finished)
                self._ended = self._value.due(workflow.now()).step is ServiceFulfilmentStep.END

    async def _ask(self, method: Any, summary: str) -> None:
        """Has the ledger do it, which answers how the order stands then; if nothing changes, again after a pause."""
        before, is_untold = self._value, True
        turn = OrderTurn(number=before.standing.number, at=workflow.now())
        try:
            standing: ServiceStanding = await workflow.execute_activity_method(
                method, turn, **options.with_summary(options.RECORD, summary)
            )
        except ActivityError as error:
            workflow.logger.warning("%s: %s", summary, reason(error))
        else:
            is_untold = self._value is before
            take = self._value.answered if is_untold else self._value.told
            self._value = take(standing)
        if is_untold and self._value == before:
            await self._wait(Due(None, workflow.now() + options.RETRY_PAUSE, f"{summary}: again"), lambda: False)
