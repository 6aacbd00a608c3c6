"""The comparison of tariffs with the invoices: what was agreed for an account is billed once, by the right amount."""

from collections import Counter
from collections.abc import Iterator, Sequence

from billing.completeness.report import FindingKind
from billing.completeness.snapshots import CustomerSnapshot, MonthSnapshot
from billing.completeness.tally import Tally
from billing.errors import InvalidInput
from billing.invoices.invoice import LineItem
from billing.invoices.stages import Stage
from billing.money import format_amount
from billing.period import Period
from billing.remedies import ExtraLine, RemedyAction
from billing.tariffs.lines import lines_of

_NAMED = 5


class TariffCheck:
    """Checks the tariffs' lines of a period, and reports to ``tally``."""

    def __init__(self, period: Period, tally: Tally) -> None:
        self._period = period
        self._tally = tally

    def take(self, account: CustomerSnapshot) -> None:
        """Checks the lines of a customer who is billed in the period; a skipped month forgoes them."""
        month = account.month
        if month is None or not month.version or month.stage is Stage.SKIPPED:
            return
        self._tally.add_tariffs(month.currency, sum(line.amount_minor for line in month.tariffs))
        expected = self._lines(account, month.currency)
        self._find_missing(account, month, expected)
        self._find_unexplained(account, month, expected)

    def set_aside(self, account: CustomerSnapshot) -> None:
        """Reports tariffs of a customer who is not billed in the period: closed, or begun later."""
        customer_id, lines = account.customer.customer_id, self._lines(account, account.customer.currency)
        if not lines:
            return
        is_closed = account.closed_at is not None
        why = f"is closed ({account.closed_reason})" if is_closed else f"begins with {account.begins()}"
        text = f"{customer_id} {why}, but has a tariff in {self._period}: {_named(lines, account.customer.currency)}"
        advice = "end the tariff, or reopen the account" if is_closed else "bill it by a one-off fee in the first month"
        remedies = [RemedyAction.REOPEN.of(customer_id)] if is_closed else []
        self._tally.find(FindingKind.TARIFF, customer_id, text, *remedies, advice=advice)

    def _lines(self, account: CustomerSnapshot, currency: str) -> Sequence[LineItem]:
        if account.agreed is None:
            return ()
        try:
            return lines_of(self._period, account.agreed, currency, account.suspended)
        except InvalidInput as error:
            customer_id = account.customer.customer_id
            self._tally.find(FindingKind.TARIFF, customer_id, f"{customer_id}: {error}")
            return ()

    def _find_missing(self, account: CustomerSnapshot, month: MonthSnapshot, expected: Sequence[LineItem]) -> None:
        known = {line.line_id for line in month.tariffs} | set(month.waived)
        missing = [line for line in expected if line.line_id not in known]
        if not missing:
            return
        customer_id = account.customer.customer_id
        text = f"{customer_id}: not on the invoice of {self._period}: {_named(missing, month.currency)}"
        lines = tuple(ExtraLine(description=line.description, amount_minor=line.amount_minor) for line in missing)
        add = RemedyAction.ADD_LINES.of(customer_id).evolve(lines=lines[:20], currency=month.currency)
        self._tally.find(FindingKind.TARIFF, customer_id, text, add, advice="tell the developers")

    def _find_unexplained(self, account: CustomerSnapshot, month: MonthSnapshot, expected: Sequence[LineItem]) -> None:
        customer_id, show = account.customer.customer_id, RemedyAction.SHOW_MONTH
        for text in _unexplained(month, expected):
            remedy = show.of(customer_id, self._period)
            text = f"{customer_id}, {self._period}: {text}"
            self._tally.find(FindingKind.TARIFF, customer_id, text, remedy, advice="tell the developers")


def _unexplained(month: MonthSnapshot, expected: Sequence[LineItem]) -> Iterator[str]:
    """Lines that no tariff explains, by their names and by what the tariff said; a reviewer's amount is as good."""
    amounts = {line.line_id: line.amount_minor for line in expected}
    counts = Counter(line.line_id for line in month.tariffs)
    for line in month.tariffs:
        right_minor, billed_minor = amounts.get(line.line_id), line.tariff_minor or 0
        if counts[line.line_id] > 1:
            yield f"line {line.line_id} is billed {counts[line.line_id]} times"
        elif right_minor != billed_minor:
            right = "nothing" if right_minor is None else format_amount(right_minor, month.currency)
            yield f"line {line.line_id} bills {format_amount(billed_minor, month.currency)}, and {right} was agreed"


def _named(lines: Sequence[LineItem], currency: str) -> str:
    words = (f"{line.description} ({format_amount(line.amount_minor, currency)})" for line in lines[:_NAMED])
    return "; ".join(words) + (f"; {len(lines) - _NAMED} more" if len(lines) > _NAMED else "")
