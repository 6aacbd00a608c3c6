"""PaymentCollection: one durable workflow for each month that was not paid; it outlives that month."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter, ValidationError
from temporalio import workflow
from temporalio.common import RawValue, SearchAttributePair, TypedSearchAttributes
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.brake import BrakeActivities
    from activities.collections import CollectionActivities
    from billing.collections.collection import Collection, CollectionDue, CollectionStep, PayOnSession
    from billing.collections.commands import COLLECTION_COMMANDS, CollectionResult, PayResult, decide
    from billing.collections.summary import summary
    from billing.errors import BrakeOn, InvalidInput, OutcomeConflict, StaleRun
    from billing.invoices.commands import Refusal, parse_command
    from billing.model import Url
    from billing.validation import explain
    from workflows import options
    from workflows.cancellation import despite_cancellation, while_wanted
    from workflows.commands import decoded, update
    from workflows.failures import error_type, is_final, reason
    from workflows.visibility import AMOUNT_MINOR, CURRENCY, CUSTOMER, PERIOD, STAGE

_RESTING = (CollectionStep.WAIT, CollectionStep.AWAIT_RELEASE)
_PATIENCE = timedelta(seconds=20)  # of a customer who waits at our page
_CANCELLED = {"by": "Temporal", "reason": "somebody requested cancellation; write_off ends a collection"}


def _update(name: str, description: str) -> Any:
    return update(name, description, COLLECTION_COMMANDS)


def collection_attributes(collection: Collection, now: datetime) -> TypedSearchAttributes:
    """All search attributes of ``collection`` at ``now``."""
    return TypedSearchAttributes(
        [
            SearchAttributePair(PERIOD, collection.period),
            SearchAttributePair(STAGE, collection.stage(now)),
            SearchAttributePair(CUSTOMER, collection.customer.customer_id),
            SearchAttributePair(AMOUNT_MINOR, collection.outstanding_minor),
            SearchAttributePair(CURRENCY, collection.currency),
        ]
    )


def _return_url(arguments: Sequence[object]) -> str:
    try:
        return TypeAdapter(tuple[Url]).validate_python(tuple(arguments))[0]
    except ValidationError as error:
        raise InvalidInput(f"pay cannot be read: {explain(error)}") from None


@workflow.defn
class PaymentCollection:
    """Collects what a month left unpaid: tries, reminds, takes what arrives, until it is settled or given up.

    Like ``MonthlyBilling``, a loop on what the value says is due. Whatever touches the payment holds ``_paying``: a try
    of ours and one of the customer, who is at our page, come one after the other.
    """

    @workflow.init
    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._recorded: Collection | None = None
        self._closed = False
        self._paying = asyncio.Lock()
        self._shown = (collection.stage(workflow.now()), collection.outstanding_minor)

    @workflow.run
    async def run(self, collection: Collection) -> Collection:
        """Ends when the amount is recovered or written off; a cancellation only halts it."""
        return await despite_cancellation(self._collect(), lambda: self._receive("halt", [_CANCELLED], "cancellation"))

    async def _collect(self) -> Collection:
        while not self._closed:
            due = self._look()
            if workflow.info().is_continue_as_new_suggested():
                await workflow.wait_condition(workflow.all_handlers_finished)
                attributes = collection_attributes(self._collection, workflow.now())
                workflow.continue_as_new(self._collection, search_attributes=attributes)
            unrecorded = self._collection != self._recorded  # every activity records it first; waiting does not
            if self._recorded is None or (unrecorded and due.step in _RESTING):
                await self._record()
                continue
            match due.step:
                case CollectionStep.WAIT:
                    await self._wait(due)
                case CollectionStep.AWAIT_RELEASE:
                    await self._await_release()
                case CollectionStep.CONTACT:
                    self._collection = self._collection.contacting(workflow.now())
                case CollectionStep.TRY | CollectionStep.LOOK_UP | CollectionStep.RELEASE:
                    await self._pay(due.step)
                case CollectionStep.REMIND:
                    await self._remind()
                case CollectionStep.ALERT:
                    await self._alert()
                case CollectionStep.CLOSE:
                    await self._close()
        return self._collection

    def _look(self) -> CollectionDue:
        """What is due now; keeps the Temporal UI in step with the collection."""
        now = workflow.now()
        shown = (self._collection.stage(now), self._collection.outstanding_minor)
        if shown != self._shown:
            workflow.upsert_search_attributes([STAGE.value_set(shown[0]), AMOUNT_MINOR.value_set(shown[1])])
            self._shown = shown
        workflow.set_current_details(summary(self._collection, now))
        return self._collection.due(now)

    async def _wait(self, due: CollectionDue) -> None:
        seen = self._collection
        timeout = due.at - workflow.now() if due.at else None
        with suppress(asyncio.TimeoutError):
            await workflow.wait_condition(
                lambda: self._collection is not seen, timeout=timeout, timeout_summary=due.what
            )

    async def _await_release(self) -> None:
        """Until the emergency brake is off, or until something changes the collection."""
        seen = self._collection
        waiting = workflow.start_activity_method(
            BrakeActivities.await_release, **options.with_summary(options.AWAIT_RELEASE, "the emergency brake is on")
        )
        with suppress(ActivityError):  # it was cancelled: the collection is looked at again
            await while_wanted(waiting, lambda: self._collection is seen)
            self._collection = self._collection.released()

    async def _pay(self, step: CollectionStep) -> None:
        """Tries the card, looks the payment up or gives it up; not while the customer is paying."""
        async with self._paying:
            asked = self._collection
            if asked.due(workflow.now()).step is not step:
                return
            activity = {
                CollectionStep.TRY: CollectionActivities.try_card,
                CollectionStep.LOOK_UP: CollectionActivities.look_up_payment,
                CollectionStep.RELEASE: CollectionActivities.release_payment,
            }[step]

            def wanted() -> bool:  # a person gives it up: what may still happen is found out by that
                return step is CollectionStep.RELEASE or self._collection.release is None

            again = step is CollectionStep.TRY or asked.outage
            turn = options.ChargePriority.TRY_AGAIN if again else options.ChargePriority.CHARGE
            config = options.with_retry_round(options.CHARGE, f"{step} the payment", asked.outage)
            paying = workflow.start_activity_method(
                activity, asked, **options.on_charges_queue(config, turn, asked.customer.customer_id)
            )
            try:
                result = await while_wanted(paying, wanted)
            except ActivityError as error:
                if wanted():
                    self._failed(error, asked.looking)
            else:
                self._is_recorded(asked)
                self._collection = self._collection.answered(result, asked)

    @workflow.update(description="The customer, who is at our page, pays; answers where to send them")
    async def pay(self, *arguments: Any) -> PayResult:
        """One of their own tries. While ours is under way, or nothing is owed any more, it only answers the stage.

        It takes the address to which the bank's page sends them back.
        """
        return_url = _return_url(arguments)
        with suppress(asyncio.TimeoutError):  # an earlier click, or a try of ours; not one that takes hours
            await workflow.wait_condition(lambda: not self._paying.locked(), timeout=_PATIENCE)
        if self._paying.locked():
            return PayResult(stage=self._collection.stage(workflow.now()))
        async with self._paying:
            asked, url = self._collection, ""
            if asked.payable:
                config = options.with_summary(options.PAY, "the customer pays")
                try:
                    paid = await workflow.execute_activity_method(
                        CollectionActivities.pay_on_session,
                        PayOnSession(collection=asked, return_url=return_url),
                        **options.on_charges_queue(
                            config, options.ChargePriority.CUSTOMER_PRESENT, asked.customer.customer_id
                        ),
                    )
                except ActivityError as error:
                    workflow.logger.warning("a customer's payment has no known outcome: %s", reason(error))
                    self._collection = self._collection.to_look_up()
                else:
                    self._collection = self._collection.answered_customer(paid.result, asked)
                    url = paid.redirect_url
            return PayResult(stage=self._collection.stage(workflow.now()), redirect_url=url)

    @pay.validator
    def _check_pay(self, *arguments: Any) -> None:
        _return_url(arguments)

    async def _remind(self) -> None:
        asked = self._collection

        def wanted() -> bool:
            return self._collection.due(workflow.now()).step is CollectionStep.REMIND

        reminding = workflow.start_activity_method(
            CollectionActivities.remind_customer,
            asked,
            **options.with_retry_round(options.NOTIFY, f"reminder {asked.reminders + 1}", asked.outage),
        )
        try:
            await while_wanted(reminding, wanted)
        except ActivityError as error:
            if wanted():
                self._failed(error)
        else:
            self._is_recorded(asked)
            self._collection = self._collection.reminded()

    async def _alert(self) -> None:
        asked, told = self._collection, False
        with suppress(ActivityError):
            await workflow.execute_activity_method(
                CollectionActivities.alert_about_collection,
                asked,
                **options.with_summary(options.ALERT, "a person is needed"),
            )
            self._is_recorded(asked)
            told = True
        self._collection = self._collection.alerted(workflow.now(), told)

    async def _close(self) -> None:
        """Records how it ended and tells everybody; what is said meanwhile is in the diary too."""
        asked = self._collection
        try:
            await workflow.execute_activity_method(
                CollectionActivities.close_collection,
                asked,
                **options.with_summary(options.CLOSE, f"close as {asked.outcome}"),
            )
            self._recorded = asked
        except ActivityError as error:
            workflow.logger.warning("the closing mail was given up: %s", reason(error))
        await workflow.wait_condition(workflow.all_handlers_finished)
        while self._collection != self._recorded:
            if not await self._record():
                await workflow.sleep(options.RETRY_PAUSE, summary="the outcome cannot be recorded")
            await workflow.wait_condition(workflow.all_handlers_finished)
        self._closed = self._collection.outcome is not None

    async def _record(self) -> bool:
        asked = self._collection
        try:
            known = await workflow.execute_activity_method(
                CollectionActivities.record_collection,
                asked,
                **options.with_summary(options.RECORD, f"revision {asked.revision}"),
            )
        except ActivityError as error:
            self._failed(error)
            return False
        if known is not None:  # this run was reset or restored: it goes on where the ledger is
            self._recorded = known
            self._collection = self._collection.as_known(known)
            return True
        self._is_recorded(asked)
        self._collection = self._collection.reachable()
        return True

    def _is_recorded(self, asked: Collection) -> None:
        """The ledger has ``asked``; the diary in it need not be carried along for ever."""
        self._recorded = asked.recorded(asked.entry_count)
        self._collection = self._collection.recorded(asked.entry_count)

    def _failed(self, error: ActivityError, looked: int = 0) -> None:
        """A step failed: what a retry cannot mend waits for a person, everything else is tried again."""
        if error_type(error) in (StaleRun.__name__, OutcomeConflict.__name__):
            self._recorded = None  # recording it brings what the ledger has
        elif error_type(error) == BrakeOn.__name__:
            self._collection = self._collection.braked(reason(error), looked)
        elif is_final(error):
            self._collection = self._collection.in_trouble(reason(error))
        else:
            self._collection = self._collection.delayed(reason(error))

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

    @workflow.signal(dynamic=True)
    def signalled(self, name: str, payloads: Sequence[RawValue]) -> None:
        """The same commands without an answer; what cannot be read is in the diary."""
        self._receive(name, [decoded(value) for value in payloads], "signal")

    @workflow.query(description="The collection as it stands")
    def collection(self) -> Collection:
        return self._collection

    def _receive(self, name: str, arguments: Sequence[object], via: str) -> CollectionResult:
        now = workflow.now()
        try:
            command = parse_command(name, arguments, COLLECTION_COMMANDS)
        except InvalidInput as error:
            refusal: Refusal | None = Refusal.OTHER
            what, text = f"{name} ({via})"[:100], str(error)
            self._collection = self._collection.noted(now, "unknown", what, text, accepted=False, refusal=refusal)
        else:
            self._collection, text, refusal = decide(self._collection, command, name, now, via)
        return CollectionResult(
            accepted=refusal is None, refusal=refusal, result=text, stage=self._collection.stage(now)
        )
