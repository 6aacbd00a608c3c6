"""What ``coverage`` prints of a report."""

from datetime import UTC, datetime

import pytest

from billing.completeness.report import LateMonth
from billing.completeness.row_check import DifferenceReason, RowCheck, RowDifference
from billing.completeness.tally import Tally
from billing.period import Period
from cli.completeness.coverage import print_coverage

NOW = datetime(2026, 11, 9, tzinfo=UTC)


def test_customers_are_listed_with_their_names(capsys: pytest.CaptureFixture[str]) -> None:
    tally = Tally()
    tally.note_late(LateMonth(customer_id="acme", planned_at=NOW, seconds=7200, open=True))
    for customer_id in ("acme", ""):
        difference = RowDifference(DifferenceReason.UNCLAIMED, 500, 7, "Tea")
        tally.add(customer_id, "eur", RowCheck(500, 0, (difference,), (), ()))
    print_coverage(tally.coverage(Period("2026-10"), NOW, {}), {"acme": "Acme"})
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[:4] for line in lines if line[:1] == ["acme"]] == [
        ["acme", "Acme", "row", "7"],
        ["acme", "Acme", "2026-11-09", "00:00"],
    ]
    assert [line[:3] for line in lines if line[:1] == ["nobody"]] == [["nobody", "row", "7"]]
