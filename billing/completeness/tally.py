"""What a check comes to, as it grows: sums by currency, differences and findings, how late months are.

Counts and sums are of all; of each list, and each kind in it, ``KEPT`` entries are kept.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime
from heapq import heappush, heappushpop

from billing.completeness.report import (
    KEPT,
    CompletenessReport,
    CurrencySum,
    CustomerState,
    ExplainedDifference,
    Finding,
    FindingKind,
    LateMonth,
)
from billing.completeness.row_check import DifferenceReason, RowCheck, RowDifference
from billing.period import Period
from billing.remedies import Remedy


class _CurrencyTally:
    """The sums of one currency, as they grow."""

    def __init__(self) -> None:
        self.sheet_minor = 0
        self.invoiced_minor = 0
        self.differences_minor: Counter[DifferenceReason] = Counter()


class Tally:
    def __init__(self) -> None:
        self._sums: defaultdict[str, _CurrencyTally] = defaultdict(_CurrencyTally)
        self._kinds: Counter[FindingKind] = Counter()
        self._findings: list[Finding] = []
        self._differences: list[ExplainedDifference] = []
        self._explained: Counter[DifferenceReason] = Counter()  # how many differences there are of each
        self._late: list[tuple[int, int, LateMonth]] = []  # a heap: the least late is let go first
        self._late_count = 0
        self._unsummed_rows = 0

    def find(self, kind: FindingKind, customer_id: str, text: str, *remedies: Remedy, advice: str = "") -> None:
        """``customer_id`` "": it is nobody's."""
        self._kinds[kind] += 1
        if self._kinds[kind] <= KEPT:
            finding = Finding(kind=kind, customer_id=customer_id, text=text, advice=advice, remedies=remedies)
            self._findings.append(finding)

    def add(self, customer_id: str, currency: str, checked: RowCheck) -> None:
        """A customer's rows, held against what was invoiced."""
        self._sums[currency].sheet_minor += checked.sheet_minor
        self._sums[currency].invoiced_minor += checked.invoiced_minor
        for each in checked.differences:
            self._differ(each, customer_id, currency)

    def add_uninvoiced(self, customer_id: str, currency: str, difference: RowDifference) -> None:
        """A row that is on no invoice."""
        self._sums[currency].sheet_minor += difference.amount_minor
        self._differ(difference, customer_id, currency)

    def add_unsummed(self, rows: int = 1) -> None:
        """Rows whose amount, or currency, nobody knows."""
        self._unsummed_rows += rows

    def note_late(self, late: LateMonth) -> None:
        self._late_count += 1
        keep = heappush if len(self._late) < KEPT else heappushpop
        keep(self._late, (late.seconds, -self._late_count, late))

    def coverage(self, period: Period, at: datetime, customers: dict[str, CustomerState]) -> CompletenessReport:
        sums = [
            CurrencySum(
                currency=currency,
                sheet_minor=tally.sheet_minor,
                invoiced_minor=tally.invoiced_minor,
                differences_minor=dict(tally.differences_minor),
            )
            for currency, tally in sorted(self._sums.items())
        ]
        counted = Counter(customers.values())
        return CompletenessReport(
            period=period,
            at=at,
            states={state: counted[state] for state in CustomerState},
            customers=customers,
            sums=tuple(sums),
            unsummed_rows=self._unsummed_rows,
            kinds={kind: self._kinds[kind] for kind in FindingKind if self._kinds[kind]},
            findings=tuple(sorted(self._findings, key=lambda each: list(FindingKind).index(each.kind))),
            differences=tuple(self._differences),
            late=tuple(late for _, _, late in sorted(self._late, key=lambda each: (-each[0], -each[1]))),
            late_count=self._late_count,
            cut=tuple(self._cut()),
        )

    def _differ(self, each: RowDifference, customer_id: str, currency: str) -> None:
        self._sums[currency].differences_minor[each.reason] += each.amount_minor
        self._explained[each.reason] += 1
        if self._explained[each.reason] <= KEPT:
            values = each._asdict() | {"description": each.description[:200]}
            self._differences.append(ExplainedDifference(customer_id=customer_id, currency=currency, **values))

    def _cut(self) -> Iterator[str]:
        """The lists that are not whole, with how much of each is kept."""
        counts = {f"findings, {kind}": self._kinds[kind] for kind in FindingKind}
        counts |= {f"differences, {reason}": self._explained[reason] for reason in DifferenceReason}
        for name, count in (counts | {"late months": self._late_count}).items():
            if count > KEPT:
                yield f"{name}: {KEPT} of {count}"
