"""PaymentCollection: one durable workflow for each month that was not paid; it outlives that month."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

from pydantic import TypeAdapter, ValidationError
from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.collections import CollectionActivities
    from billing.collections.collection import Collection, PayOnSession
    from billing.collections.commands import COLLECTION_COMMANDS, PayResult, decide, note_unreadable
    from billing.collections.stages import CollectionStep
    from billing.collections.summary import summary
    from billing.commands import Command, Ruling
    from billing.errors import BrakeOn, InvalidInput
    from billing.model import Url
    from billing.validation import explain
    from workflows import options
    from workflows.cancellation import while_wanted
    from workflows.failures import error_type, reason
    from workflows.value_loop import Activities, DurableLoop, command_update

_update = partial(command_update, kinds=COLLECTION_COMMANDS)
_PATIENCE = timedelta(seconds=20)  # of a customer who waits at our page
_PAYING = {
    CollectionStep.TRY: CollectionActivities.try_card,
    CollectionStep.LOOK_UP: CollectionActivities.look_up_payment,
    CollectionStep.RELEASE: CollectionActivities.release_payment,
}


def _return_url(arguments: Sequence[object]) -> str:
    try:
        return TypeAdapter(tuple[Url]).validate_python(tuple(arguments))[0]
    except ValidationError as error:
        raise InvalidInput(f"pay cannot be read: {explain(error)}") from None


@workflow.defn
class PaymentCollection(DurableLoop[Collection, CollectionStep]):
    """Collects what a month left unpaid, by tries and reminders, until it is recovered or written off.

    Whatever touches the payment holds the lock ``_paying``, so that a try of ours and a payment by the customer at our
    page never overlap.
    """

    _COMMANDS = COLLECTION_COMMANDS
    _ACTIVITIES = Activities(
        CollectionActivities.record_collection,
        CollectionActivities.alert_about_collection,
        CollectionActivities.close_collection,
    )
    _ENDED_BY = "write_off ends a collection"
    _RECORDING = frozenset(CollectionStep) - {CollectionStep.AWAIT_RELEASE}

    @workflow.init
    def __init__(self, collection: Collection) -> None:
        super().__init__(collection, recorded=None)
        self._paying = asyncio.Lock()

    @workflow.run
    async def run(self, collection: Collection) -> Collection:
        """Ends when the amount is recovered or written off."""
        await self._loop()
        return self._value

    async def _do(self, step: CollectionStep) -> None:
        match step:
            case CollectionStep.AWAIT_RELEASE:
                await self._await_release()
            case CollectionStep.CONTACT:
                self._value = self._value.contacting(workflow.now())
            case CollectionStep.TRY | CollectionStep.LOOK_UP | CollectionStep.RELEASE:
                await self._pay(step)
            case CollectionStep.REMIND:
                await self._remind()
            case CollectionStep.ALERT:
                await self._alert()
            case CollectionStep.CLOSE:
                await self._close()

    async def _pay(self, step: CollectionStep) -> None:
        """Tries the card, looks the payment up or cancels it; not while the customer is paying."""
        async with self._paying:
            requested = self._value
            if requested.due(workflow.now()).step is not step:
                return

            def is_wanted() -> bool:  # once a person wants it cancelled, the cancellation brings the outcome
                return step is CollectionStep.RELEASE or self._value.release is None

            is_repeat = step is CollectionStep.TRY or requested.outage
            priority = options.ChargePriority.TRY_AGAIN if is_repeat else options.ChargePriority.CHARGE
            config = options.with_retry_round(options.CHARGE, f"{step} the payment", requested.outage)
            paying = workflow.start_activity_method(
                _PAYING[step], requested, **options.on_charges_queue(config, priority, requested.customer_id)
            )
            try:
                result = await while_wanted(paying, is_wanted)
            except ActivityError as error:
                if is_wanted():
                    self._failed(error)
                    if error_type(error) == BrakeOn.__name__:
                        self._value = self._value.looked_up(requested)
            else:
                self._mark_recorded(requested)
                self._value = self._value.answered(result, requested)

    @workflow.update(description="The customer pays at our page: (return_url); answers where to send them next")
    async def pay(self, *arguments: Any) -> PayResult:
        """The customer's own payment; takes the URL to which the bank's page sends them back.

        While a try of ours is under way, or if nothing is payable, it answers the stage only.
        """
        return_url = _return_url(arguments)
        with suppress(asyncio.TimeoutError):  # of an earlier click, or a try of ours that may take hours
            await workflow.wait_condition(lambda: not self._paying.locked(), timeout=_PATIENCE)
        if self._paying.locked():
            return PayResult(stage=self._value.stage(workflow.now()))
        async with self._paying:
            requested, url = self._value, None
            if requested.payable:
                config = options.with_summary(options.PAY, "the customer pays")
                try:
                    paid = await workflow.execute_activity_method(
                        CollectionActivities.pay_on_session,
                        PayOnSession(collection=requested, return_url=return_url),
                        **options.on_charges_queue(
                            config, options.ChargePriority.CUSTOMER_PRESENT, requested.customer_id
                        ),
                    )
                except ActivityError as error:
                    workflow.logger.warning("a customer's payment has no known outcome: %s", reason(error))
                    self._value = self._value.to_look_up()
                else:
                    self._value = self._value.answered_customer(paid.result, requested)
                    url = paid.redirect_url
            return PayResult(stage=self._value.stage(workflow.now()), redirect_url=url)

    @pay.validator
    def _check_pay(self, *arguments: Any) -> None:
        _return_url(arguments)

    async def _remind(self) -> None:
        requested = self._value

        def is_wanted() -> bool:
            return self._value.due(workflow.now()).step is CollectionStep.REMIND

        reminding = workflow.start_activity_method(
            CollectionActivities.remind_customer,
            requested,
            **options.with_retry_round(options.NOTIFY, f"reminder {requested.reminders + 1}", requested.outage),
        )
        try:
            await while_wanted(reminding, is_wanted)
        except ActivityError as error:
            if is_wanted():
                self._failed(error)
        else:
            self._mark_recorded(requested)
            self._value = self._value.reminded()

    def _details(self) -> str:
        return summary(self._value, workflow.now())

    # -- commands

    halt = _update("halt", "Stop tries and reminders: {by, reason}")
    resume = _update("resume", "Go on: {by, reason}")
    retry = _update("retry", "Try the card now: {by, reason}")
    replace_card = _update(
        "replace_card", "Another card, tried at once: {by, reason, card: {payer_id, card_id, last4}}"
    )
    record_payment = _update("record_payment", "Money arrived by other means: {by, reason, reference, amount_minor}")
    write_off = _update("write_off", "Write the rest off: {by, reason}")
    look_up = _update("look_up", "Look the payment up at the processor: {by, reason}")

    @workflow.query(description="The collection as it stands")
    def collection(self) -> Collection:
        return self._value

    def _decide(self, command: Command, via: str) -> Ruling[Collection]:
        return decide(self._value, command, workflow.now(), via)

    def _note_unreadable(self, name: str, problem: str, via: str) -> Ruling[Collection]:
        return note_unreadable(self._value, name, problem, workflow.now(), via)
