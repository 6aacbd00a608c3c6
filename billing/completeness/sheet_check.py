"""The comparison of the worksheet with the invoices: each row counts once, for its customer or as unclaimed."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from difflib import get_close_matches

from billing.apart import why
from billing.completeness.month_check import LISTED
from billing.completeness.report import FindingKind
from billing.completeness.row_check import (
    CellRules,
    DifferenceReason,
    RowCheck,
    RowDifference,
    all_for,
    check_rows,
    read_rows,
    words_by_hand,
)
from billing.completeness.snapshots import CustomerSnapshot, MonthSnapshot
from billing.completeness.tally import Tally
from billing.customers.address import email_key
from billing.customers.customer import Customer
from billing.errors import InvalidInput
from billing.invoices.invoice import Problem
from billing.money import format_amount
from billing.period import Period
from billing.remedies import ExtraLine, RemedyAction
from billing.sales.sales import SalesRow, amount_of
from billing.sales.worksheet import NO_SALE

_SUGGESTED = 40  # unclaimed addresses for which a similar one is searched: that is slow among very many
_SIMILAR = 0.8
_WORDS_MAX = 60
_NAMED = 5  # the rows, amounts and differences that a text lists


class SheetCheck:
    """Checks all rows of a worksheet, and reports to ``tally``."""

    def __init__(self, period: Period, cells: CellRules, rows: Sequence[SalesRow], tally: Tally) -> None:
        self._period = period
        self._cells = cells
        self._tally = tally
        self._rows: dict[int, SalesRow] = {}
        self._by_email: dict[str, list[int]] = defaultdict(list)
        for row in rows:
            try:
                self._by_email[email_key(row.email)].append(row.number)
                self._rows[row.number] = row
            except Exception as error:
                self._fail([row], error)
        self._numbers = dict(self._by_email)
        self._addresses: dict[str, Customer] = {}  # by key
        self._former: defaultdict[str, list[CustomerSnapshot]] = defaultdict(list)  # by key of a former address
        self._not_billed: dict[str, CustomerSnapshot] = {}  # by key: customers not billed in this period

    def remember(self, account: CustomerSnapshot) -> None:
        """Notes the customer's current and former addresses."""
        if key := account.customer.email_key:
            self._addresses.setdefault(key, account.customer)
        for former in account.former:
            self._former[email_key(former.email)].append(account)

    def set_aside(self, account: CustomerSnapshot) -> None:
        """Notes a customer who is not billed in this period. For a shared address, an open account takes precedence."""
        key = account.customer.email_key
        if key and (key not in self._not_billed or account.closed_at is None):
            self._not_billed[key] = account

    def leave_out(self, email: str) -> None:
        """Leaves the rows under the address out of all sums."""
        key = email_key(email)
        numbers = self._numbers.get(key, [])
        self._by_email.pop(key, None)
        for number in numbers:
            self._rows.pop(number, None)
        self._tally.add_unsummed(len(numbers))

    # -- rows of billed customers

    def take(self, account: CustomerSnapshot) -> bool:
        """Checks the customer's rows; returns whether one of them was reported as unreadable."""
        customer, month, rows = account.customer, account.month, self._rows_of(account)
        if month is None:
            self._all_differ(account, rows, DifferenceReason.MISSING)
            return False
        check = check_rows(customer, rows, self._cells, month)
        self._tally.add(customer.customer_id, month.currency, check)
        self._find_unexplained(customer.customer_id, month, check)
        for problem in check.unreadable:
            self._find_unreadable(customer.customer_id, month, problem)
        if check.late:
            self._find_late_rows(customer.customer_id, month, check.late)
        return bool(check.unreadable)

    def _rows_of(self, account: CustomerSnapshot) -> list[SalesRow]:
        """Takes the rows under the month's address, and those billed under another one."""
        month = account.month
        present = month.email if month else account.customer.email
        keys = {email_key(present)} if present else set[str]()
        if month is not None:
            own = {email_key(former.email) for former in account.former if not former.is_shared}
            keys |= own.intersection(map(email_key, month.emails))
        numbers = [number for key in keys for number in self._by_email.pop(key, ())]
        if month is not None and month.collected_from == self._cells.digest:
            numbers += [line.row for line in (*month.lines, *month.problems) if line.row is not None]
        return [self._rows.pop(number) for number in sorted(set(numbers)) if number in self._rows]

    def _find_unexplained(self, customer_id: str, month: MonthSnapshot, check: RowCheck) -> None:
        unexplained = [row for row in check.differences if row.reason is DifferenceReason.UNEXPLAINED]
        texts = []
        for row in unexplained[:_NAMED]:
            amount = format_amount(row.amount_minor, month.currency)
            texts.append(f"row {row.row} of worksheet {self._period} differs by {amount}, and nobody edited it")
        lines_minor = sum(line.amount_minor for line in (*month.lines, *month.earlier, *month.tariffs))
        if month.version and lines_minor + month.carried_minor != month.total_minor:
            texts.append(f"lines and balance of {self._period} do not add up to the invoice's total")
        show = RemedyAction.SHOW_MONTH.of(customer_id, self._period)
        for text in texts:
            text = f"{customer_id}: {text}"
            self._tally.find(FindingKind.UNEXPLAINED, customer_id, text, show, advice="tell the developers")

    def _find_unreadable(self, customer_id: str, month: MonthSnapshot, problem: Problem) -> None:
        row, remedies = f"row {problem.source.row} of worksheet {self._period}", []
        self._tally.add_unsummed()
        text = f"{customer_id}: {row} cannot be read: {problem.reason}"
        advice = f"correct {row}"
        if month.closed_at:
            advice += "; the next import then bills it"
        elif problem.line_id in [line.line_id for line in month.problems]:
            advice = ""
            remedies.append(RemedyAction.CHANGE_LINE.of(customer_id, self._period).evolve(line_ids=(problem.line_id,)))
        elif month.version:
            advice += ", then refresh the draft"
            remedies.append(RemedyAction.REFRESH.of(customer_id, self._period))
        self._tally.find(FindingKind.UNREADABLE, customer_id, text, *remedies, advice=advice)

    def _find_late_rows(self, customer_id: str, month: MonthSnapshot, late: Sequence[RowDifference]) -> None:
        rows = [f"row {row.row} {row.reason}: {format_amount(row.amount_minor, month.currency)}" for row in late]
        remedy, advice = RemedyAction.REFRESH.of(customer_id, self._period), ""
        if month.closed_at:
            lines = tuple(
                ExtraLine(description=words_by_hand(row, self._period), amount_minor=row.amount_minor)
                for row in late[:LISTED]
            )
            add = RemedyAction.ADD_LINES.of(customer_id)
            remedy = add.evolve(lines=lines, currency=month.currency)
            advice = f"the next import bills it; if {self._period.next()} is already imported, add it"
        more = f"; {len(late) - _NAMED} more" if len(late) > _NAMED else ""
        text = f"{customer_id}: {'; '.join(rows[:_NAMED])}{more}"
        advice = "; ".join(filter(None, (*_duplicates(month, late), advice)))
        self._tally.find(FindingKind.LATE_ROW, customer_id, text, remedy, advice=advice)

    # -- rows of no billed customer

    def take_the_rest(self) -> None:
        """Checks the rows of no billed customer. Call once, after the last customer."""
        unclaimed = 0
        for key, numbers in sorted(self._by_email.items()):
            rows = [self._rows.pop(number) for number in numbers if number in self._rows]
            rows = [row for row in rows if not row.is_blank]
            if not rows:
                continue
            try:
                if key in self._not_billed:
                    self._take_not_billed(self._not_billed[key], rows)
                elif key in self._former:
                    self._take_former(self._former[key], rows)
                else:
                    unclaimed += 1
                    near = closest(key, self._addresses) if unclaimed <= _SUGGESTED else ""
                    self._take_unclaimed(self._addresses.get(near), rows)
            except Exception as error:
                self._fail(rows, error)

    def _fail(self, rows: Sequence[SalesRow], error: Exception) -> None:
        """Reports rows under one address that cannot be checked; they are in no sum."""
        self._tally.add_unsummed(len(rows))
        text = f"{_numbers(rows)} of worksheet {self._period} could not be checked: {why(error)}"
        self._tally.find(FindingKind.FAILED, "", text, RemedyAction.RUN_DOCTOR.of(), advice="no other row is affected")

    def _take_former(self, owners: Sequence[CustomerSnapshot], rows: Sequence[SalesRow]) -> None:
        """Reports rows under a customer's former address, suggesting no similar one."""
        account, customer_id = owners[0], owners[0].customer.customer_id
        rows_text = f"{_numbers(rows)} of worksheet {self._period}"
        if len(owners) > 1:
            names = " and ".join(sorted(owner.customer.customer_id for owner in owners))
            self._add_uninvoiced(rows, self._only_currency(), DifferenceReason.FORMER_ADDRESS)
            text = f"{rows_text}, {rows[0].email}: {names} had this address before"
            advice = f"correct {_numbers(rows)} to the address of one of them"
            self._tally.find(FindingKind.FORMER_ADDRESS, "", text, advice=advice)
            return
        amount = self._all_differ(account, rows, DifferenceReason.FORMER_ADDRESS)
        text = f"{customer_id} had the address {rows[0].email} before, and has {rows_text} under it: {amount}"
        advice, remedies, month = f"correct {_numbers(rows)} to {account.customer.email}", [], account.month
        if account.closed_at is not None:
            advice = f"correct or delete {_numbers(rows)}; the account is closed"
        elif month is not None and month.version and month.closed_at is None:
            advice = f"refresh the draft; and {advice}"
            remedies.append(RemedyAction.REFRESH.of(customer_id, self._period))
        self._tally.find(FindingKind.FORMER_ADDRESS, customer_id, text, *remedies, advice=advice)

    def _take_not_billed(self, account: CustomerSnapshot, rows: Sequence[SalesRow]) -> None:
        customer_id, rows_text = account.customer.customer_id, f"{_numbers(rows)} of worksheet {self._period}"
        advice = f"correct or delete {_numbers(rows)}"
        if account.closed_at is not None:
            amount = self._all_differ(account, rows, DifferenceReason.CLOSED)
            text = f"{customer_id} is closed ({account.closed_reason}), but has {rows_text}: {amount}"
            reopen, advice = RemedyAction.REOPEN.of(customer_id), f"{advice}, or reopen the account"
            self._tally.find(FindingKind.CLOSED_ROW, customer_id, text, reopen, advice=advice)
        else:
            amount = self._all_differ(account, rows, DifferenceReason.BEGAN_LATER)
            text = f"{customer_id} begins with {account.begins()}, but has {rows_text}: {amount}"
            advice += f", or move them to worksheet {account.begins()}"
            self._tally.find(FindingKind.EARLY_ROW, customer_id, text, advice=advice)

    def _take_unclaimed(self, near: Customer | None, rows: Sequence[SalesRow]) -> None:
        """Reports rows under an unknown address; ``near`` is the customer with the most similar one."""
        currency = near.currency if near else self._only_currency()
        amounts = self._add_uninvoiced(rows, currency, DifferenceReason.UNCLAIMED)
        text = f"{_numbers(rows)} of worksheet {self._period}, {rows[0].email or 'without an address'}: "
        text += _first(amounts)
        if near is None:
            advice = f"correct or delete {_numbers(rows)}, write {NO_SALE!r} for the address, or register the customer"
            self._tally.find(FindingKind.UNCLAIMED, "", text, advice=advice)
            return
        advice = (
            f"is it {near.email} ({near.customer_id})? Correct {_numbers(rows)}; "
            "if that month is already imported, refresh its draft, too"
        )
        refresh = RemedyAction.REFRESH.of(near.customer_id, self._period)
        self._tally.find(FindingKind.UNCLAIMED, "", text, refresh, advice=advice)

    def _add_uninvoiced(self, rows: Sequence[SalesRow], currency: str, reason: DifferenceReason) -> list[str]:
        """Counts rows that are on no invoice; returns their amounts as texts."""
        amounts = []
        for row, amount_minor in [(row, self._amount_of(row, currency)) for row in rows]:
            if amount_minor is None:
                self._tally.add_unsummed()
                raw = "no amount" if row.amount in (None, "") else row.amount
                amounts.append(f"{raw} {row.currency}".strip()[:50])
            else:
                amounts.append(format_amount(amount_minor, currency))
                difference = RowDifference(reason, amount_minor, row.number, row.description)
                self._tally.add("", currency, RowCheck(amount_minor, 0, (difference,), (), ()))
        return amounts

    def _amount_of(self, row: SalesRow, currency: str) -> int | None:
        """None if it cannot be read, or if the currency is not known."""
        try:
            return amount_of(row, currency, self._cells.decimal_separator) if currency else None
        except InvalidInput:
            return None

    def _only_currency(self) -> str:
        """The currency of unclaimed amounts; "" if customers have several."""
        currencies = {customer.currency for customer in self._addresses.values()}
        return currencies.pop() if len(currencies) == 1 else ""

    def _all_differ(self, account: CustomerSnapshot, rows: Sequence[SalesRow], reason: DifferenceReason) -> str:
        """Counts all readable rows as differences of one kind; returns their sum as a text."""
        customer = account.customer
        lines, problems = read_rows(customer, rows, self._cells)
        total = sum(line.amount_minor for line in lines)
        check = RowCheck(total, 0, tuple(all_for(reason, lines)), problems, ())
        self._tally.add(customer.customer_id, customer.currency, check)
        self._tally.add_unsummed(len(problems))
        unread = f", and {len(problems)} that cannot be read" if problems else ""
        return format_amount(total, customer.currency) + unread


def _duplicates(month: MonthSnapshot, late: Sequence[RowDifference]) -> list[str]:
    """Asks whether late rows are lines that people added in other words."""
    by_hand = {line.amount_minor: line.description for line in month.lines if line.row is None}
    alike = [(row.row, by_hand[row.amount_minor][:_WORDS_MAX]) for row in late[:_NAMED] if row.amount_minor in by_hand]
    return [f"if row {row} is {words!r}, added by hand, give it those words in the sheet" for row, words in alike]


def closest(key: str, keys: Collection[str]) -> str:
    """The most similar of the address keys; "" if none is similar."""
    return next(iter(get_close_matches(key, keys, n=1, cutoff=_SIMILAR)), "")


def _numbers(rows: Sequence[SalesRow]) -> str:
    return f"row{'s' if len(rows) > 1 else ''} {_first([str(row.number) for row in rows])}"


def _first(words: Sequence[str]) -> str:
    return ", ".join(words[:_NAMED]) + (f" and {len(words) - _NAMED} more" if len(words) > _NAMED else "")
