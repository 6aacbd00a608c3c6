"""PaymentCollection: one durable workflow for each customer with something overdue."""

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
    from activities.ladder import LadderActivities
    from billing.collections.collection import Collection, PayOnSession
    from billing.collections.commands import COLLECTION_COMMANDS, PayResult, decide, note_unreadable
    from billing.collections.stages import CollectionStep
    from billing.collections.summary import summary
    from billing.commands import Command, Ruling
    from billing.errors import BrakeOn, DebtChanged, InvalidInput, OutcomeConflict, OutsideContactHours, StaleRun
    from billing.model import Url
    from billing.period import Period
    from billing.validation import explain
    from workflows import about, options
    from workflows.cancellation import while_wanted
    from workflows.failures import error_type, is_final, reason
    from workflows.value_loop import Activities, DurableLoop, command_update

_update = partial(command_update, kinds=COLLECTION_COMMANDS)
_AHEAD = (StaleRun.__name__, OutcomeConflict.__name__)
_PATIENCE = timedelta(seconds=20)  # of a customer who waits at our page
_CLOCKS_DIFFER = timedelta(minutes=1)  # the server's and a worker's, at most
_WALKING: dict[CollectionStep, Any] = {
    CollectionStep.REMIND: CollectionActivities.remind_customer,
    CollectionStep.RESTRICT: LadderActivities.restrict_service,
}
_PAYING = {
    CollectionStep.TRY: CollectionActivities.try_card,
    CollectionStep.LOOK_UP: CollectionActivities.look_up_payment,
    CollectionStep.RELEASE: CollectionActivities.release_payment,
}


def _asked(arguments: Sequence[object]) -> tuple[Url, Period]:
    """Where the bank's page sends the customer back to, and the month to pay."""
    try:
        return TypeAdapter(tuple[Url, Period]).validate_python(tuple(arguments))
    except ValidationError as error:
        raise InvalidInput(f"pay cannot be read: {explain(error)}") from None


