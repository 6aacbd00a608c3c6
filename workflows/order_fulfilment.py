"""OrderFulfilment: one durable workflow for each order, until nothing of it is left to be done."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Never

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.brake import BrakeActivities
    from activities.orders import OrderActivities, OrderReminder, OrderTurn
    from billing.errors import BrakeOn
    from billing.progress import Due
    from orders.fulfilment import Fulfilment, FulfilmentStep
    from orders.order import OrderStanding
    from orders.summary import summary
    from workflows import options
    from workflows.cancellation import despite_cancellation, while_wanted
    from workflows.failures import error_type, reason
    from workflows.value_loop import ValueLoop
    from workflows.visibility import AMOUNT_MINOR, STAGE, of_order


@workflow.defn
class OrderFulfilment(ValueLoop[Fulfilment, FulfilmentStep]):
    """Lets the order expire, releases it after the emergency brake, and reminds people of what needs them.

    The ledger has the truth: after each change of the order a signal (``told``) says how it stands by now. A payment
    releases the order without this workflow. A request to cancel the workflow has no effect: cancel the order.
    """

    @workflow.init
    def __init__(self, value: Fulfilment) -> None:
        self._value = value
        self._shown = (value.stage, value.standing.owed_minor)

    @workflow.run
    async def run(self, value: Fulfilment) -> Fulfilment:
        """Ends once production has answered to everything, or the order was cancelled or has expired."""
        await despite_cancellation(self._loop(), lambda: None)
        return self._value

    @workflow.signal(dynamic=True, description="told: how the order stands in the ledger by now")
    def told(self, name: str, payloads: Sequence[RawValue]) -> None:
        """Takes any signal; one that cannot be read is told again with the next change."""
        for value in payloads[:1]:
            try:
                standing = workflow.payload_converter().from_payload(value.payload, OrderStanding)
            except Exception as error:  # a converter may raise anything for input of any kind
                workflow.logger.warning("a signal %s cannot be read: %s", name, type(error).__name__)
            else:
                self._value = self._value.told(standing, workflow.now())

    @workflow.query(description="The order as it stands")
    def order(self) -> Fulfilment:
        return self._value

    def _look(self) -> Due[FulfilmentStep]:
        """The next step; also shows the order in the Temporal UI."""
        shown = (self._value.stage, self._value.standing.owed_minor)
        if shown != self._shown:
            workflow.upsert_search_attributes([STAGE.value_set(shown[0]), AMOUNT_MINOR.value_set(shown[1])])
            self._shown = shown
        workflow.set_current_details(summary(self._value, workflow.now()))
        return super()._look()

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
                await workflow.wait_condition(workflow.all_handlers_finished)
                self._ended = self._value.due(workflow.now()).step is FulfilmentStep.END

    async def _ask(self, method: Any, summary: str) -> None:
        """Has the ledger do it, which answers how the order stands then; if nothing changes, again after a pause."""
        before, is_untold = self._value, True
        turn = OrderTurn(number=self._value.standing.order.number, at=workflow.now())
        try:
            standing: OrderStanding = await workflow.execute_activity_method(
                method, turn, **options.with_summary(options.RECORD, summary)
            )
        except ActivityError as error:
            if error_type(error) == BrakeOn.__name__:
                self._value = self._value.braked()
                return
            workflow.logger.warning("%s: %s", summary, reason(error))
        else:
            is_untold = self._value is before
            take = self._value.answered if is_untold else self._value.told
            self._value = take(standing, workflow.now())
        if is_untold and self._value == before:
            await self._wait(Due(None, workflow.now() + options.RETRY_PAUSE, f"{summary}: again"), lambda: False)

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
