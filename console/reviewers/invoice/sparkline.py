"""A customer's last twelve totals as a small line, and the change against the month before: the geometry of an SVG.

::

    spark = sparkline(rows, month.period, "eur")     # None: there is nothing to compare with
"""

from collections.abc import Sequence
from typing import NamedTuple

from billing.invoices.ports import InvoiceRow
from billing.period import Period
from billing.reviewers.overview import NOT_BILLED
from billing.reviewers.queries import change

WIDTH, HEIGHT = 112, 28  # pixels
_EDGE = 4
_MONTHS = 12


class Sparkline(NamedTuple):
    """``points`` as SVG takes them; the last one is the month's own, at ``x`` and ``y``. ``change`` in percent."""

    points: str
    x: float
    y: float
    rows: Sequence[InvoiceRow]
    change: float | None


def sparkline(rows: Sequence[InvoiceRow], period: Period, currency: str) -> Sparkline | None:
    """Of drafts and invoices in one currency up to ``period``; those that nobody pays are left out, but for its own."""
    drafted = [row for row in rows if row.period <= period and row.currency == currency and row.version]
    shown = [row for row in drafted if row.stage not in NOT_BILLED or row.period == period]
    shown = sorted(shown, key=lambda row: row.period)[-_MONTHS:]
    if len(shown) < 2 or shown[-1].period != period:
        return None
    totals = [row.total_minor for row in shown]
    least, most = min(0, *totals), max(0, *totals)
    step, height = (WIDTH - 2 * _EDGE) / (len(shown) - 1), HEIGHT - 2 * _EDGE
    places = [
        (round(_EDGE + number * step, 1), round(_EDGE + height - (total - least) * height / ((most - least) or 1), 1))
        for number, total in enumerate(totals)
    ]
    points = " ".join(f"{x},{y}" for x, y in places)
    return Sparkline(points, *places[-1], shown, change(totals[-1], totals[-2]))
