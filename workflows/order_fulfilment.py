"""OrderFulfilment: one durable workflow for each order, until nothing of it is left to be done."""

from contextlib import suppress
from typing import Never

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.brake import BrakeActivities
    from activities.orders import OrderActivities, OrderReminder
    from billing.errors import BrakeOn
    from orders.fulfilment import Fulfilment, FulfilmentStep
    from orders.order import OrderStanding
    from orders.summary import summary
    from workflows import options
    from workflows.cancellation import despite_cancellation, while_wanted
    from workflows.failures import error_type
    from workflows.order_loop import OrderLoop
    from workflows.visibility import of_order


@workflow.defn
class OrderFulfilment(OrderLoop[Fulfilment, FulfilmentStep]):
    """Lets the order expire, releases it after the emergency brake, and reminds people of what needs them.

    A payment releases the order without this workflow.
    """

    _STANDING = OrderStanding

    @workflow.init
    def __init__(self, value: Fulfilment) -> None:
        self._value = value
        self._shown = self._showing

    @workflow.run
    async def run(self, value: Fulfilment) -> Fulfilment:
        """Ends once production has answered to everything, or the order was cancelled or has expired."""
        await despite_cancellation(self._loop(), lambda: None)
        return self._value

    @workflow.query(description="The order as it stands")
    def order(self) -> Fulfilment:
        return self._value

    def _continue_with(self, value: Fulfilment) -> Never:
        workflow.continue_as_new(value, search_attributes=of_order(value.standing))

    async def _do(self, step: FulfilmentStep) -> None:
        match step:
            case FulfilmentStep.AWAIT_RELEASE:
                await self._await_release()
            case FulfilmentStep.RELEASE:
                await self._ask(OrderActivities.release_order, "release what is paid")
            case FulfilmentStep.EXPIRE:
                await self._ask(OrderActivities.expire_order, "the order expires")
            case FulfilmentStep.REMIND:
                await self._remind()
            case FulfilmentStep.LOOK_UP:
                await self._ask(OrderActivities.look_up_order, "how the order stands")
            case FulfilmentStep.END:
                await self._end()

    def _failed(self, error: ActivityError, summary: str) -> None:
        if error_type(error) == BrakeOn.__name__:
            self._value = self._value.braked()
        else:
            super()._failed(error, summary)

    @property
    def _number(self) -> str:
        return self._value.standing.order.number

    @property
    def _showing(self) -> tuple[str, int]:
        return self._value.stage, self._value.standing.owed_minor

    def _details(self) -> str:
        return summary(self._value, workflow.now())

    async def _await_release(self) -> None:
        """Waits until the emergency brake is off, or the order changes."""
        before = self._value
        waiting = workflow.start_activity_method(
            BrakeActivities.await_release, **options.with_summary(options.AWAIT_RELEASE, "the emergency brake is on")
        )
        with suppress(ActivityError):  # cancelled, as the order has changed
            await while_wanted(waiting, lambda: self._value is before)
            self._value = self._value.brake_released()

    async def _remind(self) -> None:
        """Tells people; if that fails, the next reminder makes up for it."""
        value = self._value
        reminder = OrderReminder(
            standing=value.standing, since=value.since, reminder=value.reminders + 1, text=value.waits_for
        )
        with suppress(ActivityError):
            await workflow.execute_activity_method(
                OrderActivities.remind_of_order, reminder, **options.with_summary(options.ALERT, value.waits_for)
            )
        if self._value.since == value.since:  # else it needs them no more, or for another reason
            self._value = self._value.reminded(workflow.now())
