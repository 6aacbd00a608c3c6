"""What the next collection makes of a month that somebody skipped."""

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from billing.errors import BillingError, InvalidInput, SalesUnavailable
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from services.sheet_comparison import SheetComparer
from tests.unit.months import drafted

NOW = datetime(2026, 11, 4, tzinfo=UTC)


class Book:
    async def month(self, *_: object) -> Month:
        return drafted(10000).close(Stage.SKIPPED, NOW)


@pytest.mark.parametrize("error", [SalesUnavailable("the worksheet was renamed"), InvalidInput("more than 2000 rows")])
async def test_a_skipped_months_sheet_that_cannot_be_compared_holds_nobody(
    monkeypatch: pytest.MonkeyPatch, error: BillingError
) -> None:
    """Nothing would be billed by it."""

    async def compare(*_: object) -> None:
        raise error

    monkeypatch.setattr(SheetComparer, "compare", compare)
    comparing = SheetComparer(cast(Any, None), cast(Any, Book()))
    month = drafted(10000).close(Stage.SKIPPED, NOW).next_month()
    late = await comparing.since(month, NOW)
    assert late.lines == ()
    assert late.remark == f"2026-10 was skipped, and its sheet cannot be compared: {error}"
