"""How a customer's month stands: its state, what it waits for, and whether it is late."""

from datetime import datetime

from billing.collections.stages import CollectionStage
from billing.completeness.report import TOLERANCE, CustomerState, FindingKind, LateMonth
from billing.completeness.snapshots import CollectionSnapshot, CustomerSnapshot, MonthSnapshot
from billing.completeness.tally import Tally
from billing.customers.customer import ReviewMode
from billing.invoices.stages import UNPAID_OUTCOMES, Stage
from billing.period import Period
from billing.remedies import RemedyAction

LISTED = 20
"""Lines that a remedy names; the others are found again once these are mended."""


class MonthCheck:
    """Of every customer of ``period``; what it finds is in ``tally``."""

    def __init__(self, period: Period, now: datetime, tally: Tally) -> None:
        self._period = period
        self._now = now
        self._tally = tally
        self._braked: list[str] = []

    def state(self, account: CustomerSnapshot, runs: bool | None) -> CustomerState:
        """``runs``: whether the customer's workflow does; None if nobody knows."""
        customer_id, month = account.customer.customer_id, account.month
        if month is None:
            is_behind = account.last is None or account.last < self._period
            if is_behind and runs is not False:
                return CustomerState.WAITING
            self._find_missing(account, is_behind)
            return CustomerState.MISSING
        if month.stage in UNPAID_OUTCOMES:
            return self._owed(customer_id, month.stage, account.collection)
        self._find_waiting(account, month)
        return _STATES.get(month.stage, CustomerState.WAITING)

    def find_blocked(self, account: CustomerSnapshot) -> None:
        """A month that its own draft stops, whatever the sheet says by now."""
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
        """All that the emergency brake stops, for one reason: one finding."""
        if self._braked:
            text = f"{self._braked[0]} ({len(self._braked)} customers)"
            self._tally.find(FindingKind.HALTED, "", text, RemedyAction.RELEASE_BRAKE.of())

    def look_at_clock(self, account: CustomerSnapshot) -> None:
        """What is due and not done, and what is or was charged late."""
        customer, month = account.customer, account.month
        planned = customer.instants(self._period)
        if month is None:
            self._note_late(account, planned.charge_at, self._now, is_open=True)
            return
        if month.closed_at is not None:
            ended_without = month.stage in (Stage.NOTHING_DUE, Stage.CARRIED_FORWARD, Stage.SKIPPED)
            due_at = planned.notice_at if ended_without else planned.charge_at
            self._note_late(account, due_at, month.closed_at, is_open=False)
            return
        since = month.next_at or month.updated_at  # then a step goes on that began there
        if self._now - since > TOLERANCE and not month.braked:
            text = f"{customer.customer_id} is {month.stage}; what was due at {since:%Y-%m-%d %H:%M} UTC is not done"
            doctor, advice = RemedyAction.RUN_DOCTOR.of(), "is a worker running?"
            self._tally.find(FindingKind.OVERDUE, customer.customer_id, text, doctor, advice=advice)
        self._note_late(account, planned.charge_at, max(self._now, month.charge_at), is_open=True)

    def _find_missing(self, account: CustomerSnapshot, is_behind: bool) -> None:
        customer_id = account.customer.customer_id
        if is_behind:
            last = f"; the last one is {account.last}" if account.last else ""
            text = f"{customer_id} has no month {self._period}{last}"
            self._tally.find(FindingKind.MISSING, customer_id, text, RemedyAction.START.of(customer_id))
        else:
            text = f"{customer_id} has later months, but no {self._period}: the ledger has lost it"
            advice = "restore the ledger from a backup; until then charge nobody for it twice"
            self._tally.find(FindingKind.MISSING, customer_id, text, advice=advice)

    def _owed(self, customer_id: str, stage: Stage, collection: CollectionSnapshot | None) -> CustomerState:
        if collection is None:
            text = f"{customer_id}: {stage}, and nobody collects it"
            reconcile = RemedyAction.RECONCILE.of(period=self._period)
            self._tally.find(FindingKind.UNCOLLECTED, customer_id, text, reconcile)
            return CustomerState.PAST_DUE
        if collection.braked:
            self._braked.append(collection.needs)
        elif collection.remedy:
            text = f"{customer_id}: its collection is {collection.stage}: {collection.needs}"
            self._tally.find(FindingKind.COLLECTION, customer_id, text, collection.remedy)
        return _COLLECTIONS.get(collection.stage, CustomerState.IN_COLLECTION)

    def _find_waiting(self, account: CustomerSnapshot, month: MonthSnapshot) -> None:
        """Months that wait for a person, or for something that is down."""
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
            advice = "mend that, and it goes on by itself; is all well?"
        elif month.stage is Stage.UNRESOLVED:
            kind, remedies = FindingKind.UNRESOLVED, [RemedyAction.SHOW_MONTH.of(customer_id, self._period)]
            advice = "it is looked up until it is known"
        else:
            return
        self._tally.find(kind, customer_id, f"{customer_id}: {month.needs or month.stage}", *remedies, advice=advice)

    def _note_late(self, account: CustomerSnapshot, planned_at: datetime, at: datetime, is_open: bool) -> None:
        if at - planned_at <= TOLERANCE:
            return
        seconds = int((at - planned_at).total_seconds())
        late = LateMonth(customer_id=account.customer.customer_id, planned_at=planned_at, seconds=seconds, open=is_open)
        self._tally.note_late(late)


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