@workflow.defn
class PaymentCollection(DurableLoop[Collection, CollectionStep]):
    """Collects what a customer has not paid, by tries and reminders, until all of it is recovered or written off.

    Months that are not paid while it runs are signalled to it (``owe``), and join the one schedule.

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
        """Ends when every debt is recovered or written off."""
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
            case CollectionStep.COUNT:
                await self._count()
            case CollectionStep.SETTLE:
                await self._tell()
            case CollectionStep.REMIND | CollectionStep.RESTRICT:
                await self._walk(step)
            case CollectionStep.BREAK_PROMISE:
                await self._break_promise()
            case CollectionStep.ALERT:
                await self._alert()
            case CollectionStep.CLOSE:
                await self._close()

    async def _pay(self, step: CollectionStep) -> None:
        """Tries the card, looks the payment up or cancels it; not while the customer is paying."""
        async with self._paying:
            requested, acting = self._value, self._value.acting
            if acting is None or requested.due(workflow.now()).step is not step:
                return

            def is_wanted() -> bool:  # what is to be cancelled goes first; a repeat of the try brings its outcome
                return step is CollectionStep.RELEASE or not any(debt.release for debt in self._value.open_debts)

            is_repeat = step is CollectionStep.TRY or requested.outage
            priority = options.ChargePriority.TRY_AGAIN if is_repeat else options.ChargePriority.CHARGE
            config = options.with_retry_round(options.CHARGE, f"{step} the payment", requested.outage)
            paying = workflow.start_activity_method(
                _PAYING[step], requested, **options.on_charges_queue(config, priority, requested.customer_id)
            )
            try:
                result = await while_wanted(paying, is_wanted)
            except ActivityError as error:
                if error_type(error) == DebtChanged.__name__:
                    self._value = self._value.to_count()
                elif is_wanted():
                    self._failed(error)
                    if error_type(error) == BrakeOn.__name__:
                        self._value = self._value.looked_up(requested)
            else:
                self._mark_recorded(requested)
                self._value = self._value.answered(result, requested)

    async def _count(self) -> None:
        """Asks the ledger what is still owed."""
        requested = self._value
        try:
            counted = await workflow.execute_activity_method(
                CollectionActivities.count_owed,
                requested,
                **options.with_retry_round(options.COUNT, "what is still owed", requested.outage),
            )
        except ActivityError as error:
            self._failed(error)
            if is_final(error) and error_type(error) not in _AHEAD:  # else the count comes again with what is adopted
                self._value = self._value.uncounted(requested)
        else:
            self._mark_recorded(requested)
            self._value = self._value.counted(counted, requested)

    @workflow.update(description="The customer pays at our page: (return_url, period); answers where to send them next")
    async def pay(self, *arguments: Any) -> PayResult:
        """The customer's own payment of a month; takes the URL to which the bank's page sends them back.

        While a try of ours is under way, or if the month is not payable, it answers the stage only.
        """
        return_url, period = _asked(arguments)
        with suppress(asyncio.TimeoutError):  # of an earlier click, or a try of ours that may take hours
            await workflow.wait_condition(lambda: not self._paying.locked(), timeout=_PATIENCE)
        if self._paying.locked():
            return PayResult(stage=self._value.stage(workflow.now()))
        async with self._paying:
            requested, url = self._value, None
            debt = requested.debt(period)
            if debt is not None and requested.payable(debt):
                config = options.with_summary(options.PAY, "the customer pays")
                try:
                    paid = await workflow.execute_activity_method(
                        CollectionActivities.pay_on_session,
                        PayOnSession(collection=requested, period=period, return_url=return_url),
                        **options.on_charges_queue(
                            config, options.ChargePriority.CUSTOMER_PRESENT, requested.customer_id
                        ),
                    )
                except ActivityError as error:
                    workflow.logger.warning("a customer's payment has no known outcome: %s", reason(error))
                    self._value = self._value.to_look_up(period).to_count()
                else:
                    self._value = self._value.answered_customer(paid.result, requested, period)
                    url = paid.redirect_url
            return PayResult(stage=self._value.stage(workflow.now()), redirect_url=url)

    @pay.validator
    def _check_pay(self, *arguments: Any) -> None:
        _asked(arguments)

    async def _tell(self) -> None:
        """Sends the receipts and news of debts that are settled while others are open."""
        requested = self._value
        config = options.with_retry_round(options.NOTIFY, f"{len(requested.untold)} settled", requested.outage)

        def is_wanted() -> bool:
            return self._value.due(workflow.now()).step is CollectionStep.SETTLE

        telling = workflow.start_activity_method(CollectionActivities.close_collection, requested, **config)
        try:
            await while_wanted(telling, is_wanted)
        except ActivityError as error:
            if is_wanted() and is_final(error) and error_type(error) not in _AHEAD:
                workflow.logger.warning("settled without its mail: %s", reason(error))
                self._value = self._value.told(requested)
            elif is_wanted():
                self._failed(error)
        else:
            self._mark_recorded(requested)
            self._value = self._value.told(requested)

    async def _walk(self, step: CollectionStep) -> None:
        """Does the rung that was begun: the customer is reminded or warned, or the service restricted."""
        requested = self._value

        def is_wanted() -> bool:
            return self._value.due(workflow.now()).step is step

        what = f"{requested.rung.text}: {step}, reminder {requested.reminders + 1}"
        config = options.with_retry_round(options.NOTIFY, what, requested.outage)
        try:
            done = await while_wanted(workflow.start_activity_method(_WALKING[step], requested, **config), is_wanted)
        except ActivityError as error:
            await self._not_walked(step, error, is_wanted())
        else:
            self._mark_recorded(requested)
            if step is CollectionStep.RESTRICT:
                self._value = self._value.restricted_at(workflow.now(), accounts=done)
            else:
                self._value = self._value.reminded(workflow.now())

    async def _not_walked(self, step: CollectionStep, error: ActivityError, is_wanted: bool) -> None:
        if error_type(error) == DebtChanged.__name__:
            is_restriction = step is CollectionStep.RESTRICT
            self._value = self._value.put_off(workflow.now()) if is_restriction else self._value.to_count()
        elif is_wanted and error_type(error) == OutsideContactHours.__name__:
            await workflow.sleep(_CLOCKS_DIFFER, summary="contact hours are over")
        elif is_wanted:
            self._failed(error)

    async def _break_promise(self) -> None:
        """Tells the reviewers; the ladder goes on even if they cannot be told."""
        requested = self._value
        with suppress(ActivityError):
            await workflow.execute_activity_method(
                LadderActivities.tell_broken_promise,
                requested,
                **options.with_summary(options.ALERT, "a promise was not kept"),
            )
            self._mark_recorded(requested)
        if self._value.due(workflow.now()).step is CollectionStep.BREAK_PROMISE:
            self._value = self._value.promise_broken(workflow.now())

    def _details(self) -> str:
        what_for = about.collection_of(self._value.customer_id)["static_details"]
        return f"{summary(self._value, workflow.now())}\n\n{what_for}"

    # -- commands

    halt = _update("halt", "Stop tries and reminders: {by, reason}")
    resume = _update("resume", "Go on: {by, reason}")
    retry = _update("retry", "Try the card now: {by, reason, period}")
    stop_card = _update("stop_card", "No card is tried any more: {by, reason}")
    replace_card = _update(
        "replace_card", "Another card, tried at once: {by, reason, card: {payer_id, card_id, last4}}"
    )
    count_again = _update("count_again", "Ask the ledger what is still owed: {by, reason}")
    write_off = _update("write_off", "Write the rest of a month off: {by, reason, period}")
    promise = _update("promise", "The customer will pay by a day; nothing follows until then: {by, reason, until}")
    look_up = _update("look_up", "Look the payment up at the processor: {by, reason, period}")

    @workflow.query(description="The collection as it stands")
    def collection(self) -> Collection:
        return self._value

    def _decide(self, command: Command, via: str) -> Ruling[Collection]:
        return decide(self._value, command, workflow.now(), via)

    def _note_unreadable(self, name: str, problem: str, via: str) -> Ruling[Collection]:
        return note_unreadable(self._value, name, problem, workflow.now(), via)
