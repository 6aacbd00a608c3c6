"""ServiceOrderFulfilment: one durable workflow for each service order, for what hangs on time."""

from typing import Never

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.service_orders import ServiceOrderActivities
    from orders.service.fulfilment import ServiceFulfilment, ServiceFulfilmentStep
    from orders.service.service_order import ServiceStanding
    from orders.service.summary import service_summary
    from workflows.cancellation import despite_cancellation
    from workflows.order_loop import OrderLoop
    from workflows.visibility import of_service_order


@workflow.defn
class ServiceOrderFulfilment(OrderLoop[ServiceFulfilment, ServiceFulfilmentStep]):
    """Has the ledger see what time has done of the order: an expiry, a date, a late task.

    The ledger leads the order on with each task and payment.
    """

    _STANDING = ServiceStanding

    @workflow.init
    def __init__(self, value: ServiceFulfilment) -> None:
        self._value = value
        self._shown = self._showing

    @workflow.run
    async def run(self, value: ServiceFulfilment) -> ServiceFulfilment:
        """Ends once the procedure has come to its end."""
        await despite_cancellation(self._loop(), lambda: None)
        return self._value

    @workflow.query(description="The order as it stands")
    def order(self) -> ServiceFulfilment:
        return self._value

    def _continue_with(self, value: ServiceFulfilment) -> Never:
        workflow.continue_as_new(value, search_attributes=of_service_order(value.standing))

    async def _do(self, step: ServiceFulfilmentStep) -> None:
        match step:
            case ServiceFulfilmentStep.PASS_TIME:
                await self._ask(ServiceOrderActivities.pass_time_of_order, "what time has done")
            case ServiceFulfilmentStep.LOOK_UP:
                await self._ask(ServiceOrderActivities.look_up_service_order, "how the order stands")
            case ServiceFulfilmentStep.END:
                await self._end()

    @property
    def _number(self) -> str:
        return self._value.standing.number

    @property
    def _showing(self) -> tuple[str, int]:
        return self._value.stage, self._value.standing.owed_minor

    def _details(self) -> str:
        return service_summary(self._value)
