"""A month's customers by stage, and its sums as rows: currency by currency, stage by stage, the largest first."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from billing.invoices.stages import Stage
from billing.reviewers.overview import StageTotal
from console.reviewers.wording import tone


class StagePart(NamedTuple):
    """A stage's part of all customers; its place in percent."""

    stage: Stage
    customers: int
    start: float
    width: float


class SumRow(NamedTuple):
    """The invoices of one stage in one currency; ``share`` in percent of the currency's largest."""

    stage: Stage
    customers: int
    drafts: int
    total_minor: int
    share: float


class CurrencySums(NamedTuple):
    currency: str
    customers: int
    drafts: int
    total_minor: int
    rows: list[SumRow]


def stage_parts(totals: Sequence[StageTotal]) -> list[StagePart]:
    """The stages with customers, in the order in which a month passes through them."""
    counts = Counter[Stage]()
    for total in totals:
        counts[total.stage] += total.customers
    everybody, passed = sum(counts.values()) or 1, 0
    parts: list[StagePart] = []
    for stage in Stage:
        if count := counts[stage]:
            start, width = round(passed * 100 / everybody, 2), round(count * 100 / everybody, 2)
            parts.append(StagePart(stage, count, start, width))
            passed += count
    return parts


def currency_sums(totals: Sequence[StageTotal]) -> list[CurrencySums]:
    """The currencies with most customers first, and in each the largest sums first."""
    sums = []
    for currency in {total.currency for total in totals}:
        of_it = sorted((total for total in totals if total.currency == currency), key=_size)
        largest = max(abs(total.total_minor) for total in of_it) or 1
        rows = [
            SumRow(
                total.stage,
                total.customers,
                total.drafts,
                total.total_minor,
                round(abs(total.total_minor) * 100 / largest, 2),
            )
            for total in of_it
        ]
        customers, drafts = sum(row.customers for row in rows), sum(row.drafts for row in rows)
        sums.append(CurrencySums(currency, customers, drafts, sum(row.total_minor for row in rows), rows))
    return sorted(sums, key=lambda each: (-each.customers, each.currency))


def by_tone(parts: Sequence[StagePart]) -> dict[str, int]:
    """The number of customers by the colour of their stage."""
    counts: Counter[str] = Counter()
    for part in parts:
        counts[tone(part.stage)] += part.customers
    return counts


def _size(total: StageTotal) -> tuple[int, int]:
    return -abs(total.total_minor), list(Stage).index(total.stage)
