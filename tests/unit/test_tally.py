"""Of very many findings, differences and late months, some of each kind are kept, and what was cut is said."""

from collections import Counter
from datetime import timedelta

import pytest

from billing.completeness import tally
from billing.completeness.report import FindingKind
from billing.completeness.row_check import DifferenceReason
from billing.completeness.snapshots import CustomerSnapshot
from tests.unit.covering import ACME, NOW, OPENED, PERIOD, drafted, seen, snapshot, surveyed
from tests.unit.months import customer


def test_each_kind_of_finding_and_difference_is_kept_however_many_others_came_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tally, "KEPT", 3)
    crowd = [customer(customer_id=f"c{n}", email=f"c{n}@example.com") for n in range(5)]
    read = snapshot([*((who.mailbox, "1", "Tea") for who in crowd), ("zz@zz.org", "7", "Odd")])
    lost = [CustomerSnapshot(who, OPENED, first=PERIOD.previous(), last=PERIOD.next()) for who in crowd]
    found = surveyed(read, *lost)
    assert found.kinds == {FindingKind.MISSING: 5, FindingKind.UNCLAIMED: 1}
    assert Counter(each.kind for each in found.findings) == {FindingKind.MISSING: 3, FindingKind.UNCLAIMED: 1}
    assert Counter(each.reason for each in found.differences) == {
        DifferenceReason.MISSING: 3,
        DifferenceReason.UNCLAIMED: 1,
    }
    assert found.cut == (
        "findings, missing: 3 of 5",
        "differences, the customer has no month: 3 of 5",
        "late months: 3 of 5",
    )
    short = found.brief(2)
    assert [each.kind for each in short.findings] == [FindingKind.MISSING, FindingKind.UNCLAIMED]
    assert [each.reason for each in short.differences] == [DifferenceReason.MISSING, DifferenceReason.UNCLAIMED]
    assert short.cut == found.cut


def test_nothing_is_said_to_be_cut_that_was_not() -> None:
    read = snapshot([("zz@zz.org", "7", "Odd")])
    assert surveyed(read, CustomerSnapshot(ACME, NOW, first=PERIOD.previous(), last=PERIOD.next())).cut == ()


def test_the_latest_months_are_kept_in_whatever_order_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "KEPT", 2)
    late = []
    for hours in (10, 30, 20, 40):
        account = seen(customer(customer_id=f"c{hours}", email=f"c{hours}@example.com"), drafted(ACME, snapshot([])))
        assert account.month is not None
        closed_at = account.month.charge_at + timedelta(hours=hours)
        late.append(account._replace(month=account.month._replace(closed_at=closed_at)))
    found = surveyed(snapshot([]), *late)
    assert [each.customer_id for each in found.late] == ["c40", "c30"]
    assert found.late_count == 4
