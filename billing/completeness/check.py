"""The survey behind coverage: one customer after the other, each row of the sheet once.

    survey = Survey(period, now, cells, rows)
    survey.take(account, chain)     # for every customer, in any order
    coverage = survey.coverage()    # sheet = invoiced + differences

Pure; ``activities/completeness.py`` reads what it needs.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from difflib import get_close_matches

from billing.apart import Failed, why
from billing.collections.stages import CollectionStage
from billing.completeness.chains import Chain, ChainStatus, remedy, terminate
from billing.completeness.report import (
    TOLERANCE,
    CompletenessReport,
    CustomerState,
    FindingKind,
    LateMonth,
    overdue_since,
)
from billing.completeness.row_check import (
    CellRules,
    DifferenceReason,
    RowCheck,
    RowDifference,
    all_for,
    check,
    read_rows,
    words_by_hand,
)
from billing.completeness.snapshots import CollectionSnapshot, CustomerSnapshot
from billing.completeness.tally import Tally
from billing.customers.address import email_key
from billing.customers.customer import Customer, ReviewMode
from billing.errors import InvalidInput
from billing.invoices.invoice import Problem
from billing.invoices.stages import UNPAID_OUTCOMES, Stage
from billing.keys import workflow_id
from billing.money import format_amount
from billing.period import Period
from billing.sales.sales import SalesRow, amount_of
from billing.sales.worksheet import NO_SALE
from billing.shell import PROGRAM, typed

_SUGGESTED = 40  # addresses of nobody for which a similar one is looked for; each takes a while among very many
_SIMILAR = 0.8
_TYPED = 20  # of what has to be typed at once; the rest is found again
_JUST_CLOSED = timedelta(hours=1)


class CompletenessCheck:
    """Takes one customer after the other; each row of the sheet is taken once."""

    def __init__(
        self,
        period: Period,
        now: datetime,
        cells: CellRules | None,
        rows: Sequence[SalesRow] = (),
        strays: Sequence[Chain] = (),
    ) -> None:
        """``rows`` are all of the worksheet; ``cells`` None: it could not be read. ``strays`` as in ``OpenChains``."""
        self._period = period
        self._now = now
        self._cells = cells
        self._rows = {row.number: row for row in rows}
        self._by_email: dict[str, list[int]] = defaultdict(list)
        for row in rows:
            self._by_email[email_key(row.email)].append(row.number)
        self._numbers = dict(self._by_email)
        self._customers: dict[str, CustomerState] = {}
        self._record = Tally()
        self._addresses: dict[str, Customer] = {}  # by key
        self._former: defaultdict[str, list[CustomerSnapshot]] = defaultdict(
            list
        )  # who had the address with this key before
        self._others: dict[str, CustomerSnapshot] = {}  # known, but not of this period
        self._braked: list[str] = []
        self._strays = strays
        self._twice: set[str] = set()  # whose own workflow is open beside a stray one

    def take(self, account: CustomerSnapshot, chain: ChainStatus | None) -> None:
        """``chain``: how the customer's workflow stands; None if nobody knows."""
        customer = account.customer
        try:
            self._take(account, chain)
        except Exception as error:
            self.fail(Failed(customer_id=customer.customer_id, reason=why(error), email=customer.email))

    def fail(self, failed: Failed) -> None:
        """Instead of ``take``: a customer who could not be looked at. The rows under that address are in no sum."""
        self._customers[failed.customer_id] = CustomerState.UNKNOWN
        key = email_key(failed.email)
        numbers = self._numbers.get(key, [])
        self._by_email.pop(key, None)
        for number in numbers:
            self._rows.pop(number, None)
        self._record.add_unsummed(len(numbers))
        self.note(failed)

    def note(self, failed: Failed) -> None:
        """Something of a customer that could not be looked at."""
        text = f"{failed.customer_id} could not be looked at: {failed.reason}"
        todo = f"{self._show(failed.customer_id)}; nobody else is affected"
        self._record.find(FindingKind.FAILED, text, todo, failed.customer_id)

    def _take(self, account: CustomerSnapshot, chain: ChainStatus | None) -> None:
        customer = account.customer
        runs = chain.is_open if chain else None
        is_astray = any(stray.customer_id == customer.customer_id for stray in self._strays)
        if is_astray and runs:
            self._twice.add(customer.customer_id)
        self._addresses.setdefault(customer.email_key, customer)
        for before in account.former:
            self._former[email_key(before.email)].append(account)
        if account.closed_at is not None and runs and self._now - account.closed_at > _JUST_CLOSED:
            self._record.find(
                FindingKind.CLOSED_RUNS,
                f"{customer.customer_id} is closed ({account.closed_reason}), but its workflow runs",
                typed("close", customer.customer_id, decided=True),
                customer.customer_id,
            )
        if account.month is None and (account.closed_at is not None or account.begins() > self._period):
            if customer.email_key not in self._others or account.closed_at is None:
                self._others[customer.email_key] = account
            return
        self._customers[customer.customer_id] = self._state(account, runs)
        if account.closed_at is None and runs is False and account.month is not None and not is_astray:
            self._record.find(
                FindingKind.NO_WORKFLOW,
                f"{customer.customer_id} has no running workflow: nobody bills it",
                typed("start", customer.customer_id),
                customer.customer_id,
            )
        self._find_blocked(account, is_found=self._hold_against_sheet(account))
        self._look_at_clock(account)

    def stray(self, customer_id: str) -> None:
        """A workflow runs whose customer the ledger does not know."""
        chain = workflow_id(customer_id)
        self._record.find(
            FindingKind.NO_CUSTOMER,
            f"{chain} runs, but the ledger knows no such customer",
            f"{typed('start', '--from', 'FILE')}; FILE has the row of {customer_id}; or end it: {terminate(chain)}",
            customer_id,
        )

    def stands_still(self, chain: Chain) -> None:
        """A workflow is open and does not go on. A collection's is found in its own month, others in every month."""
        if chain.period in ("", self._period):
            self._record.find(
                FindingKind.STANDSTILL,
                f"{chain.kind} {chain.workflow_id} {chain.status.words}, and does nothing meanwhile",
                remedy(chain.workflow_id, chain.status),
                chain.customer_id,
            )

    def coverage(self) -> CompletenessReport:
        """What came of it. Call once, after the last customer."""
        self._take_the_rest()
        self._find_strays()
        if self._braked:
            text = f"{self._braked[0]} ({len(self._braked)} customers)"
            self._record.find(FindingKind.HALTED, text, typed("brake", "off", decided=True))
        return self._record.coverage(self._period, self._now, self._customers)

    def _find_strays(self) -> None:
        for stray in self._strays:
            customer_id = stray.customer_id
            todo = f"{terminate(stray.workflow_id)} (nothing is charged twice: the ledger is asked before each charge)"
            if customer_id in self._customers and customer_id not in self._twice:
                todo += f"; then {typed('start', customer_id)}"
            beside = "also billed" if customer_id in self._twice else "billed"
            text = f"{customer_id or 'somebody'} is {beside} by a workflow with another id: {stray.workflow_id}"
            self._record.find(FindingKind.STRAY, text, todo, customer_id)

    # -- states

    def _state(self, account: CustomerSnapshot, runs: bool | None) -> CustomerState:
        customer_id, month = account.customer.customer_id, account.month
        if month is None:
            behind = account.last is None or account.last < self._period
            if behind and runs is not False:
                return CustomerState.WAITING
            self._find_missing(account, behind)
            return CustomerState.MISSING
        if month.stage in UNPAID_OUTCOMES:
            return self._owed(customer_id, month.stage, account.collection)
        self._find_waiting(account)
        return _STATES.get(month.stage, CustomerState.WAITING)

    def _find_missing(self, account: CustomerSnapshot, behind: bool) -> None:
        customer_id = account.customer.customer_id
        if behind:
            last = f"; the last one is {account.last}" if account.last else ""
            text, todo = f"{customer_id} has no month {self._period}{last}", typed("start", customer_id)
        else:
            text = f"{customer_id} has later months, but no {self._period}: the ledger has lost it"
            todo = "restore the ledger from a backup; until then charge nobody for it twice"
        self._record.find(FindingKind.MISSING, text, todo, customer_id)

    def _owed(self, customer_id: str, stage: Stage, collection: CollectionSnapshot | None) -> CustomerState:
        if collection is None:
            text = f"{customer_id}: {stage}, and nobody collects it"
            todo = typed("reconcile", period=self._period)
            self._record.find(FindingKind.UNCOLLECTED, text, todo, customer_id)
            return CustomerState.PAST_DUE
        if collection.braked:
            self._braked.append(collection.needs)
        elif collection.command:
            text = f"{customer_id}: its collection is {collection.stage}: {collection.needs}"
            self._record.find(FindingKind.COLLECTION, text, f"{PROGRAM} {collection.command}", customer_id)
        return _COLLECTIONS.get(collection.stage, CustomerState.IN_COLLECTION)

    def _find_waiting(self, account: CustomerSnapshot) -> None:
        """Months that wait for a person, or for something that is down."""
        month, customer_id = account.month, account.customer.customer_id
        assert month is not None
        if month.braked:  # all of them for one reason: one finding
            self._braked.append(month.needs)
            return
        if month.stage is Stage.HALTED and month.halted:
            kind, todo = FindingKind.HALTED, self._type("resume", customer_id)
        elif month.stage is Stage.AWAITING_APPROVAL:
            kind, todo = FindingKind.APPROVAL, self._type("approve", customer_id)
            if account.customer.terms.review_mode is ReviewMode.MANUAL and not month.lines:
                todo = self._type("edit", customer_id, options=("--add", "TEXT=AMOUNT")) + f"; then {todo}"
        elif month.stage is Stage.AWAITING_SALES:
            kind, todo = FindingKind.SALES, f"mend that, and it goes on by itself; is all well? {typed('doctor')}"
        elif month.stage is Stage.UNRESOLVED:
            kind, todo = FindingKind.UNRESOLVED, f"{self._show(customer_id)}; it is looked up until it is known"
        else:
            return
        self._record.find(kind, f"{customer_id}: {month.needs or month.stage}", todo, customer_id)

    def _find_blocked(self, account: CustomerSnapshot, is_found: bool) -> None:
        """A month that its own draft stops, whatever the sheet says by now; unless its row is found already."""
        month, customer_id = account.month, account.customer.customer_id
        if is_found or month is None or month.stage is not Stage.HALTED or month.halted or month.braked:
            return
        options = [word for each in month.problems for word in ("--remove", each.line_id)] or [
            "--change",
            "LINE=AMOUNT",
        ]
        todo = self._type("edit", customer_id, options=tuple(options)) + "; or refresh it from the sheet, or skip it"
        self._record.find(FindingKind.HALTED, f"{customer_id}: {month.needs or month.stage}", todo, customer_id)

    # -- the clock

    def _look_at_clock(self, account: CustomerSnapshot) -> None:
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
        since = overdue_since(month.next_at, month.updated_at)
        if self._now - since > TOLERANCE and not month.braked:
            self._record.find(
                FindingKind.OVERDUE,
                f"{customer.customer_id} is {month.stage}; what was due at {since:%Y-%m-%d %H:%M} UTC is not done",
                f"is a worker running? {typed('doctor')}",
                customer.customer_id,
            )
        self._note_late(account, planned.charge_at, max(self._now, month.charge_at), is_open=True)

    def _note_late(self, account: CustomerSnapshot, planned_at: datetime, at: datetime, is_open: bool) -> None:
        if at - planned_at <= TOLERANCE:
            return
        seconds = int((at - planned_at).total_seconds())
        late = LateMonth(customer_id=account.customer.customer_id, planned_at=planned_at, seconds=seconds, open=is_open)
        self._record.note_late(late)

    # -- the sheet

    def _hold_against_sheet(self, account: CustomerSnapshot) -> bool:
        """Whether a row of the month cannot be read, and is found."""
        if self._cells is None:
            return False
        customer, month = account.customer, account.month
        rows = self._rows_of(account)
        if month is None:
            self._all_differ(account, rows, DifferenceReason.MISSING)
            return False
        checked = check(customer, rows, self._cells, month)
        self._record.add(customer.customer_id, month.currency, checked)
        self._find_unexplained(account, checked)
        for problem in checked.unreadable:
            self._find_unreadable(account, problem)
        if checked.late:
            self._find_late_rows(account, checked.late)
        return bool(checked.unreadable)

    def _find_unexplained(self, account: CustomerSnapshot, checked: RowCheck) -> None:
        customer_id, month = account.customer.customer_id, account.month
        assert month is not None
        todo = f"{self._show(customer_id)}; and tell the developers"
        unexplained = [each for each in checked.differences if each.reason is DifferenceReason.UNEXPLAINED]
        for each in unexplained[:5]:
            amount = format_amount(each.amount_minor, month.currency)
            text = (
                f"{customer_id}: row {each.row} of worksheet {self._period} differs by {amount}, and nobody edited it"
            )
            self._record.find(FindingKind.UNEXPLAINED, text, todo, customer_id)
        lines_minor = sum(line.amount_minor for line in (*month.lines, *month.earlier))
        if month.version and lines_minor + month.carried_minor != month.total_minor:
            text = f"{customer_id}: lines and balance of {self._period} do not come to the invoice's total"
            self._record.find(FindingKind.UNEXPLAINED, text, todo, customer_id)

    def _rows_of(self, account: CustomerSnapshot) -> list[SalesRow]:
        """By the address of the month, and those that were billed under another one."""
        month = account.month
        keys = {email_key(month.email if month else account.customer.email)}
        if month is not None:
            own = {email_key(before.email) for before in account.former if not before.is_shared}
            keys |= own.intersection(map(email_key, month.emails))
        numbers = [number for key in keys for number in self._by_email.pop(key, ())]
        if month is not None and self._cells is not None and month.collected_from == self._cells.digest:
            numbers += [line.row for line in (*month.lines, *month.problems) if line.row is not None]
        return [self._rows.pop(number) for number in sorted(set(numbers)) if number in self._rows]

    def _find_unreadable(self, account: CustomerSnapshot, problem: Problem) -> None:
        """Only what is in the draft can be entered there."""
        customer_id, month, row = account.customer.customer_id, account.month, problem.source.row
        assert month is not None
        self._record.add_unsummed()
        text = f"{customer_id}: row {row} of worksheet {self._period} cannot be read: {problem.reason}"
        todo = f"correct row {row} of worksheet {self._period}"
        if month.closed_at:
            todo += "; then it is on the next invoice that is collected"
        elif problem.line_id in [each.line_id for each in month.problems]:
            todo = self._type("edit", customer_id, options=("--change", f"{problem.line_id}=AMOUNT"))
        elif month.version:
            todo += f", then {self._type('refresh', customer_id)}"
        self._record.find(FindingKind.UNREADABLE, text, todo, customer_id)

    def _find_late_rows(self, account: CustomerSnapshot, late: Sequence[RowDifference]) -> None:
        customer_id, month = account.customer.customer_id, account.month
        assert month is not None
        said = "; ".join(
            f"row {each.row} {each.reason}: {format_amount(each.amount_minor, month.currency)}" for each in late[:5]
        )
        rest = f"; {len(late) - 5} more" if len(late) > 5 else ""
        todo = self._type("refresh", customer_id)
        if month.closed_at:
            lines = [
                f"{words_by_hand(each, self._period)}={_plain(each.amount_minor, month.currency)}"
                for each in late[:_TYPED]
            ]
            options = tuple(word for line in lines for word in ("--add", line))
            todo = (
                f"it is on the next invoice that is collected; if {self._period.next()} was collected before, "
                f"{typed('edit', customer_id, decided=True, options=options)}"
            )
        self._record.find(FindingKind.LATE_ROW, f"{customer_id}: {said}{rest}", todo, customer_id)

    def _take_the_rest(self) -> None:
        """Rows that are of no customer of this period."""
        if self._cells is None:
            return
        asked = 0
        for key, numbers in sorted(self._by_email.items()):
            rows = [self._rows.pop(number) for number in numbers if number in self._rows]
            rows = [row for row in rows if not row.is_blank]
            if not rows:
                continue
            if key in self._others:
                self._take_other(self._others[key], rows)
            elif key in self._former:
                self._take_former(self._former[key], rows)
            else:
                asked += 1
                self._take_unclaimed(key, rows, looking=asked <= _SUGGESTED)

    def _take_former(self, owners: Sequence[CustomerSnapshot], rows: Sequence[SalesRow]) -> None:
        """Rows under an address that a customer had before; no other one is suggested for them."""
        account, customer = owners[0], owners[0].customer
        which = f"{_rows(rows)} of worksheet {self._period}"
        if len(owners) > 1:
            names = " and ".join(sorted(owner.customer.customer_id for owner in owners))
            self._add_uninvoiced(rows, self._only_currency(), DifferenceReason.FORMER_ADDRESS)
            text = f"{which}, {rows[0].email}: {names} had this address before"
            self._record.find(FindingKind.FORMER_ADDRESS, text, f"correct {_rows(rows)} to the address of one of them")
            return
        amount = self._all_differ(account, rows, DifferenceReason.FORMER_ADDRESS)
        text = f"{customer.customer_id} had the address {rows[0].email} before, and has {which} under it: {amount}"
        todo = f"correct {_rows(rows)} to {customer.email}"
        month = account.month
        if account.closed_at is not None:
            todo = f"correct or delete {_rows(rows)}; the account is closed"
        elif month is not None and month.version and month.closed_at is None:
            todo = f"{self._type('refresh', customer.customer_id)}; and {todo}"
        self._record.find(FindingKind.FORMER_ADDRESS, text, todo, customer.customer_id)

    def _take_other(self, account: CustomerSnapshot, rows: Sequence[SalesRow]) -> None:
        customer_id = account.customer.customer_id
        is_closed = account.closed_at is not None
        amount = self._all_differ(account, rows, DifferenceReason.CLOSED if is_closed else DifferenceReason.BEGAN_LATER)
        where = f"{_rows(rows)} of worksheet {self._period}"
        if is_closed:
            text = f"{customer_id} is closed ({account.closed_reason}), but has {where}: {amount}"
            todo = f"correct or delete {_rows(rows)}; or bill it again: {typed('start', customer_id, '--reopen')}"
            self._record.find(FindingKind.CLOSED_ROW, text, todo, customer_id)
        else:
            text = f"{customer_id} begins with {account.begins()}, but has {where}: {amount}"
            todo = f"correct or delete {_rows(rows)}, or move them to worksheet {account.begins()}"
            self._record.find(FindingKind.EARLY_ROW, text, todo, customer_id)

    def _take_unclaimed(self, key: str, rows: Sequence[SalesRow], looking: bool) -> None:
        near = self._addresses.get(closest(key, self._addresses)) if looking else None
        amounts = self._add_uninvoiced(
            rows, near.currency if near else self._only_currency(), DifferenceReason.UNCLAIMED
        )
        listed = ", ".join(amounts[:5]) + (f" and {len(amounts) - 5} more" if len(amounts) > 5 else "")
        text = f"{_rows(rows)} of worksheet {self._period}, {rows[0].email or 'without an address'}: {listed}"
        todo = f"correct or delete {_rows(rows)}, write {NO_SALE!r} for the address, or register the customer"
        if near:
            todo = (
                f"is it {near.email} ({near.customer_id})? Correct {_rows(rows)}; if that month is collected already, "
                f"also: {self._type('refresh', near.customer_id)}"
            )
        self._record.find(FindingKind.UNCLAIMED, text, todo)

    def _add_uninvoiced(self, rows: Sequence[SalesRow], currency: str, reason: DifferenceReason) -> list[str]:
        """Counts rows that are on no invoice; their amounts in words."""
        assert self._cells is not None
        amounts = []
        for row in rows:
            try:
                amount_minor = amount_of(row, currency, self._cells.decimal_separator) if currency else None
            except InvalidInput:
                amount_minor = None
            if amount_minor is None:
                self._record.add_unsummed()
                raw = "no amount" if row.amount in (None, "") else row.amount
                amounts.append(f"{raw} {row.currency}".strip()[:50])
                continue
            amounts.append(format_amount(amount_minor, currency))
            unclaimed = RowDifference(reason, amount_minor, row.number, row.description)
            self._record.add_uninvoiced("", currency, unclaimed)
        return amounts

    def _type(self, *words: str, options: tuple[str, ...] = ()) -> str:
        """A decision about this period."""
        return typed(*words, period=self._period, decided=True, options=options)

    def _show(self, customer_id: str) -> str:
        return typed("show", customer_id, period=self._period)

    def _only_currency(self) -> str:
        """What amounts of nobody are taken for, if all customers have the same currency."""
        found = {customer.currency for customer in self._addresses.values()}
        return found.pop() if len(found) == 1 else ""

    def _all_differ(self, account: CustomerSnapshot, rows: Sequence[SalesRow], reason: DifferenceReason) -> str:
        """All readable rows as one kind of difference; their sum in words."""
        assert self._cells is not None
        customer = account.customer
        lines, problems = read_rows(customer, rows, self._cells)
        total = sum(line.amount_minor for line in lines)
        differing = RowCheck(total, 0, tuple(all_for(reason, lines)), problems, ())
        self._record.add(customer.customer_id, customer.currency, differing)
        self._record.add_unsummed(len(problems))
        unread = f", and {len(problems)} that cannot be read" if problems else ""
        return format_amount(total, customer.currency) + unread


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


def closest(key: str, known: Collection[str]) -> str:
    """The key of the known address that is most like that with ``key``; "" if none is."""
    return next(iter(get_close_matches(key, known, n=1, cutoff=_SIMILAR)), "")


def _plain(amount_minor: int, currency: str) -> str:
    """As it is typed: without the currency."""
    return format_amount(amount_minor, currency).split()[0]


def _rows(rows: Sequence[SalesRow]) -> str:
    numbers = [str(row.number) for row in rows]
    shown = ", ".join(numbers[:5]) + (f" and {len(numbers) - 5} more" if len(numbers) > 5 else "")
    return f"row{'s' if len(numbers) > 1 else ''} {shown}"
