"""The check of a customer's month: its state, what it waits for, and whether it is late."""

from datetime import datetime

from billing.collections.stages import CollectionStage
from billing.completeness.report import TOLERANCE, CustomerState, FindingKind, LateMonth
from billing.completeness.snapshots import CustomerSnapshot, DebtSnapshot, MonthSnapshot
from billing.completeness.tally import Tally
from billing.customers.customer import ReviewMode
from billing.invoices.stages import COLLECTED_OUTCOMES, Stage
from billing.period import Period
from billing.remedies import RemedyAction

LISTED = 20
"""The lines that a remedy names; the others are found again once these are corrected."""


class MonthCheck:
    """Checks the months of all customers, and reports to ``tally``."""

    def __init__(self, period: Period, now: datetime, tally: Tally) -> None:
        self._period = period
        self._now = now
        self._tally = tally
        self._braked: list[str] = []

    def state(self, account: CustomerSnapshot, runs: bool | None) -> CustomerState:
        """The customer's state. ``runs``: whether the workflow does; None: unknown."""
        customer_id, month = account.customer.customer_id, account.month
        if month is None:
            is_behind = account.last is None or account.last < self._period
            if is_behind and runs is not False:
                return CustomerState.WAITING
            self._find_missing(account, is_behind)
            return CustomerState.MISSING
        if month.stage is Stage.BILLED and account.debt is None:  # or nobody collects it yet: the reconciliation does
            return CustomerState.PAID
        if month.stage in COLLECTED_OUTCOMES:
            return self._unpaid(customer_id, month.stage, account.debt)
        self._find_waiting(account, month)
        return _STATES.get(month.stage, CustomerState.WAITING)

    def find_blocked(self, account: CustomerSnapshot) -> None:
        """Reports a month that its own draft halts, even if the sheet has been corrected."""
        month, customer_id = account.month, account.customer.customer_id
        if month is None or month.stage is not Stage.HALTED or month.halted or month.braked:
            return
        edit = RemedyAction.CHANGE_LINE.of(customer_id, self._period)
        if month.problems:
            line_ids = tuple(line.line_id for line in month.problems[:LISTED])
            edit = edit.evolve(action=RemedyAction.REMOVE_LINES, line_ids=line_ids)
        text = f"{customer_id}: {month.needs or month.stage}"
        advice = "edit the draft, refresh it from the sheet, or skip it"
        self._tally.find(FindingKind.HALTED, customer_id, text, edit, advice=advice)

    def find_braked(self) -> None:
        """Reports all months and collections stopped by the emergency brake as one finding."""
        if self._braked:
            text = f"{self._braked[0]} ({len(self._braked)} customers)"
            self._tally.find(FindingKind.HALTED, "", text, RemedyAction.RELEASE_BRAKE.of())

    def look_at_clock(self, account: CustomerSnapshot) -> None:
        """Reports an overdue step, and a month that is late or was closed late."""
        customer, month = account.customer, account.month
        planned_at, at = self._planned_at(account), self._now
        if month is not None and month.closed_at is not None:
            at = month.closed_at
        elif month is not None:
            at = max(self._now, month.charge_at)
            since = month.next_at or month.updated_at  # without next_at, the current step began at the last change
            if self._now - since > TOLERANCE and not month.braked:
                due = f"{since:%Y-%m-%d %H:%M} UTC"
                text = f"{customer.customer_id} is {month.stage}; its step due at {due} is not done"
                doctor, advice = RemedyAction.RUN_DOCTOR.of(), "is a worker running?"
                self._tally.find(FindingKind.OVERDUE, customer.customer_id, text, doctor, advice=advice)
        if planned_at is None:
            return
        if at - planned_at > TOLERANCE:
            seconds, is_open = int((at - planned_at).total_seconds()), month is None or month.closed_at is None
            late = LateMonth(customer_id=customer.customer_id, planned_at=planned_at, seconds=seconds, open=is_open)
            self._tally.note_late(late)

    def _planned_at(self, account: CustomerSnapshot) -> datetime | None:
        """When the month was to be closed; None if it was not: people skipped it, or began it when it was over.

        Such a month goes by instants of its own, which are known once it has ended.
        """
        month, planned = account.month, account.customer.instants(self._period)
        if month is not None and month.stage is Stage.SKIPPED:
            return None
        if account.opened_at > planned.import_at:
            return month.charge_at if month is not None and month.closed_at else None
        if month is not None and month.stage in (Stage.NOTHING_DUE, Stage.CARRIED_FORWARD) and month.closed_at:
            return planned.notice_at
        return planned.charge_at

    def _find_missing(self, account: CustomerSnapshot, is_behind: bool) -> None:
        customer_id = account.customer.customer_id
        if is_behind:
            last = f"; the last one is {account.last}" if account.last else ""
            text = f"{customer_id} has no month {self._period}{last}"
            self._tally.find(FindingKind.MISSING, customer_id, text, RemedyAction.START.of(customer_id))
        else:
            text = f"{customer_id} has later months, but no {self._period}: the ledger has lost it"
            advice = "restore the ledger from a backup; until then, do not charge for the month again"
            self._tally.find(FindingKind.MISSING, customer_id, text, advice=advice)

    def _unpaid(self, customer_id: str, stage: Stage, debt: DebtSnapshot | None) -> CustomerState:
        if debt is None:
            text = f"{customer_id}: {stage}, but it has no collection"
            reconcile = RemedyAction.RECONCILE.of(period=self._period)
            self._tally.find(FindingKind.UNCOLLECTED, customer_id, text, reconcile)
            return CustomerState.PAST_DUE
        if debt.braked:
            self._braked.append(debt.needs)
        elif debt.remedy:
            text = f"{customer_id}: its collection is {debt.stage}: {debt.needs}"
            self._tally.find(FindingKind.COLLECTION, customer_id, text, debt.remedy)
        if stage is Stage.BILLED and debt.stage is CollectionStage.AWAITING_PAYMENT:
            return CustomerState.BILLED
        return _COLLECTIONS.get(debt.stage, CustomerState.IN_COLLECTION)

    def _find_waiting(self, account: CustomerSnapshot, month: MonthSnapshot) -> None:
        """Reports a month that waits for a person or a failed system."""
        customer_id, advice = account.customer.customer_id, ""
        if month.braked:
            self._braked.append(month.needs)
            return
        if month.stage is Stage.HALTED and month.halted:
            kind, remedies = FindingKind.HALTED, [RemedyAction.RESUME.of(customer_id, self._period)]
        elif month.stage is Stage.AWAITING_APPROVAL:
            kind, remedies = FindingKind.APPROVAL, [RemedyAction.APPROVE.of(customer_id, self._period)]
            if account.customer.terms.review_mode is ReviewMode.MANUAL and not month.lines:
                remedies.insert(0, RemedyAction.ADD_LINES.of(customer_id, self._period))
        elif month.stage is Stage.AWAITING_SALES:
            kind, remedies = FindingKind.SALES, [RemedyAction.RUN_DOCTOR.of()]
            advice = "correct the cause, and the month continues by itself"
        elif month.stage is Stage.UNRESOLVED:
            kind, remedies = FindingKind.UNRESOLVED, [RemedyAction.SHOW_MONTH.of(customer_id, self._period)]
            advice = "the payment is looked up until its outcome is known"
        else:
            return
        self._tally.find(kind, customer_id, f"{customer_id}: {month.needs or month.stage}", *remedies, advice=advice)


_STATES = {
    Stage.PAID: CustomerState.PAID,
    Stage.NOTHING_DUE: CustomerState.NOTHING_DUE,
    Stage.SKIPPED: CustomerState.SKIPPED,
    Stage.CARRIED_FORWARD: CustomerState.CARRIED_FORWARD,
    Stage.HALTED: CustomerState.HALTED,
    Stage.UNRESOLVED: CustomerState.UNRESOLVED,
}
_COLLECTIONS = {
    CollectionStage.RECOVERED: CustomerState.PAID,
    CollectionStage.WRITTEN_OFF: CustomerState.PAST_DUE,
    CollectionStage.EXHAUSTED: CustomerState.PAST_DUE,
    CollectionStage.UNRESOLVED: CustomerState.UNRESOLVED,
}
