"""MonthlyBilling: one durable workflow per customer, one run per month."""

import asyncio
from contextlib import suppress
from typing import Never, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from activities.brake import BrakeActivities
    from activities.ledger import LedgerActivities
    from activities.notices import NoticeActivities
    from activities.payments import PaymentActivities
    from activities.sales import SalesActivities
    from billing.collections.collection import Collection
    from billing.errors import BrakeOn, NoticeOutdated, OutcomeConflict, StaleRun
    from billing.invoices.commands import ChainResult
    from billing.invoices.month import UNPAID_OUTCOMES, Due, Month, Step
    from billing.invoices.summary import summary
    from billing.keys import collection_id
    from workflows import options
    from workflows.cancellation import despite_cancellation, while_wanted
    from workflows.commands import CommandHandlers
    from workflows.failures import error_type, is_final, reason
    from workflows.payment_collection import PaymentCollection, collection_attributes
    from workflows.visibility import AMOUNT_MINOR, STAGE, search_attributes


Result = TypeVar("Result")

_CANCELLED = {"by": "Temporal", "reason": "somebody requested cancellation; close_account ends a chain"}


@workflow.defn
class MonthlyBilling(CommandHandlers):
    """Bills one customer for one month, then continues as new into the next.

    ``Month.due`` says what comes next; the loop does it and looks again. Nothing is kept in the position of the code,
    so a month that continues as new in its middle goes on where it was. A step that the emergency brake stops fails
    with ``BrakeOn``, and the month waits for the release.
    """

    @workflow.init
    def __init__(self, month: Month) -> None:
        self._month = month
        self._recorded = month if month.revision == 0 else None  # what the ledger has, as far as this run knows
        self._closed = False
        self._shown = (month.stage(workflow.now()), month.invoice.total_minor if month.invoice else 0)

    @workflow.run
    async def run(self, month: Month) -> ChainResult:
        """One month, then the next; ends only when the account is closed.

        A cancellation, a button in the Temporal UI, would end the chain with no reason on record: it halts instead.
        """
        return await despite_cancellation(self._bill(), lambda: self._receive("halt", [_CANCELLED], "cancellation"))

    async def _bill(self) -> ChainResult:
        """Collect, monitor, notify, last call, charge, close."""
        while not self._closed:
            due = self._look()
            if workflow.info().is_continue_as_new_suggested():
                await workflow.wait_condition(workflow.all_handlers_finished)
                self._continue_with(self._month)
            if self._month != self._recorded and due.step is not Step.CLOSE:
                await self._record()
                continue
            match due.step:
                case Step.WAIT:
                    await self._wait(due)
                case Step.COLLECT:
                    await self._collect()
                case Step.ALERT:
                    await self._alert()
                case Step.AWAIT_RELEASE:
                    await self._await_release()
                case Step.NOTIFY:
                    await self._notify()
                case Step.CHARGE:
                    await self._charge()
                case Step.CLOSE:
                    await self._close()
        return self._end_or_continue()

    def _look(self) -> Due:
        """What is due now; keeps the Temporal UI in step with the month."""
        now = workflow.now()
        shown = (self._month.stage(now), self._month.invoice.total_minor if self._month.invoice else 0)
        if shown != self._shown:
            workflow.upsert_search_attributes([STAGE.value_set(shown[0]), AMOUNT_MINOR.value_set(shown[1])])
            self._shown = shown
        workflow.set_current_details(summary(self._month, now))
        return self._month.due(now)

    async def _wait(self, due: Due) -> None:
        """Until the next instant, or until somebody changes the month."""
        seen = self._month
        timeout = due.at - workflow.now() if due.at else None
        with suppress(asyncio.TimeoutError):
            await workflow.wait_condition(lambda: self._month is not seen, timeout=timeout, timeout_summary=due.what)

    async def _collect(self) -> None:
        asked = self._month

        def wanted(month: Month) -> bool:
            same = month.outcome is None and month.customer == asked.customer
            return same and not (asked.outage and month is not asked)  # in a long round, what is said is recorded first

        collecting = workflow.start_activity_method(
            SalesActivities.import_sales,
            asked,
            **options.with_retry_round(options.COLLECT, f"sales of {asked.period}", asked.outage),
        )
        try:
            collected = await while_wanted(collecting, lambda: wanted(self._month))
        except ActivityError as error:
            if wanted(self._month):
                self._failed(error)
            return
        if self._month.outcome is not None or self._month.customer != asked.customer:
            return
        if collected.known is not None:
            self._month = self._month.as_known(collected.known)
        elif collected.invoice is not None:
            self._month = self._month.drafted(collected.invoice, collected.remark)
            self._is_recorded(asked.drafted(collected.invoice, collected.remark))

    async def _alert(self) -> None:
        asked = self._month
        with suppress(ActivityError):
            await workflow.execute_activity_method(
                NoticeActivities.alert_reviewers, asked, **options.with_summary(options.ALERT, "a person is needed")
            )
            self._is_recorded(asked)
        self._month = self._month.alerted(workflow.now())

    async def _await_release(self) -> None:
        """Until the emergency brake is off, or until somebody changes the month."""
        seen = self._month
        waiting = workflow.start_activity_method(
            BrakeActivities.await_release, **options.with_summary(options.AWAIT_RELEASE, "the emergency brake is on")
        )
        with suppress(ActivityError):  # it was cancelled: the month is looked at again
            released = await while_wanted(waiting, lambda: self._month is seen)
            self._month = self._month.released(max(workflow.now(), released.at))

    async def _notify(self) -> None:
        self._month = asked = self._month.announcing(workflow.now())
        if asked.notice is None or asked.outcome is not None:
            return

        def wanted(month: Month) -> bool:
            return month.notice == asked.notice and month.hold is None and month.outcome is None

        sending = workflow.start_activity_method(
            NoticeActivities.send_notice,
            asked,
            **options.with_retry_round(options.NOTIFY, f"charge notice {asked.notice.number}", asked.outage),
        )
        try:
            delivered = await while_wanted(sending, lambda: wanted(self._month))
        except ActivityError as error:
            if wanted(self._month) and error_type(error) != NoticeOutdated.__name__:
                self._failed(error)
            return
        if self._month.notice == asked.notice:
            self._month = self._month.delivered(delivered.at, delivered.drift)
        self._is_recorded(asked.delivered(delivered.at, delivered.drift))

    async def _charge(self) -> None:
        """The charge; a month that was paid without trouble is closed with it."""
        self._month = asked = self._month.charging(workflow.now())
        charge = options.with_retry_round(options.CHARGE, "charge the announced amount", asked.outage)
        turn = options.ChargePriority.TRY_AGAIN if asked.outage else options.ChargePriority.CHARGE
        try:
            charged = await workflow.execute_activity_method(
                PaymentActivities.charge_card,
                asked,
                **options.on_charges_queue(charge, turn, asked.customer.customer_id),
            )
        except ActivityError as error:
            self._failed(error)
            return
        result = charged.result
        is_stopped = asked.brake and not asked.giving_up
        self._month = self._month.ended_before(result) if is_stopped else self._month.charged(result)
        if charged.closed:
            workflow.set_current_details(summary(self._month, workflow.now()))
            self._is_recorded(asked.charged(result))
            await self._settle()

    async def _close(self) -> None:
        """Records the outcome and sends its mail."""
        asked = self._month
        if asked.outcome in UNPAID_OUTCOMES:
            await self._begin_collection()
        try:
            await workflow.execute_activity_method(
                NoticeActivities.close_month, asked, **options.with_summary(options.CLOSE, f"close as {asked.outcome}")
            )
            self._is_recorded(asked)
        except ActivityError as error:
            if error_type(error) == BrakeOn.__name__:
                self._month = self._month.reopened(reason(error))
            workflow.logger.warning("not closed with its mail: %s", reason(error))
        await self._settle()

    async def _settle(self) -> None:
        """Records whatever was said to the month while it was closed."""
        await workflow.wait_condition(workflow.all_handlers_finished)
        while self._month.outcome is not None and self._month != self._recorded:
            if not await self._record():
                await workflow.sleep(options.RETRY_PAUSE, summary="the outcome cannot be recorded")
            await workflow.wait_condition(workflow.all_handlers_finished)
        self._closed = self._month.outcome is not None

    async def _begin_collection(self) -> None:
        """What was not paid is collected beside the chain, which goes on; an earlier run may have begun it.

        If that collection has even ended, the ledger says so to the new one, which ends at once.
        """
        collection = Collection.open(self._month)
        with suppress(WorkflowAlreadyStartedError):
            await workflow.start_child_workflow(
                PaymentCollection.run,
                collection,
                id=collection_id(collection.customer.customer_id, collection.period),
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                search_attributes=collection_attributes(collection, workflow.now()),
                static_summary=f"collects what {collection.period} left unpaid",
            )

    def _end_or_continue(self) -> ChainResult:
        if self._month.leaving:
            return ChainResult(
                customer_id=self._month.customer.customer_id,
                last_period=self._month.period,
                reason=self._month.leaving,
                balance_minor=self._month.balance_forward_minor,
                currency=self._month.customer.currency,
            )
        self._continue_with(self._month.next_month())

    def _continue_with(self, month: Month) -> Never:
        workflow.continue_as_new(month, search_attributes=search_attributes(month, workflow.now()))

    async def _record(self) -> bool:
        asked = self._month
        try:
            await workflow.execute_activity_method(
                LedgerActivities.record_month,
                asked,
                **options.with_summary(options.RECORD, f"revision {asked.revision}"),
            )
        except ActivityError as error:
            self._failed(error)
            return False
        self._is_recorded(asked)
        return True

    def _is_recorded(self, month: Month) -> None:
        """The ledger has ``month``; the decisions in it need not be carried along for ever."""
        self._recorded = month.audited(month.decision_count)
        self._month = self._month.audited(month.decision_count)

    def _failed(self, error: ActivityError) -> None:
        """A step failed: what a retry cannot mend waits for a person, everything else is tried again."""
        if error_type(error) in (StaleRun.__name__, OutcomeConflict.__name__):
            self._month = self._recorded = self._month.forgotten(workflow.now())  # to be asked for, not written
        elif error_type(error) == BrakeOn.__name__:
            self._month = self._month.braked(reason(error))
        elif is_final(error):
            self._month = self._month.in_trouble(reason(error))
        else:
            self._month = self._month.delayed(reason(error))
