"""The completeness check of a period. Pure; ``activities/completeness.py`` reads the data.

check = CompletenessCheck(period, now, cells, rows)
check.take(account, chain)    # for every customer, in any order
report = check.coverage()     # sheet = invoiced + differences
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from billing.apart import Failed, why
from billing.completeness.chains import Chain, ChainStatus, StoppedCollection, end, release
from billing.completeness.month_check import MonthCheck
from billing.completeness.report import CompletenessReport, CustomerState, Finding, FindingKind
from billing.completeness.row_check import CellRules
from billing.completeness.sheet_check import SheetCheck
from billing.completeness.snapshots import CustomerSnapshot, UncarriedDebt, UncollectedDebt
from billing.completeness.tally import Tally
from billing.completeness.tariff_check import TariffCheck
from billing.keys import workflow_id
from billing.money import format_amount
from billing.period import Period
from billing.receivables.incoming import PaymentRow
from billing.receivables.instructions import Instruction, InstructionState
from billing.receivables.listing import AccountTotal
from billing.receivables.remedies import about_payment, to_confirm
from billing.remedies import RemedyAction
from billing.sales.sales import SalesRow

_JUST_CLOSED = timedelta(hours=1)
_NAME_MAX = 255


class CompletenessCheck:
    def __init__(
        self,
        period: Period,
        now: datetime,
        cells: CellRules | None,
        rows: Sequence[SalesRow] = (),
        strays: Sequence[Chain] = (),
    ) -> None:
        """``rows`` are the whole worksheet; ``cells`` None: it could not be read. ``strays`` as in ``OpenChains``."""
        self._period = period
        self._now = now
        self._tally = Tally()
        self._months = MonthCheck(period, now, self._tally)
        self._sheet = SheetCheck(period, cells, rows, self._tally) if cells else None
        self._tariffs = TariffCheck(period, self._tally)
        self._customers: dict[str, CustomerState] = {}
        self._strays = strays
        self._twice: set[str] = set()  # customers with a stray workflow beside their own

    def take(self, account: CustomerSnapshot, chain: ChainStatus | None) -> None:
        """Checks a customer. ``chain`` is the status of the customer's workflow; None: unknown."""
        customer = account.customer
        try:
            self._take(account, chain)
        except Exception as error:
            self.fail(Failed(customer_id=customer.customer_id, reason=why(error), email=customer.email or ""))

    def fail(self, failed: Failed) -> None:
        """Replaces ``take`` for a customer who cannot be checked. Rows with ``failed.email`` are in no sum."""
        self._customers[failed.customer_id] = CustomerState.UNKNOWN
        if self._sheet and failed.email:
            self._sheet.leave_out(failed.email)
        self.note(failed)

    def note(self, failed: Failed) -> None:
        """Reports a record that cannot be checked; the customer's others are."""
        text = f"{failed.customer_id} could not be checked: {failed.reason}"
        show = RemedyAction.SHOW_MONTH.of(failed.customer_id, self._period)
        self._tally.find(FindingKind.FAILED, failed.customer_id, text, show, advice="no other customer is affected")

    def _take(self, account: CustomerSnapshot, chain: ChainStatus | None) -> None:
        customer_id, is_closed = account.customer.customer_id, account.closed_at is not None
        runs = chain.is_open if chain else None
        is_astray = any(stray.customer_id == customer_id for stray in self._strays)
        if is_astray and runs:
            self._twice.add(customer_id)
        if self._sheet:
            self._sheet.remember(account)
        if account.closed_at is not None and runs and self._now - account.closed_at > _JUST_CLOSED:
            text = f"{customer_id} is closed ({account.closed_reason}), but its workflow runs"
            self._tally.find(FindingKind.CLOSED_RUNS, customer_id, text, RemedyAction.CLOSE_ACCOUNT.of(customer_id))
        if account.month is None and (is_closed or account.begins() > self._period):
            if self._sheet:
                self._sheet.set_aside(account)
            self._tariffs.set_aside(account)
            return
        self._customers[customer_id] = self._months.state(account, runs)
        if not is_closed and runs is False and account.month is not None and not is_astray:
            text = f"{customer_id} has no running workflow: nobody bills it"
            self._tally.find(FindingKind.NO_WORKFLOW, customer_id, text, RemedyAction.RESTART.of(customer_id))
        if not (self._sheet and self._sheet.take(account)):
            self._months.find_blocked(account)
        self._tariffs.take(account)
        self._months.look_at_clock(account)

    def stray(self, customer_id: str) -> None:
        """Reports a running workflow whose customer is not in the ledger."""
        self._alone(workflow_id(customer_id), partial(self._find_no_customer, customer_id))

    def _find_no_customer(self, customer_id: str) -> None:
        chain = workflow_id(customer_id)
        text = f"{chain} runs, but its customer is not in the ledger"
        advice = f"start {customer_id} from a file with its row, or terminate the workflow"
        remedies = RemedyAction.START_FROM_FILE.of(), end(chain)
        self._tally.find(FindingKind.NO_CUSTOMER, customer_id, text, *remedies, advice=advice)

    def stands_still(self, chain: Chain) -> None:
        """Reports a workflow that stands still, in every month: it may be a collection of any."""
        self._alone(chain.workflow_id, partial(self._find_standstill, chain))

    def not_collected(self, collection: StoppedCollection) -> None:
        """Reports, in every month, a collection of any month whose workflow is closed."""
        self._tally.find(FindingKind.UNCOLLECTED, collection.customer_id, collection.text, collection.remedy)

    def owed_again(self, debt: UncollectedDebt) -> None:
        """Reports, in every month, what is owed for a month that was settled: money has gone back since."""
        owed = format_amount(debt.owed_minor, debt.currency)
        text = f"{owed} are owed by {debt.customer_id} for {debt.period}, and no collection has it: money has gone back"
        record = RemedyAction.RECORD_PAYMENT.of(debt.customer_id, debt.period)
        remedy = record.evolve(amount_minor=debt.owed_minor, currency=debt.currency)
        self._tally.find(FindingKind.OWED_AGAIN, debt.customer_id, text, remedy, advice="ask the customer to pay again")

    def uncarried(self, debt: UncarriedDebt) -> None:
        """Reports, in every month, a debt of somebody who is not billed monthly, or not in its currency any more."""
        owed = format_amount(debt.owed_minor, debt.currency)
        text = f"{owed} are owed by {debt.customer_id}, and no draft takes them over: more went back than had come"
        record = RemedyAction.RECORD_PAYMENT.of(debt.customer_id)
        record = record.evolve(amount_minor=debt.owed_minor, currency=debt.currency)
        remedies = record, RemedyAction.SETTLE.of(debt.customer_id)
        advice = "ask for the money and record it, or give it up"
        self._tally.find(FindingKind.UNCARRIED, debt.customer_id, text, *remedies, advice=advice)

    def _find_standstill(self, chain: Chain) -> None:
        text = f"{chain.kind} {chain.workflow_id} {chain.status.words}; it makes no progress"
        remedy = release(chain.workflow_id, chain.status)
        self._tally.find(FindingKind.STANDSTILL, chain.customer_id, text, remedy)

    def unmatched(self, row: PaymentRow) -> None:
        """Reports money of which nobody knows whose it is, in every month until somebody assigns it."""
        amount = format_amount(row.unmatched_minor, row.currency)
        text = f"{amount} of payment {row.title} is unmatched{f', from {row.payer}' if row.payer else ''}"
        remedies = (about_payment(action, row) for action in (RemedyAction.ASSIGN, RemedyAction.REFUND))
        self._tally.find(FindingKind.UNMATCHED, "", text, *remedies)

    def take_finding(self, finding: Finding) -> None:
        """Adds, in every month, what was found about bills, orders and service accounts."""
        self._tally.keep(finding)

    def waits(self, instruction: Instruction) -> None:
        """Reports what somebody else has to confirm, and a refund whose outcome is not known."""
        is_proposed = instruction.state is InstructionState.PROPOSED
        what = "waits for somebody to confirm it" if is_proposed else "has no known outcome"
        text = f"{instruction}, asked for by {instruction.by}, {what}"
        customer_id = instruction.customer_id or ""
        self._tally.find(FindingKind.INSTRUCTION, customer_id, text, to_confirm(instruction))

    def balances(self, totals: Sequence[AccountTotal]) -> None:
        """Reports a journal that does not add up to zero: somebody has changed it outside the application."""
        sums: Counter[str] = Counter()
        for total in totals:
            sums[total.currency] += total.closing_minor
        for currency, minor in sums.items():
            if minor:
                text = (
                    f"the journal's entries in {currency.upper()} add up to {format_amount(minor, currency)}, not to 0"
                )
                advice = (
                    "rows were changed or lost outside the application: compare with a backup, or restore the ledger"
                )
                self._tally.find(FindingKind.UNBALANCED, "", text, advice=advice)

    def coverage(self) -> CompletenessReport:
        """The report. Call once, after the last customer."""
        if self._sheet:
            self._sheet.take_the_rest()
        self._find_strays()
        self._months.find_braked()
        return self._tally.coverage(self._period, self._now, self._customers)

    def _find_strays(self) -> None:
        for stray in self._strays:
            self._alone(stray.workflow_id, partial(self._find_stray, stray))

    def _alone(self, name: str, find: Callable[[], None]) -> None:
        """Reports the workflow ``name``, or that it cannot be: its id and its attributes are not ours to limit."""
        try:
            find()
        except Exception as error:
            text = f"workflow {name[:_NAME_MAX]} could not be checked: {why(error)}"
            self._tally.find(FindingKind.FAILED, "", text, RemedyAction.RUN_DOCTOR.of(), advice="no other is affected")

    def _find_stray(self, stray: Chain) -> None:
        customer_id = stray.customer_id
        remedies = [end(stray.workflow_id)]
        if customer_id in self._customers and customer_id not in self._twice:
            remedies.append(RemedyAction.START.of(customer_id))
        beside = "also billed" if customer_id in self._twice else "billed"
        text = f"{customer_id or 'a customer'} is {beside} by a workflow with another id: {stray.workflow_id}"
        advice = "terminate it; nothing is charged twice, because the ledger is checked before each charge"
        self._tally.find(FindingKind.STRAY, customer_id, text, *remedies, advice=advice)
