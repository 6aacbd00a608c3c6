"""The running totals of a check: sums by currency, differences, findings and late months.

Counts and sums are complete; lists keep ``KEPT`` entries of each kind.
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


class Tally:
    def __init__(self) -> None:
        self._sheet_minor: Counter[str] = Counter()  # this and the next three by currency
        self._invoiced_minor: Counter[str] = Counter()
        self._tariffs_minor: Counter[str] = Counter()
        self._differences_minor: defaultdict[str, Counter[DifferenceReason]] = defaultdict(Counter)
        self._kinds: Counter[FindingKind] = Counter()
        self._findings: list[Finding] = []
        self._differences: list[ExplainedDifference] = []
        self._explained: Counter[DifferenceReason] = Counter()  # the number of differences
        self._late: list[tuple[int, int, LateMonth]] = []  # a heap: the least late month is dropped first
        self._late_count = 0
        self._unsummed_rows = 0

    def find(self, kind: FindingKind, customer_id: str, text: str, *remedies: Remedy, advice: str = "") -> None:
        """Adds a finding; ``customer_id`` "": it concerns no customer."""
        self.keep(Finding(kind=kind, customer_id=customer_id, text=text, advice=advice, remedies=remedies))

    def keep(self, finding: Finding) -> None:
        if self._kinds[finding.kind] < KEPT:
            self._findings.append(finding)
        self._kinds[finding.kind] += 1

    def add(self, customer_id: str, currency: str, check: RowCheck) -> None:
        """Adds a customer's rows and invoiced lines; ``customer_id`` "": rows of no customer."""
        self._sheet_minor[currency] += check.sheet_minor
        self._invoiced_minor[currency] += check.invoiced_minor
        for difference in check.differences:
            self._differ(difference, customer_id, currency)

    def add_tariffs(self, currency: str, amount_minor: int) -> None:
        """Adds what a customer's tariffs have billed."""
        self._tariffs_minor[currency] += amount_minor

    def add_unsummed(self, rows: int = 1) -> None:
        """Counts rows of unknown amount or currency."""
        self._unsummed_rows += rows

    def note_late(self, late: LateMonth) -> None:
        self._late_count += 1
        keep = heappush if len(self._late) < KEPT else heappushpop
        keep(self._late, (late.seconds, -self._late_count, late))

    def coverage(self, period: Period, at: datetime, customers: dict[str, CustomerState]) -> CompletenessReport:
        currencies = {*self._sheet_minor, *(name for name, minor in self._tariffs_minor.items() if minor)}
        sums = [
            CurrencySum(
                currency=currency,
                sheet_minor=self._sheet_minor[currency],
                invoiced_minor=self._invoiced_minor[currency],
                differences_minor=dict(self._differences_minor[currency]),
                tariffs_minor=self._tariffs_minor[currency],
            )
            for currency in sorted(currencies)
        ]
        counts = Counter(customers.values())
        return CompletenessReport(
            period=period,
            at=at,
            states={state: counts[state] for state in CustomerState},
            customers=customers,
            sums=tuple(sums),
            unsummed_rows=self._unsummed_rows,
            kinds={kind: self._kinds[kind] for kind in FindingKind if self._kinds[kind]},
            findings=tuple(sorted(self._findings, key=lambda finding: list(FindingKind).index(finding.kind))),
            differences=tuple(self._differences),
            late=tuple(late for _, _, late in sorted(self._late, key=lambda entry: (-entry[0], -entry[1]))),
            late_count=self._late_count,
            cut=tuple(self._cut()),
        )

    def _differ(self, difference: RowDifference, customer_id: str, currency: str) -> None:
        reason = difference.reason
        self._differences_minor[currency][reason] += difference.amount_minor
        self._explained[reason] += 1
        if self._explained[reason] <= KEPT:
            values = difference._asdict() | {"description": difference.description[:200]}
            self._differences.append(ExplainedDifference(customer_id=customer_id, currency=currency, **values))

    def _cut(self) -> Iterator[str]:
        """The lists that were cut, with the kept and the total number of entries."""
        counts = {f"findings, {kind}": self._kinds[kind] for kind in FindingKind}
        counts |= {f"differences, {reason}": self._explained[reason] for reason in DifferenceReason}
        for name, count in (counts | {"late months": self._late_count}).items():
            if count > KEPT:
                yield f"{name}: {KEPT} of {count}"
