"""MonthlyBilling: one durable workflow per customer, one run per month."""

from functools import partial

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.collections import CollectionActivities
    from activities.ledger import LedgerActivities
    from activities.notices import NoticeActivities
    from activities.payments import PaymentActivities
    from activities.sales import SalesActivities
    from billing.commands import Command, Ruling
    from billing.errors import NoticeOutdated
    from billing.invoices.commands import COMMANDS, ChainResult
    from billing.invoices.month import Month
    from billing.invoices.review import decide, note_unreadable
    from billing.invoices.stages import COLLECTED_OUTCOMES, Step
    from billing.invoices.summary import summary
    from workflows import about, options
    from workflows.cancellation import while_wanted
    from workflows.failures import error_type, reason
    from workflows.value_loop import Activities, DurableLoop, command_update

_update = partial(command_update, kinds=COMMANDS)


@workflow.defn
class MonthlyBilling(DurableLoop[Month, Step]):
    """Bills one customer for one month, then continues as new into the next; ``Month.due`` says what comes next."""

    _COMMANDS = COMMANDS
    _ACTIVITIES = Activities(
        LedgerActivities.record_month, NoticeActivities.alert_reviewers, NoticeActivities.close_month
    )
    _ENDED_BY = "close_account ends a chain"
    _RECORDING = frozenset({Step.CLOSE})

    @workflow.init
    def __init__(self, month: Month) -> None:
        super().__init__(month, recorded=month if month.revision == 0 else None)

    @workflow.run
    async def run(self, month: Month) -> ChainResult:
        """One month, then the next; ends only when the account is closed."""
        await self._loop()
        if not self._value.leaving:
            self._continue_with(self._value.next_month())
        return ChainResult(
            customer_id=self._value.customer.customer_id,
            last_period=self._value.period,
            reason=self._value.leaving,
        )

    async def _do(self, step: Step) -> None:
        match step:
            case Step.IMPORT:
                await self._import_sales()
            case Step.ALERT:
                await self._alert()
            case Step.AWAIT_RELEASE:
                await self._await_release()
            case Step.NOTIFY:
                await self._notify()
            case Step.CHARGE:
                await self._charge()
            case Step.CLOSE:
                if self._value.outcome in COLLECTED_OUTCOMES:
                    await self._begin_collection()
                await self._close()

    async def _import_sales(self) -> None:
        requested = self._value

        def is_wanted() -> bool:
            month = self._value
            same = not month.is_closed and month.customer == requested.customer
            return same and not (requested.outage and month is not requested)  # a long round must not delay a record

        importing = workflow.start_activity_method(
            SalesActivities.import_sales,
            requested,
            **options.with_retry_round(options.IMPORT, f"sales of {requested.period}", requested.outage),
        )
        try:
            imported = await while_wanted(importing, is_wanted)
        except ActivityError as error:
            if is_wanted():
                self._failed(error)
            return
        if self._value.is_closed or self._value.customer != requested.customer:
            return
        if imported.known is not None:  # the ledger is ahead
            self._value = self._value.adopt(imported.known)
        elif imported.invoice is not None:
            draft = (imported.invoice, imported.remark, imported.previous_compared)
            self._value = self._value.drafted(*draft)
            self._mark_recorded(requested.drafted(*draft))

    async def _notify(self) -> None:
        """Sends the notice. One that is a bill closes the month; if ``delivered.closed``, no step is left."""
        self._value = requested = self._value.announcing(workflow.now())
        if requested.notice is None or requested.is_closed:
            return

        def is_wanted() -> bool:
            month = self._value
            return month.notice == requested.notice and month.halt is None and not month.is_closed

        sending = workflow.start_activity_method(
            NoticeActivities.send_notice,
            requested,
            **options.with_retry_round(
                options.NOTIFY,
                f"{'charge notice' if requested.customer.card else 'bill'} {requested.notice.number}",
                requested.outage,
            ),
        )
        try:
            delivered = await while_wanted(sending, is_wanted)
        except ActivityError as error:
            if is_wanted() and error_type(error) != NoticeOutdated.__name__:
                self._failed(error)
            return
        if self._value.notice == requested.notice:
            self._value = self._value.delivered(delivered)
        self._mark_recorded(requested.delivered(delivered))
        if self._value.is_closed and delivered.closed:
            workflow.set_current_details(self._details())
            await self._settle()

    async def _charge(self) -> None:
        """Charges the card. The same activity has closed the month if ``charged.closed``, so that no step is left."""
        self._value = requested = self._value.begin_charge(workflow.now())
        charge = options.with_retry_round(options.CHARGE, "charge the announced amount", requested.outage)
        priority = options.ChargePriority.TRY_AGAIN if requested.outage else options.ChargePriority.CHARGE
        try:
            charged = await workflow.execute_activity_method(
                PaymentActivities.charge_card,
                requested,
                **options.on_charges_queue(charge, priority, requested.customer.customer_id),
            )
        except ActivityError as error:
            self._failed(error)
            return
        self._value = self._value.charge_ended(charged.result, requested)
        if charged.closed:
            workflow.set_current_details(self._details())
            self._mark_recorded(requested.charged(charged.result))
            await self._settle()

    async def _begin_collection(self) -> None:
        """Lets the customer's collection take the month in, however long that takes: it runs beside the chain."""
        summary = f"collect what {self._value.period} left unpaid"
        while True:
            try:
                return await workflow.execute_activity_method(
                    CollectionActivities.begin_collection,
                    self._value,
                    **options.with_summary(options.RECORD, summary),
                )
            except ActivityError as error:
                workflow.logger.warning("the collection cannot be begun: %s", reason(error))
                await workflow.sleep(options.RETRY_PAUSE, summary="the collection cannot be begun")

    def _details(self) -> str:
        what_for = about.month_of(self._value.customer_id)["static_details"]
        return f"{summary(self._value, workflow.now())}\n\n{what_for}"

    # -- commands

    halt = _update("halt", "Stop the clock: {by, reason}")
    resume = _update("resume", "Let the month go on: {by, reason}")
    edit = _update("edit", "Change lines: {by, reason, period, version, changes: [{op, ...}]}")
    approve = _update("approve", "Approve what you saw: {by, reason, digest}")
    skip = _update("skip", "Close the month without a charge: {by, reason}")
    close_account = _update("close_account", "End the chain after this month: {by, reason}")
    update_customer = _update("update_customer", "Change the customer: {by, reason, changes: {...}}")

    @workflow.query(description="The month as it stands: invoice, decisions, next step")
    def invoice(self) -> Month:
        return self._value

    def _decide(self, command: Command, via: str) -> Ruling[Month]:
        return decide(self._value, command, workflow.now(), via)

    def _note_unreadable(self, name: str, problem: str, via: str) -> Ruling[Month]:
        return note_unreadable(self._value, name, problem, workflow.now(), via)
