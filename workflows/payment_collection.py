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
    """Collects what a month left unpaid: tries, reminds, takes what arrives, until it is settled or given up.

    Whatever touches the payment holds ``_paying``: a try of ours and one of the customer, who is at our page, come one
    after the other.
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
        """Tries the card, looks the payment up or gives it up; not while the customer is paying."""
        async with self._paying:
            asked = self._value
            if asked.due(workflow.now()).step is not step:
                return

            def is_wanted() -> bool:  # a person gives it up: what may still happen is found out by that
                return step is CollectionStep.RELEASE or self._value.release is None

            is_repeat = step is CollectionStep.TRY or asked.outage
            priority = options.ChargePriority.TRY_AGAIN if is_repeat else options.ChargePriority.CHARGE
            config = options.with_retry_round(options.CHARGE, f"{step} the payment", asked.outage)
            paying = workflow.start_activity_method(
                _PAYING[step], asked, **options.on_charges_queue(config, priority, asked.customer_id)
            )
            try:
                result = await while_wanted(paying, is_wanted)
            except ActivityError as error:
                if is_wanted():
                    self._failed(error)
                    if error_type(error) == BrakeOn.__name__:
                        self._value = self._value.looked_up(asked)
            else:
                self._is_recorded(asked)
                self._value = self._value.answered(result, asked)

    @workflow.update(description="The customer, who is at our page, pays; answers where to send them")
    async def pay(self, *arguments: Any) -> PayResult:
        """One of their own tries. While ours is under way, or nothing is owed any more, it only answers the stage.

        It takes the address to which the bank's page sends them back.
        """
        return_url = _return_url(arguments)
        with suppress(asyncio.TimeoutError):  # an earlier click, or a try of ours; not one that takes hours
            await workflow.wait_condition(lambda: not self._paying.locked(), timeout=_PATIENCE)
        if self._paying.locked():
            return PayResult(stage=self._value.stage(workflow.now()))
        async with self._paying:
            asked, url = self._value, None
            if asked.payable:
                config = options.with_summary(options.PAY, "the customer pays")
                try:
                    paid = await workflow.execute_activity_method(
                        CollectionActivities.pay_on_session,
                        PayOnSession(collection=asked, return_url=return_url),
                        **options.on_charges_queue(config, options.ChargePriority.CUSTOMER_PRESENT, asked.customer_id),
                    )
                except ActivityError as error:
                    workflow.logger.warning("a customer's payment has no known outcome: %s", reason(error))
                    self._value = self._value.to_look_up()
                else:
                    self._value = self._value.answered_customer(paid.result, asked)
                    url = paid.redirect_url
            return PayResult(stage=self._value.stage(workflow.now()), redirect_url=url)

    @pay.validator
    def _check_pay(self, *arguments: Any) -> None:
        _return_url(arguments)

    async def _remind(self) -> None:
        asked = self._value

        def is_wanted() -> bool:
            return self._value.due(workflow.now()).step is CollectionStep.REMIND

        reminding = workflow.start_activity_method(
            CollectionActivities.remind_customer,
            asked,
            **options.with_retry_round(options.NOTIFY, f"reminder {asked.reminders + 1}", asked.outage),
        )
        try:
            await while_wanted(reminding, is_wanted)
        except ActivityError as error:
            if is_wanted():
                self._failed(error)
        else:
            self._is_recorded(asked)
            self._value = self._value.reminded()

    def _details(self) -> str:
        return summary(self._value, workflow.now())

    # -- commands

    halt = _update("halt", "Neither try nor remind: {by, reason}")
    resume = _update("resume", "Go on: {by, reason}")
    retry = _update("retry", "Try the card now: {by, reason}")
    replace_card = _update(
        "replace_card", "Another card, tried at once: {by, reason, card: {payer_id, card_id, last4}}"
    )
    record_payment = _update("record_payment", "Money arrived by another way: {by, reason, reference, amount_minor}")
    write_off = _update("write_off", "Give the rest up: {by, reason}")
    look_up = _update("look_up", "Ask the processor how the payment stands: {by, reason}")

    @workflow.query(description="The collection as it stands")
    def collection(self) -> Collection:
        return self._value

    def _decide(self, command: Command, via: str) -> Ruling[Collection]:
        return decide(self._value, command, workflow.now(), via)

    def _note_unreadable(self, name: str, problem: str, via: str) -> Ruling[Collection]:
        return note_unreadable(self._value, name, problem, workflow.now(), via)
